//! The host decoders and SPIRE over recorded logs, where they lie beside the project.
//!
//! In: files of real tools, each one stream. Out: a row a line for the eye (`SHOW_ROWS=1`), and checks of what must hold
//! for every row. Owns: which folders belong to which formats.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use offbound_schemas::EventRows;
use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HostControl, Outcome};
use serde_json::Value;

use super::trial::run_each;
use super::{Envelope, Format, MAX_UNMAPPED_BYTES, Verdict, credential_path};
use crate::formats::Formats;
use crate::unfold::{Leaf, Unfold};

fn files(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus").join(name);
    let Ok(listed) = fs::read_dir(&folder) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "the corpus is missing: {}", folder.display());
        eprintln!("no corpus at {}: nothing was checked", folder.display());
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// A file as one stream; a whole JSON document is one record. Envelopes come off as they do in the field.
fn decode(format: &Format, path: &Path) -> (Vec<String>, Vec<Verdict>, EventRows) {
    let text = String::from_utf8_lossy(&fs::read(path).expect("a listed file can be read")).into_owned();
    let documents: Vec<String> = match serde_json::from_str::<Value>(&text) {
        Ok(value) => vec![value.to_string()],
        Err(_lines) => text.lines().map(str::to_owned).collect(),
    };
    let mut records: Vec<(String, Envelope)> = Vec::new();
    let mut unfold = Unfold::new(Formats::default());
    for document in &documents {
        unfold.document(document, 1, &mut |leaf| {
            if let Leaf::Record { text, envelope, .. } = leaf {
                records.push((text.into_owned(), envelope));
            }
        });
    }
    let borrowed: Vec<(&str, &Envelope)> =
        records.iter().map(|(text, around)| (text.as_str(), around)).collect();
    let (verdicts, rows) = run_each(format, &borrowed);
    (records.into_iter().map(|(text, _)| text).collect(), verdicts, rows)
}

/// Decodes a folder; shows all, checks every row. Gives the number of lines by verdict.
fn check(format: &Format, folder: &str) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for path in files(folder) {
        let (lines, verdicts, rows) = decode(format, &path);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        assert_eq!(lines.len(), verdicts.len(), "{name}: a verdict for each line");
        for verdict in &verdicts {
            let word = match verdict {
                Verdict::Decoded => "decoded",
                Verdict::Skipped(word) => word,
                Verdict::Rejected(reject) => reject.reason,
            };
            *counts.entry(word).or_default() += 1;
        }
        show(&name, &lines, &verdicts, &rows);
        let ids: BTreeSet<_> = rows.host_events.iter().map(|row| row.event_id).collect();
        assert_eq!(ids.len(), rows.host_events.len(), "{name}: ids are unique");
        for row in &rows.host_events {
            check_row(&name, row);
        }
    }
    counts
}

fn check_row(name: &str, row: &HostEvent) {
    let place = format!("{name} {} {:?}", row.location, row.native_id);
    let decided = matches!(row.outcome, Outcome::Denied | Outcome::Killed | Outcome::WouldDeny);
    assert!(!decided || row.control != HostControl::None, "{place}: somebody decided");
    let watched = matches!(row.mode, ControlMode::Permissive | ControlMode::Complain | ControlMode::Monitor);
    assert!(
        !watched || row.outcome == Outcome::WouldDeny,
        "{place}: a control that only records lets through"
    );
    let target = row.target_path.as_deref().unwrap_or_default();
    assert!(row.action != Action::CredRead || row.target_is_credential, "{place}: {target} is a credential");
    let classified = credential_path::classify(target).is_some();
    assert_eq!(row.target_is_credential, classified, "{place}: {target}");
    let imds = row.dst_addr.as_deref().or(row.dst_host.as_deref());
    let reached = imds.is_some_and(|host| credential_path::is_metadata_endpoint(host, row.dst_port));
    assert!(row.action != Action::ImdsAccess || reached, "{place}: {imds:?} is a metadata service");
    let bounded =
        row.unmapped.as_ref().is_none_or(|text| text.len() <= MAX_UNMAPPED_BYTES && text.starts_with('{'));
    assert!(bounded, "{place}: unmapped is bounded JSON");
    assert!(!row.raw.is_empty(), "{place}: the record is kept");
}

