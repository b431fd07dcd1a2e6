//! Plain events of executions, exits and kernel hooks, straight into columns.
//!
//! In: events nested under their type, as the exporter writes them. Out: one host event each, and the placement of its pod.
//! Leaves to the strict path: flattened events, connections, user probes, libraries, what the sensor says of itself,
//! and events without a node's name. What a hook means is said by [`hook`] on both paths.

use std::borrow::Cow;

use offbound_schemas::EventTime;
use offbound_schemas::table::HostEvent;
use offbound_schemas::table::host_events::Builder;
use offbound_schemas::vocabulary::{Action, Attribution, HookClass, Outcome};

use super::hook;
use crate::decode::Seen;
use crate::decode::tree::Tree;
use crate::fast::{Fast, Fate, Line, Shape, Slot, Strict, Unmapped, inside, keep, parts};

const EXEC: usize = 0;
const EXIT: usize = 1;
const KPROBE: usize = 2;
const TRACEPOINT: usize = 3;
const LSM: usize = 4;
const NODE: usize = 5;
const TIME: usize = 6;
const CLUSTER: usize = 7;
const PROCESS: usize = 8;
const EXEC_ID: usize = 9;
const PID: usize = 10;
const UID: usize = 11;
const CWD: usize = 12;
const BINARY: usize = 13;
const ARGUMENTS: usize = 14;
const FLAGS: usize = 15;
const START: usize = 16;
const AUID: usize = 17;
const DOCKER: usize = 18;
const PARENT_EXEC_ID: usize = 19;
const CAP: usize = 20;
const NS: usize = 21;
const CREDENTIAL_UID: usize = 22;
const CREDENTIAL_EUID: usize = 23;
const PROPERTIES: usize = 24;
const IN_INIT_TREE: usize = 25;
const NAMESPACE: usize = 26;
const POD: usize = 27;
const POD_UID: usize = 28;
const POD_LABELS: usize = 29;
const WORKLOAD: usize = 30;
const CONTAINER: usize = 31;
const IMAGE: usize = 32;
const CONTAINER_START: usize = 33;
const PARENT_ID: usize = 34;
const PARENT_PID: usize = 35;
const PARENT_BINARY: usize = 36;
const FUNCTION: usize = 37;
const EVENT: usize = 38;
const ARGS: usize = 39;
const RETURN: usize = 40;
const ACTION: usize = 41;
const RETURN_ACTION: usize = 42;
const POLICY: usize = 43;
const POLICY_MODE: usize = 44;
const MODE: usize = 45;
const ENFORCEMENT_MODE: usize = 46;
const MESSAGE: usize = 47;
const TAGS: usize = 48;
const SIGNAL: usize = 49;
const STATUS: usize = 50;
const STATS: usize = 51;
const MNT: usize = 52;
const PID_NS: usize = 53;
const NET: usize = 54;
const UTS: usize = 55;
const IPC: usize = 56;
const SLOTS: usize = 57;

/// The types that are read here.
const KINDS: [(usize, &str); 5] = [
    (EXEC, "process_exec"),
    (EXIT, "process_exit"),
    (KPROBE, "process_kprobe"),
    (TRACEPOINT, "process_tracepoint"),
    (LSM, "process_lsm"),
];

/// What [`hook`] looks at.
const OPERANDS: [(&str, usize); 11] = [
    ("function_name", FUNCTION),
    ("event", EVENT),
    ("args", ARGS),
    ("return", RETURN),
    ("action", ACTION),
    ("return_action", RETURN_ACTION),
    ("policy_name", POLICY),
    ("policy_mode", POLICY_MODE),
    ("mode", MODE),
    ("enforcement_mode", ENFORCEMENT_MODE),
    ("signal", SIGNAL),
];

/// Namespaces that containers have of their own.
const OWN: [usize; 5] = [MNT, PID_NS, NET, UTS, IPC];

static IS_MNT: Shape = Shape::open(&[keep("is_host", MNT)]);
static IS_PID: Shape = Shape::open(&[keep("is_host", PID_NS)]);
static IS_NET: Shape = Shape::open(&[keep("is_host", NET)]);
static IS_UTS: Shape = Shape::open(&[keep("is_host", UTS)]);
static IS_IPC: Shape = Shape::open(&[keep("is_host", IPC)]);
static NAMESPACES: Shape = Shape::open(&[
    inside("uts", &IS_UTS),
    inside("ipc", &IS_IPC),
    inside("mnt", &IS_MNT),
    inside("pid", &IS_PID),
    inside("net", &IS_NET),
]);
static CREDENTIALS: Shape = Shape::open(&[keep("uid", CREDENTIAL_UID), keep("euid", CREDENTIAL_EUID)]);
static IMAGE_OF: Shape = Shape::open(&[keep("name", IMAGE)]);
static CONTAINER_OF: Shape =
    Shape::open(&[keep("id", CONTAINER), inside("image", &IMAGE_OF), keep("start_time", CONTAINER_START)]);
