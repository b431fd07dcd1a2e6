//! Origin: whose word a message in the topic of findings is.
//!
//! In: the group of consumers, and the store's name. Out: headers of what is told; whether a message has ours.
//! Owns: the headers' names, and the name that a store gets with its first stream. Law: several deployments may tell
//! their findings to one topic; none takes back what another one said.

use offbound_store::Writer;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders};

use crate::exit::Failure;
use crate::key;

/// The group of consumers that a word comes from: members that stand by for one another share it.
const GROUP: &str = "offbound-group";
/// The store that knows it, or would have: it keeps its name when the group gets another one.
const STORE: &str = "offbound-store";
/// What a store calls its name.
const KEY: &str = "name";

/// Where words come from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    group: String,
    store: String,
}

impl Origin {
    /// That of a stream; a store without a name gets one, before anything is told.
    pub(crate) fn of(group: &str, writer: &mut Writer) -> Result<Self, Failure> {
        let group = group.to_owned();
        if let Some(store) = writer.store().meta(KEY)? {
            return Ok(Self { group, store });
        }
        let store = format!("{:032x}", u128::from_be_bytes(key::random()?));
        writer.put_meta(KEY, &store)?;
        Ok(Self { group, store })
    }

    /// The group of consumers.
    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    /// Marks a message as ours.
    pub(crate) fn headers(&self) -> OwnedHeaders {
        OwnedHeaders::new()
            .insert(Header { key: GROUP, value: Some(&self.group) })
            .insert(Header { key: STORE, value: Some(&self.store) })
    }

    /// Whether a message is marked as ours.
    pub(crate) fn is_of(&self, message: &BorrowedMessage<'_>) -> bool {
        let is_ours = |header: Header<'_, &[u8]>| match header.key {
            GROUP => header.value == Some(self.group.as_bytes()),
            STORE => header.value == Some(self.store.as_bytes()),
            _ => false,
        };
        message.headers().is_some_and(|headers| headers.iter().any(is_ours))
    }
}
