//! Tests of the CloudTrail decoder, on made-up records.
