//! Configuration, environment, rules and mapping files: whether they can be read and make sense.
//!
//! In: the files that are named. Out: checks, and the configuration, or an empty one in place of a bad one.
//! Law: each file is read as the commands read it.

use std::path::Path;

use offbound_correlate::environment::Environment;

use super::check::Check;
use crate::args::{ColorWhen, Common, LogFormat};
use crate::config::{CommonSettings, Config};
use crate::exit::Failure;
use crate::judge::Judge;
use crate::{judge, mappings, rules};

const PART: &str = "configuration";

/// Reads the configuration.
pub(super) fn load(explicit: Option<&Path>, checks: &mut Vec<Check>) -> Config {
    match Config::load(explicit) {
        Ok(config) => {
            checks.push(Check::well(PART, "file", config.origin()));
            config
        }
        Err(failure) => {
            checks.extend(faults(PART, "file", &failure));
            Config::default()
        }
    }
}

/// Settings of every command; defaults in place of bad ones.
pub(super) fn common(config: &Config, common: &Common, checks: &mut Vec<Check>) -> CommonSettings {
    config.common(common).unwrap_or_else(|failure| {
        checks.extend(faults(PART, "output", &failure));
        CommonSettings { verbose: false, quiet: false, color: ColorWhen::Auto, log_format: LogFormat::Text }
    })
}

/// Environment file, rules and mapping files.
pub(super) fn inputs(config: &Config, checks: &mut Vec<Check>) {
    match config.environment(None) {
        None => checks.push(Check::not_configured(
            PART,
            "environment",
            "without input.env, what logs do not decide stays undetermined",
        )),
        Some(file) => checks.extend(match judge::environment(Some(&file)) {
            Ok(_) => vec![Check::well(PART, "environment", file.display().to_string())],
            Err(failure) => faults(PART, "environment", &failure),
        }),
    }
    let folder = config.rules(None);
    let planned = rules::load(folder.as_deref())
        .and_then(|rules| Judge::new(Environment::default(), &rules).map(|_| rules.rules().len()));
    checks.extend(match planned {
        Ok(count) => vec![Check::well(PART, "rules", format!("{count} rules"))],
        Err(failure) => faults(PART, "rules", &failure),
    });
    checks.extend(match mappings::formats(&config.formats(&[])) {
        Ok(formats) => vec![Check::well(PART, "formats", format!("{} log formats", formats.iter().count()))],
        Err(failure) => faults(PART, "formats", &failure),
    });
}

/// A check for each fault.
pub(super) fn faults(part: &'static str, what: &str, failure: &Failure) -> Vec<Check> {
    match failure {
        Failure::Usage(messages) => messages.iter().map(|message| Check::told(part, what, message)).collect(),
        other => vec![Check::told(part, what, other.to_string())],
    }
}
