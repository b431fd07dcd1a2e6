//! Text to one JSON value, strictly.
//!
//! In: text. Out: the value, or why it is none. Owns: the limits on JSON.
//! Two readers of one record must not see two things: a key that is there twice with two values, at the
//! top level, is refused.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::decode::Reject;

/// Deepest nesting. Real records reach about 20; serde itself stops at 128.
pub const MAX_DEPTH: usize = 64;

const TOO_DEEP: &str = "too-deep";
const DUPLICATE_KEY: &str = "duplicate-key";

/// Reads exactly one JSON value.
pub(crate) fn parse(text: &str) -> Result<Value, Reject> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }.deserialize(&mut reader);
    value.and_then(|value| reader.end().map(|()| value)).map_err(|error| explain(&error))
}

fn explain(error: &serde_json::Error) -> Reject {
    let detail = error.to_string();
    let reason = if detail.starts_with(TOO_DEEP) || detail.starts_with("recursion limit") {
        TOO_DEEP
    } else if detail.starts_with(DUPLICATE_KEY) {
        DUPLICATE_KEY
    } else if error.is_eof() {
        "truncated-json"
    } else {
        "bad-json"
    };
    Reject { reason, detail }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(format!("{TOO_DEEP}: nested deeper than {MAX_DEPTH}")));
        }
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(inner)?;
            if self.depth == 0 && fields.get(&key).is_some_and(|earlier| *earlier != value) {
                return Err(de::Error::custom(format!("{DUPLICATE_KEY}: {key:?} is there with two values")));
            }
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}
