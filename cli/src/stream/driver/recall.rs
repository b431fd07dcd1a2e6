//! Recalling what was told: before anything is read, provisional words of an earlier run that its store does not know.
//!
//! In: the topic of findings. Out: an engine that has told them; a store that will know them. Owns: the moment, which is
//! the first assignment: brokers can be reached then, and no record has come yet.
//! Law: what was told is confirmed, revised or withdrawn, whatever became of the process that told it.

use super::Driver;
use crate::exit::say;

impl Driver {
    /// Takes over what was told and not made durable, once.
    pub(super) fn recall(&mut self) {
        let Some(unread) = self.parts.unread.take() else { return };
        let found = match unread.read() {
            Ok(found) => found,
            Err(why) => {
                let topic = &unread.topic;
                say(
                    "warning",
                    &format!(
                        "cannot read topic {topic}: {why}; a provisional finding that was told just before a crash may stay there without a last word (the user needs READ on it)"
                    ),
                );
                return;
            }
        };
        if let Some(publisher) = &self.parts.publisher {
            publisher.read_up_to(&found.places);
        }
        let start = &mut self.parts.start;
        let words =
            found.words.into_iter().filter(|word| start.judge.revision(&word.id) < Some(word.revision));
        let words: Vec<_> = words.collect();
        if words.is_empty() {
            return;
        }
        tracing::info!(words = words.len(), "an earlier run told findings that it did not make durable");
        start.judge.restore(&words, &[]);
        for word in words {
            start.account.finding(&word);
            self.findings.insert(word.id, word);
        }
        self.dirty = true;
    }
}
