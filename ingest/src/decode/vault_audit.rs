//! HashiCorp Vault audit: which token was shown for which path, and which tokens were issued, renewed, revoked.
//!
//! In: JSON of an audit device (Vault 1.x; `type` request or response, also those of KMIP). Out: one assertion a
//! request, request and response joined by `request.id`; beside it a row for a token that the response hands out.
//! Owns: the pairing (`pairing`), what was decided (`judge`), lifetimes (`lifetime`).
//! Law: token and accessor are the device's own HMACs: good names within one device, useless across devices. A device
//! with `log_raw` writes them in the clear; then the redaction's fingerprint stands for the token.

use offbound_schemas::EventRows;
use offbound_schemas::table::IdentityAssertion;
use serde_json::Value;

use self::pairing::{Half, Pairing};
use super::{Decode, Format, Held, Identity, Record, Verdict, field};

mod issued;
mod judge;
mod lifetime;
mod pairing;
mod presented;
#[cfg(test)]
mod tests;

pub(crate) const FORMAT: Format = Format {
    id: "vault",
    title: "HashiCorp Vault audit device (file, socket or syslog)",
    fills: &["identity_assertions"],
    sample: r#"{"time":"2026-03-01T10:00:00.674663552Z","type":"response","auth":{"client_token":"hmac-sha256:1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d","accessor":"hmac-sha256:2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e","display_name":"kubernetes-shop-web","policies":["default","payments"],"token_policies":["default","payments"],"policy_results":{"allowed":true,"granting_policies":[{"name":"payments","namespace_id":"root","type":"acl"}]},"metadata":{"role":"web","service_account_name":"web","service_account_namespace":"shop","service_account_uid":"0f7c6f0e-5d9c-4b2f-9d47-1f5f3a0c9e21"},"entity_id":"7d2e3101-0000-4000-8000-000000000001","token_type":"service","token_ttl":3600,"token_issue_time":"2026-03-01T09:30:00Z"},"request":{"id":"24ac580b-0000-4000-8000-6932f4e05aaa","operation":"read","mount_type":"kv","client_token":"hmac-sha256:1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d","client_token_accessor":"hmac-sha256:2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e","namespace":{"id":"root"},"path":"secret/data/payments/card-key","remote_address":"10.1.0.7","remote_port":43612},"response":{"mount_type":"kv"}}"#,
    identity: Identity::Bytes,
    sniff: |record| record.json.map_or(0, |json| if is_entry(json) { 95 } else { 0 }),
    decoder: || Box::new(Vault::default()),
};

/// Whether a value is an entry of an audit device.
fn is_entry(json: &Value) -> bool {
    let kind = field::str_at(json, &["type"]).unwrap_or_default();
    let of_kind =
        ["request", "response"].iter().any(|word| kind == *word || kind.strip_suffix(word) == Some("kmip-"));
    let says = |key: &str| field::has(json, &["request", key]);
    of_kind && field::has(json, &["time"]) && (says("operation") || says("path") || says("id"))
}

#[derive(Default)]
struct Vault {
    pairing: Pairing,
}

impl Decode for Vault {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json.filter(|json| is_entry(json) || field::has(json, &["request"])) else {
            return Verdict::reject("not-a-vault-entry", "expected type request or response, and request");
        };
        let Some(time) = field::time_at(json, &["time"]).or(record.envelope.time) else {
            return Verdict::Rejected(field::no_time("time", field::at(json, &["time"])));
        };
        let row = presented::row(record, json, time);
        if field::str_at(json, &["type"]).is_some_and(|kind| kind.ends_with("response")) {
            let row = self.pairing.answered(json, row);
            let about_a_token = issued::row(record, json, &row);
            let wrapping = issued::wrapping(record, json, &row);
            push(rows, [Some(row), about_a_token, wrapping]);
        } else {
            let half = Half { key: pairing::key(json), row };
            push(rows, [self.pairing.asked(half), None, None]);
        }
        Verdict::Decoded
    }

    fn held(&self) -> Held {
        self.pairing.held()
    }

    fn finish(&mut self, rows: &mut EventRows) {
        rows.identity_assertions.extend(self.pairing.rest());
    }
}

fn push(rows: &mut EventRows, read: [Option<IdentityAssertion>; 3]) {
    rows.identity_assertions.extend(read.into_iter().flatten());
}
