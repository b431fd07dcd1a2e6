//! Law FLOW-3: secrets planted in records of every format appear in no output.

mod collector;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use collector::read;
use offbound_ingest::decode::FORMATS;
use serde_json::Value;

/// What every planted secret holds, so that no part of one can pass unseen.
const NEEDLE: &str = "N33dleN33dle";

/// Secrets in the shapes in which they stray into free text.
fn planted() -> Vec<String> {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let token =
        format!("{}.{}.{NEEDLE}0a1b2c", part(r#"{"alg":"ES256"}"#), part(r#"{"sub":"x","exp":1772362800}"#));
    vec![
        token.clone(),
        format!("Authorization: Bearer {token}"),
        format!("Authorization: Bearer {NEEDLE}"),
        format!("mysql -u root -p{NEEDLE} shop"),
        format!("deploy --password {NEEDLE}"),
        format!("deploy --token={NEEDLE}"),
        format!("https://bob:{NEEDLE}@git.example/x"),
        format!("hvs.{NEEDLE}{NEEDLE}"),
        format!("ghp_{NEEDLE}{NEEDLE}{NEEDLE}"),
        format!("-----BEGIN PRIVATE KEY----- {NEEDLE} -----END PRIVATE KEY-----"),
        format!("{{\"password\":\"{NEEDLE}\"}}"),
        format!("GET /x?access_token={NEEDLE}"),
    ]
}

/// The sample with `secret` behind every text value, one after the other; plain lines get it at their end.
fn plant(sample: &str, secret: &str) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<Value>(sample) else {
        return vec![format!("{sample} {secret}"), format!("{sample} extra={}", Value::from(secret))];
    };
    let leaves = count_leaves(&value);
    (0..leaves).map(|leaf| with_leaf(&value, leaf, secret).to_string()).collect()
}

fn count_leaves(value: &Value) -> usize {
    match value {
        Value::String(_) => 1,
        Value::Array(items) => items.iter().map(count_leaves).sum(),
        Value::Object(fields) => fields.values().map(count_leaves).sum(),
        _ => 0,
    }
}

fn with_leaf(value: &Value, leaf: usize, secret: &str) -> Value {
    let mut changed = value.clone();
    let mut left = leaf;
    change(&mut changed, &mut left, secret);
    changed
}

/// Walks to the leaf with the number `left` and appends the secret; true when it was there.
fn change(value: &mut Value, left: &mut usize, secret: &str) -> bool {
    match value {
        Value::String(text) if *left == 0 => {
            text.push(' ');
            text.push_str(secret);
            true
        }
        Value::String(_) => {
            *left -= 1;
            false
        }
        Value::Array(items) => items.iter_mut().any(|item| change(item, left, secret)),
        Value::Object(fields) => fields.values_mut().any(|field| change(field, left, secret)),
        _ => false,
    }
}

/// Scenario: each secret of the planted set in every text value of each format's sample, and in unknown records.
/// Guarantees: neither rows nor dead letters hold any part of it.
#[test]
fn planted_secrets() {
    let unknown = [r#"{"some":"thing","deep":{"er":["x"]}}"#, "a plain line"];
    let samples = FORMATS.iter().map(|format| format.sample).chain(unknown);
    for sample in samples {
        for secret in planted() {
            let lines = plant(sample, &secret);
            assert!(lines.iter().all(|line| line.contains(NEEDLE)), "{sample}");
            let (_, collector) = read("planted.log", lines.join("\n").as_bytes());
            let shown = format!("{collector:?}");
            let leak = shown.find(NEEDLE).map(|at| {
                let from = shown.floor_char_boundary(at.saturating_sub(200));
                shown[from..at].to_owned()
            });
            assert_eq!(leak, None, "{secret} in {sample}");
        }
    }
}
