//! Uses with their comparison: one row per use, as rules read it.
//!
//! In: a use of the facts. Out: rows of table `uses` (two where its first and last moment compare differently), and what
//! they say before any text is copied. Owns: nothing but the join, and which marks a use has.
//! Law: a row is a function of the use, the bindings, the placements, the environment.

use offbound_schemas::EventTime;
use offbound_schemas::table::Use;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Match, Phase};

use super::Scene;
use super::ending::{self, Ending};
use super::unissued::{self, Unissued, Wait};
use super::unwatched::{self, Watch};
use crate::asked::{About, Key};
use crate::environment::{Admission, Call, StaticPolicy, is_too_long};
use crate::fact::activity::Rest;
use crate::fact::binding::Held;
use crate::fact::evidence::Witness;
use crate::fact::usage::Usage;
use crate::matching::{Bound, Compared, Ground, Seen, compare, compare_briefly};
use crate::names::{Id, Name};
use crate::rule::Marks;

const NANOS_PER_SEC: i64 = 1_000_000_000;
/// What verifiers grant on `exp` and `nbf` (go-jose's default leeway, used by the Kubernetes API server).
const LEEWAY_NANOS: i64 = 60 * NANOS_PER_SEC;
/// Credential kinds that never expire by design.
const STATIC_KINDS: &[&str] = &["aws-key", "k8s-legacy-token"];
/// Workloads that one account may be seen with: its own, and those that pass on what it sends (a gateway, a mesh's
/// waypoint, an ingress).
const MAX_CALLERS: usize = 3;

/// Whether a subject that was seen in so many environments, with so many workloads, is of more than one.
pub(crate) fn is_shared(environments: usize, callers: usize) -> bool {
    environments > 1 || callers > MAX_CALLERS
}

/// One way to compare: in full, or briefly.
type Compare = for<'a> fn(&Bound, &Seen<'_>, Ground<'a>) -> Compared<'a>;

/// The rows of one use, with every step of the comparison.
pub(crate) fn rows(scene: &Scene<'_>, usage: &Usage) -> Vec<Use> {
    Reading::by(compare, scene, usage).iter().map(|reading| reading.row(scene)).collect()
}

/// A use as it was compared, over the time that its row stands for: what the row says, before any text of it is made.
pub(crate) struct Reading<'a> {
    usage: &'a Usage,
    held: Option<Held>,
    bound: Bound,
    compared: Compared<'a>,
    first: Witness,
    last: Witness,
    count: u64,
}

/// The readings of one use: two where its first and last moment compare differently.
pub(crate) struct Readings<'a> {
    first: Reading<'a>,
    last: Option<Reading<'a>>,
}

impl<'a> Readings<'a> {
    /// Each of them, in the order of time.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Reading<'a>> {
        std::iter::once(&self.first).chain(&self.last)
    }

    /// The first of them.
    pub(crate) fn first(&self) -> &Reading<'a> {
        &self.first
    }
}

/// Where a use was seen, for telling places apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SeenAt {
    /// On this host.
    Host(Name),
    /// Outside every declared address space, at this address.
    External(Name),
}

