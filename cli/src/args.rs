//! The command line: commands, options, help text.
//!
//! In: the arguments of the process. Out: one [`Command`] with its options, or clap's message.
//! Owns: names and help of everything that can be typed. Leaves to `config` the files, variables and defaults.
//! Law: wrong usage is exit code 3, and an option that is offered does something.

pub(crate) mod doctor;
pub(crate) mod ship;
pub(crate) mod store;
pub(crate) mod stream;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use offbound_schemas::vocabulary::Severity;

use crate::size::scaled;
use offbound_schemas::{EventTime, parse_duration_nanos};

const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 done, with findings at or above --fail-on; 2 could not do it; 3 wrong usage or configuration; \
130 interrupted.
Results go to standard output, everything else to standard error.
First steps: `offbound demo`, then `offbound replay LOGS…`.";

const FINGERPRINT_HELP: &str = "\
Example: `offbound fingerprint < token.txt` prints `<jwt;fp=0f…;sub=…>` or `<secret;kind=any;fp=0f…>`.
Records and dead letters hold the same `fp=` wherever that secret stood, whatever its encoding: search for it there. \
The kind is that of the place where it stood, and `any` where the secret does not say it. Fingerprints are keyed: \
they are the same only within one installation.";

/// Correlates host security events with workload-identity assertions, and judges containment.
#[derive(Debug, Parser)]
#[command(name = "offbound", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play a recorded incident that is built in: findings, verdict, terminal UI; needs nothing
    Demo(DemoArgs),
    /// Read log files, correlate them, and print findings, incidents and a summary
    Replay(ReplayArgs),
    /// Read Kafka topics live, correlate them, and write findings as they arise
    Stream(stream::StreamArgs),
    /// Send log files to a Kafka topic, and follow them; for those without a shipper
    Ship(ship::ShipArgs),
    /// Open the terminal UI over a store, or over files
    Investigate(InvestigateArgs),
    /// Ask the stored tables in SQL; nothing is changed
    Hunt(HuntArgs),
    /// Show what stands in stored logs in place of a secret; reads secrets from standard input, one a line
    #[command(after_help = FINGERPRINT_HELP)]
    Fingerprint,
    /// Show the records of a store that could not be read, and read them again
    DeadLetters(DeadLettersArgs),
    /// Look after a store: check it, say what it holds, make it smaller, export from it
    Store(store::StoreArgs),
    /// List every log format that is recognised, or check a mapping file
    Formats(FormatsArgs),
    /// Show the detection rules; check and test rules of your own
    Rules(RulesArgs),
    /// Write labelled telemetry in real log formats
    Simulate(SimulateArgs),
    /// Check configuration, store, Kafka, terminal and clock, and say what to do
    Doctor(doctor::DoctorArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write every page to a folder
    Man(ManArgs),
}

/// Options of every command.
#[derive(Debug, Default, Args)]
pub(crate) struct Common {
    /// Configuration file [default: ./offbound.toml, then the XDG configuration folder]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Common options")]
    pub(crate) config: Option<PathBuf>,
    /// Say nothing on standard error but errors and warnings
    #[arg(long, global = true, help_heading = "Common options")]
    pub(crate) quiet: bool,
    /// Colours [default: auto; NO_COLOR is honoured]
    #[arg(long, global = true, value_enum, value_name = "WHEN", help_heading = "Common options")]
    pub(crate) color: Option<ColorWhen>,
    /// Form of log lines on standard error [default: text]
    #[arg(long, global = true, value_enum, value_name = "FORM", help_heading = "Common options")]
    pub(crate) log_format: Option<LogFormat>,
    /// More log lines; twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Common options")]
    pub(crate) verbose: u8,
}

/// Options of commands that read logs.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct InputArgs {
    /// Environment file: address spaces, egress, delegations, workloads, policy
    #[arg(long, value_name = "FILE")]
    pub(crate) env: Option<PathBuf>,
    /// Folder with more rules (*.sql)
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Option<PathBuf>,
    /// Mapping file, or folder of them (*.toml), that defines more log formats; may be given several times
    #[arg(long = "formats", value_name = "FILE|DIR")]
    pub(crate) formats: Vec<PathBuf>,
    /// Source label of the files that match, such as k8s-audit:prod=logs/prod/*.log
    #[arg(long = "source", value_name = "LABEL=GLOB")]
    pub(crate) sources: Vec<String>,
    /// Judge only events at or after this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) since: Option<EventTime>,
    /// Judge only events before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) until: Option<EventTime>,
    /// Exit with 2 when some input could not be read
    #[arg(long)]
    pub(crate) strict: bool,
    /// Most memory that facts may take; what there is no room for becomes a gap [default: 4GiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) facts_memory: Option<u64>,
    /// How long facts are kept after they were last heard of, in event time [default: 30d]
    #[arg(long, value_name = "TIME", value_parser = parse_length_of_time)]
    pub(crate) facts_retention: Option<Duration>,
}

