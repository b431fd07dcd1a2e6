use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HostControl, Outcome};
use offbound_schemas::{EventRows, EventTime};
use proptest::prelude::*;

use super::FORMAT;
use crate::decode::trial::{check_sample, run, run_in, sniff};
use crate::decode::{Envelope, Verdict};

/// Scenario: the sample. Guarantees: it is recognised and decoded.
#[test]
fn sample_decodes() {
    check_sample(&FORMAT);
}

pub(super) fn call(serial: u32, syscall: u32, rest: &str) -> String {
    format!(
        "type=SYSCALL msg=audit(1927858000.123:{serial}): arch=c000003e syscall={syscall} {rest} items=1 ppid=40 pid=41 auid=4294967295 uid=7 euid=0 ses=4294967295 comm=\"a\" exe=\"/bin/a\" key=(null)"
    )
}

pub(super) fn beside(kind: &str, serial: u32, rest: &str) -> String {
    format!("type={kind} msg=audit(1927858000.123:{serial}): {rest}")
}

pub(super) fn decoded(lines: &[String]) -> Vec<HostEvent> {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (verdicts, rows) = run(&FORMAT, &lines);
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Decoded), "{lines:?} gave {verdicts:?}");
    rows.host_events
}

/// Scenario: calls with operands and without any control's word. Guarantees: act, target, outcome; a refusal that nobody
/// signed stays a failure.
#[test]
fn calls() {
    use {Action as A, HostControl as C, Outcome as O};
    let path = |name: &str| beside("PATH", 9, &format!("item=0 name=\"{name}\" nametype=NORMAL"));
    let cases: Vec<(Vec<String>, A, O, C)> = vec![
        (
            vec![call(9, 257, "success=yes exit=3 a0=ffffff9c a2=0"), path("/etc/hosts")],
            A::FileRead,
            O::Allowed,
            C::None,
        ),
        (
            vec![call(9, 257, "success=yes exit=3 a0=ffffff9c a2=0"), path("/etc/shadow")],
            A::CredRead,
            O::Allowed,
            C::None,
        ),
        (
            vec![call(9, 257, "success=no exit=-13 a0=ffffff9c a2=241"), path("/etc/x")],
            A::FileWrite,
            O::Failed,
            C::Unknown,
        ),
        (vec![call(9, 257, "success=yes exit=3 a2=0"), path("/proc/99/mem")], A::Ptrace, O::Allowed, C::None),
        (
            vec![call(9, 257, "success=yes exit=3 a2=0"), path("/proc/41/environ")],
            A::CredRead,
            O::Allowed,
            C::None,
        ),
        (vec![call(9, 59, "success=no exit=-2"), path("/usr/bin/b")], A::Exec, O::Failed, C::None),
        (
            vec![
                call(9, 42, "success=no exit=-115"),
                beside("SOCKADDR", 9, "saddr=02000050A9FEA9FE0000000000000000"),
            ],
            A::ImdsAccess,
            O::Attempted,
            C::None,
        ),
        (
            vec![call(9, 42, "success=yes exit=0"), beside("SOCKADDR", 9, "saddr=01002F72756E2F646200")],
            A::NetConnect,
            O::Allowed,
            C::None,
        ),
        (vec![call(9, 101, "success=yes exit=0 a0=10 a1=63")], A::Ptrace, O::Allowed, C::None),
        (vec![call(9, 101, "success=yes exit=0 a0=0 a1=0")], A::Other, O::Allowed, C::None),
        (vec![call(9, 308, "success=yes exit=0")], A::NsChange, O::Allowed, C::None),
        (vec![call(9, 105, "success=no exit=-1")], A::PrivChange, O::Failed, C::Unknown),
    ];
    for (lines, action, outcome, control) in cases {
        let rows = decoded(&lines);
        assert_eq!(rows.len(), 1, "{lines:?}");
        assert_eq!(
            (rows[0].action, rows[0].outcome, rows[0].control),
            (action, outcome, control),
            "{lines:?}"
        );
        assert_eq!((rows[0].auid, rows[0].session_id, rows[0].pid), (None, None, Some(41)));
    }
}

