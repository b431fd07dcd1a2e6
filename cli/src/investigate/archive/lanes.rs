//! Which events are of which lane.
//!
//! In: lanes, and what placements say of workloads. Out: texts that columns of event tables are compared with.
//! Owns: which columns name a host, a workload, a credential. Law: an event is of every lane that one of these columns
//! names, and of no other.

use std::collections::BTreeSet;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::DataType;
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_store::EventTable;
use offbound_tui::{Entity, EntityKind, LaneOf};

use super::Asking;
use super::sql::{Texts, any, literal, one_of};
use crate::exit::Failure;

/// Pods, with their containers, of a workload that its host events are looked up by: more than most deployments have in a
/// day, and ten such workloads fit into one question.
const PLACES_MAX: usize = 200;
/// Digits of a container id that every sensor keeps.
const CONTAINER_DIGITS: usize = 12;

/// What the events of a lane have in their columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    /// Whether all host events, or all assertions, are of it.
    pub(super) all_of: Option<EventTable>,
    pub(super) hosts: BTreeSet<String>,
    pub(super) workloads: BTreeSet<String>,
    pub(super) pods: BTreeSet<String>,
    /// First digits of container ids.
    pub(super) containers: BTreeSet<String>,
    pub(super) credentials: BTreeSet<String>,
    /// Whether it has more pods than are looked up.
    pub(super) is_cut: bool,
}

/// Which of the texts a column is compared with.
pub(super) type Pick = fn(&Marks) -> &BTreeSet<String>;

/// The columns of a table that name something, as SQL, with what they name.
pub(super) fn keys(table: EventTable) -> Vec<(String, Pick)> {
    use host_events::column as host;
    use identity_assertions::column as identity;
    use placements::column as placed;
    let plain = |column: &str, pick: Pick| (column.to_owned(), pick);
    match table {
        EventTable::HostEvents => vec![
            plain(host::host, |texts| &texts.hosts),
            plain(host::workload, |texts| &texts.workloads),
            plain(host::pod_uid, |texts| &texts.pods),
            (format!("left({}, {CONTAINER_DIGITS})", host::container_id), |texts| &texts.containers),
        ],
        EventTable::IdentityAssertions => vec![
            plain(identity::credential_id, |texts| &texts.credentials),
            plain(identity::credential_alias, |texts| &texts.credentials),
            plain(identity::parent_id, |texts| &texts.credentials),
            plain(identity::subject, |texts| &texts.workloads),
            plain(identity::observed_workload, |texts| &texts.workloads),
        ],
        EventTable::Placements => vec![
            plain(placed::host, |texts| &texts.hosts),
            plain(placed::workload, |texts| &texts.workloads),
            plain(placed::pod_uid, |texts| &texts.pods),
        ],
    }
}

/// What the events of each of these lanes have in their columns.
pub(super) fn texts(asking: &Asking<'_>, lanes: &[LaneOf]) -> Result<Vec<Marks>, Failure> {
    lanes.iter().map(|of| texts_of(asking, of)).collect()
}

/// The same for one lane.
pub(super) fn texts_of(asking: &Asking<'_>, of: &LaneOf) -> Result<Marks, Failure> {
    let mut texts = Marks::default();
    match of {
        LaneOf::Incident(_) => {}
        LaneOf::HostEvents => texts.all_of = Some(EventTable::HostEvents),
        LaneOf::Assertions => texts.all_of = Some(EventTable::IdentityAssertions),
        LaneOf::Entity(Entity { kind, name }) => match kind {
            EntityKind::Host => drop(texts.hosts.insert(name.clone())),
            EntityKind::Credential => drop(texts.credentials.insert(name.clone())),
            EntityKind::Workload => texts = workload(asking, name)?,
        },
    }
    Ok(texts)
}

/// A workload's own names, and the pods and containers that placements tell of.
fn workload(asking: &Asking<'_>, name: &str) -> Result<Marks, Failure> {
    use placements::column::{aliases, container_ids, pod_uid, workload};
    let mut texts = Marks::default();
    texts.workloads.insert(name.to_owned());
    let table = placements::NAME;
    let wanted = literal(name);
    let sql = format!(
        "SELECT {workload}, {pod_uid}, {container_ids} FROM {table} \
         WHERE {workload} = {wanted} OR list_has({aliases}, {wanted}) \
         GROUP BY {workload}, {pod_uid}, {container_ids} LIMIT {PLACES_MAX}"
    );
    let mut rows = 0;
    for batch in asking.rows(sql)? {
        rows += batch.num_rows();
        let (names, pods) = (Texts::of(&batch, 0)?, Texts::of(&batch, 1)?);
        for row in 0..batch.num_rows() {
            texts.workloads.extend(names.get(row).map(str::to_owned));
            texts.pods.extend(pods.get(row).map(str::to_owned));
        }
        if !matches!(batch.column(2).data_type(), DataType::List(_)) {
            continue;
        }
        for ids in batch.column(2).as_list::<i32>().iter().flatten() {
            let ids = ids
                .as_string_view_opt()
                .map(|ids| ids.iter().flatten().map(first_digits).collect::<Vec<_>>());
            texts.containers.extend(ids.unwrap_or_default().into_iter().flatten());
        }
    }
    texts.is_cut = rows >= PLACES_MAX;
    Ok(texts)
}

fn first_digits(id: &str) -> Option<String> {
    id.get(..CONTAINER_DIGITS).map(str::to_owned)
}

impl Marks {
    /// Whether an event is of the lane, by the texts of its key columns.
    pub(super) fn names(&self, table: EventTable, keys: &[(String, Pick)], values: &[Option<&str>]) -> bool {
        let named = |((_, pick), value): (&(String, Pick), &Option<&str>)| {
            value.is_some_and(|value| pick(self).contains(value))
        };
        self.all_of == Some(table) || keys.iter().zip(values).any(named)
    }

    /// Whether events of the table can be of the lane.
    pub(super) fn has_any(&self, table: EventTable) -> bool {
        self.all_of == Some(table) || keys(table).iter().any(|(_, pick)| !pick(self).is_empty())
    }

    /// The condition that events of the table are of the lane; none where none can be.
    pub(super) fn condition(&self, table: EventTable) -> Option<String> {
        if self.all_of == Some(table) {
            return Some("true".to_owned());
        }
        any(keys(table).iter().filter_map(|(column, pick)| {
            let texts: Vec<String> = pick(self).iter().cloned().collect();
            one_of(column, &texts)
        }))
    }
}
