//! Changes of a line of the audit system: its words.
//!
//! In: a line. Out: the line with words replaced, put in or left out, with another stamp, or cut.
//! Owns: the words that decide something, and lines as the daemon writes them.

use crate::fuzzing::Numbers;

/// Lines as the daemon writes them.
pub const LINES: &[&str] = &[
    r#"type=SYSCALL msg=audit(1772359200.500:4121): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ffd0 a2=0 a3=0 items=1 ppid=4100 pid=4121 auid=1000 uid=33 gid=33 euid=33 suid=33 fsuid=33 egid=33 sgid=33 fsgid=33 tty=(none) ses=3 comm="cat" exe="/usr/bin/cat" subj=unconfined key="creds""#,
    r#"type=CWD msg=audit(1772359200.500:4121): cwd="/srv/web""#,
    r#"type=PATH msg=audit(1772359200.500:4121): item=0 name="/etc/shadow" inode=7 dev=fd:00 mode=0100640 ouid=0 ogid=42 rdev=00:00 nametype=NORMAL cap_fp=0"#,
    "type=PROCTITLE msg=audit(1772359200.500:4121): proctitle=636174002F6574632F736861646F77",
    r#"type=SYSCALL msg=audit(1772359200.503:4122): arch=c000003e syscall=59 success=yes exit=0 ppid=4121 pid=4122 auid=4294967295 uid=0 euid=0 ses=4294967295 comm="curl" exe="/usr/bin/curl" key=(null)"#,
    r#"type=EXECVE msg=audit(1772359200.503:4122): argc=3 a0="curl" a1="-s" a2=687474703A2F2F782F61"#,
    "type=SYSCALL msg=audit(1772359200.504:4123): arch=c000003e syscall=42 success=no exit=-115 a0=3 ppid=4121 pid=4122 uid=0 euid=0 comm=\"curl\" exe=\"/usr/bin/curl\"\u{1d}ARCH=x86_64 SYSCALL=connect AUID=\"unset\"",
    "type=SOCKADDR msg=audit(1772359200.504:4123): saddr=02000050A9FEA9FE0000000000000000",
    r#"node=n1 type=AVC msg=audit(1772359203.100:4130): apparmor="DENIED" operation="open" profile="docker-default" name="/etc/shadow" pid=4121 comm="cat" requested_mask="r" denied_mask="r" fsuid=0 ouid=0"#,
    r#"type=AVC msg=audit(1772359203.200:4131): avc:  denied  { read } for  pid=5 comm="x" name="shadow" scontext=a:b:c tcontext=d:e:f tclass=file permissive=0"#,
    "type=EOE msg=audit(1772359200.500:4121): ",
    r#"type=USER_LOGIN msg=audit(1772359209.000:4140): pid=9 uid=0 auid=1000 ses=3 msg='op=login acct="eve" exe="/usr/sbin/sshd" hostname=h addr=10.0.0.1 terminal=ssh res=failed'"#,
    "audit: backlog limit exceeded",
    "----",
    r#"type=AUOMS_EXECVE audit(1772359200.500:4121): SchemaVersion="1" node=n1 syscall=execve cmdline="cat" containerid="#,
    r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"1","stage":"ResponseComplete","verb":"get","requestReceivedTimestamp":"2026-03-01T10:00:00Z"}"#,
];

