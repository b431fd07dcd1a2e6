//! Columns: which of an event's columns folding reads; the others need not be kept for it, nor read.
//!
//! In: the name of an event table. Out: names of its columns.
//! Owns: the list of each table. Law: what is not in it is read by no fold; a test compares it with what folds call.

use offbound_schemas::table::{host_events, identity_assertions, placements};

/// The columns of an event table that folding reads; none of any other table.
#[must_use]
pub fn folded_columns(table: &str) -> &'static [&'static str] {
    match table {
        host_events::NAME => HOST_EVENTS,
        identity_assertions::NAME => IDENTITY_ASSERTIONS,
        placements::NAME => PLACEMENTS,
        _ => &[],
    }
}

const HOST_EVENTS: &[&str] = {
    use host_events::column::{
        action, cmd_line, comm, container_id, control, dst_addr, euid, event_id, event_time, exe, gap_from,
        host, in_host_ns, label, location, lost, mode, outcome, parent_exe, parent_key, parent_pid, pid,
        pod_uid, policy, priority, process_key, rule, source, target_exe, target_path, uid, unit,
    };
    &[
        event_id,
        event_time,
        source,
        location,
        host,
        container_id,
        pod_uid,
        unit,
        in_host_ns,
        action,
        outcome,
        control,
        mode,
        process_key,
        parent_key,
        pid,
        parent_pid,
        exe,
        comm,
        parent_exe,
        cmd_line,
        uid,
        euid,
        label,
        target_path,
        target_exe,
        dst_addr,
        policy,
        rule,
        priority,
        lost,
        gap_from,
    ]
};

const IDENTITY_ASSERTIONS: &[&str] = {
    use identity_assertions::column::{
        account, action, addr_chain, addr_quality, audience, bound_host, bound_host_uid, bound_instance,
        bound_pod_uid, cnf, credential_alias, credential_id, credential_kind, decision, dst, dst_addr,
        dst_identity, dst_port, enforcement, entry_id, event_id, event_time, exp, iat, issuer, location, nbf,
        observed_workload, parent_id, phase, platform, presenter, reason, reported_expiry, shared_id, source,
        src_addr, subject, trust_flags, warn_after,
    };
    &[
        event_id,
        event_time,
        source,
        location,
        shared_id,
        phase,
        decision,
        reason,
        enforcement,
        issuer,
        subject,
        credential_id,
        credential_alias,
        credential_kind,
        parent_id,
        iat,
        nbf,
        exp,
        warn_after,
        reported_expiry,
        audience,
        cnf,
        presenter,
        src_addr,
        addr_chain,
        addr_quality,
        observed_workload,
        bound_pod_uid,
        bound_host,
        bound_host_uid,
        bound_instance,
        entry_id,
        dst,
        dst_identity,
        dst_addr,
        dst_port,
        action,
        platform,
        account,
        trust_flags,
    ]
};

const PLACEMENTS: &[&str] = {
    use placements::column::{
        addresses, aliases, container_ids, end, event_id, event_time, host, host_uid, kind, location,
        may_go_on, namespace, native_id, parent, pod, pod_uid, realm, selectors, shared, source, start,
        workload,
    };
    &[
        event_id,
        event_time,
        source,
        location,
        kind,
        realm,
        workload,
        aliases,
        host,
        host_uid,
        namespace,
        pod,
        pod_uid,
        container_ids,
        addresses,
        shared,
        start,
        end,
        may_go_on,
        selectors,
        parent,
        native_id,
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = include_str!("../fact.rs");

    /// What stands in the source of some folds, without blanks: a call may be broken over lines.
    fn calls(sources: &[&str]) -> String {
        sources.iter().flat_map(|source| source.split_whitespace()).collect()
    }

    fn check(table: &str, columns: &[&str], sources: &[&str]) {
        let calls = calls(sources);
        let called = columns.iter().filter(|column| calls.contains(&format!("view.{column}("))).copied();
        let mut called: Vec<&str> = called.collect();
        let mut listed = folded_columns(table).to_vec();
        called.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, called, "{table}");
    }

    /// Scenario: the source of every fold. Guarantees: the columns that it calls on its view are those that are listed.
    #[test]
    fn lists_are_what_folds_call() {
        let names = |columns: Vec<offbound_schemas::table::ColumnSpec>| -> Vec<&'static str> {
            columns.iter().map(|column| column.name).collect()
        };
        let (lineage, signal, meaning, gap) = (
            include_str!("lineage.rs"),
            include_str!("signal.rs"),
            include_str!("signal/meaning.rs"),
            include_str!("gap.rs"),
        );
        let of_hosts = names(host_events::columns());
        check(host_events::NAME, &of_hosts, &[ALL, lineage, signal, meaning, gap]);
        let (binding, usage, destination, copies, sides) = (
            include_str!("binding.rs"),
            include_str!("usage.rs"),
            include_str!("destination.rs"),
            include_str!("copies.rs"),
            include_str!("sides.rs"),
        );
        let of_assertions = names(identity_assertions::columns());
        check(identity_assertions::NAME, &of_assertions, &[ALL, binding, usage, destination, copies, sides]);
        check(placements::NAME, &names(placements::columns()), &[ALL, include_str!("placement.rs")]);
    }
}
