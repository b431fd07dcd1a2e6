//! Address ranges.
//!
//! In: text such as `10.1.0.0/16`, `fd00:1::/64` or `10.1.250.1`. Out: a range that knows what it contains.
//! Law: an IPv4 address and its IPv4-mapped IPv6 form are one address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses. A single address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    base: IpAddr,
    prefix_bits: u8,
}

/// Text that is no address range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// The part before the slash is no address.
    #[error("is no address range; write it like 10.1.0.0/16, fd00:1::/64 or 10.1.250.1")]
    NotAnAddress,
    /// The part after the slash is no prefix length.
    #[error("has no prefix length from 0 to {0} after the slash; write it like 10.1.0.0/16 or fd00:1::/64")]
    BadPrefix(u8),
    /// The address has bits beyond the prefix.
    #[error("names a single address inside a range; write {0} for the range or {1} for the address")]
    HostBits(Cidr, IpAddr),
}

/// Reads an address; an IPv4-mapped one becomes IPv4.
#[must_use]
pub fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

impl Cidr {
    /// Reads a range.
    pub fn parse(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let written: IpAddr =
            address.parse().map_err(|_says_no_more: std::net::AddrParseError| CidrError::NotAnAddress)?;
        let full_bits = bits_of(written);
        let prefix_bits = match prefix {
            Some(digits) => parse_prefix(digits, full_bits).ok_or(CidrError::BadPrefix(full_bits))?,
            None => full_bits,
        };
        let (base, prefix_bits) = canonical(written, prefix_bits);
        let range = Self { base: masked(base, prefix_bits), prefix_bits };
        if range.base == base { Ok(range) } else { Err(CidrError::HostBits(range, base)) }
    }

    /// The range that holds just this address.
    #[must_use]
    pub fn single(address: IpAddr) -> Self {
        let base = address.to_canonical();
        Self { base, prefix_bits: bits_of(base) }
    }

    /// Whether the range holds this address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.base.is_ipv4() && masked(address, self.prefix_bits) == self.base
    }

    /// Whether any address is in both ranges.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other.base) || other.contains(self.base)
    }

    /// How many leading bits all addresses of the range share.
    #[must_use]
    pub fn prefix_bits(&self) -> u8 {
        self.prefix_bits
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix_bits)
    }
}

fn parse_prefix(digits: &str, full_bits: u8) -> Option<u8> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|bits| plain && *bits <= full_bits)
}

fn bits_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// A range within `::ffff:0:0/96` is a range of IPv4.
fn canonical(address: IpAddr, prefix_bits: u8) -> (IpAddr, u8) {
    match address.to_canonical() {
        IpAddr::V4(v4) if address.is_ipv6() && prefix_bits >= 96 => (IpAddr::V4(v4), prefix_bits - 96),
        _ => (address, prefix_bits),
    }
}

fn masked(address: IpAddr, prefix_bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix_bits.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix_bits.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str, address: &str, expected: bool) {
        let range = Cidr::parse(range).expect("a good range");
        let address = address.parse().expect("a good address");
        assert_eq!(range.contains(address), expected, "{range} {address}");
    }

    /// Scenario: addresses in and out of ranges of both families.
    /// Guarantees: the prefix decides, families never mix, and mapped IPv4 is IPv4.
    #[test]
    fn contains() {
        check("10.1.0.0/16", "10.1.255.255", true);
        check("10.1.0.0/16", "10.2.0.0", false);
        check("10.1.250.1", "10.1.250.1", true);
        check("10.1.250.1", "10.1.250.2", false);
        check("0.0.0.0/0", "203.0.113.1", true);
        check("0.0.0.0/0", "fd00::1", false);
        check("::/0", "fd00::1", true);
        check("::/0", "10.1.0.7", false);
        check("fd00:1::/64", "fd00:1::7", true);
        check("fd00:1::/64", "fd00:1:0:1::7", false);
        check("10.1.0.0/16", "::ffff:10.1.0.7", true);
        check("::ffff:10.1.0.0/112", "10.1.0.7", true);
    }

    /// Scenario: text that is no range. Guarantees: it is refused with what to write instead.
    #[test]
    fn refuses() {
        for bad in [
            "",
            "/",
            "10.1.0.0/",
            "10.1.0.0/33",
            "10.1.0.0/+8",
            "10.1.0/16",
            "fd00::/129",
            "web",
            "10.1.0.7/16",
        ] {
            assert!(Cidr::parse(bad).is_err(), "{bad}");
        }
        let host_bits = Cidr::parse("10.1.0.7/16").map_err(|error| error.to_string());
        assert_eq!(
            host_bits,
            Err("names a single address inside a range; write 10.1.0.0/16 for the range or 10.1.0.7 for the address"
                .to_owned())
        );
    }

    /// Scenario: nested, equal and disjoint ranges. Guarantees: overlap is symmetric and exact.
    #[test]
    fn overlaps() {
        let parse = |text| Cidr::parse(text).expect("a good range");
        for (left, right, expected) in [
            ("10.0.0.0/8", "10.1.0.0/16", true),
            ("10.1.0.0/16", "10.1.0.0/16", true),
            ("10.1.0.0/17", "10.1.128.0/17", false),
            ("0.0.0.0/0", "::/0", false),
        ] {
            assert_eq!(parse(left).overlaps(&parse(right)), expected);
            assert_eq!(parse(right).overlaps(&parse(left)), expected);
        }
    }
}
