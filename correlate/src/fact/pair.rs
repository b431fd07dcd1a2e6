//! Pairs: the two SELinux categories by which a host keeps its containers apart, as in `container_t:s0:c4,c808`.
//!
//! In: labels of processes, in canonical order, and in which container the process is known to run. Out: the container
//! behind a pair, where only one is known. Owns: the pairs of all hosts. Bound: [`MAX_PAIRS`].
//! Law: a pair that two containers of different pods were seen with names nobody any more; containers of one pod share
//! theirs, and then it names the pod. Platforms that give one pair to a whole namespace (OpenShift) show that only when
//! two of its pods are heard of, so that the answer is never more than a surmise. What a pair told teaches nothing.

use std::collections::VecDeque;

use offbound_schemas::table::host_events;
use offbound_schemas::{EventId, EventTime};

use crate::keyed::HashMap;
use crate::names::{Name, Names};

/// Pairs remembered, at most about 400 bytes each: a hundred containers on each of three hundred hosts.
const MAX_PAIRS: usize = 32_768;
/// Bytes of an id that is remembered: container ids have 64, pod uids 36.
const MAX_ID_BYTES: usize = 128;
/// A container that was not seen with its pair for half a day may have gone, and the pair may be another's.
const MAX_AGE_NANOS: i64 = 12 * 3_600 * 1_000_000_000;
/// A runtime picks two of 1,024 categories.
const CATEGORIES: u16 = 1_024;

/// The container that a process runs in; one of the two is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Container {
    id: Option<String>,
    pod_uid: Option<String>,
}

/// What a pair stands for.
#[derive(Debug, Clone)]
enum Stands {
    /// For one container or pod, last seen with it at that time.
    For(Container, EventTime),
    /// For more than one: nobody can say.
    Ambiguous,
}

/// The pairs of all hosts.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairs {
    known: HashMap<EventId, Stands>,
    order: VecDeque<EventId>,
}

/// A pair on a host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair(EventId);

impl Pair {
    /// The pair of the process that acted.
    pub(super) fn of(view: &host_events::View<'_>, row: usize) -> Option<Self> {
        let (one, other) = categories(view.label(row)?)?;
        let numbers = [one.to_le_bytes(), other.to_le_bytes()].concat();
        Some(Self(EventId::of(&[view.host(row)?.as_bytes(), &numbers])))
    }
}

/// The two categories of a context `user:role:type:s0:c4,c808`, the smaller first. Ranges and other numbers of
/// categories are no container's.
fn categories(context: &str) -> Option<(u16, u16)> {
    let (_user, rest) = context.split_once(':')?;
    let (_role, rest) = rest.split_once(':')?;
    let (_type, level) = rest.split_once(':')?;
    let (one, other) = level.strip_prefix("s0:")?.split_once(',')?;
    let number = |text: &str| {
        let digits = text.strip_prefix('c').filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<u16>().ok().filter(|number| *number < CATEGORIES)
    };
    let (one, other) = (number(one)?, number(other)?);
    (one != other).then(|| (one.min(other), one.max(other)))
}

impl Pairs {
    /// A process with this pair is known to run in a container or pod.
    pub(super) fn learn(
        &mut self,
        pair: Pair,
        names: &Names,
        (id, pod_uid): (Option<Name>, Option<Name>),
        time: EventTime,
    ) {
        let text = |name| names.text_of(name).filter(|text| !text.is_empty() && text.len() <= MAX_ID_BYTES);
        let seen = Container { id: text(id).map(str::to_owned), pod_uid: text(pod_uid).map(str::to_owned) };
        if seen.id.is_none() && seen.pod_uid.is_none() {
            return;
        }
        let Some(known) = self.known.get_mut(&pair.0) else {
            self.known.insert(pair.0, Stands::For(seen, time));
            self.order.push_back(pair.0);
            self.evict();
            return;
        };
        if let Stands::For(before, last) = known {
            *known = match joined(before, seen) {
                Some(container) => Stands::For(container, time.max(*last)),
                None => Stands::Ambiguous,
            };
        }
    }

