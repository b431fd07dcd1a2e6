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
mod seccomp;
mod selinux;
mod sockaddr;
mod standalone;
mod statement;

use offbound_schemas::{EventRows, EventTime};

use self::assemble::{Assembler, Taken};
use self::header::{AuditRecord, Parsed};
use super::{Decode, Format, Identity, Record, Verdict};

/// Linux audit.
pub(crate) const FORMAT: Format = Format {
    id: "linux-audit",
    title: "Linux audit records: auditd, kernel log, ausearch",
    fills: &["host_events"],
    sample: r#"type=AVC msg=audit(1772359200.500:4121): apparmor="DENIED" operation="open" profile="docker-default" name="/etc/shadow" pid=4121 comm="cat" requested_mask="r" denied_mask="r" fsuid=0 ouid=0"#,
    identity: Identity::BytesAndOccurrence,
    sniff,
    decoder: || Box::new(LinuxAudit::default()),
};

#[derive(Default)]
struct LinuxAudit {
    assembler: Assembler,
    loss: loss::Loss,
}

fn sniff(record: &Record<'_>) -> u8 {
    if record.json.is_some() {
        return 0;
    }
    let text = record.text;
    match header::parse_all(text).first() {
        Some(Parsed::Record(_)) => 95,
        Some(Parsed::Malformed(_)) if text.contains("type=") || text.contains("msg=audit(") => 70,
        _ if loss::is_loss(text) => 80,
        _ if text.contains("apparmor=\"") || text.contains("avc:  denied") => 75,
        _ if text.starts_with("time->") => 50,
        _ if text.trim_end() == "----" => 20,
        _ => 0,
    }
}

impl Decode for LinuxAudit {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let parsed = header::parse_all(record.text);
        if parsed.is_empty() {
            return self.without_stamp(record, rows);
        }
        let mut verdict = None;
        for part in parsed {
            let one = match part {
                Parsed::Malformed(reject) => Verdict::Rejected(reject),
                Parsed::Record(audit) => self.take(record, audit, rows),
            };
            // A line with several records counts as decoded if any of them is; else the first one says why not.
            if verdict.is_none() || one == Verdict::Decoded {
                verdict = Some(one);
            }
        }
        verdict.unwrap_or(Verdict::Skipped("blank"))
    }

    fn finish(&mut self, rows: &mut EventRows) {
        self.assembler.finish(rows);
    }
}

impl LinuxAudit {
    fn take(&mut self, record: &Record<'_>, audit: AuditRecord, rows: &mut EventRows) -> Verdict {
        self.loss.saw(audit.stamp.time);
        if audit.kind == "EOE" {
            return Verdict::Skipped("end-of-event");
        }
        match self.assembler.take(record, audit, rows) {
            Taken::Gathered => Verdict::Decoded,
            Taken::Duplicate => Verdict::Skipped("duplicate-record"),
            Taken::Late => Verdict::Skipped("late-record"),
            Taken::TooLarge => Verdict::Skipped("event-too-large"),
        }
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
                Some(Parsed::Record(audit)) => {
                    let made = event::stampless(record, audit);
                    rows.host_events.extend(made);
                    Verdict::Decoded
                }
                Some(Parsed::Malformed(reject)) => Verdict::Rejected(reject),
                None => Verdict::Skipped("not-an-audit-record"),
            },
        }
    }
}

#[cfg(test)]
mod tests;
