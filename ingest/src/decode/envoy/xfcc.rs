//! The `X-Forwarded-Client-Cert` header.
//!
//! In: the header: elements separated by commas, pairs by semicolons, values quoted where they hold either.
//! Out: the last element, which the recording proxy itself added; earlier ones are whatever came in.
//! Law: the last element is found from the end. Envoy appends its own to the header as it came (`APPEND_FORWARD`), so that a
//! quote that a client left open would otherwise swallow it, and the client's element would count.

/// One element of the header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// URI SAN of the verifier.
    pub(crate) by: Option<String>,
    /// SHA-256 of the certificate, as written.
    pub(crate) hash: Option<String>,
    /// URI SAN of the certificate: the SPIFFE ID where there is one among several, else the first.
    pub(crate) uri: Option<String>,
    /// Subject of the certificate.
    pub(crate) subject: Option<String>,
}

/// The last element of the header.
pub(crate) fn last_element(header: &str) -> Option<Element> {
    let text = header.get(start_of_last(header)..)?;
    let mut element = Element::default();
    for pair in split_unquoted(text, ';') {
        let Some((key, value)) = pair.trim().split_once('=') else { continue };
        let slot = match key.to_ascii_lowercase().as_str() {
            "by" => &mut element.by,
            "hash" => &mut element.hash,
            "uri" => &mut element.uri,
            "subject" => &mut element.subject,
            _ => continue,
        };
        let value = unquote(value);
        let counts = |known: &String| key.eq_ignore_ascii_case("uri") && is_first_spiffe_id(known, &value);
        if !value.is_empty() && slot.as_ref().is_none_or(counts) {
            *slot = Some(value);
        }
    }
    (element != Element::default()).then_some(element)
}

fn is_first_spiffe_id(known: &str, value: &str) -> bool {
    !known.starts_with("spiffe://") && value.starts_with("spiffe://")
}

/// Where the last element begins: behind the last comma outside of quotes, counted from the end.
fn start_of_last(header: &str) -> usize {
    let bytes = header.as_bytes();
    let is_escaped = |at: usize| {
        let before = bytes.get(..at).unwrap_or_default();
        before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
    };
    let mut in_quotes = false;
    for (at, byte) in bytes.iter().enumerate().rev() {
        match byte {
            b'"' if !is_escaped(at) => in_quotes = !in_quotes,
            b',' if !in_quotes => return at + 1,
            _ => {}
        }
    }
    0
}

fn unquote(value: &str) -> String {
    let inside = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.map_or_else(|| value.to_owned(), |inside| inside.replace("\\\"", "\""))
}

fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let (mut in_quotes, mut escaped) = (false, false);
    text.split(|c: char| {
        let ends = c == separator && !in_quotes;
        match c {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            _ => {}
        }
        ends
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, uri: Option<&str>, subject: Option<&str>) {
        let found = last_element(header).unwrap_or_default();
        assert_eq!((found.uri.as_deref(), found.subject.as_deref()), (uri, subject), "{header}");
    }

    /// Scenario: chains, quoted subjects with commas, semicolons and quotes, several URIs. Guarantees: the last
    /// element's first URI, and no confusion by what stands in quotes.
    #[test]
    fn only_the_last_element_counts() {
        let own = "By=spiffe://d/ns/b/sa/b;Hash=AB;Subject=\"CN=x, O=\\\"y;z\\\"\";URI=spiffe://d/ns/a/sa/a;URI=spiffe://d/other";
        check(own, Some("spiffe://d/ns/a/sa/a"), Some("CN=x, O=\"y;z\""));
        check(&format!("URI=spiffe://forged,{own}"), Some("spiffe://d/ns/a/sa/a"), Some("CN=x, O=\"y;z\""));
        check("Hash=1;Subject=\"\";URI=", None, None);
        check("URI=https://d/a;URI=spiffe://d/a;URI=spiffe://d/b", Some("spiffe://d/a"), None);
        check("uri=spiffe://d/a", Some("spiffe://d/a"), None);
        check("nonsense", None, None);
        check("Subject=\"open", None, Some("\"open"));
    }

    /// Scenario: a client's element that leaves a quote open, or closes it within the proxy's own. Guarantees: the proxy's own
    /// element counts.
    #[test]
    fn open_quotes_hide_nothing() {
        let own = "By=spiffe://d/ns/b/sa/b;Hash=AB;Subject=\"\";URI=spiffe://d/ns/a/sa/a";
        for forged in ["URI=spiffe://victim;Subject=\"", "URI=spiffe://victim;Subject=\"x\\", "\"", "\\\""] {
            check(&format!("{forged},{own}"), Some("spiffe://d/ns/a/sa/a"), None);
        }
        let odd = "By=spiffe://d/b;Subject=\"CN=x\\\\\";URI=spiffe://d/a";
        check(&format!("URI=spiffe://victim;Subject=\",{odd}"), Some("spiffe://d/a"), Some("CN=x\\\\"));
    }
}
