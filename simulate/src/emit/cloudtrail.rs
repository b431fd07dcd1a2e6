//! AWS CloudTrail records.
//!
//! In: a call of an AWS API. Out: one record. Owns: the order of fields of version 1.11, how sessions of
//! instances are named and scoped, US text in issued credentials' expiry. Leaves `{"Records":[…]}` to `scene`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json::Json;
use crate::moment::{HOUR, Moment};
use crate::random::Random;

/// The account of every record here, one that AWS's own documentation uses.
pub(crate) const ACCOUNT: &str = "111122223333";
/// Region.
pub(crate) const REGION: &str = "eu-central-1";
/// How long keys of an instance live.
pub(crate) const INSTANCE_KEY_TTL: i64 = 6 * HOUR;

/// A virtual machine with a role.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    /// Instance id.
    pub(crate) id: String,
    /// Private address.
    pub(crate) address: String,
    /// Role.
    pub(crate) role: String,
    /// Id of the role, as in `principalId`.
    pub(crate) role_id: String,
}

impl Instance {
    /// ARN of its role.
    pub(crate) fn role_arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:role/{}", self.role)
    }

    /// ARN of its sessions.
    pub(crate) fn session_arn(&self) -> String {
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/{}", self.role, self.id)
    }
}

/// Temporary keys of an instance.
#[derive(Debug, Clone)]
pub(crate) struct SessionKey {
    /// Access key id.
    pub(crate) id: String,
    /// When it was issued.
    pub(crate) issued: Moment,
}

impl SessionKey {
    /// A key that was issued at a moment.
    pub(crate) fn new(random: &mut Random, issued: Moment) -> Self {
        Self { id: format!("ASIA{}", random.capitals(16)), issued }
    }
}

/// A call with an instance's key.
pub(crate) struct Call<'a> {
    /// When.
    pub(crate) at: Moment,
    /// Whose key.
    pub(crate) instance: &'a Instance,
    /// Which key.
    pub(crate) key: &'a SessionKey,
    /// Address of the caller.
    pub(crate) source: &'a str,
    /// User agent.
    pub(crate) agent: &'a str,
    /// Service and operation: `("s3.amazonaws.com", "ListBuckets")`.
    pub(crate) operation: (&'a str, &'a str),
    /// Parameters.
    pub(crate) parameters: &'a [(&'a str, &'a str)],
    /// Endpoint in the VPC that was used; none when the call came over the Internet.
    pub(crate) endpoint: Option<&'a str>,
}

/// The record of a call that was allowed.
pub(crate) fn call(random: &mut Random, call: &Call<'_>) -> Vec<u8> {
    record(call.at, call.operation, call.source, call.agent, random, |json| match json {
        Part::Identity(json) => write_session(json, call.instance, call.key),
        Part::Body(json) => {
            if call.parameters.is_empty() {
                json.null("requestParameters");
            } else {
                json.object("requestParameters", |json| {
                    call.parameters.iter().for_each(|(key, value)| json.text(key, value));
                });
            }
            json.null("responseElements");
        }
        Part::End(json) => {
            if let Some(endpoint) = call.endpoint {
                json.text("vpcEndpointId", endpoint);
                json.text("vpcEndpointAccountId", ACCOUNT);
            }
        }
    })
}

/// A role that pods of a cluster take on with their tokens (IRSA).
pub(crate) struct PodRole<'a> {
    /// Role.
    pub(crate) role: &'a str,
    /// Id of the role.
    pub(crate) role_id: &'a str,
    /// Name of the session, which the SDK chooses.
    pub(crate) session: &'a str,
    /// Service account: `system:serviceaccount:shop:cart`.
    pub(crate) account: &'a str,
}

const OIDC_PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/oidc.prod.example";