static POD_OF: Shape = Shape::open(&[
    keep("namespace", NAMESPACE),
    keep("name", POD),
    inside("container", &CONTAINER_OF),
    keep("pod_labels", POD_LABELS),
    keep("workload", WORKLOAD),
    keep("uid", POD_UID),
]);
static PROCESS_OF: Shape = Shape::open(&[
    keep("exec_id", EXEC_ID),
    keep("pid", PID),
    keep("uid", UID),
    keep("cwd", CWD),
    keep("binary", BINARY),
    keep("arguments", ARGUMENTS),
    keep("flags", FLAGS),
    keep("start_time", START),
    keep("auid", AUID),
    inside("pod", &POD_OF),
    keep("docker", DOCKER),
    keep("parent_exec_id", PARENT_EXEC_ID),
    keep("cap", CAP),
    parts("ns", NS, &NAMESPACES),
    inside("process_credentials", &CREDENTIALS),
    keep("binary_properties", PROPERTIES),
    keep("in_init_tree", IN_INIT_TREE),
]);
static PARENT_OF: Shape =
    Shape::open(&[keep("exec_id", PARENT_ID), keep("pid", PARENT_PID), keep("binary", PARENT_BINARY)]);
static PAYLOAD: Shape = Shape::open(&[
    parts("process", PROCESS, &PROCESS_OF),
    inside("parent", &PARENT_OF),
    keep("event", EVENT),
    keep("function_name", FUNCTION),
    keep("args", ARGS),
    keep("return", RETURN),
    keep("action", ACTION),
    keep("policy_name", POLICY),
    keep("return_action", RETURN_ACTION),
    keep("message", MESSAGE),
    keep("tags", TAGS),
    keep("signal", SIGNAL),
    keep("status", STATUS),
    keep("stats", STATS),
    keep("policy_mode", POLICY_MODE),
    keep("mode", MODE),
    keep("enforcement_mode", ENFORCEMENT_MODE),
]);
static RECORD: Shape = Shape::closed(&[
    parts("process_exec", EXEC, &PAYLOAD),
    parts("process_exit", EXIT, &PAYLOAD),
    parts("process_kprobe", KPROBE, &PAYLOAD),
    parts("process_tracepoint", TRACEPOINT, &PAYLOAD),
    parts("process_lsm", LSM, &PAYLOAD),
    keep("node_name", NODE),
    keep("time", TIME),
    keep("cluster_name", CLUSTER),
]);

pub(crate) const FAST: Fast = Fast {
    id: super::FORMAT.id,
    sample: super::FORMAT.sample,
    confidence: 96,
    shape: &RECORD,
    slots: SLOTS,
    read,
};

