//! Dead letters: records that could not be read, kept with the reason.

use super::table;
use crate::EventId;

table!(DeadLetter "dead_letters" "One row per record that could not be read."; {
    /// Identity of the record (of its bytes and place).
    event_id: EventId = "metadata.uid",
    /// Source label, or the location's stem where no format was recognised.
    source: String = "metadata.product.name",
    /// Where the record is: `path:line`, or `topic/partition/offset`.
    location: String = "metadata.log_name",
    /// Reason code, such as `truncated-json`, `unknown-format`, `too-long`.
    reason: String = "status_code",
    /// What is wrong, for a reader.
    detail: String = "status_detail",
    /// Parser version that refused it.
    parser: String = "metadata.product.version",
    /// Length of the record in bytes.
    length: u64 = "",
    /// The record's bytes as text, secrets replaced and invalid UTF-8 as `\xNN`, at most 65536 bytes.
    bytes: String = "raw_data",
    /// Hash, in hex, of what the record said before its secrets were replaced: what its identity as an event is made
    /// of. Null where the record is not here as a whole, so that it cannot be read again.
    content: Option<String> = "",
    /// What was around the record, and what was done to its text, as JSON. Null where it cannot be read again.
    context: Option<String> = "",
});
