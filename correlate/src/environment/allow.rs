//! `[[allow]]`: declared policy, who may call what.
//!
//! In: caller, destination, action, moment. Out: whether an entry in effect allows it, and whether any speaks of the
//! subject, or of the destination's callers, at all. Law: where no entry speaks of it, nothing is undeclared; and names of one
//! world (a SPIFFE ID) say nothing of names of another (a service account) that no entry joins.

use offbound_schemas::EventTime;
use offbound_schemas::authored::Value;

use super::Environment;
use super::pattern::{Pattern, any_matches};
use super::ranges::{patterns, patterns_of};

/// A permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// Who may call.
    pub subjects: Vec<Pattern>,
    /// What.
    pub destinations: Vec<Pattern>,
    /// To do what; anything when the file does not say.
    pub actions: Vec<Pattern>,
    /// From when on; always when the file does not say.
    pub effective_from: Option<EventTime>,
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    for table in value.tables() {
        table.allow_keys(&["subjects", "destinations", "actions", "effective_from"]);
        let subjects = table.required("subjects", "who may call, such as subjects = [\"spiffe://…/*\"]");
        let destinations =
            table.required("destinations", "what they may call, such as destinations = [\"payments\"]");
        environment.allows.push(Allow {
            subjects: subjects.map(|subjects| patterns(&subjects)).unwrap_or_default(),
            destinations: destinations.map(|destinations| patterns(&destinations)).unwrap_or_default(),
            actions: patterns_of(&table, "actions").unwrap_or_else(|| vec![Pattern::new("*")]),
            effective_from: table.value("effective_from").and_then(|moment| moment.moment(false)),
        });
    }
}

/// A call, as far as declared policy may speak of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// Names of whose identity was shown.
    pub(crate) callers: [Option<&'a str>; 2],
    /// Who presented it for them, where that is another.
    pub(crate) presenter: Option<&'a str>,
    pub(crate) destination: &'a str,
    /// Empty where it is not recorded.
    pub(crate) action: &'a str,
    pub(crate) at: EventTime,
}

/// What declared policy says of a call; and since when, the earliest moment for always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Nothing that settles it.
    Unsaid,
    /// It is declared.
    Declared(EventTime),
    /// Others are declared to call there, or this caller is for something else.
    Excluded(EventTime),
}

impl Allow {
    /// Since when it is in effect, if it is.
    fn since(&self, at: EventTime) -> Option<EventTime> {
        Some(self.effective_from.unwrap_or(EventTime::MIN)).filter(|since| *since <= at)
    }

    /// Whether it names one of these destinations, as more than one of everything.
    fn governs(&self, destinations: &[&str]) -> bool {
        let names = |pattern: &&Pattern| pattern.as_str().chars().any(|letter| letter != '*');
        let mut named = self.destinations.iter().filter(names);
        named.any(|pattern| destinations.iter().any(|name| pattern.matches(name)))
    }

    /// Whether it speaks of callers by names of the same world as one of these.
    fn speaks_of(&self, names: &[&str]) -> bool {
        self.subjects.iter().any(|subject| {
            let world = world_of(subject.as_str());
            !world.contains('*') && names.iter().any(|name| world_of(name) == world)
        })
    }
}

/// What a name begins with, where that says what kind of name it is: `spiffe`, `system`, `arn`.
fn world_of(name: &str) -> &str {
    name.split_once(':').map_or("", |(world, _)| world)
}