/// A pod takes on a role; the Internet sees the cluster's NAT.
pub(crate) fn assume_with_web_identity(
    random: &mut Random,
    role: &PodRole<'_>,
    key: &SessionKey,
    source: &str,
) -> Vec<u8> {
    let token = STANDARD.encode(random.bytes(120));
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/{}", role.role);
    let operation = ("sts.amazonaws.com", "AssumeRoleWithWebIdentity");
    record(key.issued, operation, source, "aws-sdk-go-v2/1.36.1", random, |part| match part {
        Part::Identity(json) => {
            json.text("type", "WebIdentityUser");
            json.joined("principalId", &[OIDC_PROVIDER, ":sts.amazonaws.com:", role.account]);
            json.text("userName", role.account);
            json.text("identityProvider", OIDC_PROVIDER);
        }
        Part::Body(json) => {
            json.object("requestParameters", |json| {
                json.text("roleArn", &arn);
                json.text("roleSessionName", role.session);
            });
            json.object("responseElements", |json| {
                json.object("credentials", |json| {
                    json.text("accessKeyId", &key.id);
                    json.text("sessionToken", &token);
                    json.text("expiration", &(key.issued + HOUR).american());
                });
                json.text("subjectFromWebIdentityToken", role.account);
                json.object("assumedRoleUser", |json| {
                    json.joined("assumedRoleId", &[role.role_id, ":", role.session]);
                    json.text("arn", &role.session_arn());
                });
                json.text("provider", OIDC_PROVIDER);
                json.text("audience", "sts.amazonaws.com");
            });
        }
        Part::End(_) => {}
    })
}

/// A call with the key of a pod's role.
pub(crate) fn call_by_pod_role(
    random: &mut Random,
    at: Moment,
    role: &PodRole<'_>,
    key: &SessionKey,
    (source, operation): (&str, (&str, &str)),
) -> Vec<u8> {
    record(at, operation, source, "aws-sdk-go-v2/1.36.1", random, |part| match part {
        Part::Identity(json) => {
            json.text("type", "AssumedRole");
            json.joined("principalId", &[role.role_id, ":", role.session]);
            json.text("arn", &role.session_arn());
            json.text("accountId", ACCOUNT);
            json.text("accessKeyId", &key.id);
            json.object("sessionContext", |json| {
                json.object("sessionIssuer", |json| {
                    json.text("type", "Role");
                    json.text("principalId", role.role_id);
                    json.text("arn", &format!("arn:aws:iam::{ACCOUNT}:role/{}", role.role));
                    json.text("accountId", ACCOUNT);
                    json.text("userName", role.role);
                });
                json.object("webIdFederationData", |json| {
                    json.text("federatedProvider", OIDC_PROVIDER);
                    json.object("attributes", |_| {});
                });
                json.object("attributes", |json| {
                    json.moment("creationDate", key.issued, 0);
                    json.text("mfaAuthenticated", "false");
                });
            });
        }
        Part::Body(json) => {
            json.null("requestParameters");
            json.null("responseElements");
        }
        Part::End(_) => {}
    })
}

impl PodRole<'_> {
    fn session_arn(&self) -> String {
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/{}", self.role, self.session)
    }
}

/// EC2 fetches keys for an instance.
pub(crate) fn assume_role(random: &mut Random, instance: &Instance, key: &SessionKey) -> Vec<u8> {
    const EC2: &str = "ec2.amazonaws.com";
    let token = STANDARD.encode(random.bytes(120));
    let role = instance.role_arn();
    record(key.issued, ("sts.amazonaws.com", "AssumeRole"), EC2, EC2, random, |part| match part {
        Part::Identity(json) => {
            json.text("type", "AWSService");
            json.text("invokedBy", EC2);
        }
        Part::Body(json) => {
            json.object("requestParameters", |json| {
                json.text("roleArn", &role);
                json.text("roleSessionName", &instance.id);
            });
            json.object("responseElements", |json| {
                json.object("credentials", |json| {
                    json.text("accessKeyId", &key.id);
                    json.text("sessionToken", &token);
                    json.text("expiration", &(key.issued + INSTANCE_KEY_TTL).american());
                });
            });
        }
        Part::End(json) => json.array("resources", |list| {
            list.item_object(|json| {
                json.text("accountId", ACCOUNT);
                json.text("type", "AWS::IAM::Role");
                json.text("ARN", &role);
            });
        }),
    })
}

