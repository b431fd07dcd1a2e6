//! What a decoder has taken in and not given out yet.
//!
//! In: each thing that is begun, and each that is out. Out: [`Held`], by which a reader knows up to which record
//! everything is out. Owns: the numbers. Law: a thing has a number from its first record until its last row is out.

use std::collections::BTreeSet;

/// How much of what was taken in is not out yet. Both numbers only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Things begun so far.
    pub begun: u64,
    /// Everything that was begun when `begun` was this number, or less, is out.
    pub settled: u64,
}

/// Numbers of the things that are inside.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    begun: u64,
    open: BTreeSet<u64>,
}

impl Inside {
    /// Something comes in; gives its number.
    pub(crate) fn begin(&mut self) -> u64 {
        let number = self.begun;
        self.begun += 1;
        self.open.insert(number);
        number
    }

    /// It is out.
    pub(crate) fn end(&mut self, number: u64) {
        self.open.remove(&number);
    }

    /// What is held.
    pub(crate) fn held(&self) -> Held {
        Held { begun: self.begun, settled: self.open.first().copied().unwrap_or(self.begun) }
    }
}

#[cfg(all(test, feature = "kafka"))]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use crate::FingerprintKey;
    use crate::decode::FORMATS;
    use crate::fuzzing::Collector;
    use crate::pipeline::IngestOptions;
    use crate::run::Run;

    /// Lines of each text that are read: enough that most formats give out what they held.
    const LINES: usize = 60;

    fn options() -> IngestOptions {
        let formats = crate::Formats::default();
        IngestOptions { formats, sources: Vec::new(), key: FingerprintKey::for_tests() }
    }

    /// Places of all rows.
    fn places(out: &Collector) -> BTreeSet<String> {
        let host = out.rows.host_events.iter().map(|row| &row.location);
        let assertions = out.rows.identity_assertions.iter().map(|row| &row.location);
        let placements = out.rows.placements.iter().map(|row| &row.location);
        host.chain(assertions).chain(placements).cloned().collect()
    }

    /// Places of all rows that these lines give when they are all there is.
    fn places_of(lines: &[&str]) -> BTreeSet<String> {
        let (mut out, options) = (Collector::default(), options());
        let mut run = Run::new("n1.log", &options, &mut out);
        (1..).zip(lines).for_each(|(number, line)| run.document(line.as_bytes(), number));
        run.settle();
        drop(run);
        places(&out)
    }

    /// At each line a mark is made, and each mark is looked at at each later line. Gives how many were not settled at once.
    fn check(name: &str, text: &str) -> usize {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(LINES).collect();
        let (mut out, options) = (Collector::default(), options());
        let mut paused = Run::new("n1.log", &options, &mut out).pause();
        let (mut marks, mut held) = (Vec::new(), 0);
        for (at, line) in lines.iter().enumerate() {
            let mut run = paused.go_on(&mut out);
            run.document(line.as_bytes(), at as u64 + 1);
            run.flush();
            marks.push(run.mark());
            let settled = marks.iter().take_while(|mark| run.is_settled(mark)).count();
            held += usize::from(settled < marks.len());
            paused = run.pause();
            let due = places_of(lines.get(..settled).unwrap_or_default());
            let is_out = places(&out);
            assert!(due.is_subset(&is_out), "{name}: {settled} of {} lines: {due:?} {is_out:?}", at + 1);
        }
        let mut run = paused.go_on(&mut out);
        run.settle();
        assert!(marks.iter().all(|mark| run.is_settled(mark)), "{name}: all is out at the end");
        held
    }

    /// Scenario: every format's sample, and logs of the sample incidents, line by line. Guarantees: where a mark is settled,
    /// a row of every record before it is out, so that an offset behind it may be committed; some are not settled at
    /// once, and at the end all are.
    #[test]
    fn settled_means_out() {
        let mut held: usize = FORMATS.iter().map(|format| check(format.id, format.sample)).sum();
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
        for sample in fs::read_dir(samples).expect("there are samples").flatten() {
            for file in fs::read_dir(sample.path()).into_iter().flatten().flatten() {
                if let Ok(text) = fs::read_to_string(file.path()) {
                    held += check(&file.path().display().to_string(), &text);
                }
            }
        }
        assert!(held > 50, "{held}");
    }
}
