//! What events say of one entity.
//!
//! In: a host, a workload or a credential. Out: what it is, where credentials were used, who is named with it, who
//! recorded it. Owns: how much of each is told. Law: what events do not say is left out; several values of one fact are
//! all told, as far as there is room, and that there are more is said.

use offbound_schemas::EventTime;
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::vocabulary::{Decision, Phase};
use offbound_store::EventTable;
use offbound_tui::{Entity, EntityFacts, EntityKind, EntityRow, LaneOf, Telemetry, Use};

use super::Asking;
use super::lanes::{Marks, texts_of};
use super::sql::{Numbers, Texts, event_time, first_and_last, literal, source};
use crate::exit::Failure;

/// Rows of each section: more than anybody reads on a page; the events list has them all.
const ROWS_MAX: usize = 200;
/// Values of one fact.
const VALUES_MAX: usize = 5;

/// Answers.
pub(super) fn answer(asking: &Asking<'_>, entity: &Entity) -> Result<EntityFacts, Failure> {
    let marks = texts_of(asking, &LaneOf::Entity(entity.clone()))?;
    let mut told = EntityFacts { entity: entity.clone(), ..EntityFacts::default() };
    for table in EventTable::ALL {
        let Some(condition) = marks.condition(table) else { continue };
        facts(asking, table, &condition, &mut told)?;
        telemetry(asking, table, &condition, &mut told)?;
    }
    uses(asking, entity, &marks, &mut told)?;
    related(asking, entity, &marks, &mut told)?;
    told.is_cut = marks.is_cut || told.uses.len() > ROWS_MAX || told.related.len() > ROWS_MAX;
    told.uses.truncate(ROWS_MAX);
    told.related.truncate(ROWS_MAX);
    Ok(told)
}

/// The facts that a table has of its entities: labels, and columns.
fn columns(table: EventTable, kind: EntityKind) -> Vec<(&'static str, &'static str)> {
    use identity_assertions::column as identity;
    use placements::column as placed;
    match (table, kind) {
        (EventTable::IdentityAssertions, EntityKind::Credential) => vec![
            ("kind", identity::credential_kind),
            ("subject", identity::subject),
            ("issuer", identity::issuer),
            ("bound host", identity::bound_host),
            ("bound pod", identity::bound_pod),
            ("pod uid", identity::bound_pod_uid),
            ("instance", identity::bound_instance),
            ("key", identity::cnf),
            ("issued at", identity::iat),
            ("expires", identity::exp),
            ("parent", identity::parent_id),
            ("alias", identity::credential_alias),
        ],
        (EventTable::IdentityAssertions, EntityKind::Workload) => {
            vec![
                ("issuer", identity::issuer),
                ("kind", identity::credential_kind),
                ("account", identity::account),
            ]
        }
        (EventTable::Placements, EntityKind::Workload) => {
            vec![("namespace", placed::namespace), ("hosts", placed::host), ("pods", placed::pod)]
        }
        (EventTable::Placements, EntityKind::Host) => {
            vec![("host uid", placed::host_uid), ("realm", placed::realm)]
        }
        _ => Vec::new(),
    }
}

/// The values of each fact, in one question; and when a credential was issued and revoked.
fn facts(
    asking: &Asking<'_>,
    table: EventTable,
    condition: &str,
    told: &mut EntityFacts,
) -> Result<(), Failure> {
    let columns = columns(table, told.entity.kind);
    let mut parts: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, (_, column))| {
            format!(
                "SELECT * FROM (SELECT {at} AS place, CAST({column} AS VARCHAR) AS value FROM {table} \
                 WHERE {condition} AND {column} IS NOT NULL GROUP BY {column} ORDER BY value LIMIT {most})",
                table = table.name(),
                most = VALUES_MAX + 1
            )
        })
        .collect();
    let mut labels: Vec<&'static str> = columns.iter().map(|(label, _)| *label).collect();
    if (table, told.entity.kind) == (EventTable::IdentityAssertions, EntityKind::Credential) {
        for (label, word) in [("issue seen", Phase::Issue), ("revoked", Phase::Revoke)] {
            parts.push(format!(
                "SELECT {at} AS place, CAST(min({event_time}) AS VARCHAR) AS value FROM {table} \
                 WHERE {condition} AND {phase} = {word} HAVING count(*) > 0",
                at = labels.len(),
                table = table.name(),
                phase = identity_assertions::column::phase,
                word = literal(word.as_str())
            ));
            labels.push(label);
        }
    }
    if parts.is_empty() {
        return Ok(());
    }
    let mut values: Vec<Vec<String>> = vec![Vec::new(); labels.len()];
    for batch in asking.rows(format!("{} ORDER BY place, value", parts.join(" UNION ALL ")))? {
        let (places, texts) = (Numbers::of(&batch, 0)?, Texts::of(&batch, 1)?);
        for row in 0..batch.num_rows() {
            let place = places.get(row).and_then(|place| usize::try_from(place).ok());
            if let Some(values) = place.and_then(|place| values.get_mut(place)) {
                values.push(texts.text(row));
            }
        }
    }
    for (label, mut values) in labels.into_iter().zip(values) {
        if values.len() > VALUES_MAX {
            values.truncate(VALUES_MAX);
            values.push("and more".to_owned());
        }
        told.facts.extend((!values.is_empty()).then(|| (label, values.join("  "))));
    }
    Ok(())
}

