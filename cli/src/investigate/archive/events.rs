//! Events row by row, in order of time.
//!
//! In: what they are of, a stretch of time, a filter. Out: a page of rows. Owns: what a row says of an event of each
//! table, and which columns a field of the filter means. Law: the order is that of every other reader: event time, then id.

use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::{EventId, EventTime};
use offbound_store::EventTable;
use offbound_tui::{At, EventFilter, EventRow, EventTerm, EventsRequest, Page};

use super::Asking;
use super::lanes::{Marks, texts_of};
use super::sql::{
    Numbers, Texts, any, contains, event_id, event_time, literal, location, moment, source, within,
};
use crate::exit::Failure;

/// Answers a request.
pub(super) fn answer(asking: &Asking<'_>, request: &EventsRequest) -> Result<Page<EventRow>, Failure> {
    let filter =
        EventFilter::parse(&request.page.filter).map_err(|error| Failure::usage(error.to_string()))?;
    let marks = request.of.as_ref().map(|of| texts_of(asking, of)).transpose()?;
    let of_lane = conditions(request, marks.as_ref(), &EventFilter::default());
    let wanted = conditions(request, marks.as_ref(), &filter);
    let total = count(asking, &wanted)?;
    let unfiltered = if filter.terms.is_empty() { total } else { count(asking, &of_lane)? };
    let offset = match &request.page.at {
        At::Offset(offset) => *offset,
        At::Around { id, before, otherwise } => match rows_before(asking, &wanted, id)? {
            Some(index) => index.saturating_sub(*before),
            None => *otherwise,
        },
    };
    let rows = if total == 0 { Vec::new() } else { rows(asking, &wanted, offset, request.page.limit)? };
    Ok(Page { rows, offset, total, unfiltered })
}

/// A table, and which of its rows are wanted.
type Wanted = (EventTable, String);

fn conditions(request: &EventsRequest, marks: Option<&Marks>, filter: &EventFilter) -> Vec<Wanted> {
    let of_table = |table: &EventTable| {
        let of_lane = match marks {
            None => "true".to_owned(),
            Some(marks) => marks.condition(*table)?,
        };
        let time = request.span.map(|span| within(event_time, span));
        let terms = filter.terms.iter().map(|term| condition(*table, term));
        let parts: Vec<String> = std::iter::once(of_lane).chain(time).chain(terms).collect();
        Some((*table, parts.join(" AND ")))
    };
    EventTable::ALL.iter().filter_map(of_table).collect()
}

fn count(asking: &Asking<'_>, wanted: &[Wanted]) -> Result<u64, Failure> {
    wanted.iter().map(|(table, condition)| asking.count(&format!("{} WHERE {condition}", table.name()))).sum()
}

/// How many of the rows come before that one; none where it is not there.
fn rows_before(asking: &Asking<'_>, wanted: &[Wanted], id: &str) -> Result<Option<u64>, Failure> {
    let Ok(id) = id.parse::<EventId>() else { return Ok(None) };
    let Some(record) = asking.store()?.record(id)? else { return Ok(None) };
    let time = moment(record.event_time);
    let id = literal(&id.to_string());
    let earlier = wanted.iter().map(|(table, condition)| {
        let is_before = format!(
            "{event_time} <= {time} AND ({event_time} < {time} OR {event_id} < {id}) AND {condition}"
        );
        (*table, is_before)
    });
    Ok(Some(count(asking, &earlier.collect::<Vec<_>>())?))
}

fn rows(asking: &Asking<'_>, wanted: &[Wanted], offset: u64, limit: usize) -> Result<Vec<EventRow>, Failure> {
    let parts: Vec<String> = wanted
        .iter()
        .map(|(table, condition)| {
            let name = table.name();
            let shown = Shown::of(*table);
            let Shown { who, what, to, outcome, place } = &shown;
            format!(
                "SELECT {event_id}, {event_time}, {table} AS at_table, {source}, {who} AS who, {what} AS what, {to} AS to_what, \
                 {outcome} AS ended, {place} AS place FROM {name} WHERE {condition}",
                table = literal(name),
            )
        })
        .collect();
    let parts = parts.join(" UNION ALL ");
    let sql = format!("{parts} ORDER BY {event_time}, {event_id} LIMIT {limit} OFFSET {offset}");
    let mut rows = Vec::new();
    for batch in asking.rows(sql)? {
        let texts = (0..batch.num_columns()).map(|at| Texts::of(&batch, at));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let times = Numbers::of(&batch, 1)?;
        let text =
            |column: usize, row: usize| texts.get(column).map(|texts| texts.text(row)).unwrap_or_default();
        for row in 0..batch.num_rows() {
            let Ok(id) = text(0, row).parse::<EventId>() else { continue };
            rows.push(EventRow {
                id,
                time: EventTime(times.get(row).unwrap_or_default()),
                table: text(2, row),
                source: text(3, row),
                who: text(4, row),
                what: text(5, row),
                to: text(6, row),
                outcome: text(7, row),
                place: text(8, row),
            });
        }
    }
    Ok(rows)
}

