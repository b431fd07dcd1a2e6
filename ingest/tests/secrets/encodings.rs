//! Ways in which a text is encoded before it gets into a log, and the ways in which a leak may look.
//!
//! In: a text. Out: the encoded text; or every form in which a secret could still be read.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// One way to encode.
pub(crate) struct Encoding {
    #[allow(dead_code, reason = "only the tests of ingest name it")]
    pub(crate) name: &'static str,
    pub(crate) encode: fn(&str) -> String,
    /// Whether what comes out is already as it stands inside a JSON string.
    pub(crate) is_json: bool,
}

const fn text(name: &'static str, encode: fn(&str) -> String) -> Encoding {
    Encoding { name, encode, is_json: false }
}

const fn json(name: &'static str, encode: fn(&str) -> String) -> Encoding {
    Encoding { name, encode, is_json: true }
}

/// Every way.
pub(crate) const ENCODINGS: &[Encoding] = &[
    text("plain", str::to_owned),
    text("base64", |text| STANDARD.encode(text)),
    text("base64 without padding", |text| STANDARD_NO_PAD.encode(text)),
    text("base64 for URLs", |text| URL_SAFE.encode(text)),
    text("base64 for URLs without padding", |text| URL_SAFE_NO_PAD.encode(text)),
    text("base64 in a path", |text| format!("/var/data/{}", STANDARD.encode(text))),
    text("base64 in base64", |text| STANDARD.encode(STANDARD.encode(text))),
    text("base64 in lines", |text| {
        let whole = STANDARD.encode(text);
        let lines: Vec<&str> =
            (0..whole.len()).step_by(76).map(|at| &whole[at..(at + 76).min(whole.len())]).collect();
        lines.join("\n")
    }),
    text("behind a line break", |text| format!("line\n{text}")),
    text("percent", |text| percent(text, false)),
    text("percent, every byte", |text| percent(text, true)),
    text("percent twice", |text| percent(&percent(text, false), false)),
    text("form", |text| percent(text, false).replace("%20", "+")),
    text("percent in base64", |text| STANDARD.encode(percent(text, false))),
    text("base64 in percent", |text| format!("x={}", percent(&STANDARD.encode(text), false))),
    text("JSON in JSON", |text| serde_json::json!({ "log": text }).to_string()),
    text("JSON in JSON in JSON", |text| {
        serde_json::json!({ "log": serde_json::json!({ "log": text }).to_string() }).to_string()
    }),
    json("JSON escapes", |text| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()),
    json("JSON slashes", |text| inside_json(text).replace('/', "\\/")),
];

/// A text as it stands inside a JSON string.
pub(crate) fn inside_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

pub(crate) fn percent(text: &str, every: bool) -> String {
    let is_free = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(
            |byte| {
                if is_free(byte) && !every { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            },
        )
        .collect()
}

/// Every form in which a secret could be read off an output: as it is, in base64 at all three alignments and in both
/// alphabets, URL-encoded, in hex.
pub(crate) fn readable_forms(secret: &str) -> Vec<String> {
    let mut forms =
        vec![secret.to_owned(), inside_json(secret), percent(secret, false), percent(secret, true)];
    for offset in 0..3 {
        let shifted = [&b"\0\0"[..offset], secret.as_bytes()].concat();
        // What the neighbours of the secret share in the first and the last characters is left out.
        let first = [0, 2, 3][offset];
        let sure = shifted.len() * 8 / 6;
        for engine in [&STANDARD, &URL_SAFE] {
            forms.push(engine.encode(&shifted)[first..sure].to_owned());
        }
    }
    let hex = secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    forms.extend([hex.to_uppercase(), hex]);
    forms.sort();
    forms.dedup();
    forms
}
