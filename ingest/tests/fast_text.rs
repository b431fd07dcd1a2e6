//! Law FLOW-2 for lines of text: the fast path and the strict one give the same rows, dead letters and counts.
//!
//! Seeds are events of the audit system of several lines; their words are replaced, doubled, left out, their lines
//! interleaved and moved in time.

use offbound_ingest::fuzzing::{differential, taken};
use proptest::prelude::*;
use proptest::sample::Index;

/// Lines as the daemon writes them.
const LINES: &[&str] = &[
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

/// One change of a line.
#[derive(Debug, Clone)]
enum Change {
    Word(Index, usize),
    Before(Index, usize),
    Without(Index),
    Stamp(u32, u32),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), 0..WORDS.len()).prop_map(|(index, word)| Change::Word(index, word)),
        4 => (at(), 0..WORDS.len()).prop_map(|(index, word)| Change::Before(index, word)),
        2 => at().prop_map(Change::Without),
        3 => (0..12_000_u32, 4_118..4_126_u32).prop_map(|(millis, serial)| Change::Stamp(millis, serial)),
        1 => at().prop_map(Change::Cut),
    ]
}

fn apply(line: &str, change: &Change) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    let stamp;
    match change {
        Change::Word(index, word) => {
            let at = index.index(words.len());
            words[at] = WORDS[*word];
        }
        Change::Before(index, word) => words.insert(index.index(words.len()), WORDS[*word]),
        Change::Without(index) => {
            words.remove(index.index(words.len()));
        }
        Change::Stamp(millis, serial) => {
            stamp = format!("msg=audit({}.{:03}:{serial}):", 1_772_359_200 + millis / 1_000, millis % 1_000);
            for word in words.iter_mut().filter(|word| word.starts_with("msg=audit(")) {
                *word = &stamp;
            }
        }
        Change::Cut(index) => {
            let end = line.floor_char_boundary(index.index(line.len() + 1));
            return line.get(..end).unwrap_or_default().to_owned();
        }
    }
    words.join(" ")
}

/// Number of cases: `OFFBOUND_CASES`, or enough for every build.
fn cases() -> u32 {
    std::env::var("OFFBOUND_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

/// Scenario: the plain ones of the lines above. Guarantees: the fast path takes them, so that these tests test.
#[test]
fn plain_lines_take_the_fast_path() {
    let plain: Vec<&str> = LINES.iter().copied().take(12).collect();
    assert_eq!(taken("linux-audit", plain.join("\n").as_bytes()), 12);
}

/// Scenario: up to thirty lines, each changed in up to three ways, in any order, with all breaks of lines.
/// Guarantees: both paths agree.
#[test]
fn changed_lines_agree() {
    let line = (0..LINES.len(), proptest::collection::vec(change(), 0..4), any::<bool>());
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(&proptest::collection::vec(line, 1..30), |lines| {
        let mut text = String::new();
        for (line, changes, windows) in &lines {
            text += &changes.iter().fold(LINES[*line].to_owned(), |line, change| apply(&line, change));
            text += if *windows { "\r\n" } else { "\n" };
        }
        differential("linux-audit", text.as_bytes());
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}
