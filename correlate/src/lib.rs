//! x
pub mod environment;
