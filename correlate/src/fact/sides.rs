//! Sides: one call of a mesh that the caller's own proxy recorded, and whoever was called too.
//!
//! In: calls in canonical order, each with the side that tells of it. Out: the other side's record of the same call.
//! Owns: what makes two records one call, and the calls whose other side has not been heard yet.
//! Law: a record has at most one other side, and never one of its own side; records that contradict each other in who
//! called or what was decided are two calls. Bound: [`MAX_WAITING`]; what waits no longer is a call of its own.

use std::collections::VecDeque;

use offbound_schemas::EventTime;
use offbound_schemas::table::identity_assertions;
use offbound_schemas::vocabulary::{Decision, Phase, SENDER_VIEW};

use super::evidence::Witness;
use super::keep::Moves;
use crate::environment::Environment;
use crate::keyed::{HashMap, RandomState};
use crate::names::{Name, Named, Renaming};

/// Calls that wait, about 150 bytes each: ten thousand a second between clocks that differ by four seconds.
const MAX_WAITING: usize = 40_000;
/// Calls of one address that a record is compared with: the oldest, since the other side comes in the same order.
const MAX_COMPARED: usize = 64;

/// Who wrote a record of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Side {
    /// The caller's own proxy.
    Caller,
    /// Whoever was called.
    Called,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Caller => Self::Called,
            Self::Called => Self::Caller,
        }
    }
}

/// Whether the caller's own proxy wrote a record.
pub(super) fn is_sent(view: &identity_assertions::View<'_>, row: usize) -> bool {
    view.trust_flags(row).iter().any(|remark| remark == SENDER_VIEW)
}

/// What both sides record of a call; texts are hashes, so that none is kept longer than its use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    side: Side,
    time: EventTime,
    /// How far the clock that gave the time may be wrong, in nanoseconds.
    error: i64,
    /// Where it came from, and what was done.
    kind: u64,
    subject: Option<u64>,
    destination: u64,
    /// Address and port that were called.
    endpoint: Option<u64>,
    decision: Decision,
}

/// A call whose other side has not been heard.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    call: Call,
    /// Its use.
    place: usize,
    witness: Witness,
    is_met: bool,
}

/// The calls of the last seconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Sides {
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
    /// The number of the first of them.
    begin: u64,
    /// Numbers of those that are not met, by their side and kind.
    unmet: HashMap<(Side, u64), VecDeque<u64>>,
    /// The largest clock error of any call.
    error: i64,
    hasher: RandomState,
}