impl<'a> Reading<'a> {
    /// The readings of a use, with steps and home addresses only where it is not where it belongs: most uses are, and
    /// nobody asks how that was found. A finding compares its own uses anew, with every step.
    pub(crate) fn briefly(scene: &'a Scene<'_>, usage: &'a Usage) -> Readings<'a> {
        Self::by(compare_briefly, scene, usage)
    }

    fn by(compare: Compare, scene: &'a Scene<'_>, usage: &'a Usage) -> Readings<'a> {
        let held = scene.held(usage);
        let bound = scene.bound_of(usage, held.as_ref());
        let compared = |at| compared(compare, scene, usage, &bound, at);
        let first = compared(usage.first);
        let moved = if usage.first.time == usage.last.time {
            None
        } else {
            Some(compared(usage.last))
                .filter(|last| (first.place, first.host, first.pod) != (last.place, last.host, last.pod))
        };
        let (from, to, count) = (usage.first, usage.last, usage.count);
        let Some(last) = moved else {
            let first = Self { usage, held, bound, compared: first, first: from, last: to, count };
            return Readings { first, last: None };
        };
        // Something moved within the minute: each end speaks for itself, the uses between count with the later.
        let count = count.saturating_sub(1).max(1);
        let (own_held, own_bound) = (held.clone(), bound.clone());
        Readings {
            first: Self {
                usage,
                held: own_held,
                bound: own_bound,
                compared: first,
                first: from,
                last: from,
                count: 1,
            },
            last: Some(Self { usage, held, bound, compared: last, first: to, last: to, count }),
        }
    }

    /// What rules may ask of it.
    pub(crate) fn marks(&self, scene: &Scene<'_>) -> Marks {
        let Compared { place, host, pod, .. } = self.compared;
        let lifetime = Lifetime::of(self.held.as_ref());
        let (first, skew) = (self.first.time, skew(scene, self.usage));
        let too_late = lifetime.to.is_some_and(|to| first > to.plus_nanos(skew));
        let too_soon = lifetime.from.is_some_and(|from| first < from.plus_nanos(-skew));
        let kind = self.kind(scene);
        let is_static = kind.is_some_and(|kind| is_static(scene, kind, lifetime));
        let max = kind.and_then(|kind| scene.environment.max_ttl_secs(kind));
        let lasting = is_static || lifetime.ttl_secs.zip(max).is_some_and(|(ttl, max)| is_too_long(ttl, max));
        [
            // Whether there are several is told by all uses of its credential.
            Marks::PLACES.when(self.seen_at(scene).is_some()),
            Marks::MISMATCH.when([place, host, pod].contains(&Match::Mismatch)),
            Marks::OUTSIDE.when(too_late || too_soon),
            Marks::ENDED.when(self.is_after_end(scene)),
            Marks::UNISSUED.when(self.unissued(scene).is_some()),
            Marks::AUDIENCE.when(self.audience(scene) == Match::Mismatch),
            // Whether others of its workload came before it is told by all uses in that silence.
            Marks::UNWATCHED.when(self.silence(scene).is_some()),
            Marks::LASTING.when(lasting),
            Marks::DENIED.when(self.usage.key.is_refused()),
            Marks::FIRST_EVER.when(self.is_first_ever(scene)),
            Marks::AWAKENED.when(self.awakened(scene).is_some()),
            Marks::NEW_ACTION.when(self.is_new_act(scene)),
            Marks::PRESENTER.when(looked_up(scene, self.usage).is_some()),
            // Whether others use it too is told by all uses of its subject.
            Marks::SHARED.when(self.tells_of_sharing(scene)),
            Marks::AGAINST_POLICY.when(self.is_against_policy(scene)),
        ]
        .into_iter()
        .fold(Marks::USE, Marks::and)
    }

    /// The row.
    pub(crate) fn row(&self, scene: &Scene<'_>) -> Use {
        row(scene, self)
    }

    /// The workload that its credential stands for.
    pub(crate) fn workload(&self) -> Option<&str> {
        self.bound.workload.as_deref()
    }

    /// The credential that was shown.
    pub(crate) fn credential(&self) -> Option<Id> {
        self.held.as_ref().and_then(|held| held.id).or(self.usage.key.credential)
    }

    /// Whom it speaks for.
    pub(crate) fn subject(&self) -> Option<Name> {
        self.usage.key.subject.or(self.held.as_ref().and_then(|held| held.subject))
    }

    /// What was called.
    pub(crate) fn called<'s>(&self, scene: &'s Scene<'_>) -> &'s str {
        scene.facts.names.text(self.usage.key.destination)
    }

    /// Where and when it was refused, if it was.
    pub(crate) fn refused(&self) -> Option<(Name, EventTime)> {
        let key = &self.usage.key;
        key.is_refused().then_some((key.destination, self.first.time))
    }

    /// The address that counts.
    pub(crate) fn address<'s>(&'s self, scene: &'s Scene<'_>) -> Option<&'s str> {
        self.compared.address.as_deref().or_else(|| scene.text(self.usage.key.address))
    }

    /// The pod and the host where signs of this credential's theft would show: its pod, else its only pod on that host,
    /// else the host.
    pub(crate) fn scope(&self, scene: &Scene<'_>) -> (Option<Name>, Option<Name>) {
        let Self { bound, compared, first, .. } = self;
        let pod =
            bound.pod_uid.or_else(|| only_pod(scene, bound, first.time)).or_else(|| in_place_pod(compared));
        let there = compared.observed.filter(|_| compared.place != Match::Mismatch);
        (pod, bound.host.or_else(|| there?.host))
    }

    /// The host where it belongs.
    pub(crate) fn bound_host(&self, scene: &Scene<'_>) -> Option<Name> {
        let host = self.bound.host.or_else(|| scene.pod(self.bound.pod_uid?)?.host);
        host.map(|host| scene.places.host_name(host))
    }

