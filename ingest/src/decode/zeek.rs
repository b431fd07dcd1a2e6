//! Zeek's connection log, and what it says of its losses, as JSON and as text with a `#fields` header.
//!
//! In: one connection a line (Zeek 3 to 8; `ts` in seconds with fraction, or a text). Out: rows of `host_events`.
//! Owns: the header of a text log, which decides separator, columns and marks of absence. Leaves to [`header`] reading it, to
//! [`loss`] the reports on losses.
//! Dropped: header lines, logs of other protocols, reports that nothing was lost (named).
//! Law: Zeek watches a wire: the row names addresses and no host, and nothing refused anything.

mod header;
mod loss;

use offbound_schemas::EventRows;
use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HookClass, HostControl, Outcome};
use serde_json::{Map, Value};

use self::header::Header;
use super::field::{at, has, str_at, string_at, time_at, u16_at, unmapped};
use super::{Decode, Format, Identity, Record, Verdict, act, address};

/// Zeek.
pub(crate) const FORMAT: Format = Format {
    id: "zeek",
    title: "Zeek conn.log, JSON and text",
    fills: &["host_events"],
    sample: r#"{"ts":1772359200.500001,"uid":"CAbcdEfgh1234567","id.orig_h":"10.1.0.7","id.orig_p":41000,"id.resp_h":"10.2.0.1","id.resp_p":443,"proto":"tcp","service":"ssl","duration":0.25,"orig_bytes":1200,"resp_bytes":5300,"conn_state":"SF","history":"ShADadFf"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Zeek::default()),
};

#[derive(Default)]
struct Zeek {
    header: Header,
}

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return header::sniff(record.text) };
    if loss::is_report(json) && has(json, &["ts"]) {
        return 86;
    }
    let ends = has_end(json, "orig_h") && has_end(json, "resp_h");
    let is_zeek = ends && has(json, &["uid"]) && has(json, &["ts"]);
    match is_zeek {
        true if has(json, &["conn_state"]) || has(json, &["proto"]) => 92,
        true => 82,
        false => 0,
    }
}

fn has_end(json: &Value, end: &str) -> bool {
    end_field(json, end).is_some()
}

/// `id.orig_h`, `id_orig_h`, or `orig_h` within `id`: exporters differ.
fn end_field<'v>(json: &'v Value, end: &str) -> Option<&'v Value> {
    at(json, &[&format!("id.{end}")])
        .or_else(|| at(json, &[&format!("id_{end}")]))
        .or_else(|| at(json, &["id", end]))
}

impl Decode for Zeek {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let fields;
        let json = match record.json {
            Some(json) => json,
            None if record.text.starts_with('#') => {
                self.header.read(record.text);
                return Verdict::Skipped("zeek-header");
            }
            None => match self.header.fields(record.text) {
                Ok(read) => {
                    fields = Value::Object(read);
                    &fields
                }
                Err(reject) => return Verdict::Rejected(reject),
            },
        };
        if loss::is_report(json) {
            return lost(record, json, rows);
        }
        let path = ["_path", "@stream", "log_type"].iter().find_map(|key| str_at(json, &[key]));
        if path.or(self.header.path()).is_some_and(|path| path != "conn") || !is_connection(json) {
            return Verdict::Skipped("not-a-connection");
        }
        let Some(time) = time_at(json, &["ts"]) else {
            return Verdict::reject("no-time", "ts is missing or no time");
        };
        let mut row = record.host_event(time);
        describe(json, &mut row);
        rows.host_events.push(row);
        Verdict::Decoded
    }
}

fn lost(record: &Record<'_>, json: &Value, rows: &mut EventRows) -> Verdict {
    let Some(time) = time_at(json, &["ts"]) else {
        return Verdict::reject("no-time", "ts is missing or no time");
    };
    let gap = loss::row(record, json, time);
    let verdict = if gap.is_some() { Verdict::Decoded } else { Verdict::Skipped("nothing-lost") };
    rows.host_events.extend(gap);
    verdict
}

