//! `list_has(list, text)`: whether a list column holds that text.
//!
//! In: a list of texts, a text. Out: true or false; null where one of them is unknown.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::expr_fn::SimpleScalarUDF;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Signature, Volatility};

/// The function's name.
pub(super) const NAME: &str = "list_has";

/// The function.
pub(super) fn function() -> Arc<ScalarUDF> {
    let signature = Signature::any(2, Volatility::Immutable);
    let made = SimpleScalarUDF::new_with_signature(NAME, signature, DataType::Boolean, Arc::new(answer));
    Arc::new(ScalarUDF::from(made))
}

fn answer(arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let [lists, texts] = arrays.as_slice() else {
        return plan_err!("{NAME}(list, text) takes two arguments");
    };
    let item = Arc::new(Field::new("item", DataType::Utf8View, true));
    let lists = cast(lists, &DataType::List(item))?;
    let texts = cast(texts, &DataType::Utf8View)?;
    let (lists, texts) = (lists.as_list::<i32>(), texts.as_string_view());
    let answers = lists.iter().zip(texts).map(|(list, text)| {
        let (list, text) = list.zip(text)?;
        Some(list.as_string_view().iter().any(|item| item == Some(text)))
    });
    Ok(ColumnarValue::Array(Arc::new(answers.collect::<BooleanArray>())))
}