/// Scenario: every control's record, alone and beside a call. Guarantees: outcome, control and mode are the control's.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases, one check")]
fn decisions() {
    use {Action as A, ControlMode as M, HostControl as C, Outcome as O};
    let avc = |rest: &str| {
        beside(
            "AVC",
            9,
            &format!(
                "avc:  denied  {{ read }} for  pid=41 comm=\"a\" name=\"x\" scontext=u:r:t:s0 tcontext=u:r:o:s0 tclass=file{rest}"
            ),
        )
    };
    let armor = |word: &str, rest: &str| {
        beside("AVC", 9, &format!("apparmor=\"{word}\" profile=\"p\" pid=41 comm=\"a\" {rest}"))
    };
    let open = |result: &str| call(9, 257, &format!("{result} a0=ffffff9c a2=0"));
    let cases: Vec<(Vec<String>, A, O, C, M)> = vec![
        (vec![avc(" permissive=1")], A::FileRead, O::WouldDeny, C::SeLinux, M::Permissive),
        (
            vec![avc(" permissive=0"), open("success=no exit=-13")],
            A::FileRead,
            O::Denied,
            C::SeLinux,
            M::Enforcing,
        ),
        (vec![open("success=yes exit=3"), avc("")], A::FileRead, O::WouldDeny, C::SeLinux, M::Permissive),
        (vec![open("success=no exit=-22"), avc("")], A::FileRead, O::Unknown, C::SeLinux, M::Unknown),
        (vec![avc("")], A::FileRead, O::Denied, C::SeLinux, M::Unknown),
        (
            vec![armor(
                "DENIED",
                "operation=\"open\" name=\"/etc/shadow\" requested_mask=\"r\" denied_mask=\"r\"",
            )],
            A::CredRead,
            O::Denied,
            C::AppArmor,
            M::Enforcing,
        ),
        (
            vec![armor("ALLOWED", "operation=\"open\" name=\"/etc/x\" denied_mask=\"wc\"")],
            A::FileWrite,
            O::WouldDeny,
            C::AppArmor,
            M::Complain,
        ),
        (
            vec![armor("DENIED", "operation=\"capable\" capability=21 capname=\"sys_admin\"")],
            A::CapUse,
            O::Denied,
            C::AppArmor,
            M::Enforcing,
        ),
        (
            vec![armor("STATUS", "operation=\"profile_remove\" name=\"p\"")],
            A::PolicyChange,
            O::Allowed,
            C::AppArmor,
            M::Unknown,
        ),
        (
            vec![armor(
                "STATUS",
                "operation=\"profile_replace\" info=\"same as current profile, skipping\" name=\"p\"",
            )],
            A::Other,
            O::Allowed,
            C::AppArmor,
            M::Unknown,
        ),
        (
            vec![beside("SECCOMP", 9, "pid=41 comm=\"a\" sig=31 arch=c000003e syscall=59 code=0x80000000")],
            A::Exec,
            O::Killed,
            C::Seccomp,
            M::Enforcing,
        ),
        (
            vec![beside("SECCOMP", 9, "pid=41 comm=\"a\" sig=0 arch=c00000b7 syscall=221 code=0x7ffc0000")],
            A::Exec,
            O::WouldDeny,
            C::Seccomp,
            M::Monitor,
        ),
        (
            vec![beside("SECCOMP", 9, "pid=41 sig=0 arch=c000003e syscall=165 code=0x50001")],
            A::NsChange,
            O::Denied,
            C::Seccomp,
            M::Enforcing,
        ),
        (
            vec![
                beside("FANOTIFY", 9, "resp=2 fan_type=1 fan_info=D subj_trust=2 obj_trust=0"),
                call(9, 59, "success=no exit=-1"),
            ],
            A::Exec,
            O::Denied,
            C::Fapolicyd,
            M::Enforcing,
        ),
    ];
    for (lines, action, outcome, control, mode) in cases {
        let rows = decoded(&lines);
        assert_eq!(rows.len(), 1, "{lines:?}");
        let row = &rows[0];
        assert_eq!(
            (row.action, row.outcome, row.control, row.mode),
            (action, outcome, control, mode),
            "{lines:?}"
        );
    }
}

