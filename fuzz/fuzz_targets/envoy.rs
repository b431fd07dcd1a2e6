//! Both paths over a log of format `envoy`: law FLOW-2.
#![no_main]

offbound_fuzz::both_paths!("envoy");
