//! Which characters may be shown as they are.
//!
//! In: one character. Out: whether it draws itself, joins the one before it, or must be spelled out.
//! Owns: the lists of invisible, reordering and look-alike-space characters.
//! Law: a character that draws nothing, moves its neighbours or means something to a terminal is spelled out.

use unicode_general_category::{GeneralCategory as Category, get_general_category};

/// How a character may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It draws itself.
    Plain,
    /// It joins the character before it.
    Mark,
    /// It must be spelled out.
    Spelled,
}

/// How `c` may be shown. The space is plain; every other white space is spelled out.
#[must_use]
pub fn shown(c: char) -> Shown {
    match c {
        ' '..='~' => Shown::Plain,
        _ if c.is_ascii() || is_deceptive(c) => Shown::Spelled,
        _ => by_category(get_general_category(c)),
    }
}

fn by_category(category: Category) -> Shown {
    match category {
        Category::NonspacingMark | Category::SpacingMark | Category::EnclosingMark => Shown::Mark,
        Category::Control
        | Category::Format
        | Category::LineSeparator
        | Category::ParagraphSeparator
        | Category::PrivateUse
        | Category::SpaceSeparator
        | Category::Surrogate
        | Category::Unassigned => Shown::Spelled,
        _ => Shown::Plain,
    }
}

/// Letters, marks and symbols that draw nothing, draw a blank, or swallow what follows them; the general
/// category alone does not tell (Default_Ignorable_Code_Point, Grapheme_Cluster_Break=Prepend, width 0).
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202F}' | '\u{205F}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFF}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{10FFFF}'
        // Vowels and finals of decomposed Hangul: nothing of their own without the letter before them.
        | '\u{1160}'..='\u{11FF}' | '\u{D7B0}'..='\u{D7FF}'
        // A mark that takes no room of its own.
        | '\u{A8FA}'
        // Letters that join whatever comes after them.
        | '\u{0D4E}' | '\u{111C2}' | '\u{111C3}' | '\u{113D1}' | '\u{1193F}' | '\u{11941}'
        | '\u{11A84}'..='\u{11A89}' | '\u{11D46}' | '\u{11F02}'
    )
}

/// Names of the control characters, by code.
const CONTROL_NAMES: [&str; 33] = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "TAB", "LF", "VT", "FF", "CR", "SO", "SI",
    "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS",
    "US", "SP",
];

/// Appends `c` spelled out, such as `<ESC>` or `<U+202E>`.
pub(super) fn spell(c: char, out: &mut String) {
    let code = u32::from(c);
    let name = usize::try_from(code).ok().and_then(|index| CONTROL_NAMES.get(index));
    match name {
        Some(name) => out.extend(["<", name, ">"]),
        None if c == '\u{7F}' => out.push_str("<DEL>"),
        None => out.push_str(&format!("<U+{code:04X}>")),
    }
}

/// Whether a `<` before `rest` would read as the start of a spelled-out character, or could not be told
/// from one once `rest` is shown.
pub(super) fn starts_token(rest: &str) -> bool {
    match rest.chars().next() {
        None => false,
        Some('<') => true,
        Some(c) if !c.is_ascii_graphic() => c != ' ' || rest.trim_start_matches(' ').is_empty(),
        Some(_) => rest.split_once('>').is_some_and(|(name, _)| is_token_name(name)),
    }
}

fn is_token_name(name: &str) -> bool {
    let hex = name.strip_prefix("U+").or_else(|| name.strip_prefix("u+"));
    match hex {
        Some(hex) => (1..=6).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => name == "DEL" || CONTROL_NAMES.contains(&name),
    }
}
