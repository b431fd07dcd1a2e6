//! Compressed input that is cut, damaged, or made to blow up.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::collector::read;
use crate::memory::bounded;
use crate::{GOOD, check, collect};

/// Bytes of one write of filling.
static FILLING: [u8; 1024 * 1024] = [b' '; 1024 * 1024];

/// A gzip file of one member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// Scenario: gzip in one member and several, cut, followed by junk, without any suffix.
/// Guarantees: everything readable is read, then one dead letter says what is missing.
#[test]
fn gzip_files() {
    bounded("compression::gzip_files", || {
        let text = format!("{GOOD}\n").repeat(1_000);
        let two = [gzip(text.as_bytes()), gzip(text.as_bytes())].concat();
        check(&two, &[("unknown-format", 2_000)]);
        let (read, collector) = read("cut.log", &gzip(text.as_bytes())[..60]);
        assert_eq!(read.count.dead_lettered.get("truncated-gzip"), Some(&1), "{read:?}");
        assert!(read.count.dead_lettered.get("unknown-format").is_some_and(|count| *count > 0), "{read:?}");
        assert_eq!(collector.letters.last().map(|letter| letter.reason.as_str()), Some("truncated-gzip"));
        // Flushed before the cut, so that a line and the beginning of a document can be read.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"{\"a\":1}\n{\n\"b\": 2,\n{\"c\":3}\n").expect("memory takes it");
        encoder.flush().expect("memory takes it");
        let cut = encoder.get_ref().clone();
        check(&cut, &[("truncated-gzip", 1), ("truncated-json", 1), ("unknown-format", 3)]);
        check(
            &[gzip(b"a\n"), b"junk and more".to_vec()].concat(),
            &[("unknown-format", 1), ("corrupt-gzip", 1)],
        );
    });
}

/// Scenario: 200 MiB of blanks in a small file, as gzip and as zstd, behind good records.
/// Guarantees: stopped by the ratio, with the reason; what came before it is read; memory stays.
#[test]
fn bombs_by_ratio() {
    bounded("compression::bombs_by_ratio", || {
        let good = format!("{GOOD}\n").repeat(700);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(good.as_bytes()).expect("memory takes it");
        (0..200).for_each(|_| encoder.write_all(&FILLING).expect("memory takes it"));
        let gzip = encoder.finish().expect("memory takes it");
        check(gzip.as_slice(), &[("decompression-bomb", 1), ("unknown-format", 700)]);
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("a level that there is");
        encoder.write_all(good.as_bytes()).expect("memory takes it");
        (0..200).for_each(|_| encoder.write_all(&FILLING).expect("memory takes it"));
        let zstd = encoder.finish().expect("memory takes it");
        check(zstd.as_slice(), &[("decompression-bomb", 1), ("unknown-format", 700)]);
    });
}

/// Scenario: many small members, each of which would pass by itself.
/// Guarantees: the caps are those of all members together: the sum is stopped, with the reason.
#[test]
fn bombs_in_many_members() {
    bounded("compression::bombs_in_many_members", || {
        let mut member = GzEncoder::new(Vec::new(), Compression::best());
        (0..8).for_each(|_| member.write_all(&FILLING).expect("memory takes it"));
        let member = member.finish().expect("memory takes it");
        let input = gzip(format!("{GOOD}\n").as_bytes());
        let input = [input, member.repeat(40)].concat();
        check(input.as_slice(), &[("decompression-bomb", 1), ("unknown-format", 1)]);
    });
}

/// Scenario: a gzip file of a million empty members, with a record in front and one behind.
/// Guarantees: both records are read; the time is that of reading, memory stays.
#[test]
fn a_million_members() {
    bounded("compression::a_million_members", || {
        let record = gzip(format!("{GOOD}\n").as_bytes());
        let empty = gzip(b"");
        let members = Repeated { bytes: empty, times: 1_000_000, at: 0 };
        collect(record.as_slice().chain(members).chain(record.as_slice()), &[("unknown-format", 2)]);
    });
}

/// The same bytes many times, without the memory for it.
struct Repeated {
    bytes: Vec<u8>,
    times: usize,
    at: usize,
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.times == 0 {
            return Ok(0);
        }
        let rest = &self.bytes[self.at..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        if self.at == self.bytes.len() {
            (self.at, self.times) = (0, self.times - 1);
        }
        Ok(length)
    }
}

/// Scenario: zstd that is cut, damaged, or asks for more memory than there is for it.
/// Guarantees: a reason for each; what came before it is read; memory stays.
#[test]
fn zstd_files() {
    bounded("compression::zstd_files", || {
        let text = format!("{GOOD}\n").repeat(1_000);
        let whole = zstd::encode_all(text.as_bytes(), 3).expect("memory takes it");
        check(whole.as_slice(), &[("unknown-format", 1_000)]);
        let (cut, _) = read("cut.log", &whole[..whole.len() - 4]);
        assert_eq!(cut.count.dead_lettered.get("truncated-zstd"), Some(&1), "{cut:?}");
        let mut damaged = whole.clone();
        damaged[6] ^= 0xff;
        let (read, _) = read("damaged.log", damaged.as_slice());
        let reasons = ["corrupt-zstd", "zstd-window", "truncated-zstd"];
        assert!(reasons.iter().any(|reason| read.count.dead_lettered.contains_key(*reason)), "{read:?}");
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("a level that there is");
        encoder.window_log(27).expect("a size that there is");
        encoder.write_all(text.as_bytes()).expect("memory takes it");
        let wide = encoder.finish().expect("memory takes it");
        check(wide.as_slice(), &[("zstd-window", 1)]);
    });
}