/// Options of commands that print findings.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct OutputArgs {
    /// Form of the results [default: table]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Write results to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Exit with 1 when there are findings of this severity or above (info, low, medium, high, critical)
    #[arg(long, value_name = "SEVERITY", value_parser = parse_severity)]
    pub(crate) fail_on: Option<Severity>,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Do not open the terminal UI after the results
    #[arg(long)]
    pub(crate) no_tui: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Options of `replay`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  offbound replay /var/log/kubernetes/audit.log /var/log/audit/
  offbound replay logs/ --env offbound-env.toml --format ndjson --fail-on high
  zcat old.gz | offbound replay - --source k8s-audit:prod=-
Events outside --since/--until are read and counted, and take no part in the judgement: a credential that was \
issued before --since is one of unknown origin.")]
pub(crate) struct ReplayArgs {
    /// Files, folders or globs; `-` is standard input. Plain, gzip or zstd
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Keep events and results in this folder, for `investigate`
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
}

/// Options of `investigate`.
#[derive(Debug, Args)]
pub(crate) struct InvestigateArgs {
    /// Files, folders or globs to replay into a temporary store first
    #[arg(value_name = "PATH", conflicts_with = "store")]
    pub(crate) paths: Vec<String>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The store to open
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
}

/// Options of `hunt`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  offbound hunt 'SHOW TABLES'
  offbound hunt 'DESCRIBE uses'
  offbound hunt --store DIR \"SELECT host, count(*) AS n FROM host_events GROUP BY host ORDER BY n DESC\"
Give the environment file that the store was judged with, where bindings, uses, signals, taints or coverage are asked for: \
they are made of the stored events anew.")]
pub(crate) struct HuntArgs {
    /// One SELECT, EXPLAIN, DESCRIBE or SHOW TABLES; `-` reads it from standard input
    #[arg(required_unless_present = "file", conflicts_with = "file", value_name = "SQL")]
    pub(crate) sql: Option<String>,
    /// Read the SQL from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The store
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Environment file: address spaces, egress, delegations, workloads, policy
    #[arg(long, value_name = "FILE")]
    pub(crate) env: Option<PathBuf>,
    /// Only rows at or after this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) since: Option<EventTime>,
    /// Only rows before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) until: Option<EventTime>,
    /// Form of the rows [default: table]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Write the rows to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Most rows to give; that there are more is said
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) max_rows: u64,
    /// Longest time to compute
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_length_of_time)]
    pub(crate) timeout: Duration,
    /// Most memory for joins, groups and orders
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = parse_size)]
    pub(crate) memory: u64,
}

/// Options of commands that list something.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Form of the list [default: table]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Write it to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Options of `formats`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  offbound formats
  offbound formats --formats docs/formats
  offbound formats --check gateway.toml --sample gateway.log")]
pub(crate) struct FormatsArgs {
    /// Mapping file, or folder of them (*.toml), to list as well; may be given several times
    #[arg(long = "formats", value_name = "FILE|DIR")]
    pub(crate) formats: Vec<PathBuf>,
    /// Check this mapping file instead; exit code 3 when something is wrong with it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["formats", "format"])]
    pub(crate) check: Option<PathBuf>,
    /// With --check: show what the first records of this log give
    #[arg(long, value_name = "LOG", requires = "check")]
    pub(crate) sample: Option<String>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// Options of `rules`.
#[derive(Debug, Args)]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    pub(crate) command: RulesCommand,
}

/// What can be done with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// List every rule
    List {
        /// Folder with more rules (*.sql)
        #[arg(long, value_name = "DIR")]
        rules: Option<PathBuf>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one rule: why, blind spots, honest causes, next question, SQL
    Show {
        /// Rule id, such as CT-101
        id: String,
        /// Folder with more rules (*.sql)
        #[arg(long, value_name = "DIR")]
        rules: Option<PathBuf>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Check rules of your own: read and plan them; exit code 3 when something is wrong with one
    Check {
        /// Rule files, or folders with them (*.sql)
        #[arg(required = true, value_name = "FILE|DIR")]
        paths: Vec<PathBuf>,
    },
    /// Run rules of your own over the examples beside them; exit code 1 when one comes out otherwise
    #[command(after_long_help = EXAMPLES)]
    Test {
        /// Rule files, or folders with them (*.sql, each with its examples in *.slt)
        #[arg(required = true, value_name = "FILE|DIR")]
        paths: Vec<PathBuf>,
    },
}

/// How examples are written.
const EXAMPLES: &str = "\
Examples of my-rule.sql lie beside it in my-rule.slt, divided by empty lines. Each says what it
shows, the rows of the tables that the rule reads, and what is then found:

    # fires: refused at a sensitive place
    uses: decision=deny; destination=vault; destination_sensitive=true; count=3
    ----
    JTI=one | medium | high | 3

    # quiet: refused elsewhere
    uses: decision=deny; destination=blog

`fires` lists each candidate below `----`: entity | severity | confidence | count. `quiet` has none.
Columns that a row leaves out have ordinary values: a use of JTI=one by `web`, from where it belongs,
let in, at 10:00:00. `column=` empties one; a time is written 10:05:00, a list a,b. Columns are those
of `offbound hunt \"DESCRIBE uses\"`.
A failed example shows with - what was expected and not found, with + what was found instead.

Exit codes: 0 every example passed; 1 one failed; 3 a rule or an example cannot be read, or there is
no example.";

/// Options of `dead-letters`.
#[derive(Debug, Args)]
pub(crate) struct DeadLettersArgs {
    #[command(subcommand)]
    pub(crate) command: DeadLettersCommand,
}

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// List them, and how many there are of each reason and source
    List(ListLettersArgs),
    /// Show some of them whole: place, reason, bytes
    Show(ShowLettersArgs),
    /// Read them again with the decoders of this version, and judge the whole store anew
    Replay(ReplayLettersArgs),
}

