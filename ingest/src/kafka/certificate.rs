//! Why a broker's certificate is not taken: librdkafka only says that it is not.
//!
//! In: the address of a broker, the time. Out: what its certificate says: until when it is valid, and for whom.
//! Owns: one TLS 1.2 greeting, in answer to which a server shows its certificate in the clear; nothing is trusted or
//! sent besides. A broker that speaks TLS 1.3 alone is not understood, and nothing is said then.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use offbound_schemas::EventTime;

/// Longest wait for each step.
const STEP_TIME: Duration = Duration::from_secs(2);
/// Most bytes that are read of an answer: chains of certificates are shorter.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Most names that are looked at.
const MAX_NAMES: usize = 256;

/// Handshake messages in TLS records.
const HANDSHAKE: u8 = 22;
/// The handshake message that holds certificates.
const CERTIFICATE: u8 = 11;

/// Tags of DER.
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const OCTETS: u8 = 0x04;
const VERSION: u8 = 0xa0;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
/// The object identifier of alternative names, as DER.
const ALTERNATIVE_NAMES: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x11];

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) from: EventTime,
    pub(super) until: EventTime,
    /// Host names and addresses.
    pub(super) names: Vec<String>,
}

/// Why a certificate is not taken by a client of `host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Expired,
    NotYet,
    OtherHost,
    /// None of these: whoever signed it is not trusted.
    Signer,
}

impl Shown {
    /// Judges it.
    pub(super) fn fault(&self, host: &str, now: EventTime) -> Fault {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let fits = |name: &String| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
            None => name.eq_ignore_ascii_case(host),
        };
        if now > self.until {
            Fault::Expired
        } else if now < self.from {
            Fault::NotYet
        } else if self.names.iter().any(fits) {
            Fault::Signer
        } else {
            Fault::OtherHost
        }
    }
}

/// Asks a server at `host:port` for its certificate.
pub(super) fn ask(address: &str) -> Option<Shown> {
    let answer = greet(address).ok()?;
    read(&first_certificate(&answer)?)
}

fn greet(address: &str) -> io::Result<Vec<u8>> {
    let place = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&place, STEP_TIME)?;
    stream.set_read_timeout(Some(STEP_TIME))?;
    stream.set_write_timeout(Some(STEP_TIME))?;
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    stream.write_all(&greeting(host))?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while answer.len() < MAX_ANSWER_BYTES && first_certificate(&answer).is_none() {
        match stream.read(&mut piece)? {
            0 => break,
            length => answer.extend_from_slice(piece.get(..length).unwrap_or_default()),
        }
    }
    Ok(answer)
}

/// A length of two bytes and what has it.
fn with_length(inside: &[u8]) -> Vec<u8> {
    let length = u16::try_from(inside.len()).unwrap_or(u16::MAX).to_be_bytes();
    [length.as_slice(), inside].concat()
}

/// A client's greeting of TLS 1.2.
fn greeting(host: &str) -> Vec<u8> {
    let suites: Vec<u8> =
        [0xc02b_u16, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x009c, 0x009d, 0x002f, 0x0035]
            .into_iter()
            .flat_map(u16::to_be_bytes)
            .collect();
    let extension = |kind: u16, inside: &[u8]| [kind.to_be_bytes().as_slice(), &with_length(inside)].concat();
    let mut extensions = Vec::new();
    if host.parse::<IpAddr>().is_err() && host.is_ascii() {
        let name = [&[0][..], &with_length(host.as_bytes())].concat();
        extensions.extend(extension(0, &with_length(&name)));
    }
    // Curves, point format, signatures.
    extensions.extend(extension(10, &with_length(&[0, 29, 0, 23, 0, 24])));
    extensions.extend(extension(11, &[1, 0]));
    extensions.extend(extension(13, &with_length(&[4, 3, 5, 3, 6, 3, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1])));
    // The random bytes protect nothing here: the connection ends before there is a key.
    let hello =
        [&[3, 3][..], &[0x6f; 32], &[0], &with_length(&suites), &[1, 0], &with_length(&extensions)].concat();
    let message = [&[1, 0][..], &with_length(&hello)].concat();
    [&[HANDSHAKE, 3, 1][..], &with_length(&message)].concat()
}

