//! Addresses as logs write them, in one normal form.
//!
//! In: `10.1.0.7`, `10.1.0.7:443`, `[fd00::7]:443`, `::ffff:10.1.0.7`, `tcp://10.1.0.7:80`, `-`. Out: address and port.
//! Owns: the normal text (v4-mapped v6 as v4, no brackets, no zone) and what is no address at all.
//! Law: two texts of one address become equal texts; what is no valid address is none, never a guess.

use std::net::{IpAddr, Ipv6Addr};

/// An address, and the port that stood with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    /// The address; never a v4-mapped v6 one.
    pub(crate) ip: IpAddr,
    /// The port; none when the text has none, or port 0.
    pub(crate) port: Option<u16>,
    /// Whether the text has port 0: proxies write that for an address which they took from a header.
    pub(crate) port_zero: bool,
}

impl Address {
    /// Reads an address with or without port; none for names, `-`, empty text and invalid literals.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = without_scheme(text.trim());
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Some(ip) = parse_ip(bare) {
            return Some(Self { ip, port: None, port_zero: false });
        }
        let (host, port) = split_port(text)?;
        let ip = parse_ip(host)?;
        Some(Self { ip, port: (port != 0).then_some(port), port_zero: port == 0 })
    }

    /// The normal text of the address, without port.
    pub(crate) fn text(&self) -> String {
        self.ip.to_string()
    }
}

/// The normal text of the address in `text`, without port.
pub(crate) fn normal(text: &str) -> Option<String> {
    Address::parse(text).map(|address| address.text())
}

/// The normal texts of all addresses in `texts`, in order, each once.
pub(crate) fn normal_list<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    let mut addresses = Vec::new();
    for address in texts.into_iter().filter_map(normal) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// Host and port of `HOST:PORT`, where the host is an IPv4 address in normal form.
pub(crate) fn plain_pair(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.split_once(':')?;
    host.parse::<std::net::Ipv4Addr>().ok()?;
    Some((host, port.parse().ok()?))
}

/// Whether `text` is an address in normal form, and nothing else.
pub(crate) fn is_plain(text: &str) -> bool {
    let is_normal = |address: Address| address.port.is_none() && !address.port_zero && address.text() == text;
    text.parse::<std::net::Ipv4Addr>().is_ok() || Address::parse(text).is_some_and(is_normal)
}

fn without_scheme(text: &str) -> &str {
    ["tcp://", "udp://", "ipv4:", "ipv6:"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text)
}

fn split_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host = match bracketed {
        Some(inside) => inside,
        None if host.contains(':') => return None,
        None => host,
    };
    Some((host, port.parse().ok()?))
}

fn parse_ip(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip.to_canonical());
    }
    let (address, zone) = text.split_once('%')?;
    (!zone.is_empty()).then_some(())?;
    address.parse::<Ipv6Addr>().ok().map(|ip| IpAddr::V6(ip).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, Option<u16>)>) {
        let found = Address::parse(text).map(|address| (address.text(), address.port));
        assert_eq!(found, expected.map(|(ip, port)| (ip.to_owned(), port)), "{text:?}");
    }

    /// Scenario: every notation that logs use. Guarantees: one normal text; port 0 and absent ports are none.
    #[test]
    fn notations() {
        check("10.1.0.7", Some(("10.1.0.7", None)));
        check("10.1.0.7:443", Some(("10.1.0.7", Some(443))));
        check("10.1.0.7:0", Some(("10.1.0.7", None)));
        check("::ffff:10.1.0.7", Some(("10.1.0.7", None)));
        check("[::ffff:10.1.0.7]:443", Some(("10.1.0.7", Some(443))));
        check("[FD00:0:0::7]:443", Some(("fd00::7", Some(443))));
        check("[fd00::7]", Some(("fd00::7", None)));
        check("fd00::7", Some(("fd00::7", None)));
        check("fe80::1%eth0", Some(("fe80::1", None)));
        check("[fe80::1%eth0]:9", Some(("fe80::1", Some(9))));
        check("tcp://10.1.0.7:80", Some(("10.1.0.7", Some(80))));
        check(" 10.1.0.7 ", Some(("10.1.0.7", None)));
    }

    /// Scenario: texts that are no address. Guarantees: none, rather than a guess.
    #[test]
    fn no_addresses() {
        for text in [
            "",
            "-",
            "null",
            "host:80",
            "10.1.0.07",
            "10.1.0.256",
            "10.1.0.7:99999",
            "fd00:::7",
            "[::1",
            "unix:@/s",
            "%",
            "1%2",
        ] {
            check(text, None);
        }
    }

    /// Scenario: a list with repeats in several notations. Guarantees: each address once, in order.
    #[test]
    fn lists_hold_each_address_once() {
        assert_eq!(normal_list(["10.1.0.7", "::ffff:10.1.0.7", "x", "fd00::1"]), ["10.1.0.7", "fd00::1"]);
        assert_eq!(Address::parse("10.1.0.7:0").map(|address| address.port_zero), Some(true));
    }
}
