//! Names of audit record types: the kernel log writes numbers, auditd writes words.
//!
//! In: `1326`, `UNKNOWN[1323]`, `SECCOMP`. Out: the word; a number without a word stays as it is.
//! Owns: the numbers, and the order in which the records of one event are shown.

use std::borrow::Cow;

use super::fields::Fields;

/// Runs of names with the number of the first.
const NAMES: &[(u32, &str)] = &[
    (1006, "LOGIN"),
    (
        1100,
        "USER_AUTH USER_ACCT USER_MGMT CRED_ACQ CRED_DISP USER_START USER_END USER_AVC USER_CHAUTHTOK USER_ERR CRED_REFR \
         USYS_CONFIG USER_LOGIN USER_LOGOUT ADD_USER DEL_USER ADD_GROUP DEL_GROUP DAC_CHECK CHGRP_ID TEST TRUSTED_APP \
         USER_SELINUX_ERR USER_CMD USER_TTY CHUSER_ID GRP_AUTH SYSTEM_BOOT SYSTEM_SHUTDOWN SYSTEM_RUNLEVEL SERVICE_START \
         SERVICE_STOP GRP_MGMT GRP_CHAUTHTOK MAC_CHECK ACCT_LOCK ACCT_UNLOCK USER_DEVICE SOFTWARE_UPDATE",
    ),
    (
        1200,
        "DAEMON_START DAEMON_END DAEMON_ABORT DAEMON_CONFIG DAEMON_RECONFIG DAEMON_ROTATE DAEMON_RESUME DAEMON_ACCEPT \
         DAEMON_CLOSE DAEMON_ERR",
    ),
    (
        1300,
        "SYSCALL FS_WATCH PATH IPC SOCKETCALL CONFIG_CHANGE SOCKADDR CWD - EXECVE - IPC_SET_PERM MQ_OPEN MQ_SENDRECV \
         MQ_NOTIFY MQ_GETSETATTR KERNEL_OTHER FD_PAIR OBJ_PID TTY EOE BPRM_FCAPS CAPSET MMAP NETFILTER_PKT NETFILTER_CFG \
         SECCOMP PROCTITLE FEATURE_CHANGE REPLACE KERN_MODULE FANOTIFY TIME_INJOFFSET TIME_ADJNTPVAL BPF EVENT_LISTENER \
         URINGOP OPENAT2 DM_CTRL DM_EVENT",
    ),
    (
        1400,
        "AVC SELINUX_ERR AVC_PATH MAC_POLICY_LOAD MAC_STATUS MAC_CONFIG_CHANGE MAC_UNLBL_ALLOW MAC_CIPSOV4_ADD \
         MAC_CIPSOV4_DEL MAC_MAP_ADD MAC_MAP_DEL MAC_IPSEC_ADDSA MAC_IPSEC_DELSA MAC_IPSEC_ADDSPD MAC_IPSEC_DELSPD \
         MAC_IPSEC_EVENT MAC_UNLBL_STCADD MAC_UNLBL_STCDEL MAC_CALIPSO_ADD MAC_CALIPSO_DEL IPE_ACCESS \
         IPE_CONFIG_CHANGE IPE_POLICY_LOAD LANDLOCK_ACCESS LANDLOCK_DOMAIN MAC_TASK_CONTEXTS MAC_OBJ_CONTEXTS",
    ),
    (
        1500,
        "APPARMOR APPARMOR_AUDIT APPARMOR_ALLOWED APPARMOR_DENIED APPARMOR_HINT APPARMOR_STATUS APPARMOR_ERROR \
         APPARMOR_KILL",
    ),
    (1700, "ANOM_PROMISCUOUS ANOM_ABEND ANOM_LINK ANOM_CREAT"),
    (
        1800,
        "INTEGRITY_DATA INTEGRITY_METADATA INTEGRITY_STATUS INTEGRITY_HASH INTEGRITY_PCR INTEGRITY_RULE \
         INTEGRITY_EVM_XATTR INTEGRITY_POLICY_RULE",
    ),
];

