//! Log of GKE's metadata server: which pod asked for a cloud token, and what it was given.
//!
//! In: klog lines with `[conn-id:… rpc-id:… remote-addr:… pod:NAMESPACE/NAME]` (gke-metadata-server of 2022 to 2025).
//! Out: a host event for each request that was answered, and an identity assertion where a token was asked for.
//! Owns: joining the lines of one request, by its rpc-id.
//! Dropped: lines on caches and connections (named); lines of other parts of the server (named).
//! Law: klog writes no year: the time is the one that the line says itself (`started at`), else the runtime's; the pod
//! is what the server looked up for the connection, and the asker inside it may be serving somebody else.

use std::collections::VecDeque;

use offbound_schemas::table::{HostEvent, IdentityAssertion};
use offbound_schemas::vocabulary::{
    AddrQuality, Attribution, Decision, HookClass, HostControl, Outcome, Phase,
};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::address::Address;
use super::field::unmapped;
use super::{Decode, Format, Held, Identity, Inside, Record, Verdict, act};

/// GKE's metadata server.
pub(crate) const FORMAT: Format = Format {
    id: "gke-metadata",
    title: "GKE metadata-server log",
    fills: &["host_events", "identity_assertions"],
    sample: r#"I0301 10:00:00.600000    7 metadata.go:216] [conn-id:28ee2e817c50 rpc-id:5a52d15ecef3 remote-addr:10.1.0.7:51444 pod:shop/web-7] "/computeMetadata/v1/instance/service-accounts/default/token" HTTP/200, started at 2026-03-01 10:00:00.500000001 +0000 UTC m=+128164.085248183"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(GkeMetadata::default()),
};

/// The name by which pods reach the server.
const SERVER: &str = "metadata.google.internal";
/// Requests whose answer is still to come. The server answers within seconds, and a node has some hundred pods.
const MAX_PENDING: usize = 1_024;

#[derive(Default)]
struct GkeMetadata {
    /// Tokens asked for, oldest first.
    pending: VecDeque<Asked>,
    inside: Inside,
}

/// A token that was asked for.
struct Asked {
    number: u64,
    rpc: String,
    row: IdentityAssertion,
}

/// One line, taken apart.
struct Line<'t> {
    rpc: Option<&'t str>,
    connection: Option<&'t str>,
    peer: Option<Address>,
    pod: Option<(&'t str, &'t str)>,
    message: &'t str,
}

fn sniff(record: &Record<'_>) -> u8 {
    if record.json.is_some() || !is_klog(record.text) {
        return 0;
    }
    let ours = record.envelope.program.as_deref() == Some("gke-metadata-server");
    match Line::of(record.text) {
        Some(line) if line.rpc.is_some() && line.peer.is_some() => 92,
        Some(line) if line.connection.is_some() => 84,
        _ if ours => 60,
        _ => 0,
    }
}

/// `I0905 16:57:07.878540   74418 access_token.go:112] …`.
fn is_klog(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits =
        |from: usize, to: usize| bytes.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    matches!(bytes.first(), Some(b'I' | b'W' | b'E' | b'F'))
        && digits(1, 5)
        && bytes.get(5) == Some(&b' ')
        && digits(6, 8)
}

impl<'t> Line<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let (_, rest) = text.split_once("] ")?;
        let (context, message) =
            rest.strip_prefix('[')?.split_once("] ").or_else(|| rest.strip_prefix('[')?.split_once(']'))?;
        let word = |key: &str| {
            context.split(' ').find_map(|word| word.strip_prefix(key)).filter(|value| !value.is_empty())
        };
        Some(Self {
            rpc: word("rpc-id:"),
            connection: word("conn-id:"),
            peer: word("remote-addr:").and_then(Address::parse),
            pod: word("pod:").and_then(|pod| pod.split_once('/')),
            message,
        })
    }
}

impl Decode for GkeMetadata {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(line) = Line::of(record.text) else { return Verdict::Skipped("operational") };
        if let Some(account) = asked_account(line.message) {
            return self.asked(record, &line, account, rows);
        }
        let Some((path, status)) = answer(line.message) else { return Verdict::Skipped("request-detail") };
        let Some(time) = started_at(line.message).or(record.envelope.time) else {
            return no_time();
        };
        rows.host_events.push(request(record, &line, path, status, time));
        if let Some(assertion) = self.handed_out(record, &line, path, status, time) {
            rows.identity_assertions.push(assertion);
        }
        Verdict::Decoded
    }

    fn held(&self) -> Held {
        self.inside.held()
    }

    fn finish(&mut self, rows: &mut EventRows) {
        while let Some(oldest) = self.take(0) {
            rows.identity_assertions.push(oldest);
        }
    }
}

