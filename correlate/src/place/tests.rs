//! What the index says of names that mean something else than before: nothing that still means the same.
//!
//! In: rows as text, folded as the engine folds them. Out: the questions that have to be asked again.

use offbound_schemas::table::placements;

use super::{PlaceIndex, Places};
use crate::asked::{About, Key};
use crate::environment::Environment;
use crate::examples::text::Tables;
use crate::fact::Facts;
use crate::fact::placement::Before;

const DEFAULTS: &str =
    "placements: event_id=p{n}; source=places; location=places:{n}; kind=pod; start=09:00:00";

/// Facts about placements with the index of what was folded so far.
struct World {
    facts: Facts,
    index: PlaceIndex,
}

impl World {
    /// Folds rows; gives the questions that the index says are answered otherwise.
    fn fold(&mut self, lines: &str) -> Vec<Key> {
        let mut tables = Tables::with_defaults(DEFAULTS).expect("defaults");
        tables.add(lines).expect("rows");
        let batch = tables.batch(placements::NAME).expect("a batch");
        let view = placements::View::new(&batch).expect("the shape of the table");
        self.facts.touched.is_followed = true;
        (0..view.len()).for_each(|row| self.facts.placement(&view, row));
        let touched: Before = std::mem::take(&mut self.facts.touched).stays;
        let index = std::mem::take(&mut self.index);
        let environment = Environment::default();
        let Facts { names, placements, .. } = &self.facts;
        let places = Places::new(&environment, names, placements, (index, &touched));
        let mut renamed = places.renamed.clone();
        self.index = places.into_index();
        renamed.sort_unstable();
        renamed
    }

    fn host(&self, name: &str) -> Key {
        About::HostName(self.facts.names.known(name).expect("a name that was folded")).key()
    }
}

/// Scenario: a host, pods that come to it and leave, a host's second name, a pod that turns out to be elsewhere.
/// Guarantees: a name is told where it means something else than before, and nowhere else.
#[test]
fn names_that_mean_something_else() {
    let mut world = World { facts: Facts::default(), index: PlaceIndex::default() };
    let found = world.fold(
        "placements: kind=host; host=n1; host_uid=uid-n1; addresses=10.0.0.1\n\
         placements: workload=web; host=n1; pod=shop/web-1; pod_uid=web-1; addresses=10.1.0.7",
    );
    let mut expected = vec![world.host("n1"), world.host("uid-n1"), About::WorkloadName("web").key()];
    expected.sort_unstable();
    assert_eq!(found, expected, "the first of each");

    let found = world.fold(
        "placements: workload=web; host=n1; pod=shop/web-2; pod_uid=web-2; addresses=10.1.0.8; event_id=q1\n\
         placements: pod_uid=web-1; host=n1; end=09:30:00; event_id=q2",
    );
    assert!(found.is_empty(), "another pod of a known workload on a known host, and an end: {found:?}");

    let found = world.fold("placements: kind=host; host=n1; host_uid=uid-n1; aliases=node-one; event_id=q3");
    assert_eq!(found, [world.host("node-one")], "what else a host is called");

    let found = world.fold("placements: workload=web; host=n2; pod=shop/web-3; pod_uid=web-3; event_id=q4");
    assert_eq!(found, [world.host("n2")], "a host that nothing was placed on before");
}
