//! Which paths hold a credential or lead out of a container, and which addresses hand a credential out.
//!
//! In: paths and addresses as host sensors write them. Out: the class of credential, or nothing.
//! Owns: the credential path set and the metadata addresses, by pattern, wherever a host's root is mounted.
//! Leaves to `correlate`: whether the reader was entitled to it.
//! Law: what is public (certificates of authorities, public keys, names of namespaces) is no credential.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of credential a path holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CredentialClass {
    /// A Kubernetes service account token, in a pod or in the kubelet's volume of a pod.
    ServiceAccountToken,
    /// Another token or secret projected into a workload (cloud identity, Vault, …).
    WorkloadToken,
    /// A SPIFFE identity: the agent's socket, SVIDs and keys.
    Spiffe,
    /// Credentials of a cloud's command line or library.
    CloudCredential,
    /// A Kubernetes client configuration, or a key of the control plane or the kubelet.
    ClusterCredential,
    /// Environment or memory of a process.
    ProcessSecret,
    /// Password hashes.
    PasswordHash,
    /// A private SSH key or an agent's socket.
    SshKey,
    /// User data of a cloud instance.
    InstanceData,
}

/// A process whose memory or environment a path under `/proc` gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcSecret {
    /// The process; none for `self`.
    pub(crate) pid: Option<u32>,
}

/// The class of credential that the file at `path` holds.
pub(crate) fn classify(path: &str) -> Option<CredentialClass> {
    if path.ends_with('/') {
        return None;
    }
    if proc_secret(path).is_some() {
        return Some(CredentialClass::ProcessSecret);
    }
    let parts = segments(path);
    let (name, folders) = parts.split_last()?;
    workload_class(folders, name)
        .or_else(|| spiffe_class(folders, name))
        .or_else(|| cloud_class(folders, name))
        .or_else(|| cluster_class(folders, name))
        .or_else(|| host_class(folders, name))
}

/// Whether `path` is the memory or environment of a process.
pub(crate) fn proc_secret(path: &str) -> Option<ProcSecret> {
    // Most paths lead elsewhere.
    if !path.contains("proc") {
        return None;
    }
    let parts = segments(path);
    let at = parts.iter().rposition(|part| *part == "proc")?;
    let rest = parts.get(at + 1..)?;
    let (owner, leaf) = match rest {
        [owner, leaf] | [owner, "task", _, leaf] => (*owner, *leaf),
        _ => return None,
    };
    if !matches!(leaf, "environ" | "mem") {
        return None;
    }
    match owner {
        "self" | "thread-self" => Some(ProcSecret { pid: None }),
        number => number.parse().ok().map(|pid| ProcSecret { pid: Some(pid) }),
    }
}

/// Whether writing the file at `path` runs a program outside of the container: the last agent of a control group.
pub(crate) fn is_escape_file(path: &str) -> bool {
    segments(path).last() == Some(&"release_agent")
}

/// Whether a connection to `host` (address or name) and `port` goes to a cloud's metadata service.
///
/// Port 53 is not it: two clouds answer name queries at the same address.
pub(crate) fn is_metadata_endpoint(host: &str, port: Option<u16>) -> bool {
    const NAMES: &[&str] = &["metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"];
    const ADDRESSES: [IpAddr; 6] = [
        IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
        IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
        IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
        IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    ];
    if port == Some(53) {
        return false;
    }
    let host = host.trim_end_matches('.');
    let address = match host.split_at_checked("::ffff:".len()) {
        Some((mapped, rest)) if mapped.eq_ignore_ascii_case("::ffff:") => rest,
        _ => host,
    };
    match address.parse::<IpAddr>() {
        Ok(address) => ADDRESSES.contains(&address),
        Err(_) => NAMES.iter().any(|name| name.eq_ignore_ascii_case(host)),
    }
}

/// Parts of a path that room is made for at first.
const USUAL_PARTS: usize = 12;

/// The folders and the name of a path, `.` and `..` resolved.
fn segments(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::with_capacity(USUAL_PARTS);
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts
}

