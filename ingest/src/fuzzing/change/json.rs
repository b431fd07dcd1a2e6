//! Changes of a record of JSON: its members, their values, and what is written between them.
//!
//! In: the text of a record, which may be broken. Out: the text with one change.
//! Owns: the values that decide something in some decoder, and what fits into a text.

use crate::fuzzing::Numbers;

/// What a value may become.
const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "1",
    "65536",
    "-1",
    "1.5",
    "1e3",
    "\"\"",
    "\"-\"",
    "\"x\"",
    "[]",
    "{}",
    "[\"a\",\"b\"]",
    "[1,null,\"\"]",
    "\"2026-03-01T10:00:00Z\"",
    "\"2026-02-29T10:00:00.5+01:00\"",
    "1772359200",
    "\"10.1.0.7\"",
    "\"010.1.0.7\"",
    "\"::ffff:10.1.0.7\"",
    "\"fd00::7\"",
    "\"FD00::7\"",
    "\"10.1.0.7:43\"",
    "\"10.1.0.7:0\"",
    "[\"10.1.0.7\",\"fd00::1\",\"x\"]",
    "\"a\\u0026b\"",
    "\"\\ud83d\\ude00\"",
    "\"\\u0000\"",
    "\"\\\"q\\\"\"",
    "\"create\"",
    "\"delete\"",
    "\"patch\"",
    "\"pods\"",
    "\"nodes\"",
    "\"token\"",
    "\"serviceaccounts\"",
    "\"system:node:n1\"",
    "\"system:serviceaccount:a:b\"",
    "\"spiffe://d/ns/a/sa/b\"",
    "[\"JTI=1\"]",
    "[\"X509SHA256=AB\"]",
    "[\"X509SHA256=ab\"]",
    "[\"bare\"]",
    "401",
    "403",
    "500",
    "\"allow\"",
    "\"forbid\"",
    "\"RequestReceived\"",
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"w\"},\"spec\":{\"nodeName\":\"n2\"}}",
    "\"Bearer abcdefgh12345678\"",
    "{\"password\":\"hunter22x\"}",
    "\"ghp_abcdefghijklmnopqrstuvwxyz0123456789\"",
    "\"--token=AbCdEf123456\"",
    "\"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln\"",
    "\"-----BEGIN RSA PRIVATE KEY-----\"",
    "\"<jwt;fp=1>\"",
    "\"https://u:p4ss@h/\"",
    "[{\"key\":\"a\",\"value\":\"b\"}]",
    "{\"b\":1,\"a\":{\"d\":[1.50],\"c\":\"\\/\"}}",
    "18446744073709551616",
    "\"i-0aaaaaaaaaaaaaaa1\"",
    "\"/etc/shadow\"",
    "\"/proc/17/environ\"",
    "\"/host/run/secrets/kubernetes.io/serviceaccount/token\"",
    "\"AssumeRole\"",
    "\"RunInstances\"",
    "\"AccessDenied\"",
    "\"UAEX\"",
    "\"rbac_access_denied_matched_policy[none]\"",
    "\"<NA>\"",
    "\"openat\"",
    "\"connect\"",
    "\"10.0.0.1:1->10.0.0.2:2\"",
    "\"169.254.169.254\"",
    "-0",
    "0.0",
    "00",
    "1e400",
    "-1e-7",
    "9007199254740993",
    "-9223372036854775809",
    "1772359200000",
    "1772359200.5",
    "4294967296",
    "1234567890123456789012345678901234567890123",
    "\"9\"",
    "\"65536\"",
    "\"true\"",
    "\"2026-03-01T10:00:00.123456789Z\"",
    "\"2026-03-01 10:00:00\"",
    "\"2026-03-01T24:00:00Z\"",
    "\"1969-12-31T23:59:60Z\"",
    "\"9999-12-31T23:59:59Z\"",
    "\" x \"",
    "\"a,b\"",
    "\"a;b\"",
    "\"a/b\"",
    "\"//\"",
    "\"/\"",
    "\"..\"",
    "\"[fd00::7]:43\"",
    "\"10.1.0.7, 10.1.0.8\"",
    "\"10.1.0.7:99999\"",
    "\"fe80::1%eth0\"",
    "\"spiffe://d\"",
    "\"SPIFFE://D/x\"",
    "\"spiffe://d/ns//sa/b\"",
    "\"arn:aws:iam::111122223333:role/r\"",
    "\"arn:aws:sts::111122223333:assumed-role/r/s\"",
    "\"ASIAAAAAAAAAAAAAAAA1\"",
    "\"system:serviceaccounts:a\"",
    "\"system:serviceaccount:a\"",
    "\"system:anonymous\"",
    "\"docker://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
    "\"By=spiffe://d/a;Hash=aa;URI=spiffe://d/b\"",
    "\"4294967295\"",
    "[[[]]]",
    "[{}]",
    "{\"\":\"\"}",
    "{\"a\":1,\"a\":2}",
    "[\"a\",]",
    "nul",
    "tru",
    "\"\\u00zz\"",
    "\"\\ud83d\"",
    "\"\\x\"",
    "\"	\"",
    "\"\u{e9}\u{2028}\u{202e}\u{1f600}\"",
    "\"\u{0}\"",
    "\"# x\"",
    "\"execve\"",
    "\"container\"",
    "\"host\"",
    "\"Sigkill\"",
    "\"KPROBE_ACTION_SIGKILL\"",
    "\"security_file_permission\"",
    "\"Warning\"",
    "\"ok\"",
    "\"outbound|80||x\"",
    "\"mtls_authentication_failed\"",
    "\"AssumeRoleWithWebIdentity\"",
    "\"GetSessionToken\"",
    "\"GetFederationToken\"",
    "\"CreateSession\"",
    "\"PutRolePolicy\"",
    "\"WebIdentityUser\"",
    "\"SAMLUser\"",
    "\"ec2.amazonaws.com\"",
    "\"rolesanywhere.amazonaws.com\"",
    "\"repo:a/b:ref:refs/heads/main\"",
    "\"Mar 1, 2026, 1:01:14 PM\"",
    "\"Mar 1, 2026 11:00:00 AM\"",
    "\"Feb 29, 2026, 0:60:61 PM\"",
    "{\"accessKeyId\":\"ASIAAAAAAAAAAAAAAAA2\",\"expiration\":\"Mar 1, 2026, 1:01:14 PM\"}",
    "{\"accessKeyId\":\"ASIAAAAAAAAAAAAAAAA3\",\"sessionToken\":\"Xse9OHqHpnMSMvSdhy38HgccHepdPpey\"}",
    "[{\"credentials\":{\"accessKeyId\":\"ASIAAAAAAAAAAAAAAAA4\"}}]",
    "[{\"key\":\"kubernetes-pod-name\",\"value\":\"w\"},{\"key\":\"kubernetes-namespace\",\"value\":1}]",
    "{\"kubernetes-namespace\":\"n\",\"kubernetes-service-account\":\"s\",\"eks-cluster-arn\":\"a/b\"}",
    "\"Signed X509 SVID\"",
    "\"API accessed\"",
    "\"Agent is banned\"",
    "\"No identity issued\"",
    "\"Fetched JWT SVID\"",
    "\"Node attestation was successful\"",
    "\"Failed to attest\"",
    "\"AttestAgent\"",
    "\"RenewAgent\"",
    "\"CreateJoinToken\"",
    "\"DeleteAgent\"",
    "\"NewJWTSVID\"",
    "\"audit\"",
    "\"success\"",
    "\"PermissionDenied\"",
    "\"workload_attestor\"",
    "\"WorkloadAttestor\"",
    "\"256\"",
    "\"[a b]\"",
];

