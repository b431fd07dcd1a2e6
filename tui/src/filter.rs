//! The filter language of lists: plain terms, `field:value`, `field=value`, `-not`, `severity>=high`.
//!
//! In: what an analyst types. Out: a test on records. Owns: the field names of findings and incidents.
//! Law: terms are joined by "and"; matching is without case, but `=` asks for exactly that text; an unknown field is an error, not silence.

use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::vocabulary::Severity;

use crate::event_filter::EVENT_FIELDS;
use crate::port::Layer;

/// Terms that one filter may have: more than anybody types, few enough to test on every row.
pub(crate) const TERMS_MAX: usize = 32;

/// Names of the fields, for help and completion.
pub const FIELDS: &[&str] = &[
    "rule",
    "title",
    "severity",
    "state",
    "confidence",
    "layer",
    "credential",
    "subject",
    "workload",
    "host",
    "address",
    "destination",
    "action",
    "decision",
    "process",
    "source",
    "incident",
    "attack",
    "outcome",
    "id",
];

/// A filter that was understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

/// A filter that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A field that no record has.
    #[error("no field {0:?} (quote a text to search it as it is); fields are {fields}", fields = FIELDS.join(" "))]
    UnknownField(String),
    /// A field that no event has.
    #[error("no field {0:?} of events (quote a text to search it as it is); fields are {fields}", fields = EVENT_FIELDS.join(" "))]
    UnknownEventField(String),
    /// A kind that no entity has.
    #[error("no kind {0:?} of entities; kinds are host workload credential")]
    UnknownEntityField(String),
    /// A severity that is none.
    #[error("no severity {0:?}; severities are info low medium high critical")]
    UnknownSeverity(String),
    /// Too many terms.
    #[error("more than {TERMS_MAX} terms")]
    TooLong,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    negated: bool,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Anywhere(String),
    Field(&'static str, String),
    Exactly(&'static str, String),
    AtLeast(Severity),
    AtMost(Severity),
}

impl Filter {
    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let words = split_words(text);
        if words.len() > TERMS_MAX {
            return Err(FilterError::TooLong);
        }
        let terms = words.iter().map(term).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    /// Whether nothing is filtered out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether `finding` passes.
    #[must_use]
    pub fn passes_finding(&self, finding: &Finding) -> bool {
        self.passes(finding.severity, |field, test| finding_values(finding, field, test))
    }

    /// Whether `incident` passes.
    #[must_use]
    pub fn passes_incident(&self, incident: &Incident) -> bool {
        self.passes(incident.severity, |field, test| incident_values(incident, field, test))
    }

    fn passes(&self, severity: Severity, any: impl Fn(&str, &dyn Fn(&str) -> bool) -> bool) -> bool {
        self.terms.iter().all(|term| {
            let met = match &term.test {
                Test::AtLeast(bound) => severity >= *bound,
                Test::AtMost(bound) => severity <= *bound,
                Test::Field(field, wanted) => any(field, &|value| contains(value, wanted)),
                Test::Exactly(field, wanted) => any(field, &|value| value == wanted),
                Test::Anywhere(wanted) => {
                    FIELDS.iter().any(|field| any(field, &|value| contains(value, wanted)))
                }
            };
            met != term.negated
        })
    }
}

fn term(word: &Word) -> Result<Term, FilterError> {
    let (negated, text) = match word.text.strip_prefix('-') {
        Some(rest) if !rest.is_empty() => (true, rest),
        _ => (false, word.text.as_str()),
    };
    let test = if word.is_quoted { Test::Anywhere(text.to_lowercase()) } else { test(text)? };
    Ok(Term { negated, test })
}

fn test(word: &str) -> Result<Test, FilterError> {
    for (prefix, make) in [
        ("severity>=", Test::AtLeast as fn(Severity) -> Test),
        ("sev>=", Test::AtLeast),
        ("severity<=", Test::AtMost),
    ] {
        if let Some(bound) = word.strip_prefix(prefix) {
            let unknown = |_| FilterError::UnknownSeverity(bound.to_owned());
            return bound.parse().map(make).map_err(unknown);
        }
    }
    // Ids have an equals sign of their own; a field before it asks for exactly that text.
    if let Some((name, value)) = word.split_once('=')
        && let Some(field) = FIELDS.iter().find(|field| **field == name)
    {
        return Ok(Test::Exactly(field, value.to_owned()));
    }
    match word.split_once(':') {
        // Ids and addresses have colons of their own; a field name is one lower-case word.
        Some((name, value)) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            field(name, value)
        }
        _ => Ok(Test::Anywhere(word.to_lowercase())),
    }
}

fn field(name: &str, value: &str) -> Result<Test, FilterError> {
    let name = if name == "sev" { "severity" } else { name };
    match FIELDS.iter().find(|field| **field == name) {
        Some(field) => Ok(Test::Field(field, value.to_lowercase())),
        // `spiffe://…` and the like are values.
        None if value.starts_with("//") => Ok(Test::Anywhere(format!("{name}:{value}").to_lowercase())),
        None => Err(FilterError::UnknownField(name.to_owned())),
    }
}

/// A word of a filter.
#[derive(Default)]
pub(crate) struct Word {
    /// The word without its quotes.
    pub(crate) text: String,
    /// Whether it is quoted from its beginning: then it is text, whatever it looks like.
    pub(crate) is_quoted: bool,
}

