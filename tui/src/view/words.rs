//! Words and marks for what records say: each differs in letters, not only in colour.

use offbound_schemas::vocabulary::{
    Confidence, ContainmentOutcome, FindingState, LayerVerdict, Severity, Strength,
};

use super::ink::Ink;
use crate::port::Layer;
use crate::theme::Role;

/// Letter and mark of a severity.
pub(crate) fn severity(severity: Severity) -> Ink {
    let (text, role) = match severity {
        Severity::Critical => ("C!!", Role::Bad),
        Severity::High => ("H! ", Role::Warn),
        Severity::Medium => ("M. ", Role::Doubt),
        Severity::Low => ("L  ", Role::Plain),
        Severity::Info => ("i  ", Role::Dim),
    };
    Ink::fixed(text).role(role)
}

/// A severity as a word.
pub(crate) fn severity_word(severity: Severity) -> Ink {
    let (text, role) = match severity {
        Severity::Critical => ("CRITICAL", Role::Bad),
        Severity::High => ("HIGH", Role::Warn),
        Severity::Medium => ("medium", Role::Doubt),
        Severity::Low => ("low", Role::Plain),
        Severity::Info => ("info", Role::Dim),
    };
    Ink::fixed(text).role(role)
}

/// How sure.
pub(crate) fn confidence(confidence: Confidence) -> Ink {
    match confidence {
        Confidence::High => Ink::fixed("high"),
        Confidence::Medium => Ink::fixed("med"),
        Confidence::Low => Ink::fixed("low").role(Role::Dim),
    }
}

/// Whether a finding may still change.
pub(crate) fn state(state: FindingState) -> Ink {
    match state {
        FindingState::Confirmed => Ink::fixed("conf"),
        FindingState::Provisional => Ink::fixed("prov").role(Role::Doubt),
        FindingState::Withdrawn => Ink::fixed("gone").role(Role::Dim),
    }
}

/// Which telemetry a finding rests on, as a letter.
pub(crate) fn layer(layer: Layer) -> Ink {
    Ink::fixed(match layer {
        Layer::Host => "H",
        Layer::Identity => "I",
        Layer::Both => "B",
        Layer::Other => "-",
    })
}

/// The same as a word.
pub(crate) fn layer_word(layer: Layer) -> Ink {
    Ink::fixed(match layer {
        Layer::Host => "host",
        Layer::Identity => "identity",
        Layer::Both => "both",
        Layer::Other => "other",
    })
}

/// What a control or layer did.
pub(crate) fn verdict(verdict: LayerVerdict) -> Ink {
    let (text, role) = match verdict {
        LayerVerdict::Held => ("held", Role::Good),
        LayerVerdict::Bypassed => ("BYPASSED", Role::Bad),
        LayerVerdict::NotEnforced => ("NOT ENFORCED", Role::Warn),
        LayerVerdict::Blind => ("Blind", Role::Doubt),
        LayerVerdict::NotChallenged => ("not challenged", Role::Dim),
    };
    Ink::fixed(text).role(role)
}

/// The same in few letters.
pub(crate) fn verdict_short(verdict: LayerVerdict) -> Ink {
    let (text, role) = match verdict {
        LayerVerdict::Held => ("held", Role::Good),
        LayerVerdict::Bypassed => ("BYPASS", Role::Bad),
        LayerVerdict::NotEnforced => ("NO ENF", Role::Warn),
        LayerVerdict::Blind => ("Blind", Role::Doubt),
        LayerVerdict::NotChallenged => ("-", Role::Dim),
    };
    Ink::fixed(text).role(role)
}

/// How an incident ended.
pub(crate) fn outcome(outcome: ContainmentOutcome) -> Ink {
    let (text, role) = match outcome {
        ContainmentOutcome::Contained => ("contained", Role::Good),
        ContainmentOutcome::ContainedByHost => ("contained by host", Role::Good),
        ContainmentOutcome::ContainedByIdentity => ("contained by identity", Role::Good),
        ContainmentOutcome::NotContained => ("NOT CONTAINED", Role::Bad),
        ContainmentOutcome::Unknown => ("Unknown", Role::Doubt),
    };
    Ink::fixed(text).role(role)
}

/// Whether that is proven.
pub(crate) fn strength(strength: Strength) -> Ink {
    match strength {
        Strength::Proven => Ink::fixed("proven"),
        Strength::Unproven => Ink::fixed("unproven").role(Role::Doubt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: every word of every vocabulary shown. Guarantees: no two look the same without colour.
    #[test]
    fn words_differ() {
        fn distinct<T: Copy>(all: &[T], word: fn(T) -> Ink) {
            let mut words: Vec<String> = all.iter().map(|value| word(*value).text().to_owned()).collect();
            words.sort();
            words.dedup();
            assert_eq!(words.len(), all.len(), "{words:?}");
        }
        distinct(Severity::ALL, severity);
        distinct(Severity::ALL, severity_word);
        distinct(Confidence::ALL, confidence);
        distinct(FindingState::ALL, state);
        distinct(LayerVerdict::ALL, verdict);
        distinct(LayerVerdict::ALL, verdict_short);
        distinct(ContainmentOutcome::ALL, outcome);
        distinct(Strength::ALL, strength);
    }
}