    /// The container and the pod that a pair stands for, where that is one.
    pub(super) fn container(
        &self,
        pair: Pair,
        names: &mut Names,
        time: EventTime,
    ) -> Option<(Option<Name>, Option<Name>)> {
        match self.known.get(&pair.0)? {
            Stands::For(container, last) if time.nanos_since(*last) <= MAX_AGE_NANOS => {
                Some((names.maybe(container.id.as_deref()), names.maybe(container.pod_uid.as_deref())))
            }
            Stands::For(..) | Stands::Ambiguous => None,
        }
    }

    fn evict(&mut self) {
        while self.known.len() > MAX_PAIRS {
            let Some(oldest) = self.order.pop_front() else { return };
            self.known.remove(&oldest);
        }
    }
}

/// What two sightings of a pair have in common; nothing where they are of different pods, or may be.
fn joined(known: &Container, seen: Container) -> Option<Container> {
    let pod = known.pod_uid.as_ref().zip(seen.pod_uid.as_ref()).map(|(one, other)| one == other);
    // Sensors cut ids.
    let id = known.id.as_ref().zip(seen.id.as_ref());
    let id = id.map(|(one, other)| one.starts_with(other.as_str()) || other.starts_with(one.as_str()));
    match (pod, id) {
        (Some(false), _) | (None, Some(false) | None) => None,
        (Some(true), Some(false) | None) => Some(Container { id: None, pod_uid: seen.pod_uid }),
        (_, Some(true)) => Some(Container {
            id: known.id.clone().max(seen.id),
            pod_uid: known.pod_uid.clone().or(seen.pod_uid),
        }),
    }
}

#[cfg(test)]
mod tests {
    use offbound_schemas::vocabulary::Attribution;
    use proptest::prelude::*;

    use super::categories;
    use crate::fact::testing::{as_they_stand, rows_of};

    const DEFAULTS: &str = "
host_events: event_id=e{n}; source=linux-audit; location=a:{n}; host=n1; action=file_read; outcome=denied; control=selinux; mode=enforcing; exe=/bin/x; target_path=/t{n}; label=system_u:system_r:container_t:s0:c4,c808; event_time=10:00:0{n}
";

    /// Folds rows as they stand; gives how the last sign's pod is known, its pod and its container.
    fn last(rows: &str) -> (Attribution, String, String) {
        let rows = rows.lines().map(str::trim).filter(|row| !row.is_empty());
        let facts = as_they_stand(DEFAULTS, &rows_of("host_events", rows));
        let sign = facts.signals.all().last().expect("the last row is a sign");
        let text = |name| facts.names.text_of(name).unwrap_or_default().to_owned();
        (sign.pod_by, text(sign.pod_uid), text(sign.container))
    }

    fn check(rows: &str, method: Attribution, pod: &str, container: &str) {
        assert_eq!(last(rows), (method, pod.to_owned(), container.to_owned()), "{rows}");
    }

    const BARE: &str = "pid=41; exe=/bin/y";

    /// Scenario: a decision about a process that nobody placed, after one with the same pair that names its container, its
    /// pod, or whose pid another sensor knows; ids that are cut. Guarantees: the pair tells container and pod, and that
    /// it was the pair.
    #[test]
    fn a_pair_names_the_container_that_it_was_seen_with() {
        check(&format!("pid=40; container_id=aaaaaaaaaaaa\n{BARE}"), Attribution::Mcs, "", "aaaaaaaaaaaa");
        check(&format!("pid=40; pod_uid=web-1\n{BARE}"), Attribution::Mcs, "web-1", "");
        let sensor = "source=tetragon; action=exec; outcome=allowed; control=none; label=; process_key=k; pid=40; pod_uid=web-1; container_id=aaaa1111";
        check(&format!("{sensor}\npid=40\n{BARE}"), Attribution::Mcs, "web-1", "aaaa1111");
        check(
            &format!("pid=40; container_id=aaaa\npid=40; container_id=aaaa1111; pod_uid=web-1\n{BARE}"),
            Attribution::Mcs,
            "web-1",
            "aaaa1111",
        );
        check(
            &format!(
                "pid=40; container_id=aaaa; pod_uid=web-1\npid=42; container_id=bbbb; pod_uid=web-1\n{BARE}"
            ),
            Attribution::Mcs,
            "web-1",
            "",
        );
    }

