//! Settings of `stream`, `ship` and `doctor`: sections `kafka`, `topic` and `stream` of the configuration.
//!
//! In: the file's sections, variables, options. Out: [`StreamSettings`], every duration and size read.
//! Owns: keys, their defaults and bounds. Leaves to `ingest` what a connection is.
//! Law: options over variables over file over defaults; secrets come from files or variables, never from options.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use offbound_correlate::Bounds;
use offbound_ingest::kafka::{Connection, Mechanism, Sasl, Secret, Tls};
use offbound_schemas::parse_duration_nanos;
use offbound_store::{Options, Packing};
use serde::Deserialize;

use super::memory::Shares;
use super::{Config, truth};
use crate::args::stream::{StartAt, StreamArgs};
use crate::clock;
use crate::exit::Failure;

const DEFAULT_GROUP: &str = "offbound";
const DEFAULT_LISTEN: &str = "127.0.0.1:9464";
/// How late events may be where nothing says it: shippers batch for seconds, and hosts' clocks differ by less.
const DEFAULT_LATENESS: &str = "30s";
/// Silence at the end of a partition after which it holds nothing back.
const DEFAULT_IDLE: &str = "10s";
/// Time between two commits: what a crash makes be read again, and what an analyst waits for.
const DEFAULT_COMMIT_INTERVAL: &str = "1s";
/// Segments that those of a commit are compared with while it waits, a third of a millisecond each. Events overlap with those of a
/// few commits before; who sends times from everywhere makes hunts slower, not commits.
const COMPARED_AT_A_COMMIT: usize = 64;

/// Section `[kafka]`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct KafkaSection {
    brokers: Vec<String>,
    group: Option<String>,
    client_id: Option<String>,
    start: Option<String>,
    allow_plaintext: Option<bool>,
    tls: TlsSection,
    sasl: SaslSection,
}

/// Section `[kafka.tls]`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TlsSection {
    enabled: Option<bool>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    key_password_file: Option<PathBuf>,
}

/// Section `[kafka.sasl]`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SaslSection {
    mechanism: Option<String>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
}

/// One `[[topic]]`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TopicSection {
    name: Option<String>,
    pattern: Option<String>,
    label: Option<String>,
    lateness: Option<String>,
}

/// Section `[stream]`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StreamSection {
    findings_topic: Option<String>,
    incidents_topic: Option<String>,
    gaps_topic: Option<String>,
    dead_letters_topic: Option<String>,
    listen: Option<String>,
    lateness: Option<String>,
    idle: Option<String>,
    commit_interval: Option<String>,
    memory: Option<String>,
}

/// The file's sections, completed by variables.
#[derive(Debug, Default, Clone)]
pub(super) struct Live {
    kafka: KafkaSection,
    topics: Vec<TopicSection>,
    stream: StreamSection,
    password: Option<Secret>,
    key_password: Option<Secret>,
}

/// One topic, or a pattern of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicSettings {
    /// A name, or a pattern that begins with `^`.
    pub(crate) pattern: String,
    pub(crate) label: Option<String>,
    /// Where it differs from the default.
    pub(crate) lateness_nanos: Option<i64>,
}

/// Topics that results go to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResultTopics {
    pub(crate) findings: Option<String>,
    pub(crate) incidents: Option<String>,
    pub(crate) gaps: Option<String>,
    pub(crate) dead_letters: Option<String>,
}

/// Everything that `stream` has to know before it starts.
#[derive(Debug, Clone)]
pub(crate) struct StreamSettings {
    pub(crate) connection: Connection,
    pub(crate) group: String,
    pub(crate) from_latest: bool,
    pub(crate) topics: Vec<TopicSettings>,
    pub(crate) results: ResultTopics,
    pub(crate) listen: Option<String>,
    pub(crate) lateness_nanos: i64,
    pub(crate) idle: Duration,
    pub(crate) commit_nanos: i64,
    /// What each holder of memory may take.
    pub(crate) shares: Shares,
    /// How long facts are kept, and how much of the memory they may take.
    pub(crate) bounds: Bounds,
}

