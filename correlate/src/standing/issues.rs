//! Issues: which credentials were handed out for too long, kept true as more is known of them.
//!
//! In: the credentials that changed. Out: the groups of rules that their rows are in.
//! Owns: by what those rows are found. Law: a row is found by what it says now, and by nothing that it said before.

use std::collections::BTreeSet;

use super::{Changed, Standing};
use crate::asked::About;
use crate::fact::touched::Touched;
use crate::rule::{Entity, Marks};
use crate::scene::{Scene, issues};

impl Standing {
    /// Looks again at the credentials that changed, at those that turned out to be one of them, and at those that were got
    /// with them.
    pub(super) fn renew_issues(&mut self, scene: &Scene<'_>, touched: &Touched, changed: &mut Changed) {
        let mut places: BTreeSet<usize> = touched.credentials.clone();
        for held in touched.credentials.iter().filter_map(|place| scene.facts.bindings.at(*place)) {
            for name in held.id.iter().chain(&held.aliases) {
                places.extend(self.index.issues.of(About::Credential(*name).key()));
                let own = scene.facts.names.id_text(*name);
                places.extend(self.index.issues.of(About::Holder(&own).key()));
            }
        }
        places.into_iter().for_each(|place| self.renew_issue(scene, place, changed));
    }

    fn renew_issue(&mut self, scene: &Scene<'_>, place: usize, changed: &mut Changed) {
        if let Some(before) = self.issues.remove(&place) {
            changed.groups.add(Entity::Subject, before.subject, Marks::OVERLONG);
            self.index.unmark(before.subject, Marks::OVERLONG);
            before.all().for_each(|key| self.index.issues.remove(key, place));
        }
        let held = scene.facts.bindings.at(place);
        let Some(keys) = held.and_then(|held| issues::keys(scene, &held)) else { return };
        changed.groups.add(Entity::Subject, keys.subject, Marks::OVERLONG);
        self.index.mark(keys.subject, Marks::OVERLONG);
        keys.all().for_each(|key| self.index.issues.add(key, place));
        self.issues.insert(place, keys);
    }
}