/// Whether `wanted` stands in `parts` as a run; gives what follows it.
fn after<'p, 'a>(parts: &'p [&'a str], wanted: &[&str]) -> Option<&'p [&'a str]> {
    let at = parts.windows(wanted.len()).position(|window| window == wanted)?;
    parts.get(at + wanted.len()..)
}

fn is_public(name: &str) -> bool {
    matches!(
        name,
        "ca.crt" | "namespace" | "..data" | "service-ca.crt" | "known_hosts" | "bundle.crt" | "bundle.pem"
    ) || [".pub", ".crt", ".cer"].iter().any(|end| name.ends_with(end))
}

fn workload_class(folders: &[&str], name: &str) -> Option<CredentialClass> {
    if is_public(name) {
        return None;
    }
    if after(folders, &["secrets", "kubernetes.io", "serviceaccount"]).is_some() {
        return Some(CredentialClass::ServiceAccountToken);
    }
    if let Some(inside) = after(folders, &["kubelet", "pods"]) {
        let volume = after(inside, &["volumes"])?.first()?;
        let secret = ["projected", "secret"].iter().any(|kind| volume.contains(kind));
        return secret.then_some(CredentialClass::ServiceAccountToken);
    }
    let secrets = after(folders, &["run", "secrets"])?;
    // Docker and Swarm mount each secret as a plain file; Kubernetes mounts one folder per issuer.
    (secrets.is_empty() || name.contains("token") || !secrets.contains(&"kubernetes.io"))
        .then_some(CredentialClass::WorkloadToken)
}

fn spiffe_class(folders: &[&str], name: &str) -> Option<CredentialClass> {
    let spire = folders.iter().any(|part| part.starts_with("spire") || part.starts_with("spiffe"));
    let secret = matches!(
        name,
        "agent.sock"
            | "api.sock"
            | "workload-api.sock"
            | "agent_svid.der"
            | "agent-data.json"
            | "keys.json"
            | "join_token"
    ) || name.contains("svid") && !is_public(name)
        || name.ends_with(".key");
    (spire && secret || matches!(name, "spire-agent.sock" | "agent_svid.der"))
        .then_some(CredentialClass::Spiffe)
}

fn cloud_class(folders: &[&str], name: &str) -> Option<CredentialClass> {
    let found = match folders {
        [.., ".aws"] => matches!(name, "credentials" | "config"),
        [.., ".aws", "sso", "cache"] | [.., ".aws", "cli", "cache"] => true,
        [.., ".azure"] => {
            name.contains("token")
                || name.contains("Token")
                || matches!(
                    name,
                    "azureProfile.json" | "service_principal_entries.json" | "service_principal_entries.bin"
                )
        }
        _ => after(folders, &[".config", "gcloud"]).is_some_and(|rest| {
            matches!(name, "credentials.db" | "access_tokens.db" | "application_default_credentials.json")
                || rest.contains(&"legacy_credentials")
        }),
    };
    found.then_some(CredentialClass::CloudCredential)
}

fn cluster_class(folders: &[&str], name: &str) -> Option<CredentialClass> {
    let found = match folders {
        [.., ".kube"] => name == "config" || name.ends_with(".conf") || name.ends_with(".kubeconfig"),
        [.., "etc", "kubernetes"] => name.ends_with(".conf") || name.ends_with(".kubeconfig"),
        [.., "kubelet"] => matches!(name, "kubeconfig" | "bootstrap-kubeconfig"),
        [.., "rancher", "k3s" | "rke2"] => matches!(name, "k3s.yaml" | "rke2.yaml"),
        _ => {
            let pki = [&["etc", "kubernetes", "pki"][..], &["lib", "kubelet", "pki"][..]];
            pki.iter().any(|wanted| after(folders, wanted).is_some()) && !is_public(name)
        }
    };
    found.then_some(CredentialClass::ClusterCredential)
}

