//! Both paths over a log of format `spire-server`: law FLOW-2.
#![no_main]

offbound_fuzz::both_paths!("spire-server");
