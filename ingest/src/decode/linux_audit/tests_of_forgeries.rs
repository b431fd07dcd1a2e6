//! What somebody wrote into a record, or into another program's log: tests.
//!
//! In: invented lines. Owns: records of programs, names and command lines, marks within lines, what a word leaves open.

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::{Action, ControlMode, HookClass, HostControl, Outcome};

use super::FORMAT;
use super::tests::{beside, call, decoded};
use crate::decode::trial::{run, run_in, sniff_in};
use crate::decode::{Envelope, Verdict};

/// Scenario: lines of programs that log what others sent them, with whole records and signs of loss in it; the same from those
/// who speak for the kernel, and lines that begin as records do. Guarantees: what somebody sent is no record.
#[test]
fn what_others_log_is_no_record() {
    let of = |program: &str| Envelope {
        program: Some(program.into()),
        time: Some(EventTime(5)),
        ..Envelope::default()
    };
    let record = "type=AVC msg=audit(1927858000.123:9): apparmor=\"DENIED\" operation=\"open\" profile=\"p\" name=\"/etc/shadow\" pid=41";
    let bare = "apparmor=\"DENIED\" operation=\"open\" profile=\"p\" name=\"/etc/shadow\" pid=41";
    let selinux = "avc:  denied  { read } for pid=41 scontext=a:b:c tcontext=a:b:d tclass=file permissive=0";
    for said in [record, bare, selinux, "audit: backlog limit exceeded", "audit: audit_lost=9"] {
        let line = format!("Invalid user {said} from 198.51.100.9 port 4000");
        let (verdicts, rows) = run_in(&FORMAT, &[&line], &of("sshd"));
        assert_eq!(verdicts, [Verdict::Skipped("not-an-audit-record")], "{line}");
        assert!(rows.is_empty(), "{line}");
        assert_eq!(sniff_in(&FORMAT, &line, &of("sshd")), 0, "{line}");
        let told = format!("[   12.345678] audit: {said}");
        for program in ["kernel", "node-audit"] {
            assert_eq!(run_in(&FORMAT, &[&told], &of(program)).1.host_events.len(), 1, "{program} {told}");
        }
    }
    assert_eq!(run_in(&FORMAT, &[record], &of("audit-exporter")).1.host_events.len(), 1);
    assert_eq!(run_in(&FORMAT, &[bare], &of("dbus-daemon")).1.host_events.len(), 1);
}

/// Scenario: a record with marks of further records in it: of the same event, as shippers glue them, and of others, as whoever
/// writes a record or names a socket can put them there. Guarantees: only the first are records.
#[test]
fn marks_of_other_events_are_text() {
    let glued = format!(
        "{} {}",
        call(9, 257, "success=yes exit=3 a2=0"),
        beside("PATH", 9, "item=0 name=\"/etc/shadow\" nametype=NORMAL")
    );
    assert_eq!(decoded(&[glued])[0].target_path.as_deref(), Some("/etc/shadow"));
    let forged = "type=AVC msg=audit(1927858000.124:10): apparmor=\"DENIED\" operation=\"open\" profile=\"p\" name=\"/etc/shadow\" pid=1";
    for line in [
        beside("USER_LOGIN", 9, &format!("pid=41 uid=0 auid=7 ses=2 msg='op=x {forged} res=success'")),
        beside("SOCKADDR", 9, &format!("saddr=0100\u{1d}SADDR={{ saddr_fam=local path={forged} }}")),
    ] {
        let (_, rows) = run(&FORMAT, &[&call(9, 49, "success=yes exit=0"), &line]);
        assert!(rows.host_events.iter().all(|row| row.control == HostControl::None), "{line}");
        assert!(rows.host_events.iter().all(|row| row.pid == Some(41)), "{line}");
    }
}

