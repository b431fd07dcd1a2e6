//! The functions that a question may call.
//!
//! In: what DataFusion brings, and two of our own for lists and JSON. Out: those that give the same answer for the same
//! rows, at a cost that the rows bound.
//! Owns: the list, and why some are not on it. Law: nothing reads a clock, rolls dice, or makes a text of any length
//! from a number.

mod json_text;
mod list_has;

use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use offbound_schemas::authored::nearest;

/// Scalar functions that are offered, by name.
const SCALAR: &[&str] = &[
    "abs",
    "acos",
    "acosh",
    "arrow_cast",
    "arrow_typeof",
    "ascii",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bit_length",
    "btrim",
    "cbrt",
    "ceil",
    "character_length",
    "chr",
    "coalesce",
    "concat",
    "concat_ws",
    "contains",
    "cos",
    "cosh",
    "cot",
    "date_bin",
    "date_part",
    "date_trunc",
    "decode",
    "degrees",
    "encode",
    "ends_with",
    "exp",
    "factorial",
    "find_in_set",
    "floor",
    "from_unixtime",
    "gcd",
    "get_field",
    "greatest",
    "initcap",
    "isnan",
    "iszero",
    "lcm",
    "least",
    "left",
    "levenshtein",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "make_date",
    "make_time",
    "named_struct",
    "nanvl",
    "nullif",
    "nvl",
    "nvl2",
    "octet_length",
    "overlay",
    "pi",
    "power",
    "radians",
    "regexp_count",
    "regexp_instr",
    "regexp_like",
    "regexp_match",
    "regexp_replace",
    "replace",
    "reverse",
    "right",
    "round",
    "rtrim",
    "signum",
    "sin",
    "sinh",
    "split_part",
    "sqrt",
    "starts_with",
    "strpos",
    "struct",
    "substr",
    "substr_index",
    "tan",
    "tanh",
    "to_char",
    "to_date",
    "to_hex",
    "to_local_time",
    "to_time",
    "to_timestamp",
    "to_timestamp_micros",
    "to_timestamp_millis",
    "to_timestamp_nanos",
    "to_timestamp_seconds",
    "to_unixtime",
    "translate",
    "trunc",
    "upper",
];

/// Functions that are left out, and why.
const LEFT_OUT: &[(&[&str], &str)] = &[
    (
        &["now", "current_timestamp", "current_date", "current_time", "today", "random", "uuid"],
        "the same question to the same store has one answer; write the time (the command has --since)",
    ),
    (&["repeat", "lpad", "rpad"], "it makes texts of any length"),
    (&["generate_series", "range"], "it makes any number of rows"),
    (&["version", "input_file_name", "file_row_index"], "it tells nothing about logs"),
    (
        &["read_csv", "read_json", "read_parquet", "read_text", "glob", "parquet_metadata"],
        "a hunt opens nothing but the tables of its store",
    ),
];

/// The scalar functions.
pub(super) fn scalar() -> Vec<Arc<ScalarUDF>> {
    let mut all = SessionStateDefaults::default_scalar_functions();
    all.retain(|function| SCALAR.contains(&function.name()));
    all.extend([json_text::function(), list_has::function()]);
    all
}

/// The aggregate functions: all of them answer by the rows alone, and count what they hold as memory.
pub(super) fn aggregate() -> Vec<Arc<AggregateUDF>> {
    SessionStateDefaults::default_aggregate_functions()
}

/// The window functions.
pub(super) fn window() -> Vec<Arc<WindowUDF>> {
    SessionStateDefaults::default_window_functions()
}

/// Why a function is not offered, if somebody thought about it.
pub(super) fn why_not_offered(name: &str) -> Option<&'static str> {
    LEFT_OUT.iter().find(|(names, _)| names.contains(&name)).map(|(_, why)| *why)
}

/// The function whose name is most like this one.
pub(super) fn nearest_to(name: &str) -> Option<String> {
    let mut names: Vec<String> = scalar().iter().map(|function| function.name().to_owned()).collect();
    names.extend(aggregate().iter().map(|function| function.name().to_owned()));
    names.extend(window().iter().map(|function| function.name().to_owned()));
    names.sort();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    nearest(name, &known).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::logical_expr::Volatility;

    /// Scenario: the lists against what DataFusion brings. Guarantees: every name is a function's, each function was
    /// either chosen or left out for a reason, and none that was chosen is volatile.
    #[test]
    fn every_function_was_thought_about() {
        let all = SessionStateDefaults::default_scalar_functions();
        let names: Vec<&str> = all.iter().map(|function| function.name()).collect();
        for name in SCALAR {
            assert!(names.contains(name), "{name} is no function");
        }
        let internal =
            ["arrow_field", "arrow_metadata", "arrow_try_cast", "cast_to_type", "try_cast_to_type"];
        let internal = internal.iter().chain(&["union_extract", "union_tag", "with_metadata"]);
        let internal: Vec<&&str> = internal.collect();
        for name in &names {
            let known = SCALAR.contains(name) || why_not_offered(name).is_some() || internal.contains(&name);
            assert!(known, "{name} is neither offered nor left out");
        }
        for function in scalar() {
            assert_eq!(function.signature().volatility, Volatility::Immutable, "{}", function.name());
        }
    }
}
