//! The window for operators: `/metrics`, `/healthz`, `/readyz` over HTTP.
//!
//! In: requests, on loopback unless the user says otherwise. Out: OpenMetrics text, or one line.
//! Owns: the listening thread. Leaves to `metrics` what is counted, to `health` what is well.
//! Law: it answers from what is counted already; no request can hold up or change the stream.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use tiny_http::{Header, Method, Request, Response, Server};

use super::health::Health;
use super::metrics::Metrics;
use crate::clock;
use crate::exit::Failure;

/// The media type of OpenMetrics text, version 1.0.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Serves until the process ends; gives the address that it listens on.
pub(crate) fn serve(
    address: &str,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
) -> Result<SocketAddr, Failure> {
    let server = Server::http(address).map_err(|error| {
        Failure::could_not(format!(
            "cannot listen on {address}: {error}; choose another with --listen, or off"
        ))
    })?;
    let bound = server.server_addr().to_ip();
    let bound =
        bound.ok_or_else(|| Failure::usage(format!("--listen {address}: expected an address and port")))?;
    let named = thread::Builder::new().name("offbound-http".to_owned());
    named
        .spawn(move || {
            for request in server.incoming_requests() {
                answer(request, &metrics, &health);
            }
        })
        .map_err(|error| Failure::could_not(format!("cannot start a thread: {error}")))?;
    Ok(bound)
}

fn answer(request: Request, metrics: &Metrics, health: &Health) {
    let path = request.url().split('?').next().unwrap_or_default();
    let (status, kind, body) = match (request.method(), path) {
        (Method::Get | Method::Head, "/metrics") => (200, OPEN_METRICS, metrics.text()),
        (Method::Get | Method::Head, "/healthz") => state(health.alive(clock::now())),
        (Method::Get | Method::Head, "/readyz") => state(health.ready(clock::now())),
        (Method::Get | Method::Head, _) => {
            (404, PLAIN, "not found: there are /metrics, /healthz and /readyz\n".to_owned())
        }
        _ => (405, PLAIN, "only GET and HEAD\n".to_owned()),
    };
    let response = Response::from_string(body).with_status_code(status);
    let header = Header::from_bytes("Content-Type", kind);
    let response = header.into_iter().fold(response, Response::with_header);
    // Whoever asked may be gone already.
    request.respond(response).ok();
}

fn state(well: Result<(), String>) -> (u16, &'static str, String) {
    match well {
        Ok(()) => (200, PLAIN, "ok\n".to_owned()),
        Err(why) => (503, PLAIN, format!("{why}\n")),
    }
}