    /// The record of its first moment.
    pub(crate) fn first_record(&self) -> Witness {
        self.first
    }

    /// Whether anybody watched the host where it belongs or, where that is not known and it is not off its place, was.
    pub(crate) fn watch(&self, scene: &Scene<'_>) -> Watch {
        if self.usage.key.phase == Phase::Verify || scene.environment.telemetry.max_silence_nanos.is_none() {
            return Watch::Unasked;
        }
        let there = || self.compared.observed.filter(|_| self.compared.place != Match::Mismatch)?.host;
        let host = self.bound_host(scene).or_else(|| there().map(|host| scene.places.host_name(host)));
        unwatched::of(scene, self.workload(), host, self.first.time)
    }

    /// The silence of its host that its workload used it in.
    pub(crate) fn silence(&self, scene: &Scene<'_>) -> Option<Key> {
        let Watch::Missing(host, since) = self.watch(scene) else { return None };
        Some(About::Silence(self.workload()?, host, since.0).key())
    }

    /// Where it was seen; translated and undetermined addresses name no place.
    pub(crate) fn seen_at(&self, scene: &Scene<'_>) -> Option<SeenAt> {
        let compared = &self.compared;
        if compared.translated {
            return None;
        }
        if let Some(stay) = compared.observed {
            let host = stay.host.or(stay.host_uid)?;
            return Some(SeenAt::Host(scene.places.host_name(host)));
        }
        // What was not translated is the address of the record.
        self.usage.key.address.filter(|_| compared.external).map(SeenAt::External)
    }

    /// The environment that it was seen in, where nothing stands between that place and the recorder.
    pub(crate) fn environment(&self) -> Option<&str> {
        self.compared.environment.filter(|_| !self.compared.translated)
    }

    /// The workload in whose pod it was seen; who of a host's processes it was is not known.
    pub(crate) fn caller<'s>(&self, scene: &'s Scene<'_>) -> Option<&'s str> {
        let stay = self.compared.observed.filter(|stay| stay.pod_uid.is_some() && !stay.shared)?;
        let name = scene.text(stay.workload.filter(|_| !self.compared.translated))?;
        Some(scene.environment.canonical(name))
    }

    /// Whether it tells who else uses its account: let in, shown by whoever it speaks for, and not off its place, which is
    /// theft and not sharing.
    pub(crate) fn tells_of_sharing(&self, scene: &Scene<'_>) -> bool {
        let key = &self.usage.key;
        let is_own = key.is_let_in() && key.phase != Phase::Verify && key.presenter.is_none();
        is_own
            && self.compared.place != Match::Mismatch
            && (self.environment().is_some() || self.caller(scene).is_some())
    }

    /// What declared policy says of it.
    fn admission(&self, scene: &Scene<'_>) -> Admission {
        let (names, key) = (&scene.facts.names, &self.usage.key);
        scene.environment.admission(Call {
            callers: [names.text_of(self.subject()), self.workload()],
            presenter: names.text_of(key.presenter),
            destination: names.text(key.destination),
            action: names.text_of(self.usage.first_action).unwrap_or_default(),
            at: self.first.time,
        })
    }

    /// Whether what was decided, or would have been, is not what is declared.
    fn is_against_policy(&self, scene: &Scene<'_>) -> bool {
        let key = &self.usage.key;
        if matches!(key.decision, Decision::Error | Decision::None) {
            return false;
        }
        match self.admission(scene) {
            Admission::Unsaid => false,
            // A refusal for show tells what the policy would do.
            Admission::Declared(_) => key.decision == Decision::Deny,
            Admission::Excluded(_) => key.is_let_in(),
        }
    }

    fn kind<'s>(&self, scene: &'s Scene<'_>) -> Option<&'s str> {
        scene.text(self.held.as_ref().and_then(|held| held.kind))
    }

    /// When its credential, or whoever that belongs to, was gone.
    pub(crate) fn ending(&self, scene: &Scene<'_>) -> Option<Ending> {
        ending::of(scene, self.held.as_ref()?, &self.bound)
    }

    /// That its issuer never made its credential, where that is known.
    fn unissued<'s>(&self, scene: &'s Scene<'_>) -> Option<Unissued<'s>> {
        unissued::of(scene, self.usage, self.held.as_ref()).proven()
    }

    /// Until when its issuer is to be heard before that is known.
    pub(crate) fn waits_for_issuer(&self, scene: &Scene<'_>) -> Option<Wait> {
        unissued::of(scene, self.usage, self.held.as_ref()).wait()
    }

