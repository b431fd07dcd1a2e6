//! The three-valued comparison of a use with its binding: the one place where "off its workload" is decided.
//!
//! In: what a credential is bound to, where it was seen, who was where, what the environment declares.
//! Out: match, mismatch or undetermined, at the level of place, host and pod, with grades and every step.
//! Owns: the order of the steps. Law MATCH-1: what is not known can only make the answer undetermined.

mod delegated;
#[cfg(test)]
mod tests;

use self::delegated::{Leave, leave};
use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::{AddrQuality, Match, PlacementKind};

use crate::asked::About;
use crate::environment::{Cidr, Egress, Environment, Place, Realm};
use crate::fact::placement::Stay;
use crate::names::{Name, Names};
use crate::place::{Owner, Places};

/// What a credential is bound to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bound {
    /// Canonical workload that it stands for.
    pub(crate) workload: Option<String>,
    pub(crate) host: Option<Name>,
    pub(crate) pod_uid: Option<Name>,
    /// First address, where nothing better is known.
    pub(crate) first_address: Option<Name>,
    /// 4 key-bound and place known, 3 issuer's claim, 2 issuing log, 1 first use, 0 none.
    pub(crate) grade: u32,
}

/// Where a credential was seen.
#[derive(Debug, Clone)]
pub(crate) struct Seen<'a> {
    pub(crate) address: Option<&'a str>,
    pub(crate) quality: AddrQuality,
    /// Claimed addresses, first claim first.
    pub(crate) chain: Vec<&'a str>,
    pub(crate) presenter: Option<&'a str>,
    pub(crate) subject: Option<&'a str>,
    pub(crate) destination: &'a str,
    pub(crate) source: &'a str,
    pub(crate) time: EventTime,
    pub(crate) skew: i64,
}

/// The answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compared<'a> {
    pub(crate) place: Match,
    pub(crate) host: Match,
    pub(crate) pod: Match,
    pub(crate) binding_grade: u32,
    pub(crate) observation_grade: u32,
    pub(crate) bound_addresses: Vec<String>,
    pub(crate) observed: Option<&'a Stay>,
    /// Environment of the realm where whoever owned the address lives.
    pub(crate) environment: Option<&'a str>,
    pub(crate) address: Option<String>,
    pub(crate) external: bool,
    pub(crate) translated: bool,
    pub(crate) trace: Steps,
}

/// The steps of a comparison in words; nobody reads those of most uses, and making them costs more than comparing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steps {
    /// Nothing is written down.
    silent: bool,
    said: Vec<String>,
}

impl Steps {
    fn say(&mut self, step: impl FnOnce() -> String) {
        if !self.silent {
            self.said.push(step());
        }
    }

    /// The sentences, in the order in which they were found.
    pub(crate) fn sentences(&self) -> &[String] {
        &self.said
    }
}

/// Everything that a comparison may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) places: &'a Places<'a>,
    pub(crate) names: &'a Names,
    /// Stays of this stretch of time were given up.
    pub(crate) lost_stays: Option<(EventTime, EventTime)>,
}

/// Compares a use with its binding, and tells every step.
pub(crate) fn compare<'a>(bound: &Bound, seen: &Seen<'_>, ground: Ground<'a>) -> Compared<'a> {
    weigh(bound, seen, ground, Steps::default())
}

/// The same, with steps and home addresses only for a use that is not where it belongs.
pub(crate) fn compare_briefly<'a>(bound: &Bound, seen: &Seen<'_>, ground: Ground<'a>) -> Compared<'a> {
    let answer = weigh(bound, seen, ground, Steps { silent: true, said: Vec::new() });
    if answer.place == Match::Mismatch { compare(bound, seen, ground) } else { answer }
}