impl Environment {
    /// What declared policy in effect says of a call.
    pub(crate) fn admission(&self, call: Call<'_>) -> Admission {
        if self.allows.is_empty() {
            return Admission::Unsaid;
        }
        let destinations = self.names_of_destination(call.destination);
        let shown = call.callers.into_iter().flatten();
        let accounts: Vec<String> =
            shown.clone().filter_map(|name| Some(self.mesh_account(name)?.1)).collect();
        let names = shown.chain(accounts.iter().map(String::as_str));
        let callers: Vec<&str> = names.flat_map(|name| self.names_of_workload(name)).collect();
        let presenters: Vec<&str> =
            call.presenter.map(|name| self.names_of_workload(name)).unwrap_or_default();
        let (mut declared, mut governed, mut comparable, mut may_be) =
            (None, None, false, callers.is_empty());
        for (entry, since) in
            self.allows_of(&destinations).filter_map(|entry| Some((entry, entry.since(call.at)?)))
        {
            let of_caller = any_matches(&entry.subjects, &callers);
            let of_action = any_matches(&entry.actions, &[call.action]);
            if of_caller && of_action {
                declared = earliest(declared, since);
            }
            may_be |= (of_caller || any_matches(&entry.subjects, &presenters))
                && (of_action || call.action.is_empty());
            if entry.governs(&destinations) {
                governed = earliest(governed, since);
                comparable |= entry.speaks_of(&callers);
            }
        }
        match (declared, governed) {
            (Some(since), _) => Admission::Declared(since),
            (None, Some(since)) if comparable && !may_be => Admission::Excluded(since),
            _ => Admission::Unsaid,
        }
    }

    /// Whether declared policy lets `subject` do `action` at `destination` at this moment.
    #[must_use]
    pub fn declared(&self, subject: &str, destination: &str, action: &str, at: EventTime) -> bool {
        let subjects = self.names_of_workload(subject);
        let destinations = self.names_of_destination(destination);
        self.allows_of(&destinations).any(|entry| {
            entry.since(at).is_some()
                && any_matches(&entry.subjects, &subjects)
                && any_matches(&entry.actions, &[action])
        })
    }

    /// Whether declared policy in effect at this moment lets `subject` do anything at all at `destination`.
    pub(crate) fn may_reach(&self, subject: &str, destination: &str, at: EventTime) -> bool {
        let subjects = self.names_of_workload(subject);
        let destinations = self.names_of_destination(destination);
        let mut entries = self.allows_of(&destinations);
        entries.any(|entry| entry.since(at).is_some() && any_matches(&entry.subjects, &subjects))
    }

    /// Entries that name one of these destinations.
    fn allows_of<'e>(&'e self, destinations: &'e [&str]) -> impl Iterator<Item = &'e Allow> {
        let entries = self.allows_to(destinations).filter_map(|number| self.allows.get(number));
        entries.filter(|entry| any_matches(&entry.destinations, destinations))
    }

    /// Whether declared policy in effect at this moment speaks of `subject` at all.
    #[must_use]
    pub fn has_policy_for(&self, subject: &str, at: EventTime) -> bool {
        let subjects = self.names_of_workload(subject);
        let in_effect = |entry: &&Allow| entry.since(at).is_some();
        self.allows.iter().filter(in_effect).any(|entry| any_matches(&entry.subjects, &subjects))
    }
}

