//! Volume runs: repeatable, of the size that was asked for, attacks where the truth says.

use offbound_simulate::{Memory, SimulateError, Span, Truth, VolumeOptions, volume};

fn generate(lines: u64, plant: &[&str]) -> (u64, Memory) {
    let mut memory = Memory::default();
    let plant = plant.iter().map(|id| (*id).to_owned()).collect();
    let report = volume(&VolumeOptions { lines, seed: 5, plant, span: None }, &mut memory)
        .expect("memory takes everything");
    (report.lines, memory)
}

/// Scenario: a run with two planted attacks, twice. Guarantees: equal bytes, about as many lines as asked for,
/// every label on the attacker's own line, an environment that holds all realms.
#[test]
fn planted_attacks_are_where_the_truth_says() {
    let (lines, first) = generate(20_000, &["stolen-pod-token", "stolen-session-key"]);
    assert!(first == generate(20_000, &["stolen-pod-token", "stolen-session-key"]).1);
    assert!((20_000..24_000).contains(&lines), "{lines}");
    let truth: Truth = serde_json::from_slice(&first.0["truth.json"]).expect("truth is of its own shape");
    assert_eq!(truth.incidents.len(), 2);
    let credentials: Vec<&str> =
        truth.incidents.iter().flat_map(|incident| &incident.credentials).map(String::as_str).collect();
    let uses: Vec<_> = truth.labels.iter().filter(|label| label.role == "use").collect();
    assert!(uses.len() >= 6, "{uses:?}");
    for label in uses {
        let text = String::from_utf8_lossy(&first.0[&label.file]);
        let line = text.split('\n').nth(label.line as usize - 1).unwrap_or_default();
        let named = |credential: &&str| line.contains(credential.trim_start_matches("JTI="));
        assert!(credentials.iter().any(named), "{label:?}: {line}");
    }
    let environment = String::from_utf8_lossy(&first.0["environment.toml"]);
    for realm in ["10.32.0.0/12", "10.9.0.0/16", "172.31.0.0/16"] {
        assert!(environment.contains(realm), "{environment}");
    }
}

/// Scenario: a run without attacks. Guarantees: every line of JSON formats is JSON, and the truth is empty.
#[test]
fn ordinary_traffic_is_well_formed() {
    let (_, memory) = generate(30_000, &[]);
    let truth: Truth = serde_json::from_slice(&memory.0["truth.json"]).expect("truth is of its own shape");
    assert!(truth.incidents.is_empty() && truth.labels.is_empty());
    let mut checked = 0;
    for (name, bytes) in
        memory.0.iter().filter(|(name, _)| *name != "linux-audit.log" && !name.ends_with(".toml"))
    {
        for line in bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty() && name.as_str() != "truth.json")
        {
            assert!(serde_json::from_slice::<serde_json::Value>(line).is_ok(), "{name}");
            checked += 1;
        }
    }
    assert!(checked > 20_000, "{checked}");
}

/// Scenario: ten seconds of traffic are asked for. Guarantees: the calls of that file fill these seconds, and no others.
#[test]
fn a_span_is_kept() {
    // 2026-03-02T00:00:00Z
    let span = Some(Span { from_nanos: 1_772_409_600_000_000_000, length_nanos: 10_000_000_000 });
    let options = VolumeOptions { lines: 20_000, seed: 5, plant: Vec::new(), span };
    let mut memory = Memory::default();
    volume(&options, &mut memory).expect("memory takes everything");
    let text = String::from_utf8_lossy(&memory.0["envoy-access.ndjson"]);
    let moments = text.lines().filter_map(|line| line.get(15..38)).collect::<Vec<_>>();
    assert!(moments.len() > 1_000, "{}", moments.len());
    let (first, last) = (moments.iter().min(), moments.iter().max());
    assert!(first >= Some(&"2026-03-02T00:00:00.000"), "{first:?}");
    let ends = last > Some(&"2026-03-02T00:00:05.000") && last < Some(&"2026-03-02T00:00:15.000");
    assert!(ends, "{last:?}");
}

/// Scenario: a scenario that does not exist is to be planted. Guarantees: an error that names those that do.
#[test]
fn unknown_scenarios_are_refused() {
    let options = VolumeOptions { lines: 10, seed: 1, plant: vec!["nonsense".to_owned()], span: None };
    let error = volume(&options, &mut Memory::default());
    assert!(matches!(&error, Err(SimulateError::UnknownScenario { known, .. }) if known.contains("stolen")));
}