    /// The credential's audiences, as far as they are known.
    fn audiences<'s>(&self, scene: &'s Scene<'_>) -> Option<impl Iterator<Item = &'s str> + use<'s>> {
        let said = scene.text(self.held.as_ref()?.audience)?;
        Some(said.split('\n').filter(|audience| !audience.is_empty()))
    }

    /// Whether its destination is one of them, by the names that are declared of it.
    fn audience(&self, scene: &Scene<'_>) -> Match {
        let Some(mut said) = self.audiences(scene) else { return Match::Undetermined };
        let destination = scene.facts.names.text(self.usage.key.destination);
        match scene.environment.audiences_of(destination) {
            None => Match::Undetermined,
            Some(own) if said.any(|audience| own.iter().any(|own| own == audience)) => Match::Match,
            Some(_) => Match::Mismatch,
        }
    }

    /// Whether it was let in after that.
    fn is_after_end(&self, scene: &Scene<'_>) -> bool {
        let key = &self.usage.key;
        // What a service does on somebody's behalf may go on when they are gone.
        let counts = key.is_let_in() && key.quality != AddrQuality::Service;
        let grace = |ending: &Ending| ending.grace_nanos + scene.skew(key.source);
        let is_after = |ending: Ending| self.first.time > ending.at.plus_nanos(grace(&ending));
        counts && self.ending(scene).is_some_and(is_after)
    }

    fn is_first_ever(&self, scene: &Scene<'_>) -> bool {
        self.workload().is_some_and(|name| is_first_ever(scene, name, self.usage, self.first.time))
    }

    /// The rest that its owner has just ended, if it was as long as the environment calls dormant: every log that had told
    /// of the owner went on telling, and is declared to tell everything.
    fn awakened(&self, scene: &Scene<'_>) -> Option<Rest> {
        let dormant_after = scene.environment.learning.dormant_after_nanos?;
        let (rest, known_for, logs) = scene.edges.rest(self.workload()?, self.first.time)?;
        let told = |log: &Name| {
            let declared = scene.environment.completeness(scene.facts.names.text(*log));
            declared.is_some_and(|log| log.complete)
                && scene.facts.coverage.told(*log, (rest.since, rest.until))
        };
        let was_seen = known_for >= scene.min_history_nanos() && logs.iter().all(told);
        (was_seen && rest.until.nanos_since(rest.since) > dormant_after).then_some(rest)
    }

    fn is_new_act(&self, scene: &Scene<'_>) -> bool {
        let (usage, time) = (self.usage, self.first.time);
        let long_known = |name: &str| scene.edges.history(name, time) >= scene.min_history_nanos();
        usage.sensitive_action
            && self
                .workload()
                .is_some_and(|name| long_known(name) && scene.edges.is_new_act(name, usage, time))
    }
}

impl SeenAt {
    /// In words, as rows tell it.
    pub(crate) fn text(self, scene: &Scene<'_>) -> String {
        let names = &scene.facts.names;
        match self {
            Self::Host(host) => format!("host:{}", names.text(host)),
            Self::External(address) => format!("external:{}", names.text(address)),
        }
    }
}

/// The clock error of a use's source, with what verifiers grant.
fn skew(scene: &Scene<'_>, usage: &Usage) -> i64 {
    scene.skew(usage.key.source) + LEEWAY_NANOS
}

fn compared<'a>(
    compare: Compare,
    scene: &'a Scene<'_>,
    usage: &Usage,
    bound: &Bound,
    at: Witness,
) -> Compared<'a> {
    let names = &scene.facts.names;
    let chain = names.text_of(usage.key.chain).unwrap_or_default();
    let seen = Seen {
        address: names.text_of(usage.key.address),
        quality: usage.key.quality,
        chain: chain.split(',').filter(|address| !address.is_empty()).collect(),
        presenter: names.text_of(usage.key.presenter),
        subject: names.text_of(usage.key.subject),
        destination: names.text(usage.key.destination),
        source: names.text(usage.key.source),
        time: at.time,
        skew: scene.skew(usage.key.source),
    };
    compare(bound, &seen, scene.ground())
}

