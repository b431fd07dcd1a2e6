//! Closed sets of words: what may stand in a column that is not free text.
//!
//! In: nothing. Out: one enum per vocabulary, with its text form, also as an Arrow column.
//! Owns: the spelling of every word. Law: one word for one thing; text that is no word reads as the default.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray, StringViewBuilder};
use arrow::datatypes::DataType;

use crate::cell::{Cell, CellKind};
use crate::column::{ColumnValue, Expected, text_builder};

/// Text that is not in a vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no {vocabulary}; the words are: {words}")]
pub struct UnknownWord {
    /// Name of the vocabulary.
    pub vocabulary: &'static str,
    /// What was found instead.
    pub found: String,
    /// The words that would do, separated by commas.
    pub words: String,
}

macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident { $( $(#[$word_meta:meta])* $variant:ident = $text:literal, )+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub enum $name { $( $(#[$word_meta])* $variant, )+ }

        impl $name {
            /// Every word as it is written, in order.
            pub const WORDS: &[&'static str] = &[ $($text,)+ ];
            /// Every word, in order.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            /// The word as it is written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $( $text => Ok(Self::$variant), )+
                    other => Err(UnknownWord {
                        vocabulary: stringify!($name),
                        found: other.to_owned(),
                        words: [$($text),+].join(", "),
                    }),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl ColumnValue for $name {
            type Ref<'a> = Self;
            type Array = StringViewArray;
            type Builder = StringViewBuilder;
            const NULLABLE: bool = false;

            fn data_type() -> DataType {
                DataType::Utf8View
            }
            fn cell_kind() -> CellKind {
                CellKind::Word(Self::WORDS)
            }
            fn of_cell(cell: Cell) -> Option<Self> {
                match cell {
                    Cell::Text(text) => text.parse().ok(),
                    _ => None,
                }
            }
            fn builder(expected: Expected) -> Self::Builder {
                text_builder(expected)
            }
            fn append(&self, builder: &mut Self::Builder) {
                builder.append_value(self.as_str());
            }
            fn append_absent(builder: &mut Self::Builder, count: usize) {
                (0..count).for_each(|_| builder.append_value(Self::default().as_str()));
            }
            fn is_absent(&self) -> bool {
                *self == Self::default()
            }
            fn finish(builder: &mut Self::Builder) -> ArrayRef {
                Arc::new(builder.finish())
            }
            fn read(array: &Self::Array, index: usize) -> Self {
                array.value(index).parse().unwrap_or_default()
            }
            fn owned(value: Self) -> Self {
                value
            }
        }
    };
}

vocabulary!(
    /// What a host event says was done.
    Action {
        /// A program was executed.
        Exec = "exec",
        /// A process ended.
        Exit = "exit",
        /// A file was opened for reading.
        FileRead = "file_read",
        /// A file was written, created, renamed or removed.
        FileWrite = "file_write",
        /// A file that holds a credential was opened for reading.
        CredRead = "cred_read",
        /// User, group or privileges of a process changed.
        PrivChange = "priv_change",
        /// A capability was used.
        CapUse = "cap_use",
        /// Another process was traced, or its memory or environment read.
        Ptrace = "ptrace",
        /// A kernel module or eBPF program was loaded.
        ModuleLoad = "module_load",
        /// A namespace was entered or left, or a mount made.
        NsChange = "ns_change",
        /// A connection was opened.
        NetConnect = "net_connect",
        /// A port was opened for listening.
        NetListen = "net_listen",
        /// The cloud's instance metadata service was called.
        ImdsAccess = "imds_access",
        /// A control was loaded, changed, switched off or removed.
        PolicyChange = "policy_change",
        /// Telemetry was lost.
        TelemetryGap = "telemetry_gap",
        /// None of these; `rule` says what the sensor saw.
        #[default]
        Other = "other",
    }
);

vocabulary!(
    /// How a host event ended.
    Outcome {
        /// It went through.
        Allowed = "allowed",
        /// A control refused it.
        Denied = "denied",
        /// A control killed the process.
        Killed = "killed",
        /// A control would have refused it, were it enforcing (complain, permissive, seccomp log, audit verdict).
        WouldDeny = "would_deny",
        /// It failed without a control's doing.
        Failed = "failed",
        /// It was begun; its result was not recorded.
        Attempted = "attempted",
        /// Not said.
        #[default]
        Unknown = "unknown",
    }
);

vocabulary!(
    /// Which host control decided.
    HostControl {
        /// Observation only: nothing decided.
        #[default]
        None = "none",
        /// File permissions.
        Dac = "dac",
        /// Capabilities.
        Capability = "capability",
        /// seccomp.
        Seccomp = "seccomp",
        /// AppArmor.
        AppArmor = "apparmor",
        /// SELinux.
        SeLinux = "selinux",
        /// fapolicyd.
        Fapolicyd = "fapolicyd",
        /// Tetragon.
        Tetragon = "tetragon",
        /// KubeArmor.
        KubeArmor = "kubearmor",
        /// A network policy.
        NetworkPolicy = "network_policy",
        /// Something refused, and the record does not say what.
        Unknown = "unknown",
    }
);

vocabulary!(
    /// Whether the control that spoke was enforcing.
    ControlMode {
        /// It refuses.
        Enforcing = "enforcing",
        /// SELinux permissive: it only records.
        Permissive = "permissive",
        /// AppArmor complain: it only records.
        Complain = "complain",
        /// Any other recording-only mode.
        Monitor = "monitor",
        /// It is absent.
        None = "none",
        /// Not said.
        #[default]
        Unknown = "unknown",
    }
);

vocabulary!(
    /// Where in the system a host sensor looks.
    HookClass {
        /// A security-module hook: arguments cannot be changed under it.
        Lsm = "lsm",
        /// A kernel probe or tracepoint: arguments may be raced.
        Kprobe = "kprobe",
        /// The kernel's audit subsystem.
        Audit = "audit",
        /// A program in user space.
        Userspace = "userspace",
        /// Not said.
        #[default]
        Unknown = "unknown",
    }
);

vocabulary!(
    /// By which way a host event was tied to a pod or workload, surest first.
    Attribution {
        /// The event itself names the pod.
        Direct = "direct",
        /// By container id and an inventory.
        Inventory = "inventory",
        /// By process id and another sensor's event.
        PidJoin = "pid_join",
        /// By the pair of SELinux categories, and an event that names the container with that pair.
        Mcs = "mcs",
        /// By systemd unit.
        Unit = "unit",
        /// By user and executable.
        UidExe = "uid_exe",
        /// By its host, which one workload only is placed on.
        Host = "host",
        /// It was not tied to any.
        #[default]
        None = "none",
    }
);

vocabulary!(
    /// What an identity record is about.
    Phase {
        /// A node or workload proved what it is.
        Attest = "attest",
        /// A credential was issued.
        Issue = "issue",
        /// A credential was renewed.
        Renew = "renew",
        /// A credential was exchanged for another.
        Exchange = "exchange",
        /// A credential was presented to do something.
        #[default]
        Present = "present",
        /// A credential was verified on somebody's behalf.
        Verify = "verify",
        /// A credential or its owner was revoked, banned or deleted.
        Revoke = "revoke",
    }
);

vocabulary!(
    /// What the recorder of an identity event decided.
    Decision {
        /// Allowed.
        Allow = "allow",
        /// Refused on grounds of identity or policy.
        Deny = "deny",
        /// Failed for another reason.
        Error = "error",
        /// No decision is recorded.
        #[default]
        None = "none",
    }
);

vocabulary!(
    /// Whether a decision was put into force.
    Enforcement {
        /// It was.
        Enforced = "enforced",
        /// Evaluated for show.
        DryRun = "dry_run",
        /// Recorded, and let through.
        Permissive = "permissive",
        /// No identity was checked.
        None = "none",
        /// Not said.
        #[default]
        Unknown = "unknown",
    }
);

vocabulary!(
    /// What kind of name a credential id is.
    IdKind {
        /// JWT id.
        Jti = "jti",
        /// X.509 serial.
        Serial = "serial",
        /// Cloud access key id.
        AccessKey = "access_key",
        /// Token accessor.
        Accessor = "accessor",
        /// Certificate fingerprint.
        CertFp = "cert_fp",
        /// A tuple of claims, where no id is logged.
        Tuple = "tuple",
        /// No id is logged.
        #[default]
        None = "none",
    }
);

vocabulary!(
    /// How good the recorded source address is.
    AddrQuality {
        /// The recorder's own peer.
        Direct = "direct",
        /// The peer is a known translator or proxy.
        Translated = "translated",
        /// Somebody else's word (a forwarded header).
        Asserted = "asserted",
        /// A service acted on behalf of the caller.
        Service = "service",
        /// No address is recorded.
        #[default]
        None = "none",
    }
);

vocabulary!(
    /// What a placement row describes.
    PlacementKind {
        /// A pod.
        #[default]
        Pod = "pod",
        /// A host: node, virtual machine or bare metal.
        Host = "host",
        /// A SPIRE agent.
        Agent = "agent",
        /// A SPIRE registration entry.
        Entry = "entry",
    }
);

vocabulary!(
    /// What the comparison of a use with its binding says.
    Match {
        /// The use is where the credential belongs.
        Match = "match",
        /// It is not.
        Mismatch = "mismatch",
        /// The evidence does not decide.
        #[default]
        Undetermined = "undetermined",
    }
);

vocabulary!(
    /// How weighty a finding is.
    Severity {
        /// Worth knowing.
        #[default]
        Info = "info",
        /// Look when there is time.
        Low = "low",
        /// Look today.
        Medium = "medium",
        /// Look now.
        High = "high",
        /// Act now.
        Critical = "critical",
    }
);

vocabulary!(
    /// How sure a finding is.
    Confidence {
        /// Weak evidence.
        #[default]
        Low = "low",
        /// Fair evidence.
        Medium = "medium",
        /// Strong evidence.
        High = "high",
    }
);

vocabulary!(
    /// Whether a finding may still change.
    FindingState {
        /// It may (streams only).
        Provisional = "provisional",
        /// It will not.
        #[default]
        Confirmed = "confirmed",
        /// Later evidence took it back.
        Withdrawn = "withdrawn",
    }
);

vocabulary!(
    /// What a layer or control did in an incident.
    LayerVerdict {
        /// It was not attempted.
        #[default]
        NotChallenged = "not_challenged",
        /// It was attempted, and refused every time.
        Held = "held",
        /// Nobody could tell.
        Blind = "blind",
        /// The act went through, since the control was absent or not enforcing.
        NotEnforced = "not_enforced",
        /// The act went through although the control was enforcing.
        Bypassed = "bypassed",
    }
);

vocabulary!(
    /// How an incident ended.
    ContainmentOutcome {
        /// Both layers held.
        Contained = "contained",
        /// Only the host layer held.
        ContainedByHost = "contained_by_host",
        /// Only the identity layer held.
        ContainedByIdentity = "contained_by_identity",
        /// Neither did.
        NotContained = "not_contained",
        /// Telemetry does not decide.
        #[default]
        Unknown = "unknown",
    }
);

vocabulary!(
    /// Whether an outcome rests on recorded denials.
    Strength {
        /// Each credited layer recorded a denial, and no suspected use remains.
        Proven = "proven",
        /// It does not.
        #[default]
        Unproven = "unproven",
    }
);

vocabulary!(
    /// Controls, in the order of the stages of an attack.
    Control {
        /// Which programs may run.
        #[default]
        ExecAllowList = "exec-allow-list",
        /// Mandatory access control.
        Lsm = "lsm",
        /// System-call filter.
        Seccomp = "seccomp",
        /// Users, capabilities, namespaces.
        Privilege = "privilege",
        /// The wall between workload and host.
        Isolation = "isolation",
        /// That only its owner can read a credential.
        CredentialConfidentiality = "credential-confidentiality",
        /// What an issuer will issue to whom.
        IssuanceScope = "issuance-scope",
        /// That a credential is only accepted from where it belongs.
        BindingCheck = "binding-check",
        /// That a credential is only accepted where it is meant for.
        AudienceCheck = "audience-check",
        /// That a credential ends.
        Expiry = "expiry",
        /// That a credential can be ended.
        Revocation = "revocation",
        /// What a subject may do.
        Authorization = "authorization",
        /// What can be reached at all.
        Segmentation = "segmentation",
    }
);

vocabulary!(
    /// What a host signal stands for.
    SignalKind {
        /// A shell, downloader or interpreter was started by a server process.
        ServerShell = "server_shell",
        /// A program was executed from a writable path.
        WritableExec = "writable_exec",
        /// A credential file was read.
        CredentialRead = "credential_read",
        /// Another process was traced, or its memory or environment read.
        MemoryRead = "memory_read",
        /// The instance metadata service was called.
        ImdsAccess = "imds_access",
        /// A process left its container.
        Escape = "escape",
        /// A process gained privileges.
        PrivilegeGain = "privilege_gain",
        /// A control refused or killed.
        ControlDenied = "control_denied",
        /// A control would have refused, were it enforcing.
        ControlWouldDeny = "control_would_deny",
        /// A control was weakened, or a sensor stopped.
        ControlChange = "control_change",
        /// A sensor raised an alert of its own.
        #[default]
        SensorAlert = "sensor_alert",
    }
);

/// Remark on an assertion: the recorder looked the peer up, and found another workload than the identity shown names.
pub const DISAGREES_WITH_LOOKUP: &str = "identity-disagrees-with-lookup";

/// Remark on an assertion: the caller's own proxy wrote it, which does not decide what the other side lets in.
pub const SENDER_VIEW: &str = "sender-view";

/// Remark on an assertion: it is one of several records of one operation, which all have its `shared_id`.
pub const PART_OF_OPERATION: &str = "part-of-operation";

/// Remark on an assertion: its credential came from a metadata service that answers whoever asks, without a session.
pub const WEAK_DELIVERY: &str = "metadata-v1";

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: every word of a vocabulary is read back. Guarantees: spelling is a bijection.
    #[test]
    fn words_round_trip() {
        for control in Control::ALL {
            assert_eq!(control.as_str().parse(), Ok(*control));
        }
        assert!("firewall".parse::<Control>().is_err());
    }
}
