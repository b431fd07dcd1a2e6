//! What a broker of the tests listens on, and its `server.properties`.
//!
//! In: [`BrokerOptions`], ports and certificates. Out: the text of the file. Decides, touches nothing.

use std::fmt::Write as _;
use std::path::Path;

use crate::certificates::{Certificates, Pair};

/// The user that every broker with [`Listener::SaslTls`] knows.
pub const USER: &str = "offbound";
/// Its password.
pub const PASSWORD: &str = "a-password-of-tests";

/// A way into the broker besides the plain one, which is always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listener {
    /// TLS; who the client is does not matter.
    Tls,
    /// TLS; the client shows a certificate of the authority.
    MutualTls,
    /// TLS, and [`USER`] with [`PASSWORD`] by PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, or any unsigned token.
    SaslTls,
    /// TLS with a certificate for another host.
    WrongHost,
    /// TLS with a certificate that has expired.
    Expired,
}

impl Listener {
    /// Its name in the configuration.
    fn name(self) -> &'static str {
        match self {
            Self::Tls => "TLS",
            Self::MutualTls => "MUTUAL",
            Self::SaslTls => "SASLTLS",
            Self::WrongHost => "WRONGHOST",
            Self::Expired => "EXPIRED",
        }
    }

    fn protocol(self) -> &'static str {
        match self {
            Self::SaslTls => "SASL_SSL",
            Self::Tls | Self::MutualTls | Self::WrongHost | Self::Expired => "SSL",
        }
    }

    fn pair(self, certificates: &Certificates) -> &Pair {
        match self {
            Self::WrongHost => &certificates.wrong_host,
            Self::Expired => &certificates.expired,
            Self::Tls | Self::MutualTls | Self::SaslTls => &certificates.server,
        }
    }
}

/// How a broker is started.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// Listeners besides the plain one.
    pub listeners: Vec<Listener>,
    /// Further lines of `server.properties`, which win over ours.
    pub properties: Vec<(String, String)>,
    /// Heap in MiB.
    pub heap_mib: u32,
    /// Whether it is to be fast once warm (benchmarks), rather than to be there soon (tests).
    pub for_load: bool,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self { listeners: Vec::new(), properties: Vec::new(), heap_mib: 512, for_load: false }
    }
}

/// Where a broker listens.
#[derive(Debug, Clone)]
pub(crate) struct Ports {
    pub(crate) plain: u16,
    pub(crate) controller: u16,
    pub(crate) others: Vec<(Listener, u16)>,
}

/// The text of `server.properties`.
pub(crate) fn properties(
    options: &BrokerOptions,
    ports: &Ports,
    certificates: &Certificates,
    data: &Path,
) -> String {
    let mut lines = String::new();
    let mut line = |key: &str, value: &str| {
        writeln!(lines, "{key}={value}").expect("a text takes all that is written to it");
    };
    let named = |name: &str, port: u16| format!("{name}://127.0.0.1:{port}");
    let mut listeners = vec![named("PLAINTEXT", ports.plain)];
    let mut protocols = vec!["CONTROLLER:PLAINTEXT".to_owned(), "PLAINTEXT:PLAINTEXT".to_owned()];
    for (listener, port) in &ports.others {
        listeners.push(named(listener.name(), *port));
        protocols.push(format!("{}:{}", listener.name(), listener.protocol()));
    }
    let advertised = listeners.join(",");
    line("process.roles", "broker,controller");
    line("node.id", "1");
    line("controller.quorum.voters", &format!("1@127.0.0.1:{}", ports.controller));
    line("listeners", &format!("{advertised},{}", named("CONTROLLER", ports.controller)));
    line("advertised.listeners", &advertised);
    line("controller.listener.names", "CONTROLLER");
    line("inter.broker.listener.name", "PLAINTEXT");
    line("listener.security.protocol.map", &protocols.join(","));
    line("log.dirs", &data.display().to_string());
    for (key, value) in SMALL {
        line(key, value);
    }
    for (listener, _port) in &ports.others {
        secure(*listener, certificates, &mut line);
    }
    for (key, value) in &options.properties {
        line(key, value);
    }
    lines
}

/// One node, soon there, and nothing happens by itself.
const SMALL: &[(&str, &str)] = &[
    ("offsets.topic.replication.factor", "1"),
    ("offsets.topic.num.partitions", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("transaction.state.log.num.partitions", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("auto.create.topics.enable", "false"),
    ("delete.topic.enable", "true"),
    // Segments of deleted topics go at once.
    ("log.segment.delete.delay.ms", "1000"),
    ("log.retention.check.interval.ms", "1000"),
];

fn secure(listener: Listener, certificates: &Certificates, line: &mut impl FnMut(&str, &str)) {
    let name = listener.name().to_lowercase();
    let mut own = |key: &str, value: &str| line(&format!("listener.name.{name}.{key}"), value);
    own("ssl.keystore.type", "PEM");
    own("ssl.keystore.location", &listener.pair(certificates).both.display().to_string());
    own("ssl.truststore.type", "PEM");
    own("ssl.truststore.location", &certificates.authority.certificate.display().to_string());
    own("ssl.client.auth", if listener == Listener::MutualTls { "required" } else { "none" });
    if listener != Listener::SaslTls {
        return;
    }
    own("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER");
    let module = "org.apache.kafka.common.security";
    own(
        "plain.sasl.jaas.config",
        &format!("{module}.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";"),
    );
    for mechanism in ["scram-sha-256", "scram-sha-512"] {
        own(&format!("{mechanism}.sasl.jaas.config"), &format!("{module}.scram.ScramLoginModule required;"));
    }
    own(
        "oauthbearer.sasl.jaas.config",
        &format!(
            "{module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"{USER}\";"
        ),
    );
}
