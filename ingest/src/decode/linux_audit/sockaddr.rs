//! The address in a SOCKADDR record: the bytes of a `sockaddr`, in hex.
//!
//! In: bytes. Out: family, address, port or path. Law: family is in the host's byte order, port in the network's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A peer or a local address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SockAddr {
    /// Internet address and port.
    Inet(IpAddr, u16),
    /// Path of a local socket; abstract ones begin with `@`.
    Local(String),
    /// Another family, by number.
    Other(u16),
}

impl SockAddr {
    /// Reads the bytes; none when they are too few.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (family, rest) = bytes.split_at_checked(2)?;
        let family = match <[u8; 2]>::try_from(family).map(u16::from_le_bytes).ok()? {
            swapped if swapped > 0xff && swapped & 0xff == 0 => swapped.swap_bytes(),
            family => family,
        };
        match family {
            1 => Some(Self::Local(local(rest))),
            2 => {
                let address: [u8; 4] = rest.get(2..6)?.try_into().ok()?;
                Some(Self::Inet(IpAddr::V4(Ipv4Addr::from(address)), port(rest)?))
            }
            10 => {
                let address: [u8; 16] = rest.get(6..22)?.try_into().ok()?;
                Some(Self::Inet(IpAddr::V6(Ipv6Addr::from(address)).to_canonical(), port(rest)?))
            }
            other => Some(Self::Other(other)),
        }
    }
}

impl SockAddr {
    /// Reads what auditd or a collector made of the bytes: `fam=inet laddr=10.1.0.7 lport=443`, `saddr_fam=local path=/run/x`.
    pub(super) fn translated(text: &str) -> Option<Self> {
        let words = text.trim_matches(['{', '}', ' ']).split_ascii_whitespace();
        let pairs: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('=')).collect();
        let find = |keys: &[&str]| pairs.iter().find(|(key, _)| keys.contains(key)).map(|(_, text)| *text);
        match find(&["fam", "saddr_fam"])? {
            "inet" | "inet6" => {
                let ip: IpAddr = find(&["laddr", "addr"])?.parse().ok()?;
                let port = find(&["lport", "port"]).and_then(|port| port.parse().ok()).unwrap_or(0);
                Some(Self::Inet(ip.to_canonical(), port))
            }
            "local" | "unix" => Some(Self::Local(find(&["path"])?.to_owned())),
            "netlink" => Some(Self::Other(16)),
            _ => None,
        }
    }
}

fn port(rest: &[u8]) -> Option<u16> {
    rest.get(..2)?.try_into().map(u16::from_be_bytes).ok()
}

fn local(rest: &[u8]) -> String {
    let is_abstract = rest.first() == Some(&0);
    let name = if is_abstract { rest.get(1..).unwrap_or_default() } else { rest };
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    let text = String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned();
    if is_abstract { format!("@{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    /// Scenario: addresses that another program translated. Guarantees: the same values; what says nothing is none.
    #[test]
    fn translations() {
        let inet = |port| Some(SockAddr::Inet(IpAddr::from([10, 1, 0, 7]), port));
        let cases = [
            ("{ fam=inet laddr=10.1.0.7 lport=443 }", inet(443)),
            ("{ saddr_fam=inet6 laddr=::ffff:10.1.0.7 lport=443 }", inet(443)),
            ("fam=inet addr=10.1.0.7", inet(0)),
            ("{ fam=local path=/run/x }", Some(SockAddr::Local("/run/x".to_owned()))),
            ("{ fam=inet laddr=unknown lport=1 }", None),
            ("{ unknown-family(77) }", None),
        ];
        for (text, expected) in cases {
            assert_eq!(SockAddr::translated(text), expected, "{text}");
        }
    }

    /// Scenario: addresses of every family, and cut ones. Guarantees: value and byte order.
    #[test]
    fn families() {
        let cases = [
            (
                "02000050A9FEA9FE0000000000000000",
                Some(SockAddr::Inet(IpAddr::from([169, 254, 169, 254]), 80)),
            ),
            (
                "0A0001BB0000000000000000000000000000FFFF0A01000700000000",
                Some(SockAddr::Inet(IpAddr::from([10, 1, 0, 7]), 443)),
            ),
            ("01002F72756E2F7800FF", Some(SockAddr::Local("/run/x".to_owned()))),
            ("0100006162", Some(SockAddr::Local("@ab".to_owned()))),
            ("100000000000", Some(SockAddr::Other(16))),
            ("0200005", None),
            ("020000", None),
        ];
        for (digits, expected) in cases {
            assert_eq!(hex::upper(digits).and_then(|bytes| SockAddr::parse(&bytes)), expected, "{digits}");
        }
    }
}