/// Scenario: SELinux refuses a connection whose peer only the call names, and the socket of an agent, as a file and as a
/// peer. Guarantees: what was refused is the access to the credential, not any connection.
#[test]
fn refused_ways_to_credentials() {
    let avc = |permission: &str, class: &str, path: &str| {
        beside(
            "AVC",
            9,
            &format!(
                "avc:  denied  {{ {permission} }} for  pid=41 comm=\"a\"{path} scontext=u:r:t:s0 tcontext=u:r:o:s0 tclass={class} permissive=0"
            ),
        )
    };
    let connect = call(9, 42, "success=no exit=-13 a0=3");
    let peer = |hex: &str| beside("SOCKADDR", 9, &format!("saddr={hex}"));
    let agent = " path=\"/run/spire/sockets/agent.sock\"";
    for (lines, action) in [
        (
            vec![
                avc("name_connect", "tcp_socket", " dest=80"),
                connect.clone(),
                peer("02000050A9FEA9FE0000000000000000"),
            ],
            Action::ImdsAccess,
        ),
        (
            vec![
                avc("name_connect", "tcp_socket", " dest=80"),
                connect,
                peer("020000500A0100070000000000000000"),
            ],
            Action::NetConnect,
        ),
        (vec![avc("connectto", "unix_stream_socket", agent)], Action::CredRead),
        (vec![avc("write", "sock_file", agent)], Action::CredRead),
        (vec![avc("connectto", "unix_stream_socket", " path=\"/run/x.sock\"")], Action::NetConnect),
        (vec![avc("write", "sock_file", " path=\"/run/x.sock\"")], Action::FileWrite),
    ] {
        let row = decoded(&lines).remove(0);
        assert_eq!((row.action, row.outcome), (action, Outcome::Denied), "{lines:?}");
    }
}

/// Scenario: two decisions of one event that differ, and one twice. Guarantees: a row each, none twice, ids differ.
#[test]
fn further_decisions_give_rows() {
    let avc = |port: u32| {
        beside(
            "AVC",
            9,
            &format!(
                "avc:  denied  {{ name_bind }} for  pid=41 src={port} scontext=u:r:t tcontext=u:r:o tclass=tcp_socket permissive=0"
            ),
        )
    };
    let (verdicts, rows) = run(&FORMAT, &[&avc(80), &avc(81), &avc(80)]);
    assert_eq!(verdicts[2], Verdict::Skipped("duplicate-record"));
    assert_eq!(rows.host_events.len(), 2);
    assert_ne!(rows.host_events[0].event_id, rows.host_events[1].event_id);
}

/// Scenario: the kernel log's and old kernels' notations, glued records, a host in front. Guarantees: same reading.
#[test]
fn notations() {
    let lines = [
        "[  12.5] audit: type=1326 audit(1927858000.123:9): auid=4294967295 uid=0 pid=41 comm=\"a\" exe=\"/a\" sig=0 arch=c000003e syscall=35 code=0x7ffc0000",
        "audit(1927858001.123:10): type=1503 operation=\"inode_permission\" denied_mask=\"w::\" name=\"/x\" pid=4 profile=\"/p\"",
        "node=n7 type=CWD msg=audit(1927858002.123:11): cwd=\"/srv\" node=n7 type=PATH msg=audit(1927858002.123:11): item=0 name=\"x\" nametype=NORMAL",
        "type=UNKNOWN[1323] msg=audit(1927858003.123:12): fd=6 flags=0x802",
        "type=APPARMOR msg=audit(1927858004.123:13): REJECTING r access to /etc/x (sh(41) profile /bin/sh active /bin/sh)",
    ];
    let (verdicts, rows) = run(&FORMAT, &lines);
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Decoded), "{verdicts:?}");
    assert!(lines.iter().all(|line| sniff(&FORMAT, line) >= 90));
    let find = |serial: &str| {
        rows.host_events
            .iter()
            .find(|row| row.native_id.as_deref().is_some_and(|id| id.ends_with(serial)))
            .expect("decoded")
    };
    assert_eq!(
        (find(":9").control, find(":9").syscall.as_deref()),
        (HostControl::Seccomp, Some("nanosleep"))
    );
    assert_eq!((find(":10").action, find(":10").outcome), (Action::FileWrite, Outcome::Denied));
    assert_eq!(
        (find(":11").host.as_deref(), find(":11").target_path.as_deref()),
        (Some("n7"), Some("/srv/x"))
    );
    assert_eq!(find(":12").rule.as_deref(), Some("MMAP"));
    assert_eq!(
        (find(":13").action, find(":13").pid, find(":13").comm.as_deref()),
        (Action::FileRead, Some(41), Some("sh"))
    );
}

