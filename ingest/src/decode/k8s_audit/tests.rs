//! Tests of the Kubernetes audit decoder, on made-up records.