/// What a word may become.
const WORDS: &[&str] = &[
    "",
    " ",
    "type=",
    "type=CWD",
    "type=1326",
    "type=UNKNOWN[1336]",
    "node=n2",
    "node=",
    "host=h",
    "msg=audit(1772359200.500:4121):",
    "msg=audit(1772359209.900:4190):",
    "msg=audit(1772359200:4121):",
    "msg=audit(1772359200.5:1)",
    "msg=audit(1.0:1):type=CWD",
    "audit(1772359200.500:4121):",
    "msg='op=x",
    "'",
    "\"",
    "{",
    "}",
    "old",
    "old auid=1",
    "a1=",
    "a1[0]=61",
    "a0=\"x y\"",
    "comm=6C73",
    "comm=6C7",
    "key=(null)ARCH=x86_64",
    "saddr=0200SADDR={",
    "SchemaVersion=\"1\"",
    "apparmor=\"DENIED\"",
    "apparmor=\"STATUS\"",
    "proctitle=6D7973716C002D7068756E7465723278",
    "a2=\"--password=hunter22x\"",
    "a1=\"Bearer\" a2=\"abcdefgh12345678\"",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----END RSA PRIVATE KEY-----",
    "a3=ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "argc=2 a0=\"mysql\"",
    "a0=\"-p\"",
    "<jwt;fp=1>",
    "success=no exit=-13",
    "syscall=101",
    "pid=4121",
    "pid=x",
    "\u{e9}",
    "\t",
    "\r",
    "\u{1d}",
    "\u{2028}",
    "stdout F",
    "subj_apparmor=x",
    "type=IPE_ACCESS",
    "res=success",
    "-- MARK",
    "audit_lost=7",
    "audit:",
    "avc:  denied  { read }",
    "--p4ss",
];

/// `line`, changed once.
#[must_use]
pub fn change(line: &str, numbers: &mut Numbers) -> Vec<u8> {
    let mut words: Vec<&str> = line.split(' ').collect();
    let at = numbers.below(words.len());
    let (word, stamp) = (numbers.one(WORDS).unwrap_or_default(), stamp(numbers));
    match numbers.below(16) {
        0..=3 => words.insert(at, word),
        4..=6 => words.iter_mut().skip(at).take(1).for_each(|old| *old = word),
        7..=8 => drop(words.remove(at)),
        9..=11 => {
            words.iter_mut().filter(|word| word.starts_with("msg=audit(")).for_each(|word| *word = &stamp)
        }
        12 => return numbers.one(LINES).unwrap_or_default().as_bytes().to_vec(),
        13 => return with_value_of_other(line, numbers),
        14 => return with_byte(line, numbers),
        _ => {
            let end = line.floor_char_boundary(numbers.below(line.len() + 1));
            return line.get(..end).unwrap_or_default().as_bytes().to_vec();
        }
    }
    words.join(" ").into_bytes()
}

/// A moment and a serial near those of [`LINES`], so that some meet.
fn stamp(numbers: &mut Numbers) -> String {
    let (millis, serial) = (numbers.below(12_000), 4_118 + numbers.below(8));
    format!("msg=audit({}.{:03}:{serial}):", 1_772_359_200 + millis / 1_000, millis % 1_000)
}

/// A field of another line in place of one of this.
fn with_value_of_other(line: &str, numbers: &mut Numbers) -> Vec<u8> {
    let other: Vec<&str> = numbers.one(LINES).unwrap_or_default().split(' ').collect();
    let field = numbers.one(&other).unwrap_or_default();
    let mut words: Vec<&str> = line.split(' ').collect();
    let key = field.split_once('=').map_or(field, |(key, _)| key);
    let same = words.iter_mut().find(|word| word.split_once('=').is_some_and(|(known, _)| known == key));
    match same {
        Some(word) => *word = field,
        None => words.push(field),
    }
    words.join(" ").into_bytes()
}

/// One byte that matters, somewhere.
fn with_byte(line: &str, numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = line.as_bytes().to_vec();
    let byte = numbers.one(&["\"", "'", "=", " ", "\u{1d}", "(", ")", ":", ".", "0", "A", "\\", "\u{0}"]);
    let at = numbers.below(bytes.len() + 1);
    let new = byte.unwrap_or_default().bytes();
    let old = if numbers.once_in(2) { at..(at + 1).min(bytes.len()) } else { at..at };
    drop(bytes.splice(old, new));
    bytes
}
