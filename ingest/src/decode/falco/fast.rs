//! Plain alerts in JSON, straight into columns.
//!
//! In: an alert of a system call, with the fields that its rule prints. Out: one host event, and the placement of its pod.
//! Leaves to the strict path: text lines, alerts of other sources, what Falco says about itself, fields of other types
//! than Falco gives them. What an alert saw is said by [`act`] on both paths.

use std::borrow::Cow;

use offbound_schemas::EventTime;
use offbound_schemas::table::HostEvent;
use offbound_schemas::table::host_events::Builder;
use offbound_schemas::vocabulary::{Attribution, HookClass, HostControl};

use super::act::{self, NAMES, Operand, Operands};
use super::{is_container_name, process_key};
use crate::decode::Seen;
use crate::decode::field::epoch_time;
use crate::decode::technique::is_technique;
use crate::fast::{Fast, Fate, Line, Shape, Slot, Strict, Unmapped, keep, parts};

const HOSTNAME: usize = 0;
const OUTPUT: usize = 1;
const OUTPUT_FIELDS: usize = 2;
const PRIORITY: usize = 3;
const RULE: usize = 4;
const SOURCE: usize = 5;
const TAGS: usize = 6;
const TIME: usize = 7;
const UUID: usize = 8;
const CONTAINER_FULL: usize = 9;
const CONTAINER: usize = 10;
const CONTAINER_IMAGE: usize = 11;
const REPOSITORY: usize = 12;
const TAG: usize = 13;
const CONTAINER_START: usize = 14;
const TYPE: usize = 15;
const NODE: usize = 16;
const NAMESPACE: usize = 17;
const POD: usize = 18;
const POD_UID: usize = 19;
const ACCOUNT: usize = 20;
const META_NODE: usize = 21;
const META_NAMESPACE: usize = 22;
const META_POD: usize = 23;
const META_POD_UID: usize = 24;
const META_ACCOUNT: usize = 25;
const CMD_LINE: usize = 26;
const CWD: usize = 27;
const EXE: usize = 28;
const COMM: usize = 29;
const PARENT_EXE: usize = 30;
const PID: usize = 31;
const PID_START: usize = 32;
const PARENT_COMM: usize = 33;
const PARENT_PID: usize = 34;
const PARENT_START: usize = 35;
const LOGIN_UID: usize = 36;
const UID: usize = 37;
/// The first of the operands, which [`act`] looks at.
const OPERANDS: usize = 38;
const MESSAGE: usize = OPERANDS + NAMES.len();
const SLOTS: usize = MESSAGE + 1;

/// Falco writes its fields in the order of their names.
static FIELDS: Shape = Shape::open(&[
    keep("container.full_id", CONTAINER_FULL),
    keep("container.id", CONTAINER),
    keep("container.image", CONTAINER_IMAGE),
    keep("container.image.repository", REPOSITORY),
    keep("container.image.tag", TAG),
    keep("container.start_ts", CONTAINER_START),
    keep(NAMES[0], OPERANDS),
    keep(NAMES[1], OPERANDS + 1),
    keep(NAMES[2], OPERANDS + 2),
    keep(NAMES[3], OPERANDS + 3),
    keep(NAMES[4], OPERANDS + 4),
    keep(NAMES[5], OPERANDS + 5),
    keep(NAMES[6], OPERANDS + 6),
    keep(NAMES[7], OPERANDS + 7),
    keep(NAMES[8], OPERANDS + 8),
    keep(NAMES[9], OPERANDS + 9),
    keep("evt.type", TYPE),
    keep(NAMES[10], OPERANDS + 10),
    keep(NAMES[11], OPERANDS + 11),
    keep(NAMES[12], OPERANDS + 12),
    keep(NAMES[13], OPERANDS + 13),
    keep(NAMES[14], OPERANDS + 14),
    keep(NAMES[15], OPERANDS + 15),
    keep(NAMES[16], OPERANDS + 16),
    keep(NAMES[17], OPERANDS + 17),
    keep(NAMES[18], OPERANDS + 18),
    keep(NAMES[19], OPERANDS + 19),
    keep(NAMES[20], OPERANDS + 20),
    keep(NAMES[21], OPERANDS + 21),
    keep(NAMES[22], OPERANDS + 22),
    keep("k8s.node.name", NODE),
    keep("k8s.ns.name", NAMESPACE),
    keep("k8s.pod.name", POD),
    keep("k8s.pod.uid", POD_UID),
    keep("k8s.sa.name", ACCOUNT),
    keep("k8smeta.node.name", META_NODE),
    keep("k8smeta.ns.name", META_NAMESPACE),
    keep("k8smeta.pod.name", META_POD),
    keep("k8smeta.pod.uid", META_POD_UID),
    keep("k8smeta.sa.name", META_ACCOUNT),
    keep("proc.cmdline", CMD_LINE),
    keep("proc.cwd", CWD),
    keep("proc.exepath", EXE),
    keep("proc.name", COMM),
    keep("proc.pexepath", PARENT_EXE),
    keep("proc.pid", PID),
    keep("proc.pid.ts", PID_START),
    keep("proc.pname", PARENT_COMM),
    keep("proc.ppid", PARENT_PID),
    keep("proc.ppid.ts", PARENT_START),
    keep("user.loginuid", LOGIN_UID),
    keep("user.uid", UID),
]);
static ALERT: Shape = Shape::closed(&[
    keep("hostname", HOSTNAME),
    keep("message", MESSAGE),
    keep("output", OUTPUT),
    parts("output_fields", OUTPUT_FIELDS, &FIELDS),
    keep("priority", PRIORITY),
    keep("rule", RULE),
    keep("source", SOURCE),
    keep("tags", TAGS),
    keep("time", TIME),
    keep("uuid", UUID),
]);

