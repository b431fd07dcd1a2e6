//! Control group paths: which container, pod or systemd unit a process belongs to.
//!
//! In: `/kubepods.slice/kubepods-burstable-podUID.slice/cri-containerd-ID.scope`, `/system.slice/x.service`, and their like
//! (cgroupfs and systemd drivers, v1 and v2). Out: container id, pod uid, unit. Owns: the spelling of ids in paths.
//! Law: what is no id gives nothing; a container's path never gives the unit of the runtime around it.

/// What a control group path tells of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cgroup {
    /// Container id, lower case.
    pub(crate) container_id: Option<String>,
    /// Pod uid, with dashes.
    pub(crate) pod_uid: Option<String>,
    /// Innermost systemd service.
    pub(crate) unit: Option<String>,
}

impl Cgroup {
    /// Reads a path; a line of `/proc/PID/cgroup` will do.
    pub(crate) fn read(path: &str) -> Self {
        let parts = || path.split(['/', ':']).rev();
        let container_id = parts().find_map(in_segment);
        let pod_uid = parts().find_map(pod_uid);
        let in_container = container_id.is_some() || pod_uid.is_some();
        let unit = parts().find(|part| part.len() > ".service".len() && part.ends_with(".service"));
        Self { container_id, pod_uid, unit: unit.filter(|_| !in_container).map(str::to_owned) }
    }
}

/// A container id as sensors write it: perhaps with the runtime in front, perhaps cut; 12 to 64 hex digits.
pub(crate) fn container_id(text: &str) -> Option<String> {
    let bare = text.rsplit_once("://").map_or(text, |(_, id)| id);
    let is_hex = bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    ((12..=64).contains(&bare.len()) && is_hex).then(|| bare.to_ascii_lowercase())
}

/// `cri-containerd-ID.scope`, `docker-ID.scope`, `ID`; the runtime's own monitor (`crio-conmon-ID`) is no container.
fn in_segment(part: &str) -> Option<String> {
    const RUNTIMES: &[&str] = &["cri-containerd", "docker", "crio", "libpod", "containerd", "nerdctl"];
    let bare = part.strip_suffix(".scope").unwrap_or(part);
    let id = match bare.rsplit_once('-') {
        Some((runtime, id)) if RUNTIMES.contains(&runtime) => id,
        Some(_) => return None,
        None => bare,
    };
    container_id(id).filter(|id| id.len() == 64)
}

/// `kubepods-burstable-podUID.slice` (dashes as underscores) or `podUID`.
fn pod_uid(part: &str) -> Option<String> {
    let bare = part.strip_suffix(".slice").unwrap_or(part);
    let uid = match bare.strip_prefix("pod") {
        Some(uid) => uid,
        None if bare.starts_with("kubepods") => bare.rsplit_once("-pod")?.1,
        None => return None,
    };
    let uid = uid.replace('_', "-").to_ascii_lowercase();
    let digits = uid.bytes().filter(u8::is_ascii_hexdigit).count();
    let dashes = uid.bytes().filter(|byte| *byte == b'-').count();
    (digits == 32 && matches!(dashes, 0 | 4) && uid.len() == digits + dashes).then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const POD: &str = "11111111-2222-3333-4444-555555555555";

    /// Scenario: paths of every runtime and driver, of services, and of neither. Guarantees: ids in one spelling, and no
    /// unit where there is a container.
    #[test]
    fn paths() {
        let under = POD.replace('-', "_");
        let cases = [
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{under}.slice/cri-containerd-{ID}.scope"
                ),
                (Some(ID), Some(POD), None),
            ),
            (format!("/kubepods/besteffort/pod{POD}/{ID}"), (Some(ID), Some(POD), None)),
            (
                format!("0::/system.slice/containerd.service/kubepods-pod{under}.slice:cri-containerd:{ID}"),
                (Some(ID), Some(POD), None),
            ),
            (format!("/system.slice/docker-{ID}.scope"), (Some(ID), None, None)),
            (format!("/docker/{ID}"), (Some(ID), None, None)),
            (format!("/machine.slice/libpod-{ID}.scope/container"), (Some(ID), None, None)),
            (format!("/machine.slice/libpod-conmon-{ID}.scope"), (None, None, None)),
            ("/system.slice/nginx.service".to_owned(), (None, None, Some("nginx.service"))),
            (
                "/user.slice/user-7.slice/user@7.service/app.slice/bus.service".to_owned(),
                (None, None, Some("bus.service")),
            ),
            ("/user.slice/user-7.slice/session-3.scope".to_owned(), (None, None, None)),
            ("/kubepods/podx/y".to_owned(), (None, None, None)),
            ("/".to_owned(), (None, None, None)),
        ];
        for (path, (container, pod, unit)) in cases {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let expected = Cgroup { container_id: owned(container), pod_uid: owned(pod), unit: owned(unit) };
            assert_eq!(Cgroup::read(&path), expected, "{path}");
        }
    }

    /// Scenario: container ids whole, cut, with a runtime, and words. Guarantees: only ids are ids.
    #[test]
    fn ids() {
        assert_eq!(container_id("containerd://00112233445566AA").as_deref(), Some("00112233445566aa"));
        assert_eq!(container_id("001122334455").as_deref(), Some("001122334455"));
        assert!(["host", "", "0011", "zz1122334455"].iter().all(|text| container_id(text).is_none()));
    }
}
