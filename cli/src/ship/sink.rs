//! Where messages go: the interface between tailing and Kafka.
//!
//! In: messages with a ticket each. Out: what became of each ticket. Owns: nothing.
//! Law: a ticket is answered at most once; one that is not answered is on its way.

use crate::exit::Failure;

/// Which message it was: of which file, and its number in that file's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) file: u64,
    pub(crate) number: u64,
    /// Its size, in bytes.
    pub(crate) bytes: usize,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) ticket: Ticket,
    /// Why the broker will never take it, if so.
    pub(crate) refusal: Option<String>,
}

/// Takes messages.
pub(crate) trait Sink {
    /// Takes a message. Whoever calls keeps to a bound of bytes on their way.
    fn send(&mut self, ticket: Ticket, key: Option<&str>, payload: &[u8]) -> Result<(), Failure>;

    /// What became of messages since the last call; a failure ends the shipping.
    fn reports(&mut self) -> Result<Vec<Report>, Failure>;
}