pub(crate) const FAST: Fast = Fast {
    id: super::FORMAT.id,
    sample: super::FORMAT.sample,
    confidence: 92,
    shape: &ALERT,
    slots: SLOTS,
    read,
};

fn read(slots: &[Slot<'_>], line: &mut Line<'_, '_>) -> Result<Fate, Strict> {
    let slots: &[Slot<'_>; SLOTS] = slots.first_chunk().ok_or(Strict)?;
    if !matches!(slots[SOURCE].plain()?, None | Some("syscall")) {
        return Err(Strict);
    }
    let event_time = slots[TIME].time()?.ok_or(Strict)?;
    let alert = Alert::of(slots)?;
    let mut unmapped = std::mem::take(&mut line.scratch.unmapped);
    let written = alert.unmapped(&mut unmapped);
    let written = written.and_then(|text| Ok((line.commit()?, text)));
    let done = written.map(|(event_id, text)| {
        let row = line.begin_host_event(event_id, event_time);
        let columns = &mut line.outbox.columns.host_events;
        alert.write(columns, row);
        if let Some(text) = text {
            columns.unmapped.put_text(row, text);
        }
        line.end_host_event(&Seen {
            event: (event_id, event_time),
            host: alert.host.as_deref(),
            namespace: alert.namespace.as_deref(),
            pod: alert.pod.as_deref(),
            pod_uid: alert.pod_uid.as_deref(),
            service_account: alert.account.as_deref(),
            container_id: alert.container.as_deref(),
            start: alert.container_start,
        });
        Fate::Decoded
    });
    line.scratch.unmapped = unmapped;
    done
}

/// Whether the alert has fields of its own.
fn has_fields(slots: &[Slot<'_>; SLOTS]) -> Result<bool, Strict> {
    let is_empty = |text: &str| text.get(1..).is_some_and(|inside| inside.trim_start().starts_with('}'));
    Ok(slots[OUTPUT_FIELDS].is_object()?
        && !matches!(slots[OUTPUT_FIELDS], Slot::Whole(text) | Slot::Ready(text) if is_empty(text)))
}

/// Text of a field, unless the sensor wrote that it has none.
fn said<'a>(slot: Slot<'a>) -> Result<Option<Cow<'a, str>>, Strict> {
    Ok(slot.text()?.filter(|text| text != "<NA>"))
}

/// The first of two fields that says something.
fn either<'a>(
    slots: &[Slot<'a>; SLOTS],
    first: usize,
    second: usize,
) -> Result<Option<Cow<'a, str>>, Strict> {
    // Both are looked at: a value of another type is not plain wherever it stands.
    let (first, second) = (said(slots[first])?, said(slots[second])?);
    Ok(first.or(second))
}

