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

/// A byte in each place of a lane.
const EACH: u64 = u64::from_le_bytes([1; LANE]);

/// Gives a layer for each run to `visit`.
pub(super) fn each(text: &str, visit: &mut dyn FnMut(Layer) -> ControlFlow<()>) -> ControlFlow<()> {
    let bytes = text.as_bytes();
    // Where the last run ended, and whether all of the last lane were base64 characters.
    let (mut done, mut was_whole) = (0, 0);
    for (index, block) in bytes.chunks(BLOCK).enumerate() {
        let whole = wholes(block);
        let mut ends = whole & (whole << 1 | was_whole);
        while ends != 0 {
            let end = index * BLOCK + (ends.trailing_zeros() as usize + 1) * LANE;
            ends &= ends - 1;
            // Encoded text has capitals and small letters; paths, hex and uids have not.
            if end > done && has_both_cases(bytes, end) {
                let run = run_around(bytes, done, end);
                done = run.end;
                layers(text, run, visit)?;
            }
        }
        was_whole = whole >> (BLOCK / LANE - 1);
    }
    ControlFlow::Continue(())
}

/// A bit for each lane of a block that is nothing but base64 characters; what is behind the block counts as none.
/// Written so that the compiler can do many bytes at once.
#[inline]
fn wholes(block: &[u8]) -> u32 {
    let mut padded = [0; BLOCK];
    let block: &[u8; BLOCK] = match block.try_into() {
        Ok(whole) => whole,
        Err(_shorter) => {
            padded.iter_mut().zip(block).for_each(|(to, from)| *to = *from);
            &padded
        }
    };
    let known = block.map(|byte| u8::from(is_base64(byte)));
    let (lanes, _) = known.as_chunks::<LANE>();
    let bits = lanes.iter().enumerate().map(|(at, lane)| u32::from(u64::from_le_bytes(*lane) == EACH) << at);
    bits.fold(0, |all, bit| all | bit)
}

/// Whether two lanes of base64 characters that end at `end` have a capital and a small letter.
#[inline]
fn has_both_cases(bytes: &[u8], end: usize) -> bool {
    let pair = bytes.get(..end).and_then(<[u8]>::last_chunk::<{ 2 * LANE }>);
    let (lanes, _) = pair.map_or::<&[u8], _>(&[], |pair| pair).as_chunks::<LANE>();
    let (mut capitals, mut smalls) = (0, 0);
    for lane in lanes {
        let lane = u64::from_le_bytes(*lane);
        // Among base64 characters, letters and the underscore have bit 6, small letters bit 5 too. Of those without
        // it the underscore alone ends in more than 26, the place of `Z` in the alphabet.
        let letters = (lane & (EACH << 6)) >> 1;
        let is_small = lane & (EACH << 5);
        let is_underscore = (lane & (EACH * 0x1f)) + EACH * 5;
        capitals |= letters & !is_small & !is_underscore;
        smalls |= letters & is_small;
    }
    capitals != 0 && smalls != 0
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

    /// Scenario: every two base64 characters, at either end of two lanes of digits. Guarantees: both cases are seen when
    /// both are there, and at no other time.
    #[test]
    fn cases_are_told_apart() {
        let known = || (0..=u8::MAX).filter(|byte| is_base64(*byte));
        for (first, last) in known().flat_map(|first| known().map(move |last| (first, last))) {
            let mut bytes = [b'0'; 3 * LANE];
            (bytes[LANE], bytes[3 * LANE - 1]) = (first, last);
            let has = |is_case: fn(&u8) -> bool| is_case(&first) || is_case(&last);
            let expected = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
            assert_eq!(has_both_cases(&bytes, bytes.len()), expected, "{first} {last}");
        }
    }

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