fn host_class(folders: &[&str], name: &str) -> Option<CredentialClass> {
    match folders {
        [.., "etc"] if matches!(name, "shadow" | "gshadow" | "shadow-" | "gshadow-") => {
            Some(CredentialClass::PasswordHash)
        }
        [.., "etc", "ssh"] if name.starts_with("ssh_host_") && !is_public(name) => {
            Some(CredentialClass::SshKey)
        }
        [.., ".ssh"] if is_private_ssh_key(name) => Some(CredentialClass::SshKey),
        [.., folder] if folder.starts_with("ssh-") && name.starts_with("agent.") => {
            Some(CredentialClass::SshKey)
        }
        _ if after(folders, &["var", "lib", "cloud"]).is_some() && name.starts_with("user-data") => {
            Some(CredentialClass::InstanceData)
        }
        _ => None,
    }
}

fn is_private_ssh_key(name: &str) -> bool {
    (name.starts_with("id_") || name.ends_with(".pem") || name.ends_with(".key") || name == "identity")
        && !is_public(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: paths as containers, hosts and mounts show them. Guarantees: secrets are found by pattern, public files are not.
    #[test]
    fn paths_are_classified() {
        use CredentialClass as C;
        let cases: &[(&str, Option<C>)] = &[
            ("/var/run/secrets/kubernetes.io/serviceaccount/token", Some(C::ServiceAccountToken)),
            (
                "/run/secrets/kubernetes.io/serviceaccount/..2031_02_03_04_05_06.123/token",
                Some(C::ServiceAccountToken),
            ),
            ("/run/secrets/kubernetes.io/serviceaccount/..data/token", Some(C::ServiceAccountToken)),
            ("run/secrets/kubernetes.io/serviceaccount/token", Some(C::ServiceAccountToken)),
            ("/run/secrets/kubernetes.io/serviceaccount/ca.crt", None),
            ("/run/secrets/kubernetes.io/serviceaccount/namespace", None),
            ("/var/run/secrets/kubernetes.io/serviceaccount/", None),
            ("/var/run/secrets/eks.amazonaws.com/serviceaccount/token", Some(C::WorkloadToken)),
            ("/var/run/secrets/azure/tokens/azure-identity-token", Some(C::WorkloadToken)),
            (
                "/host/var/lib/kubelet/pods/u-1/volumes/kubernetes.io~projected/kube-api-access-x/token",
                Some(C::ServiceAccountToken),
            ),
            ("/var/lib/kubelet/pods/u-1/volumes/kubernetes.io~empty-dir/scratch/x", None),
            ("/run/spire/sockets/agent.sock", Some(C::Spiffe)),
            ("/home/eve/.aws/credentials", Some(C::CloudCredential)),
            ("/root/.config/gcloud/application_default_credentials.json", Some(C::CloudCredential)),
            ("/etc/kubernetes/admin.conf", Some(C::ClusterCredential)),
            ("/etc/kubernetes/pki/ca.key", Some(C::ClusterCredential)),
            ("/etc/kubernetes/pki/ca.crt", None),
            ("/etc/../etc/shadow", Some(C::PasswordHash)),
            ("/proc/1/root/etc/shadow", Some(C::PasswordHash)),
            ("/etc/passwd", None),
            ("/proc/17/environ", Some(C::ProcessSecret)),
            ("/proc/self/environ", Some(C::ProcessSecret)),
            ("/proc/17/status", None),
            ("/home/eve/.ssh/id_ed25519", Some(C::SshKey)),
            ("/home/eve/.ssh/id_ed25519.pub", None),
            ("/home/eve/.ssh/authorized_keys", None),
            ("/tmp/ssh-AbC123/agent.77", Some(C::SshKey)),
            ("/var/lib/cloud/instance/user-data.txt", Some(C::InstanceData)),
        ];
        for (path, expected) in cases {
            assert_eq!(classify(path), *expected, "{path}");
        }
        assert_eq!(proc_secret("/proc/17/task/18/mem"), Some(ProcSecret { pid: Some(17) }));
    }

    /// Scenario: metadata addresses in several notations. Guarantees: they match by value; name queries do not.
    #[test]
    fn metadata_addresses() {
        for host in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fd00:ec2::254",
            "FD00:EC2:0::254",
            "metadata.google.internal.",
        ] {
            assert!(is_metadata_endpoint(host, Some(80)), "{host}");
        }
        assert!(!is_metadata_endpoint("169.254.169.254", Some(53)));
        assert!(!is_metadata_endpoint("169.254.169.25", None));
    }
}
