//! The kernel's audit records, as auditd writes them, as the kernel log has them, and as `ausearch` prints them.
//!
//! In: lines such as `type=SYSCALL msg=audit(SEC.MS:SERIAL): …` or `audit: type=1326 audit(…): …`, in any interleaving.
//! Out: one row of `host_events` for each event, and one more for each further statement of it that differs.
//! Owns: the list below of what happens to a line: [`header`] reads it, [`assemble`] gathers the records of an event,
//! [`event`] makes rows, [`loss`] reads what the kernel says about lost records.
//! Dropped by name: separators and comments of `ausearch`, ends of events, records that came twice or too late.
//! Law: rows depend on the records of an event only, not on their order or on what stands between them; time is log time.

mod apparmor;
mod assemble;
mod call;
mod event;
mod fields;
mod header;
mod host_state;
mod kind;
mod loss;
mod operand;
mod refusal;
mod seccomp;
mod selinux;
mod sockaddr;
mod standalone;
mod statement;
mod stops;
mod uring;

use offbound_schemas::{EventRows, EventTime};

pub(super) use self::assemble::Assembler;
use self::assemble::Taken;
pub(super) use self::fields::Fields;
use self::header::Parsed;
pub(super) use self::header::{AuditRecord, Stamp};
pub(super) use self::host_state::process_key;
use super::{Decode, Format, Held, Identity, Record, Verdict};
use crate::fast::{Fate, PlainText};

const ID: &str = "linux-audit";

/// Linux audit.
pub(crate) const FORMAT: Format = Format {
    id: ID,
    title: "Linux audit records: auditd, kernel log, ausearch",
    fills: &["host_events"],
    sample: r#"type=AVC msg=audit(1772359200.500:4121): apparmor="DENIED" operation="open" profile="docker-default" name="/etc/shadow" pid=4121 comm="cat" requested_mask="r" denied_mask="r" fsuid=0 ouid=0"#,
    identity: Identity::BytesAndOccurrence,
    sniff,
    decoder: || Box::new(LinuxAudit::default()),
};

/// Lines as auditd writes them; the rows have the identity of their event.
pub(crate) const PLAIN: PlainText = PlainText { id: ID, confidence: 95, beginnings: &["type=", "node="] };

struct LinuxAudit {
    assembler: Assembler,
    loss: loss::Loss,
}

impl Default for LinuxAudit {
    fn default() -> Self {
        Self { assembler: Assembler::new(ID), loss: loss::Loss::default() }
    }
}

/// Programs that speak for the kernel's audit, or for a control, wherever in their lines.
const SPEAKERS: &[&str] =
    &["kernel", "audit", "auditd", "audispd", "audisp-syslog", "audisp-remote", "augenrules", "auditctl"];

fn sniff(record: &Record<'_>) -> u8 {
    if record.json.is_some() || !may_tell(record) {
        return 0;
    }
    let text = record.text;
    match header::parse_all(text).first() {
        // The Azure collector's lines look alike, and are a format of their own.
        Some(Parsed::Record(audit)) if super::auoms::is_assembled(audit) => 0,
        Some(Parsed::Record(_)) => 95,
        Some(Parsed::Malformed(_)) if text.contains("type=") || text.contains("msg=audit(") => 70,
        _ if loss::is_loss(text) => 80,
        _ if text.contains("apparmor=\"") || text.contains("avc:  denied") => 75,
        _ if header::without_stamp(text, record.envelope.time).is_some() && text.contains("profile=\"") => 60,
        _ if is_journal_record(record) => 65,
        _ if text.starts_with("time->") => 50,
        _ if is_kernel(record) || is_daemon(record) => 30,
        _ if text.trim_end() == "----" => 20,
        _ => 0,
    }
}

/// Whether a line may be a record. What other programs log holds what others sent them, such as the name under which somebody
/// wanted to log in: there a line is a record only if it begins as one.
fn may_tell(record: &Record<'_>) -> bool {
    const BEGINNINGS: &[&str] =
        &["type=", "node=", "host=", "audit", "apparmor=", "avc:", "selinux:", "time->", "----"];
    let Some(program) = record.envelope.program.as_deref() else { return true };
    let text = behind_uptime(record.text.trim_start());
    let word = text.split(' ').next().unwrap_or_default();
    SPEAKERS.contains(&program)
        || program.starts_with("dbus")
        || BEGINNINGS.iter().any(|start| text.starts_with(start))
        || kind::is_known(&kind::name(word))
        || program.starts_with("systemd-journal") && loss::is_loss(text)
}

/// What stands behind `[ 12.345678] `, with which the kernel begins its lines.
fn behind_uptime(text: &str) -> &str {
    let inside = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let is_uptime =
        |stamp: &str| stamp.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'.'));
    inside.filter(|(stamp, _)| is_uptime(stamp)).map_or(text, |(_, rest)| rest.trim_start())
}

