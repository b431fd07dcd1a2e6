//! Options of `stream`.
//!
//! In: the arguments of the process. Out: [`StreamArgs`]. Leaves to `config` the file and the variables.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Format;

/// Options of `stream`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:
  offbound stream --brokers localhost:9092 --topic k8s-audit --topic '^tetragon-.*' --store /var/lib/offbound
  offbound stream --config offbound.toml
  offbound stream --brokers localhost:9092 --topic linux-audit:prod=audit --until-end --format ndjson
Security (TLS, SASL), lateness and topics of results are set in the configuration file; docs/kafka.md has all keys.
SIGINT and SIGTERM drain and end with 0; SIGHUP reads rules and environment again.")]
pub(crate) struct StreamArgs {
    /// Kafka brokers to begin with, separated by commas
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) brokers: Option<String>,
    /// Topic to read, or a pattern (^…); LABEL is a source label such as k8s-audit:prod; may be given several times
    #[arg(long = "topic", value_name = "[LABEL=]TOPIC")]
    pub(crate) topics: Vec<String>,
    /// Consumer group [default: offbound]
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// Where to begin in partitions that the store has never seen [default: earliest]
    #[arg(long, value_enum, value_name = "WHERE")]
    pub(crate) start: Option<StartAt>,
    /// The store: events, results and positions; it is created
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Environment file: address spaces, egress, delegations, workloads, policy
    #[arg(long, value_name = "FILE")]
    pub(crate) env: Option<PathBuf>,
    /// Folder with more rules (*.sql)
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Option<PathBuf>,
    /// Mapping file, or folder of them (*.toml), that defines more log formats; may be given several times
    #[arg(long = "formats", value_name = "FILE|DIR")]
    pub(crate) formats: Vec<PathBuf>,
    /// Topic for findings
    #[arg(long, value_name = "TOPIC")]
    pub(crate) findings_topic: Option<String>,
    /// Address for /metrics, /healthz and /readyz, or `off` [default: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Stop when every partition has been read to its end
    #[arg(long)]
    pub(crate) until_end: bool,
    /// Stand by while another member of the group reads, and take over when it ends
    #[arg(long)]
    pub(crate) standby: bool,
    /// Allow unencrypted connections to brokers that are not on this machine: everybody on the way can read the logs
    #[arg(long)]
    pub(crate) allow_plaintext: bool,
    /// Form of results on standard output: table (a line each), ndjson [default: table]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
}

/// Where to begin in a partition that was never read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StartAt {
    /// At the oldest record that is still there
    Earliest,
    /// At the next record that comes
    Latest,
}
