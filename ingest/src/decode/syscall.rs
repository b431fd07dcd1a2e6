//! System calls, error numbers and capabilities: their names, and what a call does in the vocabulary of actions.
//!
//! In: numbers and names as sensors write them. Out: names, and the [`Deed`] that a call stands for.
//! Owns: the meaning of calls. Leaves to the formats: flags, paths and peers that decide between actions.
//! Law: an unknown number or name gives nothing, never a guess.

mod numbers;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use offbound_schemas::vocabulary::Action;

/// Instruction set that a system call number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arch {
    /// x86-64.
    X86_64,
    /// 64-bit Arm, and what shares its numbers: 64-bit RISC-V and LoongArch.
    Arm64,
    /// 32-bit x86, also on a 64-bit kernel.
    I386,
    /// 64-bit IBM Z.
    S390X,
    /// 64-bit Power, in either byte order.
    Ppc64,
    /// 32-bit Arm, also on a 64-bit kernel.
    Arm,
}

impl Arch {
    /// Reads the `arch` field of an audit record: an ELF machine with flags, in hex.
    pub(crate) fn from_audit(text: &str) -> Option<Self> {
        match text.trim_start_matches("0x").to_ascii_lowercase().as_str() {
            "c000003e" | "x86_64" => Some(Self::X86_64),
            "c00000b7" | "aarch64" | "c00000f3" | "riscv64" | "c0000102" | "loongarch64" => Some(Self::Arm64),
            "40000003" | "i386" => Some(Self::I386),
            "80000016" | "s390x" => Some(Self::S390X),
            "c0000015" | "ppc64le" | "80000015" | "ppc64" => Some(Self::Ppc64),
            "40000028" | "arm" => Some(Self::Arm),
            _ => None,
        }
    }
}

/// What a system call does, before flags and operands are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The action is certain from the call alone.
    Certain(Action),
    /// A file is opened; flags tell whether for reading or writing.
    Open,
    /// A file that is open is read.
    Read,
    /// A peer is connected to; its address family tells what it is.
    Connect,
    /// An address is bound; its family tells what it is.
    Bind,
    /// `ptrace`: the request tells whether another process is concerned.
    Ptrace,
    /// `bpf`: the command tells whether a program is loaded.
    Bpf,
    /// `clone`: flags tell whether namespaces are made.
    Clone,
}

/// Name of call `number` on `arch`.
pub(crate) fn syscall_name(arch: Arch, number: u32) -> Option<&'static str> {
    const X32_BIT: u32 = 0x4000_0000;
    static CALLS: LazyLock<[Runs; 6]> = LazyLock::new(|| {
        use numbers::{ARM, ARM64, I386, PPC64, S390X, X86_64};
        [X86_64, ARM64, I386, S390X, PPC64, ARM].map(runs)
    });
    let [x86_64, arm64, i386, s390x, ppc64, arm] = &*CALLS;
    let (runs, number) = match arch {
        Arch::X86_64 => (x86_64, number & !X32_BIT),
        Arch::Arm64 => (arm64, number),
        Arch::I386 => (i386, number),
        Arch::S390X => (s390x, number),
        Arch::Ppc64 => (ppc64, number),
        Arch::Arm => (arm, number),
    };
    let (first, names) = runs.iter().rev().find(|(first, _)| *first <= number)?;
    let offset = usize::try_from(number - first).ok()?;
    names.get(offset).copied().filter(|name| *name != "-")
}