/// A moment that a field gives as a number.
fn epoch(slot: Slot<'_>) -> Result<Option<EventTime>, Strict> {
    match slot {
        Slot::Number(digits) if slot.u64()?.is_some() => Ok(epoch_time(digits)),
        other => other.u64().map(|_absent| None),
    }
}

/// What the row says beyond columns that are as they stand.
struct Alert<'s, 'a> {
    slots: &'s [Slot<'a>; SLOTS],
    rule: Cow<'a, str>,
    priority: Option<Cow<'a, str>>,
    host: Option<Cow<'a, str>>,
    namespace: Option<Cow<'a, str>>,
    pod: Option<Cow<'a, str>>,
    pod_uid: Option<Cow<'a, str>>,
    account: Option<Cow<'a, str>>,
    container: Option<Cow<'a, str>>,
    container_start: Option<EventTime>,
    image: Option<String>,
    starts: [Option<EventTime>; 2],
    users: [Option<u32>; 2],
    /// Executable, name, parent, command line, working directory.
    process: [Option<Cow<'a, str>>; 5],
    techniques: Vec<&'a str>,
    /// What was done, to what, and how it ended.
    seen: HostEvent,
}

impl<'s, 'a> Alert<'s, 'a> {
    fn of(slots: &'s [Slot<'a>; SLOTS]) -> Result<Self, Strict> {
        let rule = slots[RULE].text()?.filter(|rule| !rule.starts_with("Falco internal:")).ok_or(Strict)?;
        // Without fields, values are read from the text.
        if slots[PRIORITY].is_nothing() || !has_fields(slots)? {
            return Err(Strict);
        }
        slots[MESSAGE].text_or_nothing()?;
        slots[UUID].text_or_nothing()?;
        let named = slots[HOSTNAME].text()?.filter(|name| !is_container_name(name));
        let container = either(slots, CONTAINER_FULL, CONTAINER)?.filter(|id| id != "host");
        let is_lower = |id: &Cow<'_, str>| !id.bytes().any(|byte| byte.is_ascii_uppercase());
        let seen = seen(slots, &rule)?;
        Ok(Self {
            slots,
            seen,
            rule,
            priority: slots[PRIORITY].text()?,
            host: either(slots, NODE, META_NODE)?.or(named),
            namespace: either(slots, NAMESPACE, META_NAMESPACE)?,
            pod: either(slots, POD, META_POD)?,
            pod_uid: either(slots, POD_UID, META_POD_UID)?,
            account: either(slots, ACCOUNT, META_ACCOUNT)?,
            container: container.map(|id| if is_lower(&id) { id } else { id.to_ascii_lowercase().into() }),
            container_start: epoch(slots[CONTAINER_START])?,
            image: image(slots)?,
            starts: [epoch(slots[PID_START])?, epoch(slots[PARENT_START])?],
            users: [slots[UID].u32()?, slots[LOGIN_UID].u32()?.filter(|auid| *auid != u32::MAX)],
            process: [
                said(slots[EXE])?,
                said(slots[COMM])?,
                either(slots, PARENT_EXE, PARENT_COMM)?,
                said(slots[CMD_LINE])?,
                said(slots[CWD])?,
            ],
            techniques: slots[TAGS].texts()?.filter(|tag| is_technique(tag)).collect(),
        })
    }

    fn write(&self, columns: &mut Builder, row: usize) {
        let [start, parent_start] = self.starts;
        let [uid, auid] = self.users;
        let (pid, parent_pid) = (self.seen.pid, self.seen.parent_pid);
        columns.pid.put(row, &pid);
        columns.parent_pid.put(row, &parent_pid);
        columns.process_start.put(row, &start);
        columns.process_key.put(row, &process_key(self.host.as_deref(), pid, start));
        columns.parent_key.put(row, &process_key(self.host.as_deref(), parent_pid, parent_start));
        columns.uid.put(row, &uid);
        columns.auid.put(row, &auid);
        columns.control.put(row, &HostControl::None);
        columns.hook_class.put(row, &HookClass::Kprobe);
        columns.image.put(row, &self.image);
        columns.rule.put_text(row, &self.rule);
        if let Some(priority) = &self.priority {
            columns.priority.put_text(row, &priority.to_lowercase());
        }
        if !self.techniques.is_empty() {
            columns.attack.put_texts(row, self.techniques.iter().copied());
        }
        self.slots[UUID].put(&mut columns.native_id, row);
        self.write_texts(columns, row);
        if self.pod.is_some() {
            columns.attribution.put(row, &Attribution::Direct);
        }
        write_act(&self.seen, columns, row);
    }

    fn write_texts(&self, columns: &mut Builder, row: usize) {
        let [exe, comm, parent_exe, cmd_line, cwd] = &self.process;
        for (text, column) in [
            (&self.host, &mut columns.host),
            (&self.namespace, &mut columns.namespace),
            (&self.pod, &mut columns.pod),
            (&self.pod_uid, &mut columns.pod_uid),
            (&self.account, &mut columns.service_account),
            (&self.container, &mut columns.container_id),
            (exe, &mut columns.exe),
            (comm, &mut columns.comm),
            (parent_exe, &mut columns.parent_exe),
            (cmd_line, &mut columns.cmd_line),
            (cwd, &mut columns.cwd),
        ] {
            if let Some(text) = text {
                column.put_text(row, text);
            }
        }
    }

    fn unmapped<'b>(&self, out: &'b mut String) -> Result<Option<&'b str>, Strict> {
        let mut unmapped = Unmapped::new(out);
        unmapped.add("hostname", self.slots[HOSTNAME])?;
        unmapped.add("message", self.slots[MESSAGE])?;
        unmapped.add("output", self.slots[OUTPUT])?;
        unmapped.add("output_fields", self.slots[OUTPUT_FIELDS])?;
        unmapped.add("tags", self.slots[TAGS])?;
        unmapped.finish()
    }
}

