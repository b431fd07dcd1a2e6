//! Connections of hosts as Microsoft's tables hold them: VM insights (`VMConnection`) and Defender (`DeviceNetworkEvents`).
//!
//! In: a row of a table as JSON, also under `properties`, as event hubs carry it. Out: rows of `host_events`.
//! Owns: which end is the host's own, by direction and kind of event.
//! Dropped: counters of bytes and links are kept unmapped.
//! Law: a row of VM insights sums up an interval and has its start for a time: it orders nothing, and says so.

use offbound_schemas::EventRows;
use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HookClass, HostControl, Outcome};
use serde_json::{Map, Value};

use super::field::{at, has, str_at, string_at, time_at, u16_at, u32_at, u64_at, unmapped};
use super::{Decode, Format, Identity, Record, Verdict, act, address};

/// Connection tables of Azure Monitor and Microsoft Defender.
pub(crate) const FORMAT: Format = Format {
    id: "vm-connection",
    title: "Azure VMConnection and Defender DeviceNetworkEvents, JSON",
    fills: &["host_events"],
    sample: r#"{"TimeGenerated":"2026-03-01T10:00:00Z","Computer":"n1","Direction":"outbound","ProcessName":"java","SourceIp":"10.1.0.7","DestinationIp":"10.2.0.1","DestinationPort":443,"Protocol":"tcp","RemoteIp":"10.2.0.1","BytesSent":218,"BytesReceived":1220,"LinksEstablished":1,"LinksTerminated":1,"ConnectionId":"E2391","Type":"VMConnection"}"#,
    // Two intervals may hold equal sums at equal starts only if they are one.
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(VmConnection),
};

struct VmConnection;

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json.map(properties) else { return 0 };
    let summed = has(json, &["SourceIp"]) && has(json, &["DestinationIp"]) && has(json, &["Direction"]);
    let is_event = has(json, &["ActionType"])
        && has(json, &["DeviceName"])
        && (has(json, &["RemoteIP"]) || has(json, &["LocalIP"]));
    match () {
        () if summed && str_at(json, &["Type"]) == Some("VMConnection") => 94,
        () if summed && has(json, &["ConnectionId"]) => 86,
        () if is_event => 92,
        () => 0,
    }
}

fn properties(json: &Value) -> &Value {
    at(json, &["properties"]).filter(|inner| inner.is_object()).unwrap_or(json)
}

impl Decode for VmConnection {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(outer) = record.json else {
            return Verdict::reject("not-json", "the line is no JSON object");
        };
        let json = properties(outer);
        let time = ["Timestamp", "TimeGenerated"].iter().find_map(|key| time_at(json, &[key]));
        let Some(time) = time.or(record.envelope.time) else {
            return Verdict::reject("no-time", "neither Timestamp nor TimeGenerated is a time");
        };
        let mut row = record.host_event(time);
        row.hook_class = HookClass::Userspace;
        row.control = HostControl::None;
        let is_event = has(json, &["ActionType"]);
        if is_event {
            event(json, &mut row)
        } else {
            interval(json, &mut row)
        }
        row.unmapped = rest(json, !is_event);
        rows.host_events.push(row);
        Verdict::Decoded
    }
}

fn port(json: &Value, key: &str) -> Option<u16> {
    u16_at(json, &[key]).filter(|port| *port != 0)
}

fn ip(json: &Value, key: &str) -> Option<String> {
    str_at(json, &[key]).and_then(address::normal)
}

/// The sum of an interval: links that were established, or only tried.
fn interval(json: &Value, row: &mut HostEvent) {
    row.host = string_at(json, &["Computer"]).or_else(|| row.host.take());
    row.native_id = string_at(json, &["ConnectionId"]);
    row.comm = string_at(json, &["ProcessName"]);
    (row.src_addr, row.dst_addr) = (ip(json, "SourceIp"), ip(json, "DestinationIp"));
    row.dst_port = port(json, "DestinationPort");
    row.dst_host = string_at(json, &["RemoteDnsCanonicalNames"]).filter(|names| !names.starts_with('['));
    row.protocol = string_at(json, &["Protocol"]).map(|name| name.to_lowercase());
    let links = |key: &str| u64_at(json, &[key]).unwrap_or(0);
    row.outcome = match () {
        () if links("LinksEstablished") > 0 || links("LinksLive") > 0 || links("BytesReceived") > 0 => {
            Outcome::Allowed
        }
        () if links("LinksFailed") > 0 => Outcome::Failed,
        () => Outcome::Unknown,
    };
    // What came in was opened by somebody else.
    match str_at(json, &["Direction"]) {
        Some("outbound") => act::connected(row),
        _ => row.action = Action::Other,
    }
}