/// Whether the kernel said it: most of what it says is about hardware and networks.
fn is_kernel(record: &Record<'_>) -> bool {
    record.envelope.program.as_deref() == Some("kernel")
}

/// Whether the audit daemon or one of its helpers said it of itself.
fn is_daemon(record: &Record<'_>) -> bool {
    matches!(record.envelope.program.as_deref(), Some("auditd" | "audispd" | "augenrules" | "auditctl"))
}

/// Whether the journal printed an audit record without its stamp: `audit[77]: SECCOMP auid=…`.
fn is_journal_record(record: &Record<'_>) -> bool {
    record.envelope.program.as_deref() == Some("audit")
        && header::without_stamp(record.text, record.envelope.time).is_some()
}

impl Decode for LinuxAudit {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        if !may_tell(record) {
            return Verdict::Skipped("not-an-audit-record");
        }
        let parsed = header::parse_all(record.text);
        if parsed.is_empty() {
            return self.without_stamp(record, rows);
        }
        let mut verdict = None;
        for part in parsed {
            let one = match part {
                Parsed::Malformed(reject) => Verdict::Rejected(reject),
                Parsed::Record(audit) => self.take(record, audit, rows).into(),
            };
            // A line with several records counts as decoded if any of them is; else the first one says why not.
            if verdict.is_none() || one == Verdict::Decoded {
                verdict = Some(one);
            }
        }
        verdict.unwrap_or(Verdict::Skipped("blank"))
    }

    fn decode_plain(
        &mut self,
        record: &Record<'_>,
        is_clean: &mut dyn FnMut() -> bool,
        rows: &mut EventRows,
    ) -> Option<Fate> {
        let audit = header::plain(record.text).filter(|audit| !super::auoms::is_assembled(audit))?;
        is_clean().then(|| self.take(record, audit, rows))
    }

    fn held(&self) -> Held {
        self.assembler.held()
    }

    fn finish(&mut self, rows: &mut EventRows) {
        self.assembler.finish(rows);
    }
}

impl LinuxAudit {
    fn take(&mut self, record: &Record<'_>, audit: AuditRecord, rows: &mut EventRows) -> Fate {
        let host = audit.node.as_deref().or(record.envelope.host.as_deref()).unwrap_or_default();
        self.loss.saw(host, audit.moment.0);
        if audit.kind == "EOE" {
            return Fate::Skipped("end-of-event");
        }
        self.assembler.take(record, audit, rows).into()
    }

    /// Lines that carry no stamp: noise of `ausearch`, losses, and decisions whose stamp a shipper cut off.
    fn without_stamp(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let text = record.text.trim();
        let time: Option<EventTime> = record.envelope.time;
        match text {
            "" => Verdict::Skipped("blank"),
            "----" => Verdict::Skipped("separator"),
            _ if text.starts_with('#') => Verdict::Skipped("comment"),
            _ if text.starts_with("time->") || text.starts_with("<no matches>") => {
                Verdict::Skipped("ausearch-heading")
            }
            _ if loss::is_loss(text) => self.loss.decode(record, rows),
            _ => match header::without_stamp(text, time) {
                // Which event it is part of, nobody can tell.
                Some(Parsed::Record(audit)) if standalone::is_operand(&audit.kind) => {
                    Verdict::Skipped("operand-without-event")
                }
                Some(Parsed::Record(audit)) => {
                    let made = event::stampless(record, audit);
                    rows.host_events.extend(made);
                    Verdict::Decoded
                }
                Some(Parsed::Malformed(reject)) => Verdict::Rejected(reject),
                None if is_kernel(record) => Verdict::Skipped("kernel-message"),
                None if is_daemon(record) => Verdict::Skipped("daemon-message"),
                None => Verdict::Skipped("not-an-audit-record"),
            },
        }
    }
}

impl From<Taken> for Verdict {
    fn from(taken: Taken) -> Self {
        Fate::from(taken).into()
    }
}

/// The records in a text that another format kept of the raw log.
pub(super) fn lines_of(text: &str) -> Vec<AuditRecord> {
    let record = |part| match part {
        Parsed::Record(audit) => Some(audit),
        Parsed::Malformed(_) => None,
    };
    header::parse_all(text).into_iter().filter_map(record).collect()
}

impl From<Taken> for Fate {
    fn from(taken: Taken) -> Self {
        match taken {
            Taken::Gathered => Self::Decoded,
            Taken::Duplicate => Self::Skipped("duplicate-record"),
            Taken::Late => Self::Skipped("late-record"),
            Taken::TooLarge => Self::Skipped("event-too-large"),
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_forgeries;
#[cfg(test)]
mod tests_of_variants;
