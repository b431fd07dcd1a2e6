//! The default text of Istio's and Envoy's access logs.
//!
//! In: one line. Out: the same values that the JSON forms give.
//! Owns: the order of the fields. A client writes some of them (user agent, forwarded addresses, authority), and
//! quotes in them are not escaped: when there are more tokens than fields, what lies between the trustworthy
//! beginning and end is left out rather than misread.

use super::keys::AccessLog;

/// Istio's fields after the request line, in order.
const ISTIO: [&str; 20] = [
    "response_code",
    "response_flags",
    "response_code_details",
    "connection_termination_details",
    "upstream_transport_failure_reason",
    "bytes_received",
    "bytes_sent",
    "duration",
    "upstream_service_time",
    "x_forwarded_for",
    "user_agent",
    "request_id",
    "authority",
    "upstream_host",
    "upstream_cluster",
    "upstream_local_address",
    "downstream_local_address",
    "downstream_remote_address",
    "requested_server_name",
    "route_name",
];
/// Of these, how many at the beginning and at the end no client can write into.
const ISTIO_CERTAIN: (usize, usize) = (9, 7);
/// Envoy's own fields after the request line, in order.
const ENVOY: [&str; 11] = [
    "response_code",
    "response_flags",
    "bytes_received",
    "bytes_sent",
    "duration",
    "upstream_service_time",
    "x_forwarded_for",
    "user_agent",
    "request_id",
    "authority",
    "upstream_host",
];
/// Longest line that is taken apart, in tokens: well above any real one, so that a hostile line stays cheap.
const MAX_TOKENS: usize = 128;

/// One field of a line.
#[derive(Debug, Clone, Copy)]
struct Token<'t> {
    text: &'t str,
    quoted: bool,
}

/// Reads a line; none when it is no access log.
pub(super) fn parse(line: &str) -> Option<AccessLog> {
    let (time, rest) = line.trim().strip_prefix('[')?.split_once("] ")?;
    time.starts_with(|c: char| c.is_ascii_digit()).then_some(())?;
    let tokens = tokens(rest)?;
    let (request, fields) = tokens.split_first()?;
    let code = fields.first().filter(|code| request.quoted && !code.quoted)?;
    code.text.parse::<u16>().ok()?;
    let mut pairs = vec![("start_time", time)];
    pairs.extend(request_line(request.text)?);
    let ambiguous = match fields.len() {
        11 => {
            pairs.extend(named(&ENVOY, fields));
            false
        }
        20 => {
            pairs.extend(named(&ISTIO, fields));
            false
        }
        more if more > ISTIO.len() => {
            pairs.extend(certain(fields)?);
            true
        }
        _ => return None,
    };
    Some(AccessLog::of_pairs(pairs, ambiguous))
}

fn named<'t>(names: &[&'t str], fields: &[Token<'t>]) -> Vec<(&'t str, &'t str)> {
    names.iter().copied().zip(fields.iter().map(|field| field.text)).collect()
}

/// The fields that no client can have shifted: counted from either end.
fn certain<'t>(fields: &[Token<'t>]) -> Option<Vec<(&'t str, &'t str)>> {
    let (first, last) = ISTIO_CERTAIN;
    let end = fields.get(fields.len() - last..)?;
    let upstream_host = end.first()?;
    upstream_host.quoted.then_some(())?;
    let mut pairs = named(ISTIO.get(..first)?, fields.get(..first)?);
    pairs.extend(named(ISTIO.get(ISTIO.len() - last..)?, end));
    Some(pairs)
}

/// `METHOD PATH PROTOCOL`; a path may hold spaces.
fn request_line(text: &str) -> Option<[(&'static str, &str); 3]> {
    let (method, rest) = text.split_once(' ')?;
    let (path, protocol) = rest.rsplit_once(' ')?;
    Some([("method", method), ("path", path), ("protocol", protocol)])
}

/// Takes a line apart at spaces; a quoted token ends at a quote before a space or the end.
fn tokens(line: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        if tokens.len() == MAX_TOKENS {
            return None;
        }
        let (token, after) = match rest.strip_prefix('"') {
            Some(inside) => {
                let (text, after) =
                    inside.split_once("\" ").or_else(|| Some((inside.strip_suffix('"')?, "")))?;
                (Token { text, quoted: true }, after)
            }
            None => {
                let (text, after) = rest.split_once(' ').unwrap_or((rest, ""));
                (Token { text, quoted: false }, after)
            }
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Some(tokens)
}
