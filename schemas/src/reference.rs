//! The column reference, as Markdown, made from the definitions.
//!
//! In: [`TABLES`]. Out: the text of `schemas/reference/tables.md`. Law: a test keeps the file equal to it.

use crate::table::TABLES;

/// The text of `schemas/reference/tables.md`.
#[must_use]
pub fn tables_markdown() -> String {
    let mut text = String::from(
        "# Tables\n\nGenerated from `schemas/src/table/`; `UPDATE_GOLDEN=1 cargo test -p offbound-schemas` rewrites it.\n\
         Times are UTC with nanoseconds. Null means unknown. OCSF paths are of version 1.6. Ids of 16 bytes are 32 hex \
         digits in SQL.\n",
    );
    for table in TABLES {
        text.push_str(&format!(
            "\n## {}\n\n{}\n\n| column | type | null | meaning | OCSF |\n|---|---|---|---|---|\n",
            table.name, table.doc
        ));
        for column in (table.columns)() {
            let null = if column.nullable { "yes" } else { "no" };
            let doc = column.doc.trim().replace('|', "\\|");
            text.push_str(&format!(
                "| `{}` | {} | {null} | {doc} | {} |\n",
                column.name, column.data_type, column.ocsf
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the reference page in the tree. Guarantees: it says what the code defines.
    #[test]
    fn reference_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/reference/tables.md");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, tables_markdown()).expect("the page can be written");
        }
        let page = std::fs::read_to_string(path).expect("schemas/reference/tables.md exists");
        assert!(page == tables_markdown(), "stale: UPDATE_GOLDEN=1 cargo test -p offbound-schemas");
    }
}
