//! The name of a container before its line: `vault-1  | {…}` of `docker compose logs`, `[pod/vault-0/vault] {…}` of
//! `kubectl logs --prefix`.
//!
//! In: a line. Out: the JSON behind the name, or behind the name and a time. Other text is left alone: a line of text may
//! well have a bar or a bracket of its own.

use super::{Outer, Payload, take};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let (name, rest) = match outer.text.strip_prefix("[pod/") {
        Some(text) => text.split_once("] ")?,
        None => outer.text.split_once("| ").map(|(name, rest)| (name.trim_end(), rest))?,
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let begins = rest.starts_with('{') || rest.starts_with(|first: char| first.is_ascii_digit());
    if name.is_empty() || !name.bytes().all(is_name) || !begins || !rest.trim_end().ends_with('}') {
        return None;
    }
    take(&mut envelope.stream, Some(name));
    take(&mut envelope.program, name.rsplit('/').next());
    Some(Payload::whole(rest))
}
