//! What destinations did about the attacker's uses, and what that makes of the identity layer.
//!
//! In: a case and its attributed uses. Out: verdicts per identity control, that of the layer, which destinations tell nothing.
//! Owns: which answer of a destination counts as what. Law: a refusal for show is none, one by whoever checks no identity is
//! not this layer's, and a layer of which one answer is not known has not held.

use std::collections::BTreeSet;

use offbound_schemas::EventId;
use offbound_schemas::record::{ControlVerdict, LayerJudgement};
use offbound_schemas::table::Use;
use offbound_schemas::vocabulary::{Control, Decision, Enforcement, LayerVerdict, Match};

use super::account::{Accounts, Clock};
use super::attribution::{Attributed, Attribution, Grade, is_forged};
use super::{Case, blast, unheard};
use crate::environment::DestinationInfo;
use crate::scene::ending;

/// The identity layer, and what is known of destinations in reach.
pub(super) struct Identity {
    pub(super) layer: LayerJudgement,
    /// What speaks for it.
    pub(super) accounts: Accounts,
    /// Destinations in reach that are declared to keep no identity log.
    pub(super) silent: Vec<String>,
    /// Those that keep one, as far as is known, but of which none was heard all the time.
    pub(super) unheard: BTreeSet<String>,
    /// Destinations in reach that are declared to put no decision into force.
    pub(super) open: Vec<String>,
}

/// Judges the identity layer.
pub(super) fn judge(case: &Case<'_>, attributed: &Attribution<'_>) -> Identity {
    let accounts = accounts(attributed);
    let mut controls: Vec<ControlVerdict> =
        accounts.iter().map(|(control, account)| account.close(*control)).collect();
    let reachable = blast::reachable(case, attributed);
    let silent = declared(case, &reachable, |info| info.identity_log == Some(false));
    let unheard = unheard::of(case.scene, &reachable, (case.onset, case.end));
    let open = declared(case, &reachable, |info| {
        matches!(info.enforcement, Enforcement::DryRun | Enforcement::Permissive | Enforcement::None)
    });
    let answered = decided(attributed).map(|used| answer(&used.row)).max();
    let verdict = match answered {
        Some(worst @ (LayerVerdict::Bypassed | LayerVerdict::NotEnforced)) => worst,
        // Nobody tried them; who had would not have been refused.
        None if !open.is_empty() => {
            controls.push(by_declaration());
            LayerVerdict::NotEnforced
        }
        _ if !silent.is_empty() || !unheard.is_empty() => LayerVerdict::Blind,
        Some(verdict) => verdict,
        None => LayerVerdict::NotChallenged,
    };
    Identity { layer: LayerJudgement { verdict, inferred: false, controls }, accounts, silent, unheard, open }
}

/// The attacker's uses that count for a verdict.
pub(super) fn decided<'a>(attributed: &'a Attribution<'_>) -> impl Iterator<Item = &'a Attributed> {
    attributed.at_least(Grade::Probable)
}

/// What the answer to one use says of the layer.
pub(super) fn answer(row: &Use) -> LayerVerdict {
    match row.decision {
        _ if row.let_in && is_enforcing(row) => LayerVerdict::Bypassed,
        _ if row.let_in => LayerVerdict::NotEnforced,
        // Whatever refused it there, it was no check of identity.
        Decision::Deny if row.enforcement == Enforcement::None => LayerVerdict::NotEnforced,
        Decision::Deny => LayerVerdict::Held,
        // It failed for another reason, or nobody wrote down what was decided.
        Decision::Allow | Decision::Error | Decision::None => LayerVerdict::Blind,
    }
}

/// Whether a use was refused in fact.
pub(super) fn is_refused(row: &Use) -> bool {
    row.decision == Decision::Deny && !row.let_in
}

/// Whether the destination could have refused: it enforces, and the credential has an end or a place to check.
fn is_enforcing(row: &Use) -> bool {
    matches!(row.enforcement, Enforcement::Enforced | Enforcement::Unknown) && !row.is_static
}

fn accounts(attributed: &Attribution<'_>) -> Accounts {
    let mut accounts = Accounts::new();
    for used in decided(attributed) {
        let row = &used.row;
        let Ok(id) = row.use_id.parse::<EventId>() else { continue };
        for (control, verdict) in votes(row) {
            accounts.entry(control).or_default().vote(verdict, (row.first_time, id), Clock::of_use(row));
        }
    }
    accounts
}

/// What one use says of which control.
fn votes(row: &Use) -> Vec<(Control, LayerVerdict)> {
    let late = row.valid_to.is_some_and(|end| row.first_time > end.plus_nanos(row.skew_nanos));
    let checks = [
        (Control::BindingCheck, row.place_match == Match::Mismatch),
        (Control::Expiry, late),
        (Control::Revocation, ending::is_after(row)),
        (Control::AudienceCheck, row.audience_match == Match::Mismatch),
    ];
    let answer = answer(row);
    // Whoever has the issuer's key is let in as anybody: what was granted to that identity is not the matter.
    let last = if is_forged(row) { Control::IssuanceScope } else { Control::Authorization };
    if row.let_in {
        let missed = checks.into_iter().filter(|(_, is_due)| *is_due);
        let missed = missed.map(|(control, _)| (control, LayerVerdict::NotEnforced));
        return missed.chain([(last, answer)]).collect();
    }
    // Which check refused is told by what was wrong, surest first; a wrong place is hardly ever checked.
    let order = [Control::Expiry, Control::AudienceCheck, Control::Revocation];
    let is_due = |control: &Control| checks.contains(&(*control, true));
    let by = order.into_iter().find(|control| answer == LayerVerdict::Held && is_due(control));
    vec![(by.unwrap_or(Control::Authorization), answer)]
}

/// Nothing checks there who calls, as declared: no record shows it.
fn by_declaration() -> ControlVerdict {
    let (control, verdict) = (Control::Authorization, LayerVerdict::NotEnforced);
    ControlVerdict { control, verdict, time: None, evidence: Vec::new() }
}

fn declared(
    case: &Case<'_>,
    reachable: &BTreeSet<String>,
    is_so: impl Fn(&DestinationInfo) -> bool,
) -> Vec<String> {
    let all = case.scene.environment.destinations.iter();
    let so = all.filter(|info| is_so(info) && reachable.contains(&info.name));
    so.map(|info| info.name.clone()).collect()
}