fn row(scene: &Scene<'_>, reading: &Reading<'_>) -> Use {
    let names = &scene.facts.names;
    let Reading { usage, held, bound, first, last, count, .. } = reading;
    let held = held.as_ref();
    let kind = reading.kind(scene);
    let workload = bound.workload.clone();
    let lifetime = Lifetime::of(held);
    let history = workload.as_deref().map_or(0, |name| scene.edges.history(name, first.time));
    let destination = names.text(usage.key.destination);
    let action = names.text_of(usage.first_action).unwrap_or_default();
    let subject = reading.subject();
    let (pod, host) = reading.scope(scene);
    let admission = reading.admission(scene);
    let rest = reading.awakened(scene);
    Use {
        use_id: first.id.to_string(),
        sent_id: usage.sent.map(|sent| sent.id.to_string()),
        last_id: last.id.to_string(),
        source: names.text(usage.key.source).to_owned(),
        location: first.location.text(names),
        last_location: last.location.text(names),
        first_time: first.time,
        last_time: last.time,
        count: *count,
        phase: usage.key.phase,
        credential_id: names.owned_id(reading.credential()),
        credential_kind: kind.map(str::to_owned),
        subject: names.owned(subject),
        scope: scene.scope_text(pod, host),
        presenter: names.owned(usage.key.presenter),
        src_addr: reading.address(scene).map(str::to_owned),
        addr_quality: usage.key.quality,
        addr_chain: names
            .text_of(usage.key.chain)
            .map(|chain| chain.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
        destination: destination.to_owned(),
        destination_sensitive: usage.sensitive_destination,
        action: action.to_owned(),
        action_sensitive: usage.sensitive_action,
        decision: usage.key.decision,
        enforcement: usage.key.enforcement,
        let_in: usage.key.is_let_in(),
        reason: names.owned(usage.reason),
        first_ever: reading.is_first_ever(scene),
        new_action: reading.is_new_act(scene),
        idle_secs: rest.map(|rest| rest.until.nanos_since(rest.since) / NANOS_PER_SEC),
        longest_rest_secs: rest.map(|rest| rest.longest_nanos / NANOS_PER_SEC),
        history_secs: history / NANOS_PER_SEC,
        declared: matches!(admission, Admission::Declared(_)),
        undeclared: matches!(admission, Admission::Excluded(_)),
        policy_since: since(admission),
        ttl_secs: lifetime.ttl_secs,
        max_ttl_secs: kind.and_then(|kind| scene.environment.max_ttl_secs(kind)),
        is_static: kind.is_some_and(|kind| is_static(scene, kind, lifetime)),
        valid_to: lifetime.to,
        valid_from: lifetime.from,
        skew_nanos: skew(scene, usage),
        lookup_workload: looked_up(scene, usage),
        workload,
        ..placed(scene, reading)
    }
}

/// Who presented it by the recorder's own lookup, unless that is the subject after all, or is declared to present it.
/// Apart from the comparison of places: a lookup is the word of one record, which no placement confirms.
fn looked_up(scene: &Scene<'_>, usage: &Usage) -> Option<String> {
    let (names, environment) = (&scene.facts.names, scene.environment);
    let (lookup, subject) = names.text_of(usage.key.lookup).zip(names.text_of(usage.key.subject))?;
    let presenter = environment.canonical_workload(lookup);
    let is_subject = presenter == environment.canonical_workload(subject);
    let is_declared = environment.delegated(lookup, subject, names.text(usage.key.destination));
    (!is_subject && !is_declared).then_some(presenter)
}

/// The columns of a use that say where it belongs, where it was, and how the two compare.
fn placed(scene: &Scene<'_>, reading: &Reading<'_>) -> Use {
    let Reading { held, bound, compared, .. } = reading;
    let names = &scene.facts.names;
    let observed = compared.observed;
    Use {
        place_match: compared.place,
        host_match: compared.host,
        pod_match: compared.pod,
        binding_grade: compared.binding_grade,
        observation_grade: compared.observation_grade,
        match_grade: compared.binding_grade.min(compared.observation_grade),
        bound_host: names.owned(reading.bound_host(scene)),
        bound_pod_uid: names.owned(bound.pod_uid),
        bound_workload: bound.workload.clone(),
        bound_instance: names.owned(held.as_ref().and_then(|held| held.instance)),
        weak_delivery: held.as_ref().is_some_and(|held| held.weak_delivery),
        bound_addresses: compared.bound_addresses.clone(),
        observed_host: scene.host_text(observed.and_then(|stay| stay.host.or(stay.host_uid))),
        observed_pod_uid: observed.filter(|stay| !stay.shared).and_then(|stay| names.owned(stay.pod_uid)),
        observed_pod_secs: observed
            .filter(|stay| !stay.shared && stay.pod_uid.is_some())
            .and_then(|stay| Some(reading.first.time.nanos_since(stay.start?) / NANOS_PER_SEC)),
        observed_workload: observed
            .and_then(|stay| names.text_of(stay.workload))
            .map(|name| scene.environment.canonical_workload(name)),
        observed_environment: reading.environment().map(str::to_owned),
        observed_external: compared.external,
        place_key: reading.seen_at(scene).map(|at| at.text(scene)),
        trace: compared.trace.sentences().to_vec(),
        ..good_for(scene, reading)
    }
}

/// The columns of a use that say until when its credential was good, and for whom.
fn good_for(scene: &Scene<'_>, reading: &Reading<'_>) -> Use {
    let (names, usage) = (&scene.facts.names, reading.usage);
    let ending = reading.ending(scene);
    let kind = reading.kind(scene);
    let audience_match = reading.audience(scene);
    let audiences = reading.audiences(scene).filter(|_| audience_match == Match::Mismatch);
    let silent = match reading.watch(scene) {
        Watch::Missing(host, since) => Some((host, since)),
        Watch::Unasked | Watch::Open(..) => None,
    };
    Use {
        unwatched_host: names.owned(silent.map(|(host, _)| host)),
        unwatched_since: silent.map(|(_, since)| since),
        audiences: audiences.map(|said| said.collect::<Vec<_>>().join(", ")),
        audience_match,
        ended_at: ending.map(|ending| ending.at),
        ended_by: ending.map(|ending| ending.by.as_str().to_owned()),
        end_grace_nanos: ending.map_or(0, |ending| ending.grace_nanos + scene.skew(usage.key.source)),
        checks_liveness: ending.is_some_and(|ending| ending::is_checked(scene, usage, kind, &ending)),
        ..unissued::columns(scene, reading.unissued(scene))
    }
}

/// When a credential is valid, and how long it was meant to be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lifetime {
    pub(crate) from: Option<EventTime>,
    pub(crate) to: Option<EventTime>,
    pub(crate) ttl_secs: Option<i64>,
}

