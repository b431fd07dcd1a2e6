//! From the records of one event to its rows.
//!
//! In: all records that share a stamp. Out: the row of the call with what the first control said about it, one row for
//! each further statement that differs, one for a hole in the records before it.
//! Owns: the order of records within an event, and the identity of its rows: host, stamp, index.
//! Law: the order in which records arrived leaves no trace, so that reading again gives the same ids.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HookClass, HostControl, Outcome};
use offbound_schemas::{EventId, is_container_label};

use super::header::AuditRecord;
use super::host_state::{HostState, hole_row};
use super::sockaddr::SockAddr;
use super::statement::{self, Statement};
use super::{call, kind, operand};
use crate::decode::credential_path::classify;
use crate::decode::{MAX_RAW_BYTES, Record, cut};

/// Puts the rows of the event that `records` make behind those that are there.
pub(super) fn rows(
    format: &'static str,
    template: HostEvent,
    mut records: Vec<AuditRecord>,
    state: &mut HostState,
    rows: &mut Vec<HostEvent>,
) {
    let order = |left: &AuditRecord, right: &AuditRecord| {
        kind::rank(&left.kind).cmp(&kind::rank(&right.kind)).then_with(|| left.body().cmp(right.body()))
    };
    if !records.is_sorted_by(|left, right| order(left, right).is_le()) {
        records.sort_by(order);
    }
    let Some(first) = records.first() else { return };
    let ((time, serial), stamp) = (first.moment, first.stamp_text());
    let before = rows.len();
    // A row is large, and is made where it stays.
    rows.push(template);
    let Some(base) = rows.last_mut() else { return };
    found(base, &records, stamp);
    let hole = state.next_event(time, serial, records.iter().map(|audit| &*audit.kind));
    let hole = hole.map(|hole| HostEvent {
        event_id: row_id(format, base.host.as_deref(), stamp, b"hole"),
        ..hole_row(hole, base)
    });
    said(&records, rows);
    for (index, row) in rows.iter_mut().skip(before).enumerate() {
        row.event_id = row_id(format, row.host.as_deref(), stamp, &index.to_le_bytes());
        learn(row, &records, state);
    }
    rows.extend(hole);
}

/// The row of a record whose stamp was lost: it stands alone.
pub(super) fn stampless(record: &Record<'_>, audit: AuditRecord) -> Vec<HostEvent> {
    let mut base = record.host_event(audit.moment.0);
    let event_id = base.event_id;
    let records = vec![audit];
    found(&mut base, &records, "");
    base.native_id = None;
    let mut rows = vec![base];
    said(&records, &mut rows);
    for (index, row) in rows.iter_mut().enumerate() {
        row.event_id = if index == 0 { event_id } else { EventId::of(&[&event_id.0, &index.to_le_bytes()]) };
    }
    rows
}

fn row_id(format: &'static str, host: Option<&str>, stamp: &str, index: &[u8]) -> EventId {
    let host = host.unwrap_or_default();
    EventId::of(&[format.as_bytes(), host.as_bytes(), stamp.as_bytes(), index])
}

/// Adds to the row of an event what its records say together.
fn found(row: &mut HostEvent, records: &[AuditRecord], stamp: &str) {
    // A collector that put the event together wrote it as one record, which the row holds.
    if let Some(raw) = joined(records.iter().filter_map(AuditRecord::line)) {
        row.raw = raw;
    }
    row.native_id = Some(stamp.to_owned());
    row.hook_class = HookClass::Audit;
}

/// All lines, as far as they are kept.
fn joined<'l>(lines: impl Iterator<Item = &'l str> + Clone) -> Option<String> {
    let length: usize = lines.clone().map(|line| line.len() + 1).sum();
    let mut raw = String::with_capacity(length.min(MAX_RAW_BYTES));
    for line in lines {
        if raw.len() > MAX_RAW_BYTES {
            break;
        }
        if !raw.is_empty() {
            raw.push('\n');
        }
        raw.push_str(line);
    }
    raw.truncate(cut(&raw, MAX_RAW_BYTES).len());
    (length > 0).then_some(raw)
}

/// Puts what the records say in place of the last row, which is what their rows have in common.
fn said(records: &[AuditRecord], rows: &mut Vec<HostEvent>) {
    let Some(base) = rows.last_mut() else { return };
    let call = records.iter().find(|audit| matches!(&*audit.kind, "SYSCALL" | "URINGOP"));
    let result = |audit: &AuditRecord| {
        let same = |call: &&AuditRecord| {
            audit.fields.get("pid").is_none_or(|pid| call.fields.get("pid") == Some(pid))
        };
        call.filter(same).map(call::result)
    };
    let mut statements: Vec<Statement> = Vec::new();
    let speaking = records.iter().filter(|audit| statement::may_speak(audit));
    for statement in speaking.filter_map(|audit| statement::of(audit, base, result(audit))) {
        let known = |other: &Statement| {
            other.is_decision == statement.is_decision && same_words(&other.row, &statement.row)
        };
        if !statements.iter().any(known) {
            statements.push(statement);
        }
    }
    // What controls decided comes first, for the first statement joins the call.
    statements.sort_by_key(|statement| !statement.is_decision);
    match call {
        Some(call) if statements.is_empty() => call::row(call, records, base),
        Some(call) => {
            call::row(call, records, base);
            let joined = with_call(base, statements);
            rows.pop();
            rows.extend(joined);
        }
        None if statements.is_empty() => fragment(records, base),
        None => {
            let alone = statements.len() == 1;
            let each = statements.into_iter();
            let each: Vec<_> =
                each.map(|statement| without_call(statement.row, records, base, alone)).collect();
            rows.pop();
            rows.extend(each);
        }
    }
}