impl StreamSettings {
    /// How the store is written: small segments of every commit, which are soon merged.
    pub(crate) fn segments(&self) -> Options {
        Options {
            segment_bytes: self.shares.segment_bytes,
            fresh: Packing::Quick,
            compared: COMPARED_AT_A_COMMIT,
            ..Options::default()
        }
    }

    /// The longest that events of any topic may be late: the watermark may wait so long.
    pub(crate) fn longest_lateness_nanos(&self) -> i64 {
        let own = self.topics.iter().filter_map(|topic| topic.lateness_nanos);
        own.fold(self.lateness_nanos, i64::max)
    }
}

impl Live {
    pub(super) fn of(kafka: KafkaSection, topics: Vec<TopicSection>, stream: StreamSection) -> Self {
        Self { kafka, topics, stream, password: None, key_password: None }
    }

    /// Lets every set variable win over the file.
    pub(super) fn take_variables(
        &mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(), Failure> {
        let Self { kafka, topics, stream, password, key_password } = self;
        let KafkaSection { tls, sasl, .. } = kafka;
        for (name, slot) in [
            ("OFFBOUND_KAFKA_GROUP", &mut kafka.group),
            ("OFFBOUND_KAFKA_CLIENT_ID", &mut kafka.client_id),
            ("OFFBOUND_KAFKA_START", &mut kafka.start),
            ("OFFBOUND_KAFKA_SASL_MECHANISM", &mut sasl.mechanism),
            ("OFFBOUND_KAFKA_SASL_USER", &mut sasl.user),
            ("OFFBOUND_STREAM_FINDINGS_TOPIC", &mut stream.findings_topic),
            ("OFFBOUND_STREAM_INCIDENTS_TOPIC", &mut stream.incidents_topic),
            ("OFFBOUND_STREAM_GAPS_TOPIC", &mut stream.gaps_topic),
            ("OFFBOUND_STREAM_DEAD_LETTERS_TOPIC", &mut stream.dead_letters_topic),
            ("OFFBOUND_STREAM_LISTEN", &mut stream.listen),
            ("OFFBOUND_STREAM_LATENESS", &mut stream.lateness),
            ("OFFBOUND_STREAM_IDLE", &mut stream.idle),
            ("OFFBOUND_STREAM_COMMIT_INTERVAL", &mut stream.commit_interval),
            ("OFFBOUND_STREAM_MEMORY", &mut stream.memory),
        ] {
            *slot = variable(name).or(slot.take());
        }
        for (name, slot) in [
            ("OFFBOUND_KAFKA_TLS_CA", &mut tls.ca),
            ("OFFBOUND_KAFKA_TLS_CERT", &mut tls.cert),
            ("OFFBOUND_KAFKA_TLS_KEY", &mut tls.key),
            ("OFFBOUND_KAFKA_TLS_KEY_PASSWORD_FILE", &mut tls.key_password_file),
            ("OFFBOUND_KAFKA_SASL_PASSWORD_FILE", &mut sasl.password_file),
            ("OFFBOUND_KAFKA_SASL_TOKEN_FILE", &mut sasl.token_file),
        ] {
            *slot = variable(name).map(PathBuf::from).or(slot.take());
        }
        for (name, slot) in [
            ("OFFBOUND_KAFKA_ALLOW_PLAINTEXT", &mut kafka.allow_plaintext),
            ("OFFBOUND_KAFKA_TLS_ENABLED", &mut tls.enabled),
        ] {
            if let Some(value) = variable(name) {
                *slot = Some(truth(name, &value)?);
            }
        }
        if let Some(value) = variable("OFFBOUND_KAFKA_BROKERS") {
            kafka.brokers = value.split(',').map(str::to_owned).collect();
        }
        if let Some(value) = variable("OFFBOUND_STREAM_TOPICS") {
            *topics = value.split(',').map(named_topic).collect();
        }
        *password = variable("OFFBOUND_KAFKA_SASL_PASSWORD").map(Secret::new);
        *key_password = variable("OFFBOUND_KAFKA_TLS_KEY_PASSWORD").map(Secret::new);
        Ok(())
    }
}

impl Config {
    /// Completes the options of `stream`.
    pub(crate) fn stream(&self, args: &StreamArgs) -> Result<StreamSettings, Failure> {
        let Live { kafka, topics, stream, .. } = &self.live;
        let nanos = |key: &str, text: &Option<String>, default: &str| {
            let text = text.as_deref().unwrap_or(default);
            let read = parse_duration_nanos(text);
            read.ok_or_else(|| self.wrong(key, &format!("{text:?} is no duration such as 30s, 5m")))
        };
        let lateness = nanos("stream.lateness", &stream.lateness, DEFAULT_LATENESS)?;
        let given: Vec<TopicSection> = args.topics.iter().map(|text| named_topic(text)).collect();
        let topics = if given.is_empty() { topics } else { &given };
        let topics = topics.iter().map(|topic| self.topic(topic)).collect::<Result<Vec<_>, _>>()?;
        if topics.is_empty() {
            return Err(Failure::usage(
                "no topic to read; name one with --topic, or [[topic]] in the configuration",
            ));
        }
        let shares = self.shares(stream.memory.as_deref())?;
        let bounds = self.bounds(None, None)?;
        let start = args.start.map(|start| start == StartAt::Latest);
        let listen = args.listen.clone().or_else(|| stream.listen.clone());
        let listen = listen.unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        Ok(StreamSettings {
            connection: self.connection(args.brokers.as_deref(), args.allow_plaintext)?,
            group: args
                .group
                .clone()
                .or_else(|| kafka.group.clone())
                .unwrap_or_else(|| DEFAULT_GROUP.to_owned()),
            from_latest: start.map_or_else(|| self.begins_with_latest(), Ok)?,
            topics,
            results: ResultTopics {
                findings: args.findings_topic.clone().or_else(|| stream.findings_topic.clone()),
                incidents: stream.incidents_topic.clone(),
                gaps: stream.gaps_topic.clone(),
                dead_letters: stream.dead_letters_topic.clone(),
            },
            listen: Some(listen).filter(|listen| listen != "off"),
            lateness_nanos: lateness,
            idle: Duration::from_nanos(nanos("stream.idle", &stream.idle, DEFAULT_IDLE)?.unsigned_abs()),
            commit_nanos: nanos("stream.commit_interval", &stream.commit_interval, DEFAULT_COMMIT_INTERVAL)?,
            shares,
            bounds: Bounds { facts_bytes: shares.facts_bytes, loose_rows: shares.loose_rows, ..bounds },
        })
    }