fn is_connection(json: &Value) -> bool {
    has(json, &["conn_state"]) || (has(json, &["proto"]) && !has(json, &["query"]))
}

fn describe(json: &Value, row: &mut HostEvent) {
    // What is in the envelope is the sensor's host: Zeek knows the ends by their addresses alone.
    row.host = None;
    row.boot_id = None;
    row.hook_class = HookClass::Unknown;
    row.control = HostControl::None;
    row.native_id = string_at(json, &["uid"]);
    row.protocol = str_at(json, &["proto"]).map(str::to_lowercase);
    let end = |name: &str| end_field(json, name).and_then(Value::as_str).and_then(address::normal);
    // ICMP has types and codes in the place of ports.
    let port = |name: &str| {
        let value = end_field(json, name).filter(|_| row.protocol.as_deref() != Some("icmp"))?;
        u16_at(value, &[]).filter(|port| *port != 0)
    };
    let (source_port, peer_port) = (port("orig_p"), port("resp_p"));
    (row.src_addr, row.src_port) = (end("orig_h"), source_port);
    (row.dst_addr, row.dst_port) = (end("resp_h"), peer_port);
    row.action = Action::NetConnect;
    act::connected(row);
    row.outcome = outcome(str_at(json, &["conn_state"]));
    row.unmapped = rest(json);
}

/// Whether the peer answered. A rejection is the peer's, or its firewall's.
fn outcome(state: Option<&str>) -> Outcome {
    match state {
        Some("SF" | "S1" | "S2" | "S3" | "RSTO" | "RSTR") => Outcome::Allowed,
        Some("REJ") => Outcome::Failed,
        Some("S0" | "SH" | "RSTOS0") => Outcome::Attempted,
        _ => Outcome::Unknown,
    }
}