    /// Scenario: a credential read that no control decided about, after an act that means nothing by itself, of a process
    /// that another sensor or the event itself places. Guarantees: both have a label, and the pair tells the container.
    #[test]
    fn any_event_with_a_label_teaches_and_learns() {
        const READ: &str = "pid=41; action=cred_read; outcome=allowed; control=none";
        const PLAIN: &str = "pid=40; action=file_read; outcome=allowed; control=none";
        let sensor = "source=tetragon; action=exec; outcome=allowed; control=none; label=; process_key=k; pid=40; pod_uid=web-1; container_id=aaaa1111";
        check(&format!("{PLAIN}; container_id=aaaa1111\n{READ}"), Attribution::Mcs, "", "aaaa1111");
        check(&format!("{sensor}\n{PLAIN}\n{READ}"), Attribution::Mcs, "web-1", "aaaa1111");
        check(&format!("{sensor}\n{PLAIN}\n{READ}; label="), Attribution::None, "", "");
    }

    /// Scenario: two containers with one pair, of different pods or of pods that nobody names, also long before; another
    /// pair or host, a range, no label; a container that was last seen half a day ago; a surmise as the only
    /// teacher. Guarantees: undetermined. What names its own pod is believed before any pair.
    #[test]
    fn what_is_not_sure_is_undetermined() {
        let nobody = |rows: &str| check(rows, Attribution::None, "", "");
        nobody(BARE);
        nobody(&format!("container_id=aaaa; pod_uid=web-1\ncontainer_id=bbbb; pod_uid=pay-1\n{BARE}"));
        nobody(&format!("container_id=aaaa\ncontainer_id=bbbb\ncontainer_id=aaaa\n{BARE}"));
        nobody(&format!("container_id=aaaa\npod_uid=web-1\n{BARE}"));
        for other in [
            "host=n2",
            "host=",
            "label=",
            "label=u:r:container_t:s0:c4,c809",
            "label=u:r:t:s0-s0:c0.c1023",
            "label=u:r:o:s0; policy=u:r:o:s0 u:r:container_t:s0:c4,c808 file",
        ] {
            nobody(&format!("pid=40; container_id=aaaa\n{BARE}; {other}"));
        }
        nobody(&format!("pid=40; container_id=aaaa; event_time=00:00:00\n{BARE}; event_time=12:00:01"));
        nobody(&format!(
            "pid=40; container_id=aaaa; event_time=00:00:00\n{BARE}; event_time=11:00:00\n{BARE}; event_time=13:00:00"
        ));
        let own = "pid=41; pod_uid=pay-1";
        check(&format!("pid=40; container_id=aaaa\n{own}"), Attribution::Direct, "pay-1", "");
    }

    /// Scenario: contexts as kernels write them. Guarantees: exactly two different categories are a pair, in either order.
    #[test]
    fn pairs_are_two_categories() {
        for (context, expected) in [
            ("system_u:system_r:container_t:s0:c4,c808", Some((4, 808))),
            ("system_u:system_r:container_t:s0:c808,c4", Some((4, 808))),
            ("u:r:t:s0", None),
            ("u:r:t:s0:c4", None),
            ("u:r:t:s0:c4,c4", None),
            ("u:r:t:s0:c4,c5,c6", None),
            ("u:r:t:s0:c4.c5", None),
            ("u:r:t:s0:c4,c1024", None),
            ("u:r:t:s0:c+4,c5", None),
            ("u:r:t:s0-s0:c4,c5", None),
            ("", None),
        ] {
            assert_eq!(categories(context), expected, "{context}");
        }
    }

    proptest! {
        /// Scenario: any containers of any pods seen with one pair, then a process that nobody placed. Guarantees: a pod is
        /// told exactly where all were of that one pod, whatever came first.
        #[test]
        fn only_what_all_agree_on_is_told(seen in prop::collection::vec((0u8..2, 0u8..2), 1..6)) {
            let rows: Vec<String> = seen
                .iter()
                .map(|(pod, container)| format!("container_id={pod}{container}{pod}{container}; pod_uid=pod-{pod}"))
                .collect();
            let (method, pod, _) = last(&format!("{}\n{BARE}", rows.join("\n")));
            let first = seen[0].0;
            let expected = if seen.iter().all(|(pod, _)| *pod == first) {
                (Attribution::Mcs, format!("pod-{first}"))
            } else {
                (Attribution::None, String::new())
            };
            prop_assert_eq!((method, pod), expected);
        }
    }
}
