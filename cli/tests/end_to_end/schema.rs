//! The JSON Schemas of the records: sound, in step with the vocabularies, and true of what is printed.

use offbound_schemas::vocabulary::{
    Confidence, ContainmentOutcome, Control, FindingState, LayerVerdict, Severity, Strength,
};
use serde_json::Value;

use crate::{root, text_of};

/// One record type: the value of `type`, and its schema.
const SCHEMAS: &[&str] = &["finding", "incident", "gap", "summary"];

/// The schema of records of `kind`.
fn schema(kind: &str) -> Value {
    let path = root().join("schemas/json").join(format!("{kind}.schema.json"));
    let text = text_of(&path);
    serde_json::from_str(&text).expect("a schema is JSON")
}

/// Checks every line of NDJSON against the schema of its type; returns the records.
pub(crate) fn check_ndjson(text: &str) -> Vec<Value> {
    let validators: Vec<_> = SCHEMAS
        .iter()
        .map(|kind| (*kind, jsonschema::draft202012::new(&schema(kind)).expect("the schema is sound")))
        .collect();
    let mut records = Vec::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).expect("every line is JSON");
        let kind = record["type"].as_str().expect("every record has a type");
        let (_, validator) = validators.iter().find(|(name, _)| *name == kind).expect("a known type");
        let errors: Vec<String> = validator.iter_errors(&record).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{kind}: {errors:?}\n{line}");
        records.push(record);
    }
    assert_eq!(records.last().map(|record| &record["type"]), Some(&Value::from("summary")));
    records
}

/// The words at `pointer` of a schema.
fn words(kind: &str, pointer: &str) -> Vec<String> {
    let schema = schema(kind);
    let words = schema.pointer(pointer).and_then(Value::as_array);
    let words = words.expect("the schema lists the words at the pointer");
    words.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

/// Scenario: a word is added to a vocabulary and not to the schema, or the other way round.
/// Guarantees: schemas and vocabularies hold the same words in the same order.
#[test]
fn schemas_know_every_word() {
    let texts = |all: Vec<&str>| all.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let severities = texts(Severity::ALL.iter().map(|word| word.as_str()).collect());
    let verdicts = texts(LayerVerdict::ALL.iter().map(|word| word.as_str()).collect());
    let cases = [
        ("finding", "/properties/severity/enum", severities.clone()),
        ("incident", "/properties/severity/enum", severities.clone()),
        ("summary", "/properties/findings/additionalProperties/propertyNames/enum", severities),
        (
            "finding",
            "/properties/state/enum",
            texts(FindingState::ALL.iter().map(|word| word.as_str()).collect()),
        ),
        (
            "finding",
            "/properties/confidence/enum",
            texts(Confidence::ALL.iter().map(|word| word.as_str()).collect()),
        ),
        ("incident", "/$defs/layer/properties/verdict/enum", verdicts),
        ("incident", "/$defs/control/enum", texts(Control::ALL.iter().map(|word| word.as_str()).collect())),
        (
            "incident",
            "/properties/outcome/enum",
            texts(ContainmentOutcome::ALL.iter().map(|word| word.as_str()).collect()),
        ),
        (
            "incident",
            "/properties/strength/enum",
            texts(Strength::ALL.iter().map(|word| word.as_str()).collect()),
        ),
    ];
    for (kind, pointer, expected) in cases {
        assert_eq!(words(kind, pointer), expected, "{kind} {pointer}");
    }
}

/// Scenario: a record with a key that no schema names. Guarantees: schemas are strict, at every depth that matters.
#[test]
fn schemas_are_strict() {
    for kind in SCHEMAS {
        let schema = schema(kind);
        assert_eq!(schema["additionalProperties"], Value::Bool(false), "{kind}");
        jsonschema::draft202012::new(&schema).expect("the schema is sound");
    }
    let gap = r#"{"type":"gap","schema":"offbound.gap/1","source":"s","scope":"h","lost":null,"reason":"r",
        "from":"2026-03-01T10:00:00.000000000Z","to":"2026-03-01T10:00:00.000000000Z"}"#;
    let mut gap: Value = serde_json::from_str(gap).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema("gap")).expect("sound");
    assert!(validator.is_valid(&gap));
    gap["extra"] = Value::from(1);
    assert!(!validator.is_valid(&gap));
}
