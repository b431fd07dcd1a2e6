//! How brokers are reached: addresses, TLS, credentials.
//!
//! In: what the configuration says. Out: a configuration for librdkafka, for consumers and producers alike, and the
//! context that its clients need ([`Client`]). Owns: what is refused (no encryption beyond this machine, unless it is
//! asked for aloud). No secret is in `Debug`, in an error or in a log line.

use std::error::Error;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use offbound_schemas::EventTime;
use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;

use crate::kafka::secret::Secret;

/// How long a token without an end of its own is used before its file is read again.
const TOKEN_NANOS: i64 = 300 * 1_000_000_000;
/// Longest token file, in bytes: tokens with hundreds of claims are shorter.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

/// Why there is no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaError {
    /// No broker was named.
    #[error("no broker: expected host:port, separated by commas")]
    NoBroker,
    /// No topic was named.
    #[error("no topic: name at least one topic or a pattern such as ^audit\\.")]
    NoTopic,
    /// A broker beyond this machine without encryption.
    #[error(
        "{0} is not on this machine and the connection would not be encrypted: configure TLS, or allow plaintext aloud"
    )]
    Plaintext(String),
    /// A file is not there or cannot be read.
    #[error("{path}: {problem}; check the path and its permissions")]
    File {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// librdkafka does not take the configuration.
    #[error("Kafka client: {0}")]
    Client(String),
    /// The thread that reads could not be started.
    #[error("cannot start a thread for Kafka: {0}")]
    Thread(String),
}

/// How brokers are reached.
#[derive(Debug, Clone)]
pub struct Connection {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// What brokers call this client in their logs.
    pub client_id: String,
    /// Encryption; none is plaintext.
    pub tls: Option<Tls>,
    /// Credentials; none is nobody, or whom the certificate of the client names.
    pub sasl: Option<Sasl>,
    /// Whether brokers beyond this machine may be reached without encryption.
    pub allow_plaintext: bool,
    /// The time, by which it is told whether a broker's certificate has expired; none leaves that open.
    pub now: Option<fn() -> EventTime>,
    /// Further settings of librdkafka, which win; secrets do not belong here.
    pub extra: Vec<(String, String)>,
}

/// Encryption.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// PEM file with the authorities that are trusted; none is those of the system.
    pub ca: Option<PathBuf>,
    /// PEM file with the client's certificate.
    pub certificate: Option<PathBuf>,
    /// PEM file with its key.
    pub key: Option<PathBuf>,
    /// Password of the key.
    pub key_password: Option<Secret>,
}

/// Credentials.
#[derive(Debug, Clone)]
pub enum Sasl {
    /// A user and a password.
    Password {
        /// How they are shown to the broker.
        mechanism: Mechanism,
        /// User.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A bearer token in a file (OAUTHBEARER), which is read again before the token ends.
    TokenFile {
        /// Where.
        path: PathBuf,
        /// The time, for tokens that do not say when they end.
        now: fn() -> EventTime,
    },
}

/// How a password is shown to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// As it is.
    Plain,
    /// SCRAM-SHA-256.
    ScramSha256,
    /// SCRAM-SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// Its name in the protocol.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Connection {
    /// Brokers that are reached without encryption and credentials.
    pub fn plaintext(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            client_id: "offbound".to_owned(),
            tls: None,
            sasl: None,
            allow_plaintext: false,
            now: None,
            extra: Vec::new(),
        }
    }

    /// The configuration of a client. Secrets are in it: it must not be printed.
    ///
    /// # Errors
    /// When brokers are missing or may not be reached like this, or when a file is not there.
    pub fn client_config(&self) -> Result<ClientConfig, KafkaError> {
        self.check_brokers()?;
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", &self.client_id);
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        // A broker that comes back is found soon, and one that stays away is not asked all the time.
        config.set("reconnect.backoff.ms", "100").set("reconnect.backoff.max.ms", "5000");
        config.set("allow.auto.create.topics", "false");
        if let Some(tls) = &self.tls {
            tls.set(&mut config)?;
        }
        if let Some(sasl) = &self.sasl {
            sasl.set(&mut config)?;
        }
        for (key, value) in &self.extra {
            config.set(key, value);
        }
        config.set_log_level(RDKafkaLogLevel::Info);
        Ok(config)
    }

    /// The context that every client of this connection needs: its logs and its tokens.
    #[must_use]
    pub fn client(&self) -> Client {
        Client { sasl: self.sasl.clone() }
    }

    fn check_brokers(&self) -> Result<(), KafkaError> {
        let mut brokers =
            self.brokers.split(',').map(str::trim).filter(|broker| !broker.is_empty()).peekable();
        if brokers.peek().is_none() {
            return Err(KafkaError::NoBroker);
        }
        if self.tls.is_some() || self.allow_plaintext {
            return Ok(());
        }
        match brokers.find(|broker| !is_loopback(broker)) {
            Some(broker) => Err(KafkaError::Plaintext(broker.to_owned())),
            None => Ok(()),
        }
    }
}

