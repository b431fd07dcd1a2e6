//! Inputs to the store: every byte read, decoded or accounted for.
//!
//! In: files, folders, globs, standard input, or what is built in. Out: rows and dead letters in the store, counts.
//! Owns: what is said on standard error about inputs. Leaves to `ingest` the reading, to `store` the keeping.
//! Law FLOW-1: read = decoded + skipped + dead-lettered, in total and per source.

use std::fs;
use std::path::Path;

use offbound_ingest::{
    FingerprintKey, Formats, IngestOptions, InputError, Source, SourceRead, SourceRule, expand,
};
use offbound_schemas::record::SourceCount;
use offbound_schemas::table::DeadLetter;
use offbound_store::Writer;

use crate::args::InputArgs;
use crate::exit::{Failure, say};
use crate::interrupt::Interrupt;
use crate::output::count;
use crate::progress::Progress;
use crate::readers::read_all;
use crate::{key, mappings};

/// What is to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Material<'a> {
    /// Paths, as the user gave them, and the environment file, which may lie among them and is no log.
    Paths(&'a [String], Option<&'a Path>),
    /// Files in memory: name and bytes.
    BuiltIn(&'a [(&'static str, &'static [u8])]),
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// The account of every input that was opened, by location.
    pub(crate) sources: Vec<SourceRead>,
    /// Inputs that could not be opened.
    pub(crate) unopened: usize,
}

impl Account {
    /// Why `--strict` refuses, if it does.
    pub(crate) fn unreadable(&self) -> Option<String> {
        let letters: u64 = self.sources.iter().map(|source| dead_lettered(&source.count)).sum();
        if self.unopened == 0 && letters == 0 {
            return None;
        }
        let (inputs, letters) = (self.unopened, count(letters));
        Some(format!(
            "--strict: {inputs} inputs and {letters} records could not be read; mend them, or leave --strict out"
        ))
    }
}

/// Reads all material into the store.
pub(crate) fn read(
    material: Material<'_>,
    input: &InputArgs,
    writer: &mut Writer,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Account, Failure> {
    let options = options(input)?;
    let (inputs, mut errors) = match material {
        Material::Paths(paths, _) => expand(paths),
        Material::BuiltIn(_) => (Vec::new(), Vec::new()),
    };
    let all: Vec<Source<'_>> = match material {
        Material::Paths(_, environment) => inputs
            .iter()
            .filter(|input| !is_same_file(&input.location, environment))
            .map(Source::Input)
            .collect(),
        Material::BuiltIn(files) => files.iter().map(|(name, bytes)| Source::BuiltIn(name, bytes)).collect(),
    };
    progress.start(inputs.iter().filter_map(|input| input.bytes).sum());
    let mut account = Account::default();
    for done in read_all(&all, &options, writer, progress, interrupt)? {
        match done.read {
            Ok(read) => account.take(read, done.example),
            Err(error) => errors.push(error),
        }
    }
    progress.finish();
    account.unopened = errors.len();
    if account.sources.is_empty() {
        return Err(nothing_readable(&errors));
    }
    errors.iter().for_each(|error| say("warning", &error.to_string()));
    account.sources.sort_by(|a, b| a.count.location.cmp(&b.count.location));
    let counts: Vec<SourceCount> = account.sources.iter().map(|source| source.count.clone()).collect();
    writer.put_sources(&counts)?;
    writer.flush()?;
    Ok(account)
}

/// How records are read, with these formats and source rules.
pub(crate) fn options(input: &InputArgs) -> Result<IngestOptions, Failure> {
    let formats = mappings::formats(&input.formats)?;
    let sources = rules(&input.sources, &formats)?;
    Ok(IngestOptions { formats, sources, key: FingerprintKey::new(&key::of_installation()?) })
}

fn rules(sources: &[String], formats: &Formats) -> Result<Vec<SourceRule>, Failure> {
    let parsed = sources.iter().map(|text| {
        SourceRule::parse(text, formats).map_err(|error| Failure::usage(format!("--source {text}: {error}")))
    });
    parsed.collect()
}

fn is_same_file(location: &str, other: Option<&Path>) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    other.is_some_and(|other| real(Path::new(location)).is_some_and(|path| Some(path) == real(other)))
}

/// One error speaks for itself; several are told one a line, and then that nothing is left.
fn nothing_readable(errors: &[InputError]) -> Failure {
    if let [only] = errors {
        return Failure::could_not(only.to_string());
    }
    errors.iter().for_each(|error| say("warning", &error.to_string()));
    Failure::could_not("no input could be read; see the lines above")
}

impl Account {
    /// Adds what became of one input, and says what could not be read of it.
    fn take(&mut self, read: SourceRead, example: Option<DeadLetter>) {
        if let Some(letter) = example {
            say("warning", &unreadable_records(&read.count, &letter));
        }
        self.sources.push(read);
    }
}

fn unreadable_records(source: &SourceCount, example: &DeadLetter) -> String {
    let reasons: Vec<String> =
        source.dead_lettered.iter().map(|(reason, number)| format!("{} {reason}", count(*number))).collect();
    format!(
        "{}: {} of {} records could not be read ({}), the first at {}: {}; they are counted and kept as dead letters",
        source.location,
        count(dead_lettered(source)),
        count(source.read),
        reasons.join(", "),
        example.location,
        example.detail
    )
}

fn dead_lettered(source: &SourceCount) -> u64 {
    source.dead_lettered.values().sum()
}
