//! What is wrong, in one line each, and when it is over.
//!
//! In: librdkafka's errors. Out: texts that name the cause and what to do, with librdkafka's own words at the end.
//! Owns: which errors are news, which are ordinary life (a connection that was idle was closed), and that the same
//! trouble is told once until it is over.

use std::collections::BTreeMap;

use rdkafka::types::RDKafkaErrorCode;

use crate::kafka::certificate::Fault;
use crate::kafka::context::ClientError;
use crate::kafka::source::Key;

/// Most troubles that are remembered: brokers and topics.
const MAX_TROUBLES: usize = 256;
/// Longest text of librdkafka's that is passed on, in bytes.
const MAX_WORDS_BYTES: usize = 400;

/// What a trouble is about: it is over when that is well again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// Reaching the brokers.
    Brokers,
    /// One topic.
    Topic(String),
    /// One partition.
    Partition(Key),
}

/// How an error is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) about: About,
    pub(super) text: String,
}

/// A cause: words of librdkafka's, all of which stand in the reason, and what is said.
struct Cause {
    words: &'static [&'static str],
    says: &'static str,
}

/// The causes that are known, surest first.
#[rustfmt::skip] // one cause a line
const CAUSES: &[Cause] = &[
    Cause { words: &["certificate required"], says: "the broker wants a client certificate; configure certificate and key" },
    Cause { words: &["client SSL authentication might be required"], says: "the broker wants a client certificate; configure certificate and key" },
    Cause { words: &["alert", "unknown ca"], says: "the broker does not trust our client certificate; have it signed by an authority that the broker knows" },
    Cause { words: &["bad certificate"], says: "the broker does not take our client certificate; check certificate and key" },
    Cause { words: &["certificate verify failed"], says: "the broker's certificate is not taken: its authority is not trusted, it is for another host name, or it has expired; check the CA file, the name and the dates" },
    Cause { words: &["connecting to a PLAINTEXT broker listener"], says: "the broker does not speak TLS at this address; check the port" },
    Cause { words: &["wrong version number"], says: "the broker does not speak TLS at this address; check the port" },
    Cause { words: &["connecting to a SSL broker listener"], says: "the broker speaks TLS at this address; configure TLS, or check the port" },
    Cause { words: &["Unsupported SASL mechanism"], says: "the broker does not offer this SASL mechanism; configure one that it names" },
    Cause { words: &["SASL", "mechanism", "not supported"], says: "the broker does not offer this SASL mechanism; configure one that it names" },
    Cause { words: &["authentication"], says: "the broker refuses our credentials; check user, password and mechanism" },
    Cause { words: &["Authentication"], says: "the broker refuses our credentials; check user, password and mechanism" },
    Cause { words: &["Failed to resolve"], says: "the broker's name cannot be resolved; check its name and the name service" },
    Cause { words: &["Connection refused"], says: "nothing listens at the broker's address; check host and port, and that the broker runs" },
    Cause { words: &["timed out"], says: "the broker does not answer; check the address, firewalls and the broker" },
    Cause { words: &["unreachable"], says: "there is no way to the broker's address; check the network" },
];

/// The broker (`host:port`) whose certificate an error is about, where librdkafka does not say what is wrong with it.
pub(super) fn unnamed_certificate(error: &ClientError) -> Option<&str> {
    let is_unnamed = error.reason.contains("certificate verify failed");
    let place = error.reason.split_once("ssl://")?.1;
    is_unnamed.then(|| place.split(['/', ' ']).next().unwrap_or(place))
}

/// What is said of a certificate that was looked at.
pub(super) fn of_certificate(error: &ClientError, fault: Fault) -> Told {
    let says = match fault {
        Fault::Expired => "the broker's certificate has expired; renew it",
        Fault::NotYet => "the broker's certificate is not valid yet; check the clocks",
        Fault::OtherHost => {
            "the broker's certificate is for another host name; connect by the name in it, or have one made for this name"
        }
        Fault::Signer => {
            "the broker's certificate is signed by an authority that is not trusted; set the right CA file"
        }
    };
    Told { about: About::Brokers, text: in_one_line(says, &error.reason) }
}

