//! Copies: one act that one source delivered to several accounts.
//!
//! In: for a use, the id that all copies of its act share, and the account that this copy went to. Out: whether the record
//! is an act more. Owns: the copies of the open window. Bound: [`MAX_COPIES`].
//! Law: of one act there are as many as one account was told of, in whatever order; an account's copies are never copies
//! of each other. Only records that agree in everything that makes a use, and in their time, are compared, so that a
//! forged copy takes no use away: at most a number is smaller.

use offbound_schemas::table::identity_assertions;
use offbound_schemas::{EventId, EventTime};

use super::keep::Moves;
use crate::keyed::HashMap;

/// Copies remembered, about 100 bytes each: three hundred a second in a window of a minute. What comes then counts.
const MAX_COPIES: usize = 20_000;

/// What a record says of copies of itself; both are hashes, so that ids are not kept beyond their window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy {
    act: EventId,
    account: EventId,
}

impl Copy {
    /// None where there are no copies, or it is not known whose this one is.
    pub(super) fn of(view: &identity_assertions::View<'_>, row: usize) -> Option<Self> {
        let (act, account) = view.shared_id(row).zip(view.account(row))?;
        Some(Self { act: EventId::of(&[act.as_bytes()]), account: EventId::of(&[account.as_bytes()]) })
    }
}

/// An act, by its use, its moment and its shared id.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq, Hash)]
struct Act {
    place: usize,
    time: EventTime,
    id: EventId,
}

/// The copies of the open window.
#[derive(Debug, Clone, Default)]
pub(super) struct Copies {
    /// How many each account was told of.
    told: HashMap<(Act, EventId), u32>,
    /// The most that one account was told of.
    most: HashMap<Act, u32>,
}

impl Copies {
    /// Takes a record of the use at `place` in; says whether it is an act more.
    pub(super) fn is_new(&mut self, place: usize, time: EventTime, copy: Copy) -> bool {
        if self.told.len() >= MAX_COPIES {
            return true;
        }
        let act = Act { place, time, id: copy.act };
        let told = self.told.entry((act, copy.account)).or_default();
        *told += 1;
        let most = self.most.entry(act).or_default();
        let is_new = *told > *most;
        *most = (*most).max(*told);
        is_new
    }

    /// A window has passed.
    pub(super) fn clear(&mut self) {
        self.told.clear();
        self.most.clear();
    }

    /// Keeps the copies of those uses that are kept.
    pub(super) fn keep(&mut self, moves: &Moves) {
        let moved = |act: Act| Some(Act { place: moves.to(act.place)?, ..act });
        let told = std::mem::take(&mut self.told).into_iter();
        self.told =
            told.filter_map(|((act, account), count)| Some(((moved(act)?, account), count))).collect();
        let most = std::mem::take(&mut self.most).into_iter();
        self.most = most.filter_map(|(act, count)| Some((moved(act)?, count))).collect();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use crate::fact::testing::{in_order, rows_of};

    const DEFAULTS: &str = "
identity_assertions: event_id=a{n}; source=cloudtrail; location=t:{n}; phase=present; decision=allow; enforcement=enforced; credential_id=ASIAEXAMPLE00000000A; id_kind=access_key; subject=arn:x; src_addr=198.51.100.9; addr_quality=direct; dst=kms.amazonaws.com; action=Decrypt; account=one; shared_id=s1; event_time=10:00:01
";

    /// Each use's credential and count, after folding rows in the order of their times.
    fn uses(rows: &str) -> Vec<(String, u64)> {
        let facts = in_order(DEFAULTS, rows);
        let text = |id| facts.names.owned_id(id).unwrap_or_default();
        facts.uses.iter().map(|usage| (text(usage.key.credential), usage.count)).collect()
    }

    fn check(rows: &[&str], expected: &[u64]) {
        let rows = rows_of("identity_assertions", rows.iter().copied());
        let counts: Vec<u64> = uses(&rows).into_iter().map(|(_, count)| count).collect();
        assert_eq!(counts, expected, "{rows}");
    }

    /// Scenario: one call that two and three accounts were told of; two calls in one second, each told to both. Guarantees:
    /// as many acts as one account was told of.
    #[test]
    fn a_call_told_to_several_accounts_is_one() {
        check(&["event_id=a1", "event_id=b1; account=two"], &[1]);
        check(&["event_id=a1", "event_id=b1; account=two", "event_id=c1; account=three"], &[1]);
        check(
            &[
                "event_id=a1",
                "event_id=a2; shared_id=s2",
                "event_id=b1; account=two",
                "event_id=b2; account=two; shared_id=s2",
            ],
            &[2],
        );
    }

    /// Scenario: records that share less than an act: one account told twice, another id or none, nobody's account,
    /// another second; a copy that names another credential, address, action or decision, as a forger might or as AWS
    /// does where it hides the caller. Guarantees: each counts, and what differs is a use of its own.
    #[test]
    fn what_is_not_surely_one_act_is_counted() {
        for other in [
            "event_id=b1",
            "event_id=b1; account=two; shared_id=s2",
            "event_id=b1; account=two; shared_id=",
            "event_id=b1; account=",
            "event_id=b1; account=two; event_time=10:00:02",
        ] {
            check(&["event_id=a1", other], &[2]);
        }
        for other in
            ["credential_id=ASIAEXAMPLE00000000B", "src_addr=203.0.113.4", "decision=deny", "credential_id="]
        {
            check(&["event_id=a1", &format!("event_id=b1; account=two; {other}")], &[1, 1]);
        }
    }

    proptest! {
        /// Scenario: any records of one use, with a few shared ids, to a few accounts, in any order of their ids.
        /// Guarantees: the count is the sum over ids of the most that one account was told, so that no order and no
        /// forged copy makes it less than what any one account saw; the use itself is there.
        #[test]
        fn the_count_is_what_the_best_told_account_saw(records in prop::collection::vec((0u8..3, 0u8..3, any::<u32>()), 1..12)) {
            let rows: Vec<String> = records.iter().enumerate().map(|(index, (id, account, order))| {
                format!("event_id=e{order}-{index}; shared_id=s{id}; account=account-{account}")
            }).collect();
            let rows: String = rows.iter().map(|row| format!("identity_assertions: {row}\n")).collect();
            let mut told: BTreeMap<u8, BTreeMap<u8, u64>> = BTreeMap::new();
            for (id, account, _) in records {
                *told.entry(id).or_default().entry(account).or_default() += 1;
            }
            let expected: u64 = told.values().filter_map(|accounts| accounts.values().max()).sum();
            prop_assert_eq!(uses(&rows), [("ASIAEXAMPLE00000000A".to_owned(), expected)]);
        }
    }
}