/// The word for a record type.
pub(super) fn name(written: &str) -> Cow<'static, str> {
    if let Some(usual) = place(written).and_then(|place| ORDER.get(place)) {
        return Cow::Borrowed(usual);
    }
    // The audit daemon writes `UNKNOWN[1336]` for a type that is newer than itself, the journal `AUDIT1336`, and
    // `<audit-1336>` for every type before systemd 220.
    let bracketed = written.strip_prefix("UNKNOWN[").and_then(|rest| rest.strip_suffix(']'));
    let bracketed =
        bracketed.or_else(|| written.strip_prefix("<audit-").and_then(|rest| rest.strip_suffix('>')));
    let number = bracketed.or_else(|| written.strip_prefix("AUDIT")).unwrap_or(written);
    let word = number.parse::<u32>().ok().and_then(|number| {
        let (first, names) = NAMES.iter().rev().find(|(first, _)| *first <= number)?;
        let at = usize::try_from(number - first).ok()?;
        names.split_ascii_whitespace().nth(at).filter(|name| *name != "-")
    });
    word.map_or_else(|| Cow::Owned(bracketed.unwrap_or(written).to_owned()), Cow::Borrowed)
}

/// The word for a type whose number two kernels gave away: Ubuntu's wrote the labels of stacked modules under the numbers
/// that IPE has elsewhere.
pub(super) fn settled(kind: Cow<'static, str>, fields: &Fields) -> Cow<'static, str> {
    let labels = |prefix: &str| fields.all().any(|(key, _)| key.starts_with(prefix));
    match &*kind {
        "IPE_ACCESS" if labels("subj_") => Cow::Borrowed("MAC_TASK_CONTEXTS"),
        "IPE_CONFIG_CHANGE" if labels("obj_") => Cow::Borrowed("MAC_OBJ_CONTEXTS"),
        _ => kind,
    }
}

/// Whether programs write records of this type, and not the kernel: the kernel takes 1100 to 1199 and 2100 to 2999 from whoever
/// has CAP_AUDIT_WRITE (`include/uapi/linux/audit.h`, `AUDIT_FIRST_USER_MSG2`), and the daemon has 1200 to 1299 for itself.
pub(super) fn is_of_programs(kind: &str) -> bool {
    /// How the names of those from 2100 on begin (`lib/audit-records.h` of the audit tools).
    const LATER: &[&str] =
        &["USER_", "ROLE_", "RESP_", "CRYPTO_", "VIRT_", "LABEL_", "DEV_", "FS_RELABEL", "ANOM_"];
    let named = |wanted: &[u32]| {
        let mut runs = NAMES.iter().filter(|(first, _)| wanted.contains(first));
        runs.any(|(_, names)| names.split_ascii_whitespace().any(|known| known == kind))
    };
    let is_later = LATER.iter().any(|start| kind.starts_with(start)) && !named(&[1700]);
    named(&[1100, 1200]) || is_later || kind.parse().is_ok_and(|number: u32| (2100..3000).contains(&number))
}

/// Whether a word is the name of a record type.
pub(super) fn is_known(word: &str) -> bool {
    let mut words = NAMES.iter().flat_map(|(_, names)| names.split_ascii_whitespace());
    word.len() > 2 && words.any(|known| known == word)
}

/// The types of most records, in the order in which those of one event are shown.
const ORDER: &[&str] = &[
    "SYSCALL",
    "URINGOP",
    "SECCOMP",
    "AVC",
    "FANOTIFY",
    "EXECVE",
    "SOCKADDR",
    "OBJ_PID",
    "CWD",
    "PATH",
    "AVC_PATH",
    "PROCTITLE",
];

/// Where a type stands in [`ORDER`]. Types differ in length more often than in their letters.
fn place(kind: &str) -> Option<usize> {
    ORDER.iter().position(|usual| usual.len() == kind.len() && *usual == kind)
}

/// Place of a record within its event: the act first, then who refused, then operands.
pub(super) fn rank(kind: &str) -> u8 {
    place(kind).and_then(|at| u8::try_from(at).ok()).unwrap_or(4)
}
