//! One environment file for a site and the scenarios that were planted in it.
//!
//! In: environment files. Out: their union. Owns: how they are joined: tables by key, lists one behind the
//! other without repetition, and for single values the first word counts.

use toml::{Table, Value};

use super::site::WORKLOADS;
use crate::moment::Moment;

const OWN: &str = include_str!("environment.toml");

/// The union of the site's own environment and those of planted scenarios.
pub(super) fn merged(planted: &[&str]) -> String {
    let mut union = parse(OWN);
    for workload in 0..WORKLOADS {
        join(&mut union, parse(&known_workload(workload)));
    }
    for text in planted {
        join(&mut union, parse(text));
    }
    unite_egress(&mut union);
    toml::to_string(&union).expect("tables of TOML can be written")
}

fn known_workload(workload: usize) -> String {
    let account = format!("system:serviceaccount:vol:svc-{workload:02}");
    let role = format!("arn:aws:iam::111122223333:role/vol-svc-{workload:02}");
    format!(
        "[[workload]]\nid = \"spiffe://prod.example/ns/vol/sa/svc-{workload:02}\"\naliases = [\"{account}\", \"{role}\"]\n\
         credential_readers = [\"/app/server\"]\n"
    )
}

fn parse(text: &str) -> Table {
    text.parse().expect("environment files of this crate are TOML")
}

fn join(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(have)), Value::Table(more)) => join(have, more),
            (Some(Value::Array(have)), Value::Array(more)) => {
                for item in more {
                    if !have.contains(&item) {
                        have.push(item);
                    }
                }
            }
            (Some(_), _) => {}
            (None, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Entries of one realm that show the same addresses outside become one: an address may lie in one entry only.
fn unite_egress(union: &mut Table) {
    let Some(Value::Array(entries)) = union.get_mut("egress") else { return };
    let mut united: Vec<Value> = Vec::new();
    for entry in std::mem::take(entries) {
        let same = united.iter_mut().find(|known| {
            known.get("realm") == entry.get("realm") && known.get("seen_as") == entry.get("seen_as")
        });
        let known = same.and_then(|known| known.get_mut("from")).and_then(Value::as_array_mut);
        match (known, entry.get("from").and_then(Value::as_array)) {
            (Some(known), Some(from)) => {
                let new: Vec<Value> = from.iter().filter(|cidr| !known.contains(cidr)).cloned().collect();
                known.extend(new);
            }
            _ => united.push(entry),
        }
    }
    *entries = united;
}

/// Address of the NAT through which the site's pods reach the Internet.
pub(super) const NAT: &str = "198.51.100.40";

/// When machines and pods of the site were started, before `from`.
pub(super) fn started(from: Moment) -> Moment {
    from - 3 * crate::moment::HOUR
}
