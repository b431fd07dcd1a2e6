//! Patterns and address ranges out of the file.
//!
//! In: values of the file. Out: [`Pattern`] and [`Cidr`], in the file's order; a fault is noted for what is neither.

use offbound_schemas::authored::{At, Table, Value};

use super::cidr::Cidr;
use super::pattern::Pattern;

/// Every pattern of a list.
pub(super) fn patterns(list: &Value<'_>) -> Vec<Pattern> {
    list.texts().iter().map(|text| Pattern::new(&text.value)).collect()
}

/// Patterns of an optional key.
pub(super) fn patterns_of(table: &Table<'_>, key: &str) -> Option<Vec<Pattern>> {
    table.value(key).map(|value| patterns(&value))
}

/// Every address range of a list.
pub(super) fn cidrs(list: &Value<'_>) -> Vec<At<Cidr>> {
    list.list("a list of address ranges in quotes").iter().filter_map(cidr).collect()
}

fn cidr(value: &Value<'_>) -> Option<At<Cidr>> {
    let text = value.text()?;
    match Cidr::parse(&text) {
        Ok(cidr) => Some(At { at: value.at(), value: cidr }),
        Err(error) => {
            value.bad_text(&text, &error.to_string());
            None
        }
    }
}
