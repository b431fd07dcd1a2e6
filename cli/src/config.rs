//! Configuration: flags win over variables, variables over the file, the file over defaults.
//!
//! In: `--config FILE`, else `./offbound.toml`, else `offbound/config.toml` in the XDG configuration folder;
//! `OFFBOUND_SECTION_KEY` variables; options. Out: complete settings.
//! Owns: keys, and where each may be set. Law: an unknown key or a bad value is an error (exit 3), never ignored;
//! a variable that is nearly a key is warned of (surroundings may set `OFFBOUND_…` variables of their own).

mod facts;
pub(crate) mod memory;
pub(crate) mod stream;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use clap::ValueEnum;
use offbound_schemas::authored::{distance, nearest};
use offbound_schemas::vocabulary::Severity;
use serde::Deserialize;

use crate::args::{ColorWhen, Common, Format, InputArgs, LogFormat, OutputArgs};
use crate::exit::{Failure, say};

/// Name of the file in the current folder.
const LOCAL_FILE: &str = "offbound.toml";

/// How every variable's name begins.
const VARIABLE_PREFIX: &str = "OFFBOUND_";

/// Changed characters up to which a variable is taken for a misspelt key: Kubernetes sets `OFFBOUND_STREAM_PORT` and
/// the like for a service of such a name, and those are further from every key.
const MISSPELT_CHANGES_MOST: usize = 2;