/// Scenario: what programs may write into records of their own: decisions of AppArmor and SELinux, under types that are for
/// other things. Guarantees: none of them is a decision, and each is known to be a program's word.
#[test]
fn programs_decide_nothing() {
    let armor =
        "op=x apparmor=\"DENIED\" operation=\"open\" profile=\"p\" name=\"/etc/shadow\" denied_mask=\"r\"";
    let selinux =
        "avc:  denied  { read } for comm=\"a\" scontext=a:b:c tcontext=a:b:d tclass=file permissive=0";
    for kind in [
        "USER_LOGIN",
        "TRUSTED_APP",
        "TEST",
        "GRP_MGMT",
        "SYSTEM_BOOT",
        "VIRT_CONTROL",
        "CRYPTO_KEY_USER",
        "ANOM_EXEC",
        "2450",
    ] {
        for inside in [armor, selinux] {
            let rows =
                decoded(&[beside(kind, 9, &format!("pid=41 uid=0 auid=7 ses=2 msg='{inside} res=success'"))]);
            let row = &rows[0];
            assert_eq!((row.control, row.pid), (HostControl::None, Some(41)), "{kind} {inside}");
            assert_eq!(
                (row.hook_class, row.outcome),
                (HookClass::Userspace, Outcome::Allowed),
                "{kind} {inside}"
            );
        }
    }
    let crash = decoded(&[beside("ANOM_ABEND", 9, "auid=7 uid=7 ses=2 pid=41 comm=\"a\" sig=11 res=1")]);
    assert_eq!(crash[0].hook_class, HookClass::Audit, "the kernel says that");
    let switched = "pid=1 uid=81 msg='avc:  op=setenforce lsm=selinux enforcing=0 res=1'";
    let rows = decoded(&[beside("USER_AVC", 9, switched)]);
    assert_eq!((rows[0].action, rows[0].policy.as_deref()), (Action::PolicyChange, Some("enforcing=0")));
}

/// Scenario: a command line, which systemd writes into its refusals as it is, that looks like the end of one. Guarantees: the
/// refusal stays one, of those who it is about.
#[test]
fn a_command_line_decides_nothing() {
    let inside = "auid=7 uid=5 gid=5 path=\"/x.service\" cmdline=\"systemctl granted x\" scontext=u:r:init_t:s0 tclass=file permissive=1 \" function=\"stop\"";
    let rows = decoded(&[beside(
        "USER_AVC",
        9,
        &format!(
            "pid=1 uid=0 auid=4294967295 ses=4294967295 subj=u:r:init_t:s0 msg='avc:  denied  {{ stop }} for {inside} scontext=u:r:staff_t:s0 tcontext=u:r:o tclass=service permissive=0 exe=\"/usr/lib/systemd/systemd\" sauid=0'"
        ),
    )]);
    let row = &rows[0];
    assert_eq!((row.outcome, row.mode), (Outcome::Denied, ControlMode::Enforcing));
    assert_eq!(row.label.as_deref(), Some("u:r:staff_t:s0"));
    assert_eq!(row.policy.as_deref(), Some("u:r:staff_t:s0 u:r:o service"));
}

/// Scenario: AppArmor tells of what a rule allows and wants to be told. Guarantees: it was allowed; whether the profile enforces
/// is not said, for those in complain mode tell the same.
#[test]
fn audited_by_a_rule_says_no_mode() {
    let line = beside(
        "AVC",
        9,
        "apparmor=\"AUDIT\" operation=\"open\" profile=\"p\" name=\"/x\" pid=41 comm=\"a\" requested_mask=\"r\"",
    );
    let rows = decoded(&[line]);
    assert_eq!((rows[0].outcome, rows[0].mode), (Outcome::Allowed, ControlMode::Unknown));
    let other = beside(
        "AVC",
        10,
        "apparmor=\"DENIED\" operation=\"change_profile\" profile=\"p\" name=\"/root/.ssh/id_rsa\" pid=41 comm=\"a\"",
    );
    let rows = decoded(&[other]);
    assert_eq!(
        (rows[0].action, rows[0].target_path.as_deref()),
        (Action::PrivChange, None),
        "a profile is no file"
    );
    assert!(!rows[0].target_is_credential);
}
