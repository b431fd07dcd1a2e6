//! The Linux audit log, as auditd writes it: several records an event, joined by time and serial.
//!
//! In: an act of a process on a node. Out: the lines of its records, in the kernel's order.
//! Owns: quoting (hexadecimal when text is not clean), socket addresses, process titles, numbers of calls.

use std::io::Write;

use crate::moment::Moment;

/// One event: whose lines share this stamp.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp<'a> {
    /// `node=`, as `name_format` in `auditd.conf` makes it.
    pub(crate) node: &'a str,
    /// When.
    pub(crate) at: Moment,
    /// Serial number.
    pub(crate) serial: u32,
    /// Whether `log_format = ENRICHED` adds names behind a group separator.
    pub(crate) enriched: bool,
}

/// A process, as audit knows it.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// Process id.
    pub(crate) pid: u32,
    /// Parent.
    pub(crate) ppid: u32,
    /// User.
    pub(crate) uid: u32,
    /// Program.
    pub(crate) exe: String,
    /// Arguments, the program's name first.
    pub(crate) argv: Vec<String>,
    /// Security label.
    pub(crate) label: String,
}

impl Task {
    /// A task whose first argument is the program itself.
    pub(crate) fn new(pid: u32, ppid: u32, uid: u32, exe: &str, argv: &[&str]) -> Self {
        let argv = argv.iter().map(|text| (*text).to_owned()).collect();
        Self { pid, ppid, uid, exe: exe.to_owned(), argv, label: "unconfined".to_owned() }
    }

    /// The name that the kernel keeps: the last part of what was called, at most 15 bytes.
    fn comm(&self) -> &str {
        let called = self.argv.first().map_or(self.exe.as_str(), String::as_str);
        let name = called.rsplit('/').next().unwrap_or_default();
        name.get(..15).unwrap_or(name)
    }
}

const EXECVE: (u32, &str) = (59, "execve");
const CONNECT: (u32, &str) = (42, "connect");
const PTRACE: (u32, &str) = (101, "ptrace");
const OPENAT: (u32, &str) = (257, "openat");
const PROCESS_VM_READV: (u32, &str) = (310, "process_vm_readv");
const PTRACE_SEIZE: u64 = 0x4206;

/// A program was executed.
pub(crate) fn exec(stamp: Stamp<'_>, task: &Task, cwd: &str) -> Vec<Vec<u8>> {
    let mut execve = record(stamp, "EXECVE");
    put(&mut execve, &format!(" argc={}", task.argv.len()));
    for (index, argument) in task.argv.iter().enumerate() {
        put(&mut execve, &format!(" a{index}={}", quoted(argument)));
    }
    vec![
        syscall(
            stamp,
            task,
            EXECVE,
            [0x55d0_c0de_1000, 0x55d0_c0de_2000, 0x55d0_c0de_3000, 8],
            (0, 2),
            "exec",
        ),
        execve,
        cwd_record(stamp, cwd),
        path(stamp, 0, &task.exe),
        path(stamp, 1, "/lib64/ld-linux-x86-64.so.2"),
        title(stamp, task),
    ]
}

/// A file was opened for reading, which an AppArmor profile in complain mode would have refused.
pub(crate) fn complained_open(stamp: Stamp<'_>, task: &Task, profile: &str, name: &str) -> Vec<Vec<u8>> {
    let mut avc = record(stamp, "AVC");
    put(
        &mut avc,
        &format!(
            " apparmor=\"ALLOWED\" operation=\"open\" class=\"file\" profile={} name={} pid={} comm={} \
             requested_mask=\"r\" denied_mask=\"r\" fsuid={} ouid=0",
            quoted(profile),
            quoted(name),
            task.pid,
            quoted(task.comm()),
            task.uid
        ),
    );
    vec![
        avc,
        syscall(stamp, task, OPENAT, [0xffff_ff9c, 0x7ffd_1c0d_e000, 0, 0], (3, 1), "credential-files"),
        cwd_record(stamp, "/app"),
        path(stamp, 0, name),
        title(stamp, task),
    ]
}

/// A process attached to another.
pub(crate) fn ptrace(stamp: Stamp<'_>, task: &Task, target: &Task) -> Vec<Vec<u8>> {
    let mut object = record(stamp, "OBJ_PID");
    put(
        &mut object,
        &format!(
            " opid={} oauid=-1 ouid={} oses=-1 obj={} ocomm={}",
            target.pid,
            target.uid,
            target.label,
            quoted(target.comm())
        ),
    );
    let arguments = [PTRACE_SEIZE, u64::from(target.pid), 0, 1];
    vec![syscall(stamp, task, PTRACE, arguments, (0, 0), "tracing"), object, title(stamp, task)]
}

