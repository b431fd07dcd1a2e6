//! A real Apache Kafka for tests and benchmarks.
//!
//! In: Java and Maven on this machine. Out: a broker on loopback that goes away with its handle.
//! Owns: resolving ([`distribution`]), configuring, starting and stopping the broker, certificates for its listeners,
//! topics and records. Law: a broker that cannot be started is an error that names what to install; nothing is skipped
//! in silence.

mod broker;
mod certificates;
mod configuration;
pub mod distribution;
mod error;
mod messages;
mod process;
mod topics;
mod wait;

pub use broker::{Broker, shared};
pub use certificates::{Authority, Certificates, Pair};
pub use configuration::{BrokerOptions, Listener, PASSWORD, USER};
pub use error::TestbedError;
pub use messages::{Message, Sender, Stored};
pub use wait::wait_until;