/// Scenario: a call beside a record that says more. Guarantees: the clearer word stands, a bare write gives way.
#[test]
fn statements_join_calls() {
    let cases = [
        (1, "type=LOGIN", "old-auid=4294967295 auid=5 ses=2 res=1", Action::Other),
        (44, "type=SERVICE_STOP", "msg='unit=auditd comm=\"systemd\" res=success'", Action::PolicyChange),
        (176, "type=KERN_MODULE", "name=\"m\"", Action::Other),
        (313, "type=KERN_MODULE", "name=\"m\"", Action::ModuleLoad),
        (
            257,
            "type=AVC",
            "avc:  denied  { write } for  pid=41 scontext=a tcontext=b tclass=file permissive=0",
            Action::FileWrite,
        ),
    ];
    for (syscall, kind, body, action) in cases {
        let line = format!("{kind} msg=audit(1927858000.123:9): {body}");
        let rows = decoded(&[call(9, syscall, "success=yes exit=0 a2=0"), line.clone()]);
        assert_eq!((rows.len(), rows[0].action), (1, action), "{line}");
    }
}

/// Scenario: a message bus refuses for a sender. Guarantees: the sender is the process, the bus is not.
#[test]
fn bus_decisions_are_about_the_sender() {
    let rows = decoded(&["type=USER_AVC msg=audit(1927858000.123:9): pid=3 uid=81 msg='apparmor=\"DENIED\" operation=\"dbus_method_call\" name=\"org.x\" pid=77 label=\"p\" exe=\"/bin/bus\"'".to_owned()]);
    let row = &rows[0];
    assert_eq!(
        (row.pid, row.exe.as_deref(), row.policy.as_deref(), row.target_path.as_deref()),
        (Some(77), None, Some("p"), None)
    );
}

/// Scenario: systemd refuses for somebody whom it names by users and command line (systemd 257, `selinux-access.c`); the
/// bus for a sender; a program for itself. Guarantees: the record's own process is the subject only in the last.
#[test]
fn object_managers_speak_of_others() {
    let refused = |inside: &str| {
        let rows = decoded(&[beside(
            "USER_AVC",
            9,
            &format!(
                "pid=1 uid=0 auid=4294967295 ses=4294967295 subj=u:r:init_t:s0 msg='avc:  denied  {{ stop }} for {inside} scontext=u:r:staff_t:s0 tcontext=u:r:o tclass=service permissive=0 exe=\"/usr/lib/systemd/systemd\" sauid=0 hostname=? addr=? terminal=?'"
            ),
        )]);
        let row = rows[0].clone();
        (row.pid, row.uid, row.auid, row.exe, row.cmd_line, row.label)
    };
    let staff = Some("u:r:staff_t:s0".to_owned());
    assert_eq!(
        refused("auid=7 uid=5 gid=5 path=\"/x.service\" cmdline=\"systemctl stop x\" function=\"stop\""),
        (None, Some(5), Some(7), None, Some("systemctl stop x".to_owned()), staff.clone())
    );
    assert_eq!(
        refused("auid=n/a uid=n/a function=\"reload\""),
        (None, None, None, None, None, staff.clone())
    );
    assert_eq!(refused("msgtype=method_call spid=77 tpid=78"), (Some(77), None, None, None, None, staff));
    let itself = refused("");
    assert_eq!((itself.0, itself.1), (Some(1), Some(0)));
}

/// Scenario: records with the label of their process, in every notation. Guarantees: the label is the acting process's.
#[test]
fn labels() {
    const CONTEXT: &str = "u:r:container_t:s0:c4,c808";
    let of = |lines: &[String]| decoded(lines).remove(0).label;
    let opened = |label: &str| call(9, 257, &format!("success=yes exit=3 a2=0 subj={label}"));
    let context = Some(CONTEXT.to_owned());
    assert_eq!(of(&[opened(CONTEXT)]), context);
    assert_eq!(
        of(&[beside("SECCOMP", 9, &format!("subj={CONTEXT} pid=41 sig=31 code=0x80000000"))]),
        context
    );
    let avc = beside(
        "AVC",
        9,
        &format!("avc:  denied  {{ read }} for  pid=41 scontext={CONTEXT} tcontext=u:r:o tclass=file"),
    );
    assert_eq!(of(std::slice::from_ref(&avc)), context);
    assert_eq!(of(&[avc, opened("u:r:other_t:s0")]).as_deref(), Some("u:r:other_t:s0"));
    let stacked = beside("MAC_TASK_CONTEXTS", 9, &format!("subj_selinux={CONTEXT} subj_apparmor=unconfined"));
    assert_eq!(of(&[opened("?"), stacked]), context);
    let armor =
        beside("AVC", 9, "apparmor=\"DENIED\" operation=\"open\" profile=\"docker-default\" name=\"/x\"");
    assert_eq!(of(&[armor]).as_deref(), Some("docker-default"));
    assert_eq!(of(&[call(9, 257, "success=yes exit=3 a2=0")]), None);
}

