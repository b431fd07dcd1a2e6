//! Where Apache Kafka comes from: Maven resolves it once, later starts read the answer.
//!
//! In: `pom.xml`. Out: the class path of a broker. Owns: the cache of that answer, by the content of `pom.xml`; an
//! answer that names a file that is gone is asked for again.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::NamedTempFile;

use crate::error::TestbedError;

/// What is resolved.
const POM: &str = include_str!("../pom.xml");
/// Longest end of a command's output in an error, in bytes: a screen's worth.
const MAX_OUTPUT_BYTES: usize = 2_000;

/// The class path of a broker. The first call on a machine downloads about 60 MB.
pub fn class_path() -> Result<String, TestbedError> {
    require("java", "-version")?;
    let cached = cache_file();
    if let Some(path) = fs::read_to_string(&cached).ok().filter(|path| is_complete(path)) {
        return Ok(path);
    }
    require("mvn", "-version")?;
    let path = resolve()?;
    keep(&cached, &path)?;
    Ok(path)
}

/// The end of what a command printed, in one line.
pub(crate) fn ending(output: &str) -> String {
    let from = output.ceil_char_boundary(output.len().saturating_sub(MAX_OUTPUT_BYTES));
    let ending = output.get(from..).unwrap_or_default();
    ending.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" | ")
}

/// Runs a command to its end.
pub(crate) fn run<A: AsRef<OsStr>>(name: &'static str, arguments: &[A]) -> Result<Output, TestbedError> {
    let done = Command::new(name).args(arguments).stdin(Stdio::null()).output();
    let output = done.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => TestbedError::Missing { command: name },
        _ => TestbedError::Failed { command: name, output: error.to_string() },
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let printed = [output.stdout.as_slice(), b"\n", output.stderr.as_slice()].concat();
    Err(TestbedError::Failed { command: name, output: ending(&String::from_utf8_lossy(&printed)) })
}

fn require(command: &'static str, version_flag: &str) -> Result<(), TestbedError> {
    run(command, &[version_flag]).map(|_version| ())
}

fn is_complete(class_path: &str) -> bool {
    !class_path.is_empty() && env::split_paths(class_path).all(|jar| jar.is_file())
}

fn cache_file() -> PathBuf {
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).unwrap_or_else(env::temp_dir);
    cache.join("offbound").join(format!("broker-{:016x}.classpath", fingerprint(POM)))
}

/// FNV-1a: tells two versions of one file apart, nothing more.
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn resolve() -> Result<String, TestbedError> {
    let folder = tempfile::tempdir().map_err(|error| TestbedError::file(env::temp_dir(), error))?;
    let (pom, answer) = (folder.path().join("pom.xml"), folder.path().join("classpath"));
    fs::write(&pom, POM).map_err(|error| TestbedError::file(&pom, error))?;
    let arguments = [
        "--quiet".to_owned(),
        "--batch-mode".to_owned(),
        format!("--file={}", pom.display()),
        "dependency:build-classpath".to_owned(),
        format!("-Dmdep.outputFile={}", answer.display()),
    ];
    run("mvn", &arguments)?;
    let path = fs::read_to_string(&answer).map_err(|error| TestbedError::file(&answer, error))?;
    Ok(path.trim().to_owned())
}

/// Keeps the answer; several tests may do so at once.
fn keep(file: &Path, class_path: &str) -> Result<(), TestbedError> {
    let failed = |error: io::Error| TestbedError::file(file, error);
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).map_err(failed)?;
    let fresh = NamedTempFile::new_in(folder).map_err(failed)?;
    fs::write(fresh.path(), class_path).map_err(failed)?;
    fresh.persist(file).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the output of a command that failed, longer than fits. Guarantees: one line with its end.
    #[test]
    fn endings() {
        assert_eq!(ending("a\n\n  b \n"), "a | b");
        let long = ending(&"é".repeat(MAX_OUTPUT_BYTES));
        assert!(long.len() <= MAX_OUTPUT_BYTES && long.ends_with('é'), "{}", long.len());
    }

    /// Scenario: a command that nobody has. Guarantees: the error says what to install, and the way around.
    #[test]
    fn missing_commands_are_named() {
        let error =
            run("offbound-has-no-such-command", &["x"]).expect_err("there is no such command").to_string();
        assert!(error.contains("maven") && error.contains("OFFBOUND_KAFKA"), "{error}");
    }
}
