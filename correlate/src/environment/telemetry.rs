//! `[telemetry]`: how long hosts may be silent.
//!
//! In: a duration. Out: the same in nanoseconds; nothing is said of silences unless it is declared.

use super::Environment;
use crate::fact::coverage::MAX_SILENCE_NANOS;
use offbound_schemas::authored::Value;

/// What telemetry is expected to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Telemetry {
    /// How long a host may go unheard on which identities are used, in nanoseconds.
    pub max_silence_nanos: Option<i64>,
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    let Some(table) = value.table() else { return };
    table.allow_keys(&["max_silence"]);
    let Some(silence) = table.value("max_silence") else { return };
    let nanos = silence.duration_nanos();
    if nanos.is_some_and(|nanos| nanos < MAX_SILENCE_NANOS) {
        silence
            .fault("a silence of less than a quarter of an hour is none; write \"15m\" or more".to_owned());
    }
    environment.telemetry.max_silence_nanos = nanos;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: silences that are long enough to be any, and not. Guarantees: the latter are refused.
    #[test]
    fn short_silences_are_none() {
        let read =
            |text: &str| Environment::parse(&format!("[telemetry]\nmax_silence = \"{text}\"\n"), "env.toml");
        let nanos = read("15m").map(|environment| environment.telemetry.max_silence_nanos);
        assert_eq!(nanos, Ok(Some(MAX_SILENCE_NANOS)));
        assert!(read("14m").is_err());
        assert_eq!(Environment::default().telemetry.max_silence_nanos, None);
    }
}