/// Scenario: addresses that calls were given, or gave out (Linux 6.15: `move_addr_to_user` audits them too). Guarantees: a
/// client is the source, a peer that was sent to the destination.
#[test]
fn directions_of_addresses() {
    let saddr = beside("SOCKADDR", 9, "saddr=02000050A9FEA9FE0000000000000000");
    for (number, source, action) in [
        (288, true, Action::Other),
        (45, true, Action::Other),
        (51, true, Action::Other),
        (44, false, Action::ImdsAccess),
        (46, false, Action::ImdsAccess),
        (42, false, Action::ImdsAccess),
    ] {
        let row = decoded(&[call(9, number, "success=yes exit=5 a0=3"), saddr.clone()]).remove(0);
        let ends = (row.src_addr.is_some(), row.dst_addr.is_some());
        assert_eq!((ends, row.action), ((source, !source), action), "{number}");
    }
}

/// Scenario: the one call that stands for all socket calls (numbers of `linux/net.h`). Guarantees: each reads as the call
/// that it stands for.
#[test]
fn calls_behind_socketcall() {
    for (which, name) in
        [("1", "socket"), ("3", "connect"), ("b", "sendto"), ("12", "accept4"), ("14", "sendmmsg")]
    {
        for (arch, number) in [("40000003", 102), ("80000016", 102)] {
            let line =
                call(9, number, &format!("success=yes exit=0 a0={which} a1=7ff")).replace("c000003e", arch);
            assert_eq!(decoded(&[line]).remove(0).syscall.as_deref(), Some(name), "{arch} {which}");
        }
    }
}

/// Scenario: signals to sensors and others. Guarantees: ending a sensor is a change of policy, waking it is not.
#[test]
fn sensors_that_are_killed() {
    for (number, arguments, name, action) in [
        (62, "a0=1f4 a1=9", "auditd", Action::PolicyChange),
        (62, "a0=1f4 a1=13", "systemd-journal", Action::PolicyChange),
        (62, "a0=1f4 a1=a", "auditd", Action::Other),
        (62, "a0=1f4 a1=9", "nginx", Action::Other),
        (234, "a0=1f4 a1=1f4 a2=f", "falco", Action::PolicyChange),
    ] {
        let target = beside(
            "OBJ_PID",
            9,
            &format!("opid=500 oauid=-1 ouid=0 oses=-1 obj=unconfined ocomm=\"{name}\""),
        );
        let row = decoded(&[call(9, number, &format!("success=yes exit=0 {arguments}")), target]).remove(0);
        assert_eq!(row.action, action, "{number} {arguments} {name}");
    }
}

/// Scenario: memory of another process is read, on the host and in a container, whose pids are its own. Guarantees: the
/// host's process of that number is named on the host alone, or where the kernel itself says which process it was.
#[test]
fn pids_of_containers_name_nothing_on_the_host() {
    let exec = "type=SYSCALL msg=audit(1927858000.100:8): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=77 comm=\"b\" exe=\"/bin/b\"";
    let read = |label: &str| call(9, 310, &format!("success=yes exit=9 a0=4d subj={label}"));
    let object = beside("OBJ_PID", 9, "opid=77 ocomm=\"b\"");
    for (label, object, pid, exe) in [
        ("unconfined", None, Some(77), Some("/bin/b")),
        ("docker-default", None, None, None),
        ("docker-default", Some(object), Some(77), Some("/bin/b")),
    ] {
        let lines: Vec<String> = [exec.to_owned(), read(label)].into_iter().chain(object).collect();
        let rows = decoded(&lines);
        let row = rows.iter().find(|row| row.action == Action::Ptrace).expect("it is read");
        assert_eq!((row.target_pid, row.target_exe.as_deref()), (pid, exe), "{label}");
    }
}

/// Scenario: a filter kills a process, which the kernel tells again as its crash; a crash alone; one of another process.
/// Guarantees: one decision each.
#[test]
fn a_kill_by_filter_is_one_decision() {
    let filter = beside(
        "SECCOMP",
        8,
        "pid=41 comm=\"a\" exe=\"/bin/a\" sig=31 arch=c000003e syscall=101 code=0x80000000",
    );
    let crash = |pid: u32| {
        format!(
            "type=ANOM_ABEND msg=audit(1927858000.150:9): pid={pid} comm=\"a\" exe=\"/bin/a\" sig=31 res=1"
        )
    };
    let decisions =
        |lines: &[String]| decoded(lines).iter().filter(|row| row.control == HostControl::Seccomp).count();
    assert_eq!(decisions(&[filter.clone(), crash(41)]), 1);
    assert_eq!(decisions(&[crash(41), filter.clone()]), 1);
    assert_eq!(decisions(&[crash(41)]), 1);
    assert_eq!(decisions(&[filter, crash(42)]), 2);
}

