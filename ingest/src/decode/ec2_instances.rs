//! EC2 instances, as `aws ec2 describe-instances` prints them.
//!
//! In: one reservation or one instance a record (framing takes `Reservations` and arrays apart), JSON output of AWS
//! CLI versions 1 and 2. Out: one placement an instance.
//! Owns: when such a statement was made: the newest moment in the object, since a listing bears no time of its own; and
//! the end of an instance that was stopped or terminated (`StateTransitionReason`).

use offbound_schemas::table::Placement;
use offbound_schemas::vocabulary::PlacementKind;
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::{Decode, Format, Identity, Record, Verdict, address, field};

pub(crate) const FORMAT: Format = Format {
    id: "ec2-instances",
    title: "EC2 instances (aws ec2 describe-instances)",
    fills: &["placements"],
    sample: r#"{"OwnerId":"111122223333","ReservationId":"r-0aaaaaaaaaaaaaaa1","Groups":[],"Instances":[{"InstanceId":"i-0aaaaaaaaaaaaaaa1","ImageId":"ami-0aaaaaaaaaaaaaaa1","InstanceType":"m7g.large","LaunchTime":"2026-03-01T09:30:00+00:00","Placement":{"AvailabilityZone":"eu-west-1a"},"PrivateDnsName":"ip-10-9-0-5.eu-west-1.compute.internal","PrivateIpAddress":"10.9.0.5","PublicIpAddress":"198.51.100.5","State":{"Code":16,"Name":"running"},"IamInstanceProfile":{"Arn":"arn:aws:iam::111122223333:instance-profile/shop-node"},"NetworkInterfaces":[{"PrivateIpAddresses":[{"PrivateIpAddress":"10.9.0.5"},{"PrivateIpAddress":"10.9.0.6"}],"Ipv6Addresses":[{"Ipv6Address":"fd00::5"}]}]}]}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Ec2Instances),
};

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    match instances(json).first() {
        Some(first) if is_instance(first) => 90,
        Some(_) => 0,
        None if field::has(json, &["ReservationId"]) && field::has(json, &["Instances"]) => 85,
        None => 0,
    }
}

fn is_instance(json: &Value) -> bool {
    let named = field::str_at(json, &["InstanceId"]).is_some_and(super::subject::is_instance_id);
    let more = [&["State", "Name"][..], &["PrivateIpAddress"], &["LaunchTime"], &["ImageId"]];
    named && more.iter().filter(|path| field::has(json, path)).count() >= 2
}

/// The instances of a reservation, or the one that the record is.
fn instances(json: &Value) -> &[Value] {
    let listed = field::array_at(json, &["Instances"]);
    if listed.is_empty() && field::has(json, &["InstanceId"]) { std::slice::from_ref(json) } else { listed }
}

struct Ec2Instances;

impl Decode for Ec2Instances {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-json", "expected instances of aws ec2 describe-instances");
        };
        let found = instances(json);
        if found.is_empty() {
            return Verdict::Skipped("empty-list");
        }
        let owner = field::str_at(json, &["OwnerId"]);
        let placed = (0..).zip(found).map(|(index, item)| {
            let row = placement(record, item, owner)?;
            Some(Placement { event_id: record.row_id(index), ..row })
        });
        match placed.collect::<Option<Vec<_>>>() {
            Some(placed) => {
                rows.placements.extend(placed);
                Verdict::Decoded
            }
            None => Verdict::Rejected(field::no_time("LaunchTime", None)),
        }
    }
}

fn placement(record: &Record<'_>, item: &Value, owner: Option<&str>) -> Option<Placement> {
    let instance = field::str_at(item, &["InstanceId"])?;
    let end = ended(item);
    let mut row = record.placement(newest_time(item).max(end).or(record.envelope.time)?);
    row.kind = PlacementKind::Host;
    row.host = Some(instance.to_owned());
    row.host_uid = row.host.clone();
    row.native_id = row.host.clone();
    row.workload = arn(item, instance, owner);
    let names = ["PrivateDnsName", "PublicDnsName"].iter();
    row.aliases = names.filter_map(|key| field::string_at(item, &[key])).collect();
    row.addresses = addresses(item);
    row.start = field::time_at(item, &["LaunchTime"]);
    row.end = end;
    row.may_go_on = end.is_some() && field::str_at(item, &["State", "Name"]) != Some("terminated");
    row.unmapped = field::unmapped(
        [
            "State",
            "StateTransitionReason",
            "VpcId",
            "SubnetId",
            "IamInstanceProfile",
            "ImageId",
            "MetadataOptions",
            "Placement",
            "Tags",
            "SecurityGroups",
        ]
        .map(|key| (key, field::at(item, &[key]))),
    );
    Some(row)
}

