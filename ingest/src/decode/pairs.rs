//! `key=value` pairs of a log line.
//!
//! In: text such as `src.addr=10.1.0.7:80 error="closed by \"policy\""`. Out: the pairs in order.
//! Owns: where a value ends, quotes and escapes, the bound on the number of pairs.
//! Law FLOW-2: any text gives pairs or none; a quote that is never closed ends with the text.

/// Most pairs of a line that are kept: the tools that write such lines write under 40.
const MAX_PAIRS: usize = 128;

/// The pairs of a text, at most [`MAX_PAIRS`]. What stands between them is left out.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while found.len() < MAX_PAIRS
        && let Some((key, after)) = rest.split_once('=')
    {
        let key = key.rsplit(char::is_whitespace).next().unwrap_or(key);
        let (value, remaining) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let (value, remaining) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
                (value.to_owned(), remaining)
            }
        };
        if is_key(key) {
            found.push((key.to_owned(), value));
        }
        rest = remaining.trim_start();
    }
    found
}

/// Whether a text can be the key of a pair.
pub(crate) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// The text up to the closing quote, escapes resolved, and what follows.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => match letters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, other)) => value.push(other),
                None => {}
            },
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = pairs(text);
        let found: Vec<_> = found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    /// Scenario: pairs behind words, tabs, quotes with pairs and escapes inside, a quote left open. Guarantees: a quoted
    /// value never gives pairs of its own, and nothing ends the reading.
    #[test]
    fn values_end_where_they_should() {
        check("msg here a=1\tb.c=\"x y\"  d=", &[("a", "1"), ("b.c", "x y"), ("d", "")]);
        check(r#"a="x b=\"2\" c=3" d=4"#, &[("a", "x b=\"2\" c=3"), ("d", "4")]);
        check("a=\"open b=2", &[("a", "open b=2")]);
        check("no pairs", &[]);
        check("(x)=1 ok=2", &[("ok", "2")]);
        assert_eq!(pairs(&"k=v ".repeat(MAX_PAIRS * 2)).len(), MAX_PAIRS);
    }
}