fn earliest(known: Option<EventTime>, since: EventTime) -> Option<EventTime> {
    Some(known.map_or(since, |known| known.min(since)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
[[workload]]
id = "spiffe://x/web"
aliases = ["shop/web"]
[[destination]]
name = "payments"
match = ["10.1.9.9:*"]
[[allow]]
subjects = ["spiffe://x/web"]
destinations = ["payments"]
actions = ["GET *"]
effective_from = 2026-01-01T00:00:00Z
"#;

    /// Scenario: calls within and beside the policy, under aliases, before and after it takes effect.
    /// Guarantees: every part must fit.
    #[test]
    fn every_part_must_fit() {
        let environment = Environment::parse(POLICY, "env.toml").expect("a good file");
        let time = |text| EventTime::parse(text).expect("a good time");
        let (before, after) = (time("2025-12-31T23:59:59Z"), time("2026-01-01T00:00:00Z"));
        for (subject, destination, action, at, expected) in [
            ("spiffe://x/web", "payments", "GET /", after, true),
            ("shop/web", "10.1.9.9:8443", "GET /", after, true),
            ("shop/web", "payments", "GET /", before, false),
            ("shop/web", "payments", "POST /", after, false),
            ("shop/web", "orders", "GET /", after, false),
            ("shop/job", "payments", "GET /", after, false),
        ] {
            assert_eq!(
                environment.declared(subject, destination, action, at),
                expected,
                "{subject} {destination}"
            );
        }
        assert!(environment.has_policy_for("shop/web", after));
        assert!(!environment.has_policy_for("shop/web", before));
        assert!(!environment.has_policy_for("shop/job", after));
    }

    const CALLERS: &str = r#"
[realm.one]
cidrs = []
trust_domains = ["y"]
[[workload]]
id = "spiffe://x/web"
aliases = ["system:serviceaccount:shop:web"]
[[allow]]
subjects = ["spiffe://x/web"]
destinations = ["payments"]
actions = ["GET *"]
effective_from = 2026-01-01T00:00:00Z
[[allow]]
subjects = ["spiffe://x/audit*"]
destinations = ["pay*"]
effective_from = 2026-02-01T00:00:00Z
[[allow]]
subjects = ["system:serviceaccount:ops:*"]
destinations = ["*"]
[[allow]]
subjects = ["system:serviceaccount:shop:mesh"]
destinations = ["mesh"]
[[allow]]
subjects = ["spiffe://x/web"]
destinations = ["mesh"]
"#;

    /// Scenario: callers of a destination of which some are declared, of one of which none are, by other names, for other
    /// actions, through a presenter, before and after. Guarantees: nobody is excluded but where others are declared under
    /// names of the same kind, and what is not recorded leaves it open.
    #[test]
    fn who_is_excluded() {
        let environment = Environment::parse(CALLERS, "env.toml").expect("a good file");
        let time = |text| EventTime::parse(text).expect("a good time");
        let (january, february) = (time("2026-01-01T00:00:00Z"), time("2026-02-01T00:00:00Z"));
        let late = time("2026-03-01T00:00:00Z");
        let (always, unsaid) = (EventTime::MIN, Admission::Unsaid);
        let web = "spiffe://x/web";
        for (caller, presenter, destination, action, at, expected) in [
            (Some(web), None, "payments", "GET /", late, Admission::Declared(january)),
            (
                Some("system:serviceaccount:shop:web"),
                None,
                "payments",
                "GET /",
                late,
                Admission::Declared(january),
            ),
            (Some(web), None, "payments", "POST /", late, Admission::Excluded(january)),
            (Some(web), None, "payments", "", late, unsaid),
            (Some("spiffe://x/pay"), None, "payments", "", late, Admission::Excluded(january)),
            (Some("spiffe://x/pay"), None, "payments", "GET /", time("2025-12-31T00:00:00Z"), unsaid),
            (Some("spiffe://x/pay"), None, "pay-2", "GET /", late, Admission::Excluded(february)),
            (Some("spiffe://x/pay"), None, "orders", "GET /", late, unsaid),
            (Some("spiffe://x/pay"), Some(web), "payments", "GET /", late, unsaid),
            (Some("system:serviceaccount:shop:job"), None, "payments", "GET /", late, unsaid),
            (
                Some("system:serviceaccount:ops:job"),
                None,
                "payments",
                "GET /",
                late,
                Admission::Declared(always),
            ),
            (Some("svc-batch"), None, "payments", "GET /", late, unsaid),
            (Some("spiffe://y/ns/shop/sa/mesh"), None, "mesh", "GET /", late, Admission::Declared(always)),
            (Some("spiffe://y/ns/shop/sa/other"), None, "mesh", "GET /", late, Admission::Excluded(always)),
            (None, None, "payments", "GET /", late, unsaid),
        ] {
            let call = Call { callers: [caller, None], presenter, destination, action, at };
            assert_eq!(environment.admission(call), expected, "{caller:?} {destination} {action}");
        }
        let call =
            Call { callers: [Some(web), None], presenter: None, destination: "a", action: "", at: late };
        assert_eq!(Environment::default().admission(call), unsaid);
    }
}
