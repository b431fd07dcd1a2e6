//! Runs of base64 characters, and what they hold.
//!
//! In: a text. Out: a layer per run that is long and mixed enough to be base64: its text, or the private key it is.
//! Owns: finding runs at the speed of memory, both alphabets, padding, lines broken by mail programs.
//! Every run of [`SURE_BYTES`] or more is found; shorter ones only by luck.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::layer::{Layer, Places};
use super::{Found, pem};

/// Bytes that are judged at once.
const LANE: usize = 8;
/// Lanes of one block: as many as fit a cache line.
const BLOCK: usize = 8 * LANE;
/// A run of this length holds two whole lanes wherever it begins.
#[cfg(test)]
const SURE_BYTES: usize = 3 * LANE - 1;
/// Shortest run that is decoded, in bytes: 12 bytes of text.
const MIN_BYTES: usize = 16;
/// Shortest line after which base64 may go on in the next one; writers break at 64 or 76.
const MIN_LINE_BYTES: usize = 60;
/// Beginnings of a run that are tried besides its own: behind each `/`, since paths end in what looks like a part.
const MAX_STARTS: usize = 8;
/// Characters of a run that must decode to plain text before the rest is decoded.
const TRIAL_BYTES: usize = 12;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// What [`class_of`] says of a base64 character, of a capital and of a small letter, for each byte of a lane.
const BASE64: u64 = u64::from_le_bytes([1; LANE]);
const CAPITAL: u64 = BASE64 << 1;
const SMALL: u64 = BASE64 << 2;

/// Gives a layer for each run to `visit`.
pub(super) fn each(text: &str, visit: &mut dyn FnMut(Layer) -> ControlFlow<()>) -> ControlFlow<()> {
    let bytes = text.as_bytes();
    // Where the last run ended, the last lane, and whether all of it were base64 characters.
    let (mut done, mut before, mut was_whole) = (0, 0, 0);
    for (index, block) in bytes.chunks(BLOCK).enumerate() {
        let lanes = lanes_of(block);
        let whole = wholes(&lanes);
        let mut ends = whole & (whole << 1 | was_whole);
        while ends != 0 {
            let lane = ends.trailing_zeros() as usize;
            ends &= ends - 1;
            let pair = lanes[lane] | lane.checked_sub(1).map_or(before, |before| lanes[before]);
            let end = index * BLOCK + (lane + 1) * LANE;
            // Encoded text has capitals and small letters; paths, hex and uids have not.
            if end > done && pair & CAPITAL != 0 && pair & SMALL != 0 {
                let run = run_around(bytes, done, end);
                done = run.end;
                layers(text, run, visit)?;
            }
        }
        before = lanes[BLOCK / LANE - 1];
        was_whole = whole >> (BLOCK / LANE - 1);
    }
    ControlFlow::Continue(())
}

/// The class of each byte of a block, a lane a number; what is behind the block counts as none.
/// Written so that the compiler can do many bytes at once.
#[inline]
fn lanes_of(block: &[u8]) -> [u64; BLOCK / LANE] {
    let mut padded = [0; BLOCK];
    let block: &[u8; BLOCK] = match block.try_into() {
        Ok(whole) => whole,
        Err(_shorter) => {
            padded.iter_mut().zip(block).for_each(|(to, from)| *to = *from);
            &padded
        }
    };
    let classes = block.map(class_of);
    let (lanes, _) = classes.as_chunks::<LANE>();
    std::array::from_fn(|lane| u64::from_le_bytes(lanes[lane]))
}

/// A bit for each lane that is nothing but base64 characters.
#[inline]
fn wholes(lanes: &[u64; BLOCK / LANE]) -> u32 {
    let bits = lanes.iter().enumerate().map(|(lane, classes)| u32::from(classes & BASE64 == BASE64) << lane);
    bits.fold(0, |all, bit| all | bit)
}

/// 1 for a base64 character, and 2 for a capital or 4 for a small letter.
#[inline]
fn class_of(byte: u8) -> u8 {
    u8::from(is_base64(byte))
        | u8::from(byte.is_ascii_uppercase()) << 1
        | u8::from(byte.is_ascii_lowercase()) << 2
}

/// Whether a byte is a base64 character, for those who go byte by byte.
static IS_BASE64: [bool; 256] = {
    let mut known = [false; 256];
    let mut byte = 0;
    while byte < known.len() {
        known[byte] = is_base64(byte as u8);
        byte += 1;
    }
    known
};

/// How many bytes from the first on are base64 characters.
#[inline]
fn length_of_run<'b>(bytes: impl Iterator<Item = &'b u8>) -> usize {
    bytes.take_while(|byte| IS_BASE64[usize::from(**byte)]).count()
}

#[inline]
const fn is_base64(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let is_digit_or_slash = byte.wrapping_sub(b'/') < 11;
    is_letter | is_digit_or_slash | (byte == b'+') | (byte == b'-') | (byte == b'_')
}

/// The whole run that ends at or behind `end` and starts at or behind `from`.
fn run_around(bytes: &[u8], from: usize, end: usize) -> Range<usize> {
    let before = bytes.get(from..end).unwrap_or_default();
    let start = end - length_of_run(before.iter().rev());
    let mut end = end;
    let mut line = start;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        end += length_of_run(rest.iter());
        let is_full_line = end - line >= MIN_LINE_BYTES && (end - line).is_multiple_of(4);
        let rest = bytes.get(end..).unwrap_or_default();
        let gap = line_break(rest);
        if !is_full_line || gap == 0 || !rest.get(gap).is_some_and(|byte| is_base64(*byte)) {
            break;
        }
        end += gap;
        line = end;
    }
    let padding =
        bytes.get(end..).unwrap_or_default().iter().take(2).take_while(|byte| **byte == b'=').count();
    start..end + padding
}

