//! Rows with hostile text, numbers at their ends and nested values, through every form.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, Float64Array, Int64Array, IntervalMonthDayNanoArray,
    ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int64Type, IntervalMonthDayNano};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::writer;
use crate::args::Format;
use crate::output::Look;

const HOSTILE: &str = "=1+1\u{1b}[31m\u{202e},\"x\"\n";

fn batch() -> RecordBatch {
    let columns: [(&str, ArrayRef); 8] = [
        ("text", Arc::new(StringArray::from(vec![Some(HOSTILE), None]))),
        ("big", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        ("small", Arc::new(Int64Array::from(vec![i64::MIN, -1]))),
        ("real", Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
        ("truth", Arc::new(BooleanArray::from(vec![true, false]))),
        ("time", Arc::new(TimestampMicrosecondArray::from(vec![1_772_359_200_000_001, i64::MAX]))),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None])),
        ),
        ("id", Arc::new(FixedSizeBinaryArray::try_from_iter([[1_u8, 255], [0, 0]].iter()).expect("two ids"))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .expect("one length")
}

fn written(format: Format, batch: &RecordBatch, is_terminal: bool) -> Vec<u8> {
    let mut writer = writer(format, Look::plain(), is_terminal);
    let mut bytes = Vec::new();
    writer.begin(&batch.schema(), &mut bytes).expect("a vector takes everything");
    // In two parts, as answers come.
    for row in 0..batch.num_rows() {
        writer.rows(&batch.slice(row, 1), &mut bytes).expect("a vector takes everything");
    }
    writer.end(&mut bytes).expect("a vector takes everything");
    bytes
}

fn text(format: Format, is_terminal: bool) -> String {
    String::from_utf8(written(format, &batch(), is_terminal)).expect("it is UTF-8")
}

/// Scenario: values of many types, as JSON and NDJSON. Guarantees: exact values, the same in both; nothing in the bytes
/// moves a terminal.
#[test]
fn json_is_exact() {
    let whole = text(Format::Json, false);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&whole).expect("it is JSON");
    let lines = text(Format::Ndjson, false);
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    assert_eq!(rows, lines);
    assert_eq!(rows[0]["text"], HOSTILE);
    assert_eq!(rows[0]["big"], u64::MAX);
    assert_eq!(rows[0]["small"], i64::MIN);
    assert_eq!(rows[0]["time"], "2026-03-01T10:00:00.000001000Z");
    assert_eq!(rows[0]["list"], serde_json::json!([1, null]));
    assert_eq!(rows[0]["id"], "01ff");
    for unknown in ["text", "real", "list"] {
        assert!(rows[1][unknown].is_null(), "{unknown}");
    }
    assert!(!whole.contains(['\u{1b}', '\u{202e}']), "{whole}");
}

/// Scenario: the same as table and CSV. Guarantees: hostile text is spelled out, a formula is taken back, and a number is
/// not.
#[test]
fn text_forms_pass_the_gate() {
    for (format, is_terminal) in [(Format::Table, false), (Format::Table, true), (Format::Csv, false)] {
        let shown = text(format, is_terminal);
        assert!(shown.contains("<ESC>[31m<U+202E>"), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
        assert!(shown.contains(&u64::MAX.to_string()) && shown.contains("[1,null]"), "{shown}");
    }
    let csv = text(Format::Csv, false);
    assert!(csv.contains("\"'=1+1<ESC>"), "{csv}");
    assert!(csv.contains(&format!(",{},", i64::MIN)), "{csv}");
}

/// Scenario: rows too wide for a terminal, and the same for a file. Guarantees: a block a row with what is known, or a
/// line a row.
#[test]
fn wide_rows_become_blocks_on_a_terminal() {
    let blocks = text(Format::Table, true);
    assert!(blocks.starts_with("row 1\n") && blocks.contains("\nrow 2\n"), "{blocks}");
    assert!(!blocks.contains("text   \n"), "{blocks}");
    let lines = text(Format::Table, false);
    assert_eq!(lines.lines().count(), 4, "{lines}");
    assert!(lines.ends_with("2 rows\n"), "{lines}");
}

/// Scenario: rows written as Parquet in two parts and read back. Guarantees: the same batch.
#[test]
fn parquet_reads_back() {
    let bytes = written(Format::Parquet, &batch(), false);
    let reader = ParquetRecordBatchReaderBuilder::try_new(file_of(bytes)).expect("it is Parquet");
    let found: Vec<RecordBatch> =
        reader.build().expect("it can be read").collect::<Result<_, _>>().expect("every row can be read");
    // Not-a-number differs from itself: the columns are compared without it.
    let without =
        |batch: &RecordBatch| batch.project(&[0, 1, 2, 4, 5, 6, 7]).expect("there are eight columns");
    assert_eq!(found.len(), 1);
    assert_eq!(without(&found[0]), without(&batch()));
}

/// The bytes, as the reader takes them.
fn file_of(bytes: Vec<u8>) -> std::fs::File {
    use std::io::{Seek as _, Write as _};
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(&bytes).expect("it takes the bytes");
    file.rewind().expect("a file can be rewound");
    file
}

/// Scenario: an interval and a record, which no stored table holds. Guarantees: they have a text and a JSON all the same.
#[test]
fn other_types_are_shown() {
    let interval = IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(1, 2, 3)]);
    let field = Arc::new(Field::new("n", DataType::Int64, false));
    let record = StructArray::from(vec![(field, Arc::new(Int64Array::from(vec![7])) as ArrayRef)]);
    let columns: [(&str, ArrayRef); 2] = [("interval", Arc::new(interval)), ("record", Arc::new(record))];
    let batch = RecordBatch::try_from_iter(columns).expect("one length");
    let json = String::from_utf8(written(Format::Ndjson, &batch, false)).expect("it is UTF-8");
    assert!(json.contains(r#""record":{"n":7}"#) && json.contains("1 mons 2 days"), "{json}");
}