/// As `super::image` does.
fn image(slots: &[Slot<'_>; SLOTS]) -> Result<Option<String>, Strict> {
    let (repository, tag) = (either(slots, REPOSITORY, CONTAINER_IMAGE)?, said(slots[TAG])?);
    Ok(repository.map(|repository| match tag {
        Some(tag) => format!("{repository}:{tag}"),
        None => repository.into_owned(),
    }))
}

/// What [`act`] makes of the operands.
fn seen(slots: &[Slot<'_>; SLOTS], rule: &str) -> Result<HostEvent, Strict> {
    let output = slots[OUTPUT].text()?.or(slots[MESSAGE].text()?).unwrap_or_default();
    let mut row = HostEvent {
        pid: slots[PID].u32()?,
        parent_pid: slots[PARENT_PID].u32()?,
        syscall: said(slots[TYPE])?.map(Cow::into_owned),
        ..HostEvent::default()
    };
    act::describe(slots, &|| super::words(rule, &output), &mut row);
    Ok(row)
}

impl Operands for [Slot<'_>; SLOTS] {
    fn said(&self, operand: Operand) -> Option<Cow<'_, str>> {
        said(self[OPERANDS + operand as usize]).ok().flatten()
    }
    fn number(&self, operand: Operand) -> Option<i64> {
        self[OPERANDS + operand as usize].whole_number()
    }
    fn pid(&self, operand: Operand) -> Option<u32> {
        self[OPERANDS + operand as usize].whole_number()
    }
    fn port(&self, operand: Operand) -> Option<u16> {
        self[OPERANDS + operand as usize].whole_number()
    }
}

fn write_act(seen: &HostEvent, columns: &mut Builder, row: usize) {
    columns.syscall.put(row, &seen.syscall);
    columns.action.put(row, &seen.action);
    columns.outcome.put(row, &seen.outcome);
    columns.errno.put(row, &seen.errno);
    columns.target_path.put(row, &seen.target_path);
    columns.target_is_credential.put(row, &seen.target_is_credential);
    columns.target_pid.put(row, &seen.target_pid);
    columns.src_addr.put(row, &seen.src_addr);
    columns.src_port.put(row, &seen.src_port);
    columns.dst_addr.put(row, &seen.dst_addr);
    columns.dst_port.put(row, &seen.dst_port);
    columns.dst_host.put(row, &seen.dst_host);
    columns.protocol.put(row, &seen.protocol);
}
