//! Brokers: whether each is reached, over an encrypted connection, as the user that is configured.
//!
//! In: the configuration. Out: checks of brokers; where one answers, those of topics, group and clocks follow.
//! Owns: which addresses are asked. Law: no secret is shown.

use std::collections::BTreeSet;

use offbound_ingest::kafka::{Connection, Sasl};
use offbound_store::PartitionOffset;
use rdkafka::consumer::Consumer as _;

use super::check::Check;
use super::configuration::faults;
use super::probe::{ANSWER, Probe};
use super::{group, topics};
use crate::args::doctor::DoctorArgs;
use crate::args::stream::StreamArgs;
use crate::config::Config;
use crate::output::things;

const PART: &str = "kafka";
/// Addresses that are asked, at most: those that are configured, and those that brokers say they have.
const MAX_ADDRESSES: usize = 20;
/// Who asks where no group is configured.
const ASKER: &str = "offbound-doctor";

/// Checks brokers and what lies on them.
pub(super) fn check(args: &DoctorArgs, config: &Config, stored: &[PartitionOffset], checks: &mut Vec<Check>) {
    if args.brokers.is_none() && !config.names_brokers() {
        let how = "name brokers with kafka.brokers or --brokers; `stream` and `ship` need one";
        checks.push(Check::not_configured(PART, "brokers", how));
        return;
    }
    let connection = match config.connection(args.brokers.as_deref(), args.allow_plaintext) {
        Ok(connection) => connection,
        Err(failure) => return checks.extend(faults(PART, "connection", &failure)),
    };
    checks.push(security(&connection));
    let options = StreamArgs {
        brokers: args.brokers.clone(),
        topics: args.topics.clone(),
        allow_plaintext: args.allow_plaintext,
        ..StreamArgs::default()
    };
    let settings = if args.topics.is_empty() && !config.names_topics() {
        None
    } else {
        match config.stream(&options) {
            Ok(settings) => Some(settings),
            Err(failure) => {
                checks.extend(faults(PART, "settings", &failure));
                None
            }
        }
    };
    let asker = settings.as_ref().map_or(ASKER, |settings| settings.group.as_str());
    let Some(probe) = reach(&connection, asker, checks) else { return };
    let Some(settings) = settings else {
        let how = "name topics with [[topic]] or --topic";
        checks.push(Check::not_configured("topics", "topics", how));
        return;
    };
    let found = topics::check(&probe, &connection, &settings, stored, checks);
    group::check(&probe, &settings.group, &found, checks);
}

fn security(connection: &Connection) -> Check {
    let user = match &connection.sasl {
        None => "nobody in particular".to_owned(),
        Some(Sasl::Password { mechanism, user, .. }) => format!("{user} by {}", mechanism.name()),
        Some(Sasl::TokenFile { path, .. }) => format!("the bearer of the token in {}", path.display()),
    };
    let certificate = connection.tls.as_ref().is_some_and(|tls| tls.certificate.is_some());
    let shown = if certificate { ", with a certificate of its own" } else { "" };
    if connection.tls.is_some() {
        return Check::well(PART, "connection", format!("TLS, as {user}{shown}"));
    }
    if connection.allow_plaintext {
        let found = format!("not encrypted, as {user}");
        return Check::noted(
            PART,
            "connection",
            found,
            "everybody on the way can read the logs: set kafka.tls",
        );
    }
    Check::well(
        PART,
        "connection",
        format!("not encrypted, as {user}; only this machine is reached like this"),
    )
}

/// Asks every address; gives a client where one answers.
fn reach(connection: &Connection, group: &str, checks: &mut Vec<Check>) -> Option<Probe> {
    let mut waiting: Vec<String> =
        connection.brokers.split(',').map(|broker| broker.trim().to_owned()).collect();
    let mut asked = BTreeSet::new();
    let mut any = false;
    while let Some(address) = waiting.pop() {
        if address.is_empty() || asked.len() >= MAX_ADDRESSES || !asked.insert(address.clone()) {
            continue;
        }
        let name = format!("broker {address}");
        match ask(connection, &address, group) {
            Ok((advertised, found)) => {
                any = true;
                waiting.extend(advertised);
                checks.push(Check::well(PART, name, found));
            }
            Err(complaint) => checks.push(Check::told(PART, name, complaint)),
        }
    }
    if !any {
        return None;
    }
    match Probe::new(connection, None, group) {
        Ok(probe) => Some(probe),
        Err(problem) => {
            checks.push(Check::told(PART, "client", problem));
            None
        }
    }
}

/// The addresses that a broker says all brokers have, and what is told of it.
fn ask(connection: &Connection, address: &str, group: &str) -> Result<(Vec<String>, String), String> {
    let probe = Probe::new(connection, Some(address), group)?;
    let metadata = probe.metadata()?;
    let advertised: Vec<String> =
        metadata.brokers().iter().map(|broker| format!("{}:{}", broker.host(), broker.port())).collect();
    let cluster = probe.consumer.client().fetch_cluster_id(ANSWER).unwrap_or_else(|| "unknown".to_owned());
    let brokers = things(advertised.len() as u64, "broker");
    let found = format!("answers; cluster {cluster} has {brokers} at {}", advertised.join(", "));
    Ok((advertised, found))
}
