//! Signals with their meaning for a workload: who is a known reader, what is required, what is routine.
//!
//! In: signs of the facts. Out: rows of table `signals`.
//! Owns: learned readers and routine commands. Law: what an intruder's hands did is never learned as normal.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::EventTime;
use offbound_schemas::table::Signal;
use offbound_schemas::vocabulary::{Control, HostControl, SignalKind};

use super::Scene;
use super::whose::{self, Whose};
use crate::fact::program::base_name;
use crate::fact::signal::Sign;
use crate::names::{Name, Named};
use crate::rule::Marks;

/// A command that this many pods run with the same arguments is routine (health checks, entry points) …
const ROUTINE_PODS: usize = 3;
/// … if it has been run for this long: an intruder's command is new.
const ROUTINE_NANOS: i64 = 3_600 * 1_000_000_000;
/// Commands and readers each that are remembered beyond the signs that taught them, about 200 bytes each.
const MAX_REMEMBERED: usize = 16_384;

/// How widely and how long each server's command has been run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commands {
    seen: BTreeMap<(Name, Name), SeenAt>,
}

/// Where a command was run, first and last.
type SeenAt = (BTreeSet<Name>, EventTime, EventTime);

fn is_routine((places, from, to): &SeenAt) -> bool {
    places.len() >= ROUTINE_PODS && to.nanos_since(*from) >= ROUTINE_NANOS
}

impl Commands {
    /// A command was run at a place, first and last; says whether that makes it routine, or no longer so.
    pub(super) fn learn(
        &mut self,
        command: (Name, Name),
        place: Name,
        (first, last): (EventTime, EventTime),
    ) -> bool {
        let seen = self.seen.entry(command).or_insert_with(|| (BTreeSet::new(), first, last));
        let before = is_routine(seen);
        let (places, from, to) = seen;
        places.insert(place);
        (*from, *to) = ((*from).min(first), (*to).max(last));
        is_routine(seen) != before
    }

    /// Keeps what is worth remembering: routine commands, and of each no more pods than make it one.
    pub(crate) fn cut(&mut self) {
        let known = std::mem::take(&mut self.seen).into_iter().filter(|(_, seen)| is_routine(seen));
        let mut known: Vec<_> = known.collect();
        known.sort_by_key(|(_, (_, from, _))| *from);
        let few = |places: BTreeSet<Name>| places.into_iter().take(ROUTINE_PODS).collect();
        let kept = known.into_iter().take(MAX_REMEMBERED);
        self.seen = kept.map(|(key, (places, from, to))| (key, (few(places), from, to))).collect();
    }

    /// Whether a server's command is routine.
    pub(crate) fn is_routine(&self, sign: &Sign) -> bool {
        sign.exe.zip(sign.cmd_line).and_then(|key| self.seen.get(&key)).is_some_and(is_routine)
    }

    /// Commands that are routine here and not there, or the other way round.
    pub(crate) fn differing(&self, other: &Self) -> BTreeSet<(Name, Name)> {
        let routine = |commands: &Self| -> BTreeSet<(Name, Name)> {
            commands.seen.iter().filter(|(_, seen)| is_routine(seen)).map(|(key, _)| *key).collect()
        };
        routine(self).symmetric_difference(&routine(other)).copied().collect()
    }
}

impl Named for Commands {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let renamed = std::mem::take(&mut self.seen).into_iter();
        let renamed = renamed.map(|((mut exe, mut line), (places, from, to))| {
            visit(&mut exe);
            visit(&mut line);
            let places = places.into_iter().map(|mut place| {
                visit(&mut place);
                place
            });
            ((exe, line), (places.collect(), from, to))
        });
        self.seen = renamed.collect();
    }
}

/// Which executables have been reading a workload's credentials (or doing other things that few do), since when.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readers {
    since: BTreeMap<(String, Name), EventTime>,
}

