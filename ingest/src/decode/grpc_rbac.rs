//! gRPC servers that audit their own authorization (gRFC A59, logger `stdout_logger`).
//!
//! In: JSON lines, alone or inside `grpcAuditLog`; `timestamp` is epoch seconds in a text, or RFC 3339.
//! Out: one assertion a decision. Owns: nothing else: the record has neither address nor certificate id.
//! Law: `principal` is what the server took from the peer's certificate; empty means that there was none.

use offbound_schemas::EventRows;
use offbound_schemas::vocabulary::{Decision, Enforcement, Phase};
use serde_json::Value;

use super::subject::{ServiceAccount, trust_domain};
use super::{Decode, Format, Identity, Record, Verdict, field};

pub(crate) const FORMAT: Format = Format {
    id: "grpc-rbac",
    title: "gRPC authorization audit (gRFC A59, standard output logger)",
    fills: &["identity_assertions"],
    sample: r#"{"grpcAuditLog":{"timestamp":"2026-03-01T10:00:00.250Z","rpc_method":"/shop.Payments/Charge","principal":"spiffe://prod.example/ns/shop/sa/web","policy_name":"payments","matched_rule":"payments_charge","authorized":true}}"#,
    identity: Identity::BytesAndOccurrence,
    sniff: |record| record.json.and_then(entry).map_or(0, |_| 92),
    decoder: || Box::new(GrpcRbac),
};

struct GrpcRbac;

impl Decode for GrpcRbac {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(entry) = record.json.and_then(entry) else {
            return Verdict::reject("not-a-grpc-audit-entry", "expected rpc_method and authorized");
        };
        let Some(time) = field::time_at(entry, &["timestamp"]).or(record.envelope.time) else {
            return Verdict::Rejected(field::no_time("timestamp", field::at(entry, &["timestamp"])));
        };
        let mut row = record.assertion(time);
        row.phase = Phase::Present;
        row.decision = match field::bool_at(entry, &["authorized"]) {
            Some(true) => Decision::Allow,
            Some(false) => Decision::Deny,
            None => Decision::None,
        };
        row.enforcement = Enforcement::Enforced;
        row.reason = reason(entry);
        row.subject = field::string_at(entry, &["principal"]);
        let subject = row.subject.as_deref().unwrap_or_default();
        row.credential_kind = subject.starts_with("spiffe://").then(|| "x509-svid".to_owned());
        row.issuer = trust_domain(subject).map(str::to_owned);
        row.cluster = row.issuer.clone();
        row.bound_namespace = ServiceAccount::of_subject(subject).map(|account| account.namespace.to_owned());
        row.action = field::string_at(entry, &["rpc_method"]);
        // `/package.Service/Method`: the service is what is called.
        let service =
            row.action.as_deref().and_then(|method| method.trim_start_matches('/').split('/').next());
        row.dst = service.filter(|service| !service.is_empty()).map(str::to_owned);
        row.platform = Some("mesh".to_owned());
        rows.identity_assertions.push(row);
        Verdict::Decoded
    }
}

fn entry(json: &Value) -> Option<&Value> {
    let entry = field::at(json, &["grpcAuditLog"]).unwrap_or(json);
    let whole = ["rpc_method", "authorized", "matched_rule"].iter().all(|key| entry.get(key).is_some());
    whole.then_some(entry)
}

fn reason(entry: &Value) -> Option<String> {
    let of = |key: &str| field::str_at(entry, &[key]);
    match (of("policy_name"), of("matched_rule")) {
        (Some(policy), Some(rule)) => Some(format!("policy {policy}, rule {rule}")),
        (Some(policy), None) => Some(format!("policy {policy}, no rule")),
        (None, rule) => rule.map(|rule| format!("rule {rule}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;

    /// Scenario: an allowed and a refused call, with and without wrapper, with times of both kinds, without principal.
    /// Guarantees: decision, principal and reason are read; a missing principal is nobody.
    #[test]
    fn decisions() {
        trial::check_sample(&FORMAT);
        let flat = r#"{"timestamp":"1772359200","rpc_method":"/shop.Payments/Charge","principal":"","policy_name":"p","matched_rule":"","authorized":false}"#;
        let (verdicts, rows) = trial::run(&FORMAT, &[FORMAT.sample, flat]);
        assert_eq!(verdicts, [Verdict::Decoded, Verdict::Decoded]);
        let [allowed, refused] = rows.identity_assertions.as_slice() else {
            unreachable!("two rows: {rows:?}")
        };
        assert_eq!((allowed.decision, allowed.bound_namespace.as_deref()), (Decision::Allow, Some("shop")));
        assert_eq!(
            (allowed.dst.as_deref(), allowed.action.as_deref()),
            (Some("shop.Payments"), Some("/shop.Payments/Charge"))
        );
        assert_eq!((refused.decision, refused.subject.as_deref()), (Decision::Deny, None));
        assert_eq!(refused.reason.as_deref(), Some("policy p, no rule"));
        assert_eq!(refused.event_time.0, 1_772_359_200_000_000_000);
        assert_eq!(trial::sniff(&FORMAT, r#"{"rpc_method":"/a/b","authorized":true}"#), 0);
    }
}
