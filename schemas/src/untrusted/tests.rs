//! SCREEN-1 and SCREEN-2 for the gate: what comes out is allowed, and reads back to what went in.

use proptest::prelude::*;

use super::{Shown, Untrusted, safe, shown};
use unicode_segmentation::UnicodeSegmentation;

/// Scenario: one nasty value for each thing that the gate is for. Guarantees: how each is shown.
#[test]
fn values_are_shown() {
    let cases = [
        ("plain text", "plain text"),
        ("a\x1b[31mb", "a<ESC>[31mb"),
        ("a\r\nb\tc\0", "a<CR><LF>b<TAB>c<NUL>"),
        ("a\u{7f}\u{9b}", "a<DEL><U+009B>"),
        ("pay\u{200b}ments", "pay<U+200B>ments"),
        ("\u{202e}txt.exe", "<U+202E>txt.exe"),
        ("tag\u{e0041}", "tag<U+E0041>"),
        ("a\u{a0}b\u{2003}c", "a<U+00A0>b<U+2003>c"),
        ("lossy\u{fffd}", "lossy<U+FFFD>"),
        ("\u{e000}\u{ffff}\u{378}", "<U+E000><U+FFFF><U+0378>"),
        ("literal <ESC> <U+202E>", "literal <<ESC> <<U+202E>"),
        ("<tag> <b>", "<tag> <b>"),
        ("<\x1b", "<<<ESC>"),
        ("<<", "<<<"),
        ("né e\u{301} Жщ 日本 🦀", "né e\u{301} Жщ 日本 🦀"),
        ("\u{301}x", "<U+0301>x"),
        ("a\u{301}\u{301}\u{301}\u{301}\u{301}", "a\u{301}\u{301}\u{301}\u{301}<U+0301>"),
    ];
    for (input, expected) in cases {
        assert_eq!(safe::line(input), expected, "{input:?}");
    }
}

/// Scenario: the same text in a cell, on a line, in a block. Guarantees: padding shows in a cell only, line
/// breaks survive in a block only.
#[test]
fn places_differ() {
    let text = " a\nb ";
    assert_eq!(safe::cell(text), "<SP>a<LF>b<SP>");
    assert_eq!(safe::line(text), " a<LF>b ");
    assert_eq!(safe::block(text), " a\nb ");
    assert_eq!(format!("{:?}", Untrusted::new(text)), "Untrusted( a<LF>b )");
}

/// Scenario: spreadsheets' formula starts, quotes and commas. Guarantees: no field begins as a formula, and
/// a field that already began with the mark is told apart.
#[test]
fn csv_is_inert() {
    let cases = [
        ("=1+1", "\"'=1+1\""),
        ("'=1+1", "\"''=1+1\""),
        ("a,b", "\"a,b\""),
        ("a\"b", "\"a\"\"b\""),
        ("\t=1", "<TAB>=1"),
        ("plain", "plain"),
    ];
    for (input, expected) in cases {
        assert_eq!(safe::csv_cell(input), expected, "{input:?}");
    }
}

/// Scenario: bytes that are no UTF-8, and text that imitates how they are shown. Guarantees: both are told apart.
#[test]
fn bytes_are_spelled() {
    let cases: [(&[u8], &str); 6] = [
        (b"a\xffb", "a<xFF>b"),
        (b"a<xFF>b", "a<<xFF>b"),
        (b"<\xff", "<<<xFF>"),
        (b"<<xFF>", "<<<<xFF>"),
        (b"<x<x", "<<x<<x"),
        (b"clean", "clean"),
    ];
    for (input, expected) in cases {
        assert_eq!(safe::bytes(input), expected, "{input:?}");
    }
}

/// Scenario: what is counted. Guarantees: spelled-out characters count, doubled ones do not.
#[test]
fn escapes_are_counted() {
    for (input, expected) in [("plain <b>", 0), ("<ESC>", 0), ("\x1b[2K\r", 2), ("a\u{301}\u{200b}", 1)] {
        assert_eq!(safe::count_escaped(input), expected, "{input:?}");
    }
}