/// Runs of names, taken apart, with the number of the first.
type Runs = Vec<(u32, Vec<&'static str>)>;

fn runs(written: &[(u32, &'static str)]) -> Runs {
    written.iter().map(|(first, names)| (*first, names.split_ascii_whitespace().collect())).collect()
}

/// What the call named `name` does; wrapper prefixes of the kernel (`__x64_sys_`) are allowed.
pub(crate) fn deed(name: &str) -> Option<Deed> {
    let name = bare_name(name);
    let certain = |action| Some(Deed::Certain(action));
    match name {
        "open" | "openat" | "openat2" | "open_by_handle_at" => Some(Deed::Open),
        "read" | "pread64" | "readv" | "preadv" | "preadv2" => Some(Deed::Read),
        "connect" => Some(Deed::Connect),
        "bind" => Some(Deed::Bind),
        "ptrace" => Some(Deed::Ptrace),
        "bpf" => Some(Deed::Bpf),
        "clone" | "clone3" => Some(Deed::Clone),
        "execve" | "execveat" => certain(Action::Exec),
        "exit" | "exit_group" => certain(Action::Exit),
        "listen" => certain(Action::NetListen),
        "process_vm_readv" | "process_vm_writev" | "pidfd_getfd" => certain(Action::Ptrace),
        "init_module" | "finit_module" | "create_module" => certain(Action::ModuleLoad),
        "setns" | "unshare" | "mount" | "umount" | "umount2" | "pivot_root" | "move_mount" | "open_tree"
        | "open_tree_attr" | "fsmount" | "mount_setattr" => certain(Action::NsChange),
        _ if changes_identity(name) => certain(Action::PrivChange),
        _ if changes_file(name) => certain(Action::FileWrite),
        _ => None,
    }
}

/// The call's own name, without what kernels put before it.
pub(crate) fn bare_name(name: &str) -> &str {
    let name = ["__x64_", "__arm64_", "__ia32_", "__se_", "__do_"]
        .iter()
        .find_map(|p| name.strip_prefix(p))
        .unwrap_or(name);
    ["sys_enter_", "sys_exit_", "compat_sys_", "__sys_", "sys_"]
        .iter()
        .find_map(|p| name.strip_prefix(p))
        .unwrap_or(name)
}

fn changes_identity(name: &str) -> bool {
    let name = name.strip_suffix("32").unwrap_or(name);
    matches!(
        name,
        "setuid"
            | "setgid"
            | "setreuid"
            | "setregid"
            | "setresuid"
            | "setresgid"
            | "setfsuid"
            | "setfsgid"
            | "setgroups"
            | "capset"
    )
}

fn changes_file(name: &str) -> bool {
    const CALLS: &[&str] = &[
        "write",
        "pwrite64",
        "writev",
        "pwritev",
        "pwritev2",
        "creat",
        "truncate",
        "truncate64",
        "ftruncate",
        "ftruncate64",
        "fallocate",
        "copy_file_range",
        "rename",
        "renameat",
        "renameat2",
        "unlink",
        "unlinkat",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
        "mkdir",
        "mkdirat",
        "rmdir",
        "mknod",
        "mknodat",
        "chmod",
        "fchmod",
        "fchmodat",
        "fchmodat2",
        "chown",
        "fchown",
        "fchownat",
        "lchown",
        "chown32",
        "fchown32",
        "lchown32",
        "setxattr",
        "lsetxattr",
        "fsetxattr",
        "setxattrat",
        "removexattr",
        "lremovexattr",
        "fremovexattr",
        "removexattrat",
    ];
    CALLS.contains(&name)
}

/// Error names in the order of their numbers, from 1; `-` stands for a hole.
const ERRNO_NAMES: &str = "\
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY \
    EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK \
    EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT \
    EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME \
    ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ \
    EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK \
    EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT \
    EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN \
    ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE \
    EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED \
    EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON";

/// Operation not permitted.
pub(crate) const EPERM: u16 = 1;
/// Permission denied.
pub(crate) const EACCES: u16 = 13;
/// A non-blocking connection is under way.
pub(crate) const EINPROGRESS: u16 = 115;

/// Number of the error that `name` (such as `EACCES`) stands for.
pub(crate) fn errno_number(name: &str) -> Option<u16> {
    let name = match name {
        "EWOULDBLOCK" => "EAGAIN",
        "EDEADLOCK" => "EDEADLK",
        "ENOTSUP" => "EOPNOTSUPP",
        other if other.starts_with('E') => other,
        _ => return None,
    };
    static NUMBERS: LazyLock<BTreeMap<&str, u16>> =
        LazyLock::new(|| ERRNO_NAMES.split_ascii_whitespace().zip(1..).collect());
    NUMBERS.get(name).copied()
}

/// Capability names in the order of their numbers, from 0, without `CAP_`.
const CAPABILITY_NAMES: &str = "\
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE \
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT \
    SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP \
    MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE";

/// Name of capability `number`, such as `CAP_SYS_ADMIN`.
pub(crate) fn capability_name(number: usize) -> Option<String> {
    CAPABILITY_NAMES.split_ascii_whitespace().nth(number).map(|name| format!("CAP_{name}"))
}

/// The full name of a capability that a sensor wrote as `net_admin`, `DAC_OVERRIDE` or `CAP_SYS_ADMIN`.
pub(crate) fn capability_from(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    (!bare.is_empty()).then(|| format!("CAP_{bare}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the same number on every architecture. Guarantees: each reads by its own table, holes as unknown; calls
    /// since Linux 5.1 have one number everywhere.
    #[test]
    fn numbers_depend_on_architecture() {
        let cases = [
            (Arch::X86_64, 59, Some("execve")),
            (Arch::X86_64, 101, Some("ptrace")),
            (Arch::X86_64, 257, Some("openat")),
            (Arch::X86_64, 0x4000_0101, Some("openat")),
            (Arch::Arm64, 221, Some("execve")),
            (Arch::Arm64, 64, Some("write")),
            (Arch::Arm64, 56, Some("openat")),
            (Arch::I386, 11, Some("execve")),
            (Arch::I386, 5, Some("open")),
            (Arch::I386, 102, Some("socketcall")),
            (Arch::X86_64, 0x4000_0208, Some("execve")),
            (Arch::S390X, 11, Some("execve")),
            (Arch::S390X, 102, Some("socketcall")),
            (Arch::S390X, 288, Some("openat")),
            (Arch::Ppc64, 328, Some("connect")),
            (Arch::Ppc64, 286, Some("openat")),
            (Arch::Arm, 322, Some("openat")),
            (Arch::Arm, 102, None),
            (Arch::X86_64, 100_000, None),
            (Arch::X86_64, 350, None),
            (Arch::S390X, 0, None),
        ];
        for (arch, number, expected) in cases {
            assert_eq!(syscall_name(arch, number), expected, "{arch:?} {number}");
        }
        for arch in [Arch::X86_64, Arch::Arm64, Arch::I386, Arch::S390X, Arch::Ppc64, Arch::Arm] {
            assert_eq!(
                [435, 452].map(|number| syscall_name(arch, number)),
                [Some("clone3"), Some("fchmodat2")]
            );
        }
    }

    /// Scenario: `arch` as kernels number it and as the audit daemon names it. Guarantees: both read alike.
    #[test]
    fn architectures() {
        for (number, name, expected) in [
            ("c000003e", "x86_64", Arch::X86_64),
            ("c00000b7", "aarch64", Arch::Arm64),
            ("c00000f3", "riscv64", Arch::Arm64),
            ("40000003", "i386", Arch::I386),
            ("80000016", "s390x", Arch::S390X),
            ("c0000015", "ppc64le", Arch::Ppc64),
            ("40000028", "arm", Arch::Arm),
        ] {
            assert_eq!([number, name].map(Arch::from_audit), [Some(expected); 2], "{name}");
        }
        assert_eq!(Arch::from_audit("16"), None);
    }

    /// Scenario: names of errors and capabilities as sensors write them. Guarantees: one spelling comes out.
    #[test]
    fn names_are_read() {
        assert_eq!(errno_number("EACCES"), Some(EACCES));
        assert_eq!(errno_number("EINPROGRESS"), Some(EINPROGRESS));
        assert_eq!(errno_number("-"), None);
        assert_eq!(capability_name(21).as_deref(), Some("CAP_SYS_ADMIN"));
        assert_eq!(capability_from("DAC_OVERRIDE").as_deref(), Some("CAP_DAC_OVERRIDE"));
        assert_eq!(bare_name("__x64_sys_setns"), "setns");
        assert_eq!(deed("__arm64_sys_setresuid"), Some(Deed::Certain(Action::PrivChange)));
    }
}