/// Words between spaces; quotes keep spaces together, and two of them within quotes are one of the text.
pub(crate) fn split_words(text: &str) -> Vec<Word> {
    let mut words = vec![Word::default()];
    let mut in_quotes = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == ' ' && !in_quotes {
            words.push(Word::default());
        } else if let Some(word) = words.last_mut() {
            if c == '"' && in_quotes && chars.next_if_eq(&'"').is_some() {
                word.text.push(c);
            } else if c == '"' {
                in_quotes = !in_quotes;
                word.is_quoted |= word.text.is_empty() || word.text == "-";
            } else {
                word.text.push(c);
            }
        }
    }
    words.retain(|word| !word.text.is_empty());
    words
}

/// The filter that asks for exactly this value of a field.
pub(crate) fn exactly(field: &str, value: &str) -> String {
    format!("{field}=\"{}\"", value.replace('"', "\"\""))
}

fn contains(value: &str, wanted_lower: &str) -> bool {
    if value.is_ascii() && wanted_lower.is_ascii() {
        let (value, wanted) = (value.as_bytes(), wanted_lower.as_bytes());
        return wanted.is_empty()
            || value.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted));
    }
    value.to_lowercase().contains(wanted_lower)
}

fn finding_values(finding: &Finding, field: &str, test: &dyn Fn(&str) -> bool) -> bool {
    let some = |value: &Option<String>| value.as_deref().is_some_and(test);
    let (bound, observed) = (finding.bound.as_ref(), finding.observed.as_ref());
    let process = finding.process.as_ref();
    match field {
        "id" => test(&finding.id.to_string()),
        "rule" => test(&finding.rule),
        "title" => test(&finding.title),
        "severity" => test(finding.severity.as_str()),
        "state" => test(finding.state.as_str()),
        "confidence" => test(finding.confidence.as_str()),
        "layer" => test(Layer::of(finding).name()),
        "credential" => finding.credential.as_ref().is_some_and(|c| test(&c.id) || test(&c.kind)),
        "subject" => some(&finding.subject),
        "workload" => {
            some(&finding.workload)
                || bound.is_some_and(|place| some(&place.workload))
                || observed.is_some_and(|place| some(&place.workload))
        }
        "host" => {
            bound.is_some_and(|place| some(&place.host))
                || observed.is_some_and(|place| some(&place.host))
                || process.is_some_and(|process| some(&process.host))
        }
        "address" => {
            observed.is_some_and(|place| some(&place.address))
                || bound.is_some_and(|place| place.addresses.iter().any(|address| test(address)))
        }
        "destination" => some(&finding.destination),
        "action" => some(&finding.action),
        "decision" => some(&finding.decision),
        "process" => process.is_some_and(|p| some(&p.exe) || p.lineage.iter().any(|name| test(name))),
        "source" => finding.evidence.iter().any(|evidence| test(&evidence.source)),
        "incident" => finding.incident.is_some_and(|id| test(&id.to_string())),
        "attack" => finding.attack.iter().any(|technique| test(technique)),
        _ => false,
    }
}

fn incident_values(incident: &Incident, field: &str, test: &dyn Fn(&str) -> bool) -> bool {
    let any = |values: &[String]| values.iter().any(|value| test(value));
    match field {
        "id" | "incident" => test(&incident.id.to_string()),
        "title" => test(&incident.title),
        "severity" => test(incident.severity.as_str()),
        "outcome" => test(incident.outcome.as_str()),
        "credential" => any(&incident.credentials),
        "workload" => any(&incident.workloads),
        "host" => any(&incident.hosts),
        "destination" => {
            let radius = &incident.blast_radius;
            let all = [&radius.reached, &radius.suspected, &radius.denied];
            all.iter().any(|reaches| reaches.iter().any(|reach| test(&reach.destination)))
        }
        "source" => any(&incident.missing_sources),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixture;

    /// Scenario: filters of every form on one finding. Guarantees: which pass.
    #[test]
    fn filters_pass_or_not() {
        let investigation = fixture::investigation();
        let finding = &investigation.findings[0];
        let rule = format!("rule:{}", finding.rule);
        let cases = [
            ("", true),
            (rule.as_str(), true),
            ("severity>=medium", true),
            ("severity<=low", false),
            ("-severity:critical", false),
            ("\"off its bound\" host:node-22", true),
            ("no-such-text-anywhere", false),
            ("-no-such-text-anywhere", true),
            ("SPIFFE://prod.example/", true),
            ("\"system:serviceaccount\"", true),
            ("-\"system:serviceaccount\"", false),
            ("subject:\"system:serviceaccount:shop\"", true),
            ("host=node-22", true),
            ("host=node-2", false),
            ("host:node-2", true),
            ("credential=\"JTI=7c1f2b1e-5d7a-4c1e-9a52-0c5b6a0e4a11\"", true),
        ];
        for (text, expected) in cases {
            let filter = Filter::parse(text).expect("the filter is readable");
            assert_eq!(filter.passes_finding(finding), expected, "{text}");
        }
    }

    /// Scenario: names with spaces, quotes and signs of the filter language. Guarantees: a filter for exactly one of them
    /// is read back as that name.
    #[test]
    fn exact_filters_hold_any_name() {
        for name in ["a", "a b", "a\"b", "\"", "-x:y=z", "\"\" \""] {
            let words = split_words(&exactly("host", name));
            let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            assert_eq!(texts, [format!("host={name}")]);
        }
    }

    /// Scenario: fields and severities that do not exist. Guarantees: an error that names the choices.
    #[test]
    fn mistakes_are_errors() {
        for text in ["nope:x", "severity>=huge", "-nope:x"] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
        assert!(Filter::parse("10.0.0.1:443 JTI=7:x").is_ok());
    }
}