/// Reads shown text back, by the grammar that the gate promises: `<<` is `<`, `<NAME>` is a character.
fn read_back(text: &str) -> String {
    let names: Vec<(String, char)> = (0..=0x7f)
        .chain(0x80..=0x10_ffff)
        .filter_map(char::from_u32)
        .take(0x80)
        .map(|c| {
            let mut name = String::new();
            super::scalar::spell(c, &mut name);
            (name, c)
        })
        .collect();
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (read, len) = match rest {
            _ if rest.starts_with("<<") => ('<', 2),
            _ if c == '<' => read_token(rest, &names).unwrap_or(('<', 1)),
            _ => (c, c.len_utf8()),
        };
        out.push(read);
        rest = &rest[len..];
    }
    out
}

fn read_token(rest: &str, names: &[(String, char)]) -> Option<(char, usize)> {
    let end = rest.find('>')? + 1;
    let token = &rest[..end];
    let hex = token.strip_prefix("<U+").and_then(|t| t.strip_suffix('>'));
    let by_code = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
    let c = by_code.or_else(|| names.iter().find(|(name, _)| name == token).map(|(_, c)| *c))?;
    Some((c, end))
}

/// Characters that have fooled terminals, mixed with what the gate's own notation is made of.
fn hostile_char() -> impl Strategy<Value = char> {
    let chosen: Vec<char> = "<<<<>>ESCU+02EDLP x\n\r\t\x1b\x07\u{7f}\u{9b}\u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{e0041}\
                             \u{301}\u{302}\u{20dd}\u{903}\u{94d}\u{915}\u{1100}\u{1161}\u{11a8}\u{d4e}\u{1f1e6}\u{1f3fb}🦀\u{fe0f}\u{a0}'=,\""
        .chars()
        .collect();
    prop_oneof![4 => prop::sample::select(chosen), 1 => any::<char>()]
}

fn hostile() -> impl Strategy<Value = String> {
    prop::collection::vec(hostile_char(), 0..40).prop_map(|chars| chars.into_iter().collect())
}

fn is_allowed(text: &str, breaks: bool) -> bool {
    let scalars = text.chars().all(|c| shown(c) != Shown::Spelled || (breaks && c == '\n'));
    scalars && text.graphemes(true).all(|cluster| cluster.chars().count() <= safe::SCALARS_PER_CLUSTER)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Scenario: any text (SCREEN-1). Guarantees: only allowed characters come out, in clusters a cell can hold.
    #[test]
    fn only_allowed_characters_come_out(text in hostile()) {
        prop_assert!(is_allowed(&safe::cell(&text), false));
        prop_assert!(is_allowed(&safe::line(&text), false));
        prop_assert!(is_allowed(&safe::block(&text), true));
        prop_assert!(is_allowed(&safe::csv_cell(&text), false));
        prop_assert!(is_allowed(&safe::bytes(text.as_bytes()), false));
        prop_assert!(!safe::cell(&text).starts_with(' ') && !safe::cell(&text).ends_with(' '));
    }

    /// Scenario: any text (SCREEN-2). Guarantees: what is shown reads back to exactly what came in.
    #[test]
    fn shown_text_reads_back(text in hostile()) {
        prop_assert_eq!(read_back(&safe::cell(&text)), text.clone());
        prop_assert_eq!(read_back(&safe::line(&text)), text.clone());
        prop_assert_eq!(read_back(&safe::block(&text)), text);
    }

    /// Scenario: two texts that differ little (SCREEN-2). Guarantees: they never look the same, in any place.
    #[test]
    fn different_values_look_different(a in hostile(), at in 0usize..40, c in hostile_char()) {
        let mut changed: Vec<char> = a.chars().collect();
        changed.insert(at.min(changed.len()), c);
        let b: String = changed.into_iter().collect();
        prop_assert_ne!(safe::cell(&a), safe::cell(&b));
        prop_assert_ne!(safe::line(&a), safe::line(&b));
        prop_assert_ne!(safe::block(&a), safe::block(&b));
        prop_assert_ne!(safe::csv_cell(&a), safe::csv_cell(&b));
        prop_assert_ne!(safe::bytes(a.as_bytes()), safe::bytes(b.as_bytes()));
    }

    /// Scenario: bytes that differ in one place. Guarantees: they never look the same.
    #[test]
    fn different_bytes_look_different(a in prop::collection::vec(prop::sample::select(b"<x FA>\xff\xc3\xa9\x1b".to_vec()), 1..12),
                                      at in 0usize..12, byte in any::<u8>()) {
        let mut b = a.clone();
        let at = at % b.len();
        b[at] = byte;
        if a != b {
            prop_assert_ne!(safe::bytes(&a), safe::bytes(&b));
        }
    }
}
