//! Clocks: whether this machine's agrees with those that wrote the newest records.
//!
//! In: times in milliseconds. Out: a check. Decides purely.
//! A record from the past proves nothing, for it may be old; one from the future does.

use super::check::Check;

const PART: &str = "clock";
/// How much two clocks that are kept may differ, in milliseconds.
const MAX_SKEW_MILLIS: i64 = 2_000;

/// Compares.
pub(super) fn judge(topic: &str, record_millis: i64, now_millis: i64) -> Check {
    let ahead = record_millis - now_millis;
    let seconds = |millis: i64| format!("{}.{:03} s", millis / 1_000, millis % 1_000);
    if ahead > MAX_SKEW_MILLIS {
        let found =
            format!("the newest record of {topic} was written {} in this machine's future", seconds(ahead));
        let advice = "set the clocks of both machines by NTP: timelines and lateness depend on them";
        return Check::failed(PART, "skew", found, advice);
    }
    Check::well(
        PART,
        "skew",
        format!("the newest record of {topic} is {} old", seconds(ahead.min(0).saturating_neg())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::State;

    /// Scenario: records of the past, of now, of a near and of a far future. Guarantees: only the last fails.
    #[test]
    fn the_future_is_noticed() {
        for (record, expected) in
            [(0, State::Well), (100_000, State::Well), (101_900, State::Well), (103_000, State::Failed)]
        {
            assert_eq!(judge("t", record, 100_000).state, expected, "{record}");
        }
        assert!(judge("t", 103_500, 100_000).found.contains("3.500 s"));
    }
}
