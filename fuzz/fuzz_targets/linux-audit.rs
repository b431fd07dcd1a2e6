//! Both paths over a log of format `linux-audit`: law FLOW-2.
#![no_main]

offbound_fuzz::both_paths!("linux-audit");