/// Scenario: forks by clone3 on arm64, and a clone on IBM Z, whose flags are its second argument. Guarantees: the child's
/// parent is known; namespaces are seen.
#[test]
fn forks_of_other_architectures() {
    let line = |serial: u32, arch: &str, rest: &str| {
        format!(
            "type=SYSCALL msg=audit(1927858000.{serial}:{serial}): arch={arch} {rest} comm=\"a\" exe=\"/bin/a\""
        )
    };
    let rows = decoded(&[
        line(101, "c00000b7", "syscall=435 success=yes exit=99 a0=1 a1=58 ppid=1 pid=41"),
        line(102, "c00000b7", "syscall=221 success=yes exit=0 ppid=41 pid=99"),
        line(103, "80000016", "syscall=120 success=yes exit=98 a0=0 a1=20000011 ppid=1 pid=42"),
        line(104, "80000016", "syscall=11 success=yes exit=0 ppid=42 pid=98"),
    ]);
    let told: Vec<(Option<&str>, Action, Option<&str>)> =
        rows.iter().map(|row| (row.syscall.as_deref(), row.action, row.parent_exe.as_deref())).collect();
    assert_eq!(
        told,
        [
            (Some("clone3"), Action::Other, None),
            (Some("execve"), Action::Exec, Some("/bin/a")),
            (Some("clone"), Action::NsChange, None),
            (Some("execve"), Action::Exec, Some("/bin/a")),
        ]
    );
}

/// Scenario: lines that are no records. Guarantees: each is skipped by name or refused with its reason.
#[test]
fn not_records() {
    let lines = [
        ("----", "separator"),
        ("", "blank"),
        ("# ausearch", "comment"),
        ("time->Mon Feb  3 04:05:06 2031", "ausearch-heading"),
        ("Feb  3 04:05:06 n1 syslogd: restart.", "not-an-audit-record"),
        ("type=EOE msg=audit(1927858000.123:9):", "end-of-event"),
        ("type=A msg=audit(1927858000): no milliseconds", "bad-audit-stamp"),
        ("type=A msg=audit(): empty", "bad-audit-stamp"),
        ("type=A msg=audit(02/03/2031 04:05:06.123:9) : a date in no zone", "bad-audit-stamp"),
        ("type=A msg=audit(99999999999999.000:1): beyond time", "bad-audit-stamp"),
        ("type= msg=audit(1927858000.123:9): no type", "missing-type"),
        ("msg=audit(1927858000.123:9): no type", "missing-type"),
        ("type=A msg=?", "bad-audit-stamp"),
        ("apparmor=\"DENIED\" operation=\"open\" profile=\"p\" name=\"/x\"", "no-time"),
        ("audit: backlog limit exceeded", "no-time"),
    ];
    for (line, expected) in lines {
        let (verdicts, rows) = run(&FORMAT, &[line]);
        let word = match &verdicts[0] {
            Verdict::Skipped(word) => word,
            Verdict::Rejected(reject) => reject.reason,
            Verdict::Decoded => "decoded",
        };
        assert_eq!((word, rows.len()), (expected, 0), "{line:?}");
    }
}