/// How an error is told; none where it is no news.
pub(super) fn explain(error: &ClientError) -> Option<Told> {
    let ClientError { code, reason } = error;
    let told = |about, says: &str| Some(Told { about, text: in_one_line(says, reason) });
    match code {
        // The reason for it is told as well; the end of a partition is none; what is lost is a gap.
        Some(
            RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::PartitionEOF
            | RDKafkaErrorCode::AutoOffsetReset,
        ) => None,
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            let topic = reason.split_whitespace().find(|word| word.ends_with(':') || word.contains('['));
            let topic = topic.map(|word| word.split([':', '[']).next().unwrap_or(word).to_owned());
            let says = "the topic does not exist; it is read as soon as it does";
            told(About::Topic(topic.unwrap_or_else(|| reason.clone())), says)
        }
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
            told(About::Topic(reason.clone()), "we may not read the topic; grant Read and Describe")
        }
        Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
            told(About::Brokers, "we may not join the consumer group; grant Read on it")
        }
        _ if reason.contains("Disconnected") && !reason.contains("SSL") => None,
        _ => {
            let cause = CAUSES.iter().find(|cause| cause.words.iter().all(|word| reason.contains(word)));
            match (cause, code) {
                (Some(cause), _) => told(About::Brokers, cause.says),
                (None, Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve)) => {
                    told(About::Brokers, "a broker cannot be reached; check the address and the broker")
                }
                (None, Some(RDKafkaErrorCode::SSL)) => told(
                    About::Brokers,
                    "no encrypted connection to the broker; check TLS settings on both sides",
                ),
                (None, _) => told(About::Brokers, "the Kafka client reports an error"),
            }
        }
    }
}

/// Our words, then theirs, without how long something took: the same trouble has the same text.
fn in_one_line(says: &str, words: &str) -> String {
    let words = words.split_once(" (after ").map_or(words, |(before, _)| before);
    let words: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{says} [{}]", crate::decode::cut(words.trim(), MAX_WORDS_BYTES))
}

/// What is wrong now.
#[derive(Debug, Default)]
pub(super) struct Troubles(BTreeMap<About, Vec<String>>);

impl Troubles {
    /// Takes a trouble; gives its text if it is news.
    pub(super) fn take(&mut self, told: Told) -> Option<String> {
        let Told { about, text } = told;
        if self.0.len() >= MAX_TROUBLES && !self.0.contains_key(&about) {
            return None;
        }
        let texts = self.0.entry(about).or_default();
        if texts.contains(&text) || texts.len() >= MAX_TROUBLES {
            return None;
        }
        texts.push(text.clone());
        Some(text)
    }

    /// Something is well; says whether everything is, and was not before.
    pub(super) fn over(&mut self, about: &About) -> bool {
        self.0.remove(about).is_some() && self.0.is_empty()
    }

    /// Whether brokers are in trouble.
    pub(super) fn is_about_brokers(&self) -> bool {
        self.0.contains_key(&About::Brokers)
    }

    /// Topics in trouble.
    pub(super) fn topics(&self) -> impl Iterator<Item = &str> {
        self.0.keys().filter_map(|about| match about {
            About::Topic(topic) => Some(topic.as_str()),
            About::Brokers | About::Partition(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: what librdkafka says in cases that operators meet. Guarantees: one line that names the cause; idle
    /// connections that close are no news; the same trouble is told once until it is over.
    #[test]
    fn causes_are_named() {
        let text = |code, reason: &str| {
            explain(&ClientError { code: Some(code), reason: reason.to_owned() }).map(|told| told.text)
        };
        use RDKafkaErrorCode::{AllBrokersDown, Authentication, BrokerTransportFailure, SSL};
        let refused = "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)";
        let cases = [
            (BrokerTransportFailure, refused, Some("nothing listens")),
            (BrokerTransportFailure, "b:1/1: Disconnected (after 600000ms in state UP)", None),
            (
                Authentication,
                "SASL authentication error: Authentication failed during x\n",
                Some("credentials"),
            ),
            (SSL, "ssl://b:1/x: SSL handshake failed: certificate verify failed", Some("it has expired")),
            (AllBrokersDown, "1/1 brokers are down", None),
        ];
        for (code, reason, expected) in cases {
            let found = text(code, reason);
            assert_eq!(found.is_some(), expected.is_some(), "{reason}: {found:?}");
            if let (Some(found), Some(expected)) = (found, expected) {
                assert!(found.contains(expected) && !found.contains('\n'), "{found}");
                assert!(!found.contains("(after"), "{found}");
            }
        }
        let told = explain(&ClientError { code: Some(BrokerTransportFailure), reason: refused.to_owned() });
        let told = told.expect("it is news");
        let mut troubles = Troubles::default();
        assert!(troubles.take(told.clone()).is_some() && troubles.take(told.clone()).is_none());
        assert!(troubles.over(&About::Brokers) && !troubles.over(&About::Brokers));
        assert!(troubles.take(told).is_some());
    }
}
