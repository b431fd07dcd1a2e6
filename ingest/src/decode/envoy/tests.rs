//! Tests of the access log decoder, on made-up records.
