//! TLS and credentials, against the broker's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use offbound_ingest::kafka::{Connection, Mechanism, Sasl, Secret, Tls};
use offbound_schemas::EventTime;
use offbound_testbed::{Listener, PASSWORD, USER};

use crate::{Member, Store, broker, create, done, options, send};

/// A moment at which the certificates of the testbed are valid, but for the expired one.
const NOW: i64 = 1_800_000_000_000_000_000;

fn tls(ca: &Path) -> Tls {
    Tls { ca: Some(ca.to_owned()), ..Tls::default() }
}

fn password(mechanism: Mechanism, password: &str) -> Sasl {
    Sasl::Password { mechanism, user: USER.to_owned(), password: Secret::new(password) }
}

fn member(listener: Listener, tls: Tls, sasl: Option<Sasl>, group: &str) -> Member {
    let address = done(broker().address(listener));
    let mut options = options(broker(), group, &["secure"]);
    let now: fn() -> EventTime = || EventTime(NOW);
    options.connection =
        Connection { tls: Some(tls), sasl, now: Some(now), ..Connection::plaintext(address) };
    Member::start(options, &Store::default())
}

fn authority() -> PathBuf {
    let certificates = done(broker().certificates());
    certificates.authority.certificate.clone()
}

/// An unsigned token of our user.
fn token() -> String {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let claims = format!(r#"{{"sub":"{USER}","iat":1,"exp":4102444800}}"#);
    format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims))
}

/// Scenario: every sound way in, and then every unsound one. Guarantees: the sound ones read records; each unsound one says
/// in one line what the cause is, and not the password.
#[test]
fn ways_in() {
    create("secure", 1);
    send(broker(), "secure", 1, 0..10);
    let ca = authority();
    let certificates = done(broker().certificates());
    let client = Tls {
        certificate: Some(certificates.client.certificate.clone()),
        key: Some(certificates.client.key.clone()),
        ..tls(&ca)
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, token()).expect("a file");
    let bearer = Sasl::TokenFile { path: file, now: || EventTime(0) };
    let sound = [
        ("tls", Listener::Tls, tls(&ca), None),
        ("mtls", Listener::MutualTls, client, None),
        ("plain", Listener::SaslTls, tls(&ca), Some(password(Mechanism::Plain, PASSWORD))),
        ("scram-256", Listener::SaslTls, tls(&ca), Some(password(Mechanism::ScramSha256, PASSWORD))),
        ("scram-512", Listener::SaslTls, tls(&ca), Some(password(Mechanism::ScramSha512, PASSWORD))),
        ("bearer", Listener::SaslTls, tls(&ca), Some(bearer)),
    ];
    for (name, listener, tls, sasl) in sound {
        let mut member = member(listener, tls, sasl, &format!("secure-{name}"));
        member.until(name, |member| member.rows.len() == 10);
        assert!(member.troubles.is_empty(), "{name}: {:?}", member.troubles);
        member.source.stop();
    }
    let stranger = certificates.stranger.certificate.clone();
    let unsound = [
        (
            "wrong password",
            Listener::SaslTls,
            tls(&ca),
            Some(password(Mechanism::ScramSha256, "wrong-one")),
            "credentials",
        ),
        ("wrong CA", Listener::Tls, tls(&stranger), None, "authority that is not trusted"),
        ("expired", Listener::Expired, tls(&ca), None, "has expired"),
        ("host", Listener::WrongHost, tls(&ca), None, "another host name"),
        ("no certificate", Listener::MutualTls, tls(&ca), None, "client certificate"),
    ];
    for (name, listener, tls, sasl, expected) in unsound {
        let mut member = member(listener, tls, sasl, &format!("secure-{name}"));
        member.until(name, |member| !member.troubles.is_empty());
        member.during(Duration::from_millis(300));
        assert!(member.troubles.iter().any(|text| text.contains(expected)), "{name}: {:?}", member.troubles);
        assert!(
            !member.troubles.iter().any(|text| text.contains("wrong-one")),
            "{name}: {:?}",
            member.troubles
        );
        assert!(member.rows.is_empty());
        member.source.stop();
    }
}