fn weigh<'a>(bound: &Bound, seen: &Seen<'_>, ground: Ground<'a>, trace: Steps) -> Compared<'a> {
    let mut answer = Compared { binding_grade: bound.grade, trace, ..Compared::default() };
    let Some((address, quality)) = observe(seen, ground, &mut answer) else { return answer };
    answer.observation_grade = grade_of(quality);
    answer.address = Some(address.to_owned());
    let realm = ground.environment.realm_of_address(address, seen.source);
    let owner = owner(address, realm, seen, ground);
    if let Owner::One(stay) = owner {
        answer.environment = environment_of(stay, realm, ground);
    }
    if bound.grade == 0 {
        answer.trace.say(|| "Nothing says where this credential belongs.".to_owned());
        unbound(seen, ground, &owner, &mut answer);
        return answer;
    }
    if !answer.trace.silent {
        answer.bound_addresses = addresses(&home(bound, seen, ground), ground.names);
    }
    match owner {
        Owner::Ambiguous => {
            let text = "more than one workload may have owned it at that moment, within the clocks' error";
            answer.trace.say(|| format!("{address}: {text}."));
        }
        Owner::One(stay) => owned(bound, seen, ground, stay, address, &mut answer),
        Owner::Nobody => unowned(bound, seen, ground, address, &mut answer),
    }
    answer
}

/// Who owned the address at that moment.
fn owner<'a>(address: &str, realm: Option<&Realm>, seen: &Seen<'_>, ground: Ground<'a>) -> Owner<'a> {
    ground.places.asked.note(About::Address(address));
    let realm = realm.map(|realm| realm.name.as_str());
    let known = ground.names.known(address);
    known.map_or(Owner::Nobody, |name| ground.places.owner(name, realm, seen.time, seen.skew))
}

/// The environment that a stay is in: of the realm that it states, else of the one that its address lies in.
fn environment_of<'a>(stay: &Stay, realm: Option<&'a Realm>, ground: Ground<'a>) -> Option<&'a str> {
    let stated = ground.names.text_of(stay.realm).and_then(|name| ground.environment.realm(name));
    stated.or(realm)?.environment.as_deref()
}

/// Where nothing says where it belongs, it still was somewhere; whoever may present it says nothing of its own place.
fn unbound<'a>(seen: &Seen<'_>, ground: Ground<'a>, owner: &Owner<'a>, answer: &mut Compared<'a>) {
    let Owner::One(stay) = owner else { return };
    if leave(seen, stay, ground) != Leave::None {
        answer.translated = true;
        return;
    }
    answer.observed = Some(stay);
    let names = ground.names;
    let address = answer.address.clone().unwrap_or_default();
    answer.trace.say(|| format!("{address} belonged to {} at {}.", describe(stay, names), seen.time));
}

/// Which address counts, and how good it is; `None` where no address can be believed.
fn observe<'s>(
    seen: &Seen<'s>,
    ground: Ground<'_>,
    answer: &mut Compared<'_>,
) -> Option<(&'s str, AddrQuality)> {
    let undecided = |answer: &mut Compared<'_>, text: &dyn Fn() -> String| {
        answer.trace.say(text);
        None
    };
    let Some(address) = seen.address else {
        let text = match seen.quality {
            AddrQuality::Service => {
                "A service acted on the caller's behalf, so its own place is not recorded."
            }
            _ => "No source address is recorded.",
        };
        return undecided(answer, &|| text.to_owned());
    };
    if is_local(address) {
        return undecided(answer, &|| format!("{address} is local to the recorder and names no place."));
    }
    if matches!(seen.quality, AddrQuality::Asserted | AddrQuality::Service | AddrQuality::None) {
        answer.address = Some(address.to_owned());
        return undecided(answer, &|| format!("{address} is somebody's word, not the recorder's own peer."));
    }
    let Some(proxy) = ground.environment.proxy(address) else {
        if !seen.chain.is_empty() {
            let claims = || seen.chain.join(", ");
            answer.trace.say(|| {
                format!("Forwarded addresses ({}) are only claims; the peer was {address}.", claims())
            });
        }
        return Some((address, seen.quality));
    };
    // The hop next to the proxy is the one that the proxy saw itself.
    match seen.chain.last().filter(|_| proxy.trust_forwarded) {
        Some(client) => {
            answer.trace.say(|| format!("{address} is a declared proxy; it saw {client}."));
            answer.translated = true;
            Some((*client, AddrQuality::Translated))
        }
        None => undecided(answer, &|| {
            format!("{address} is a declared proxy, and whom it served is not recorded.")
        }),
    }
}

