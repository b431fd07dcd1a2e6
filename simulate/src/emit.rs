//! How each tool writes down what happened: one file per format.
//!
//! In: things of the invented world. Out: the bytes of one record, without line feed.
//! Owns: field names, their order and the quirks of each tool. Leaves time order to `scene`.

pub(crate) mod envoy;
pub(crate) mod jwt;
pub(crate) mod k8s_audit;
pub(crate) mod k8s_pods;
pub(crate) mod tetragon;
