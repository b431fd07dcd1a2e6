//! Law FLOW-2: the fast path and the strict one give the same rows, dead letters and counts, byte for byte.
//!
//! Seeds are the formats' own samples, the project's samples, and the corpus where it lies beside the project; each is
//! read as it is and changed in many ways.

use std::fs;
use std::path::{Path, PathBuf};

use offbound_ingest::decode::FORMATS;
use offbound_ingest::fuzzing::change::change;
use offbound_ingest::fuzzing::{Numbers, RECORDS, differential, differential_of_all, sample, taken};
use proptest::prelude::*;
use proptest::sample::Index;

/// Formats that have a fast path.
const FAST: &[&str] =
    &["k8s-audit", "envoy", "cloudtrail", "linux-audit", "tetragon", "falco", "spire-server", "spire-agent"];
/// Bytes of a file that are read whole, so that the test stays short.
const BYTES_PER_FILE: usize = 128 * 1024;
/// Lines of a file that are taken as seeds.
const SEEDS_PER_FILE: usize = 60;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Samples of the formats, and whole files of the project and of the corpus.
fn inputs() -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples"), &mut paths);
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"), &mut paths);
    let files = paths.into_iter().filter_map(|path| fs::read(path).ok());
    files.chain([SIDECARS.as_bytes().to_vec()]).collect()
}

/// Both sides of a call between sidecars: no file has the caller's.
const SIDECARS: &str = r#"{"start_time":"2026-03-01T10:00:00.002Z","method":"GET","path":"/x","protocol":"HTTP/1.1","response_code":200,"response_flags":"-","response_code_details":"via_upstream","authority":"payments:8443","upstream_host":"10.1.9.9:8443","upstream_cluster":"outbound|8443||payments.shop.svc.cluster.local","upstream_local_address":"10.1.0.7:50112","downstream_local_address":"10.96.0.4:8443","downstream_remote_address":"10.1.0.7:43612","request_id":"r-1"}
{"start_time":"2026-03-01T10:00:00.002Z","method":null,"path":null,"protocol":null,"response_code":0,"response_flags":"-","upstream_host":"10.1.9.9:5432","upstream_cluster":"PassthroughCluster","upstream_local_address":"[fd00::7]:50112","downstream_local_address":"10.1.9.9:5432","downstream_remote_address":"[fd00:0::7]:43612"}
{"start_time":"2026-03-01T10:00:00.003Z","method":"GET","path":"/x","protocol":"HTTP/1.1","response_code":403,"response_flags":"-","response_code_details":"rbac_access_denied_matched_policy[none]","authority":"payments:8443","upstream_host":"127.0.0.1:8443","upstream_cluster":"inbound|8443||","upstream_local_address":"127.0.0.6:50112","downstream_local_address":"10.1.9.9:8443","downstream_remote_address":"10.1.0.7:50112","request_id":"r-1","downstream_peer_uri_san":"spiffe://d/ns/shop/sa/web","x_forwarded_client_cert":"By=spiffe://d/x;Hash=00;URI=spiffe://d/edge"}
"#;

/// Single records.
fn seeds() -> Vec<String> {
    let mut seeds: Vec<String> = FORMATS.iter().map(|format| format.sample.to_owned()).collect();
    seeds.extend(FAST.iter().map(|id| sample(id)).chain(RECORDS.iter().copied()).map(str::to_owned));
    for input in inputs() {
        let text = String::from_utf8_lossy(&input);
        seeds.extend(
            text.lines().filter(|line| line.starts_with('{')).take(SEEDS_PER_FILE).map(str::to_owned),
        );
    }
    seeds
}

/// Scenario: the beginning of every sample and corpus file, each behind the sample of one fast format in turn.
/// Guarantees: both paths agree.
#[test]
fn whole_files_agree() {
    for (input, format) in inputs().iter().zip(FAST.iter().cycle()) {
        differential(format, input.get(..BYTES_PER_FILE).unwrap_or(input));
    }
}

/// Scenario: each fast format's own sample, many times. Guarantees: the fast path takes it, so that these tests test.
#[test]
fn samples_take_the_fast_path() {
    for name in FAST {
        let lines = format!("{}\n", sample(name)).repeat(10);
        assert_eq!(taken(name, lines.as_bytes()), 10, "{name}");
    }
}

/// Scenario: records that the samples do not have, of one format each time. Guarantees: both paths agree, and the fast one takes
/// most of them: not a set of credentials, a number in a text's place, a line of the other side of SPIRE.
#[test]
fn other_records_agree() {
    let taken_of = |format: &str, records: &[&str]| {
        differential(format, records.join("\n").as_bytes());
        let is_taken = |record: &&&str| taken(format, format!("{record}\n").as_bytes()) > 0;
        records.iter().filter(is_taken).count()
    };
    let (calls, lines): (Vec<&str>, Vec<&str>) =
        RECORDS.iter().partition(|record| record.contains("eventName"));
    assert_eq!(taken_of("cloudtrail", &calls), calls.len() - 1);
    let (server, agent) = (taken_of("spire-server", &lines), taken_of("spire-agent", &lines));
    assert_eq!((server, agent), (5, 3));
}

