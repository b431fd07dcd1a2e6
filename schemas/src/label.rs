//! Labels: what host controls call a process, as far as that tells where it runs.
//!
//! In: an SELinux context or the name of an AppArmor profile. Out: whether container runtimes give it to containers.
//! Owns: the names that runtimes use by default. Law: such a label says "in some container", never in which one.

/// Types of container-selinux 2.x for what runs in containers, privileged ones (`spc_t`) included, and their older names.
const TYPES: &[&str] = &[
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_userns_t",
    "container_device_t",
    "container_device_plugin_t",
    "container_device_plugin_init_t",
    "container_engine_t",
    "container_logreader_t",
    "container_logwriter_t",
    "spc_t",
    "svirt_lxc_net_t",
];
/// Profiles of Docker, containerd, CRI-O, nerdctl.
const PROFILES: &[&str] = &["docker-default", "cri-containerd.apparmor.d", "crio-default", "nerdctl-default"];
/// Beginnings of profiles whose names go on with a version (Podman) or a variant (LXC).
const PROFILE_BEGINNINGS: &[&str] = &["containers-default-", "lxc-container-default"];

/// Whether a process with this label runs in a container.
#[must_use]
pub fn is_container_label(label: &str) -> bool {
    let mut parts = label.split(':');
    if let (Some(_user), Some(_role), Some(kind)) = (parts.next(), parts.next(), parts.next()) {
        return TYPES.contains(&kind);
    }
    let profile = label.split(' ').next().unwrap_or_default();
    PROFILES.contains(&profile) || PROFILE_BEGINNINGS.iter().any(|start| profile.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::is_container_label;

    /// Scenario: labels of containers, of runtimes, of services, of virtual machines, of nothing. Guarantees: only those of
    /// containers are.
    #[test]
    fn labels_of_containers() {
        for label in [
            "system_u:system_r:container_t:s0:c4,c808",
            "system_u:system_r:spc_t:s0",
            "docker-default",
            "cri-containerd.apparmor.d (enforce)",
            "containers-default-0.44.4",
            "lxc-container-default-cgns",
        ] {
            assert!(is_container_label(label), "{label}");
        }
        for label in [
            "",
            "unconfined",
            "/usr/sbin/cupsd",
            "docker",
            "system_u:system_r:container_runtime_t:s0",
            "system_u:system_r:svirt_t:s0:c4,c808",
            "container_t",
        ] {
            assert!(!is_container_label(label), "{label}");
        }
    }
}
