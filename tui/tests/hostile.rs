//! SCREEN-1: hostile text in every field, through every screen; only allow-listed bytes come out.

use offbound_schemas::untrusted::{Shown, shown};
use offbound_tui::Options;
use offbound_tui::testing::{Driver, console, fixture};

/// What attackers write into process names, arguments and tokens.
fn attacks() -> Vec<String> {
    let mut attacks: Vec<String> = [
        "\x1b]52;c;ZXZpbA==\x07",
        "\x1b[2J\x1b[H\x1b[32mheld\x1b[0m",
        "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
        "a\r\nb\tc\x0bd",
        "\u{9b}31mred",
        "\u{202e}gnp.exe\u{202c}",
        "\u{2066}a\u{2069}\u{200f}\u{61c}",
        "pay\u{200b}me\u{200d}nts\u{feff}",
        "\u{e0041}\u{e0042}",
        "\u{2028}\u{2029}\u{85}",
        "\u{fffd}\u{ffff}\u{e000}\u{10ffff}",
        "ｆｕｌｌ\u{3000}wide 日本語テキスト",
        "👩\u{200d}👩\u{200d}👧\u{200d}👦 🏳\u{fe0f}\u{200d}🌈",
        "<ESC>[31m <<U+202E>",
        "\x00\x7f",
        "",
        " ",
    ]
    .map(str::to_owned)
    .to_vec();
    attacks.push(format!("a{}", "\u{301}".repeat(500)));
    attacks.push("\u{1100}".repeat(60));
    attacks.push("क\u{94d}".repeat(40));
    attacks.push("x".repeat(2_000));
    attacks.push("<".repeat(300));
    attacks
}

/// The commands that the screens may write: cursor to a place, and styles.
fn check_bytes(written: &[u8]) {
    let text = std::str::from_utf8(written).expect("what is written is UTF-8");
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '\x1b' {
            let body = rest.strip_prefix("\x1b[").expect("only CSI sequences are written");
            let end = body.find(|c: char| !c.is_ascii_digit() && c != ';').expect("a sequence ends");
            assert!(body[end..].starts_with(['H', 'm']), "{:?}", &rest[..end + 3]);
            rest = &body[end + 1..];
        } else {
            assert!(shown(c) != Shown::Spelled, "{c:?} was written");
            rest = &rest[c.len_utf8()..];
        }
    }
}

/// Scenario: each attack in every outside field, alone and inside ordinary text, on every screen, small and large in
/// turn. Guarantees: only allow-listed bytes are written, and the second gate never had to step in.
#[test]
fn attacks_draw_nothing_but_text() {
    for (at, attack) in attacks().into_iter().enumerate() {
        for inside in [false, true] {
            let text = |plain: &str| if inside { format!("{plain}{attack}{plain}") } else { attack.clone() };
            let size = if (at % 2 == 0) == inside { (80, 24) } else { (200, 60) };
            let port = Box::new(fixture::with_text(&text));
            let archive = Box::new(fixture::archive_with_text(&text));
            let mut driver = Driver::with_archive(
                port,
                archive,
                size,
                Options { color: true, unicode: true, ..Options::default() },
            );
            let (attacked, inner) = (attack.clone(), inside);
            let in_console = move |plain: &str| {
                if inner { format!("{plain}{attacked}{plain}") } else { attacked.clone() }
            };
            driver.with_console(Box::new(console::invented_with_text(Box::new(in_console))));
            for keys in [
                "j",
                "Enter",
                "Enter",
                "W l",
                "n",
                "Esc Esc i",
                "j j j j",
                "G",
                "Enter",
                "2 3 j j } }",
                "Enter",
                "6 j /",
                "Esc 3 3",
                "1 p",
                "2 j G Enter",
                "4 j Enter G",
                "8 G",
                "; x Enter Esc j l l",
                "Enter",
                "j Esc ; m i s t a k e Enter Tab",
                "Enter j j Esc",
                "?",
            ] {
                driver.press(keys);
            }
            assert_eq!(driver.refused(), 0, "{attack:?}");
            check_bytes(driver.written());
        }
    }
}

/// Scenario: hostile text typed and pasted into prompts. Guarantees: it is shown as text, and never taken for keys.
#[test]
fn pastes_are_text() {
    for attack in attacks() {
        let mut driver = Driver::new(Box::new(fixture::investigation()), (80, 24), Options::default());
        driver.press("/").paste(&attack).press("Enter :").paste(&attack).press("Enter");
        driver.press(": Esc ;").paste(&attack).press("Enter Home Esc");
        driver.press(": Esc ?").paste("q");
        assert!(!driver.has_ended());
        assert_eq!(driver.refused(), 0, "{attack:?}");
        check_bytes(driver.written());
    }
}

/// Scenario: two records that differ in one invisible character. Guarantees: their screens differ.
#[test]
fn invisible_differences_show() {
    for pair in
        [("web", "we\u{200b}b"), ("a b", "a\u{a0}b"), ("x", "x\u{202c}"), ("end", "end "), ("<ESC>", "\x1b")]
    {
        let screen = |with: &str| {
            let port = fixture::with_text(&|plain: &str| {
                if plain == "curl" { plain.to_owned() } else { with.to_owned() }
            });
            let mut driver = Driver::new(Box::new(port), (120, 36), Options::default());
            [driver.text(), driver.press("Enter").text(), driver.press("Enter").text()]
        };
        let (a, b) = (screen(pair.0), screen(pair.1));
        assert!(a.iter().zip(&b).all(|(a, b)| a != b), "{pair:?}");
    }
}
