//! Options of `ship`.
//!
//! In: the arguments of the process. Out: [`ShipArgs`]. Leaves to `config` the brokers, TLS and credentials.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of `ship`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:
  offbound ship /var/log/audit/ --topic linux-audit --follow
  offbound ship 'trail/*.json.gz' --topic cloudtrail --brokers localhost:9092
  kubectl logs -f web | offbound ship - --topic web
One message is one record: a line, or a JSON document of several lines. A position is kept once the broker has all \
records before it: what was on its way when the process was killed is sent again, and is the same event for `stream`.
Records leave this machine as they are, with the secrets in them, unless --redact is given. TLS and credentials are set \
in the configuration file; docs/kafka.md has all keys. SIGINT and SIGTERM finish what is on its way, and end with 0.")]
pub(crate) struct ShipArgs {
    /// Files, folders or globs; `-` is standard input. Plain; without --follow also gzip or zstd
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// The topic
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: String,
    /// Go on with what is written from now on, through rotation and truncation, until stopped
    #[arg(long)]
    pub(crate) follow: bool,
    /// Kafka brokers to begin with, separated by commas
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) brokers: Option<String>,
    /// What decides a record's partition [default: auto]
    #[arg(long, value_enum, value_name = "WHAT", default_value = "auto", hide_default_value = true)]
    pub(crate) key: KeyChoice,
    /// File with the position in each log [default: offbound/ship/ in the XDG state folder, one per topic]
    #[arg(long, value_name = "FILE")]
    pub(crate) positions: Option<PathBuf>,
    /// Send everything again, from the first byte of each file
    #[arg(long)]
    pub(crate) from_start: bool,
    /// Replace secrets by fingerprints before records leave this machine
    #[arg(long)]
    pub(crate) redact: bool,
    /// Mapping file, or folder of them (*.toml), that defines more log formats; may be given several times
    #[arg(long = "formats", value_name = "FILE|DIR")]
    pub(crate) formats: Vec<PathBuf>,
    /// Allow unencrypted connections to brokers that are not on this machine: everybody on the way can read the logs
    #[arg(long)]
    pub(crate) allow_plaintext: bool,
}

/// What decides the partition of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyChoice {
    /// The credential of an identity assertion, the host of a host event; this machine's name where a record has neither
    #[default]
    Auto,
    /// This machine's name: all records in one partition, in order
    Host,
    /// Nothing: any partition
    None,
}
