//! One file that is being shipped: read on, cut into messages, its place kept.
//!
//! In: an open file, or standard input. Out: one message after the other.
//! Owns: the bytes that were read and not yet taken, the ledger of the file. Leaves to `watch` what became of the name.
//! Law: every byte is in a message, or passed over with a word about it, and the place passes none before that.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};

use offbound_ingest::redact::Redactor;
use offbound_ingest::{Cut, MAX_LINE_BYTES, cut, records_of};

use super::head::{Head, Identity};
use super::ledger::Ledger;
use super::positions::Position;

/// Bytes of one read: large enough that system calls do not show, small enough for hundreds of files.
const READ_BYTES: usize = 64 * 1024;

/// A file on its disk; standard input is none.
#[derive(Debug)]
pub(crate) struct OnDisk {
    pub(crate) identity: Identity,
    pub(crate) head: Head,
    /// The same open file that is read from.
    pub(crate) handle: File,
}

/// A message, and its number in the ledger of its file.
pub(crate) struct Taken {
    pub(crate) record: Vec<u8>,
    pub(crate) number: u64,
}

/// A file that is being shipped.
pub(crate) struct Tail {
    /// Its number among all that were ever opened.
    pub(crate) number: u64,
    pub(crate) location: String,
    pub(crate) on_disk: Option<OnDisk>,
    pub(crate) ledger: Ledger,
    /// Looks at the folder since its name was gone, or another file had it.
    pub(crate) looks_without_name: u32,
    /// Nothing will be added: what is not ended by a line break is a line too.
    pub(crate) is_final: bool,
    /// It cannot be read any further.
    pub(crate) is_broken: bool,
    /// What replaces its secrets, once there was a record: a private key goes over several lines.
    pub(crate) redactor: Option<Redactor>,
    reader: Box<dyn Read>,
    /// What was read; everything before `taken` is in messages.
    buffer: Vec<u8>,
    taken: usize,
    /// Place behind the buffer.
    read_to: u64,
    has_ended: bool,
    /// In the middle of a line that is too long.
    is_skipping: bool,
    /// Messages of the document at hand, and the places before and behind it.
    ready: VecDeque<Vec<u8>>,
    document: (u64, u64),
    /// Places of records that are too long, not yet told.
    pub(crate) too_long: Vec<u64>,
}

impl Tail {
    /// A file or stream from `place` on, at which `reader` stands.
    pub(crate) fn new(
        number: u64,
        location: String,
        on_disk: Option<OnDisk>,
        reader: Box<dyn Read>,
        place: u64,
    ) -> Self {
        Self {
            number,
            location,
            on_disk,
            ledger: Ledger::at(place),
            looks_without_name: 0,
            is_final: false,
            is_broken: false,
            redactor: None,
            reader,
            buffer: Vec::new(),
            taken: 0,
            read_to: place,
            has_ended: false,
            is_skipping: false,
            ready: VecDeque::new(),
            document: (place, place),
            too_long: Vec::new(),
        }
    }

    /// Place behind everything that was read.
    pub(crate) fn read_to(&self) -> u64 {
        self.read_to
    }

    /// Whether nothing more of it will be sent.
    pub(crate) fn is_finished(&self) -> bool {
        let is_all_taken = self.has_ended && self.ready.is_empty() && self.taken == self.buffer.len();
        self.is_broken || (self.is_final && is_all_taken)
    }

    /// Begins anew at the first byte, as another file with the same name.
    pub(crate) fn begin_anew(&mut self, number: u64) -> io::Result<()> {
        let Some(OnDisk { handle, head, .. }) = &mut self.on_disk else { return Ok(()) };
        handle.seek(SeekFrom::Start(0))?;
        *head = Head::of(handle)?;
        let (location, on_disk) = (std::mem::take(&mut self.location), self.on_disk.take());
        let reader = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        *self = Self::new(number, location, on_disk, reader, 0);
        Ok(())
    }

    /// What is to be remembered of it.
    pub(crate) fn position(&mut self) -> Option<Position> {
        let OnDisk { identity, head, handle } = self.on_disk.as_mut()?;
        head.lengthen(handle);
        let (path, place) = (self.location.clone(), self.ledger.place());
        Some(Position { path, identity: *identity, head: head.clone(), place })
    }

