//! Front matter of a rule file: `-- key: value` lines, continued by `--   more`.
//!
//! In: the text of a rule file. Out: keys with values, and the SQL below them.
//! Owns: that notation, nothing of its meaning.

use std::collections::BTreeMap;

/// Keys and values of one file.
#[derive(Debug, Default)]
pub(super) struct FrontMatter {
    values: BTreeMap<String, String>,
}

impl FrontMatter {
    /// Splits a file into front matter and SQL.
    pub(super) fn split(text: &str) -> Result<(Self, String), String> {
        let mut matter = Self::default();
        let mut key: Option<String> = None;
        let mut sql = Vec::new();
        for line in text.lines() {
            let comment = line.strip_prefix("--").filter(|_| sql.is_empty());
            match comment {
                None if line.trim().is_empty() && sql.is_empty() => {}
                None => sql.push(line),
                Some(more) if more.starts_with("   ") => {
                    matter.continue_value(key.as_deref(), more.trim())?
                }
                Some(pair) => key = Some(matter.add(pair.trim())?),
            }
        }
        if sql.is_empty() {
            return Err("there is no SELECT below the front matter".to_owned());
        }
        Ok((matter, sql.join("\n")))
    }

    fn add(&mut self, pair: &str) -> Result<String, String> {
        let (key, value) = pair.split_once(':').ok_or_else(|| format!("{pair:?} is no `key: value`"))?;
        let key = key.trim().to_owned();
        match self.values.insert(key.clone(), value.trim().to_owned()) {
            None => Ok(key),
            Some(_) => Err(format!("key `{key}` stands twice")),
        }
    }

    fn continue_value(&mut self, key: Option<&str>, more: &str) -> Result<(), String> {
        let value =
            key.and_then(|key| self.values.get_mut(key)).ok_or("a continued line has nothing to continue")?;
        value.push(' ');
        value.push_str(more);
        Ok(())
    }

    /// Takes a value out.
    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }

    /// A key that nobody took.
    pub(super) fn rest(&self) -> Option<&str> {
        self.values.keys().next().map(String::as_str)
    }
}
