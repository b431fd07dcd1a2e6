//! What is replaced, what is not, and that markers can be read back.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use offbound_schemas::EventTime;

use super::*;

fn redact(text: &str) -> String {
    Redactor::new(FingerprintKey::for_tests()).redact(text).text.into_owned()
}

fn token(payload: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"k1"}"#);
    format!("{header}.{}.{}", URL_SAFE_NO_PAD.encode(payload), "c2lnbmF0dXJlLWJ5dGVz")
}

/// `text` holds `secret`; after redaction it does not, and the rest is as before.
fn check(text: &str, secret: &str) {
    assert!(text.contains(secret), "the case itself is wrong: {text}");
    let clean = redact(text);
    assert!(!clean.contains(secret), "{secret} is still in {clean}");
    let (before, after) = text.split_once(secret).expect("checked above");
    assert!(clean.starts_with(before) && clean.ends_with(after), "{text} became {clean}");
    if serde_json::from_str::<serde_json::Value>(text).is_ok() {
        assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "no longer JSON: {clean}");
    }
}

/// Scenario: every kind of secret, in the shapes in which logs carry them.
/// Guarantees: the secret is gone, the text around it is untouched, JSON stays JSON.
#[test]
fn secrets_go() {
    for (text, secret) in [
        (
            r#"{"responseElements":{"credentials":{"secretAccessKey":"q9Zr+7/Tt31xVb","expiration":"x"}}}"#,
            "q9Zr+7/Tt31xVb",
        ),
        (r#"{"sessionToken":"FwoGZXIvYXdzEJr1//wE"}"#, "FwoGZXIvYXdzEJr1//wE"),
        (r#"{"a":"{\"password\":\"correct horse\"}"}"#, "correct horse"),
        (r#"{"a":"{\"b\":\"{\\\"password\\\":\\\"hunter2\\\"}\"}"}"#, "hunter2"),
        (r#"{"password" : "quo\"ted"}"#, r#"quo\"ted"#),
        ("Authorization: Bearer 9f8a7c6b5e4d3c2b1a", "9f8a7c6b5e4d3c2b1a"),
        (r#"{"headers":{"Authorization":["Bearer 9f8a7c6b5e4d3c2b1a"]}}"#, "9f8a7c6b5e4d3c2b1a"),
        (r#"{"authorization":"Bearer test"}"#, "test"),
        ("return=%2Flogin%3Fpassword%3Dhunter2%26x", "hunter2"),
        ("authorization: Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
        (r#"{"cookie":"session=abc123; other=2"}"#, "session=abc123; other=2"),
        (r#"{"token":"hvs.CAESIJ9dkf02kdl20dkfl20dk"}"#, "hvs.CAESIJ9dkf02kdl20dkfl20dk"),
        ("token s.Abc123Def456Ghi789Jkl012 used", "s.Abc123Def456Ghi789Jkl012"),
        ("push with ghp_abcdefghij0123456789ABCDEFGHIJ012345", "ghp_abcdefghij0123456789ABCDEFGHIJ012345"),
        ("glpat-a1b2c3d4e5f6g7h8i9j0", "glpat-a1b2c3d4e5f6g7h8i9j0"),
        ("git clone https://bob:s3cr3t@git.example/x", "s3cr3t"),
        ("deploy --password=hunter2 --verbose", "hunter2"),
        (r#"{"password":"$<odd"}"#, "$<odd"),
        ("deploy --password hunter2 --verbose", "hunter2"),
        (r#"type=EXECVE argc=3 a0="deploy" a1="--password" a2="hunter2""#, "hunter2"),
        (r#"{"args":["deploy","--token","abcdef.0123456789abcdef"]}"#, "abcdef.0123456789abcdef"),
        (r#"{"arguments":"-c \"deploy --password hunter2\""}"#, "hunter2"),
        ("mysql -uroot -phunter2 shop", "hunter2"),
        ("sshpass -p hunter2 ssh n1", "hunter2"),
        ("docker login -u bob -p hunter2 registry.example", "hunter2"),
        ("curl -u bob:hunter2 https://x.example", "hunter2"),
        ("exec?command=deploy&command=--password&command=hunter2", "hunter2"),
        (
            r#"{"pem":"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n"}"#,
            r"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----",
        ),
        (r#"{"pem":"-----BEGIN PRIVATE KEY-----\nMHcCAQEE"}"#, r"-----BEGIN PRIVATE KEY-----\nMHcCAQEE"),
        (
            r#"{"kind":"Secret","data":{"user":"Ym9i","pass":"aHVudGVyMg=="}}"#,
            r#"Ym9i","pass":"aHVudGVyMg=="#,
        ),
        (r#"{"kind":"Secret","stringData" : {"pass": "hunter2"}}"#, "hunter2"),
        (r#"{"arguments":"--token=q9Zr7Tt31xVb get po"}"#, "q9Zr7Tt31xVb"),
        (r#"{"binary":"/usr/bin/docker","arguments":"login -u bob -p hunter2 r.example"}"#, "hunter2"),
        ("deploy --pass hunter2 now", "hunter2"),
        ("deploy --apiKey q9Zr7Tt31xVb now", "q9Zr7Tt31xVb"),
        ("curl -b session=q9Zr7Tt31xVb http://a.example/", "q9Zr7Tt31xVb"),
        (
            "git clone https://0123456789abcdef0123456789abcdef01234567@git.example/x",
            "0123456789abcdef0123456789abcdef01234567",
        ),
        ("SECRET_KEY_BASE=q9Zr7Tt31xVb", "q9Zr7Tt31xVb"),
        ("AZURE_STORAGE_KEY=q9Zr7Tt31xVb", "q9Zr7Tt31xVb"),
        ("//r.example/:_auth=Ym9iOmh1bnRlcjI=", "Ym9iOmh1bnRlcjI="),
        ("aws configure set aws_session_token q9Zr7Tt31xVb", "q9Zr7Tt31xVb"),
        ("sqlcmd -S db -U sa -P hunter2", "hunter2"),
        (
            "SharedAccessKey=hHSipTHhrDsTCiVlMFepAxgBlSUIvqRegea/guwmnqA=",
            "hHSipTHhrDsTCiVlMFepAxgBlSUIvqRegea/guwmnqA=",
        ),
        ("zip -P hunter2 a.zip b", "hunter2"),
        ("lftp -u bob,hunter2 ftp.example", "hunter2"),
        ("vault operator unseal q9Zr7Tt31xVbq9Zr7Tt3", "q9Zr7Tt31xVbq9Zr7Tt3"),
        (r#"{"argv":["aws","configure","set","aws_secret_access_key","q9Zr7Tt31xVb"]}"#, "q9Zr7Tt31xVb"),
    ] {
        check(text, secret);
    }
}

/// Scenario: secrets at the beginning of a line or behind a tab, in JSON and in JSON in JSON: headers of a request, a script,
/// a document in YAML. Guarantees: they go, though the letter of the escape stands right in front of them; a secret over
/// several lines has the same fingerprint as in plain text.
#[test]
fn secrets_behind_breaks_go() {
    let secret = "q9Zr7Tt31xVbKp4Lw8Yd2Nf6";
    for text in [
        "GET / HTTP/1.1\r\nHost: a.example\r\nCookie: sid=¤\r\n",
        "GET / HTTP/1.1\r\nAuthorization: ¤",
        "a: b\ntoken: ¤",
        "a=b\npwd=¤",
        "line\nghp_¤abcdefghij12",
        "line\thvs.¤",
        "deploy\n--token ¤",
        "x\ncurl -u bob:¤ http://a.example/",
        "mysql\t-p¤",
    ] {
        let once = serde_json::json!({ "arguments": text.replace('¤', secret) }).to_string();
        let twice = serde_json::json!({ "log": once }).to_string();
        for line in [once, twice] {
            let clean = redact(&line);
            assert!(!clean.contains(secret), "{clean}");
            assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "no longer JSON: {clean}");
        }
    }
    let lines = "correct \"horse\"\nbattery\tstaple";
    let clean = redact(&serde_json::json!({ "password": lines }).to_string());
    assert!(clean.contains(&FingerprintKey::for_tests().fingerprint(lines.as_bytes())), "{clean}");
    for name in [
        r#"{"path":"C:\\new\\token\\readme.txt","text":"a\nbearer tokens\nare\tnames"}"#,
        r#"{"a":"x\nnext_token: y"}"#,
    ] {
        assert_eq!(redact(name), name);
    }
}

/// Scenario: tokens that are known by how they begin, or by a mark inside, in small letters and digits too, with nothing else
/// that is secret beside them. Guarantees: they go.
#[test]
fn tokens_that_say_what_they_are_go() {
    let hex = "0123456789abcdef".repeat(12);
    let of = |prefix: &str, length: usize| format!("{prefix}{}", &hex[..length]);
    let letters = "abcdefGHIJKLmnopqrSTUVWXyzabcdefGHIJKLmn";
    let behind =
        |mark: &str, before: usize, behind: usize| format!("{}{mark}{}", &hex[..before], &hex[..behind]);
    for token in [
        of("sk-", 32),
        of("sk-or-v1-", 64),
        format!("hf_{}", &letters[..34]),
        of("glcbt-01_", 20),
        of("sntryu_", 64),
        of("dop_v1_", 64),
        of("sbp_", 40),
        of("xkeysib-", 64) + "-0123456789abcdef",
        of("pat-na1-", 8) + "-0123-4567-89ab-0123456789ab",
        of("sha256~", 43),
        behind(".atlasv1.", 14, 64),
        format!("a={}", behind(".atlasv1.", 14, 64)),
        format!("{}_{}_mmk", &hex[..6], &hex[..29]),
        behind("JQQJ99", 52, 26),
        behind("AzSeA", 42, 5),
        behind("+ASt", 76, 6) + "==",
        "https://a.webhook.office.com/webhookb2/0123@4567/IncomingWebhook/89ab/0123"
            .replace("0123", &hex[..32]),
    ] {
        let text = format!(r#"{{"arguments":"run {token} now"}}"#);
        let clean = redact(&text);
        let body = &token[token.len().saturating_sub(12)..];
        assert!(!clean.contains(body), "{token} is still in {clean}");
    }
    for name in
        ["sk-web-6d4b75cb6d-x2x9z-of-the-shop-in-the-cluster", "/var/lib/AzSeA", "ico-arrow-left", "v1.0-rc1"]
    {
        let text = format!("run {name} now");
        assert_eq!(redact(&text), text);
    }
}

/// Scenario: an audit record whose hex holds a password. Guarantees: the hex no longer does, the rest of it stays.
#[test]
fn secrets_in_hex_go() {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    for inside in ["mysql\0--password=hunter2\0shop", "deploy --password hunter2 shop"] {
        let clean = redact(&format!("type=PROCTITLE msg=audit(1772359200.000:7): proctitle={}", hex(inside)));
        assert!(!clean.contains(&hex("hunter2")), "{clean}");
        assert!(clean.contains(&hex("password")) && clean.ends_with(&hex("shop")), "{clean}");
    }
    let harmless = "type=EXECVE msg=audit(1772359200.000:7): argc=2 a0=6C73202D6C a1=7368";
    assert_eq!(redact(harmless), harmless);
}

/// Scenario: words that sound like secrets, and are none. Guarantees: nothing is replaced.
#[test]
fn names_stay() {
    for text in [
        r#"{"resource":"serviceaccounts","subresource":"token","requestURI":"/api/v1/namespaces/shop/serviceaccounts/web/token"}"#,
        r#"{"requestParameters":{"nextToken":"AAIAAUCZLcGdOTmfTz2","clientToken":"a1b2c3d4e5f6"}}"#,
        r#"{"volumes":[{"secret":{"secretName":"web-tls"}}],"secret":"web-tls"}"#,
        r#"{"message":"Failed password for root from 10.0.0.1"}"#,
        r#"{"password":"","secret":null,"token":"***"}"#,
        "the bearer token is missing; basic authentication failed",
        r#"{"exec_id":"bjE6MTIzNDU2Nzg5MDEyMzQ1OjQxMjE=","url":"https://x.example/a@b:c"}"#,
        "event login was seen, command=ssh -p 2222 n1",
        "mkdir -p /srv/data && ssh -p 2222 n1",
        r#"{"client_token":"hmac-sha256:0123456789abcdef","data":{"a":"b"}}"#,
        "cat /var/run/secrets/kubernetes.io/serviceaccount/token",
        "token=AWSElasticBlockStoreCSIDriverOperator",
        "vault operator unseal -reset",
        "could not unseal the vault of the shop",
        "https://service-account-of-the-shop@a.example/x",
    ] {
        assert_eq!(redact(text), text);
    }
}

/// Scenario: a bound service account token, plain, in JSON and base64-wrapped.
/// Guarantees: the signature is gone and every claim can be read back from the marker.
#[test]
fn claims_survive() {
    let payload = r#"{"iss":"https://issuer.example","sub":"system:serviceaccount:shop:web","aud":["api","x y"],
        "iat":1772359200,"nbf":1772359200,"exp":1772362800.5,"jti":"j-1","cnf":{"x5t#S256":"th"},
        "kubernetes.io":{"namespace":"shop","pod":{"name":"web-7","uid":"p-1"},"node":{"name":"n1","uid":"n-1"},
        "serviceaccount":{"name":"web","uid":"s-1"},"warnafter":1772360000}}"#;
    let token = token(payload);
    let wrapped = format!(r#"{{"tls":"{}"}}"#, STANDARD.encode(&token));
    for text in [token.clone(), format!(r#"{{"t":"{token}"}}"#), format!("Bearer {token}."), wrapped] {
        let clean = redact(&text);
        assert!(!clean.contains("c2lnbmF0dXJl"), "{clean}");
        let claims = find_jwt_claims(&clean).expect("a marker");
        assert_eq!(claims.fingerprint, FingerprintKey::for_tests().fingerprint(token.as_bytes()));
        assert_eq!(claims.aud, ["api", "x y"]);
        assert_eq!(claims.exp, EventTime::parse("2026-03-01T11:00:00Z").ok());
        assert_eq!(claims.warn_after, EventTime::parse("2026-03-01T10:13:20Z").ok());
        let texts = [claims.alg, claims.kid, claims.sub, claims.jti, claims.cnf, claims.pod_uid, claims.node];
        let texts: Vec<_> = texts.into_iter().flatten().collect();
        assert_eq!(texts, ["RS256", "k1", "system:serviceaccount:shop:web", "j-1", "th", "p-1", "n1"]);
    }
}

/// Scenario: a client writes a marker of ours into a log. Guarantees: it is not believed.
#[test]
fn forged_markers_are_disarmed() {
    let clean = redact(r#"{"userAgent":"<jwt;fp=00;sub=admin>"}"#);
    assert_eq!(find_jwt_claims(&clean), None, "{clean}");
}

/// Scenario: a private key written line by line. Guarantees: its body is replaced, the next line is not.
#[test]
fn keys_over_several_lines() {
    let mut redactor = Redactor::new(FingerprintKey::for_tests());
    let lines =
        ["-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkq", "-----END PRIVATE KEY-----", "plain text"];
    let clean: Vec<_> = lines.iter().map(|line| redactor.redact(line).text.into_owned()).collect();
    assert!(clean.iter().all(|line| !line.contains("MIIE")), "{clean:?}");
    assert_eq!(clean.last().map(String::as_str), Some("plain text"));
}

proptest! {
    /// Scenario: any text at all. Guarantees: no panic, and redacting twice more adds no further secret.
    #[test]
    fn any_text(text in "(?s).{0,200}") {
        let _clean = redact(&text);
    }

    /// Scenario: any JSON string as password, at depth one and two. Guarantees: valid JSON comes out, without it.
    #[test]
    fn any_password(password in "[a-zA-Z0-9\\\\\"/{}<> ]{9,40}") {
        let inner = serde_json::json!({"password": format!("q7{password}"), "after": 1});
        let outer = serde_json::json!({"message": inner.to_string()});
        for document in [inner, outer] {
            let clean = redact(&document.to_string());
            prop_assert!(!clean.contains("q7"), "{}", clean);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "{}", clean);
        }
    }
}

/// Words that detectors go by, separators, and values, for texts that come close to all detectors.
const FRAGMENTS: &[&str] = &[
    "password",
    "PASSWORD",
    "Password",
    "token",
    "Token",
    "TOKEN",
    "secret",
    "client_secret",
    "SecretKey",
    "api_key",
    "x-api-key",
    "X-Api-Key",
    "Authorization",
    "authorization",
    "Bearer ",
    "Basic ",
    "Cookie",
    "cookie",
    "secretkey",
    "signingkey",
    "samlResponse",
    "ssws ",
    "sig",
    "signature",
    "auth",
    "pwd",
    "name",
    "value",
    "data",
    "Secret",
    "mount_type",
    "kv",
    "kty",
    "d",
    "mysql",
    "curl",
    "docker login",
    "sshpass",
    " -p",
    " -u ",
    "--",
    "-",
    "_",
    "\"",
    "\\\"",
    "\"",
    ":",
    ": ",
    "=",
    " = ",
    ",",
    "{",
    "}",
    "[",
    "]",
    " ",
    "'",
    "<",
    ">",
    "</",
    "%3D",
    "%22",
    "%20",
    "+",
    "&",
    "?",
    "@",
    "://",
    "bob:",
    "$6$",
    "~",
    "Q~",
    "eyJ",
    "ghp_",
    "hvs.",
    "s.",
    "9f8a7c6b5e4d3c2b1a0f9E8D7C6B5A",
    "hunter2",
    "dXNlcjpodW50ZXIy",
    "correct horse",
    "0a1B2c3D4e5F6g7H8i9J0k1L",
    "74f43855-85dd-2d30-7f82-740c1ece5c6c",
    "\\u0070",
    "\\/",
    "audit(1:2): ",
    "type=EXECVE ",
    "a0=",
    "6D7973716C202D7068756E74657232",
    "cGFzc3dvcmQ9aHVudGVyMmh1bnRlcjI=",
];

/// Scenario: a password for a registry in base64, as JSON, that is longer than any bound. Guarantees: it goes, whole.
#[test]
fn long_passwords_in_json_go() {
    let encoded = STANDARD.encode(format!("AWS:{}", "correct horse battery ".repeat(500)));
    let clean = redact(&format!(r#"{{"auths":{{"registry.example":{{"auth":"{encoded}"}}}}}}"#));
    assert!(clean.starts_with(r#"{"auths":{"registry.example":{"auth":"<secret;kind=basic;"#), "{clean}");
    assert!(clean.ends_with(r#">"}}}"#) && clean.len() < 200, "{clean}");
}

/// Ways of writing a secret (`¤`) under a name (`§`).
const FORMS: &[&str] = &[
    r#"{"§":"¤"}"#,
    r#"{"§": "¤"}"#,
    r#"{"§" : "¤"}"#,
    r#"{"§":["¤"]}"#,
    r#"{"a":"{\"§\":\"¤\"}"}"#,
    r#"{"a":"{\"§\" : \"¤\"}"}"#,
    r#"{"name":"§","value":"¤"}"#,
    r#"{"name": "§", "value": "¤"}"#,
    r#"{\"name\":\"§\",\"value\":\"¤\"}"#,
    "{'§': '¤'}",
    r#"{'§': "¤"}"#,
    "<§>¤</§>",
    "§=¤",
    "§ = ¤",
    "§: ¤",
    "§:¤",
    r#"§="¤""#,
    "a=1&§=¤&b=2",
    "run --§ ¤",
    "run --§=¤",
    "run -§ ¤",
    "run -§=¤",
    r#"["run","--§","¤"]"#,
    r#"["run","-§","¤"]"#,
    r#"["run","--§=¤"]"#,
    r#"{"a":"[\"--§\",\"¤\"]"}"#,
    "export X_§=¤",
    "curl -H '§: ¤' http://a/",
    "§ ¤",
];

/// Scenario: every secret name, in small letters, capitals, with one in front and one at its last word, whole and at the end
/// of another name, in every form. Guarantees: the screen lets none through in which a detector finds something.
#[test]
fn the_screen_knows_every_name() {
    let secrets = [
        "9f8a7c6b5e4d3c2b1a0f9E8D7C6B5A",
        "74f43855-85dd-2d30-7f82-740c1ece5c6c",
        "dXNlcjpodW50ZXIy",
        "70421337",
    ];
    let capital = |name: &str| name[..1].to_ascii_uppercase() + &name[1..];
    let camel = |name: &str| {
        let last =
            field::DETECTOR.patterns.iter().find(|word| name.len() > word.len() && name.ends_with(*word));
        last.map(|word| name[..name.len() - word.len()].to_owned() + &capital(word))
    };
    let names = name::all().flat_map(|name| {
        let spelled =
            [Some(name.to_owned()), Some(name.to_ascii_uppercase()), Some(capital(name)), camel(name)];
        spelled
            .into_iter()
            .flatten()
            .flat_map(|name| [format!("my{name}"), format!("my-{name}"), format!("MY_{name}"), name])
    });
    let (mut found, mut missed) = (0, Vec::new());
    for (name, form) in names.flat_map(|name| FORMS.iter().map(move |form| (name.clone(), form))) {
        for secret in secrets {
            let text = form.replace('§', &name).replace('¤', secret);
            if !find_all(&text).is_empty() {
                found += 1;
                missed.extend(screen::is_clean(&text).then_some(text));
            }
        }
    }
    assert!(missed.is_empty(), "{} of {found} get by: {missed:#?}", missed.len());
    assert!(found > 5_000, "{found} of these are secrets");
}

/// Scenario: every prefix that says what a secret is, in front of small letters and digits only, behind signs of many
/// kinds. Guarantees: the screen lets none through in which a detector finds something.
#[test]
fn the_screen_knows_every_prefix() {
    let bodies = [
        "a1b2c3d4e5".repeat(7),
        "a1b2c3d4e5".repeat(25),
        "9Z8Y7X6W5V".repeat(4),
        "9f8a7c6b5e4d3c2b1a0f".to_owned(),
    ];
    let is_mark = |text: &str| family::MARKED.iter().any(|marked| marked.mark == text);
    for (prefix, _) in prefix::starts().filter(|(prefix, _)| !is_mark(prefix)) {
        let mut found = 0;
        for (before, body) in ["", " ", "=", "\"a\":\"", "'", "/"]
            .iter()
            .flat_map(|sign| bodies.iter().map(move |body| (sign, body)))
        {
            let text = format!("x{before}{prefix}{body}\"");
            if !find_all(&text).is_empty() {
                found += 1;
                assert!(!screen::is_clean(&text), "{text}");
            }
        }
        assert!(found > 0, "{prefix} is never found");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: texts made of what detectors look for. Guarantees: what the screen lets through, no detector knows.
    #[test]
    fn what_is_clean_holds_no_secret(parts in prop::collection::vec(prop::sample::select(FRAGMENTS), 1..14)) {
        let text = parts.concat();
        if screen::is_clean(&text) {
            prop_assert_eq!(find_all(&text), Vec::new(), "{}", text);
            prop_assert_eq!(audit_hex::find(&text), Vec::new(), "{}", text);
        }
    }
}
