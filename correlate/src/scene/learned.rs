//! What is normal, as signs taught it: routine commands, who reads a workload's credentials, who calls the metadata service,
//! who leaves containers.
//!
//! In: signs, those that changed first of all. Out: habits, and whose habits are others now.
//! Owns: which sign taught what. Leaves to `signals` what a habit is. Law: what is learned bit by bit is what all signs
//! teach at once.

use std::collections::BTreeSet;

use offbound_schemas::vocabulary::SignalKind;

use super::signals::{Commands, Readers};
use super::{Scene, whose};
use crate::fact::signal::Sign;
use crate::keyed::HashMap;
use crate::names::Name;

/// What is normal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learned {
    pub(crate) commands: Commands,
    pub(crate) readers: Readers,
    /// Of the metadata service.
    pub(crate) callers: Readers,
    /// Who enters the host from a container.
    pub(crate) leavers: Readers,
    /// What each sign taught, by its place.
    lessons: HashMap<usize, Lesson>,
}

/// What one sign teaches.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lesson {
    /// A program was run with these arguments, at a place.
    Command((Name, Name), Name),
    /// Something of that kind was done by a program of a workload or, where none is known, at a place.
    Done(SignalKind, String, Name),
}

/// Whose habits are others than before.
#[derive(Debug, Default)]
pub(crate) struct Relearned {
    /// Commands that became routine, or are so no more.
    pub(crate) commands: BTreeSet<(Name, Name)>,
    /// Workloads and places where other programs are known for something.
    pub(crate) whose: BTreeSet<String>,
}

impl Learned {
    /// Keeps what is worth remembering when the signs that taught it are gone.
    pub(crate) fn cut(&mut self) {
        self.commands.cut();
        self.readers.cut();
        self.callers.cut();
        self.leavers.cut();
        self.lessons.clear();
    }

    /// Which programs are known for acts of a kind, where any can be.
    pub(super) fn known_for(&self, kind: SignalKind) -> Option<&Readers> {
        match kind {
            SignalKind::CredentialRead => Some(&self.readers),
            SignalKind::ImdsAccess => Some(&self.callers),
            SignalKind::Escape | SignalKind::PrivilegeGain => Some(&self.leavers),
            _ => None,
        }
    }

    /// Learns from these signs; from all of them where one now teaches something else than it did.
    pub(super) fn renew(&mut self, scene: &Scene<'_>, signs: impl IntoIterator<Item = usize>) -> Relearned {
        let mut relearned = Relearned::default();
        for place in signs {
            let lesson = lesson(scene, place);
            if self.lessons.get(&place).is_some_and(|known| Some(known) != lesson.as_ref()) {
                return self.anew(scene, relearned);
            }
            if let Some(lesson) = lesson {
                self.learn(scene, place, lesson, &mut relearned);
            }
        }
        relearned
    }

    /// Learns everything from nothing; what differs from before comes to what is known to differ already.
    fn anew(&mut self, scene: &Scene<'_>, mut relearned: Relearned) -> Relearned {
        let before = std::mem::replace(self, scene.facts.past.learned.clone());
        let mut all = Relearned::default();
        for place in 0..scene.facts.signals.all().len() {
            if let Some(lesson) = lesson(scene, place) {
                self.learn(scene, place, lesson, &mut all);
            }
        }
        relearned.commands.extend(self.commands.differing(&before.commands));
        relearned.whose.extend(self.readers.differing(&before.readers));
        relearned.whose.extend(self.callers.differing(&before.callers));
        relearned.whose.extend(self.leavers.differing(&before.leavers));
        relearned
    }

    fn learn(&mut self, scene: &Scene<'_>, place: usize, lesson: Lesson, relearned: &mut Relearned) {
        let Some(sign) = scene.facts.signals.all().get(place) else { return };
        match &lesson {
            Lesson::Command(command, at) => {
                if self.commands.learn(*command, *at, (sign.first.time, sign.last.time)) {
                    relearned.commands.insert(*command);
                }
            }
            Lesson::Done(kind, whose, exe) => {
                let known = match kind {
                    SignalKind::CredentialRead => &mut self.readers,
                    SignalKind::ImdsAccess => &mut self.callers,
                    _ => &mut self.leavers,
                };
                if known.learn(whose, *exe, sign.first.time) {
                    relearned.whose.insert(whose.clone());
                }
            }
        }
        self.lessons.insert(place, lesson);
    }
}

fn lesson(scene: &Scene<'_>, place: usize) -> Option<Lesson> {
    let sign = scene.facts.signals.all().get(place)?;
    match sign.kind {
        SignalKind::ServerShell => command(sign),
        SignalKind::CredentialRead if !sign.tainted => {
            let (workload, exe) = whose::of(scene, sign).workload.zip(sign.exe)?;
            Some(Lesson::Done(sign.kind, workload, exe))
        }
        SignalKind::ImdsAccess | SignalKind::Escape if !sign.tainted => {
            let whose = whose::of(scene, sign);
            let whose = whose.workload.or_else(|| scene.scope_text(whose.pod_uid, sign.host));
            let (whose, exe) = whose.zip(sign.exe)?;
            Some(Lesson::Done(sign.kind, whose, exe))
        }
        _ => None,
    }
}

fn command(sign: &Sign) -> Option<Lesson> {
    let place = sign.pod_uid.or(sign.host)?;
    Some(Lesson::Command((sign.exe?, sign.cmd_line?), place))
}
