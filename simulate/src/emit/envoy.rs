//! Envoy access logs in JSON, with the peer's certificate and the claims of a verified JWT.
//!
//! In: one request through a proxy. Out: its line. Owns: the keys (the operator's choice in real life; here
//! the lower-case operator names) and how Envoy prints serials, certificates' times and what is absent.

use crate::json::Json;
use crate::moment::Moment;
use crate::random::Random;
use crate::world::Svid;

/// One request, as the proxy of the called workload saw it.
pub(crate) struct Request<'a> {
    /// When it came in.
    pub(crate) at: Moment,
    /// Address of the caller.
    pub(crate) from: &'a str,
    /// Certificate that the caller showed.
    pub(crate) peer: Option<&'a Svid>,
    /// Subject and id of the JWT that it carried.
    pub(crate) jwt: Option<(&'a str, &'a str)>,
    /// Host name that was called.
    pub(crate) authority: &'a str,
    /// Address of the called pod.
    pub(crate) to: &'a str,
    /// Method.
    pub(crate) method: &'a str,
    /// Path.
    pub(crate) path: &'a str,
    /// Status of the answer.
    pub(crate) code: u16,
    /// Why: `via_upstream`, `rbac_access_denied_matched_policy[none]`.
    pub(crate) details: &'a str,
    /// User agent.
    pub(crate) agent: &'a str,
}

const MESH_PORT: &str = "8443";

/// Writes the line of a request behind `out`.
pub(crate) fn write(request: &Request<'_>, random: &mut Random, out: &mut Vec<u8>) {
    let port = random.between(32_768, 60_999).to_string();
    let served = request.code != 403;
    Json::object_into(out, |json| {
        json.moment("start_time", request.at, 3);
        json.text("method", request.method);
        json.text("path", request.path);
        json.text("protocol", "HTTP/2");
        json.number("response_code", i64::from(request.code));
        json.text("response_code_details", request.details);
        json.text("response_flags", "-");
        json.null("connection_termination_details");
        json.number("bytes_received", random.between(0, 900));
        json.number("bytes_sent", if served { random.between(120, 9_000) } else { 19 });
        json.number("duration", random.between(1, 60));
        json.joined("downstream_remote_address", &[request.from, ":", &port]);
        json.joined("downstream_direct_remote_address", &[request.from, ":", &port]);
        json.joined("downstream_local_address", &[request.to, ":", MESH_PORT]);
        write_peer(json, request.peer);
        json.null("x_forwarded_client_cert");
        json.null("x_forwarded_for");
        json.text_or_null("requested_server_name", request.peer.map(|_| request.authority));
        json.text("authority", request.authority);
        json.joined("upstream_cluster", &["inbound|", MESH_PORT, "||"]);
        match served {
            true => json.joined("upstream_host", &[request.to, ":", MESH_PORT]),
            false => json.null("upstream_host"),
        }
        json.text("request_id", &random.uuid());
        json.text("user_agent", request.agent);
        json.text_or_null("jwt_sub", request.jwt.map(|(subject, _)| subject));
        json.text_or_null("jwt_jti", request.jwt.map(|(_, id)| id));
    });
}

/// The line of a request.
pub(crate) fn line(request: &Request<'_>, random: &mut Random) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_400);
    write(request, random, &mut out);
    out
}

fn write_peer(json: &mut Json<'_>, peer: Option<&Svid>) {
    let serial = peer.map(|svid| format!("{:x}", svid.serial));
    json.text_or_null("downstream_peer_uri_san", peer.map(|svid| svid.spiffe.as_str()));
    json.text_or_null("downstream_peer_serial", serial.as_deref());
    json.text_or_null("downstream_peer_fingerprint_256", peer.map(|svid| svid.fingerprint.as_str()));
    match peer {
        Some(svid) => {
            json.moment("downstream_peer_cert_v_start", svid.not_before(), 3);
            json.moment("downstream_peer_cert_v_end", svid.not_after(), 3);
            json.text("downstream_peer_subject", "O=SPIRE,C=US");
        }
        None => {
            json.null("downstream_peer_cert_v_start");
            json.null("downstream_peer_cert_v_end");
            json.null("downstream_peer_subject");
        }
    }
}