fn no_time() -> Verdict {
    Verdict::reject("no-time", "klog writes no year, and no envelope gives a time")
}

impl GkeMetadata {
    /// The token asked for at this place in the line.
    fn take(&mut self, place: usize) -> Option<IdentityAssertion> {
        let Asked { number, row, .. } = self.pending.remove(place)?;
        self.inside.end(number);
        Some(row)
    }

    /// A token is asked for; what came of it is in a later line.
    fn asked(
        &mut self,
        record: &Record<'_>,
        line: &Line<'_>,
        account: &str,
        rows: &mut EventRows,
    ) -> Verdict {
        let Some(time) = record.envelope.time else { return no_time() };
        let mut assertion = assertion(record, line, time);
        assertion.subject = Some(account.to_owned());
        let Some(rpc) = line.rpc else {
            rows.identity_assertions.push(assertion);
            return Verdict::Decoded;
        };
        if self.pending.len() >= MAX_PENDING {
            rows.identity_assertions.extend(self.take(0));
        }
        self.pending.push_back(Asked { number: self.inside.begin(), rpc: rpc.to_owned(), row: assertion });
        Verdict::Decoded
    }

    /// A request for a token was answered.
    fn handed_out(
        &mut self,
        record: &Record<'_>,
        line: &Line<'_>,
        path: &str,
        status: u16,
        time: EventTime,
    ) -> Option<IdentityAssertion> {
        let place = self.pending.iter().position(|asked| Some(asked.rpc.as_str()) == line.rpc);
        let asked = place.and_then(|place| self.take(place));
        let (before, kind) = path.split('?').next()?.rsplit_once('/')?;
        let is_token = matches!(kind, "token" | "identity");
        if asked.is_none() && !is_token {
            return None;
        }
        let mut row = asked.unwrap_or_else(|| IdentityAssertion {
            event_id: record.row_id(1),
            subject: account_of(before).map(str::to_owned),
            ..assertion(record, line, time)
        });
        row.status = Some(status);
        row.action = Some(format!("GET {path}"));
        row.decision = match status {
            200..300 => Decision::Allow,
            401 | 403 => Decision::Deny,
            _ => Decision::Error,
        };
        Some(row)
    }
}

/// The account of a path that names one. `default` is whichever the pod has, so it names none.
fn account_of(path: &str) -> Option<&str> {
    path.rsplit('/').next().filter(|account| account.contains('@'))
}

/// `Fetching access token for service account "NAME" …`.
fn asked_account(message: &str) -> Option<&str> {
    let (before, rest) = message.split_once("for service account \"")?;
    before.starts_with("Fetching").then(|| rest.split('"').next())?.filter(|account| !account.is_empty())
}

/// `"PATH" HTTP/STATUS, …`.
fn answer(message: &str) -> Option<(&str, u16)> {
    let (path, rest) = message.strip_prefix('"')?.split_once("\" HTTP/")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    Some((path, rest.get(..digits)?.parse().ok()?))
}

/// `started at 2026-03-01 10:00:00.5 +0000 UTC m=+128164.08`.
fn started_at(message: &str) -> Option<EventTime> {
    let (_, rest) = message.split_once("started at ")?;
    let (moment, _) = rest.split_once(" +0000 UTC")?;
    EventTime::parse(moment).ok()
}

fn request(record: &Record<'_>, line: &Line<'_>, path: &str, status: u16, time: EventTime) -> HostEvent {
    let mut row = record.host_event(time);
    row.native_id = line.rpc.map(str::to_owned);
    (row.namespace, row.pod) = line.pod.map(|(space, pod)| (space.to_owned(), pod.to_owned())).unzip();
    row.attribution = if row.pod.is_some() { Attribution::Direct } else { Attribution::None };
    row.hook_class = HookClass::Userspace;
    row.control = HostControl::None;
    row.src_addr = line.peer.map(|peer| peer.text());
    row.src_port = line.peer.and_then(|peer| peer.port);
    row.dst_host = Some(SERVER.to_owned());
    row.protocol = Some("tcp".to_owned());
    act::target(Some(path.to_owned()), &mut row);
    act::connected(&mut row);
    row.outcome = if (200..400).contains(&status) { Outcome::Allowed } else { Outcome::Failed };
    let (status, connection) = (Value::from(status), line.connection.map(Value::from));
    row.unmapped = unmapped([("status", Some(&status)), ("conn-id", connection.as_ref())]);
    row
}