fn is_local(address: &str) -> bool {
    address.parse::<std::net::IpAddr>().is_ok_and(|ip| match ip {
        std::net::IpAddr::V4(ip) => ip.is_loopback() || ip.is_unspecified(),
        std::net::IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified(),
    })
}

fn grade_of(quality: AddrQuality) -> u32 {
    match quality {
        AddrQuality::Direct => 3,
        AddrQuality::Translated => 2,
        AddrQuality::Service => 1,
        AddrQuality::Asserted | AddrQuality::None => 0,
    }
}

/// The stays where the credential belongs: of its pod, else its host, else its workload.
fn home<'a>(bound: &Bound, seen: &Seen<'_>, ground: Ground<'a>) -> Vec<&'a Stay> {
    let covers = |stay: &&Stay| {
        stay.start.is_none_or(|start| start.plus_nanos(-seen.skew) <= seen.time)
            && stay.end.is_none_or(|end| seen.time <= end.plus_nanos(seen.skew))
    };
    let all: Vec<&Stay> = match (bound.pod_uid, bound.host, &bound.workload) {
        (Some(pod), ..) => ground.places.pod(pod).collect(),
        (None, Some(host), _) => ground.places.on_host(host).collect(),
        (None, None, Some(workload)) => ground.places.workload(workload).collect(),
        _ => Vec::new(),
    };
    let now: Vec<&Stay> = all.iter().copied().filter(covers).collect();
    // Gone from there does not mean that its address space is forgotten.
    if now.is_empty() { all } else { now }
}

fn addresses(stays: &[&Stay], names: &Names) -> Vec<String> {
    let mut all: Vec<String> = stays
        .iter()
        .flat_map(|stay| &stay.addresses)
        .map(|address| names.text(*address).to_owned())
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The address belongs to a known placement.
fn owned<'a>(
    bound: &Bound,
    seen: &Seen<'_>,
    ground: Ground<'a>,
    stay: &'a Stay,
    address: &str,
    answer: &mut Compared<'a>,
) {
    answer.observed = Some(stay);
    let names = ground.names;
    let owner = || describe(stay, names);
    answer.trace.say(|| format!("{address} belonged to {} at {}.", owner(), seen.time));
    let whole_host = stay.shared || stay.kind == PlacementKind::Host;
    answer.host = host_level(bound, stay, ground);
    answer.pod = pod_level(bound, stay, whole_host);
    let workload = workload_level(bound, stay, ground, whole_host);
    answer.place = match (answer.pod, answer.host, workload) {
        (Match::Mismatch, ..) | (_, Match::Mismatch, _) => Match::Mismatch,
        (Match::Match, ..) => Match::Match,
        (_, Match::Match, _) if bound.pod_uid.is_none() => Match::Match,
        // The right workload is not yet the right replica: only a foreign workload decides.
        (_, _, Match::Mismatch) if bound.pod_uid.is_none() && bound.host.is_none() => Match::Mismatch,
        _ => Match::Undetermined,
    };
    if answer.place == Match::Mismatch {
        by_leave(leave(seen, stay, ground), &owner(), answer);
    }
    conclude(bound, ground, answer);
}

/// What a mismatch is where its presenter is, or may be, declared to present it.
fn by_leave(leave: Leave, owner: &str, answer: &mut Compared<'_>) {
    let (place, text) = match leave {
        Leave::Given => (Match::Match, "is declared to present credentials of this subject there"),
        Leave::Open => (
            Match::Undetermined,
            "is declared to present credentials of this subject there, if the trust domain of the declaration is its cluster's",
        ),
        Leave::None => return,
    };
    answer.trace.say(|| format!("{owner} {text}."));
    (answer.place, answer.host, answer.pod) = (place, Match::Undetermined, Match::Undetermined);
    answer.translated = true;
}