fn rest(json: &Value) -> Option<String> {
    const HELD: &[&str] = &["ts", "uid", "proto", "id"];
    let others: Map<String, Value> = json
        .as_object()?
        .iter()
        .filter(|(key, _)| {
            !HELD.contains(&key.as_str()) && !key.starts_with("id.") && !key.starts_with("id_")
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    unmapped(others.iter().map(|(key, value)| (key.as_str(), Some(value))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Envelope;
    use crate::decode::trial::{check_sample, run, run_in, sniff};

    /// Scenario: the sample, with a host in the envelope. Guarantees: it is recognised and decoded; the host is the
    /// sensor's and not the row's.
    #[test]
    fn sample_decodes() {
        check_sample(&FORMAT);
        let envelope = Envelope { host: Some("sensor".into()), ..Envelope::default() };
        let (_, rows) = run_in(&FORMAT, &[FORMAT.sample], &envelope);
        let row = &rows.host_events[0];
        assert_eq!((row.host.as_deref(), row.outcome), (None, Outcome::Allowed));
        assert_eq!(row.event_time.to_string(), "2026-03-01T10:00:00.500001000Z", "the fraction is exact");
        assert_eq!((row.dst_addr.as_deref(), row.dst_port), (Some("10.2.0.1"), Some(443)));
    }

    /// Scenario: a text log with its own separator and marks. Guarantees: columns by the header, absent values absent,
    /// header lines and other logs skipped by name, rows before any header refused.
    #[test]
    fn text_logs() {
        let lines = [
            "1927944306.123457\tC0123456789abcdef\t10.1.0.7\t8\t10.2.0.1\t0\ticmp\t-\tOTH",
            "#separator \\x09",
            "#unset_field\t-",
            "#path\tconn",
            "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tconn_state",
            "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tstring",
            "1927944306.123457\tC0123456789abcdef\t10.1.0.7\t8\t10.2.0.1\t0\ticmp\t-\tOTH",
            "1927944306.5\tC0123456789abcdeg\t10.1.0.7\t4000\t169.254.169.254\t80\ttcp\t-\tREJ",
            "1927944306.5\tC0123456789abcdeg\t10.1.0.7",
            "#close\t2031-02-04-05-00-00",
        ];
        for line in lines.iter().filter(|line| line.starts_with('#')) {
            assert!(sniff(&FORMAT, line) >= 80, "{line}");
        }
        assert!(sniff(&FORMAT, lines[0]) >= 80);
        let (verdicts, rows) = run(&FORMAT, &lines);
        assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "missing-header"));
        assert!(matches!(&verdicts[8], Verdict::Rejected(reject) if reject.reason == "missing-field"));
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Skipped("zeek-header")).count(), 6);
        let [icmp, rejected] = rows.host_events.as_slice() else { unreachable!("{rows:?}") };
        assert_eq!((icmp.src_port, icmp.outcome), (None, Outcome::Unknown));
        assert_eq!(icmp.event_time.to_string(), "2031-02-04T04:05:06.123457000Z");
        assert_eq!((rejected.action, rejected.outcome), (Action::ImdsAccess, Outcome::Failed));
    }

    /// Scenario: reports on losses, as JSON and as text, and reports that there were none. Guarantees: a loss is a gap of the stretch
    /// that the report is about, of no host; no loss is none.
    #[test]
    fn losses() {
        let capture = r#"{"ts":1927944306.5,"ts_delta":900.0,"peer":"worker-1","gaps":12,"acks":1000,"percent_lost":1.2}"#;
        let stats = r#"{"_path":"stats","ts":1927944306.5,"peer":"zeek","mem":77,"pkts_proc":9,"bytes_recv":9,"pkts_dropped":3,"pkts_link":12}"#;
        for line in [capture, stats] {
            assert!(sniff(&FORMAT, line) >= 80, "{line}");
        }
        let none = capture.replace("12,", "0,");
        let (verdicts, rows) = run(&FORMAT, &[capture, stats, &none]);
        assert_eq!(verdicts[2], Verdict::Skipped("nothing-lost"));
        let [first, second] = rows.host_events.as_slice() else { unreachable!("{rows:?}") };
        assert_eq!((first.action, first.lost, first.host.as_deref()), (Action::TelemetryGap, Some(12), None));
        assert_eq!(first.gap_from, Some(first.event_time.plus_nanos(-900_000_000_000)));
        assert_eq!((second.lost, second.gap_from), (Some(3), None));
        let text = [
            "#separator \\x09",
            "#path\tcapture_loss",
            "#fields\tts\tts_delta\tpeer\tgaps\tacks\tpercent_lost",
            "1927944306.500000\t900.000000\tworker-1\t12\t1000\t1.2",
        ];
        let (_, rows) = run(&FORMAT, &text);
        assert_eq!(rows.host_events[0].lost, Some(12));
        assert!(sniff(&FORMAT, text[3]) > 0, "known among lines of its log");
    }

    /// Scenario: records of other logs and other spellings. Guarantees: skipped by name; ends found in every spelling.
    #[test]
    fn spellings() {
        let dns = r#"{"_path":"dns","ts":1927944306.5,"uid":"C1","id.orig_h":"10.1.0.7","id.resp_h":"10.2.0.1","proto":"udp","query":"a.example"}"#;
        let nested = r#"{"ts":"2031-02-04T04:05:06.5Z","uid":"C1","id":{"orig_h":"10.1.0.7","orig_p":4000,"resp_h":"10.2.0.1","resp_p":80},"proto":"tcp","conn_state":"S0"}"#;
        let (verdicts, rows) = run(&FORMAT, &[dns, nested]);
        assert_eq!(verdicts, [Verdict::Skipped("not-a-connection"), Verdict::Decoded]);
        assert_eq!(
            (rows.host_events[0].outcome, rows.host_events[0].dst_port),
            (Outcome::Attempted, Some(80))
        );
    }
}
