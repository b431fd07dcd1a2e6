//! The example mappings beside the guide: sound, recognised through every envelope, and telling what they should.

use std::fs;
use std::path::Path;

use offbound_ingest::fuzzing::{Collector, check_count};
use offbound_ingest::{
    FingerprintKey, FormatRef, Formats, IngestOptions, Mapping, SourceRead, SourceRule, read_bytes,
};
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{Decision, IdKind, Outcome, Phase};

fn mappings() -> Vec<Mapping> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/formats");
    let entries = fs::read_dir(folder).expect("the examples are part of the project");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let text = fs::read_to_string(file).expect("an example is text");
        Mapping::parse(&text, &file.display().to_string())
            .map_err(|error| error.to_string())
            .expect("an example is a mapping")
    };
    files.iter().map(read).collect()
}

fn options(sources: &[&str]) -> IngestOptions {
    let formats = Formats::with(mappings()).expect("the ids differ");
    let rule = |text: &&str| SourceRule::parse(text, &formats).expect("a rule");
    let sources = sources.iter().map(rule).collect();
    IngestOptions { formats, sources, key: FingerprintKey::for_tests() }
}

fn read(bytes: &str, sources: &[&str]) -> (SourceRead, Collector) {
    let mut collector = Collector::default();
    let read =
        read_bytes("a.log", bytes.as_bytes(), &options(sources), &mut collector).expect("bytes can be read");
    check_count(&read.count, &collector);
    (read, collector)
}

fn samples() -> Vec<(String, String)> {
    let formats = Formats::with(mappings()).expect("the ids differ");
    let mapped = formats.iter().filter(|format| matches!(format, FormatRef::Mapped(_)));
    mapped.map(|format| (format.id().to_owned(), format.sample().to_owned())).collect()
}

fn sample(id: &str) -> String {
    samples()
        .into_iter()
        .find(|(name, _)| name == id)
        .map(|(_, sample)| sample)
        .expect("the example is there")
}

fn assertion(id: &str) -> IdentityAssertion {
    let (_, mut collector) = read(&sample(id), &[]);
    collector.rows.identity_assertions.pop().expect("one row")
}

/// Scenario: the sample of every example, among all examples and built-in formats.
/// Guarantees: it is recognised as its own, gives one row and no dead letter, and leaves nothing unmapped.
#[test]
fn every_example_reads_its_sample() {
    let samples = samples();
    assert!(samples.len() >= 6, "{samples:?}");
    for (id, sample) in samples {
        let (read, collector) = read(&sample, &[]);
        assert_eq!(
            (read.count.format.as_str(), read.count.decoded),
            (id.as_str(), 1),
            "{:?}",
            collector.letters
        );
        assert_eq!(collector.rows.len(), 1, "{id}");
        let unmapped = collector.rows.identity_assertions.iter().filter_map(|row| row.unmapped.clone());
        let known =
            ["{\"labels.id\"", "{\"auth.metadata.service_account_uid\"", "{\"response.auth.metadata.role\""];
        for text in unmapped {
            assert!(known.iter().any(|start| text.starts_with(start)), "{id}: {text}");
        }
    }
}

/// Scenario: what each example says of its sample. Guarantees: credential, place, decision and time in their columns.
#[test]
fn examples_tell_what_they_should() {
    let row = assertion("vault-use");
    assert_eq!((row.phase, row.decision, row.id_kind), (Phase::Present, Decision::Allow, IdKind::Accessor));
    assert_eq!(row.on_behalf_of.as_deref(), Some("system:serviceaccount:shop:web"));
    assert_eq!(row.credential_id, assertion("vault-login").credential_id);
    let row = assertion("opa-decision");
    assert_eq!(
        (row.decision, row.src_addr.as_deref(), row.dst_port),
        (Decision::Deny, Some("10.1.0.7"), Some(8443))
    );
    assert_eq!((row.issuer.as_deref(), row.bound_namespace.as_deref()), (Some("prod.example"), Some("shop")));
    let row = assertion("gateway-jwt");
    assert_eq!((row.credential_id.as_deref(), row.src_port), (Some("JTI=5f0c2d7e"), Some(43612)));
    assert_eq!(
        (row.addr_chain, row.action.as_deref()),
        (vec!["203.0.113.9".into(), "10.1.0.7".into()], Some("GET /v1/charges"))
    );
    let row = assertion("envoy-peer");
    assert_eq!(row.credential_alias.as_deref(), Some("X509SERIAL=1f2e3d4c5b6a"));
    assert!(row.nbf < row.exp && row.exp.is_some() && row.id_kind == IdKind::CertFp);
}

