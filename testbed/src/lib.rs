//! A real Apache Kafka for tests and benchmarks.
//!
//! In: Java and Maven on this machine. Out: a broker on loopback that goes away with its handle.
//! Owns: resolving, formatting, starting and stopping the broker. Law: a broker that cannot be started is an error that
//! names what to install; nothing is skipped in silence.