/// Scenario: losses that the kernel tells of, a stopped daemon, a hole after an unbroken run, a hole in a filtered log.
/// Guarantees: a gap with count and start for the former, none for the filtered log.
#[test]
fn losses() {
    let envelope = Envelope { time: Some(EventTime(1_927_858_000_000_000_000)), ..Envelope::default() };
    let lines = [
        "audit: audit_lost=12 audit_rate_limit=0 audit_backlog_limit=64",
        "audit: audit_lost=15 audit_rate_limit=0",
        "kauditd_printk_skb: 7 callbacks suppressed",
    ];
    let (_, rows) = run_in(&FORMAT, &lines, &envelope);
    let lost: Vec<Option<u64>> = rows.host_events.iter().map(|row| row.lost).collect();
    assert_eq!(lost, [None, Some(3), Some(7)], "the first total is since boot");
    let (_, rows) = run_in(&FORMAT, &["audit: audit_lost=1 audit_rate_limit=0"], &envelope);
    assert_eq!(rows.host_events.iter().map(|row| row.lost).collect::<Vec<_>>(), [Some(1)]);
    let dense = |step: u32| -> Vec<String> {
        (0..200)
            .map(|index| call(1000 + index * step, 39, "success=yes exit=0"))
            .chain([call(5000, 39, "success=yes exit=0")])
            .collect()
    };
    let holes = |lines: &[String]| -> Vec<Option<u64>> {
        decoded(lines).iter().filter(|row| row.action == Action::TelemetryGap).map(|row| row.lost).collect()
    };
    assert_eq!(holes(&dense(1)), [Some(5000 - 1199 - 1)]);
    assert!(holes(&dense(2)).is_empty());
    let restart = [
        "type=DAEMON_END msg=audit(1927858000.000:1): op=terminate auid=0 pid=3 res=success".to_owned(),
        "type=DAEMON_START msg=audit(1927858090.000:2): op=start pid=4 res=success".to_owned(),
    ];
    let gap = decoded(&restart)
        .into_iter()
        .find(|row| row.action == Action::TelemetryGap)
        .expect("a stop is a gap");
    assert_eq!(gap.gap_from.map(|from| from.to_string()).as_deref(), Some("2031-02-03T04:06:40.000000000Z"));
}

/// Scenario: a process executes, forks, and its child executes; the pid is reused after exit. Guarantees: keys are the
/// stamps of executions, parents are tied, a reused pid has another key.
#[test]
fn process_keys() {
    let at = |serial: u32, pid: u32, ppid: u32, syscall: u32, exit: u32, exe: &str| {
        format!(
            "node=n1 type=SYSCALL msg=audit(1927858000.{serial:03}:{serial}): arch=c000003e syscall={syscall} success=yes exit={exit} a0=0 ppid={ppid} pid={pid} uid=0 comm=\"c\" exe=\"{exe}\""
        )
    };
    let lines = [
        at(1, 10, 1, 59, 0, "/bin/sh"),
        at(2, 10, 1, 57, 11, "/bin/sh"),
        at(3, 11, 10, 39, 0, "/bin/sh"),
        at(4, 11, 10, 59, 0, "/bin/cat"),
        at(5, 11, 10, 231, 0, "/bin/cat"),
        at(6, 11, 1, 39, 0, "/bin/other"),
    ];
    let rows = decoded(&lines);
    let keys: Vec<(&str, Option<&str>)> = rows
        .iter()
        .map(|row| (row.process_key.as_deref().unwrap_or_default(), row.parent_key.as_deref()))
        .collect();
    let shell = "n1:10:1927858000.001:1";
    assert_eq!(keys[0], (shell, None));
    assert_eq!(keys[2], ("n1:11:1927858000.002:2", Some(shell)));
    assert_eq!(keys[3], ("n1:11:1927858000.004:4", Some(shell)));
    assert_eq!(rows[3].parent_exe.as_deref(), Some("/bin/sh"));
    assert_eq!(keys[5], ("n1:11:1927858000.006:6", None));
}

/// Scenario: records after their event was closed. Guarantees: decisions give a row that is tied by the stamp, the rest is counted.
#[test]
fn late_records() {
    let mut lines = vec![call(9, 257, "success=no exit=-13 a2=0")];
    let later = |serial: u32| {
        format!(
            "type=SYSCALL msg=audit(19278580{serial}.000:{serial}): arch=c000003e syscall=39 success=yes exit=0 pid=2"
        )
    };
    lines.extend((20..60).map(later));
    let before = lines.len();
    lines.extend([
        beside("PATH", 9, "item=0 name=\"/x\" nametype=NORMAL"),
        beside(
            "AVC",
            9,
            "apparmor=\"DENIED\" operation=\"open\" profile=\"p\" name=\"/x\" pid=41 denied_mask=\"r\"",
        ),
        call(9, 257, "success=no exit=-13 a2=0"),
    ]);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (verdicts, rows) = run(&FORMAT, &lines);
    assert_eq!(
        verdicts[before..],
        [Verdict::Skipped("late-record"), Verdict::Decoded, Verdict::Skipped("duplicate-record")]
    );
    let tied: Vec<&HostEvent> =
        rows.host_events.iter().filter(|row| row.native_id.as_deref() == Some("1927858000.123:9")).collect();
    assert_eq!((tied.len(), tied[1].outcome), (2, Outcome::Denied));
}

