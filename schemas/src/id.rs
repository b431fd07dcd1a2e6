//! Sixteen-byte identities: of an event, a finding, an incident.
//!
//! In: the parts that make a thing what it is. Out: 16 bytes, shown as 32 lower-case hex digits.
//! Law: an id is a function of its parts only, never of arrival order, batching, place or clock.

use std::fmt;
use std::str::FromStr;

/// Bytes that are put together before they are hashed; more are hashed part by part, which costs more for short ones.
const SHORT_BYTES: usize = 512;

fn hash_parts(domain: &str, parts: &[&[u8]]) -> blake3::Hash {
    let lengths = parts.iter().map(|part| size_of::<u64>() + part.len());
    let mut short = [0_u8; SHORT_BYTES];
    if domain.len() + lengths.sum::<usize>() <= SHORT_BYTES {
        let mut end = 0;
        let mut put = |bytes: &[u8]| {
            short[end..end + bytes.len()].copy_from_slice(bytes);
            end += bytes.len();
        };
        put(domain.as_bytes());
        for part in parts {
            put(&(part.len() as u64).to_le_bytes());
            put(part);
        }
        return blake3::hash(&short[..end]);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(domain.as_bytes());
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize()
}

/// Hashes `parts` (BLAKE3, 128 bits) so that no two different part lists run together.
#[must_use]
pub fn hash_id(domain: &str, parts: &[&[u8]]) -> [u8; 16] {
    let mut id = [0u8; 16];
    id.copy_from_slice(&hash_parts(domain, parts).as_bytes()[..16]);
    id
}

macro_rules! id_type {
    ($(#[$meta:meta])* $name:ident, $domain:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// The id of the thing that `parts` make.
            #[must_use]
            pub fn of(parts: &[&[u8]]) -> Self {
                Self(hash_id($domain, parts))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = IdParseError;

            fn from_str(text: &str) -> Result<Self, IdParseError> {
                parse_hex(text).map(Self).ok_or_else(|| IdParseError(text.to_owned()))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id_type!(
    /// Identity of one log record: the same record read twice, from a file or from Kafka, has the same id.
    EventId,
    "offbound.event/1"
);
id_type!(
    /// Identity of a finding: its rule, its entity and its anchoring evidence.
    FindingId,
    "offbound.finding/1"
);
id_type!(
    /// Identity of an incident: its earliest member.
    IncidentId,
    "offbound.incident/1"
);

/// Text that is not 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an id: expected 32 hex digits")]
pub struct IdParseError(String);

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    let mut id = [0u8; 16];
    for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: parts that concatenate to the same bytes. Guarantees: their ids differ.
    #[test]
    fn part_boundaries_count() {
        assert_ne!(EventId::of(&[b"ab", b"c"]), EventId::of(&[b"a", b"bc"]));
    }

    /// Scenario: parts of all lengths around the bound up to which they are put together. Guarantees: how they are hashed
    /// makes no difference.
    #[test]
    fn short_and_long_parts_are_hashed_alike() {
        for length in [0, 1, 400, 485, 486, 487, 488, 489, 490, 491, 492, 493, 512, 3_000] {
            let part = vec![7_u8; length];
            let all = [&b"d"[..], &(length as u64).to_le_bytes(), &part, &1_u64.to_le_bytes(), b"z"].concat();
            assert_eq!(hash_parts("d", &[&part, b"z"]), blake3::hash(&all), "{length}");
        }
    }

    /// Scenario: printing and reading back. Guarantees: nothing is lost, and junk is refused.
    #[test]
    fn text_round_trips() {
        let id = EventId::of(&[b"x"]);
        assert_eq!(id.to_string().parse::<EventId>(), Ok(id));
        assert!("xyz".parse::<EventId>().is_err());
    }
}