    /// The next message; none when there is no more for now.
    pub(crate) fn take(&mut self) -> io::Result<Option<Taken>> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                let (before, behind) = self.document;
                let number = self.ledger.sent(if self.ready.is_empty() { behind } else { before });
                return Ok(Some(Taken { record, number }));
            }
            let moved = if self.is_skipping { self.skip()? } else { self.next_document()? };
            if !moved {
                return Ok(None);
            }
        }
    }

    /// Makes messages of the next document; false when more bytes are needed, and there are none.
    fn next_document(&mut self) -> io::Result<bool> {
        let unread = self.buffer.get(self.taken..).unwrap_or_default();
        match cut(unread, self.is_final && self.has_ended) {
            Cut::More => self.fill(),
            Cut::TooLong => {
                let place = self.place();
                self.too_long.push(place);
                self.is_skipping = true;
                Ok(true)
            }
            Cut::Document(length) => {
                let before = self.place();
                let document = unread.get(..length).unwrap_or_default().trim_ascii_end();
                let records = if document.is_empty() {
                    Vec::new()
                } else {
                    records_of(document).unwrap_or_else(|| vec![document.to_vec()])
                };
                self.taken += length;
                self.document = (before, self.place());
                self.keep(records);
                Ok(true)
            }
        }
    }

    /// Keeps the records that are not too long for a message.
    fn keep(&mut self, records: Vec<Vec<u8>>) {
        let (before, behind) = self.document;
        for record in records {
            if record.len() > MAX_LINE_BYTES {
                self.too_long.push(before);
            } else {
                self.ready.push_back(record);
            }
        }
        if self.ready.is_empty() {
            self.ledger.passed(behind);
        }
    }

    /// Skips what is there of a line that is too long.
    fn skip(&mut self) -> io::Result<bool> {
        let unread = self.buffer.get(self.taken..).unwrap_or_default();
        if let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
            self.taken += end + 1;
            self.is_skipping = false;
            let place = self.place();
            self.ledger.passed(place);
            return Ok(true);
        }
        self.taken = self.buffer.len();
        let filled = self.fill()?;
        if !filled && self.is_final {
            self.is_skipping = false;
            let place = self.place();
            self.ledger.passed(place);
        }
        Ok(filled)
    }

    /// Place of the first byte that is in no message.
    fn place(&self) -> u64 {
        self.read_to - (self.buffer.len() - self.taken) as u64
    }

    /// Reads on; false at the end. The end of a final file is news once.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let length = self.buffer.len();
        self.buffer.resize(length + READ_BYTES, 0);
        let read = loop {
            match self.reader.read(self.buffer.get_mut(length..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                self.buffer.truncate(length);
                let is_for_now = error.kind() == io::ErrorKind::WouldBlock;
                return if is_for_now { Ok(false) } else { Err(error) };
            }
        };
        self.buffer.truncate(length + read);
        self.read_to += read as u64;
        let is_news = self.is_final && !self.has_ended && length > 0;
        self.has_ended = read == 0;
        Ok(read > 0 || is_news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(bytes: &'static [u8], is_final: bool) -> Tail {
        let mut tail = Tail::new(1, "-".to_owned(), None, Box::new(bytes), 0);
        tail.is_final = is_final;
        tail
    }

    fn messages(tail: &mut Tail) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(Taken { record, number }) = tail.take().expect("a slice can be read") {
            found.push(String::from_utf8_lossy(&record).into_owned());
            tail.ledger.done(number);
        }
        found
    }

    /// Scenario: a stream that goes on, and one that has ended. Guarantees: an unfinished line waits in the first, and is
    /// a message in the second; the place is behind what was taken.
    #[test]
    fn an_unfinished_line_waits() {
        let bytes = b"a\r\n\n{\n\"b\":1\n}\nrest";
        let mut open = tail(bytes, false);
        assert_eq!(messages(&mut open), ["a", "{\n\"b\":1\n}"]);
        assert_eq!((open.ledger.place(), open.is_finished()), (bytes.len() as u64 - 4, false));
        let mut ended = tail(bytes, true);
        assert_eq!(messages(&mut ended), ["a", "{\n\"b\":1\n}", "rest"]);
        assert_eq!((ended.ledger.place(), ended.is_finished()), (bytes.len() as u64, true));
    }

    /// Scenario: a document with two records, of which the broker has one. Guarantees: the place is before the document
    /// until it has both.
    #[test]
    fn a_list_counts_as_a_whole() {
        let bytes = b"x\n{\"Records\":[{\"a\":1},{\"a\":2}]}\n";
        let mut tail = tail(bytes, true);
        let mut numbers = Vec::new();
        while let Some(taken) = tail.take().expect("a slice can be read") {
            numbers.push(taken.number);
        }
        let places: Vec<u64> = numbers
            .iter()
            .map(|number| {
                tail.ledger.done(*number);
                tail.ledger.place()
            })
            .collect();
        assert_eq!(places, [2, 2, bytes.len() as u64]);
    }

    /// Scenario: lines beyond the bound, one of which never ends. Guarantees: they are told with their place, what follows
    /// is read, and memory does not grow with them.
    #[test]
    fn long_lines_are_passed_over() {
        let long = "y".repeat(MAX_LINE_BYTES * 3);
        let bytes: &'static [u8] = Box::leak(format!("a\n{long}\nb\n{long}").into_bytes().into_boxed_slice());
        let mut tail = tail(bytes, true);
        assert_eq!(messages(&mut tail), ["a", "b"]);
        let behind = 2 + long.len() as u64 + 1;
        assert_eq!(tail.too_long, [2, behind + 2]);
        assert_eq!(tail.ledger.place(), bytes.len() as u64);
        assert!(tail.buffer.capacity() < MAX_LINE_BYTES * 3, "{}", tail.buffer.capacity());
    }
}
