//! What became of a flow.
//!
//! In: a flow. Out: outcome, decision and reason; or the name under which it is left out.
//! Owns: which drops are refusals by policy; which packets begin a connection.
//! Law: a drop for any other reason (routing, connection tracking, an invalid packet) refuses nobody.

use offbound_schemas::vocabulary::{Decision, Outcome};
use serde_json::Value;

use crate::decode::field;

/// Drop reasons by which policy refuses, as `drop_reason_desc` (Cilium `flow.proto`).
const POLICY_REASONS: [&str; 3] = ["POLICY_DENIED", "POLICY_DENY", "AUTH_REQUIRED"];
/// The same as numbers, for masks that leave only those.
const POLICY_CODES: [u64; 3] = [133, 181, 189];

/// What a flow's verdict means.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    /// None where no policy speaks: then the flow is no matter of identity.
    pub(super) decision: Decision,
    pub(super) by_policy: bool,
    pub(super) reason: Option<String>,
    /// Names of the policies that spoke, where they are logged.
    pub(super) policies: Option<String>,
}

/// Judges a flow, or names why it is left out.
pub(super) fn judge(flow: &Value) -> Result<Judged, &'static str> {
    let verdict = field::str_at(flow, &["verdict"]).unwrap_or("VERDICT_UNKNOWN");
    let reason = field::str_at(flow, &["drop_reason_desc"]).map(str::to_owned);
    let code = field::u64_at(flow, &["drop_reason"]);
    let named = reason.as_deref().is_some_and(|reason| POLICY_REASONS.contains(&reason));
    let l7 = field::at(flow, &["l7"]);
    // What a proxy drops, it drops by policy.
    let by_policy =
        named || (reason.is_none() && code.is_some_and(|code| POLICY_CODES.contains(&code))) || l7.is_some();
    let reason = reason.or_else(|| code.map(|code| format!("drop reason {code}")));
    let judged = |outcome, decision, by_policy| Judged {
        outcome,
        decision,
        by_policy,
        reason,
        policies: policies(flow),
    };
    match verdict {
        "DROPPED" if by_policy => Ok(judged(Outcome::Denied, Decision::Deny, true)),
        "DROPPED" | "ERROR" => Ok(judged(Outcome::Failed, Decision::None, false)),
        "AUDIT" => Ok(judged(Outcome::WouldDeny, Decision::Deny, true)),
        "REDIRECTED" => Err("proxy-redirect"),
        "TRACED" | "TRANSLATED" => Err("translation"),
        _ => forwarded(flow, l7).map(|decision| {
            let known = verdict == "FORWARDED";
            judged(
                if known { Outcome::Allowed } else { Outcome::Unknown },
                if known { decision } else { Decision::None },
                false,
            )
        }),
    }
}

/// A request that a proxy let pass was judged; other flows count where they begin a connection.
fn forwarded(flow: &Value, l7: Option<&Value>) -> Result<Decision, &'static str> {
    if let Some(l7) = l7 {
        let is_request = field::str_at(l7, &["type"]).is_none_or(|kind| kind == "REQUEST");
        let is_judged = ["http", "kafka"].iter().any(|kind| l7.get(kind).is_some());
        return match (is_request, is_judged) {
            (false, _) => Err("answer"),
            (true, true) => Ok(Decision::Allow),
            (true, false) => Ok(Decision::None),
        };
    }
    let reply = field::bool_at(flow, &["is_reply"]).or_else(|| field::bool_at(flow, &["reply"]));
    if reply == Some(true) {
        return Err("answer");
    }
    let flag = |name: &str| field::bool_at(flow, &["l4", "TCP", "flags", name]) == Some(true);
    let has_flags = field::has(flow, &["l4", "TCP", "flags"]);
    if has_flags && (!flag("SYN") || flag("ACK")) {
        return Err("established");
    }
    Ok(Decision::None)
}

/// `namespace/name` of the policies that allowed or refused.
fn policies(flow: &Value) -> Option<String> {
    let lists = ["egress_denied_by", "ingress_denied_by", "egress_allowed_by", "ingress_allowed_by"];
    let named = lists.iter().flat_map(|list| field::array_at(flow, &[list])).filter_map(|policy| {
        let name = field::str_at(policy, &["name"])?;
        Some(
            field::str_at(policy, &["namespace"])
                .map_or_else(|| name.to_owned(), |space| format!("{space}/{name}")),
        )
    });
    let named: Vec<String> = named.take(field::MAX_LIST_ITEMS).collect();
    (!named.is_empty()).then(|| named.join(","))
}

/// Transport protocol, lower case.
pub(super) fn protocol(flow: &Value) -> Option<String> {
    let layer = field::object_at(flow, &["l4"])?;
    ["TCP", "UDP", "SCTP", "ICMPv4", "ICMPv6"]
        .iter()
        .find(|name| layer.contains_key(**name))
        .map(|name| name.to_lowercase())
}
