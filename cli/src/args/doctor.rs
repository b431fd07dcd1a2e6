//! Options of `doctor`.
//!
//! In: the arguments of the process. Out: [`DoctorArgs`]. Leaves to `config` the file and the variables.

use std::path::PathBuf;

use clap::Args;

use super::ListArgs;

/// Options of `doctor`.
#[derive(Debug, Args)]
#[command(
    after_help = "Checks what the configuration names; what it does not name is shown as not configured. \
Nothing is changed, written or sent, and no secret is shown.
Exit codes: 0 all is well; 2 something failed, with what to do about it."
)]
pub(crate) struct DoctorArgs {
    /// The store
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Kafka brokers, separated by commas
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) brokers: Option<String>,
    /// Topic to check as well; may be given several times
    #[arg(long = "topic", value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// Allow unencrypted connections to brokers that are not on this machine
    #[arg(long)]
    pub(crate) allow_plaintext: bool,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}
