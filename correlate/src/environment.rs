//! The environment file: what telemetry cannot know by itself.
//!
//! In: the text of a TOML file. Out: an [`Environment`] of typed entries, and pure lookups over them.
//! Owns: every section and key of the file, and the meaning of what is left out (unknown, never guessed).
//! Leaves to others: reading the file from disk (`cli`), drawing conclusions (the match function and the rules).
//! Law: MATCH-2. An answer only rests on what an entry says; taking an entry away leaves the answer as it was,
//! or less. Entries that would contradict each other are therefore refused when the file is read.

mod allow;
mod cidr;
mod clock;
mod completeness;
mod credential_class;
mod delegation;
mod destination;
mod egress;
mod exception;
mod issuer;
mod learning;
mod lookup;
mod pattern;
mod policy;
mod proxy;
mod ranges;
mod realm;
mod telemetry;
mod workload;

#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use offbound_schemas::authored::{self, Table, Value};

pub use allow::Allow;
pub(crate) use allow::{Admission, Call};
pub use cidr::{Cidr, CidrError, parse_address};
pub use clock::{Clock, DEFAULT_CLOCK_ERROR_NANOS};
pub use completeness::Completeness;
pub(crate) use credential_class::is_too_long;
pub use credential_class::{CredentialClass, StaticPolicy};
pub use delegation::Delegation;
pub use destination::DestinationInfo;
pub use egress::{Egress, EgressEntry};
pub use exception::Exception;
pub use issuer::Issuer;
pub use learning::Learning;
pub use offbound_schemas::authored::{FileError as EnvironmentError, Problem};
pub use pattern::Pattern;
pub use policy::Policy;
pub use proxy::Proxy;
pub use realm::{Place, Realm};
pub use telemetry::Telemetry;
pub use workload::WorkloadInfo;

/// The only version of the file that there is.
pub const ENVIRONMENT_VERSION: u32 = 1;

/// What the operator has declared. The default is the absence of a file: everything is unknown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Environment {
    /// Version that the file names.
    pub version: Option<u32>,
    /// Address spaces, by name.
    pub realms: Vec<Realm>,
    /// Addresses of a realm that appear elsewhere as others.
    pub egress: Vec<EgressEntry>,
    /// Addresses that forward for others.
    pub proxies: Vec<Proxy>,
    /// Who may present whose credential.
    pub delegations: Vec<Delegation>,
    /// What is known of workloads.
    pub workloads: Vec<WorkloadInfo>,
    /// Names for places that are called.
    pub destinations: Vec<DestinationInfo>,
    /// Who may call what.
    pub allows: Vec<Allow>,
    /// Declared policy as Rego.
    pub policy: Policy,
    /// Lifetime policy, by credential kind.
    pub credential_classes: BTreeMap<String, CredentialClass>,
    /// Who makes credentials, and where that is told.
    pub issuers: Vec<Issuer>,
    /// Dated exceptions to rules.
    pub exceptions: Vec<Exception>,
    /// How baselines are learned.
    pub learning: Learning,
    /// How long hosts may be silent.
    pub telemetry: Telemetry,
    /// Which sources are complete, by source label.
    pub completeness: BTreeMap<String, Completeness>,
    /// How far clocks may be off.
    pub clock: Clock,
    lookup: lookup::Lookup,
}

/// A section: its key at the top of the file, and what reads it.
struct Section {
    key: &'static str,
    read: fn(&mut Environment, &Value<'_>),
}

/// Every section. Those that refer to names of others come after them.
const SECTIONS: &[Section] = &[
    Section { key: "version", read: read_version },
    Section { key: "realm", read: realm::read },
    Section { key: "egress", read: egress::read },
    Section { key: "proxy", read: proxy::read },
    Section { key: "delegation", read: delegation::read },
    Section { key: "workload", read: workload::read },
    Section { key: "destination", read: destination::read },
    Section { key: "allow", read: allow::read },
    Section { key: "policy", read: policy::read },
    Section { key: "credential_class", read: credential_class::read },
    Section { key: "issuer", read: issuer::read },
    Section { key: "exception", read: exception::read },
    Section { key: "learning", read: learning::read },
    Section { key: "telemetry", read: telemetry::read },
    Section { key: "completeness", read: completeness::read },
    Section { key: "clock", read: clock::read },
];

impl Environment {
    /// Reads the text of an environment file; `origin` is the name by which errors call it.
    pub fn parse(text: &str, origin: &str) -> Result<Self, EnvironmentError> {
        authored::read(text, origin, |table| {
            let mut environment = Self::default();
            environment.read_sections(table);
            environment
        })
    }

    fn read_sections(&mut self, table: &Table<'_>) {
        let keys: Vec<&str> = SECTIONS.iter().map(|section| section.key).collect();
        table.allow_sections(&keys);
        for section in SECTIONS {
            if let Some(value) = table.value(section.key) {
                (section.read)(self, &value);
            }
        }
    }

    /// Sections that the file has and nothing reads yet, so that the command can say so.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        let mut unused = Vec::new();
        if self.policy != Policy::default() {
            unused.push("policy".to_owned());
        }
        unused
    }
}

fn read_version(environment: &mut Environment, value: &Value<'_>) {
    environment.version = value.version(ENVIRONMENT_VERSION);
}
