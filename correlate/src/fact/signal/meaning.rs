//! What a host event means: the kinds of signs that it is, how strong each is, and why.
//!
//! In: an event, who acted. Out: no, one or two meanings (a read that would have been denied is both). Owns: which act means
//! what. Leaves to `signal` who acted, and what is one sign. Law: what failed or was refused is no act.

use offbound_schemas::table::host_events;
use offbound_schemas::vocabulary::{Action, ControlMode, HostControl, Outcome, SignalKind};

use super::Actor;
use crate::fact::program::{base_name, is_hands_on, is_server, is_writable_path};
use crate::names::Names;

/// What an event means: kind, strength, reason. An event can mean two things (a read that would have been denied).
pub(super) fn classify(
    view: &host_events::View<'_>,
    row: usize,
    actor: &Actor,
    names: &Names,
) -> Vec<(SignalKind, bool, String)> {
    let exe = view.exe(row).or(view.comm(row)).unwrap_or("a process");
    let target = view.target_path(row).or(view.target_exe(row)).unwrap_or("its target");
    let outcome = outcome(view, row);
    let refused = matches!(outcome, Outcome::Denied | Outcome::Killed);
    let mut meanings = Vec::new();
    if refused && !matches!(view.control(row), HostControl::None | HostControl::Unknown | HostControl::Dac) {
        let strong =
            actor.tainted || (outcome == Outcome::Killed && view.control(row) == HostControl::Seccomp);
        meanings.push((
            SignalKind::ControlDenied,
            strong,
            format!("{} stopped {exe} at {target}", view.control(row)),
        ));
    }
    if refused {
        return meanings;
    }
    if outcome == Outcome::WouldDeny {
        let why = format!(
            "{} recorded that it would have stopped {exe} at {target}, and let it pass",
            view.control(row)
        );
        meanings.push((SignalKind::ControlWouldDeny, false, why));
    }
    meanings.extend(act(view, row, actor, names, exe, target));
    meanings
}

/// How an act ended. What a control refused that only records was refused for show, and let pass.
pub(super) fn outcome(view: &host_events::View<'_>, row: usize) -> Outcome {
    let for_show =
        matches!(view.mode(row), ControlMode::Permissive | ControlMode::Complain | ControlMode::Monitor);
    match view.outcome(row) {
        Outcome::Denied | Outcome::Killed if for_show => Outcome::WouldDeny,
        outcome => outcome,
    }
}

/// What an act that went through means.
fn act(
    view: &host_events::View<'_>,
    row: usize,
    actor: &Actor,
    names: &Names,
    exe: &str,
    target: &str,
) -> Option<(SignalKind, bool, String)> {
    let parent = names.text_of(actor.parent).unwrap_or("its parent");
    if view.outcome(row) == Outcome::Failed {
        return None;
    }
    let contained = actor.contained;
    if let Some(what) = escape_by_file(view, row) {
        let why = format!("{} wrote {target}, {what}", base_name(exe));
        return Some((SignalKind::Escape, contained, why));
    }
    match view.action(row) {
        Action::Exec if is_hands_on(exe) && is_server(parent) => {
            let why = format!("server process {} started {}", base_name(parent), base_name(exe));
            Some((SignalKind::ServerShell, true, why))
        }
        Action::Exec if is_writable_path(exe) => {
            let why = format!("{exe} was executed from a path that anybody can write to");
            Some((SignalKind::WritableExec, contained || actor.tainted, why))
        }
        Action::CredRead => {
            let why = format!("{} read the credential file {target}", base_name(exe));
            Some((SignalKind::CredentialRead, actor.tainted, why))
        }
        Action::Ptrace if view.exe(row) != view.target_exe(row) || view.exe(row).is_none() => {
            let why = format!("{} attached to or read the memory of {target}", base_name(exe));
            Some((SignalKind::MemoryRead, actor.tainted, why))
        }
        Action::ImdsAccess => Some((
            SignalKind::ImdsAccess,
            actor.tainted,
            format!("{} called the metadata service", base_name(exe)),
        )),
        Action::NsChange if contained && view.in_host_ns(row) == Some(true) => Some((
            SignalKind::Escape,
            true,
            format!("{} entered a namespace of the host from a container", base_name(exe)),
        )),
        Action::ModuleLoad if contained => Some((
            SignalKind::Escape,
            true,
            format!("{} loaded a kernel module from a container", base_name(exe)),
        )),
        Action::PrivChange if actor.tainted => {
            Some((SignalKind::PrivilegeGain, true, format!("{} changed its privileges", base_name(exe))))
        }
        Action::PolicyChange => Some((
            SignalKind::ControlChange,
            actor.tainted,
            format!("{exe} changed a control or sensor: {target}"),
        )),
        _ => alert(view, row),
    }
}

/// A sensor's own rule fired.
fn alert(view: &host_events::View<'_>, row: usize) -> Option<(SignalKind, bool, String)> {
    let rule = view.rule(row)?;
    Some((SignalKind::SensorAlert, is_grave(view, row), format!("{} raised {rule:?}", view.source(row))))
}

/// Whether a sensor's own rule fired that it takes for an attack, whatever the act was.
pub(super) fn is_grave(view: &host_events::View<'_>, row: usize) -> bool {
    matches!(view.priority(row), Some("emergency" | "alert" | "critical")) && view.rule(row).is_some()
}

/// What the writing of a file did that hands the host to a container. Decoders call a write that leaves the container a
/// change of namespaces.
pub(super) fn escape_by_file(view: &host_events::View<'_>, row: usize) -> Option<&'static str> {
    let writes = matches!(view.action(row), Action::FileWrite | Action::NsChange);
    view.target_path(row).filter(|_| writes).and_then(escape_file)
}

/// Files whose writing hands the host to a container.
fn escape_file(path: &str) -> Option<&'static str> {
    match base_name(path) {
        "release_agent" => Some("which the host's kernel will run"),
        "core_pattern" => Some("which the host's kernel will pipe crashes to"),
        "uevent_helper" => Some("which the host's kernel will run on device events"),
        "register" if path.ends_with("binfmt_misc/register") => {
            Some("which makes the host run foreign programs")
        }
        _ => None,
    }
}