/// Length of the line break at the start of `rest`, as it is or escaped.
fn line_break(rest: &[u8]) -> usize {
    let mut length = 0;
    loop {
        let rest = rest.get(length..).unwrap_or_default();
        let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
        match rest.get(slashes) {
            Some(b'\n' | b'\r') if slashes == 0 => length += 1,
            Some(b'n' | b'r') if slashes > 0 => length += slashes + 1,
            _ => return length,
        }
    }
}

/// What a run holds. A run that holds nothing is given too, for those who know it by its own looks.
fn layers(text: &str, run: Range<usize>, visit: &mut dyn FnMut(Layer) -> ControlFlow<()>) -> ControlFlow<()> {
    let whole = text.get(run.clone()).unwrap_or_default();
    let layer = |text, range, own| Layer {
        text,
        places: Places::Whole(range),
        own,
        run: Some(run.clone()),
        is_reading: false,
    };
    for part in parts(whole) {
        let encoded = whole.get(part.clone()).unwrap_or_default();
        let range = run.start + part.start..run.start + part.end;
        let Some((decoded, is_text)) = decode(encoded) else { continue };
        if let Some(kind) = pem::kind_of_der(&decoded) {
            let own = Some(Found::known(kind, range.clone(), decoded));
            return visit(layer(String::new(), range, own));
        }
        if let Some(inside) = readable(decoded).filter(|_| is_text) {
            return visit(layer(inside, range, None));
        }
    }
    visit(layer(String::new(), run.clone(), None))
}

/// The parts of a run that may be base64 by themselves: all of it, what lies behind a slash, and what lies between
/// characters of the other alphabet.
fn parts(run: &str) -> impl Iterator<Item = Range<usize>> {
    let has = |signs: [u8; 2]| memchr::memchr2(signs[0], signs[1], run.as_bytes()).is_some();
    let (has_standard, has_url) = (has([b'+', b'/']), has([b'-', b'_']));
    let whole = (!(has_standard && has_url)).then_some(0..run.len());
    let slashes = run.match_indices('/').take(MAX_STARTS).map(|(at, _)| at + 1..run.len());
    let standard = has_standard.then(|| slashes.chain(split(run, ['+', '/'])));
    let url = has_url.then(|| split(run, ['-', '_']));
    let parts = whole.into_iter().chain(standard.into_iter().flatten()).chain(url.into_iter().flatten());
    parts.filter(|part| part.len() >= MIN_BYTES)
}

fn split(run: &str, by: [char; 2]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    run.split(by).map(move |part| {
        let range = start..start + part.len();
        start = range.end + 1;
        range
    })
}

/// The bytes of a run, if its beginning is plain text or the beginning of a key, and whether it is text.
fn decode(encoded: &str) -> Option<(Vec<u8>, bool)> {
    let is_url_safe = memchr::memchr2(b'-', b'_', encoded.as_bytes()).is_some();
    let engine = if is_url_safe { &URL_SAFE } else { &STANDARD };
    let mut trial = [0; TRIAL_BYTES];
    let start = encoded.get(..TRIAL_BYTES)?;
    let length = engine.decode_slice(start, &mut trial).ok()?;
    let trial = trial.get(..length)?;
    let is_text = trial.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t'));
    if !is_text && trial.first() != Some(&pem::DER_SEQUENCE) {
        return None;
    }
    let encoded: Cow<'_, str> = if memchr::memchr3(b'\\', b'\n', b'\r', encoded.as_bytes()).is_some() {
        encoded.replace("\\n", "").replace("\\r", "").replace(['\\', '\n', '\r'], "").into()
    } else {
        encoded.into()
    };
    let encoded = encoded.trim_end_matches('=');
    let whole = encoded.len() - usize::from(encoded.len() % 4 == 1);
    engine.decode(encoded.get(..whole)?).ok().map(|bytes| (bytes, is_text))
}

/// Bytes as text, up to where they cease to be any; a key of OpenSSH is text only at its beginning.
fn readable(decoded: Vec<u8>) -> Option<String> {
    let length = std::str::from_utf8(&decoded).map_or_else(|error| error.valid_up_to(), str::len);
    let mut decoded = decoded;
    decoded.truncate(length);
    String::from_utf8(decoded).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: base64 of every length from the sure one on, at every offset. Guarantees: it is found, whole.
    #[test]
    fn every_run_is_found() {
        let plain = "A text of some Length that is Encoded, with 0 secrets in it whatsoever, honestly none.";
        let encoded = STANDARD.encode(plain);
        for length in SURE_BYTES..encoded.len() {
            for offset in 0..70 {
                let text = format!("{}{}\"", " ".repeat(offset), &encoded[..length]);
                let mut found = Vec::new();
                let flow = each(&text, &mut |layer| {
                    found.push(layer.text);
                    ControlFlow::Continue(())
                });
                assert!(flow.is_continue());
                let expected = plain.get(..length * 3 / 4).unwrap_or_default();
                let close = found.first().is_some_and(|found| expected.starts_with(found.as_str()));
                assert!(close && found.len() == 1, "{length} at {offset}: {found:?}");
            }
        }
    }
}
