//! Records of the audit system in every order and interleaving.

use std::collections::BTreeMap;

use offbound_schemas::table::HostEvent;

use crate::collector::read;
use crate::memory::bounded;

/// One event of five records.
const EVENT: [&str; 5] = [
    r#"type=SYSCALL msg=audit(1772359200.500:4121): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ffd0 a2=0 a3=0 items=2 ppid=4100 pid=4121 auid=1000 uid=33 gid=33 euid=33 tty=(none) ses=3 comm="cat" exe="/usr/bin/cat" key="creds""#,
    r#"type=CWD msg=audit(1772359200.500:4121): cwd="/srv/web""#,
    r#"type=PATH msg=audit(1772359200.500:4121): item=0 name="/etc" inode=6 dev=fd:00 mode=040755 ouid=0 ogid=0 rdev=00:00 nametype=PARENT"#,
    r#"type=PATH msg=audit(1772359200.500:4121): item=1 name="/etc/shadow" inode=7 dev=fd:00 mode=0100640 ouid=0 ogid=42 rdev=00:00 nametype=NORMAL"#,
    "type=PROCTITLE msg=audit(1772359200.500:4121): proctitle=636174002F6574632F736861646F77",
];

/// Three events of two records each: an open, an execution, a connection of the executed process.
const EVENTS: [&str; 6] = [
    r#"type=SYSCALL msg=audit(1772359200.500:4121): arch=c000003e syscall=257 success=yes exit=3 a2=0 items=1 ppid=4100 pid=4121 auid=1000 uid=33 euid=33 ses=3 comm="cat" exe="/usr/bin/cat""#,
    r#"type=PATH msg=audit(1772359200.500:4121): item=0 name="/etc/shadow" inode=7 dev=fd:00 mode=0100640 ouid=0 ogid=42 nametype=NORMAL"#,
    r#"type=SYSCALL msg=audit(1772359200.503:4122): arch=c000003e syscall=59 success=yes exit=0 ppid=4121 pid=4122 auid=1000 uid=0 euid=0 ses=3 comm="curl" exe="/usr/bin/curl""#,
    r#"type=EXECVE msg=audit(1772359200.503:4122): argc=2 a0="curl" a1="-s""#,
    r#"type=SYSCALL msg=audit(1772359200.504:4123): arch=c000003e syscall=42 success=no exit=-115 a0=3 ppid=4121 pid=4122 auid=1000 uid=0 euid=0 ses=3 comm="curl" exe="/usr/bin/curl""#,
    "type=SOCKADDR msg=audit(1772359200.504:4123): saddr=02000050A9FEA9FE0000000000000000",
];

/// Whole events before and behind the others, by serial.
const AROUND: [&str; 2] = [
    r#"type=AVC msg=audit(1772359200.100:4120): apparmor="DENIED" operation="open" profile="p" name="/x" pid=1 comm="x" requested_mask="r" denied_mask="r""#,
    r#"type=AVC msg=audit(1772359201.900:4124): apparmor="DENIED" operation="open" profile="p" name="/y" pid=1 comm="y" requested_mask="r" denied_mask="r""#,
];

/// Calls `use_order` with every order of `lines`.
fn every_order(lines: &mut Vec<&'static str>, fixed: usize, use_order: &mut dyn FnMut(&[&'static str])) {
    if fixed == lines.len() {
        return use_order(lines);
    }
    for other in fixed..lines.len() {
        lines.swap(fixed, other);
        every_order(lines, fixed + 1, use_order);
        lines.swap(fixed, other);
    }
}

/// The rows by stamp. Where they are in the file is left out: that is the one thing that may change.
fn rows(lines: &[&str]) -> BTreeMap<String, Vec<HostEvent>> {
    let text = [&AROUND[..1], lines, &AROUND[1..]].concat().join("\n");
    let (read, collector) = read("audit.log", text.as_bytes());
    assert_eq!((read.count.read, read.count.decoded), (lines.len() as u64 + 2, lines.len() as u64 + 2));
    let mut rows: BTreeMap<String, Vec<HostEvent>> = BTreeMap::new();
    for row in collector.rows.host_events {
        let stamp = row.native_id.clone().expect("rows of audit events have a stamp");
        rows.entry(stamp).or_default().push(HostEvent { location: String::new(), ..row });
    }
    rows
}

fn check(lines: &[&'static str], events: usize) {
    let expected = rows(lines);
    assert_eq!(expected.len(), events + AROUND.len(), "{expected:#?}");
    let mut orders = 0_usize;
    every_order(&mut lines.to_vec(), 0, &mut |order| {
        orders += 1;
        assert_eq!(rows(order), expected, "{order:#?}");
    });
    assert_eq!(orders, (1..=lines.len()).product::<usize>(), "not every order was tried");
}

/// Scenario: the five records of one event in all 120 orders. Guarantees: one row, the same each time.
#[test]
fn orders() {
    bounded("audit::orders", || check(&EVENT, 1));
}

/// Scenario: the six records of three events in all 720 orders, so in every interleaving too.
/// Guarantees: one row for each event, the same each time: process keys and parents included.
#[test]
fn interleavings() {
    bounded("audit::interleavings", || check(&EVENTS, 3));
}

/// Scenario: ends of events before, between and behind their records. Guarantees: they close nothing; all is read.
#[test]
fn ends_of_events() {
    bounded("audit::ends_of_events", || {
        let end = "type=EOE msg=audit(1772359200.500:4121): ";
        let expected = rows(&EVENT);
        for place in 0..=EVENT.len() {
            let mut lines = EVENT.to_vec();
            lines.insert(place, end);
            let text = [&AROUND[..1], &lines, &AROUND[1..]].concat().join("\n");
            let (read, collector) = read("audit.log", text.as_bytes());
            assert_eq!(read.count.skipped.get("end-of-event"), Some(&1), "{read:?}");
            let found: Vec<&str> =
                collector.rows.host_events.iter().filter_map(|row| row.target_path.as_deref()).collect();
            let rows: Vec<&str> =
                expected.values().flatten().filter_map(|row| row.target_path.as_deref()).collect();
            assert_eq!(found, rows, "behind record {place}");
        }
    });
}