impl Readers {
    /// A program read a workload's credential, or did such a thing; says whether that is news.
    pub(super) fn learn(&mut self, workload: &str, exe: Name, time: EventTime) -> bool {
        let key = (workload.to_owned(), exe);
        match self.since.get_mut(&key) {
            Some(since) if *since <= time => false,
            Some(since) => {
                *since = time;
                true
            }
            None => {
                self.since.insert(key, time);
                true
            }
        }
    }

    /// Keeps those that have been reading for longest.
    pub(crate) fn cut(&mut self) {
        let mut known: Vec<_> = std::mem::take(&mut self.since).into_iter().collect();
        known.sort_by(|(one, since), (other, then)| (since, one).cmp(&(then, other)));
        self.since = known.into_iter().take(MAX_REMEMBERED).collect();
    }

    /// Workloads whose readers are others here than there.
    pub(crate) fn differing(&self, other: &Self) -> BTreeSet<String> {
        let lacking = |one: &Self, other: &Self| -> Vec<String> {
            let differing = one.since.iter().filter(|(key, since)| other.since.get(key) != Some(since));
            differing.map(|((workload, _), _)| workload.clone()).collect()
        };
        lacking(self, other).into_iter().chain(lacking(other, self)).collect()
    }

    /// Executables that have been reading for the minimum history before `time`.
    fn learned(&self, scene: &Scene<'_>, workload: &str, time: EventTime) -> Vec<Name> {
        let long_enough = |since: &EventTime| time.nanos_since(*since) >= scene.min_history_nanos();
        let of_workload =
            self.since.iter().filter(|((name, _), since)| name == workload && long_enough(since));
        of_workload.map(|((_, exe), _)| *exe).collect()
    }
}

impl Named for Readers {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let renamed = std::mem::take(&mut self.since).into_iter().map(|((workload, mut exe), since)| {
            visit(&mut exe);
            ((workload, exe), since)
        });
        self.since = renamed.collect();
    }
}

/// Whether a sign counts as strong in the whole picture.
pub(crate) fn is_strong(scene: &Scene<'_>, sign: &Sign) -> bool {
    sign.strong && !(sign.kind == SignalKind::ServerShell && scene.learned.commands.is_routine(sign))
}

/// The row of a sign.
pub(crate) fn row(scene: &Scene<'_>, sign: &Sign) -> Signal {
    let names = &scene.facts.names;
    let Whose { pod_uid, workload, method, confidence } = whose::of(scene, sign);
    let (unexpected, known_readers) = readers(scene, sign, (pod_uid, workload.as_deref()));
    let texts = |list: &[Name]| list.iter().map(|name| names.text(*name).to_owned()).collect();
    Signal {
        signal_id: sign.first.id.to_string(),
        scope: scene.scope_text(pod_uid, sign.host),
        source: names.text(sign.first.source).to_owned(),
        location: sign.first.location.text(names),
        event_time: sign.first.time,
        last_time: sign.last.time,
        count: sign.count,
        also_sources: texts(&sign.also),
        kind: sign.kind,
        strong: is_strong(scene, sign),
        host: scene.host_text(sign.host),
        pod_uid: names.owned(pod_uid),
        container_id: names.owned(sign.container),
        required: required(scene, sign, workload.as_deref()),
        workload,
        attribution: method,
        attribution_confidence: confidence.map(|confidence| confidence.to_string()),
        process_key: names.owned(sign.process_key),
        pid: sign.pid,
        exe: names.owned(sign.exe),
        cmd_line: names.owned(sign.cmd_line),
        lineage: texts(&sign.lineage),
        lineage_keys: texts(&sign.lineage_keys),
        target: names.owned(sign.target),
        outcome: sign.outcome,
        control: sign.control,
        mode: sign.mode,
        policy: names.owned(sign.policy),
        unexpected,
        known_readers,
        why: sign.why.clone(),
    }
}

