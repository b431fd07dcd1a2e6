//! Operations: one act that its recorder tells of more than once, as it begins, goes on and ends.
//!
//! In: presentations in canonical order, each with the operation that it is part of. Out: whether a record is an act more.
//! Owns: the operations whose first record was folded. Bound: [`MAX_OPERATIONS`].
//! Law: the first record that is heard of an operation is the act, whichever it is; a refusal is always one.

use offbound_schemas::EventId;
use offbound_schemas::table::identity_assertions;
use offbound_schemas::vocabulary::{Decision, PART_OF_OPERATION};

use crate::keyed::Recent;

/// Operations remembered, about 50 bytes each: days of an organisation's, whose longest take hours. The oldest is
/// forgotten first, and what is heard of it later counts.
const MAX_OPERATIONS: usize = 20_000;

/// The operations that were heard of; ids are hashes, so that none is kept longer than its use.
#[derive(Debug, Clone)]
pub(super) struct Operations {
    heard: Recent<EventId>,
}

impl Default for Operations {
    fn default() -> Self {
        Self { heard: Recent::new(MAX_OPERATIONS) }
    }
}

impl Operations {
    /// Takes a record in; says whether it only tells more of an operation that was heard of.
    pub(super) fn repeats(&mut self, view: &identity_assertions::View<'_>, row: usize) -> bool {
        let Some(id) = view.shared_id(row).filter(|_| is_part(view, row)) else { return false };
        let is_new = self.heard.insert(EventId::of(&[id.as_bytes()]));
        !is_new && view.decision(row) != Decision::Deny
    }
}

fn is_part(view: &identity_assertions::View<'_>, row: usize) -> bool {
    view.trust_flags(row).iter().any(|remark| remark == PART_OF_OPERATION)
}

#[cfg(test)]
mod tests {
    use crate::fact::testing::{in_order, rows_of};

    const DEFAULTS: &str = "
identity_assertions: event_id=a{n}; source=gcp-audit; location=t:{n}; phase=present; decision=allow; enforcement=enforced; subject=deploy@shop; src_addr=198.51.100.9; addr_quality=direct; dst=compute.googleapis.com; action=v1.compute.instances.insert; account=shop; shared_id=compute.googleapis.com/op1; trust_flags=part-of-operation; event_time=10:00:01
";

    fn check(rows: &[&str], expected: &[u64]) {
        let rows = rows_of("identity_assertions", rows.iter().copied());
        let counts: Vec<u64> = in_order(DEFAULTS, &rows).uses.iter().map(|usage| usage.count).collect();
        assert_eq!(counts, expected, "{rows}");
    }

    /// Scenario: an operation's begin and end, seconds and hours apart, without an address at its end; its end alone.
    /// Guarantees: one act, and none is lost for want of its beginning.
    #[test]
    fn an_operation_is_one_act() {
        check(&["", "event_id=b1; event_time=10:00:09"], &[1]);
        check(&["", "event_id=b1; event_time=13:20:00; src_addr=; addr_quality=none; decision=error"], &[1]);
        check(&["event_time=13:20:00"], &[1]);
    }

    /// Scenario: records that are alike and not of one operation: another id, none, a whole operation in one record, a
    /// refusal after it was let in. Guarantees: each is an act.
    #[test]
    fn other_acts_stay() {
        for other in ["shared_id=compute.googleapis.com/op2", "shared_id=", "trust_flags="] {
            check(&["", &format!("event_id=b1; {other}")], &[2]);
        }
        check(&["", "event_id=b1; event_time=10:00:09; decision=deny"], &[1, 1]);
    }
}