fn telemetry(
    asking: &Asking<'_>,
    table: EventTable,
    condition: &str,
    told: &mut EntityFacts,
) -> Result<(), Failure> {
    let sql = format!(
        "SELECT {source}, count(*) AS records, {times} FROM {table} WHERE {condition} \
         GROUP BY {source} ORDER BY records DESC, {source} LIMIT {ROWS_MAX}",
        times = first_and_last(),
        table = table.name()
    );
    for batch in asking.rows(sql)? {
        let sources = Texts::of(&batch, 0)?;
        let (records, first, last) =
            (Numbers::of(&batch, 1)?, Numbers::of(&batch, 2)?, Numbers::of(&batch, 3)?);
        told.telemetry.extend((0..batch.num_rows()).map(|row| Telemetry {
            table: table.name().to_owned(),
            source: sources.text(row),
            records: records.count(row),
            first: EventTime(first.get(row).unwrap_or_default()),
            last: EventTime(last.get(row).unwrap_or_default()),
        }));
    }
    Ok(())
}

/// Which rows of a table are of the entity; of assertions, a host's are those whose credentials are bound to it.
fn of_holder(entity: &Entity, marks: &Marks, table: EventTable) -> Option<String> {
    match (entity.kind, table) {
        (EntityKind::Host, EventTable::IdentityAssertions) => {
            Some(format!("{} = {}", identity_assertions::column::bound_host, literal(&entity.name)))
        }
        _ => marks.condition(table),
    }
}

/// Where credentials of the entity, or the credential itself, were shown, and what for.
fn uses(asking: &Asking<'_>, entity: &Entity, marks: &Marks, told: &mut EntityFacts) -> Result<(), Failure> {
    use identity_assertions::column::{decision, dst, observed_workload, phase, src_addr};
    let Some(condition) = of_holder(entity, marks, EventTable::IdentityAssertions) else { return Ok(()) };
    let sql = format!(
        "SELECT {src_addr}, {observed_workload}, {dst}, count(*) AS records, {times}, \
         sum(CASE WHEN {decision} = {denied} THEN 1 ELSE 0 END) AS denied FROM {table} \
         WHERE {condition} AND {phase} IN ({present}, {verify}) \
         GROUP BY {src_addr}, {observed_workload}, {dst} \
         ORDER BY records DESC, {src_addr}, {dst}, {observed_workload} LIMIT {most}",
        times = first_and_last(),
        denied = literal(Decision::Deny.as_str()),
        present = literal(Phase::Present.as_str()),
        verify = literal(Phase::Verify.as_str()),
        table = identity_assertions::NAME,
        most = ROWS_MAX + 1
    );
    for batch in asking.rows(sql)? {
        let text = |column| Texts::of(&batch, column);
        let number = |column| Numbers::of(&batch, column);
        let (address, workload, destination) = (text(0)?, text(1)?, text(2)?);
        let (count, first, last, denied) = (number(3)?, number(4)?, number(5)?, number(6)?);
        told.uses.extend((0..batch.num_rows()).map(|row| Use {
            address: address.get(row).map(str::to_owned),
            hosts: Vec::new(),
            workload: workload.get(row).map(str::to_owned),
            destination: destination.get(row).map(str::to_owned),
            first: EventTime(first.get(row).unwrap_or_default()),
            last: EventTime(last.get(row).unwrap_or_default()),
            count: count.count(row),
            denied: denied.count(row),
        }));
    }
    find_hosts(asking, &mut told.uses)
}

