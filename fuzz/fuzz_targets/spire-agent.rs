//! Both paths over a log of format `spire-agent`: law FLOW-2.
#![no_main]

offbound_fuzz::both_paths!("spire-agent");
