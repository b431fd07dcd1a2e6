//! What an operator sees of a running stream: health and metrics over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// The answer of the operators' window: status and text.
pub(super) fn get(address: &str, path: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).expect("somebody listens");
    write!(connection, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("a request");
    let mut text = String::new();
    connection.read_to_string(&mut text).expect("an answer in UTF-8");
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    (status, body)
}

/// The sum of a metric over all its labels; none where it has no value.
pub(super) fn metric(address: &str, name: &str) -> Option<f64> {
    let text = get(address, "/metrics").1;
    let values = text.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let is_it = series == name || series.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'));
        if is_it { value.parse::<f64>().ok() } else { None }
    });
    values.reduce(|sum, value| sum + value)
}