/// Who has the addresses, as placements say.
fn find_hosts(asking: &Asking<'_>, uses: &mut [Use]) -> Result<(), Failure> {
    use placements::column::{addresses, host};
    let mut wanted: Vec<String> = uses.iter().filter_map(|one| one.address.clone()).collect();
    wanted.sort();
    wanted.dedup();
    let parts = wanted.iter().map(|address| {
        let address = literal(address);
        format!(
            "SELECT {address} AS address, {host} AS host FROM {table} \
             WHERE list_has({addresses}, {address}) AND {host} IS NOT NULL GROUP BY {host}",
            table = placements::NAME
        )
    });
    // As many at once as a question may read tables.
    const AT_ONCE: usize = 50;
    for parts in parts.collect::<Vec<_>>().chunks(AT_ONCE) {
        for batch in asking.rows(format!("{} ORDER BY address, host", parts.join(" UNION ALL ")))? {
            let (owned, hosts) = (Texts::of(&batch, 0)?, Texts::of(&batch, 1)?);
            for row in 0..batch.num_rows() {
                for one in uses.iter_mut().filter(|one| one.address.as_deref() == owned.get(row)) {
                    one.hosts.push(hosts.text(row));
                }
            }
        }
    }
    Ok(())
}

/// Whom events name together with the entity.
fn related(
    asking: &Asking<'_>,
    entity: &Entity,
    marks: &Marks,
    told: &mut EntityFacts,
) -> Result<(), Failure> {
    use identity_assertions::column as identity;
    let (events, assertions, placed) =
        (EventTable::HostEvents, EventTable::IdentityAssertions, EventTable::Placements);
    let pairs: Vec<(EntityKind, EventTable, &str)> = match entity.kind {
        EntityKind::Credential => vec![
            (EntityKind::Workload, assertions, identity::subject),
            (EntityKind::Host, assertions, identity::bound_host),
            (EntityKind::Credential, assertions, identity::parent_id),
            (EntityKind::Credential, assertions, identity::credential_id),
        ],
        EntityKind::Workload => vec![
            (EntityKind::Host, placed, placements::column::host),
            (EntityKind::Host, events, host_events::column::host),
            (EntityKind::Credential, assertions, identity::credential_id),
        ],
        EntityKind::Host => vec![
            (EntityKind::Workload, placed, placements::column::workload),
            (EntityKind::Workload, events, host_events::column::workload),
            (EntityKind::Credential, assertions, identity::credential_id),
        ],
    };
    let part = |(kind, table, column): &(EntityKind, EventTable, &str)| {
        let condition = of_holder(entity, marks, *table)?;
        Some(format!(
            "SELECT {} AS kind, {column} AS name, count(*) AS records, {} FROM {} \
             WHERE {condition} AND {column} IS NOT NULL GROUP BY {column}",
            literal(kind.name()),
            first_and_last(),
            table.name()
        ))
    };
    let parts: Vec<String> = pairs.iter().filter_map(part).collect();
    if parts.is_empty() {
        return Ok(());
    }
    let parts = parts.join(" UNION ALL ");
    let sql = format!(
        "SELECT kind, name, sum(records) AS records, min(first) AS first, max(last) AS last FROM ({parts}) \
         WHERE NOT (kind = {kind} AND name = {name}) GROUP BY kind, name ORDER BY records DESC, kind, name LIMIT {most}",
        kind = literal(entity.kind.name()),
        name = literal(&entity.name),
        most = ROWS_MAX + 1
    );
    for batch in asking.rows(sql)? {
        let (kinds, names) = (Texts::of(&batch, 0)?, Texts::of(&batch, 1)?);
        let (records, first, last) =
            (Numbers::of(&batch, 2)?, Numbers::of(&batch, 3)?, Numbers::of(&batch, 4)?);
        for row in 0..batch.num_rows() {
            let kind = kinds.get(row).and_then(EntityKind::named);
            told.related.extend(kind.map(|kind| EntityRow {
                entity: Entity::new(kind, names.get(row).unwrap_or_default()),
                records: records.count(row),
                first: first.get(row).map(EventTime),
                last: last.get(row).map(EventTime),
                ..EntityRow::default()
            }));
        }
    }
    Ok(())
}