/// The region is the zone without its last letter; zones of other kinds (local, wavelength) have more than that.
fn arn(item: &Value, instance: &str, owner: Option<&str>) -> Option<String> {
    let network_owner = || field::str_at(item, &["NetworkInterfaces", "0", "OwnerId"]);
    let owner = owner.or_else(network_owner)?;
    let zone = field::str_at(item, &["Placement", "AvailabilityZone"])?;
    let (region, letter) = zone.split_at_checked(zone.len().checked_sub(1)?)?;
    let plain = letter.bytes().all(|byte| byte.is_ascii_lowercase()) && region.matches('-').count() == 2;
    plain.then(|| format!("arn:aws:ec2:{region}:{owner}:instance/{instance}"))
}

fn addresses(item: &Value) -> Vec<String> {
    let own = ["PrivateIpAddress", "PublicIpAddress", "Ipv6Address"].iter();
    let mut texts: Vec<&str> = own.filter_map(|key| field::str_at(item, &[key])).collect();
    for interface in field::array_at(item, &["NetworkInterfaces"]) {
        texts.extend(field::str_at(interface, &["PrivateIpAddress"]));
        texts.extend(field::str_at(interface, &["Association", "PublicIp"]));
        for other in field::array_at(interface, &["PrivateIpAddresses"]) {
            texts.extend(field::str_at(other, &["PrivateIpAddress"]));
            texts.extend(field::str_at(other, &["Association", "PublicIp"]));
        }
        let newer = field::array_at(interface, &["Ipv6Addresses"]).iter();
        texts.extend(newer.filter_map(|other| field::str_at(other, &["Ipv6Address"])));
    }
    address::normal_list(texts)
}

/// The newest moment of launch and attachments.
fn newest_time(item: &Value) -> Option<EventTime> {
    let attached = |list: &str, path: &[&str]| {
        let items = field::array_at(item, &[list]).iter();
        items.filter_map(|one| field::time_at(one, path)).max()
    };
    [
        field::time_at(item, &["LaunchTime"]),
        field::time_at(item, &["UsageOperationUpdateTime"]),
        attached("NetworkInterfaces", &["Attachment", "AttachTime"]),
        attached("BlockDeviceMappings", &["Ebs", "AttachTime"]),
    ]
    .into_iter()
    .flatten()
    .max()
}

/// `User initiated (2026-03-01 10:00:00 GMT)`, of an instance that does not run any more.
fn ended(item: &Value) -> Option<EventTime> {
    let over = matches!(
        field::str_at(item, &["State", "Name"]),
        Some("stopped" | "terminated" | "stopping" | "shutting-down")
    );
    let reason = field::str_at(item, &["StateTransitionReason"]).filter(|_| over)?;
    let (_, inside) = reason.split_once('(')?;
    field::time_text(inside.split_once(')')?.0.trim_end_matches(" GMT"))
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;
    use serde_json::json;

    /// Scenario: the sample. Guarantees: every address, the ARN, the start; the newest moment is the statement's.
    #[test]
    fn a_running_instance() {
        trial::check_sample(&FORMAT);
        let (_, rows) = trial::run(&FORMAT, &[FORMAT.sample]);
        let row = &rows.placements[0];
        assert_eq!(row.addresses, ["10.9.0.5", "198.51.100.5", "10.9.0.6", "fd00::5"]);
        assert_eq!(
            row.workload.as_deref(),
            Some("arn:aws:ec2:eu-west-1:111122223333:instance/i-0aaaaaaaaaaaaaaa1")
        );
        assert_eq!(
            (row.kind, row.end, row.start),
            (PlacementKind::Host, None, EventTime::parse("2026-03-01T09:30:00Z").ok())
        );
        assert_eq!(Some(row.event_time), row.start);
    }

    /// Scenario: bare instances, one terminated, one without any time, a reservation of none. Guarantees: the end; refused by
    /// `no-time`; left out by name.
    #[test]
    fn ends_and_refusals() {
        let ended = json!({"InstanceId": "i-0bbbbbbbbbbbbbbb2", "LaunchTime": "2026-03-01T09:00:00.000Z", "State": {"Name": "terminated"},
            "StateTransitionReason": "User initiated (2026-03-01 10:00:00 GMT)", "Placement": {"AvailabilityZone": "us-west-2-lax-1a"}});
        assert!(trial::sniff(&FORMAT, &ended.to_string()) >= 80);
        let (_, rows) = trial::run(&FORMAT, &[&ended.to_string()]);
        let row = &rows.placements[0];
        assert_eq!((row.end, row.workload.as_deref()), (EventTime::parse("2026-03-01T10:00:00Z").ok(), None));
        assert_eq!(Some(row.event_time), row.end);
        let (verdicts, rows) = trial::run(
            &FORMAT,
            &[
                r#"{"InstanceId":"i-0bbbbbbbbbbbbbbb2","State":{"Name":"running"}}"#,
                r#"{"ReservationId":"r-1","Instances":[]}"#,
            ],
        );
        assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
        assert_eq!((verdicts.get(1), rows.is_empty()), (Some(&Verdict::Skipped("empty-list")), true));
        assert_eq!(
            trial::sniff(&FORMAT, r#"{"InstanceId":"x","State":{"Name":"running"},"LaunchTime":"t"}"#),
            0
        );
    }
}
