//! `[policy]`: declared policy as Rego.
//!
//! In: globs of files. Out: the same; nothing evaluates them yet, which [`Environment::unused`] says.

use super::Environment;
use offbound_schemas::authored::Value;

/// Where declared policy in Rego lies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Globs of its files.
    pub rego: Vec<String>,
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    let Some(table) = value.table() else { return };
    table.allow_keys(&["rego"]);
    environment.policy.rego = table.texts("rego").unwrap_or_default();
}
