//! Values as Tracee writes them: arguments by name, numbers in wrappers, keys in two spellings.
//!
//! In: `args[]` (`{name, type, value}`) or `data[]` (`{name, str | u_int32 | …}`). Out: texts, numbers, lists, addresses.
//! Owns: the spellings of both generations. Facts: `event.proto` and `event_data.proto` of Tracee's API `v1beta1`.

use serde_json::Value;

use crate::decode::field::{array_at, at, list_at, scalar_text, str_at, u16_at, u32_at};

/// Arguments of one event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arguments<'v>(&'v [Value]);

impl<'v> Arguments<'v> {
    pub(super) fn of(items: &'v [Value]) -> Self {
        Self(items)
    }

    /// The value of the argument `name`, without its type.
    pub(super) fn get(self, name: &str) -> Option<&'v Value> {
        let item = self.0.iter().find(|item| str_at(item, &["name"]) == Some(name))?;
        let fields = item.as_object()?;
        let value = fields.get("value").or_else(|| {
            fields.iter().find(|(key, _)| !matches!(key.as_str(), "name" | "type")).map(|(_, value)| value)
        })?;
        (!value.is_null()).then_some(value)
    }

    /// Text of the first argument of these names that has any.
    pub(super) fn text(self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| scalar_text(self.get(name)?))
    }

    /// A whole number.
    pub(super) fn number(self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    }

    /// A list of texts, such as `argv`.
    pub(super) fn list(self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(value @ Value::Object(_)) => list_at(value, &["value"]),
            Some(value @ Value::Array(_)) => list_at(value, &[]),
            _ => Vec::new(),
        }
    }

    /// A peer's address and port, or the path of a local socket.
    pub(super) fn socket(self, names: &[&str]) -> Option<Socket> {
        let value = names.iter().find_map(|name| self.get(name))?;
        // Some versions print the address as text that holds JSON.
        let parsed: Option<Value> = value.as_str().and_then(|text| serde_json::from_str(text).ok());
        let value = parsed.as_ref().unwrap_or(value);
        let text = |keys: &[&str]| keys.iter().find_map(|key| str_at(value, &[key])).map(str::to_owned);
        let port =
            ["sin_port", "sin6_port", "sinPort", "sin6Port"].iter().find_map(|key| u16_at(value, &[key]));
        Some(Socket {
            address: text(&["sin_addr", "sin6_addr", "sinAddr", "sin6Addr"]),
            port: port.filter(|port| *port != 0),
            path: text(&["sun_path", "sunPath"]),
        })
    }
}

/// A socket address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) address: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) path: Option<String>,
}

/// The value at `key`, which is spelled with underscores or in camel case.
pub(super) fn nested<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    at(value, &[key]).or_else(|| at(value, &[&camel(key)]))
}

/// A number that may be in a wrapper: `7` or `{"value":7}`.
pub(super) fn number(value: &Value, key: &str) -> Option<u32> {
    let found = nested(value, key)?;
    u32_at(found, &["value"]).or_else(|| u32_at(value, &[key])).or_else(|| u32_at(value, &[&camel(key)]))
}

fn camel(key: &str) -> String {
    let mut parts = key.split('_');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    text
}

/// Names in a list of `{name, …}` objects under `key`.
pub(super) fn names(value: &Value, key: &str) -> Vec<String> {
    array_at(value, &[key]).iter().filter_map(|item| str_at(item, &["name"])).map(str::to_owned).collect()
}