/// What a row says, as SQL.
struct Shown {
    who: String,
    what: String,
    to: String,
    outcome: String,
    place: String,
}

fn first_of(columns: &[&str]) -> String {
    format!("coalesce({}, '')", columns.join(", "))
}

impl Shown {
    fn of(table: EventTable) -> Self {
        match table {
            EventTable::HostEvents => {
                use host_events::column::{
                    action, comm, dst_addr, dst_host, exe, host, outcome, pod, target_exe, target_path,
                };
                Self {
                    who: first_of(&[exe, comm]),
                    what: action.to_owned(),
                    to: first_of(&[target_path, dst_host, dst_addr, target_exe]),
                    outcome: outcome.to_owned(),
                    place: first_of(&[host, pod]),
                }
            }
            EventTable::IdentityAssertions => {
                use identity_assertions::column::{
                    action, credential_id, decision, dst, phase, resource, src_addr, subject,
                };
                Self {
                    who: first_of(&[subject, credential_id]),
                    what: first_of(&[action, phase]),
                    to: first_of(&[dst, resource]),
                    outcome: decision.to_owned(),
                    place: first_of(&[src_addr]),
                }
            }
            EventTable::Placements => {
                use placements::column::{host, kind, pod, workload};
                Self {
                    who: first_of(&[workload, pod]),
                    what: kind.to_owned(),
                    to: first_of(&[pod]),
                    outcome: literal(""),
                    place: first_of(&[host]),
                }
            }
        }
    }
}

/// A term as a condition on the rows of a table.
fn condition(table: EventTable, term: &EventTerm) -> String {
    let EventTerm { negated, field, text, is_exact } = term;
    let columns = columns(table, *field);
    let tests = columns.iter().map(|column| {
        let test = if *is_exact { format!("{column} = {}", literal(text)) } else { contains(column, text) };
        if columns.len() > 1 || *negated { format!("coalesce({test}, false)") } else { test }
    });
    let met = any(tests).unwrap_or_else(|| "false".to_owned());
    if *negated { format!("NOT {met}") } else { met }
}

/// The columns that a field means; without a field, all that any field means.
fn columns(table: EventTable, field: Option<&str>) -> Vec<String> {
    let fields = fields(table);
    let of_field = |(name, columns): &(&str, Vec<&'static str>)| -> Vec<&'static str> {
        if field.is_none_or(|field| field == *name) { columns.clone() } else { Vec::new() }
    };
    let mut columns: Vec<String> = fields.iter().flat_map(of_field).map(str::to_owned).collect();
    if field.is_none_or(|field| field == "table") {
        columns.push(literal(table.name()));
    }
    columns
}

fn fields(table: EventTable) -> Vec<(&'static str, Vec<&'static str>)> {
    use host_events::column as host;
    use identity_assertions::column as identity;
    use placements::column as placed;
    let mut fields = vec![("source", vec![source, location]), ("id", vec![event_id])];
    fields.extend(match table {
        EventTable::HostEvents => vec![
            ("host", vec![host::host]),
            (
                "workload",
                vec![host::workload, host::service_account, host::namespace, host::pod, host::pod_uid],
            ),
            ("process", vec![host::exe, host::comm, host::cmd_line, host::parent_exe]),
            ("action", vec![host::action, host::syscall, host::rule]),
            ("outcome", vec![host::outcome]),
            ("address", vec![host::src_addr, host::dst_addr]),
            ("destination", vec![host::dst_host, host::dst_addr]),
            ("target", vec![host::target_path, host::target_exe]),
        ],
        EventTable::IdentityAssertions => vec![
            ("host", vec![identity::bound_host, identity::recorder_host]),
            ("workload", vec![identity::subject, identity::observed_workload, identity::on_behalf_of]),
            ("credential", vec![identity::credential_id, identity::credential_alias, identity::parent_id]),
            ("action", vec![identity::action, identity::phase]),
            ("outcome", vec![identity::decision, identity::reason]),
            ("address", vec![identity::src_addr]),
            ("destination", vec![identity::dst, identity::dst_addr]),
            ("target", vec![identity::resource]),
        ],
        EventTable::Placements => vec![
            ("host", vec![placed::host]),
            (
                "workload",
                vec![
                    placed::workload,
                    placed::service_account,
                    placed::namespace,
                    placed::pod,
                    placed::pod_uid,
                ],
            ),
            ("action", vec![placed::kind]),
        ],
    });
    fields
}
