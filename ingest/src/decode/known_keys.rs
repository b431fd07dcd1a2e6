//! Top-level keys that a format's documentation names, where it names all of them.
//!
//! In: the id of a format. Out: its keys, sorted. Owns: the lists, each with the version of the tool that it is from.
//! A key that is in no list is new to offbound: it is kept, and counted by name (`drift`). Formats whose keys are the
//! operator's or the event's own have no list.

/// The keys of one format.
struct Keys {
    id: &'static str,
    keys: &'static [&'static str],
}

const LISTS: &[Keys] = &[
    // audit.k8s.io/v1 Event of Kubernetes 1.34; `timestamp` and `metadata` are of v1alpha1 and v1beta1.
    Keys {
        id: "k8s-audit",
        keys: &[
            "annotations",
            "apiVersion",
            "auditID",
            "authenticationMetadata",
            "impersonatedUser",
            "kind",
            "level",
            "metadata",
            "objectRef",
            "requestObject",
            "requestReceivedTimestamp",
            "requestURI",
            "responseObject",
            "responseStatus",
            "sourceIPs",
            "stage",
            "stageTimestamp",
            "timestamp",
            "user",
            "userAgent",
            "verb",
        ],
    },
    // CloudTrail record contents, event version 1.11, with insight and network activity events.
    Keys {
        id: "cloudtrail",
        keys: &[
            "addendum",
            "additionalEventData",
            "annotation",
            "apiVersion",
            "awsRegion",
            "edgeDeviceDetails",
            "errorCode",
            "errorMessage",
            "eventCategory",
            "eventContext",
            "eventID",
            "eventName",
            "eventSource",
            "eventTime",
            "eventType",
            "eventVersion",
            "insightDetails",
            "managementEvent",
            "readOnly",
            "recipientAccountId",
            "requestID",
            "requestParameters",
            "resources",
            "responseElements",
            "serviceEventDetails",
            "sessionCredentialFromConsole",
            "sharedEventID",
            "sourceIPAddress",
            "tlsDetails",
            "userAgent",
            "userIdentity",
            "vpcEndpointAccountId",
            "vpcEndpointId",
        ],
    },
    // Tetragon 1.6, GetEventsResponse.
    Keys {
        id: "tetragon",
        keys: &[
            "aggregation_info",
            "cluster_name",
            "node_labels",
            "node_name",
            "process_exec",
            "process_exit",
            "process_kprobe",
            "process_loader",
            "process_lsm",
            "process_throttle",
            "process_tracepoint",
            "process_uprobe",
            "process_usdt",
            "rate_limit_info",
            "test",
            "time",
        ],
    },
    // Falco 0.41, JSON output with all options.
    Keys {
        id: "falco",
        keys: &[
            "hostname",
            "message",
            "output",
            "output_fields",
            "priority",
            "rule",
            "source",
            "tags",
            "time",
            "uuid",
        ],
    },
    // Cilium 1.18, ExportEvent.
    Keys {
        id: "hubble",
        keys: &["agent_event", "debug_event", "flow", "lost_events", "node_name", "node_status", "time"],
    },
    // Vault 1.20, audit entries.
    Keys { id: "vault", keys: &["auth", "error", "forwarded_from", "request", "response", "time", "type"] },
    // OPA 1.11 decision logs, on the console or uploaded.
    Keys {
        id: "opa",
        keys: &[
            "batch_decision_id",
            "bundles",
            "custom",
            "decision_id",
            "erased",
            "error",
            "input",
            "intermediate_results",
            "labels",
            "level",
            "mapped_result",
            "masked",
            "metrics",
            "msg",
            "nd_builtin_cache",
            "path",
            "query",
            "req_id",
            "requested_by",
            "result",
            "revision",
            "rule_labels",
            "span_id",
            "time",
            "timestamp",
            "trace_id",
            "type",
        ],
    },
    // Okta System Log API, LogEvent.
    Keys {
        id: "okta",
        keys: &[
            "actor",
            "authenticationContext",
            "client",
            "debugContext",
            "device",
            "displayMessage",
            "eventType",
            "legacyEventType",
            "outcome",
            "published",
            "request",
            "securityContext",
            "severity",
            "target",
            "transaction",
            "uuid",
            "version",
        ],
    },
    // Cloud Logging v2, LogEntry.
    Keys {
        id: "gcp-audit",
        keys: &[
            "apphub",
            "apphubDestination",
            "apphubSource",
            "errorGroups",
            "httpRequest",
            "insertId",
            "jsonPayload",
            "labels",
            "logName",
            "metadata",
            "operation",
            "otel",
            "protoPayload",
            "receiveTimestamp",
            "resource",
            "severity",
            "sourceLocation",
            "spanId",
            "split",
            "textPayload",
            "timestamp",
            "trace",
            "traceSampled",
        ],
    },
];

/// The keys of a format; none where it has no list.
pub(crate) fn of(id: &str) -> &'static [&'static str] {
    LISTS.iter().find(|list| list.id == id).map_or(&[], |list| list.keys)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::decode::FORMATS;
    use crate::fast::FAST;

    /// Scenario: every list. Guarantees: it is a format's, it is sorted, and it knows the keys of the format's sample.
    #[test]
    fn lists_are_sound() {
        for Keys { id, keys } in LISTS {
            let format = FORMATS.iter().find(|format| format.id == *id).expect("a list is a format's");
            assert!(keys.is_sorted(), "{id}");
            let sample: Value = serde_json::from_str(format.sample).expect("its sample is JSON");
            let unknown: Vec<&String> = sample
                .as_object()
                .expect("an object")
                .keys()
                .filter(|key| !keys.contains(&key.as_str()))
                .collect();
            assert!(unknown.is_empty(), "{id}: {unknown:?}");
        }
    }

    /// Scenario: formats with a fast path. Guarantees: it takes no record with a key that would have to be counted.
    #[test]
    fn fast_paths_take_known_keys_only() {
        for fast in FAST.iter().filter(|fast| !of(fast.id).is_empty()) {
            assert!(!fast.shape.is_open(), "{}", fast.id);
            let unknown: Vec<&str> = fast.shape.names().filter(|name| !of(fast.id).contains(name)).collect();
            assert!(unknown.is_empty(), "{}: {unknown:?}", fast.id);
        }
    }
}
