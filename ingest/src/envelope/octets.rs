//! Octet-counted syslog frames: `83 <34>1 …42 <13>…`, one behind the other (RFC 6587, section 3.4.1).
//!
//! In: a text. Out: its frames without their counts. A frame that goes on in another line keeps its count; `syslog` passes
//! over it. Law: counts are believed only where every frame of the text fits its count.

/// Most digits of a count: more than a record may have bytes.
const MAX_DIGITS: usize = 7;

/// The text behind a count, and the count.
pub(crate) fn strip_count(text: &str) -> Option<(usize, &str)> {
    let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let rest = rest.strip_prefix(' ').filter(|rest| rest.starts_with('<') && !digits.starts_with('0'))?;
    let count = (1..=MAX_DIGITS).contains(&digits.len()).then(|| digits.parse().ok())??;
    Some((count, rest))
}

/// Every frame of a text that is made of counted frames.
pub(crate) fn frames(text: &str) -> Option<Vec<&str>> {
    let mut frames = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (count, behind) = strip_count(rest)?;
        let (frame, next) = behind.split_at_checked(count)?;
        frames.push(frame);
        rest = next.trim_start_matches(['\n', '\r']);
    }
    (!frames.is_empty()).then_some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: counted frames, whole, cut and miscounted, and text that only looks like one. Guarantees: frames only
    /// where every count fits.
    #[test]
    fn counted_frames() {
        assert_eq!(frames("5 <1>ab7 <1>c é\n4 <1>d"), Some(vec!["<1>ab", "<1>c é", "<1>d"]));
        for text in ["5 <1>a", "4 <1>abc", "ab <1>", "05 <1>ab", "99999999 <1>a", "", "5 a", "6 <1>ab\u{e9}x"]
        {
            assert_eq!(frames(text), None, "{text}");
        }
        assert_eq!(strip_count("99 <13>1 x"), Some((99, "<13>1 x")));
    }
}
