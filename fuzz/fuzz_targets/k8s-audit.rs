//! Both paths over a log of format `k8s-audit`: law FLOW-2.
#![no_main]

offbound_fuzz::both_paths!("k8s-audit");
