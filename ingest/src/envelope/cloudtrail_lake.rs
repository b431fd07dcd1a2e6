//! A row of CloudTrail Lake: `[{"eventID":"…"},{"eventJson":"{…}"}]`, as `aws cloudtrail get-query-results` prints it.
//!
//! In: a JSON list of fields, an element of `QueryResultRows`. Out: `eventJson`, the event as JSON text. Rows of a query that
//! does not select it hold no event: nested columns are written in a notation that cannot be told apart from their values.

use serde_json::Value;

use super::{Outer, Payload};
use crate::decode::Envelope;

/// Whether a field is the column that holds the whole event; a query may write its name in any case.
pub(crate) fn is_event(name: &str) -> bool {
    name.eq_ignore_ascii_case("eventJson")
}

pub(super) fn peel(outer: &Outer<'_>, _envelope: &mut Envelope) -> Option<Payload> {
    let Value::Array(row) = outer.json? else { return None };
    let fields: Option<Vec<_>> =
        row.iter().map(|field| field.as_object().filter(|field| field.len() == 1)).collect();
    let (_, event) = fields?.into_iter().flatten().find(|(name, _)| is_event(name))?;
    event.as_str().map(Payload::whole)
}
