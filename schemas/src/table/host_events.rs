//! Host security events: what ran, and what the host's controls did about it.

use super::table;
use crate::vocabulary::{Action, Attribution, ControlMode, HookClass, HostControl, Outcome};
use crate::{EventId, EventTime, TextList};

table!(HostEvent "host_events" "One row per thing that a sensor on a host saw."; {
    /// Identity of the record.
    event_id: EventId = "metadata.uid",
    /// When it happened (UTC).
    event_time: EventTime = "time",
    /// Source label: `format` or `format:instance`.
    source: String = "metadata.product.name",
    /// Where the record is: `path:line`, or `topic/partition/offset`.
    location: String = "metadata.log_name",
    /// The sensor's own id of the event (audit `SEC.MS:SERIAL`, Tetragon exec_id, Falco uuid).
    native_id: Option<String> = "metadata.original_event_uid",
    /// Host name, as the sensor or its envelope gives it.
    host: Option<String> = "device.hostname",
    /// Boot id, where the source has one.
    boot_id: Option<String> = "device.boot_uid",
    /// Container id: up to 64 lower hex digits; may be a prefix, as the sensor cuts it.
    container_id: Option<String> = "process.container.uid",
    /// Container image reference.
    image: Option<String> = "process.container.image.name",
    /// Pod uid.
    pod_uid: Option<String> = "process.container.pod_uuid",
    /// Pod name.
    pod: Option<String> = "",
    /// Namespace of the pod.
    namespace: Option<String> = "",
    /// Service account of the pod.
    service_account: Option<String> = "",
    /// Workload, where the event itself names it.
    workload: Option<String> = "",
    /// How the event was tied to a workload.
    attribution: Attribution = "",
    /// systemd unit.
    unit: Option<String> = "",
    /// True when a namespace of the process is the host's although it runs in a container.
    in_host_ns: Option<bool> = "",
    /// What was done.
    action: Action = "activity_name",
    /// How it ended.
    outcome: Outcome = "disposition",
    /// Which host control decided.
    control: HostControl = "",
    /// Whether that control was enforcing.
    mode: ControlMode = "",
    /// Where the sensor looks.
    hook_class: HookClass = "",
    /// Process key: unique over time and hosts (Tetragon exec_id, or host, boot, pid and start).
    process_key: Option<String> = "process.uid",
    /// Key of the parent process.
    parent_key: Option<String> = "process.parent_process.uid",
    /// Process id, as the host counts.
    pid: Option<u32> = "process.pid",
    /// Parent's process id, as the host counts.
    parent_pid: Option<u32> = "process.parent_process.pid",
    /// When the process started.
    process_start: Option<EventTime> = "process.created_time",
    /// Executable path.
    exe: Option<String> = "process.file.path",
    /// Command name; sensors cut it to 15 characters.
    comm: Option<String> = "process.name",
    /// Parent's executable path or command name.
    parent_exe: Option<String> = "process.parent_process.file.path",
    /// Arguments, where they are truly known one by one.
    args: TextList = "",
    /// Command line in one string, secrets replaced.
    cmd_line: Option<String> = "process.cmd_line",
    /// Working directory.
    cwd: Option<String> = "process.working_directory",
    /// User id.
    uid: Option<u32> = "process.user.uid",
    /// Effective user id.
    euid: Option<u32> = "process.euid",
    /// Login user id (null when unset).
    auid: Option<u32> = "process.auid",
    /// Login session id.
    session_id: Option<u32> = "process.session.uid",
    /// Label that the process ran under: SELinux context, AppArmor profile.
    label: Option<String> = "",
    /// Capability at stake, such as `CAP_SYS_ADMIN`.
    capability: Option<String> = "",
    /// System call name.
    syscall: Option<String> = "",
    /// File, module or directory acted on.
    target_path: Option<String> = "file.path",
    /// True when `target_path` holds a credential.
    target_is_credential: bool = "",
    /// Process acted on.
    target_pid: Option<u32> = "",
    /// Executable of the process acted on.
    target_exe: Option<String> = "",
    /// Source address of a connection.
    src_addr: Option<String> = "src_endpoint.ip",
    /// Source port.
    src_port: Option<u16> = "src_endpoint.port",
    /// Destination address of a connection.
    dst_addr: Option<String> = "dst_endpoint.ip",
    /// Destination port.
    dst_port: Option<u16> = "dst_endpoint.port",
    /// Destination host name.
    dst_host: Option<String> = "dst_endpoint.hostname",
    /// Transport protocol, lower case.
    protocol: Option<String> = "connection_info.protocol_name",
    /// Profile, rule or policy that decided (SELinux: `scontext tcontext class`).
    policy: Option<String> = "policy.name",
    /// Error number returned, without sign.
    errno: Option<u16> = "status_code",
    /// The sensor's own rule that fired.
    rule: Option<String> = "finding_info.title",
    /// Priority that the sensor gave, lower case.
    priority: Option<String> = "severity",
    /// ATT&CK techniques that the sensor names.
    attack: TextList = "attacks.technique.uid",
    /// Records lost (only for `telemetry_gap`).
    lost: Option<u64> = "",
    /// Start of the stretch without telemetry (only for `telemetry_gap`).
    gap_from: Option<EventTime> = "start_time",
    /// Fields that no column holds, as JSON, at most 4096 bytes.
    unmapped: Option<String> = "unmapped",
    /// The record itself, secrets replaced, at most 16384 bytes; several lines where the event has several.
    raw: String = "raw_data",
});