/// The autoscaling service starts an instance.
pub(crate) fn run_instances(random: &mut Random, at: Moment, instance: &Instance) -> Vec<u8> {
    const SERVICE: &str = "autoscaling.amazonaws.com";
    record(at, ("ec2.amazonaws.com", "RunInstances"), SERVICE, SERVICE, random, |part| match part {
        Part::Identity(json) => {
            json.text("type", "AssumedRole");
            json.text("principalId", "AROAEXAMPLEAUTOSCALE:AutoScaling");
            let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling");
            json.text("arn", &arn);
            json.text("accountId", ACCOUNT);
            json.text("invokedBy", SERVICE);
        }
        Part::Body(json) => {
            json.object("requestParameters", |json| {
                json.object("instancesSet", |json| {
                    json.array("items", |list| {
                        list.item_object(|json| {
                            json.number("minCount", 1);
                            json.number("maxCount", 1);
                        });
                    });
                });
                json.text("instanceType", "m7i.large");
            });
            json.object("responseElements", |json| {
                json.text("reservationId", "r-0123456789abcdef0");
                json.text("ownerId", ACCOUNT);
                json.object("instancesSet", |json| {
                    json.array("items", |list| list.item_object(|json| write_instance(json, at, instance)));
                });
            });
        }
        Part::End(_) => {}
    })
}

fn write_instance(json: &mut Json<'_>, at: Moment, instance: &Instance) {
    let dns = format!("ip-{}.{REGION}.compute.internal", instance.address.replace('.', "-"));
    json.text("instanceId", &instance.id);
    json.text("imageId", "ami-0123456789abcdef0");
    json.object("instanceState", |json| {
        json.number("code", 0);
        json.text("name", "pending");
    });
    json.text("privateDnsName", &dns);
    json.text("instanceType", "m7i.large");
    json.number("launchTime", at.0 / 1_000_000);
    json.object("placement", |json| {
        json.text("availabilityZone", "eu-central-1a");
        json.text("tenancy", "default");
    });
    json.text("subnetId", "subnet-0123456789abcdef0");
    json.text("vpcId", "vpc-0123456789abcdef0");
    json.text("privateIpAddress", &instance.address);
    json.object("iamInstanceProfile", |json| {
        json.text("arn", &format!("arn:aws:iam::{ACCOUNT}:instance-profile/{}", instance.role));
    });
}

/// The parts of a record that differ between operations.
enum Part<'a, 'b> {
    /// Inside `userIdentity`.
    Identity(&'a mut Json<'b>),
    /// `requestParameters` and `responseElements`.
    Body(&'a mut Json<'b>),
    /// Behind the fields that every record has.
    End(&'a mut Json<'b>),
}

fn record(
    at: Moment,
    (service, operation): (&str, &str),
    source: &str,
    agent: &str,
    random: &mut Random,
    fill: impl Fn(Part<'_, '_>),
) -> Vec<u8> {
    let (request, event) = (random.uuid(), random.uuid());
    let reads = ["Get", "List", "Describe"].iter().any(|start| operation.starts_with(start));
    let mut out = Vec::with_capacity(1_600);
    Json::object_into(&mut out, |json| {
        json.text("eventVersion", "1.11");
        json.object("userIdentity", |json| fill(Part::Identity(json)));
        json.moment("eventTime", at, 0);
        json.text("eventSource", service);
        json.text("eventName", operation);
        json.text("awsRegion", REGION);
        json.text("sourceIPAddress", source);
        json.text("userAgent", agent);
        fill(Part::Body(json));
        json.text("requestID", &request);
        json.text("eventID", &event);
        json.flag("readOnly", reads || operation == "AssumeRole");
        json.text("eventType", "AwsApiCall");
        json.flag("managementEvent", true);
        json.text("recipientAccountId", ACCOUNT);
        fill(Part::End(json));
        json.text("eventCategory", "Management");
    });
    out
}

fn write_session(json: &mut Json<'_>, instance: &Instance, key: &SessionKey) {
    json.text("type", "AssumedRole");
    json.joined("principalId", &[&instance.role_id, ":", &instance.id]);
    json.text("arn", &instance.session_arn());
    json.text("accountId", ACCOUNT);
    json.text("accessKeyId", &key.id);
    json.object("sessionContext", |json| {
        json.object("sessionIssuer", |json| {
            json.text("type", "Role");
            json.text("principalId", &instance.role_id);
            json.text("arn", &instance.role_arn());
            json.text("accountId", ACCOUNT);
            json.text("userName", &instance.role);
        });
        json.object("attributes", |json| {
            json.moment("creationDate", key.issued, 0);
            json.text("mfaAuthenticated", "false");
        });
        json.text("ec2RoleDelivery", "2.0");
    });
    json.object("inScopeOf", |json| {
        json.text("issuerType", "AWS::EC2::Instance");
        let instance = format!("arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{}", instance.id);
        json.text("credentialsIssuedTo", &instance);
    });
}