    /// Whether any broker is named.
    pub(crate) fn names_brokers(&self) -> bool {
        !self.live.kafka.brokers.is_empty()
    }

    /// Whether any topic is named.
    pub(crate) fn names_topics(&self) -> bool {
        !self.live.topics.is_empty()
    }

    /// How the brokers are reached.
    pub(crate) fn connection(
        &self,
        option: Option<&str>,
        allow_plaintext: bool,
    ) -> Result<Connection, Failure> {
        let kafka = &self.live.kafka;
        let brokers = option.map_or_else(|| kafka.brokers.join(","), str::to_owned);
        if brokers.split(',').all(|broker| broker.trim().is_empty()) {
            return Err(Failure::usage(
                "no Kafka broker; name one with --brokers HOST:PORT, or kafka.brokers",
            ));
        }
        Ok(Connection {
            brokers,
            client_id: kafka.client_id.clone().unwrap_or_else(|| DEFAULT_GROUP.to_owned()),
            tls: self.tls()?,
            sasl: self.sasl()?,
            allow_plaintext: allow_plaintext || kafka.allow_plaintext.unwrap_or(false),
            extra: Vec::new(),
            now: Some(clock::now),
        })
    }

    fn tls(&self) -> Result<Option<Tls>, Failure> {
        let TlsSection { enabled, ca, cert, key, key_password_file } = &self.live.kafka.tls;
        let any = ca.is_some() || cert.is_some() || key.is_some();
        if !enabled.unwrap_or(any) {
            return Ok(None);
        }
        if cert.is_some() != key.is_some() {
            return Err(self.wrong("kafka.tls", "cert and key belong together: give both, or neither"));
        }
        let key_password = self.secret(self.live.key_password.as_ref(), key_password_file.as_ref())?;
        Ok(Some(Tls { ca: ca.clone(), certificate: cert.clone(), key: key.clone(), key_password }))
    }