/// One event of an endpoint.
fn event(json: &Value, row: &mut HostEvent) {
    let text = |key: &str| string_at(json, &[key]);
    row.host = text("DeviceName").or_else(|| row.host.take());
    row.native_id = text("ReportId");
    row.comm = text("InitiatingProcessFileName");
    row.exe = text("InitiatingProcessFolderPath");
    row.cmd_line = text("InitiatingProcessCommandLine");
    row.pid = u32_at(json, &["InitiatingProcessId"]);
    row.parent_pid = u32_at(json, &["InitiatingProcessParentId"]);
    row.parent_exe = text("InitiatingProcessParentFileName");
    row.process_start = time_at(json, &["InitiatingProcessCreationTime"]);
    row.process_key = act::process_key(row.host.as_deref(), row.pid, row.process_start);
    row.protocol = text("Protocol").map(|name| name.to_lowercase());
    let (own, peer) =
        ((ip(json, "LocalIP"), port(json, "LocalPort")), (ip(json, "RemoteIP"), port(json, "RemotePort")));
    let kind = str_at(json, &["ActionType"]).unwrap_or_default();
    let came_in = kind.starts_with("Inbound");
    ((row.src_addr, row.src_port), (row.dst_addr, row.dst_port)) =
        if came_in { (peer, own) } else { (own, peer) };
    row.dst_host = text("RemoteUrl").filter(|_| !came_in).map(|url| name_of(&url));
    row.outcome = match kind {
        "ConnectionFailed" => Outcome::Failed,
        "ConnectionAttempt" | "ConnectionRequest" => Outcome::Attempted,
        "ConnectionSuccess" | "ConnectionFound" | "ListeningConnectionCreated" => Outcome::Allowed,
        _ => Outcome::Unknown,
    };
    match kind {
        "ListeningConnectionCreated" => row.action = Action::NetListen,
        _ if kind.starts_with("Connection") => act::connected(row),
        _ => row.action = Action::Other,
    }
}

/// The name of a host in a URL.
fn name_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?']).next().unwrap_or(rest);
    host.rsplit_once('@').map_or(host, |(_, host)| host).split(':').next().unwrap_or(host).to_lowercase()
}

fn rest(json: &Value, is_interval: bool) -> Option<String> {
    const HELD: &[&str] = &[
        "TimeGenerated",
        "Timestamp",
        "Computer",
        "DeviceName",
        "SourceIp",
        "DestinationIp",
        "DestinationPort",
        "Protocol",
        "ProcessName",
        "ConnectionId",
        "InitiatingProcessCommandLine",
        "InitiatingProcessFolderPath",
        "RemoteIP",
        "RemotePort",
        "LocalIP",
        "LocalPort",
    ];
    let precision = is_interval.then(|| Value::from("interval start"));
    let others: Map<String, Value> = json
        .as_object()?
        .iter()
        .filter(|(key, _)| !HELD.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let others = others.iter().map(|(key, value)| (key.as_str(), Some(value)));
    unmapped([("_time_is", precision.as_ref())].into_iter().chain(others))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::trial::{check_sample, run};

    /// Scenario: the sample. Guarantees: it is recognised and decoded, and says that its time is an interval's start.
    #[test]
    fn sample_decodes() {
        check_sample(&FORMAT);
        let (_, rows) = run(&FORMAT, &[FORMAT.sample]);
        assert!(rows.host_events[0].unmapped.as_deref().is_some_and(|text| text.contains("interval start")));
    }

    /// Scenario: sums and events in both directions. Guarantees: only what the host opened is a connection of it.
    #[test]
    fn directions() {
        use {Action as A, Outcome as O};
        let sum = |fields: &str| {
            format!(
                r#"{{"TimeGenerated":"2031-02-04T04:05:06Z","Computer":"n9","SourceIp":"10.1.0.7","DestinationIp":"169.254.169.254","DestinationPort":80,"Protocol":"TCP","Type":"VMConnection",{fields}}}"#
            )
        };
        let event = |fields: &str| {
            format!(
                r#"{{"category":"AdvancedHunting-DeviceNetworkEvents","properties":{{"Timestamp":"2031-02-04T04:05:06.5Z","DeviceName":"n9","LocalIP":"10.1.0.7","LocalPort":4000,"RemoteIP":"10.2.0.1","RemotePort":443,"RemoteUrl":"https://a.example:443/x",{fields}}}}}"#
            )
        };
        for (line, action, outcome, peer) in [
            (
                sum(r#""Direction":"outbound","LinksEstablished":2"#),
                A::ImdsAccess,
                O::Allowed,
                "169.254.169.254",
            ),
            (sum(r#""Direction":"outbound","LinksFailed":2"#), A::ImdsAccess, O::Failed, "169.254.169.254"),
            (sum(r#""Direction":"inbound","LinksEstablished":2"#), A::Other, O::Allowed, "169.254.169.254"),
            (
                event(r#""ActionType":"ConnectionSuccess","InitiatingProcessId":9"#),
                A::NetConnect,
                O::Allowed,
                "10.2.0.1",
            ),
            (event(r#""ActionType":"ConnectionFailed""#), A::NetConnect, O::Failed, "10.2.0.1"),
            (event(r#""ActionType":"InboundConnectionAccepted""#), A::Other, O::Unknown, "10.1.0.7"),
        ] {
            let (verdicts, rows) = run(&FORMAT, &[&line]);
            assert_eq!(verdicts, [Verdict::Decoded], "{line}");
            let row = &rows.host_events[0];
            assert_eq!(
                (row.action, row.outcome, row.dst_addr.as_deref()),
                (action, outcome, Some(peer)),
                "{line}"
            );
        }
        assert_eq!(name_of("https://u@A.example:443/x"), "a.example");
    }
}
