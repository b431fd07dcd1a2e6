//! `json_text(text, pointer)`: one value out of a record that is JSON.
//!
//! In: columns such as `raw`, `unmapped` or `record_json`, and a JSON Pointer (RFC 6901) such as `/user/username`.
//! Out: a text as it is, anything else as JSON; null where there is nothing, or no JSON.

use std::sync::Arc;

use arrow::array::{AsArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use serde_json::Value;

/// The function's name.
pub(super) const NAME: &str = "json_text";

/// The function.
pub(super) fn function() -> Arc<ScalarUDF> {
    let text = DataType::Utf8View;
    let arguments = vec![text.clone(), text.clone()];
    Arc::new(create_udf(NAME, arguments, text, Volatility::Immutable, Arc::new(answer)))
}

fn answer(arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let arrays =
        arrays.iter().map(|array| cast(array, &DataType::Utf8View)).collect::<Result<Vec<_>, _>>()?;
    let mut found = StringViewBuilder::new();
    if let [texts, pointers] = arrays.as_slice() {
        for (text, pointer) in texts.as_string_view().iter().zip(pointers.as_string_view()) {
            found.append_option(text.zip(pointer).and_then(|(text, pointer)| at(text, pointer)));
        }
    }
    Ok(ColumnarValue::Array(Arc::new(found.finish())))
}

fn at(text: &str, pointer: &str) -> Option<String> {
    let whole: Value = serde_json::from_str(text).ok()?;
    match whole.pointer(pointer)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: values of each kind, keys with dots and slashes, and what is no JSON. Guarantees: texts as they are, the
    /// rest as JSON, nothing where there is nothing.
    #[test]
    fn values_are_found() {
        let text = r#"{"a":{"b.c":"x","d/e":[1,{"f":null}]},"t":true}"#;
        for (pointer, expected) in [
            ("/a/b.c", Some("x")),
            ("/a/d~1e/0", Some("1")),
            ("/a/d~1e", Some(r#"[1,{"f":null}]"#)),
            ("/a/d~1e/1/f", None),
            ("/t", Some("true")),
            ("/none", None),
            ("a", None),
        ] {
            assert_eq!(at(text, pointer).as_deref(), expected, "{pointer}");
        }
        assert_eq!(at("no JSON", "/a"), None);
    }
}
