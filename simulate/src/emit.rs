//! How each tool writes down what happened: one file per format.
//!
//! In: things of the invented world. Out: the bytes of one record, without line feed.
//! Owns: field names, their order and the quirks of each tool. Leaves time order to `scene`.

pub(crate) mod cloudtrail;
pub(crate) mod envoy;
pub(crate) mod falco;
pub(crate) mod jwt;
pub(crate) mod k8s_audit;
pub(crate) mod k8s_pods;
pub(crate) mod linux_audit;
pub(crate) mod placement_feed;
pub(crate) mod pod_lifecycle;
pub(crate) mod spire_lists;
pub(crate) mod spire_server;
pub(crate) mod tetragon;