/// What the file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    input: InputSection,
    output: OutputSection,
    store: StoreSection,
    facts: facts::FactsSection,
    kafka: stream::KafkaSection,
    topic: Vec<stream::TopicSection>,
    stream: stream::StreamSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct InputSection {
    env: Option<PathBuf>,
    rules: Option<PathBuf>,
    formats: Vec<PathBuf>,
    sources: Vec<String>,
    strict: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OutputSection {
    format: Option<String>,
    fail_on: Option<String>,
    color: Option<String>,
    log_format: Option<String>,
    quiet: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct StoreSection {
    dir: Option<PathBuf>,
}

/// Settings from variables and the file; options are put on top by the methods.
#[derive(Debug, Default)]
pub(crate) struct Config {
    file: File,
    live: stream::Live,
    origin: String,
}

impl Config {
    /// Reads the file and the variables.
    pub(crate) fn load(explicit: Option<&Path>) -> Result<Self, Failure> {
        let mut config = match find(explicit)? {
            Some((path, text)) => Self::parse(&text, &path.display().to_string())?,
            None => Self { origin: "variables".into(), ..Self::default() },
        };
        let known = RefCell::new(BTreeSet::new());
        config.take_variables(|name| {
            known.borrow_mut().insert(name.to_owned());
            env::var(name).ok().filter(|value| !value.is_empty())
        })?;
        let known = known.into_inner();
        let set = env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        for (name, key) in misspelt(&set, &known) {
            say("warning", &format!("variable {name} is ignored: it is no key; the nearest is {key}"));
        }
        Ok(config)
    }

    fn parse(text: &str, origin: &str) -> Result<Self, Failure> {
        let mut file: File =
            toml::from_str(text).map_err(|error| Failure::usage(toml_message(text, origin, &error)))?;
        let (kafka, stream) = (std::mem::take(&mut file.kafka), std::mem::take(&mut file.stream));
        let live = stream::Live::of(kafka, std::mem::take(&mut file.topic), stream);
        Ok(Self { file, live, origin: origin.to_owned() })
    }

    /// Lets every set variable win over the file.
    fn take_variables(&mut self, variable: impl Fn(&str) -> Option<String>) -> Result<(), Failure> {
        self.live.take_variables(&variable)?;
        let File { input, output, store, facts, .. } = &mut self.file;
        for (name, slot) in [
            ("OFFBOUND_INPUT_ENV", &mut input.env),
            ("OFFBOUND_INPUT_RULES", &mut input.rules),
            ("OFFBOUND_STORE_DIR", &mut store.dir),
        ] {
            *slot = variable(name).map(PathBuf::from).or(slot.take());
        }
        for (name, slot) in [
            ("OFFBOUND_OUTPUT_FORMAT", &mut output.format),
            ("OFFBOUND_OUTPUT_FAIL_ON", &mut output.fail_on),
            ("OFFBOUND_OUTPUT_COLOR", &mut output.color),
            ("OFFBOUND_OUTPUT_LOG_FORMAT", &mut output.log_format),
            ("OFFBOUND_FACTS_MEMORY", &mut facts.memory),
            ("OFFBOUND_FACTS_RETENTION", &mut facts.retention),
        ] {
            *slot = variable(name).or(slot.take());
        }
        for (name, slot) in
            [("OFFBOUND_INPUT_STRICT", &mut input.strict), ("OFFBOUND_OUTPUT_QUIET", &mut output.quiet)]
        {
            if let Some(value) = variable(name) {
                *slot = Some(truth(name, &value)?);
            }
        }
        if let Some(value) = variable("OFFBOUND_INPUT_FORMATS") {
            input.formats = value.split(',').map(PathBuf::from).collect();
        }
        if let Some(value) = variable("OFFBOUND_INPUT_SOURCES") {
            input.sources = value.split(',').map(str::to_owned).collect();
        }
        Ok(())
    }

    /// Where its keys come from, for those who look.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Completes the options of every command.
    pub(crate) fn common(&self, common: &Common) -> Result<CommonSettings, Failure> {
        let output = &self.file.output;
        Ok(CommonSettings {
            verbose: common.verbose > 0,
            quiet: common.quiet || output.quiet.unwrap_or(false),
            color: self
                .word("output.color", common.color, output.color.as_deref())?
                .unwrap_or(ColorWhen::Auto),
            log_format: self
                .word("output.log_format", common.log_format, output.log_format.as_deref())?
                .unwrap_or(LogFormat::Text),
        })
    }

    /// Completes the options of commands that read logs.
    pub(crate) fn input(&self, args: &InputArgs) -> InputArgs {
        let InputSection { env, rules, formats: _, sources, strict } = &self.file.input;
        let mut args = args.clone();
        args.env = args.env.or_else(|| env.clone());
        args.rules = args.rules.or_else(|| rules.clone());
        args.strict = args.strict || strict.unwrap_or(false);
        args.formats = self.formats(&args.formats);
        if args.sources.is_empty() {
            args.sources.clone_from(sources);
        }
        args
    }

    /// Completes the options of commands that print findings.
    pub(crate) fn output(&self, args: &OutputArgs) -> Result<OutputArgs, Failure> {
        let mut args = args.clone();
        let section = &self.file.output;
        args.format = self.word("output.format", args.format, section.format.as_deref())?;
        if let (None, Some(word)) = (args.fail_on, &section.fail_on) {
            let severity = Severity::from_str(word);
            args.fail_on = Some(severity.map_err(|error| self.wrong("output.fail_on", &error.to_string()))?);
        }
        Ok(args)
    }

    /// Mapping files, and folders of them.
    pub(crate) fn formats(&self, options: &[PathBuf]) -> Vec<PathBuf> {
        if options.is_empty() { self.file.input.formats.clone() } else { options.to_vec() }
    }

    /// The environment file.
    pub(crate) fn environment(&self, option: Option<&Path>) -> Option<PathBuf> {
        option.map(Path::to_owned).or_else(|| self.file.input.env.clone())
    }

    /// The folder with more rules.
    pub(crate) fn rules(&self, option: Option<&Path>) -> Option<PathBuf> {
        option.map(Path::to_owned).or_else(|| self.file.input.rules.clone())
    }

    /// The store's folder.
    pub(crate) fn store(&self, option: Option<&Path>) -> Option<PathBuf> {
        option.map(Path::to_owned).or_else(|| self.file.store.dir.clone())
    }

    fn word<T: ValueEnum>(
        &self,
        key: &str,
        option: Option<T>,
        text: Option<&str>,
    ) -> Result<Option<T>, Failure> {
        match (option, text) {
            (None, Some(text)) => T::from_str(text, false)
                .map(Some)
                .map_err(|_unknown_word| self.wrong(key, &format!("{text:?} is none of {}", words::<T>()))),
            (option, _) => Ok(option),
        }
    }

    fn wrong(&self, key: &str, problem: &str) -> Failure {
        Failure::usage(format!("{}: {key}: {problem}", self.origin))
    }
}

/// Settings of every command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommonSettings {
    /// Whether more is told.
    pub(crate) verbose: bool,
    pub(crate) quiet: bool,
    pub(crate) color: ColorWhen,
    pub(crate) log_format: LogFormat,
}

/// What a format option comes to.
pub(crate) fn format_or_table(format: Option<Format>) -> Format {
    format.unwrap_or(Format::Table)
}

fn words<T: ValueEnum>() -> String {
    let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    values.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(", ")
}

fn truth(name: &str, value: &str) -> Result<bool, Failure> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        other => Err(Failure::usage(format!("variable {name}: {other:?} is neither true nor false"))),
    }
}

