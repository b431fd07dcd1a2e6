use offbound_schemas::vocabulary::{Attribution, SignalKind};

use crate::fact::Facts;
use crate::fact::testing::{as_they_stand, rows_of};

const DEFAULTS: &str = "
host_events: event_id=e{n}; source=linux-audit; location=a:{n}; host=n1; action=other; outcome=allowed; control=none; mode=unknown; pid=40; exe=/bin/x; event_time=10:00:0{n}
";

/// Folds rows as they stand.
fn folded(rows: &str) -> Facts {
    let rows = rows.lines().map(str::trim).filter(|row| !row.is_empty());
    as_they_stand(DEFAULTS, &rows_of("host_events", rows))
}

/// Kind and strength of each sign.
fn signs(rows: &str) -> Vec<(SignalKind, bool)> {
    folded(rows).signals.all().iter().map(|sign| (sign.kind, sign.strong)).collect()
}

/// Scenario: a process writes what the host will run, told as a write or as a change of namespace, from a container that is
/// known, that only its label tells, or from none. Guarantees: a way out each time, strong where it leads out.
#[test]
fn files_that_the_host_runs_are_ways_out() {
    const AGENT: &str = "target_path=/sys/fs/cgroup/rdma/release_agent";
    for (row, strong) in [
        (format!("action=ns_change; container_id=aaaa; {AGENT}"), true),
        (format!("action=file_write; container_id=aaaa; {AGENT}"), true),
        ("action=file_write; container_id=aaaa; target_path=/proc/sys/kernel/core_pattern".to_owned(), true),
        (format!("action=ns_change; label=cri-containerd.apparmor.d; {AGENT}"), true),
        (format!("action=ns_change; label=u:r:container_t:s0:c1,c2; {AGENT}"), true),
        (format!("action=ns_change; label=unconfined; {AGENT}"), false),
    ] {
        assert_eq!(signs(&row), [(SignalKind::Escape, strong)], "{row}");
    }
    assert_eq!(signs("action=ns_change; target_path=/mnt"), []);
}

/// Scenario: a kernel module is loaded by a process that nobody placed. Guarantees: its label says whether it is in a
/// container.
#[test]
fn a_label_tells_that_a_process_is_contained() {
    assert_eq!(signs("action=module_load; label=docker-default"), [(SignalKind::Escape, true)]);
    assert_eq!(signs("action=module_load; label=unconfined"), []);
}

/// Scenario: a pid of a container that the sensor which knows containers sees again, as a process of the host, without
/// having seen the first one end. Guarantees: later events of the pid are not the container's any more.
#[test]
fn a_pid_that_comes_again_is_another_process() {
    const FIRST: &str = "source=tetragon; action=exec; process_key=k1; pod_uid=web-1; container_id=aaaa";
    const AGAIN: &str = "source=tetragon; action=exec; process_key=k2";
    const READ: &str = "action=cred_read; target_path=/etc/shadow";
    let pod_by = |rows: &str| folded(rows).signals.all().last().map(|sign| sign.pod_by);
    assert_eq!(pod_by(&format!("{FIRST}\n{READ}")), Some(Attribution::PidJoin));
    assert_eq!(pod_by(&format!("{FIRST}\n{AGAIN}\n{READ}")), Some(Attribution::None));
    assert_eq!(
        pod_by(&format!("{FIRST}\naction=exec; process_key=a1\n{READ}; process_key=a1")),
        Some(Attribution::PidJoin)
    );
}