impl Lifetime {
    pub(crate) fn of(held: Option<&Held>) -> Self {
        let Some(held) = held else { return Self::default() };
        // What an issuer reports may be less than what it grants (Kubernetes extends tokens): only `exp` ends one.
        let to = held.exp;
        let meant = held.warn_after.or(to).or(held.reported_expiry);
        let from = held.nbf.or(held.iat);
        let start = held.iat.or(held.nbf);
        let ttl_secs = meant.zip(start).map(|(end, start)| end.nanos_since(start) / NANOS_PER_SEC);
        Self { from, to, ttl_secs }
    }
}

fn is_static(scene: &Scene<'_>, kind: &str, lifetime: Lifetime) -> bool {
    let allowed =
        scene.environment.class(kind).and_then(|class| class.static_policy) == Some(StaticPolicy::Allow);
    // An end that no record tells is unknown, not absent: only kinds that have none by design are static.
    STATIC_KINDS.contains(&kind) && lifetime.to.is_none() && !allowed
}

fn is_first_ever(scene: &Scene<'_>, workload: &str, usage: &Usage, time: EventTime) -> bool {
    let enough = scene.edges.history(workload, time) >= scene.min_history_nanos();
    enough && time == usage.first.time && scene.edges.is_first(workload, usage)
}

/// Since when what is declared of a call is in effect, where it has not always been.
fn since(admission: Admission) -> Option<EventTime> {
    let (Admission::Declared(since) | Admission::Excluded(since)) = admission else { return None };
    Some(since).filter(|since| *since > EventTime::MIN)
}

fn only_pod(scene: &Scene<'_>, bound: &Bound, time: EventTime) -> Option<Name> {
    let there = |stay: &crate::fact::placement::Stay| {
        bound.host.is_none() || stay.host.map(|host| scene.places.host_name(host)) == bound.host
    };
    let mut pods = scene
        .places
        .workload_at(bound.workload.as_deref()?, time)
        .filter(|stay| there(stay))
        .filter_map(|stay| stay.pod_uid);
    let first = pods.next()?;
    pods.all(|pod| pod == first).then_some(first)
}

fn in_place_pod(compared: &Compared<'_>) -> Option<Name> {
    let stay = compared.observed.filter(|stay| !stay.shared)?;
    (compared.place != Match::Mismatch).then_some(stay.pod_uid).flatten()
}