fn read(slots: &[Slot<'_>], line: &mut Line<'_, '_>) -> Result<Fate, Strict> {
    let slots: &[Slot<'_>; SLOTS] = slots.first_chunk().ok_or(Strict)?;
    let event_time = slots[TIME].time()?.ok_or(Strict)?;
    let event = Event::of(slots)?;
    let mut unmapped = std::mem::take(&mut line.scratch.unmapped);
    let written = event.unmapped(&mut unmapped);
    let written = written.and_then(|text| Ok((line.commit()?, text)));
    let done = written.map(|(event_id, text)| {
        let row = line.begin_host_event(event_id, event_time);
        let columns = &mut line.outbox.columns.host_events;
        event.write(columns, row, &mut line.scratch.first);
        if let Some(text) = text {
            columns.unmapped.put_text(row, text);
        }
        line.end_host_event(&Seen {
            event: (event_id, event_time),
            host: Some(event.host),
            namespace: event.namespace.as_deref(),
            pod: event.pod.as_deref(),
            pod_uid: event.pod_uid.as_deref(),
            service_account: None,
            container_id: event.container.as_deref(),
            start: event.container_start,
        });
        Fate::Decoded
    });
    line.scratch.unmapped = unmapped;
    done
}

/// The one type that a record is of.
fn kind_of(slots: &[Slot<'_>; SLOTS]) -> Result<&'static str, Strict> {
    let mut there =
        KINDS.iter().filter(|(slot, _)| slots.get(*slot).is_some_and(|slot| *slot != Slot::Absent));
    match (there.next(), there.next()) {
        (Some((slot, kind)), None) if slots.get(*slot).is_some_and(|slot| slot.is_object() == Ok(true)) => {
            Ok(*kind)
        }
        _ => Err(Strict),
    }
}

/// What the row says beyond columns that are as they stand.
struct Event<'s, 'a> {
    slots: &'s [Slot<'a>; SLOTS],
    kind: &'static str,
    host: &'a str,
    namespace: Option<Cow<'a, str>>,
    pod: Option<Cow<'a, str>>,
    pod_uid: Option<Cow<'a, str>>,
    container: Option<Cow<'a, str>>,
    container_start: Option<EventTime>,
    start: Option<EventTime>,
    pids: [Option<u32>; 2],
    users: [Option<u32>; 3],
    in_host_ns: Option<bool>,
    /// What a hook saw; none for executions and exits. A row is large, and most events have none.
    seen: Option<Box<HostEvent>>,
}

impl<'s, 'a> Event<'s, 'a> {
    fn of(slots: &'s [Slot<'a>; SLOTS]) -> Result<Self, Strict> {
        let kind = kind_of(slots)?;
        if !slots[PROCESS].is_object()? {
            return Err(Strict);
        }
        // What is written below as it stands must be text.
        for slot in
            [EXEC_ID, PARENT_EXEC_ID, PARENT_ID, BINARY, PARENT_BINARY, ARGUMENTS, CWD, IMAGE, WORKLOAD]
        {
            slots[slot].text_or_nothing()?;
        }
        let node = slots[NODE].plain()?.ok_or(Strict)?;
        let container = container(slots)?;
        let pid = slots[PID].u32()?;
        let euid = slots[CREDENTIAL_EUID].u32()?.map_or_else(|| slots[UID].u32(), |euid| Ok(Some(euid)))?;
        let is_hook = !matches!(kind, "process_exec" | "process_exit");
        Ok(Self {
            slots,
            kind,
            host: node.rsplit_once('/').map_or(node, |(_, node)| node),
            namespace: slots[NAMESPACE].text()?,
            pod: slots[POD].text()?,
            pod_uid: slots[POD_UID].text()?,
            in_host_ns: in_host_namespace(slots, container.is_some())?,
            container,
            container_start: slots[CONTAINER_START].time()?,
            start: slots[START].time()?,
            pids: [pid, slots[PARENT_PID].u32()?],
            users: [slots[CREDENTIAL_UID].u32()?, euid, slots[AUID].u32()?.filter(|auid| *auid != u32::MAX)],
            seen: if is_hook { Some(hooked(kind, slots, pid)?) } else { None },
        })
    }

    fn write(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        let [pid, parent_pid] = self.pids;
        let [uid, euid, auid] = self.users;
        columns.pid.put(row, &pid);
        columns.parent_pid.put(row, &parent_pid);
        columns.uid.put(row, &uid);
        columns.euid.put(row, &euid);
        columns.auid.put(row, &auid);
        columns.process_start.put(row, &self.start);
        columns.in_host_ns.put(row, &self.in_host_ns);
        self.write_process(columns, row, buffer);
        self.write_place(columns, row);
        match &self.seen {
            Some(seen) => write_hook(seen, columns, row),
            None => {
                let action = if self.kind == "process_exec" { Action::Exec } else { Action::Exit };
                columns.hook_class.put(row, &HookClass::Kprobe);
                columns.action.put(row, &action);
                columns.outcome.put(row, &Outcome::Allowed);
            }
        }
    }

    fn write_process(&self, columns: &mut Builder, row: usize, buffer: &mut String) {
        let slots = self.slots;
        slots[EXEC_ID].put(&mut columns.process_key, row);
        slots[EXEC_ID].put(&mut columns.native_id, row);
        let parent = if slots[PARENT_EXEC_ID].text_or_none().is_some() { PARENT_EXEC_ID } else { PARENT_ID };
        slots[parent].put(&mut columns.parent_key, row);
        slots[BINARY].put(&mut columns.exe, row);
        slots[PARENT_BINARY].put(&mut columns.parent_exe, row);
        slots[CWD].put(&mut columns.cwd, row);
        if let Some(binary) = slots[BINARY].text_or_none() {
            buffer.clear();
            buffer.push_str(&binary);
            if let Some(arguments) = slots[ARGUMENTS].text_or_none() {
                buffer.push(' ');
                buffer.push_str(&arguments);
            }
            columns.cmd_line.put_text(row, buffer);
        }
    }

    fn write_place(&self, columns: &mut Builder, row: usize) {
        columns.host.put_text(row, self.host);
        for (text, column) in [
            (&self.container, &mut columns.container_id),
            (&self.pod, &mut columns.pod),
            (&self.namespace, &mut columns.namespace),
            (&self.pod_uid, &mut columns.pod_uid),
        ] {
            if let Some(text) = text {
                column.put_text(row, text);
            }
        }
        self.slots[IMAGE].put(&mut columns.image, row);
        self.slots[WORKLOAD].put(&mut columns.workload, row);
        if self.pod.is_some() {
            columns.attribution.put(row, &Attribution::Direct);
        }
    }

    fn unmapped<'b>(&self, out: &'b mut String) -> Result<Option<&'b str>, Strict> {
        let mut unmapped = Unmapped::new(out);
        let mut add = |name: &str, slot: usize| unmapped.add(name, self.slots[slot]);
        add("action", ACTION)?;
        add("args", ARGS)?;
        add("binary_properties", PROPERTIES)?;
        add("cap", CAP)?;
        add("cluster_name", CLUSTER)?;
        unmapped.add_word("event", self.kind);
        let mut add = |name: &str, slot: usize| unmapped.add(name, self.slots[slot]);
        add("flags", FLAGS)?;
        add("function_name", FUNCTION)?;
        add("in_init_tree", IN_INIT_TREE)?;
        add("message", MESSAGE)?;
        add("ns", NS)?;
        add("pod_labels", POD_LABELS)?;
        add("return", RETURN)?;
        add("signal", SIGNAL)?;
        add("stats", STATS)?;
        add("status", STATUS)?;
        add("tags", TAGS)?;
        unmapped.finish()
    }
}

