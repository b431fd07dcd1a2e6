//! What a bot or an instance proved when it joined: the claims of the platform that vouched for it.
//!
//! In: `bot.join` and `instance.join` with their `attributes`. Out: presenter, issuer and place in the row.
//! Owns: where each join method keeps pod, host and instance (methods `kubernetes`, `github`, `iam`, `ec2`, `gcp`,
//! `azure`, `spacelift` …). Law: attributes come from a signed document; what a method does not vouch for is absent.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::Phase;
use serde_json::Value;

use super::super::subject::is_instance_id;
use super::super::{field, loose};

/// Fills what the joining party proved. GitHub and others leave the claims bare, Kubernetes puts them under `raw`.
pub(super) fn fill(row: &mut IdentityAssertion, json: &Value) {
    row.phase = Phase::Attest;
    row.resource = loose::string_at(json, &["token_name"]);
    row.bound_host = loose::string_at(json, &["node_name"]);
    row.bound_host_uid = loose::string_at(json, &["host_id"]);
    if row.subject.is_none() {
        row.subject = row.bound_host_uid.clone().or_else(|| row.bound_host.clone());
    }
    let Some(attributes) = loose::at(json, &["attributes"]) else { return };
    let claims = field::at(attributes, &["raw"]).unwrap_or(attributes);
    let text = |path: &[&str]| field::string_at(claims, path);
    row.presenter =
        text(&["sub"]).or_else(|| field::string_at(attributes, &["username"])).or_else(|| text(&["arn"]));
    row.issuer = text(&["iss"]).or_else(|| row.issuer.take());
    row.parent_id = text(&["jti"]).map(|jti| format!("JTI={jti}"));
    row.account = ["account", "account_id", "subscription"].iter().find_map(|key| text(&[key]));
    row.account = row.account.take().or_else(|| text(&["google", "compute_engine", "project_id"]));
    pod(row, claims);
    row.bound_instance = instance(claims);
}

fn pod(row: &mut IdentityAssertion, claims: &Value) {
    let text = |path: &[&str]| field::string_at(claims, path);
    row.bound_namespace = text(&["kubernetes.io", "namespace"]);
    row.bound_pod = text(&["kubernetes.io", "pod", "name"]);
    row.bound_pod_uid = text(&["kubernetes.io", "pod", "uid"]);
    row.bound_host = text(&["kubernetes.io", "node", "name"]).or_else(|| row.bound_host.take());
    row.bound_host_uid = text(&["kubernetes.io", "node", "uid"]).or_else(|| row.bound_host_uid.take());
}

fn instance(claims: &Value) -> Option<String> {
    let named = [&["instance_id"][..], &["google", "compute_engine", "instance_id"], &["vm_id"]]
        .iter()
        .find_map(|path| field::string_at(claims, path));
    let session = || field::str_at(claims, &["arn"])?.rsplit('/').next();
    named.or_else(|| session().filter(|name| is_instance_id(name)).map(str::to_owned))
}