/// A token of a cloud account for a pod: the pod presents itself, the account is what it becomes.
fn assertion(record: &Record<'_>, line: &Line<'_>, time: EventTime) -> IdentityAssertion {
    let mut row = record.assertion(time);
    row.phase = Phase::Issue;
    row.decision = Decision::None;
    row.request_id = line.rpc.map(str::to_owned);
    row.presenter = line.pod.map(|(space, pod)| format!("{space}/{pod}"));
    row.src_addr = line.peer.map(|peer| peer.text());
    row.src_port = line.peer.and_then(|peer| peer.port);
    row.addr_quality = if row.src_addr.is_some() { AddrQuality::Direct } else { AddrQuality::None };
    row.dst = Some(SERVER.to_owned());
    row.action = Some("fetch access token".to_owned());
    row.platform = Some("gcp".to_owned());
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Envelope;
    use crate::decode::trial::{check_sample, run, run_in, sniff};

    /// Scenario: the sample. Guarantees: it is recognised; the request is seen at its own time, and the token with it.
    #[test]
    fn sample_decodes() {
        check_sample(&FORMAT);
        let (_, rows) = run(&FORMAT, &[FORMAT.sample]);
        let (event, token) = (&rows.host_events[0], &rows.identity_assertions[0]);
        assert_eq!(event.event_time.to_string(), "2026-03-01T10:00:00.500000001Z");
        assert_eq!((event.pod.as_deref(), event.src_addr.as_deref()), (Some("web-7"), Some("10.1.0.7")));
        assert_eq!(
            (token.decision, token.presenter.as_deref(), token.subject.as_deref()),
            (Decision::Allow, Some("shop/web-7"), None)
        );
        assert_ne!(event.event_id, token.event_id);
    }

    fn line(message: &str) -> String {
        format!(
            "I0203 04:05:06.000001   9 x.go:1] [conn-id:c1 rpc-id:r1 remote-addr:10.1.0.7:4000 pod:shop/web] {message}"
        )
    }

    /// Scenario: the lines of one request, in the runtime's envelope. Guarantees: one token, with the account of the first
    /// line and the answer of the last; a request that is never answered still shows.
    #[test]
    fn one_request_is_one_token() {
        let asked = line(
            r#"Fetching access token for service account "shop@p.example" with delegates "" in pod shop/web."#,
        );
        let detail = line("Loading new entry succeeded");
        let answered = line(
            r#""/computeMetadata/v1/instance/service-accounts/default/token" HTTP/200, started at 2031-02-04 04:05:06.5 +0000 UTC m=+1"#,
        );
        let envelope = Envelope {
            time: EventTime::parse("2031-02-04T04:05:07Z").ok(),
            host: Some("n9".into()),
            ..Envelope::default()
        };
        let (verdicts, rows) = run_in(&FORMAT, &[&asked, &detail, &answered], &envelope);
        assert_eq!(verdicts, [Verdict::Decoded, Verdict::Skipped("request-detail"), Verdict::Decoded]);
        assert_eq!((rows.host_events.len(), rows.identity_assertions.len()), (1, 1));
        let token = &rows.identity_assertions[0];
        assert_eq!(
            (token.subject.as_deref(), token.decision, token.status),
            (Some("shop@p.example"), Decision::Allow, Some(200))
        );
        let (_, rows) = run_in(&FORMAT, &[&asked], &envelope);
        assert_eq!(rows.identity_assertions[0].decision, Decision::None);
    }

    /// Scenario: refusals, other paths, lines without a time, other klog lines. Guarantees: no token where none was asked
    /// for or given; skipped and refused by name.
    #[test]
    fn others() {
        let refused = line(
            r#""/computeMetadata/v1/instance/service-accounts/a@p.example/identity?audience=x" HTTP/403, started at 2031-02-04 04:05:06.5 +0000 UTC m=+1"#,
        );
        let hostname = line(
            r#""/computeMetadata/v1/instance/hostname" HTTP/200, started at 2031-02-04 04:05:06.5 +0000 UTC m=+1"#,
        );
        let timeless = line(r#""/computeMetadata/v1/instance/hostname" HTTP/200"#);
        let other = "I0203 04:05:06.000001   9 main.go:1] Listening";
        let (verdicts, rows) = run(&FORMAT, &[&refused, &hostname, &timeless, other]);
        assert_eq!(verdicts[..2], [Verdict::Decoded, Verdict::Decoded]);
        assert!(matches!(&verdicts[2], Verdict::Rejected(reject) if reject.reason == "no-time"));
        assert_eq!(verdicts[3], Verdict::Skipped("operational"));
        let [token] = rows.identity_assertions.as_slice() else { unreachable!("{rows:?}") };
        assert_eq!((token.decision, token.subject.as_deref()), (Decision::Deny, Some("a@p.example")));
        assert_eq!(rows.host_events[0].outcome, Outcome::Failed);
        assert_eq!(sniff(&FORMAT, other), 0, "any Go program writes like that");
    }
}
