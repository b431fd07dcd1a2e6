//! What a complaint of the client library means, for those who have clients of their own.
//!
//! In: a code and a reason, as a client's `error` gets them. Out: one line: the cause, and what to do. Owns: nothing; the
//! causes are those that the source tells. A certificate that is not taken is asked for, to name what is wrong with it.

use offbound_schemas::EventTime;
use rdkafka::types::RDKafkaErrorCode;

use crate::kafka::certificate;
use crate::kafka::context::ClientError;
use crate::kafka::trouble::{explain, of_certificate, unnamed_certificate};

/// The cause and what to do, in one line; none where it says nothing of its own.
#[must_use]
pub fn explain_complaint(code: Option<RDKafkaErrorCode>, reason: &str, now: EventTime) -> Option<String> {
    let error = ClientError { code, reason: reason.to_owned() };
    let told = explain(&error)?;
    let fault = unnamed_certificate(&error).and_then(|address| {
        let host = address.rsplit_once(':').map_or(address, |(host, _port)| host);
        Some(certificate::ask(address)?.fault(host, now))
    });
    Some(fault.map_or(told, |fault| of_certificate(&error, fault)).text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: complaints with a known cause, and one that only says that there is another. Guarantees: the cause comes
    /// first, the library's words are kept; the other is nothing.
    #[test]
    fn complaints() {
        let explained = |code, reason| explain_complaint(Some(code), reason, EventTime(0));
        let refused = explained(RDKafkaErrorCode::BrokerTransportFailure, "b:1: Connection refused");
        let refused = refused.expect("it is known");
        assert!(refused.starts_with("nothing listens") && refused.contains("b:1"), "{refused}");
        assert_eq!(explained(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down"), None);
    }
}