/// What rules may ask of a sign.
pub(crate) fn marks(row: &Signal) -> Marks {
    let kind = match row.kind {
        SignalKind::CredentialRead => Marks::THEFT.when(row.unexpected),
        SignalKind::MemoryRead => Marks::MEMORY,
        SignalKind::ImdsAccess => Marks::METADATA.when(row.unexpected),
        SignalKind::Escape | SignalKind::PrivilegeGain => Marks::ESCAPE.when(row.strong && row.unexpected),
        SignalKind::ControlWouldDeny => Marks::NOT_ENFORCED.when(row.required),
        _ => Marks::default(),
    };
    Marks::SIGN.and(kind).and(Marks::STRONG.when(row.strong))
}

/// Whether something was done by a program that is not known for it at this workload, and which ones are: a credential
/// read, or asked for, or a container left.
fn readers(
    scene: &Scene<'_>,
    sign: &Sign,
    (pod, workload): (Option<Name>, Option<&str>),
) -> (bool, Vec<String>) {
    let Some(learned) = scene.learned.known_for(sign.kind) else { return (false, Vec::new()) };
    let names = &scene.facts.names;
    let is_escape = matches!(sign.kind, SignalKind::Escape | SignalKind::PrivilegeGain);
    let declared = workload
        .and_then(|name| scene.environment.workload(name))
        .and_then(|info| info.credential_readers.clone());
    let mut known = declared.filter(|_| !is_escape).unwrap_or_default();
    let whose = workload.map(str::to_owned).or_else(|| scene.scope_text(pod, sign.host));
    let learned = whose.map(|name| learned.learned(scene, &name, sign.first.time)).unwrap_or_default();
    known.extend(learned.into_iter().map(|exe| names.text(exe).to_owned()));
    known.sort();
    known.dedup();
    let Some(exe) = names.text_of(sign.exe) else { return (sign.tainted || is_escape, known) };
    // A sensor that only knows the command name is compared by that.
    let is_known =
        known.iter().any(|reader| reader == exe || (!exe.contains('/') && base_name(reader) == exe));
    let has_own = sign.kind == SignalKind::ImdsAccess && pod.is_some() && workload.is_some();
    let asks_for_others = has_own && !names.text_of(sign.target).is_some_and(serves_containers);
    let is_odd = !known.is_empty() || is_escape || asks_for_others;
    ((is_odd && !is_known) || sign.tainted, known)
}

/// Whether a program is known to read credentials of the workload where a sign shows it.
pub(crate) fn is_reader(scene: &Scene<'_>, sign: &Sign) -> bool {
    let Whose { pod_uid, workload, .. } = whose::of(scene, sign);
    let read = Sign { kind: SignalKind::CredentialRead, tainted: false, ..sign.clone() };
    let (is_unexpected, known) = readers(scene, &read, (pod_uid, workload.as_deref()));
    !known.is_empty() && !is_unexpected
}

/// Whether a metadata service is for containers, and hands each its own credential: the task metadata endpoint of Amazon
/// ECS, and the EKS Pod Identity Agent. At other addresses, a container with an identity asks for that of its host.
fn serves_containers(address: &str) -> bool {
    const FOR_CONTAINERS: &[&str] = &["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
    FOR_CONTAINERS.contains(&address)
}

/// The control of section 2 of the contract that a host control belongs to.
pub(crate) fn control_of(control: HostControl) -> Option<Control> {
    match control {
        HostControl::AppArmor | HostControl::SeLinux | HostControl::KubeArmor | HostControl::Tetragon => {
            Some(Control::Lsm)
        }
        HostControl::Seccomp => Some(Control::Seccomp),
        HostControl::Fapolicyd => Some(Control::ExecAllowList),
        HostControl::Capability => Some(Control::Privilege),
        HostControl::NetworkPolicy => Some(Control::Segmentation),
        HostControl::None | HostControl::Dac | HostControl::Unknown => None,
    }
}

fn required(scene: &Scene<'_>, sign: &Sign, workload: Option<&str>) -> bool {
    let info = workload.and_then(|name| scene.environment.workload(name));
    info.zip(control_of(sign.control)).is_some_and(|(info, control)| info.baseline.contains(&control))
}