    fn sasl(&self) -> Result<Option<Sasl>, Failure> {
        let SaslSection { mechanism, user, password_file, token_file } = &self.live.kafka.sasl;
        let Some(mechanism) = mechanism.as_deref() else { return Ok(None) };
        let mechanism = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => Mechanism::Plain,
            "SCRAM-SHA-256" => Mechanism::ScramSha256,
            "SCRAM-SHA-512" => Mechanism::ScramSha512,
            "OAUTHBEARER" => {
                let path = token_file.clone();
                let path = path.ok_or_else(|| self.wrong("kafka.sasl", "OAUTHBEARER needs token_file"))?;
                return Ok(Some(Sasl::TokenFile { path, now: clock::now }));
            }
            _ => {
                let known = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER";
                return Err(self.wrong("kafka.sasl.mechanism", &format!("{mechanism:?} is none of {known}")));
            }
        };
        let password = self.secret(self.live.password.as_ref(), password_file.as_ref())?;
        let (Some(user), Some(password)) = (user.clone(), password) else {
            let problem = "user and password_file (or OFFBOUND_KAFKA_SASL_PASSWORD) are needed";
            return Err(self.wrong("kafka.sasl", problem));
        };
        Ok(Some(Sasl::Password { mechanism, user, password }))
    }

    /// A secret of a variable, else of a file, whose last line end does not belong to it.
    fn secret(&self, variable: Option<&Secret>, file: Option<&PathBuf>) -> Result<Option<Secret>, Failure> {
        let (None, Some(file)) = (variable, file) else { return Ok(variable.cloned()) };
        let text = fs::read_to_string(file).map_err(|error| {
            Failure::usage(format!("{}: cannot read secret file {}: {error}", self.origin, file.display()))
        })?;
        Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']))))
    }

    fn topic(&self, topic: &TopicSection) -> Result<TopicSettings, Failure> {
        let TopicSection { name, pattern, label, lateness: own } = topic;
        let pattern = match (name, pattern) {
            (Some(name), None) => name.clone(),
            (None, Some(pattern)) if pattern.starts_with('^') => pattern.clone(),
            (None, Some(pattern)) => format!("^{pattern}"),
            _ => return Err(self.wrong("topic", "each [[topic]] has either a name or a pattern")),
        };
        if pattern.is_empty() {
            return Err(self.wrong("topic", "a topic's name is empty"));
        }
        let own = own.as_deref().map(|text| {
            parse_duration_nanos(text)
                .ok_or_else(|| self.wrong("topic.lateness", &format!("{text:?} is no duration such as 30s")))
        });
        let lateness_nanos = own.transpose()?;
        Ok(TopicSettings { pattern, label: label.clone(), lateness_nanos })
    }

    fn begins_with_latest(&self) -> Result<bool, Failure> {
        match self.live.kafka.start.as_deref() {
            None | Some("earliest") => Ok(false),
            Some("latest") => Ok(true),
            Some(other) => {
                Err(self.wrong("kafka.start", &format!("{other:?} is neither earliest nor latest")))
            }
        }
    }
}

/// `TOPIC` or `LABEL=TOPIC`.
fn named_topic(text: &str) -> TopicSection {
    let (topic, label) = match text.split_once('=') {
        Some((label, topic)) => (topic, Some(label.to_owned())),
        None => (text, None),
    };
    let (name, pattern) = if topic.starts_with('^') { (None, Some(topic)) } else { (Some(topic), None) };
    let owned = |text: Option<&str>| text.map(|text| text.trim().to_owned());
    TopicSection { name: owned(name), pattern: owned(pattern), label, lateness: None }
}
