//! `offbound fingerprint`: what stands in stored logs in place of a secret.
//!
//! In: secrets on standard input, one a line; a private key takes several. Out: the marker of each, one a line.
//! Owns: cutting the input into secrets. Leaves to `ingest` the fingerprints, to `key` the key.
//! Law: a secret is never an argument, since other users can read those, and it is never printed.

use std::io::{self, IsTerminal as _, Read as _};

use offbound_ingest::FingerprintKey;
use offbound_ingest::redact::identify;

use crate::Context;
use crate::exit::{Done, Failure, say};
use crate::key;
use crate::output::Sink;

/// Most bytes of standard input: more than any list of secrets that somebody has at hand.
const MAX_INPUT_BYTES: u64 = 1024 * 1024;
/// How a private key over several lines begins and ends.
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// Prints the marker of each secret.
pub(crate) fn run(context: &Context) -> Result<Done, Failure> {
    let is_told = !context.common.quiet && io::stdin().is_terminal();
    if is_told {
        say("note", "type or paste one secret a line, then end with Ctrl-D");
    }
    let key = FingerprintKey::new(&key::of_installation()?);
    let secrets = secrets(&input()?);
    if secrets.is_empty() {
        return Err(Failure::usage(
            "no secret on standard input; `offbound fingerprint < FILE` reads one a line",
        ));
    }
    let shown: Vec<String> = secrets.iter().map(|secret| identify(secret, &key).join(" ")).collect();
    Sink::open(None)?.write(|to| writeln!(to, "{}", shown.join("\n")))?;
    if !context.common.quiet {
        say(
            "note",
            "search for the part `fp=…` in records and dead letters; `offbound fingerprint --help` says more",
        );
    }
    Ok(Done::Clean)
}

fn input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::could_not(format!("cannot read standard input: {error}")))?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(Failure::usage(format!(
            "standard input has more than {MAX_INPUT_BYTES} bytes; give fewer secrets"
        )));
    }
    // The bytes themselves would be the secret: the message must not hold them.
    String::from_utf8(bytes)
        .map_err(|_the_secret| Failure::usage("standard input is no UTF-8 text; give secrets as text"))
}

/// One secret a line; the lines of a private key are one.
fn secrets(text: &str) -> Vec<String> {
    let mut secrets: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines().map(|line| line.trim_end_matches('\r')) {
        match secrets.last_mut().filter(|_| is_open) {
            Some(key) => {
                key.push('\n');
                key.push_str(line);
            }
            None if line.is_empty() => continue,
            None => secrets.push(line.to_owned()),
        }
        is_open = (is_open || line.contains(BEGIN)) && !line.contains(END);
    }
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: lines as people paste them. Guarantees: one secret a line, a private key whole, no empty ones.
    #[test]
    fn lines_are_secrets() {
        assert_eq!(secrets("a b\r\n\nc"), ["a b", "c"]);
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
        assert_eq!(secrets(&format!("x\n{key}\ny\n")), ["x", key, "y"]);
        assert_eq!(secrets("\n"), Vec::<String>::new());
    }
}
