//! Which address is the proxy's own peer.
//!
//! In: an access log entry. Out: source address, its quality, and the addresses that were only claimed.
//! Owns: the order of belief: the direct address; else the remote one, unless it shows that a header gave it.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::AddrQuality;

use super::super::address::Address;
use super::super::field::MAX_LIST_ITEMS;
use super::keys::AccessLog;

/// Fills source address, port, quality and the claimed chain.
pub(super) fn fill(row: &mut IdentityAssertion, log: &AccessLog) {
    let parsed = |key: &str| log.text(key).and_then(|text| Address::parse(&text));
    let direct = parsed("downstream_direct_remote_address");
    let remote = parsed("downstream_remote_address");
    let mut chain = forwarded(log);
    let Some(peer) = direct.or(remote) else {
        row.addr_chain = chain;
        return;
    };
    let from_header = direct.is_none() && is_from_header(peer, &chain);
    row.addr_quality = if from_header { AddrQuality::Asserted } else { AddrQuality::Direct };
    row.src_addr = Some(peer.text());
    row.src_port = peer.port;
    if let Some(remote) = remote.filter(|remote| remote.ip != peer.ip && !chain.contains(&remote.text())) {
        chain.push(remote.text());
    }
    // A proxy that appends its peer to the header claims nothing by that.
    if !from_header && chain.last() == Some(&peer.text()) {
        chain.pop();
    }
    if from_header || !chain.is_empty() {
        row.trust_flags.push("forwarded-address".to_owned());
    }
    row.addr_chain = chain;
}

/// Port 0 is written for an address out of a header. Without any port, an address that stands in the header may be
/// from there. With a port it is the connection's own, whatever a client put into the header.
fn is_from_header(peer: Address, chain: &[String]) -> bool {
    peer.port_zero || (peer.port.is_none() && chain.contains(&peer.text()))
}

fn forwarded(log: &AccessLog) -> Vec<String> {
    let header = log.text("x_forwarded_for").unwrap_or_default();
    let claims = header.split(',').map(str::trim).filter(|claim| !claim.is_empty()).take(MAX_LIST_ITEMS);
    claims
        .map(|claim| Address::parse(claim).map_or_else(|| claim.to_owned(), |address| address.text()))
        .collect()
}
