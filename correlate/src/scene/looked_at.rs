//! Looked at: the uses of which any rule wants to see a row; most are where they belong, and no rule asks for them.
//!
//! In: a scene, what rules say of the uses and signs that they look at. Out: places of uses, in their order.
//! Owns: the choice. Law: rules answer over these uses as they would over all.

use std::collections::hash_map::Entry;

use offbound_schemas::{EventId, EventTime};

use super::uses::{Reading, Readings, SeenAt, is_shared};
use super::{Scene, signals};
use crate::asked::{About, Key};
use crate::keyed::{HashMap, HashSet};
use crate::names::{Id, Name};
use crate::rule::{Entity, Marks, Rule};

/// What all rules together look at.
#[derive(Debug, Default)]
struct Wanted {
    /// Uses with any of these marks.
    marks: Marks,
    /// Uses at places of which a rule may speak.
    places: Vec<PlaceMarks>,
}

/// The marks of signs of which a place must have one, and those of signs or uses of which it must have one as well.
#[derive(Debug, Clone, Copy)]
struct PlaceMarks {
    signs: Marks,
    with: Option<Marks>,
}

impl Wanted {
    /// None where some rule looks at every use.
    fn by<'r>(rules: impl Iterator<Item = &'r Rule>) -> Option<Self> {
        let mut wanted = Self::default();
        for rule in rules.filter(|rule| rule.reads_uses()) {
            match (rule.uses, rule.signs, rule.entity) {
                (Some(marks), ..) => wanted.marks = wanted.marks.and(marks),
                // The group of a use is its place.
                (None, Some(signs), Some(Entity::Scope)) => {
                    wanted.places.push(PlaceMarks { signs, with: rule.with });
                }
                _ => return None,
            }
            // What others were refused counts, too.
            wanted.marks = wanted.marks.and(Marks::DENIED.when(rule.crowd_secs.is_some()));
        }
        Some(wanted)
    }
}

/// A use that is looked at if others of its holder or its subject are elsewhere.
#[derive(Debug)]
struct Maybe {
    place: u32,
    marks: Marks,
    holder: Option<Id>,
    subject: Option<Id>,
}

/// The pod or, without one, the host that something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Pod(Name),
    Host(Name),
}

impl At {
    fn of(scene: &Scene<'_>, (pod, host): (Option<Name>, Option<Name>)) -> Option<Self> {
        pod.map(Self::Pod).or_else(|| host.map(|host| Self::Host(scene.places.host_name(host))))
    }
}

/// In which environments and with whom each subject (each credential, where no subject is told) was seen.
#[derive(Debug, Default)]
struct Company {
    seen: HashMap<Option<Id>, (Vec<Key>, Vec<Key>)>,
}

impl Company {
    fn add(&mut self, scene: &Scene<'_>, readings: &Readings<'_>) {
        for reading in readings.iter().filter(|reading| reading.tells_of_sharing(scene)) {
            let (environments, callers) = self.seen.entry(subject(reading)).or_default();
            // No more is asked of them than whether they are several.
            if is_shared(environments.len(), callers.len()) {
                return;
            }
            let environment = reading.environment().map(|name| About::Environment(name).key());
            let caller = reading.caller(scene).map(|name| About::Who(name).key());
            for (known, one) in [(environments, environment), (callers, caller)] {
                let one = one.filter(|one| !known.contains(one));
                known.extend(one);
            }
        }
    }

    fn is_shared(&self, subject: Option<Id>) -> bool {
        let seen = self.seen.get(&subject);
        seen.is_some_and(|(environments, callers)| is_shared(environments.len(), callers.len()))
    }
}

fn subject(reading: &Reading<'_>) -> Option<Id> {
    reading.subject().map(Id::from).or(reading.credential())
}

/// Where the uses of each credential (of each subject, where none is shown) were seen: one place, or none for several.
#[derive(Debug, Default)]
struct Seen {
    places: HashMap<Option<Id>, Option<SeenAt>>,
}

impl Seen {
    fn add(&mut self, scene: &Scene<'_>, readings: &Readings<'_>) {
        for reading in readings.iter() {
            let Some(at) = reading.seen_at(scene) else { continue };
            match self.places.entry(holder(reading)) {
                Entry::Vacant(place) => {
                    place.insert(Some(at));
                }
                Entry::Occupied(mut known) if *known.get() != Some(at) => {
                    known.insert(None);
                }
                Entry::Occupied(_) => {}
            }
        }
    }

    fn at_several(&self, holder: Option<Id>) -> bool {
        self.places.get(&holder).is_some_and(Option::is_none)
    }
}

fn holder(reading: &Reading<'_>) -> Option<Id> {
    reading.credential().or(reading.subject().map(Id::from))
}

/// The first use of each workload in each silence of one of its hosts.
#[derive(Debug, Default)]
struct Silences {
    first: HashMap<Key, (EventTime, EventId, usize)>,
}

impl Silences {
    fn add(&mut self, scene: &Scene<'_>, place: usize, readings: &Readings<'_>) {
        for (reading, silence) in
            readings.iter().filter_map(|reading| Some((reading, reading.silence(scene)?)))
        {
            let record = reading.first_record();
            let one = (record.time, record.id, place);
            let first = self.first.entry(silence).or_insert(one);
            *first = one.min(*first);
        }
    }
}