/// The container's id, whole where it is there.
fn container<'a>(slots: &[Slot<'a>; SLOTS]) -> Result<Option<Cow<'a, str>>, Strict> {
    let full = slots[CONTAINER].plain()?.map(|id| id.rsplit_once("://").map_or(id, |(_, id)| id));
    let cut = slots[DOCKER].plain()?;
    Ok(full.or(cut).map(|id| {
        let is_lower = !id.bytes().any(|byte| byte.is_ascii_uppercase());
        if is_lower { Cow::Borrowed(id) } else { Cow::Owned(id.to_ascii_lowercase()) }
    }))
}

/// As `super::in_host_namespace` does.
fn in_host_namespace(slots: &[Slot<'_>; SLOTS], in_container: bool) -> Result<Option<bool>, Strict> {
    let is_there = slots[NS].is_object()?;
    let mut is_host = false;
    for slot in OWN {
        is_host |= slots[slot].truth()? == Some(true);
    }
    Ok((is_there && in_container).then_some(is_host))
}

/// What a hook saw of the process with this id.
fn hooked(kind: &'static str, slots: &[Slot<'_>; SLOTS], pid: Option<u32>) -> Result<Box<HostEvent>, Strict> {
    let mut payload = Vec::with_capacity(OPERANDS.len() + 1);
    // The list of tags is looked at for techniques only.
    for (name, slot) in OPERANDS.into_iter().chain([("tags", TAGS)]) {
        if !slots[slot].is_nothing() {
            payload.push((Cow::Borrowed(name), slots[slot].tree()?));
        }
    }
    let mut seen = Box::new(HostEvent { pid, ..HostEvent::default() });
    hook::describe(kind, &Tree::Object(payload), &mut seen);
    Ok(seen)
}

fn write_hook(seen: &HostEvent, columns: &mut Builder, row: usize) {
    columns.hook_class.put(row, &seen.hook_class);
    columns.action.put(row, &seen.action);
    columns.outcome.put(row, &seen.outcome);
    columns.control.put(row, &seen.control);
    columns.mode.put(row, &seen.mode);
    columns.rule.put(row, &seen.rule);
    columns.policy.put(row, &seen.policy);
    columns.attack.put(row, &seen.attack);
    columns.syscall.put(row, &seen.syscall);
    columns.errno.put(row, &seen.errno);
    columns.capability.put(row, &seen.capability);
    columns.target_path.put(row, &seen.target_path);
    columns.target_is_credential.put(row, &seen.target_is_credential);
    columns.target_pid.put(row, &seen.target_pid);
    columns.target_exe.put(row, &seen.target_exe);
    columns.src_addr.put(row, &seen.src_addr);
    columns.src_port.put(row, &seen.src_port);
    columns.dst_addr.put(row, &seen.dst_addr);
    columns.dst_port.put(row, &seen.dst_port);
    columns.protocol.put(row, &seen.protocol);
}