/// The first certificate in a server's answer, if all of it is there.
fn first_certificate(answer: &[u8]) -> Option<Vec<u8>> {
    let mut messages = Vec::new();
    let mut rest = answer;
    while let [kind, _, _, high, low, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (inside, next) = behind.split_at_checked(length)?;
        if *kind != HANDSHAKE {
            break;
        }
        messages.extend_from_slice(inside);
        rest = next;
    }
    let mut rest = messages.as_slice();
    while let Some((kind, behind)) = rest.split_first() {
        let (inside, next) = of_three_bytes(behind)?;
        if *kind == CERTIFICATE {
            let (chain, _) = of_three_bytes(inside)?;
            return of_three_bytes(chain).map(|(first, _)| first.to_vec());
        }
        rest = next;
    }
    None
}

/// What has a length of three bytes, and what is behind it.
fn of_three_bytes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(3)?;
    let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

/// Tag and content of the first element of DER, and what is behind it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, length, rest @ ..] = bytes else { return None };
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(*length & 0x7f))?;
            (digits.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, behind) = rest.split_at_checked(length)?;
    Some((*tag, content, behind))
}

/// Reads what matters of a certificate.
fn read(certificate: &[u8]) -> Option<Shown> {
    let (_, outer, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, inner, _) = element(outer).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let rest = element(inner).filter(|(tag, ..)| *tag == VERSION).map_or(inner, |(_, _, behind)| behind);
    // Serial number, algorithm and issuer stand before the validity.
    let rest = element(rest)?.2;
    let rest = element(rest)?.2;
    let rest = element(rest)?.2;
    let (_, validity, rest) = element(rest).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (tag, from, behind) = element(validity)?;
    let from = time(tag, from)?;
    let (tag, until, _) = element(behind)?;
    Some(Shown { from, until: time(tag, until)?, names: names(rest) })
}

fn time(tag: u8, digits: &[u8]) -> Option<EventTime> {
    let text = std::str::from_utf8(digits).ok()?.strip_suffix('Z')?;
    let text = match tag {
        // Two digits of the year: 1950 to 2049.
        UTC_TIME => format!("{}{text}", if text.get(..2)? >= "50" { "19" } else { "20" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let moment: DateTime<Utc> = NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%S").ok()?.and_utc();
    // Some certificates are valid for longer than moments can be written.
    let bound = if moment.timestamp() < 0 { EventTime::MIN } else { EventTime::MAX };
    Some(EventTime::from_utc(moment).unwrap_or(bound))
}

/// Host names and addresses behind the validity.
fn names(rest: &[u8]) -> Vec<String> {
    let at = memchr::memmem::find(rest, ALTERNATIVE_NAMES);
    let behind = at.and_then(|at| rest.get(at + ALTERNATIVE_NAMES.len()..)).unwrap_or_default();
    let list = element(behind).filter(|(tag, ..)| *tag == OCTETS).and_then(|(_, inside, _)| element(inside));
    let mut rest = list.map(|(_, inside, _)| inside).unwrap_or_default();
    let mut names = Vec::new();
    while let Some((tag, content, behind)) = element(rest).filter(|_| names.len() < MAX_NAMES) {
        let address = || match content.len() {
            4 => <[u8; 4]>::try_from(content).ok().map(IpAddr::from),
            _ => <[u8; 16]>::try_from(content).ok().map(IpAddr::from),
        };
        match tag {
            DNS_NAME => names.push(String::from_utf8_lossy(content).into_owned()),
            IP_ADDRESS => names.extend(address().map(|address| address.to_string())),
            _ => {}
        }
        rest = behind;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown() -> Shown {
        let names = ["broker.example.org", "*.kafka.example.org", "127.0.0.1"].map(str::to_owned);
        Shown { from: EventTime(100), until: EventTime(200), names: names.into() }
    }

    /// Scenario: a certificate at several times and for several hosts. Guarantees: the fault that is named is true.
    #[test]
    fn faults() {
        let check =
            |host: &str, now, expected| assert_eq!(shown().fault(host, EventTime(now)), expected, "{host}");
        check("127.0.0.1", 201, Fault::Expired);
        check("127.0.0.1", 99, Fault::NotYet);
        check("127.0.0.1", 150, Fault::Signer);
        check("Broker.example.org", 150, Fault::Signer);
        check("b1.kafka.example.org", 150, Fault::Signer);
        check("a.b1.kafka.example.org", 150, Fault::OtherHost);
        check("[::1]", 150, Fault::OtherHost);
    }

    proptest! {
        /// Scenario: a server that answers anything. Guarantees: no panic, no endless loop.
        #[test]
        fn any_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _none = first_certificate(&bytes);
            let _none = read(&bytes);
            let _none = names(&bytes);
        }
    }
}