fn conclude(bound: &Bound, ground: Ground<'_>, answer: &mut Compared<'_>) {
    let (place, host) = (answer.place, answer.host);
    answer.trace.say(|| conclusion(bound, ground, place, host));
}

fn conclusion(bound: &Bound, ground: Ground<'_>, place: Match, host: Match) -> String {
    let home = match (bound.pod_uid, bound.host, &bound.workload) {
        (Some(pod), Some(host), _) => {
            format!("pod {} on {}", ground.names.text(pod), ground.names.text(host))
        }
        (Some(pod), None, _) => format!("pod {}", ground.names.text(pod)),
        (None, Some(host), _) => format!("host {}", ground.names.text(host)),
        (None, None, Some(workload)) => workload.clone(),
        _ => "the place of its first use".to_owned(),
    };
    match place {
        Match::Match => format!("The credential belongs to {home}: it is where it belongs."),
        Match::Mismatch => format!("The credential belongs to {home}: it is not where it belongs."),
        Match::Undetermined if host == Match::Match => {
            format!(
                "The credential belongs to {home}: the host fits, the pod cannot be told from a shared address."
            )
        }
        Match::Undetermined => format!("The credential belongs to {home}: the evidence does not decide."),
    }
}

fn host_level(bound: &Bound, stay: &Stay, ground: Ground<'_>) -> Match {
    let home = bound.host.or_else(|| ground.places.pod(bound.pod_uid?).find_map(|stay| stay.host));
    let (Some(home), Some(there)) = (home, stay.host.or(stay.host_uid)) else { return Match::Undetermined };
    match ground.places.host_name(home) == ground.places.host_name(there) {
        true => Match::Match,
        false if ground.places.knows_host(home) => Match::Mismatch,
        false => Match::Undetermined,
    }
}

fn pod_level(bound: &Bound, stay: &Stay, whole_host: bool) -> Match {
    let (Some(home), Some(there), false) = (bound.pod_uid, stay.pod_uid, whole_host) else {
        return Match::Undetermined;
    };
    if home == there { Match::Match } else { Match::Mismatch }
}

/// Compared by workload only where neither pod nor host is known, and only for workloads that placements know.
fn workload_level(bound: &Bound, stay: &Stay, ground: Ground<'_>, whole_host: bool) -> Match {
    let (Some(home), false) = (&bound.workload, whole_host) else { return Match::Undetermined };
    let is_named = stay.workload.is_some() || !stay.aliases.is_empty();
    if !is_named || !ground.places.knows_workload(home) {
        return Match::Undetermined;
    }
    if ground.places.is_of(ground.names, stay, home) { Match::Match } else { Match::Mismatch }
}

/// The address belongs to no known placement.
fn unowned(bound: &Bound, seen: &Seen<'_>, ground: Ground<'_>, address: &str, answer: &mut Compared<'_>) {
    if first_use(bound, ground, address, answer) {
        return;
    }
    if ground.lost_stays.is_some_and(|(from, to)| from <= seen.time && seen.time <= to) {
        let text =
            "placements of that time were given up for lack of room, so that its owner may be one of them";
        answer.trace.say(|| format!("{address}: {text}."));
        return;
    }
    let home = home(bound, seen, ground);
    let exits = exits(&home, seen, ground);
    if exits.iter().any(|exit| exit.translates_to(address)) {
        answer
            .trace
            .say(|| format!("{address} is declared as the way out of the credential's own address space."));
        answer.translated = true;
        answer.observation_grade = answer.observation_grade.min(2);
        (answer.place, answer.host) = (Match::Match, Match::Undetermined);
        return;
    }
    let place = ground.environment.place_of(address, seen.source);
    if !matches!(place, Place::Outside) {
        answer.trace.say(|| left_open(address, &place));
        return;
    }
    if home.is_empty() || exits.iter().any(|exit| matches!(exit, Exit::Unknown)) {
        let text = "whether the credential's own address space is translated to it is not declared";
        answer.trace.say(|| format!("{address} lies outside every declared address space; {text}."));
        return;
    }
    let outside = "lies outside every declared address space and is none of the declared ways out";
    answer.trace.say(|| format!("{address} {outside} at {}.", seen.time));
    answer.external = true;
    (answer.place, answer.host) = (Match::Mismatch, Match::Mismatch);
    if bound.pod_uid.is_some() {
        // Outside of every realm there is no pod to name: the pod level stays open.
        answer.pod = Match::Undetermined;
    }
    conclude(bound, ground, answer);
}