/// Places of which a rule may speak.
#[derive(Debug, Default)]
struct Suspect {
    /// By their signs alone …
    certain: HashSet<At>,
    /// … or if a use there has any of these marks.
    doubtful: HashMap<At, Marks>,
    /// Uses at those, until all uses there are known.
    waiting: Vec<(usize, At)>,
}

impl Suspect {
    #[allow(clippy::iter_over_hash_type, reason = "each place goes where it belongs, whichever comes first")]
    fn of(scene: &Scene<'_>, wanted: &[PlaceMarks]) -> Self {
        let mut suspect = Self::default();
        for (at, there) in marked(scene, wanted) {
            for wanted in wanted.iter().filter(|wanted| there.meets(wanted.signs)) {
                if wanted.with.is_none_or(|with| there.meets(with)) {
                    suspect.certain.insert(at);
                } else {
                    let marks = suspect.doubtful.entry(at).or_default();
                    *marks = marks.and(wanted.with.unwrap_or_default());
                }
            }
        }
        suspect
    }

    /// Whether a use at these places is looked at for them; where that is not known yet, it waits.
    fn takes(&mut self, at: &[At], place: usize, marks: Marks) -> bool {
        for at in at {
            if self.doubtful.get(at).is_some_and(|wanted| marks.meets(*wanted)) {
                self.doubtful.remove(at);
                self.certain.insert(*at);
            }
        }
        let is_taken = at.iter().any(|at| self.certain.contains(at));
        let doubtful = at.iter().filter(|at| !is_taken && self.doubtful.contains_key(*at));
        self.waiting.extend(doubtful.map(|at| (place, *at)));
        is_taken
    }

    /// The uses that waited, at places that are certain now.
    fn rest(self) -> impl Iterator<Item = usize> {
        let Self { certain, waiting, .. } = self;
        waiting.into_iter().filter(move |(_, at)| certain.contains(at)).map(|(place, _)| place)
    }

    fn is_empty(&self) -> bool {
        self.certain.is_empty() && self.doubtful.is_empty()
    }
}

/// The places of the uses that any of these rules looks at.
pub(crate) fn uses<'r>(scene: &Scene<'_>, rules: impl Iterator<Item = &'r Rule>) -> Vec<usize> {
    let Some(wanted) = Wanted::by(rules) else { return (0..scene.facts.uses.len()).collect() };
    let mut suspect = Suspect::of(scene, &wanted.places);
    let at_once = wanted.marks.without(Marks::PLACES.and(Marks::SHARED).and(Marks::UNWATCHED));
    let mut silences = Silences::default();
    let mut looked_at = Vec::new();
    // Whether a credential was seen at several places, or a subject in several environments, is known when all uses were.
    let mut maybe: Vec<Maybe> = Vec::new();
    let (mut seen, mut company) = (Seen::default(), Company::default());
    for (place, usage) in scene.facts.uses.iter().enumerate().filter(|(_, usage)| usage.stands()) {
        let readings = Reading::briefly(scene, &usage);
        let marks = readings.iter().map(|reading| reading.marks(scene)).fold(Marks::default(), Marks::and);
        let belongs = |reading: &Reading<'_>| At::of(scene, reading.scope(scene));
        let at: Vec<At> =
            if suspect.is_empty() { Vec::new() } else { readings.iter().filter_map(belongs).collect() };
        if suspect.takes(&at, place, marks) || marks.meets(at_once) {
            looked_at.push(place);
        } else if marks.meets(wanted.marks) {
            let first = readings.first();
            let place = u32::try_from(place).expect("fewer than 2^32 uses fit in memory");
            maybe.push(Maybe { place, marks, holder: holder(first), subject: subject(first) });
        }
        if wanted.marks.only(marks).meets(Marks::UNWATCHED) {
            silences.add(scene, place, &readings);
        }
        if wanted.marks.meets(Marks::PLACES) {
            seen.add(scene, &readings);
        }
        if wanted.marks.meets(Marks::SHARED) {
            company.add(scene, &readings);
        }
    }
    let is_looked_at = |maybe: &Maybe| {
        (maybe.marks.meets(wanted.marks.only(Marks::PLACES)) && seen.at_several(maybe.holder))
            || (maybe.marks.meets(wanted.marks.only(Marks::SHARED)) && company.is_shared(maybe.subject))
    };
    looked_at.extend(maybe.into_iter().filter(is_looked_at).map(|maybe| maybe.place as usize));
    looked_at.extend(suspect.rest());
    looked_at.extend(silences.first.into_values().map(|(.., place)| place));
    looked_at.sort_unstable();
    looked_at.dedup();
    looked_at
}

/// Places with signs that anybody asks for, with the marks of these.
fn marked(scene: &Scene<'_>, wanted: &[PlaceMarks]) -> HashMap<At, Marks> {
    let mut places: HashMap<At, Marks> = HashMap::default();
    let asked = |PlaceMarks { signs, with }: &PlaceMarks| signs.and(with.unwrap_or_default());
    let asked = wanted.iter().map(asked).fold(Marks::default(), Marks::and);
    for sign in scene.facts.signals.all().iter().filter(|_| asked != Marks::default()) {
        let marks = signals::marks(&signals::row(scene, sign));
        let at = || At::of(scene, (super::whose::of(scene, sign).pod_uid, sign.host));
        if let Some(at) = marks.meets(asked).then(at).flatten() {
            let known = places.entry(at).or_default();
            *known = known.and(marks);
        }
    }
    places
}
