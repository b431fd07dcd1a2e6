//! Uses: a credential presented from a place to a destination, compared with its binding.

use super::table;
use crate::vocabulary::{AddrQuality, Decision, Enforcement, Match, Phase};
use crate::{EventTime, TextList};

table!(Use "uses"
    "One row per credential, place, destination, action, decision and minute: repeated uses are one row."; {
    /// Event id of the first record, 32 hex digits.
    use_id: String = "",
    /// Event id of the last record, 32 hex digits.
    last_id: String = "",
    /// Event id of the first record of it by the caller's own proxy, 32 hex digits, where both sides recorded it.
    sent_id: Option<String> = "",
    /// Source label.
    source: String = "",
    /// Location of the first record.
    location: String = "",
    /// Location of the last record.
    last_location: String = "",
    /// Time of the first record.
    first_time: EventTime = "",
    /// Time of the last record.
    last_time: EventTime = "",
    /// Number of acts: copies that one source delivered to several accounts count once, and so does what both sides of
    /// a mesh recorded.
    count: u64 = "",
    /// What kind of record.
    phase: Phase = "",
    /// The credential; null when none is logged.
    credential_id: Option<String> = "",
    /// Kind of credential.
    credential_kind: Option<String> = "",
    /// Who it stands for.
    subject: Option<String> = "",
    /// Workload that it belongs to (binding, else subject).
    workload: Option<String> = "",
    /// Where the credential belongs, as signals name it: `pod:UID`, else `host:NAME`; where nothing says that, where it was.
    scope: Option<String> = "",
    /// Who presented it, when not the subject.
    presenter: Option<String> = "",
    /// Address of the recorder's peer.
    src_addr: Option<String> = "",
    /// How good that address is.
    addr_quality: AddrQuality = "",
    /// Addresses that were claimed on the way.
    addr_chain: TextList = "",
    /// What was called: the environment's name for it, else the record's.
    destination: String = "",
    /// True when the environment calls it sensitive.
    destination_sensitive: bool = "",
    /// What was done.
    action: String = "",
    /// True for actions on secrets, roles, bindings, tokens and the like.
    action_sensitive: bool = "",
    /// What was decided.
    decision: Decision = "",
    /// Whether decisions are put into force there.
    enforcement: Enforcement = "",
    /// True when the call went through: it was allowed, or refused for show only (`dry_run`, `permissive`).
    let_in: bool = "",
    /// Why.
    reason: Option<String> = "",
    /// True when its owner never called this destination before, and its history is long enough to say so.
    first_ever: bool = "",
    /// True when its owner had not been let in to this sensitive action before, and its history is long enough to say so.
    new_action: bool = "",
    /// How long its owner had been idle, in seconds, where it is of the first hour after a rest that the environment calls
    /// dormant, and complete logs show that rest.
    idle_secs: Option<i64> = "",
    /// The longest rest of its owner before that one, in seconds; rests of less than a day and a half are none.
    longest_rest_secs: Option<i64> = "",
    /// How much history of its owner there was before this use, in seconds.
    history_secs: i64 = "",
    /// True when the environment declares this call.
    declared: bool = "",
    /// True when the environment declares who may call this destination, and that is nobody under any name of this caller,
    /// or not for this.
    undeclared: bool = "",
    /// Since when what it declares of that is in effect, where it says since when.
    policy_since: Option<EventTime> = "",
    /// Lifetime of the credential, in seconds, where known.
    ttl_secs: Option<i64> = "",
    /// Longest lifetime that the environment allows for this kind, in seconds.
    max_ttl_secs: Option<i64> = "",
    /// True for kinds that never expire (access keys, legacy tokens) and are not excepted.
    is_static: bool = "",
    /// Credential's end of validity, where known.
    valid_to: Option<EventTime> = "",
    /// Credential's start of validity, where known.
    valid_from: Option<EventTime> = "",
    /// Clock error of the source plus the verifier's leeway, in nanoseconds.
    skew_nanos: i64 = "",
    /// When the credential was revoked, or the pod or machine that it belongs to was gone for good, where a record says so:
    /// whichever verifiers had to know of first.
    ended_at: Option<EventTime> = "",
    /// Which of these it was: `revocation`, `pod` or `host`.
    ended_by: Option<String> = "",
    /// How long after that a use may still be honest or not yet known to verifiers, in nanoseconds: errors of both clocks,
    /// leeway, caches, and the time that a machine takes to stop.
    end_grace_nanos: i64 = "",
    /// True when whoever recorded the use knew of that end, or asks for it at each use.
    checks_liveness: bool = "",
    /// The issuer that alone can have made the credential, where it did not: its logs are complete for all the time in which
    /// that can have been, and tell of no such credential; or they tell of that id as somebody else's.
    never_issued_by: Option<String> = "",
    /// The moment before which an honest credential that is shown then cannot have been made, as far back as those logs are
    /// complete.
    issuable_since: Option<EventTime> = "",
    /// Whom it was made for, where that is not who it was shown for.
    issued_to: Option<String> = "",
    /// The host where it belongs (where it was, if nothing says that), where no sensor had been heard of that host for longer
    /// than the environment allows.
    unwatched_host: Option<String> = "",
    /// Since when that host was silent then.
    unwatched_since: Option<EventTime> = "",
    /// Audiences of the credential, divided by commas, where a record tells them; kept for uses at a destination that is none
    /// of them.
    audiences: Option<String> = "",
    /// Is the destination one that the credential is meant for? Compares its audiences with those that the environment
    /// declares of the destination.
    audience_match: Match = "",
    /// Place compared with binding: does the use come from where the credential belongs?
    place_match: Match = "",
    /// The same, for hosts only.
    host_match: Match = "",
    /// The same, for pods only.
    pod_match: Match = "",
    /// Grade of the binding, 0 to 4.
    binding_grade: u32 = "",
    /// Grade of the observation, 0 to 3.
    observation_grade: u32 = "",
    /// The smaller of the two grades.
    match_grade: u32 = "",
    /// Bound host.
    bound_host: Option<String> = "",
    /// Bound pod.
    bound_pod_uid: Option<String> = "",
    /// Cloud instance that its issuer gave it to.
    bound_instance: Option<String> = "",
    /// True when the metadata service that delivered it answers whoever asks, without a session (IMDSv1).
    weak_delivery: bool = "",
    /// Bound workload.
    bound_workload: Option<String> = "",
    /// Addresses of the bound place at that time; kept for uses that are off their place.
    bound_addresses: TextList = "",
    /// Host that owned the source address at that time.
    observed_host: Option<String> = "",
    /// Pod that owned it.
    observed_pod_uid: Option<String> = "",
    /// How long that pod had been there, in seconds; null where no placement says since when.
    observed_pod_secs: Option<i64> = "",
    /// Workload that owned it.
    observed_workload: Option<String> = "",
    /// Workload that the recorder looked up for the peer, where it is not the one whose identity was shown, and is not
    /// declared to present it.
    lookup_workload: Option<String> = "",
    /// Environment (such as `prod`) of the realm where the owner of the source address lives, where the environment file
    /// says one; null where a declared proxy, way out or gateway stands between.
    observed_environment: Option<String> = "",
    /// True when the address lies outside every realm.
    observed_external: bool = "",
    /// A place key: observed host, else address group; null when undetermined.
    place_key: Option<String> = "",
    /// The steps of the comparison, one sentence each; kept for uses that are off their place.
    trace: TextList = "",
});