impl Sides {
    /// The call that a record tells of, if it is of a mesh and names who called.
    pub(super) fn call(
        &self,
        environment: &Environment,
        destination: &str,
        is_sent: bool,
        (view, row): (&identity_assertions::View<'_>, usize),
    ) -> Option<Call> {
        if view.platform(row) != Some("mesh") || view.phase(row) != Phase::Present {
            return None;
        }
        let from = view.src_addr(row)?;
        let hash = |text: &str| self.hasher.hash_one(text);
        let said = |text: &&str| !text.is_empty();
        let endpoint = view.dst_addr(row).zip(view.dst_port(row));
        Some(Call {
            side: if is_sent { Side::Caller } else { Side::Called },
            time: view.event_time(row),
            error: environment.clock_error_nanos(view.source(row), None),
            kind: self.hasher.hash_one((from, view.action(row))),
            subject: view.subject(row).filter(said).map(hash),
            destination: hash(destination),
            endpoint: endpoint.map(|endpoint| self.hasher.hash_one(endpoint)),
            decision: view.decision(row),
        })
    }

    /// The use, and the record, of the same call by the other side, which now has its other side too.
    pub(super) fn meet(&mut self, call: &Call) -> Option<(usize, Witness)> {
        self.forget_before(call.time);
        let Self { waiting, begin, unmet, .. } = self;
        let key = (call.side.other(), call.kind);
        let numbers = unmet.get_mut(&key)?;
        let at = |number: u64| usize::try_from(number - *begin).ok();
        let is_it = |number: &u64| {
            at(*number).and_then(|at| waiting.get(at)).is_some_and(|other| is_same(&other.call, call))
        };
        let place = numbers.iter().take(MAX_COMPARED).position(is_it)?;
        let number = numbers.remove(place)?;
        if numbers.is_empty() {
            unmet.remove(&key);
        }
        let other = waiting.get_mut(at(number)?)?;
        other.is_met = true;
        Some((other.place, other.witness))
    }

    /// Keeps a call, with its use, for the record of the other side.
    pub(super) fn wait(&mut self, call: Call, place: usize, witness: Witness) {
        if self.waiting.len() >= MAX_WAITING {
            self.forget_first();
        }
        let number = self.begin + self.waiting.len() as u64;
        self.unmet.entry((call.side, call.kind)).or_default().push_back(number);
        self.error = self.error.max(call.error);
        self.waiting.push_back(Waiting { call, place, witness, is_met: false });
    }

    fn forget_before(&mut self, time: EventTime) {
        let reach = self.error.saturating_mul(2);
        while self.waiting.front().is_some_and(|first| time.nanos_since(first.call.time) > reach) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Some(first) = self.waiting.pop_front() else { return };
        self.begin += 1;
        let key = (first.call.side, first.call.kind);
        if let Some(numbers) = self.unmet.get_mut(&key).filter(|_| !first.is_met) {
            numbers.pop_front();
            if numbers.is_empty() {
                self.unmet.remove(&key);
            }
        }
    }

    /// Shows the names of those calls whose uses are kept.
    pub(super) fn each_name(&mut self, moves: &Moves, visit: &mut impl FnMut(&mut Name)) {
        let kept = self.waiting.iter_mut().filter(|waiting| moves.keeps(waiting.place));
        kept.for_each(|waiting| waiting.witness.each_name(visit));
    }

    /// Keeps the calls of those uses that are kept, under their new names.
    pub(super) fn keep(&mut self, moves: &Moves, renaming: &Renaming) {
        self.unmet.clear();
        self.begin = 0;
        for mut waiting in std::mem::take(&mut self.waiting) {
            let Some(place) = moves.to(waiting.place).filter(|_| !waiting.is_met) else { continue };
            renaming.rename(&mut waiting.witness);
            self.wait(waiting.call, place, waiting.witness);
        }
    }
}

fn is_same(one: &Call, other: &Call) -> bool {
    let (sent, received) = if one.side == Side::Caller { (one, other) } else { (other, one) };
    let is_there = sent.destination == received.destination
        || sent.endpoint.is_some_and(|endpoint| received.endpoint == Some(endpoint));
    is_there
        && sent.time.nanos_since(received.time).saturating_abs() <= sent.error.saturating_add(received.error)
        // Whoever was called may not have been shown what the caller names.
        && sent.subject.is_none_or(|subject| received.subject == Some(subject))
        && (is_open(sent.decision) || sent.decision == received.decision)
}

/// Whether the caller's side does not say what was decided: a connection that broke may have been refused.
fn is_open(decision: Decision) -> bool {
    matches!(decision, Decision::None | Decision::Error)
}

#[cfg(test)]
mod tests {
    use offbound_schemas::vocabulary::Decision;
    use proptest::prelude::*;

    use crate::fact::Facts;
    use crate::fact::testing::{in_order, rows_of};

    const DEFAULTS: &str = "
identity_assertions: event_id=a{n}; source=ztunnel; location=t:{n}; phase=present; decision=allow; enforcement=enforced; platform=mesh; subject=spiffe://d/ns/shop/sa/web; src_addr=10.1.0.7; addr_quality=direct; dst=payments.shop.svc; dst_addr=10.1.0.9; dst_port=8443; action=connect; event_time=10:00:10.004
";
    const SENT: &str = "trust_flags=sender-view; enforcement=unknown; event_time=10:00:10.002";

    fn folded(rows: &[String]) -> Facts {
        in_order(DEFAULTS, &rows_of("identity_assertions", rows.iter().map(String::as_str)))
    }

    /// Each use that stands for an act: decision, count, whether the caller's side tells of it alone, and beside the other.
    fn check(rows: &[&str], expected: &[(Decision, u64, bool, bool)]) {
        let rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
        let facts = folded(&rows);
        let standing = facts.uses.iter().filter(super::super::usage::Usage::stands);
        let found: Vec<_> = standing
            .map(|usage| (usage.key.decision, usage.count, usage.key.is_sent, usage.sent.is_some()))
            .collect();
        assert_eq!(found, expected, "{rows:#?}");
    }