/// Scenario: in a quiet log, a record changes places with the first of the next event, half a day later. Guarantees: it is
/// neither late nor an event of its own.
#[test]
fn neighbours_change_places() {
    let next = "type=SYSCALL msg=audit(1927900000.000:10): arch=c000003e syscall=39 success=yes exit=0 pid=2";
    let path = beside("PATH", 9, "item=0 name=\"/etc/shadow\" nametype=NORMAL");
    let rows = decoded(&[call(9, 257, "success=yes exit=3 a2=0"), next.to_owned(), path]);
    assert_eq!((rows.len(), rows[0].action), (2, Action::CredRead));
}

/// The rows, sorted, without the one thing that tells where their first record stood.
fn comparable(rows: EventRows) -> Vec<HostEvent> {
    let mut rows = rows.host_events;
    for row in &mut rows {
        row.location = String::new();
    }
    rows.sort_by_key(|row| row.event_id);
    rows
}

/// Events of a shell's life, each with its records.
fn story() -> Vec<Vec<String>> {
    let event = |serial: u32, pid: u32, syscall: u32, result: &str, beside: &[(&str, &str)]| {
        let stamp = format!("msg=audit(1927858000.{:03}:{serial})", serial * 7);
        let call = format!(
            "type=SYSCALL {stamp}: arch=c000003e syscall={syscall} {result} ppid=1 pid={pid} uid=0 comm=\"c\" exe=\"/bin/{syscall}\""
        );
        let rest = beside.iter().map(|(kind, rest)| format!("type={kind} {stamp}: {rest}"));
        std::iter::once(call).chain(rest).collect()
    };
    vec![
        event(
            1,
            10,
            59,
            "success=yes exit=0",
            &[
                ("EXECVE", "argc=2 a0=\"sh\" a1_len=4 a1[0]=6162"),
                ("EXECVE", "a1[1]=6364"),
                ("CWD", "cwd=\"/\""),
                ("PATH", "item=0 name=\"/bin/sh\" nametype=NORMAL"),
                ("PROCTITLE", "proctitle=7368"),
            ],
        ),
        event(
            2,
            10,
            257,
            "success=no exit=-13 a2=0",
            &[
                (
                    "AVC",
                    "apparmor=\"DENIED\" operation=\"open\" profile=\"p\" name=\"/etc/shadow\" pid=10 denied_mask=\"r\"",
                ),
                ("PATH", "item=0 name=\"/etc/shadow\" nametype=NORMAL"),
            ],
        ),
        event(3, 10, 57, "success=yes exit=11", &[]),
        event(
            4,
            11,
            42,
            "success=no exit=-115",
            &[
                ("SOCKADDR", "saddr=02000050A9FEA9FE0000000000000000"),
                (
                    "AVC",
                    "avc:  denied  { name_connect } for  pid=11 dest=80 scontext=a tcontext=b tclass=tcp_socket permissive=1",
                ),
                (
                    "AVC",
                    "avc:  denied  { create } for  pid=11 scontext=a tcontext=b tclass=tcp_socket permissive=1",
                ),
            ],
        ),
        event(5, 11, 101, "success=yes exit=0 a0=10 a1=a", &[("OBJ_PID", "opid=10 ocomm=\"sh\"")]),
    ]
}

proptest! {
    /// Scenario: the records of several events in any order whatever. Guarantees: the same set of rows.
    #[test]
    fn interleaving_leaves_no_trace(order in Just(story().concat()).prop_shuffle()) {
        let whole = story().concat();
        let sorted: Vec<&str> = whole.iter().map(String::as_str).collect();
        let shuffled: Vec<&str> = order.iter().map(String::as_str).collect();
        let (verdicts, rows) = run(&FORMAT, &shuffled);
        prop_assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Decoded));
        prop_assert_eq!(comparable(rows), comparable(run(&FORMAT, &sorted).1));
    }

    /// Scenario: any text behind a valid beginning. Guarantees: no panic, and a verdict for each line.
    #[test]
    fn any_text_gets_a_verdict(kind in "[A-Z_]{0,9}", stamp in "[0-9.:]{0,16}", body in "\\PC{0,80}") {
        let line = format!("type={kind} msg=audit({stamp}): {body}");
        let valid = format!("type={kind} msg=audit(1927858000.123:9): {body}");
        prop_assert_eq!(run(&FORMAT, &[&line, &valid, &body]).0.len(), 3);
    }
}
