//! Request and response of one call, joined.
//!
//! In: rows of either. Out: one row a call: asked when the request came, over when the response went.
//! Owns: the key (the id; where it is missing, what both halves say alike) and the bound on waiting requests.
//! Law: a request whose response never comes still gives its row; what was decided about it is then unknown, unless it
//! already says that it was refused.

use std::collections::VecDeque;

use offbound_schemas::table::IdentityAssertion;
use serde_json::Value;

use crate::decode::{Held, Inside, MAX_RAW_BYTES, cut, field};

/// Requests that wait for their response: calls in flight at one server; Vault answers most within milliseconds.
const MAX_WAITING: usize = 4_096;

/// A request that waits.
pub(super) struct Half {
    pub(super) key: String,
    pub(super) row: IdentityAssertion,
}

/// Requests without their response yet, oldest first.
#[derive(Default)]
pub(super) struct Pairing {
    waiting: VecDeque<(u64, Half)>,
    inside: Inside,
}

/// What both halves of a call have in common.
pub(super) fn key(json: &Value) -> String {
    if let Some(id) = field::str_at(json, &["request", "id"]) {
        return id.to_owned();
    }
    let paths = [
        ["request", "client_token"],
        ["request", "operation"],
        ["request", "path"],
        ["request", "remote_address"],
        ["request", "remote_port"],
    ];
    let parts: Vec<String> =
        paths.iter().map(|path| field::string_at(json, path).unwrap_or_default()).collect();
    format!("\u{0}{}", parts.join("\u{0}"))
}

impl Pairing {
    /// Keeps a request; gives back the oldest one when too many wait.
    pub(super) fn asked(&mut self, half: Half) -> Option<IdentityAssertion> {
        let full = self.waiting.len() >= MAX_WAITING;
        let oldest = if full { self.waiting.pop_front() } else { None };
        self.waiting.push_back((self.inside.begin(), half));
        oldest.map(|(number, half)| {
            self.inside.end(number);
            half.row
        })
    }

    /// Joins a response with its request.
    pub(super) fn answered(&mut self, json: &Value, response: IdentityAssertion) -> IdentityAssertion {
        let key = key(json);
        let at = self.waiting.iter().position(|(_, half)| half.key == key);
        match at.and_then(|at| self.waiting.remove(at)) {
            Some((number, half)) => {
                self.inside.end(number);
                join(half.row, response)
            }
            None => response,
        }
    }

    /// Requests that are not answered yet.
    pub(super) fn held(&self) -> Held {
        self.inside.held()
    }

    /// Requests that were never answered.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = IdentityAssertion> + '_ {
        let Self { waiting, inside } = self;
        waiting.drain(..).map(|(number, half)| {
            inside.end(number);
            half.row
        })
    }
}

/// The response knows more; when and where it was asked, the request knows. The response keeps its own identity: a row
/// about a token that it hands out counts from there.
fn join(request: IdentityAssertion, response: IdentityAssertion) -> IdentityAssertion {
    IdentityAssertion {
        event_time: request.event_time.min(response.event_time),
        end_time: Some(response.event_time.max(request.event_time)),
        location: request.location,
        subject: response.subject.or(request.subject),
        subject_uid: response.subject_uid.or(request.subject_uid),
        reason: response.reason.or(request.reason),
        raw: cut(&format!("{}\n{}", request.raw, response.raw), MAX_RAW_BYTES).to_owned(),
        ..response
    }
}