/// A process read another's memory.
pub(crate) fn read_memory(stamp: Stamp<'_>, task: &Task, target: &Task, bytes: i64) -> Vec<Vec<u8>> {
    let arguments = [u64::from(target.pid), 0x7ffe_ba5e_0010, 1, 0x7ffe_ba5e_0020];
    vec![syscall(stamp, task, PROCESS_VM_READV, arguments, (bytes, 0), "tracing"), title(stamp, task)]
}

/// A connection was opened.
pub(crate) fn connect(stamp: Stamp<'_>, task: &Task, address: [u8; 4], port: u16) -> Vec<Vec<u8>> {
    let mut socket = record(stamp, "SOCKADDR");
    let [first, second, third, fourth] = address;
    put(
        &mut socket,
        &format!(" saddr=0200{port:04X}{first:02X}{second:02X}{third:02X}{fourth:02X}0000000000000000"),
    );
    let arguments = [9, 0x7fff_50c7_0ad0, 16, 4];
    vec![syscall(stamp, task, CONNECT, arguments, (0, 0), "connect"), socket, title(stamp, task)]
}

/// systemd started a unit.
pub(crate) fn service_start(stamp: Stamp<'_>, unit: &str) -> Vec<Vec<u8>> {
    let mut start = record(stamp, "SERVICE_START");
    put(
        &mut start,
        &format!(
            " pid=1 uid=0 auid=4294967295 ses=4294967295 subj=unconfined msg='unit={unit} comm=\"systemd\" \
             exe=\"/usr/lib/systemd/systemd\" hostname=? addr=? terminal=? res=success'"
        ),
    );
    if stamp.enriched {
        put(&mut start, "\u{1d}UID=\"root\" AUID=\"unset\"");
    }
    vec![start]
}

fn record(stamp: Stamp<'_>, kind: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(400);
    put(&mut out, &format!("node={} type={kind} msg=audit(", stamp.node));
    stamp.at.write_audit(&mut out);
    put(&mut out, &format!(":{}):", stamp.serial));
    out
}

fn syscall(
    stamp: Stamp<'_>,
    task: &Task,
    (number, name): (u32, &str),
    [a0, a1, a2, a3]: [u64; 4],
    (exit, items): (i64, u32),
    key: &str,
) -> Vec<u8> {
    let mut out = record(stamp, "SYSCALL");
    let uid = task.uid;
    put(
        &mut out,
        &format!(
            " arch=c000003e syscall={number} success=yes exit={exit} a0={a0:x} a1={a1:x} a2={a2:x} a3={a3:x} \
             items={items} ppid={} pid={} auid=4294967295 uid={uid} gid={uid} euid={uid} suid={uid} fsuid={uid} \
             egid={uid} sgid={uid} fsgid={uid} tty=(none) ses=4294967295 comm={} exe={} subj={} key={}",
            task.ppid,
            task.pid,
            quoted(task.comm()),
            quoted(&task.exe),
            task.label,
            quoted(key)
        ),
    );
    if stamp.enriched {
        let user = match uid {
            0 => "root",
            33 => "www-data",
            _ => "app",
        };
        put(&mut out, &format!("\u{1d}ARCH=x86_64 SYSCALL={name} AUID=\"unset\""));
        for field in ["UID", "GID", "EUID", "SUID", "FSUID", "EGID", "SGID", "FSGID"] {
            put(&mut out, &format!(" {field}=\"{user}\""));
        }
    }
    out
}

fn cwd_record(stamp: Stamp<'_>, cwd: &str) -> Vec<u8> {
    let mut out = record(stamp, "CWD");
    put(&mut out, &format!(" cwd={}", quoted(cwd)));
    out
}

fn path(stamp: Stamp<'_>, item: u32, name: &str) -> Vec<u8> {
    let mut out = record(stamp, "PATH");
    let inode = 131_072 + name.bytes().map(u32::from).sum::<u32>();
    put(
        &mut out,
        &format!(
            " item={item} name={} inode={inode} dev=08:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL \
             cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0",
            quoted(name)
        ),
    );
    if stamp.enriched {
        put(&mut out, "\u{1d}OUID=\"root\" OGID=\"root\"");
    }
    out
}

/// Longest process title that the kernel keeps, in bytes.
const MAX_TITLE_BYTES: usize = 128;

fn title(stamp: Stamp<'_>, task: &Task) -> Vec<u8> {
    let mut out = record(stamp, "PROCTITLE");
    let joined = task.argv.join("\0");
    let bytes = joined.as_bytes();
    let cut = bytes.get(..MAX_TITLE_BYTES).unwrap_or(bytes);
    put(&mut out, " proctitle=");
    match task.argv.as_slice() {
        [only] => put(&mut out, &quoted(only)),
        _ => cut.iter().for_each(|byte| put(&mut out, &format!("{byte:02X}"))),
    }
    out
}

/// Text as audit prints what it does not trust: quoted when clean, else upper-case hexadecimal.
fn quoted(text: &str) -> String {
    if text.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'"') {
        return format!("\"{text}\"");
    }
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.write_all(text.as_bytes()).expect("writing to memory succeeds");
}
