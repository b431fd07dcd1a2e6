//! Records from Kafka, live: topics to deliveries that can be committed.
//!
//! In: a connection, rules about topics, and the offsets that the store has. Out: [`Notice`]s, above all
//! [`Delivery`]s: rows and dead letters, counts of a stretch of each partition, with the offset below which nothing is
//! missing. Owns: the consumer and its thread, the reader of each partition, what is said about trouble.
//! Leaves to its user: storing, and telling when that is done. Law FLOW-1 holds for each delivery.
//!
//! The flow, in order: `membership` says which partitions are ours, `begin` where each begins, `reader` makes rows of
//! its records in its `turn`, whose `order` depends on who is behind, `gathering` puts those of all partitions together,
//! `hand_over` takes them to whoever asks for the next notice, within a bound of bytes; `silence` says of which nothing
//! more is to be waited for.

mod begin;
mod certificate;
mod complaint;
mod connection;
mod context;
mod gathering;
mod hand_over;
mod membership;
mod notice;
mod options;
mod order;
mod reader;
mod secret;
mod silence;
mod source;
mod trouble;
mod turn;
mod worker;

pub use complaint::explain_complaint;
pub use connection::{Client, Connection, KafkaError, Mechanism, Sasl, Tls};
pub use notice::{Assigned, Delivery, Gap, GapReason, Notice, PartitionOffset, Revoked, Stretch};
pub use options::{
    CHUNK_BYTES, CHUNK_WAIT, DRAIN_TIME, IDLE, LIVE_NANOS, METADATA_REFRESH, Offsets, QUEUE_BYTES,
    SESSION_TIMEOUT, SETTLE_AFTER, SourceOptions, Start, TopicPattern, TopicRule, WARM_UP_RECORDS,
};
pub use secret::Secret;
pub use source::KafkaSource;