/// Whether two statements differ in their text only.
fn same_words(left: &HostEvent, right: &HostEvent) -> bool {
    HostEvent { raw: String::new(), ..left.clone() } == HostEvent { raw: String::new(), ..right.clone() }
}

fn with_call(call: &HostEvent, statements: Vec<Statement>) -> Vec<HostEvent> {
    let mut rows = Vec::new();
    for statement in statements {
        rows.push(if statement.joins(call) { statement.joined(call) } else { statement.row });
    }
    if !rows.iter().any(|row| row.pid == call.pid && row.syscall == call.syscall) {
        rows.insert(0, call.clone());
    }
    rows
}

/// A statement beside operands only: a lone one takes their path and command, and the raw text of the whole event.
fn without_call(mut row: HostEvent, records: &[AuditRecord], base: &HostEvent, alone: bool) -> HostEvent {
    if alone {
        row.raw = base.raw.clone();
        row.cwd = row.cwd.or_else(|| operand::cwd(records));
        let (args, cmd_line) = operand::command(records);
        row.args = args;
        row.cmd_line = row.cmd_line.or(cmd_line);
        if row.target_path.as_deref().is_none_or(|path| !path.starts_with('/'))
            && let Some(path) = operand::path(records)
        {
            row.target_is_credential = classify(&path).is_some();
            row.target_path = Some(path);
        }
    }
    row
}

/// Operands whose call is missing: the log was cut there, or filtered.
fn fragment(records: &[AuditRecord], row: &mut HostEvent) {
    (row.args, row.cmd_line) = operand::command(records);
    row.cwd = operand::cwd(records);
    row.target_path = operand::path(records);
    row.target_is_credential = row.target_path.as_deref().is_some_and(|path| classify(path).is_some());
    if let Some(SockAddr::Inet(ip, port)) = operand::peer(records) {
        (row.dst_addr, row.dst_port) = (Some(ip.to_string()), Some(port).filter(|port| *port != 0));
    }
    let executed = records.iter().any(|audit| audit.kind == "EXECVE");
    row.action = if executed { Action::Exec } else { Action::Other };
    row.outcome = Outcome::Unknown;
    row.rule = records.first().map(|audit| audit.kind.to_string());
    row.unmapped = records.first().and_then(statement::rest);
}

/// Keys of the process and its parent; a fork tells of the child.
fn learn(row: &mut HostEvent, records: &[AuditRecord], state: &mut HostState) {
    state.place(row);
    target(row, records, state);
    if row.control == HostControl::Seccomp && row.outcome == Outcome::Killed {
        killed(row, records, state);
    }
    let forks = matches!(row.syscall.as_deref(), Some("clone" | "clone3" | "fork" | "vfork"))
        && row.outcome == Outcome::Allowed;
    let call = records.iter().find(|audit| audit.kind == "SYSCALL").filter(|_| forks);
    // A thread shares its process, and its id is none of a process.
    let thread = call.is_some_and(|call| {
        const CLONE_THREAD: u64 = 0x0001_0000;
        row.syscall.as_deref() == Some("clone")
            && call::clone_flags(call).is_some_and(|flags| flags & CLONE_THREAD != 0)
    });
    if let Some(child) = call.filter(|_| !thread).and_then(|call| call.fields.number("exit")) {
        let stamp = row.native_id.clone().unwrap_or_default();
        state.forked(row.host.as_deref().unwrap_or_default(), child, &stamp, row.exe.clone());
    }
}

/// Which program the process acted on runs. A pid that stands in an argument or a path is as the caller's own namespace
/// counts: of a container's process it names nothing on the host.
fn target(row: &mut HostEvent, records: &[AuditRecord], state: &HostState) {
    if row.action != Action::Ptrace {
        return;
    }
    let counted_by_host = operand::of_kind(records, "OBJ_PID").next().is_some();
    let contained = row.container_id.is_some() || row.label.as_deref().is_some_and(is_container_label);
    if contained && !counted_by_host {
        row.target_pid = None;
    }
    let known = row.target_pid.and_then(|pid| state.exe_of(pid));
    row.target_exe = known.or(row.target_exe.take());
}

/// A filter that kills is told of twice, by itself and as the crash: the crash is then no second decision.
fn killed(row: &mut HostEvent, records: &[AuditRecord], state: &mut HostState) {
    let is_crash = records.iter().any(|audit| audit.kind == "ANOM_ABEND");
    let Some(pid) = row.pid else { return };
    if !is_crash {
        state.filtered(pid, row.event_time);
    } else if state.was_filtered(pid, row.event_time) {
        (row.control, row.mode) = (HostControl::None, ControlMode::Unknown);
    }
}

#[cfg(test)]
mod order {
    use super::*;

    /// Scenario: two stamps of one moment. Guarantees: ids depend on host, stamp and index.
    #[test]
    fn ids_depend_on_host_and_stamp() {
        let id = |host: &str, stamp: &str| row_id("linux-audit", Some(host), stamp, b"0");
        assert_ne!(id("a", "1.0:1"), id("b", "1.0:1"));
        assert_ne!(id("a", "1.0:1"), id("a", "1.0:2"));
        assert_ne!(id("a", "1.0:1"), row_id("laurel", Some("a"), "1.0:1", b"0"));
    }
}
