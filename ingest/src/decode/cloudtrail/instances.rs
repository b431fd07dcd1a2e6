//! Instances that a CloudTrail call started or ended.
//!
//! In: RunInstances, StartInstances, StopInstances and TerminateInstances events that succeeded, BidEvictedEvent (EC2 took a
//! spot instance back), and their rows.
//! Out: one placement an instance, with its addresses where the answer has them.
//! Owns: where EC2 answers keep addresses. Law: a stopped or terminated instance ends at the call.

use offbound_schemas::table::{IdentityAssertion, Placement};
use offbound_schemas::vocabulary::{Decision, Enforcement, PlacementKind};
use serde_json::{Value, json};

use super::super::{Record, address, field};

/// The placements that a call tells of.
pub(super) fn rows(record: &Record<'_>, json: &Value, called: &IdentityAssertion) -> Vec<Placement> {
    let succeeded = called.decision == Decision::Allow && called.enforcement == Enforcement::Enforced;
    let begins = match called.action.as_deref() {
        Some("RunInstances" | "StartInstances") => true,
        Some("TerminateInstances" | "StopInstances" | "BidEvictedEvent") => false,
        _ => return Vec::new(),
    };
    if !succeeded || called.dst.as_deref() != Some("ec2.amazonaws.com") {
        return Vec::new();
    }
    let items = field::array_at(json, &["responseElements", "instancesSet", "items"]);
    let evicted = field::list_at(json, &["serviceEventDetails", "instanceIdSet"]);
    let evicted: Vec<Value> = evicted.into_iter().map(|id| json!({ "instanceId": id })).collect();
    let placed = (1..).zip(items.iter().chain(&evicted)).filter_map(|(index, item)| {
        let mut row = placement(record, json, called, item)?;
        row.event_id = record.row_id(index);
        if begins {
            row.start = field::time_at(item, &["launchTime"]).or(Some(called.event_time));
        } else {
            row.end = Some(called.event_time);
            // What was stopped may be started again, and so may some of what was evicted.
            row.may_go_on = called.action.as_deref() != Some("TerminateInstances");
        }
        Some(row)
    });
    placed.collect()
}

fn placement(
    record: &Record<'_>,
    json: &Value,
    called: &IdentityAssertion,
    item: &Value,
) -> Option<Placement> {
    let instance = field::str_at(item, &["instanceId"])?;
    let mut row = record.placement(called.event_time);
    row.kind = PlacementKind::Host;
    row.host = Some(instance.to_owned());
    row.host_uid = Some(instance.to_owned());
    row.native_id = Some(instance.to_owned());
    if let (Some(region), Some(account)) = (field::str_at(json, &["awsRegion"]), called.account.as_deref()) {
        row.workload = Some(format!("arn:aws:ec2:{region}:{account}:instance/{instance}"));
    }
    row.aliases =
        ["privateDnsName", "dnsName"].iter().filter_map(|key| field::string_at(item, &[key])).collect();
    row.addresses = addresses(item);
    row.unmapped = field::unmapped([
        ("vpcId", field::at(item, &["vpcId"])),
        ("subnetId", field::at(item, &["subnetId"])),
        ("iamInstanceProfile", field::at(item, &["iamInstanceProfile"])),
        ("imageId", field::at(item, &["imageId"])),
        ("metadataOptions", field::at(item, &["metadataOptions"])),
        ("currentState", field::at(item, &["currentState"])),
    ]);
    Some(row)
}

fn addresses(item: &Value) -> Vec<String> {
    let mut texts: Vec<&str> =
        ["privateIpAddress", "ipAddress"].iter().filter_map(|key| field::str_at(item, &[key])).collect();
    for interface in field::array_at(item, &["networkInterfaceSet", "items"]) {
        texts.extend(field::str_at(interface, &["privateIpAddress"]));
        texts.extend(field::str_at(interface, &["association", "publicIp"]));
        // The API says "items" in one place and "item" in another.
        for key in ["items", "item"] {
            for other in field::array_at(interface, &["privateIpAddressesSet", key]) {
                texts.extend(field::str_at(other, &["privateIpAddress"]));
                texts.extend(field::str_at(other, &["association", "publicIp"]));
            }
            let newer = field::array_at(interface, &["ipv6AddressesSet", key]).iter();
            texts.extend(newer.filter_map(|other| field::str_at(other, &["ipv6Address"])));
        }
    }
    address::normal_list(texts)
}