/// Keys that are put in.
const KEYS: &[&str] = &[
    "log",
    "message",
    "stream",
    "time",
    "kind",
    "items",
    "Records",
    "value",
    "topic",
    "@timestamp",
    "user",
    "stage",
    "VERB",
    "verb",
    "category",
    "kubernetes",
    "password",
    "token",
    "data",
    "x",
    "hostname",
    "rule",
    "process_exec",
    "node_name",
    "evt.type",
];

/// What is put into a text.
const PIECES: &[&str] = &[
    "\\u0041",
    "\\u00e9",
    "\\u0000",
    "\\u2028",
    "\\uD83D\\uDE00",
    "\\ud83d",
    "\\n",
    "\\t",
    "\\/",
    "\\\"",
    "\\\\",
    "\\b",
    "\\x",
    "\u{e9}",
    "\u{0}",
    "\u{7f}",
    "\t",
    "\u{feff}",
    "%2F",
    "/",
    ":",
    ",",
    ";",
    "=",
    "[",
    "]",
    "{",
    "}",
    "..",
    "-",
    " ",
    "0",
    "system:",
    "spiffe://",
    "host:",
    "token=",
    "password=hunter22x",
    "Bearer abcdefgh12345678",
    "AKIAAAAAAAAAAAAAAAA1",
    "::",
    "::ffff:",
    "10.1.0.7",
    "/proc/1/root",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// What may stand between tokens, or must not.
const BLANKS: &[&str] = &[" ", "  ", "\t", "\r", "\u{c}", "\u{a0}", ",", "/**/", "\u{feff}"];

/// Longest text that is made, in bytes: beyond what columns keep.
const MAX_LONG_BYTES: usize = 20_000;

/// Deepest nesting that is made: beyond what is walked.
const MAX_DEPTH: usize = 140;

/// A member of some object of a text: where its key begins, where its value begins, and where it ends.
#[derive(Debug, Clone, Copy)]
struct Member {
    start: usize,
    value: usize,
    end: usize,
}

/// `text`, changed once; `format` is the id of its format.
#[must_use]
pub fn change(format: &str, text: &str, numbers: &mut Numbers) -> Vec<u8> {
    let Some(member) = member(text, numbers) else { return with_byte(text, numbers) };
    let Member { start, value, end } = member;
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let (before, key, old, behind) =
        (part(0, start), part(start, value), part(value, end), part(end, text.len()));
    let new = numbers.one(VALUES).unwrap_or_default();
    let changed = match numbers.below(24) {
        0..=6 => [before, key, new, behind].concat(),
        7 | 8 => {
            let other = self::member(text, numbers).map_or(old, |other| part(other.value, other.end));
            [before, key, other, behind].concat()
        }
        9 | 10 => [before, "\"", name(format, numbers), "\":", new, ",", key, old, behind].concat(),
        11 => [before, "\"", name(format, numbers), "\":", old, behind].concat(),
        12..=14 => match behind.strip_prefix(',') {
            Some(behind) => [before, behind].concat(),
            None => [before.strip_suffix(',').unwrap_or(before), behind].concat(),
        },
        15 => [before, key, old, ",", key, if numbers.once_in(2) { old } else { new }, behind].concat(),
        16 => spaced(text, member, numbers),
        17 => [before, key, &wrapped(old, numbers), behind].concat(),
        18..=20 => [before, key, &with_piece(old, numbers), behind].concat(),
        21 => swapped(text, member, numbers),
        22 => [before, key, &old.to_uppercase(), behind].concat(),
        _ => return with_byte(text, numbers),
    };
    changed.into_bytes()
}

/// Some member of some object.
fn member(text: &str, numbers: &mut Numbers) -> Option<Member> {
    let colons = memchr::memmem::find_iter(text.as_bytes(), "\":").count();
    let colon = memchr::memmem::find_iter(text.as_bytes(), "\":").nth(numbers.below(colons))?;
    let start = memchr::memrchr(b'"', text.as_bytes().get(..colon)?)?;
    let value = colon + 2;
    let end = value + value_length(text.as_bytes().get(value..)?);
    text.is_char_boundary(end).then_some(Member { start, value, end })
}

/// Length of the value with which a text begins, as far as it is one.
fn value_length(bytes: &[u8]) -> usize {
    let (mut depth, mut at, mut quoted) = (0_i32, 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => break,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at.min(bytes.len())
}

/// A key of the format's records, or one of [`KEYS`].
fn name(format: &str, numbers: &mut Numbers) -> &'static str {
    let own = crate::fast::of_format(format).filter(|_| !numbers.once_in(3));
    let own = own.and_then(|fast| {
        let mut shape = fast.shape;
        loop {
            let member = shape.members().get(numbers.below(shape.members().len()))?;
            match member.shape().filter(|_| !numbers.once_in(3)) {
                Some(inner) => shape = inner,
                None => return Some(member.name()),
            }
        }
    });
    own.or_else(|| numbers.one(KEYS)).unwrap_or_default()
}

/// Something between two tokens.
fn spaced(text: &str, Member { start, value, end }: Member, numbers: &mut Numbers) -> String {
    let at = numbers.one(&[&start, &value, &end, &(value - 1)]).copied().unwrap_or_default();
    let (before, behind) = text.split_at_checked(at).unwrap_or((text, ""));
    [before, numbers.one(BLANKS).unwrap_or_default(), behind].concat()
}

/// A value inside others.
fn wrapped(value: &str, numbers: &mut Numbers) -> String {
    let depth = if numbers.once_in(8) { numbers.below(MAX_DEPTH) } else { 1 };
    match numbers.below(4) {
        0 => format!("{}{value}{}", "[".repeat(depth), "]".repeat(depth)),
        1 => format!("{}{value}{}", "{\"k\":".repeat(depth), "}".repeat(depth)),
        2 => format!("[{value},{value}]"),
        _ => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// A value with something put in, a stretch left out, or one that is repeated.
fn with_piece(value: &str, numbers: &mut Numbers) -> String {
    let at = value.floor_char_boundary(1 + numbers.below(value.len().saturating_sub(1)));
    let to = value.floor_char_boundary(at + numbers.below(value.len().saturating_sub(at)));
    let (before, behind) = value.split_at_checked(at).unwrap_or((value, ""));
    let stretch = value.get(at..to).unwrap_or_default();
    match numbers.below(8) {
        0 => [before, value.get(to..).unwrap_or_default()].concat(),
        1 if numbers.once_in(16) => {
            let times = MAX_LONG_BYTES / stretch.len().max(1);
            [before, &stretch.repeat(numbers.below(times)), behind].concat()
        }
        2 => [before, stretch, behind].concat(),
        _ => [before, numbers.one(PIECES).unwrap_or_default(), behind].concat(),
    }
}

/// Two members in each other's place, where neither is inside the other.
fn swapped(text: &str, one: Member, numbers: &mut Numbers) -> String {
    let other = member(text, numbers).filter(|other| other.start >= one.end || other.end <= one.start);
    let Some(other) = other else { return text.to_owned() };
    let (first, second) = if one.start < other.start { (one, other) } else { (other, one) };
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    [
        part(0, first.start),
        part(second.start, second.end),
        part(first.end, second.start),
        part(first.start, first.end),
        part(second.end, text.len()),
    ]
    .concat()
}

/// One byte put in, replaced, or everything behind it gone.
fn with_byte(text: &str, numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let at = numbers.below(bytes.len() + 1);
    let byte = numbers.one(&["\"", "\\", "{", "}", "[", "]", ",", ":", "\n", "0", "-", ".", "e", "\u{80}"]);
    let new = byte.unwrap_or_default().bytes().next_back();
    match numbers.below(8) {
        0 => bytes.truncate(at),
        1..=3 => drop(bytes.splice(at..at, new)),
        _ => drop(bytes.splice(at..(at + 1).min(bytes.len()), new)),
    }
    bytes
}
