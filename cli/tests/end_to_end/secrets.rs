//! Law FLOW-3 for the whole command: the planted set of `ingest` is nowhere to be found, whatever is asked for.

#[path = "../../../ingest/tests/secrets/encodings.rs"]
mod encodings;
#[path = "../../../ingest/tests/secrets/kinds.rs"]
mod kinds;
#[path = "../../../ingest/tests/secrets/plant.rs"]
mod plant;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use encodings::{ENCODINGS, readable_forms};
use kinds::{Planted, Random};
use offbound_schemas::EventRows;
use offbound_store::{Columns, Store, StoreError};

use crate::{offbound, out, run, said, scratch};

/// The planted set is a function of this.
const SEED: u64 = 20_260_302;
/// Bytes by which readable forms are told apart: the shortest secret has sixteen.
const START_BYTES: usize = 12;
/// A token that nothing but its prefix gives away.
const TOKEN: &str = "ghp_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R";

/// Writes records with every kind of secret, one after the other in the fields of all formats; gives the secrets.
fn plant_all(folder: &Path) -> Vec<String> {
    let mut random = Random(SEED);
    let (mut text, mut secrets) = (String::new(), Vec::new());
    for (place, sample) in plant::samples().enumerate() {
        for (number, Planted { text: planted, secret, .. }) in kinds::all(&mut random).into_iter().enumerate()
        {
            // A third of the kinds in each format: each stands in many formats all the same.
            if !(place + number).is_multiple_of(3) {
                continue;
            }
            let encoding = ENCODINGS.get((place + number) % ENCODINGS.len()).expect("below its length");
            writeln!(text, "{}", plant::record(sample, &planted, encoding, place + number))
                .expect("a string");
            secrets.push(secret);
        }
    }
    fs::write(folder.join("planted.log"), text).expect("the folder can be written");
    secrets
}

/// Every file below a folder.
fn files_below(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            let bytes = fs::read(&path).expect("a readable file");
            found.push((path.display().to_string(), bytes));
        }
    }
}

/// Everything that a store gives back: Parquet files are compressed, and cannot be searched as they are.
fn contents_of(store: &Store) -> String {
    let letters = store.dead_letters(0, usize::MAX).expect("the store can be read");
    let mut text = format!("{letters:?}\n{:?}\n{:?}\n", store.sources(), store.conclusions());
    let scanned = store.scan_in_order::<StoreError>(&Columns::all(), 1_000, |batch| {
        let rows: EventRows = batch.to_rows().expect("batches have the shape of their tables");
        writeln!(text, "{rows:?}").expect("a string");
        Ok(())
    });
    scanned.expect("the store can be scanned");
    text
}

/// Scenario: a log with every kind of secret in the fields of every format is replayed into a store, with all that can
/// be said: every log line, a summary, a list of what could not be read.
/// Guarantees: no secret in what is printed, said or stored, in any readable form.
#[test]
fn nothing_planted_comes_out() {
    let folder = scratch();
    let secrets = plant_all(folder.path());
    let mut outputs = Vec::new();
    for format in ["ndjson", "table"] {
        let args =
            ["replay", "-vvv", "--log-format", "json", "--format", format, "--store", format, "planted.log"];
        let output = run(folder.path(), &args);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        outputs.push((format!("standard output, {format}"), output.stdout.clone()));
        outputs.push((format!("standard error, {format}"), output.stderr.clone()));
        let store = folder.path().join(format);
        files_below(&store, &mut outputs);
        let store = Store::open(&store).expect("replay made a store");
        outputs.push((format!("rows, {format}"), contents_of(&store).into_bytes()));
    }
    let leaks = leaks(&secrets, &outputs);
    assert!(leaks.is_empty(), "{} leaks: {leaks:?}", leaks.len());
    let marker = b"<secret;kind=";
    let has_markers = |text: &Vec<u8>| text.windows(marker.len()).any(|part| part == marker);
    assert!(outputs.iter().any(|(_, text)| has_markers(text)), "nothing was redacted at all");
}

/// Which outputs hold which readable forms. All forms are looked for in one pass, by their first bytes.
fn leaks(secrets: &[String], outputs: &[(String, Vec<u8>)]) -> Vec<String> {
    let mut forms: HashMap<[u8; START_BYTES], Vec<String>> = HashMap::new();
    for form in secrets.iter().flat_map(|secret| readable_forms(secret)) {
        let start = form.as_bytes().first_chunk().expect("secrets are longer than that");
        forms.entry(*start).or_default().push(form);
    }
    let mut leaks = Vec::new();
    for (name, text) in outputs {
        for (at, start) in text.windows(START_BYTES).enumerate() {
            let known = <&[u8; START_BYTES]>::try_from(start).ok().and_then(|start| forms.get(start));
            let is_here = |form: &&String| text[at..].starts_with(form.as_bytes());
            leaks.extend(known.into_iter().flatten().filter(is_here).map(|form| format!("{name}: {form}")));
        }
    }
    leaks
}

/// What `offbound fingerprint` says of these lines.
fn fingerprint(folder: &Path, lines: &str) -> (Option<i32>, String, String) {
    let mut child = offbound(folder, &["fingerprint"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    child.stdin.take().expect("it is piped").write_all(lines.as_bytes()).expect("it is read");
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), out(&output), said(&output))
}

/// Scenario: a secret that was logged, as it is and in base64, is given to `fingerprint`, alone and among others.
/// Guarantees: the marker that it prints is the one that replay left in its place; one line for each; nothing of the
/// secrets themselves is printed; no secret is wrong usage.
#[test]
fn fingerprints_are_those_of_replay() {
    let folder = scratch();
    fs::write(
        folder.path().join("a.log"),
        format!("pushed with {TOKEN}\nagain {{\"password\":\"{TOKEN}\"}}\n"),
    )
    .expect("the folder can be written");
    let replayed = run(folder.path(), &["replay", "--quiet", "--store", "kept", "a.log"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", said(&replayed));
    let letters = Store::open(&folder.path().join("kept")).and_then(|store| store.dead_letters(0, 10));
    let letters = letters.expect("replay made a store");
    let (code, shown, said) = fingerprint(folder.path(), &format!("{TOKEN}\r\nhunter2\n"));
    assert_eq!(code, Some(0), "{said}");
    let markers: Vec<&str> = shown.lines().collect();
    assert_eq!(markers.len(), 2, "two lines in, but {shown} out");
    let (token, password) = (markers[0], markers[1]);
    assert!(
        token.starts_with("<secret;kind=github-token;fp=") && password.starts_with("<secret;kind=any;fp=")
    );
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().all(|letter| letter.bytes.contains(token)), "{token} is not in {letters:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("0a1B2c3D"), "{shown}");
    assert!(said.contains("fp="), "{said}");
    assert_eq!(fingerprint(folder.path(), "\n").0, Some(3));
}