/// Why an address that no placement owns decides nothing.
fn left_open(address: &str, place: &Place<'_>) -> String {
    match place {
        Place::Inside(realm) => {
            format!("{address} lies in {}, and no placement source says whose it was.", realm.name)
        }
        Place::Unsettled => {
            format!("{address} lies in a declared address space, and which one is not settled.")
        }
        Place::Nowhere | Place::Outside => {
            format!("{address} belongs to no known placement, and no address space is declared.")
        }
    }
}

/// A credential of which only the first use is known.
fn first_use(bound: &Bound, ground: Ground<'_>, address: &str, answer: &mut Compared<'_>) -> bool {
    if bound.grade != 1 {
        return false;
    }
    // Whoever calls first may be the thief: a first use alone decides nothing.
    let first = bound.first_address.map(|first| ground.names.text(first));
    answer.trace.say(|| match first == Some(address) {
        true => format!("{address} is where it was first used; nothing better is known of it."),
        false => format!("Only its first use is known; {address} was not seen with it then."),
    });
    true
}

/// How an address space shows elsewhere.
enum Exit {
    Unknown,
    Known(Vec<Cidr>),
}

impl Exit {
    fn translates_to(&self, address: &str) -> bool {
        match self {
            Self::Unknown => false,
            Self::Known(seen_as) => {
                address.parse().is_ok_and(|ip| seen_as.iter().any(|cidr| cidr.contains(ip)))
            }
        }
    }
}

/// The declared ways out of the places where a credential belongs.
fn exits(home: &[&Stay], seen: &Seen<'_>, ground: Ground<'_>) -> Vec<Exit> {
    let mut exits = Vec::new();
    for stay in home {
        for address in &stay.addresses {
            let address = ground.names.text(*address);
            let egress = realm_of(stay, address, seen, ground)
                .map(|realm| ground.environment.egress_of(realm, address));
            exits.push(match egress {
                None | Some(Egress::Unknown) => Exit::Unknown,
                Some(Egress::None) => Exit::Known(Vec::new()),
                Some(Egress::SeenAs(seen_as)) => Exit::Known(seen_as),
            });
        }
    }
    if exits.is_empty() {
        exits.push(Exit::Unknown);
    }
    exits
}

/// The realm that an address of a stay lives in: as stated, else as the environment draws it.
///
/// A realm may speak for some sources only: the placement's own is asked first, then the one that saw the use.
fn realm_of<'a>(stay: &Stay, address: &str, seen: &Seen<'_>, ground: Ground<'a>) -> Option<&'a Realm> {
    let stated = ground.names.text_of(stay.realm).and_then(|name| ground.environment.realm(name));
    let sources = [ground.names.text(stay.witness.source), seen.source];
    stated.or_else(|| {
        sources.into_iter().find_map(|source| ground.environment.realm_of_address(address, source))
    })
}

fn describe(stay: &Stay, names: &Names) -> String {
    let host =
        names.text_of(stay.host.or(stay.host_uid)).map(|host| format!(" on {host}")).unwrap_or_default();
    match (stay.kind, stay.pod, stay.pod_uid, stay.workload) {
        (PlacementKind::Host, ..) => {
            format!("host {}", names.text_of(stay.host.or(stay.host_uid)).unwrap_or("?"))
        }
        (_, Some(pod), ..) => format!("pod {}{host}", names.text(pod)),
        (_, None, Some(uid), _) => format!("pod {}{host}", names.text(uid)),
        (_, None, None, Some(workload)) => format!("{}{host}", names.text(workload)),
        _ => format!("a placement{host}"),
    }
}
