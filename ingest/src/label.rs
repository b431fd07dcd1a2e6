//! Source labels: `format` or `format:instance`.
//!
//! In: rules of the form `LABEL=GLOB`, and the location of an input. Out: the label of its records.
//! Owns: what a rule may say. A label names a format, which then is not asked for again, or `auto`.

use glob::Pattern;

use crate::formats::{FormatRef, Formats};

/// The format name that leaves recognition to the content.
const AUTO: &str = "auto";

/// One rule: inputs whose location matches get this label.
#[derive(Debug, Clone)]
pub struct SourceRule {
    format: Option<usize>,
    instance: Option<String>,
    pattern: Pattern,
}

/// A rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceRuleError {
    /// No `=`.
    #[error("{0:?} is no source rule: expected LABEL=GLOB, such as k8s-audit:prod=logs/*.log")]
    NoGlob(String),
    /// The label names no format.
    #[error("{label:?} names no format; known are auto, {known}")]
    UnknownFormat {
        /// The label.
        label: String,
        /// What it could have been.
        known: String,
    },
    /// The pattern is malformed.
    #[error("{pattern:?} is no pattern: {problem}")]
    BadGlob {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl SourceRule {
    /// Reads `LABEL=GLOB`, where LABEL is `format`, `format:instance` or `auto:instance`.
    pub fn parse(text: &str, formats: &Formats) -> Result<Self, SourceRuleError> {
        let (label, glob) = text.split_once('=').ok_or_else(|| SourceRuleError::NoGlob(text.to_owned()))?;
        let (name, instance) = match label.split_once(':') {
            Some((name, instance)) => {
                (name, Some(instance.to_owned()).filter(|instance| !instance.is_empty()))
            }
            None => (label, None),
        };
        let format = formats.position(name);
        if format.is_none() && name != AUTO {
            let known: Vec<&str> = formats.iter().map(FormatRef::id).collect();
            return Err(SourceRuleError::UnknownFormat { label: label.to_owned(), known: known.join(", ") });
        }
        let pattern = Pattern::new(glob).map_err(|error| SourceRuleError::BadGlob {
            pattern: glob.to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self { format, instance, pattern })
    }

    fn matches(&self, location: &str) -> bool {
        let file_name = location.rsplit('/').next().unwrap_or(location);
        self.pattern.matches(location) || self.pattern.matches(file_name)
    }
}

/// What the rules say about one input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labelling {
    /// Index of the format that all its records have.
    pub(crate) format: Option<usize>,
    instance: Option<String>,
}

impl Labelling {
    /// What is said of records wherever they are.
    #[cfg(feature = "kafka")]
    pub(crate) fn new(format: Option<usize>, instance: Option<String>) -> Self {
        Self { format, instance }
    }

    /// The first rule that matches decides.
    pub(crate) fn of(location: &str, rules: &[SourceRule]) -> Self {
        let rule = rules.iter().find(|rule| rule.matches(location));
        rule.map_or_else(Self::default, |rule| Self { format: rule.format, instance: rule.instance.clone() })
    }

    /// Label of the records of `format`.
    pub(crate) fn label(&self, format: FormatRef<'_>) -> String {
        match &self.instance {
            Some(instance) => format!("{}:{instance}", format.id()),
            None => format.id().to_owned(),
        }
    }
}

/// What stands for a label where no format is known: the name of the file without its ending.
pub(crate) fn stem(location: &str) -> &str {
    let name = location.rsplit('/').next().unwrap_or(location);
    let stem = name.split('.').next().unwrap_or(name);
    if stem.is_empty() { name } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: rules, good and bad. Guarantees: the first that matches decides, a path or its last part may match,
    /// and a label that names no format is refused with the known ones.
    #[test]
    fn rules() {
        let formats = Formats::default();
        let format = formats.get(0).expect("there are formats");
        let forced = format!("{}:prod=logs/*.log", format.id());
        let parse = |text: &str| SourceRule::parse(text, &formats);
        let rules: Vec<_> = [forced.as_str(), "auto:test=*.json"].into_iter().flat_map(parse).collect();
        assert_eq!(rules.len(), 2);
        let label = |location: &str| Labelling::of(location, &rules).label(format);
        assert_eq!(label("logs/a.log"), format!("{}:prod", format.id()));
        assert_eq!(label("elsewhere/b.json"), format!("{}:test", format.id()));
        assert_eq!(label("c.txt"), format.id());
        assert_eq!(Labelling::of("logs/a.log", &rules).format, Some(0));
        for bad in ["no-glob", "no-such-format:x=*", "auto:x=[", ""] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    /// Scenario: names of files. Guarantees: the stem is never empty where the name is not.
    #[test]
    fn stems() {
        for (location, expected) in [("a/b.log.gz", "b"), ("-", "-"), ("x", "x"), ("a/.log", ".log")] {
            assert_eq!(stem(location), expected);
        }
    }
}