/// Scenario: CSV with quotes, a field of two lines, a repeated header, a short line; in three delimiters, by header and
/// by label. Guarantees: each record is one row at its line, each bad line one dead letter.
#[test]
fn csv_logs() {
    let header = "start,srcaddr,srcport,dstaddr,dstport,action,policy,extra";
    let lines = [
        header,
        "1772359200,10.1.0.7,1,10.1.9.9,443,ACCEPT,\"a\nb\",x",
        "1772359201,10.1.0.7,2,10.1.9.9,443,REJECT,\"p \"\"q\"\"\",y",
        header,
        "1772359202,10.1.0.7",
        "soon,10.1.0.7,2,10.1.9.9,443,REJECT,,y",
        "1772359203,10.1.0.7,70000,name,443,DROP,,",
    ];
    let text = lines.join("\n");
    for (text, sources) in [
        (text.clone(), &[] as &[&str]),
        (text.replace(',', ";"), &[]),
        (text.replace(',', "\t"), &["flow-csv:lab=*.log"]),
    ] {
        let (read, collector) = read(&text, sources);
        let rows = &collector.rows.host_events;
        assert_eq!(
            (read.count.decoded, read.count.skipped.get("csv-header")),
            (3, Some(&2)),
            "{:?}",
            collector.letters
        );
        let letters: Vec<_> = collector
            .letters
            .iter()
            .map(|letter| (letter.reason.as_str(), letter.location.as_str()))
            .collect();
        assert_eq!(letters, [("bad-csv", "a.log:6"), ("ill-typed-field", "a.log:7")]);
        let places: Vec<&str> = rows.iter().map(|row| row.location.as_str()).collect();
        assert_eq!(places, ["a.log:2", "a.log:4", "a.log:8"]);
        let said: Vec<_> =
            rows.iter().map(|row| (row.outcome, row.policy.clone().unwrap_or_default())).collect();
        let expected = [(Outcome::Allowed, "a\nb"), (Outcome::Denied, "p \"q\""), (Outcome::Unknown, "")];
        assert_eq!(said, expected.map(|(outcome, policy)| (outcome, policy.to_owned())));
        let last = rows.last().and_then(|row| row.unmapped.as_deref());
        assert!(last.is_some_and(|text| ["70000", "name", "DROP"].iter().all(|value| text.contains(value))));
    }
}

/// Scenario: a mapping beside a built-in format that knows the record too, and a record of neither.
/// Guarantees: the mapping is asked first; what it does not know is left to the others.
#[test]
fn a_mapping_comes_before_built_in_formats() {
    let envoy = r#"{"start_time":"2026-03-01T10:00:00Z","downstream_remote_address":"10.1.0.7:1","upstream_host":"10.1.9.9:1","response_flags":"-","response_code":200}"#;
    let text = "version = 1\nid = \"mine\"\ntable = \"identity_assertions\"\n[recognise]\nhas = [\"upstream_host\"]\n\
        [time]\npath = \"start_time\"\n[column]\nphase = { const = \"present\" }\n";
    let formats = Formats::with(vec![Mapping::parse(text, "mine.toml").expect("sound")]).expect("one id");
    let options = IngestOptions { formats, sources: Vec::new(), key: FingerprintKey::for_tests() };
    let bytes = format!("{envoy}\n{}\n{{\"x\":1}}\n", envoy.replace("upstream_host", "route_name"));
    let mut collector = Collector::default();
    read_bytes("a.log", bytes.as_bytes(), &options, &mut collector).expect("bytes can be read");
    let sources: Vec<&str> =
        collector.rows.identity_assertions.iter().map(|row| row.source.as_str()).collect();
    assert_eq!((sources, collector.letters.len()), (vec!["mine", "envoy"], 1));
    assert!(
        Formats::with(
            ["a", "a"].map(|id| Mapping::parse(&text.replace("mine", id), "x").expect("sound")).into()
        )
        .is_err()
    );
}

/// Scenario: plain Kubernetes audit records, which have a fast path, and a mapping that is meant by some of them.
/// Guarantees: the mapping gets its own, however many others came before, and the others are read as ever.
#[test]
fn a_mapping_comes_before_fast_paths() {
    let format =
        offbound_ingest::decode::FORMATS.iter().find(|format| format.id == "k8s-audit").expect("built in");
    let text = "version = 1\nid = \"lists\"\ntable = \"identity_assertions\"\n[recognise]\nhas = [\"auditID\"]\n\
        equals = { verb = \"list\" }\n[time]\npath = \"stageTimestamp\"\n[column]\nphase = { const = \"present\" }\n";
    let formats = Formats::with(vec![Mapping::parse(text, "lists.toml").expect("sound")]).expect("one id");
    let options = IngestOptions { formats, sources: Vec::new(), key: FingerprintKey::for_tests() };
    let line = |number: usize| {
        let verb = if number % 3 == 2 { "list" } else { "get" };
        format.sample.replace(r#""verb":"list""#, &format!(r#""verb":"{verb}""#))
    };
    let bytes = (0..9).map(line).collect::<Vec<_>>().join("\n");
    let mut collector = Collector::default();
    read_bytes("a.log", bytes.as_bytes(), &options, &mut collector).expect("bytes can be read");
    let sources: Vec<&str> =
        collector.rows.identity_assertions.iter().map(|row| row.source.as_str()).collect();
    let expected: Vec<&str> =
        (0..9).map(|number| if number % 3 == 2 { "lists" } else { "k8s-audit" }).collect();
    assert_eq!((sources, collector.letters.len()), (expected, 0));
}