fn show(name: &str, lines: &[String], verdicts: &[Verdict], rows: &EventRows) {
    if std::env::var_os("SHOW_ROWS").is_none() {
        return;
    }
    println!("=== {name}: {} lines, {} rows", lines.len(), rows.len());
    for (index, (line, verdict)) in lines.iter().zip(verdicts).enumerate() {
        if *verdict != Verdict::Decoded {
            println!("{name}:{} {verdict:?} <- {}", index + 1, super::cut(line, 160));
        }
    }
    for row in &rows.host_events {
        println!("{name} {}", brief(&HostEvent { raw: String::new(), ..row.clone() }));
    }
    for row in &rows.identity_assertions {
        println!("{name} {}", brief(row));
    }
    for row in &rows.placements {
        println!("{name} {}", brief(row));
    }
}

/// A row's columns that say something.
fn brief(row: &impl std::fmt::Debug) -> String {
    let text = format!("{row:#?}");
    let says = |line: &&str| {
        !["None,", "[],", "\"\",", "false,"].iter().any(|empty| line.ends_with(&format!(": {empty}")))
    };
    let lines: Vec<&str> = text.lines().filter(says).map(str::trim).collect();
    lines.join(" ").replace("Some( ", "").replace(", )", "")
}

/// Scenario: recorded logs of Tetragon over several years. Guarantees: every event is read.
#[test]
fn tetragon() {
    let counts = check(&super::tetragon::FORMAT, "host/tetragon");
    assert!(counts.keys().all(|word| *word == "decoded"), "{counts:?}");
}

/// Scenario: recorded logs of Falco with its statistics. Guarantees: every line has its word, and none is refused.
#[test]
fn falco() {
    let counts = check(&super::falco::FORMAT, "host/falco");
    assert!(
        counts.keys().all(|word| matches!(*word, "decoded" | "falco-statistics" | "falco-metrics" | "blank")),
        "{counts:?}"
    );
}

/// Scenario: recorded logs of other sensors, and of flows. Guarantees: what is of the format and has a time is read.
#[test]
fn other_sensors() {
    for (format, folder, least) in [
        (&super::tracee::FORMAT, "tracee", 18),
        (&super::kubearmor::FORMAT, "kubearmor", 29),
        (&super::inspektor_gadget::FORMAT, "inspektor-gadget", 6),
        (&super::osquery::FORMAT, "osquery", 3),
        (&super::kubescape::FORMAT, "kubescape", 400),
    ] {
        let counts = check(format, &format!("host/{folder}"));
        let decoded = counts.get("decoded").copied().unwrap_or_default();
        assert!(counts.is_empty() || decoded >= least, "{folder}: {counts:?}");
        // Somebody copied a part of the alerts off a terminal, with its frame and line breaks.
        let known = |word: &&str| matches!(*word, "decoded" | "no-time" | "init" | "not-json");
        assert!(counts.keys().all(known), "{folder}: {counts:?}");
    }
}

/// Scenario: recorded audit logs: auditd of many systems, kernel logs, AppArmor, SELinux, seccomp, fapolicyd. Guarantees:
/// nearly all is read; what is not has a reason.
#[test]
fn linux_audit() {
    for folder in ["auditd", "apparmor", "selinux", "seccomp", "fapolicyd"] {
        let counts = check(&super::linux_audit::FORMAT, &format!("host/{folder}"));
        let refused: usize =
            ["bad-audit-stamp", "missing-type", "no-time"].iter().filter_map(|word| counts.get(word)).sum();
        let decoded = counts.get("decoded").copied().unwrap_or_default();
        assert!(refused <= 20 && (counts.is_empty() || decoded > refused), "{folder}: {counts:?}");
    }
}

/// Scenario: recorded logs and listings of SPIRE. Guarantees: assertions and placements come out; what has no moment is refused.
#[test]
fn spire() {
    let counts = check(&super::spire::SERVER, "identity/spire");
    assert!(counts.is_empty() || counts.get("decoded").copied().unwrap_or_default() >= 15, "{counts:?}");
}

/// Scenario: recorded events of collectors that put audit records together. Guarantees: every event is read.
#[test]
fn assembled_audit() {
    for (format, folder) in [
        (super::laurel::FORMAT, "laurel"),
        (super::auoms::FORMAT, "auoms"),
        (super::sysmon::FORMAT, "sysmon-linux"),
    ] {
        let counts = check(&format, &format!("host/{folder}"));
        assert!(counts.keys().all(|word| *word == "decoded"), "{folder}: {counts:?}");
    }
}