/// Options of `dead-letters list`.
#[derive(Debug, Args)]
pub(crate) struct ListLettersArgs {
    /// Only those with this reason, such as unknown-format
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    /// Only those of this source label
    #[arg(long, value_name = "LABEL")]
    pub(crate) source: Option<String>,
    /// The store
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// Options of `dead-letters show`.
#[derive(Debug, Args)]
pub(crate) struct ShowLettersArgs {
    /// Ids, or how they begin
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// The store
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// Options of `dead-letters replay`.
#[derive(Debug, Args)]
#[command(
    after_help = "Give the environment file and source labels that the logs are replayed with. What is read now \
becomes events of the store, each once, also when its log is replayed into the store later."
)]
pub(crate) struct ReplayLettersArgs {
    /// Only those with this reason, such as unknown-format
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    /// The store
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Options of `simulate`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct SimulateArgs {
    #[command(subcommand)]
    pub(crate) command: Option<SimulateCommand>,
    /// Scenario to write; `offbound simulate list` names them
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenario: Option<String>,
    #[command(flatten)]
    pub(crate) target: SimulateTarget,
}

/// Where simulated telemetry goes, and from which seed.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct SimulateTarget {
    /// Folder to write to; it is created [default: the scenario's name]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Equal seeds write equal bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Other things that `simulate` does.
#[derive(Debug, Subcommand)]
pub(crate) enum SimulateCommand {
    /// List the scenarios
    List(ListArgs),
    /// Write much benign telemetry, with incidents planted in it
    Volume {
        /// Lines to write
        #[arg(long, value_name = "N", default_value_t = 100_000)]
        lines: u64,
        /// Scenario to hide among them; may be given several times
        #[arg(long = "plant", value_name = "SCENARIO")]
        plants: Vec<String>,
        #[command(flatten)]
        target: SimulateTarget,
    },
}

/// Options of `completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: offbound completions bash > ~/.local/share/bash-completion/completions/offbound"
)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
    /// Write it to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Options of `man`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  offbound man | man -l -
  offbound man --dir ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Write one page per command to this folder; it is created
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Form of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// One object, or one list of rows
    Json,
    /// One object a line; where there is a summary, it is the last
    Ndjson,
    /// A heading, then one row (of results: one finding) a line
    Csv,
    /// Columns (`hunt` and `store export` only)
    Parquet,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One object a line
    Json,
}

fn parse_time(text: &str) -> Result<EventTime, String> {
    let midnight = format!("{text}T00:00:00Z");
    EventTime::parse(text).or_else(|error| EventTime::parse(&midnight).map_err(|_midnight| error.to_string()))
}

fn parse_length_of_time(text: &str) -> Result<Duration, String> {
    let nanos = parse_duration_nanos(text).and_then(|nanos| u64::try_from(nanos).ok());
    nanos
        .map(Duration::from_nanos)
        .ok_or_else(|| "expected a whole number and ms, s, m, h or d, such as 60s".to_owned())
}

fn parse_size(text: &str) -> Result<u64, String> {
    let bytes = scaled(text, |unit| match unit {
        "" | "B" => Some(0),
        "KiB" => Some(10),
        "MiB" => Some(20),
        "GiB" => Some(30),
        _ => None,
    });
    bytes.ok_or_else(|| "expected a whole number and KiB, MiB or GiB, such as 256MiB".to_owned())
}

fn parse_severity(text: &str) -> Result<Severity, String> {
    text.parse().map_err(|error: offbound_schemas::vocabulary::UnknownWord| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    /// Scenario: clap's own checks of the definition. Guarantees: no two options collide.
    #[test]
    fn definition_is_sound() {
        Cli::command().debug_assert();
    }

    /// Scenario: times as people type them. Guarantees: a date is its midnight, nonsense is refused.
    #[test]
    fn times() {
        assert_eq!(parse_time("2026-03-01"), parse_time("2026-03-01T00:00:00Z"));
        assert!(parse_time("2026-03-01").is_ok());
        assert!(parse_time("tomorrow").is_err());
    }

    /// Scenario: sizes and lengths of time as people type them. Guarantees: units are scaled, nonsense is refused.
    #[test]
    fn sizes_and_lengths_of_time() {
        assert_eq!(parse_size("256MiB"), Ok(256 << 20));
        assert_eq!(parse_size("4096"), Ok(4096));
        for bad in ["", "MiB", "1MB", "-1KiB", "99999999999GiB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_length_of_time("1500ms"), Ok(Duration::from_millis(1_500)));
        assert!(parse_length_of_time("60").is_err());
    }
}