/// Whether `host:port` is on this machine, as far as its name tells.
fn is_loopback(broker: &str) -> bool {
    let address = broker.rsplit_once("://").map_or(broker, |(_scheme, address)| address);
    let host = address.rsplit_once(':').map_or(address, |(host, _port)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A path for librdkafka, if something can be read there.
fn readable(path: &Path) -> Result<String, KafkaError> {
    let failed = |problem: String| KafkaError::File { path: path.to_owned(), problem };
    fs::metadata(path).and_then(|_there| fs::File::open(path)).map_err(|error| failed(error.to_string()))?;
    path.to_str().map(str::to_owned).ok_or_else(|| failed("its name is no UTF-8".to_owned()))
}

impl Tls {
    fn set(&self, config: &mut ClientConfig) -> Result<(), KafkaError> {
        let Self { ca, certificate, key, key_password } = self;
        config.set("enable.ssl.certificate.verification", "true");
        config.set("ssl.endpoint.identification.algorithm", "https");
        let files =
            [("ssl.ca.location", ca), ("ssl.certificate.location", certificate), ("ssl.key.location", key)];
        for (name, path) in files {
            if let Some(path) = path {
                config.set(name, readable(path)?);
            }
        }
        if let Some(password) = key_password {
            config.set("ssl.key.password", password.reveal());
        }
        Ok(())
    }
}

impl Sasl {
    fn set(&self, config: &mut ClientConfig) -> Result<(), KafkaError> {
        match self {
            Self::Password { mechanism, user, password } => {
                config.set("sasl.mechanism", mechanism.name());
                config.set("sasl.username", user).set("sasl.password", password.reveal());
            }
            Self::TokenFile { path, now: _ } => {
                readable(path)?;
                config.set("sasl.mechanism", "OAUTHBEARER");
            }
        }
        Ok(())
    }
}

/// What a client of a connection does by itself: its log lines go to `tracing`, its tokens come from their file.
#[derive(Debug, Clone)]
pub struct Client {
    sasl: Option<Sasl>,
}

impl Client {
    /// Passes a log line on. librdkafka writes no secrets into its lines.
    pub fn log_line(level: RDKafkaLogLevel, facility: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => tracing::warn!(target: "kafka", facility, line, "client"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "kafka", facility, line, "client");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(target: "kafka", facility, line, "client"),
        }
    }

    /// The token that is shown to the broker next.
    ///
    /// # Errors
    /// In one line, when its file does not hold one.
    pub fn token(&self) -> Result<OAuthToken, Box<dyn Error>> {
        let Some(Sasl::TokenFile { path, now }) = &self.sasl else {
            return Err("no token is configured".into());
        };
        let place = path.display();
        let length = fs::metadata(path).map_err(|error| format!("{place}: {error}"))?.len();
        if length > MAX_TOKEN_BYTES {
            return Err(format!("{place}: {length} bytes are no token").into());
        }
        let text = fs::read_to_string(path).map_err(|error| format!("{place}: {error}"))?;
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{place}: holds no token").into());
        }
        let (principal, end_secs) = claims(token);
        let own_end_ms = end_secs.map(|secs| secs.saturating_mul(1_000));
        let lifetime_ms = own_end_ms.unwrap_or_else(|| now().plus_nanos(TOKEN_NANOS).0 / 1_000_000);
        Ok(OAuthToken { token: token.to_owned(), principal_name: principal.unwrap_or_default(), lifetime_ms })
    }
}

/// Subject and end (seconds since 1970) of a JSON web token, where it is one. The broker checks it, not we.
fn claims(token: &str) -> (Option<String>, Option<i64>) {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap_or_default();
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload.trim_end_matches('='));
    let json: Option<serde_json::Value> = json.ok().and_then(|json| serde_json::from_slice(&json).ok());
    let claim = |name: &str| json.as_ref().and_then(|json| json.get(name));
    let end = claim("exp").and_then(|end| end.as_i64().or_else(|| end.as_f64().map(|end| end as i64)));
    (claim("sub").and_then(|subject| subject.as_str()).map(str::to_owned), end)
}

impl ClientContext for Client {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        Self::log_line(level, facility, line);
    }

    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        tracing::debug!(target: "kafka", %error, reason, "client");
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.token()
    }
}

impl ConsumerContext for Client {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: brokers on this machine and elsewhere, with and without encryption. Guarantees: only what stays on this
    /// machine, is encrypted, or was asked for aloud is not refused.
    #[test]
    fn plaintext_stays_here() {
        let check = |brokers: &str| Connection::plaintext(brokers).client_config().map(|_config| ());
        for here in ["127.0.0.1:9092", "localhost:9092,[::1]:9093", "PLAINTEXT://127.9.9.9:1", "LOCALHOST:1"]
        {
            assert_eq!(check(here), Ok(()), "{here}");
        }
        for away in
            ["10.0.0.1:9092", "localhost:1,kafka:9092", "localhost.example.org:1", "127.0.0.1.example:1"]
        {
            assert!(matches!(check(away), Err(KafkaError::Plaintext(_))), "{away}");
        }
        assert_eq!(check(" , "), Err(KafkaError::NoBroker));
        let aloud = Connection { allow_plaintext: true, ..Connection::plaintext("kafka:9092") };
        assert!(aloud.client_config().is_ok());
        let encrypted = Connection { tls: Some(Tls::default()), ..Connection::plaintext("kafka:9092") };
        assert!(encrypted.client_config().is_ok());
    }

    /// Scenario: a connection with secrets is printed. Guarantees: the secrets are not in it.
    #[test]
    fn secrets_are_not_printed() {
        let password = Secret::new("hunter2-of-kafka");
        let tls = Tls { key_password: Some(password.clone()), ..Tls::default() };
        let sasl = Sasl::Password { mechanism: Mechanism::Plain, user: "alice".to_owned(), password };
        let connection = Connection { tls: Some(tls), sasl: Some(sasl), ..Connection::plaintext("kafka:1") };
        let printed = format!("{connection:?} {:?}", connection.client());
        assert!(printed.contains("alice") && !printed.contains("hunter2"), "{printed}");
        let missing = Tls { ca: Some("/no/such/file".into()), ..Tls::default() };
        let error =
            Connection { tls: Some(missing), ..connection }.client_config().expect_err("no such file");
        assert!(error.to_string().contains("/no/such/file"), "{error}");
    }
}