    /// Scenario: a connection that both ztunnels recorded, whichever clock is ahead, let in, refused or broken off; a
    /// request that both sidecars recorded, where only one was shown a certificate.
    /// Guarantees: one act, by the word of the called side, with the caller's record beside it.
    #[test]
    fn one_call_is_counted_once() {
        let told = |decision| (decision, 1, false, true);
        check(&["", &format!("event_id=b1; decision=none; {SENT}")], &[told(Decision::Allow)]);
        let behind = SENT.replace("10.002", "11.5");
        check(&["", &format!("event_id=b1; decision=none; {behind}")], &[told(Decision::Allow)]);
        check(&["decision=deny", &format!("event_id=b1; decision=deny; {SENT}")], &[told(Decision::Deny)]);
        check(&["decision=deny", &format!("event_id=b1; decision=error; {SENT}")], &[told(Decision::Deny)]);
        // A virtual address, or another name of the service, but not both.
        check(
            &["", &format!("event_id=b1; decision=none; dst_addr=10.96.0.4; dst_port=80; {SENT}")],
            &[told(Decision::Allow)],
        );
        check(
            &["dst=shop/payments-3", &format!("event_id=b1; decision=none; {SENT}")],
            &[told(Decision::Allow)],
        );
        let request = "source=envoy; action=POST /pay";
        check(
            &[
                &format!("{request}; decision=deny"),
                &format!("event_id=b1; {request}; subject=; decision=none; {SENT}"),
            ],
            &[told(Decision::Deny)],
        );
        // What two nodes of Cilium record, without any credential.
        let flow =
            "source=hubble; subject=system:serviceaccount:shop:web; dst=shop/payments-3; action=GET /pay";
        for decision in [Decision::Allow, Decision::Deny] {
            check(
                &[
                    &format!("{flow}; decision={decision}"),
                    &format!("event_id=b1; {flow}; decision=none; {SENT}"),
                ],
                &[told(decision)],
            );
        }
    }

    /// Scenario: two records that are alike and not the two sides of one call: the same side twice, another caller, place,
    /// destination or act, too far in time, an answer that contradicts the refusal, a log that is of no mesh.
    /// Guarantees: both are acts.
    #[test]
    fn other_calls_stay_apart() {
        check(&["", "event_id=b1"], &[(Decision::Allow, 2, false, false)]);
        check(
            &[&format!("decision=none; {SENT}"), &format!("event_id=b1; decision=none; {SENT}")],
            &[(Decision::None, 2, true, false)],
        );
        let alone = [(Decision::None, 1, true, false), (Decision::Allow, 1, false, false)];
        for other in [
            "subject=spiffe://d/ns/shop/sa/other",
            "src_addr=10.1.0.8",
            "dst=orders.shop.svc; dst_addr=10.1.0.10",
            "dst=orders.shop.svc; dst_port=9443",
            "action=GET /",
            "event_time=10:00:05.9",
        ] {
            let sent = SENT
                .split("; ")
                .filter(|cell| !other.starts_with("event_time") || !cell.starts_with("event_time"));
            let sent: Vec<&str> = sent.collect();
            check(&["", &format!("event_id=b1; decision=none; {}; {other}", sent.join("; "))], &alone);
        }
        check(&["subject=", &format!("event_id=b1; decision=none; {SENT}")], &alone);
        let refused = [(Decision::Deny, 1, true, false), (Decision::Allow, 1, false, false)];
        check(&["", &format!("event_id=b1; decision=deny; {SENT}")], &refused);
        check(&["platform=k8s", &format!("event_id=b1; decision=none; {SENT}")], &alone);
    }

    /// Scenario: a caller's record, and nobody else's; and such a record of a destination that never wrote one. Guarantees:
    /// the act is not lost, and the destination is not taken for one that keeps a log.
    #[test]
    fn a_callers_word_alone_is_an_act_and_no_log_of_the_called() {
        let rows = [format!("decision=deny; {SENT}")];
        check(&[&rows[0]], &[(Decision::Deny, 1, true, false)]);
        assert!(folded(&rows).coverage.sorted().is_empty());
        assert_eq!(folded(&[String::new()]).coverage.sorted().len(), 1);
    }

    proptest! {
        /// Scenario: calls of one caller to one destination within seconds, each told by the one side, by the other or by
        /// both. Guarantees: as many acts as can be told apart: no fewer than either side told of, no more than both
        /// together, and none of those that the called side told of is missing.
        #[test]
        fn no_act_of_the_called_side_is_lost(calls in prop::collection::vec((0u32..3000, 1u8..4, any::<u32>()), 1..12)) {
            let mut rows = Vec::new();
            let (mut sent, mut received) = (0, 0);
            for (index, (millis, sides, order)) in calls.iter().enumerate() {
                let time = |millis: u32| format!("event_time=10:00:{:02}.{:03}", 10 + millis / 1000, millis % 1000);
                if sides & 1 != 0 {
                    sent += 1;
                    rows.push(format!("event_id=s{order}-{index}; decision=none; trust_flags=sender-view; {}", time(*millis)));
                }
                if sides & 2 != 0 {
                    received += 1;
                    rows.push(format!("event_id=r{order}-{index}; {}", time(millis + 7)));
                }
            }
            let facts = folded(&rows);
            let count = |is_sent: bool| -> u64 {
                facts.uses.iter().filter(|usage| usage.key.is_sent == is_sent).map(|usage| usage.count).sum()
            };
            prop_assert_eq!(count(false), received);
            // Times lie within the clocks' error of each other: what one side told more often, it told alone.
            prop_assert_eq!(count(true), u64::from(sent > received) * (sent.max(received) - received));
        }
    }
}