/// Access log entries that ended in ways of their own: handshakes that failed, an authorizer that did, an answer that broke off,
/// forwarded certificates with an open quote and with several names.
const ENDINGS: [&str; 6] = [
    r#"{"start_time":"2026-03-01T10:00:00.002Z","response_code":0,"response_flags":"-","downstream_transport_failure_reason":"TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end","downstream_remote_address":"10.1.0.7:43612","downstream_local_address":"10.1.9.9:8443","requested_server_name":"payments.example"}"#,
    r#"{"start_time":"2026-03-01T10:00:00.002Z","response_code":0,"response_flags":"DC","downstream_transport_failure_reason":"TLS_error:|1:SSL routines:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_UNKNOWN:TLS_error_end","downstream_remote_address":"10.1.0.7:43612","downstream_local_address":"10.1.9.9:8443","requested_server_name":"payments.example"}"#,
    r#"{"start_time":"2026-03-01T10:00:00.002Z","method":"GET","path":"/x","response_code":403,"response_flags":"UAEX","response_code_details":"ext_authz_error","upstream_cluster":"inbound|8443||","downstream_remote_address":"10.1.0.7:43612"}"#,
    r#"{"start_time":"2026-03-01T10:00:00.002Z","method":"GET","path":"/x","response_code":200,"response_flags":"DC","response_code_details":"downstream_remote_disconnect","upstream_cluster":"inbound|8443||","downstream_remote_address":"10.1.0.7:43612"}"#,
    r#"{"start_time":"2026-03-01T10:00:00.002Z","method":"GET","path":"/x","response_code":200,"response_flags":"-","response_code_details":"via_upstream","upstream_cluster":"inbound|8443||","downstream_remote_address":"10.1.0.7:43612","x_forwarded_client_cert":"URI=spiffe://victim;Subject=\"\",By=spiffe://d/x;Hash=00;Subject=\"\";URI=spiffe://d/edge"}"#,
    r#"{"start_time":"2026-03-01T10:00:00.002Z","method":"GET","path":"/x","response_code":200,"response_flags":"-","response_code_details":"via_upstream","upstream_cluster":"inbound|8443||","downstream_remote_address":"10.1.0.7:43612","x_forwarded_client_cert":"By=spiffe://d/x;Hash=00;URI=https://d/a;URI=spiffe://d/a"}"#,
];

/// Scenario: entries that ended in ways of their own. Guarantees: the fast path takes them, and both paths agree.
#[test]
fn endings_agree() {
    for entry in ENDINGS {
        differential("envoy", entry.as_bytes());
        assert_eq!(taken("envoy", format!("{}\n{entry}\n", sample("envoy")).as_bytes()), 2, "{entry}");
    }
}

/// A refused call in the JSON log of SPIRE's server, which writes status codes as numbers.
const REFUSED: &str = r#"{"authorized_as":"nobody","caller_addr":"10.1.0.7:41000","level":"info","method":"ListEntries","msg":"API accessed","request_id":"r1","service":"entry.v1.Entry","status":"error","status_code":7,"status_message":"authorization denied","subsystem_name":"api","time":"2026-03-01T10:00:00Z","type":"audit"}"#;

/// Scenario: a refused call. Guarantees: the fast path takes it, and both paths agree.
#[test]
fn refusals_of_spire_agree() {
    differential("spire-server", REFUSED.as_bytes());
    assert_eq!(taken("spire-server", format!("{REFUSED}\n").as_bytes()), 1);
}

/// Scenario: records of the formats with a fast path, in turn, in one stream. Guarantees: the fast path takes all but the
/// first of each format.
#[test]
fn mixed_streams_take_the_fast_path() {
    // Lines of the server of SPIRE and of its agent look alike: where they take turns, they are read strictly.
    let samples: Vec<&str> = FAST.iter().filter(|id| **id != "spire-agent").map(|id| sample(id)).collect();
    let turn = format!("{}\n", samples.join("\n"));
    assert_eq!(taken(FAST[0], turn.repeat(10).as_bytes()), 9 * samples.len() as u64 + 1);
}

/// Number of cases: `OFFBOUND_CASES`, or enough for every build.
fn cases() -> u32 {
    std::env::var("OFFBOUND_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100)
}

/// Scenario: three records, each a seed, changed up to six times. Guarantees: both paths agree.
#[test]
fn changed_records_agree() {
    let seeds = seeds();
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let records = proptest::collection::vec(any::<Index>(), 3);
    let input = (0..FAST.len(), any::<bool>(), records, 0..=6, any::<u64>());
    let result = runner.run(&input, |(format, own, records, changes, seed)| {
        let own = Some(sample(FAST[format])).filter(|_| own);
        let line = |index: &Index| own.unwrap_or_else(|| &seeds[index.index(seeds.len())]);
        let lines: Vec<&str> = records.iter().map(line).collect();
        let numbers = &mut Numbers::of(seed);
        let log =
            (0..changes).fold(lines.join("\n").into_bytes(), |log, _| change(FAST[format], &log, numbers));
        differential(FAST[format], &log);
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

/// Scenario: six records of any formats in one stream that has had all of them, changed up to four times. Guarantees: both
/// paths agree, whatever came before.
#[test]
fn mixed_records_agree() {
    let seeds = seeds();
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let records = proptest::collection::vec(any::<Index>(), 6);
    let input = (0..FAST.len(), records, 0..=4, any::<u64>());
    let result = runner.run(&input, |(format, records, changes, seed)| {
        let lines: Vec<&str> = records.iter().map(|index| &*seeds[index.index(seeds.len())]).collect();
        let numbers = &mut Numbers::of(seed);
        let log =
            (0..changes).fold(lines.join("\n").into_bytes(), |log, _| change(FAST[format], &log, numbers));
        differential_of_all(&log);
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}