/// Names the line, so that an editor can go there.
fn toml_message(text: &str, origin: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let line = text.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
    format!("{origin}:{line}: {}; correct the configuration file", error.message())
}

/// Variables that nobody asked for although they are nearly one of the `known`, each with that one.
fn misspelt<'n>(set: &'n BTreeSet<String>, known: &'n BTreeSet<String>) -> Vec<(&'n str, &'n str)> {
    let words: Vec<&str> = known.iter().map(String::as_str).collect();
    let unknown = set.difference(known).filter(|name| name.starts_with(VARIABLE_PREFIX));
    unknown
        .filter_map(|name| Some((name.as_str(), nearest(name, &words)?)))
        .filter(|(name, key)| distance(name, key) <= MISSPELT_CHANGES_MOST)
        .collect()
}

fn find(explicit: Option<&Path>) -> Result<Option<(PathBuf, String)>, Failure> {
    if let Some(path) = explicit {
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("cannot read configuration {}: {error}; correct --config", path.display()))
        })?;
        return Ok(Some((path.to_owned(), text)));
    }
    for path in [Some(PathBuf::from(LOCAL_FILE)), xdg_file()].into_iter().flatten() {
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(Some((path, text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let message = format!("cannot read configuration {}: {error}", path.display());
                return Err(Failure::usage(message));
            }
        }
    }
    Ok(None)
}

fn xdg_file() -> Option<PathBuf> {
    let from_xdg = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = from_xdg.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".config")))?;
    Some(folder.join("offbound").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str, variables: &[(&str, &str)]) -> Result<Config, Failure> {
        let mut config = Config::parse(text, "offbound.toml")?;
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
        config.take_variables(variable)?;
        Ok(config)
    }

    /// Scenario: file, variable and option disagree. Guarantees: option over variable over file over default.
    #[test]
    fn the_nearest_wins() {
        let file = "[output]\nformat = \"json\"\n";
        let format =
            |config: &Config, option| config.output(&OutputArgs { format: option, ..OutputArgs::default() });
        let from_file = config(file, &[]).expect("sound");
        assert_eq!(format(&from_file, None).expect("sound").format, Some(Format::Json));
        let with_variable = config(file, &[("OFFBOUND_OUTPUT_FORMAT", "csv")]).expect("sound");
        assert_eq!(format(&with_variable, None).expect("sound").format, Some(Format::Csv));
        assert_eq!(format(&with_variable, Some(Format::Ndjson)).expect("sound").format, Some(Format::Ndjson));
    }

    /// Scenario: unknown keys and bad values. Guarantees: a usage error that names file, line or key.
    #[test]
    fn mistakes_are_told() {
        for (text, hint) in [
            ("[outputs]\n", "offbound.toml:1"),
            ("[output]\n\nfromat = \"json\"\n", "offbound.toml:3"),
            ("[input]\nstrict = \"yes\"\n", "offbound.toml:2"),
        ] {
            let failure = config(text, &[]).expect_err(text).to_string();
            assert!(failure.contains(hint), "{failure}");
        }
        let bad = config("[output]\nformat = \"xml\"\n", &[]).expect("sound TOML");
        let failure = bad.output(&OutputArgs::default()).expect_err("no such format").to_string();
        assert!(failure.contains("output.format") && failure.contains("ndjson"), "{failure}");
        assert!(config("", &[("OFFBOUND_INPUT_STRICT", "maybe")]).is_err());
    }

    /// Scenario: misspelt variables, and others that surroundings set. Guarantees: only what is nearly a key is told,
    /// with that key.
    #[test]
    fn variables_that_are_nearly_keys_are_told() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let known = RefCell::new(BTreeSet::new());
        let asked = |name: &str| {
            known.borrow_mut().insert(name.to_owned());
            None
        };
        Config::default().take_variables(asked).expect("nothing is set");
        let known = known.into_inner();
        let set = names(&[
            "OFFBOUND_OUTPUT_FORMT",
            "OFFBOUND_OUTPUT_FORMAT",
            "OFFBOUND_KAFKA",
            "OFFBOUND_KAFKA_PORT",
            "OFFBOUND_STREAM_PORT",
            "OFFBOUND_STREAM_SERVICE_HOST",
            "OUTPUT_FORMAT",
        ]);
        let told = misspelt(&set, &known);
        assert_eq!(told, [("OFFBOUND_OUTPUT_FORMT", "OFFBOUND_OUTPUT_FORMAT")]);
    }
}
