//! Kinds of secrets, each as it strays into logs: made up by a seeded generator, never real.
//!
//! In: a generator. Out: a [`Planted`] per kind. Owns: the list of kinds; the forms are those of the issuers' own
//! documentation.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A generator of numbers: equal seeds give equal corpora.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Characters of `from`, none three times in a row, with a digit, a capital and a small letter where it has them.
    fn text(&mut self, from: &str, length: usize) -> String {
        let from: Vec<char> = from.chars().collect();
        let count = u64::try_from(from.len()).expect("a short list");
        loop {
            let pick =
                |random: &mut Self| from[usize::try_from(random.next() % count).expect("below its length")];
            let text: String = (0..length).map(|_| pick(self)).collect();
            let needs = |test: fn(char) -> bool| !from.iter().any(|c| test(*c)) || text.contains(test);
            if needs(|c| c.is_ascii_digit())
                && needs(|c| c.is_ascii_uppercase())
                && needs(|c| c.is_ascii_lowercase())
            {
                return text;
            }
        }
    }

    fn word(&mut self, length: usize) -> String {
        self.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", length)
    }

    fn hex(&mut self, length: usize) -> String {
        self.text("0123456789abcdef", length)
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    fn base64(&mut self, bytes: usize) -> String {
        STANDARD.encode(self.bytes(bytes))
    }

    fn uuid(&mut self) -> String {
        [8, 4, 4, 4, 12].map(|length| self.hex(length)).join("-")
    }

    fn password(&mut self) -> String {
        format!("{}{}{}", self.word(9), ["!", "#x", "~", "^", "+q"][(self.next() % 5) as usize], self.word(8))
    }
}

/// A secret and the text that it stands in.
pub(crate) struct Planted {
    /// Its kind.
    #[allow(dead_code, reason = "only the tests of ingest name it")]
    pub(crate) kind: &'static str,
    /// What is written.
    pub(crate) text: String,
    /// What must not come out.
    pub(crate) secret: String,
    /// What its fingerprint is of, where that is one thing in every encoding.
    #[allow(dead_code, reason = "only the tests of ingest follow secrets")]
    pub(crate) followed: Option<Vec<u8>>,
}

fn jwt(random: &mut Random, header: &str, payload: &str) -> (String, String) {
    let signature = random.word(43);
    (format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload)), signature)
}

/// A private key in PEM form: what stands between its lines, and the bytes.
fn pem(random: &mut Random, label: &str, headers: &str) -> (String, String, Vec<u8>) {
    let mut der = vec![0x30, 0x81, 0x87, 2, 1, 0, 0x30, 0x13];
    der.extend(random.bytes(130));
    let body = STANDARD.encode(&der);
    let lines: Vec<&str> =
        (0..body.len()).step_by(64).map(|at| &body[at..(at + 64).min(body.len())]).collect();
    let text = format!("-----BEGIN {label}-----\n{headers}{}\n-----END {label}-----", lines.join("\n"));
    (text, lines[1].to_owned(), der)
}

/// One secret of each kind.
pub(crate) fn all(random: &mut Random) -> Vec<Planted> {
    let mut all = Vec::new();
    tokens(random, &mut all);
    prefixed(random, &mut all);
    clouds(random, &mut all);
    headers(random, &mut all);
    keys(random, &mut all);
    all.extend(command_lines(random));
    documents(random, &mut all);
    all
}

/// Adds one whose fingerprint is that of the secret itself.
fn add(all: &mut Vec<Planted>, kind: &'static str, secret: String, text: impl FnOnce(&str) -> String) {
    let text = text(&secret);
    all.push(Planted { kind, text, followed: Some(secret.clone().into_bytes()), secret });
}

fn tokens(random: &mut Random, all: &mut Vec<Planted>) {
    let service_account = r#"{"iss":"https://k8s.example","sub":"system:serviceaccount:shop:web","aud":["api"],"exp":1772362800,"jti":"j-1","kubernetes.io":{"namespace":"shop"}}"#;
    for (kind, header, payload, before) in [
        ("kubernetes-token", r#"{"alg":"RS256","kid":"k1"}"#, service_account, "token is "),
        (
            "jwt",
            r#"{"typ":"JWT","alg":"ES256"}"#,
            r#"{"sub":"x","exp":1772362800}"#,
            "Authorization: Bearer ",
        ),
        (
            "oidc-id-token",
            r#"{"kid":"9","alg":"RS256"}"#,
            r#"{"iss":"https://idp.example","aud":"cli"}"#,
            "id_token=",
        ),
        ("jwt-svid", r#"{"alg":"ES256","kid":"s"}"#, r#"{"sub":"spiffe://prod.example/web","aud":"db"}"#, ""),
    ] {
        let (token, signature) = jwt(random, header, payload);
        let text = format!("{before}{token}");
        all.push(Planted { kind, text, secret: signature, followed: Some(token.into_bytes()) });
    }
    add(all, "kubeconfig-token", random.word(32), |it| {
        format!("users:\n- name: bob\n  user:\n    token: {it}\n")
    });
    add(all, "bootstrap-token", format!("{}.{}", random.hex(6), random.hex(16)), |it| {
        format!("kubeadm join --token {it}")
    });
    add(all, "teleport-token", random.hex(32), |it| format!("teleport start --token={it}"));
    add(all, "consul-secret-id", random.uuid(), |it| format!(r#"{{"AccessorID":"a-1","SecretID":"{it}"}}"#));
    add(all, "nomad-token", random.uuid(), |it| format!("X-Nomad-Token: {it}"));
}

fn prefixed(random: &mut Random, all: &mut Vec<Planted>) {
    for (kind, prefix, length) in [
        ("vault-token", "hvs.", 90),
        ("vault-batch-token", "hvb.", 120),
        ("vault-old-token", "s.", 24),
        ("github-token", "ghp_", 36),
        ("github-oauth", "gho_", 36),
        ("github-app", "ghs_", 36),
        ("github-pat", "github_pat_", 59),
        ("gitlab-token", "glpat-", 20),
        ("slack-bot", "xoxb-1234567890-", 24),
        ("slack-user", "xoxp-1234567890-", 24),
        ("stripe-key", "sk_live_", 24),
        ("npm-token", "npm_", 36),
        ("pypi-token", "pypi-AgEIcHlwaS5vcmc", 60),
        ("huggingface-token", "hf_", 34),
        ("api-key", "sk-", 48),
        ("google-token", "ya29.", 60),
        ("google-key", "AIza", 35),
        ("azure-secret", "abc8Q~", 34),
        ("gitlab-job-token", "glcbt-64_", 20),
        ("slack-browser-token", "xoxc-1234567890-", 64),
        ("openrouter-key", "sk-or-v1-", 64),
        ("atlassian-token", "ATATT3", 186),
        ("sentry-token", "sntryu_", 64),
        ("digitalocean-oauth", "doo_v1_", 64),
        ("linear-token", "lin_api_", 40),
        ("fly-token", "fo1_", 43),
        ("openshift-token", "sha256~", 43),
        ("doppler-token", "dp.st.dev.", 43),
        ("supabase-token", "sbp_", 40),
        ("telegram-token", "api.telegram.org/bot1234567890:AA", 33),
    ] {
        add(all, kind, format!("{prefix}{}", random.word(length)), |it| format!("used {it} today"));
    }
    add(
        all,
        "age-key",
        format!("AGE-SECRET-KEY-1{}", random.text("ACDEFGHJKLMNPQRSTUVWXYZ023456789", 58)),
        str::to_owned,
    );
    add(all, "sendgrid-key", format!("SG.{}.{}", random.word(22), random.word(43)), |it| format!("key {it}"));
    add(all, "slack-webhook", format!("T0{}/B0{}/{}", random.hex(8), random.hex(8), random.word(24)), |it| {
        format!("https://hooks.slack.com/services/{it}")
    });
    if let Some(webhook) = all.last_mut() {
        webhook.followed = Some(webhook.text.trim_start_matches("https://").into());
    }
}

fn clouds(random: &mut Random, all: &mut Vec<Planted>) {
    add(all, "aws-secret-key", random.base64(30), |it| {
        format!(r#"{{"accessKeyId":"ASIAEXAMPLE","secretAccessKey":"{it}"}}"#)
    });
    add(all, "aws-secret-key-file", random.base64(30), |it| {
        format!("[default]\naws_secret_access_key = {it}\n")
    });
    add(all, "aws-session-token", format!("IQoJb3JpZ2luX2Vj{}", random.base64(90)), |it| {
        format!(r#"{{"sessionToken":"{it}"}}"#)
    });
    add(all, "aws-presigned", random.hex(64), |it| {
        format!("https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIAEXAMPLE&X-Amz-Signature={it}&x=1")
    });
    add(all, "aws-presigned-token", random.word(80), |it| {
        format!("https://b.example/k?X-Amz-Security-Token={it}&x=1")
    });
    add(all, "azure-client-secret", random.word(34), |it| format!("AZURE_CLIENT_SECRET={it}"));
    add(all, "azure-sas", random.base64(32), |it| {
        format!(
            "https://a.blob.core.windows.net/c?sv=2024-11-04&sig={}&se=2026",
            it.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
        )
    });
    add(all, "azure-account-key", random.base64(64), |it| {
        format!("AccountName=a;AccountKey={it};EndpointSuffix=x")
    });
    add(all, "azure-shared-access-key", random.base64(32), |it| {
        format!("Endpoint=sb://a/;SharedAccessKey={it}")
    });
    add(all, "twilio-token", random.hex(32), |it| format!("TWILIO_AUTH_TOKEN={it}"));
    let (key, line, der) = pem(random, "PRIVATE KEY", "");
    let text = format!(
        r#"{{"type":"service_account","private_key_id":"p1","private_key":{}}}"#,
        serde_json::json!(key)
    );
    all.push(Planted { kind: "google-service-account", text, secret: line, followed: Some(der) });
}

fn headers(random: &mut Random, all: &mut Vec<Planted>) {
    add(all, "bearer", random.word(30), |it| format!("Authorization: Bearer {it}"));
    add(all, "okta-token", format!("00{}", random.word(40)), |it| format!("Authorization: SSWS {it}"));
    add(all, "api-key-header", random.hex(40), |it| format!("x-api-key: {it}"));
    add(all, "vault-header", random.word(28), |it| format!("X-Vault-Token: {it}"));
    add(all, "cookie", random.word(32), |it| format!("Cookie: theme=dark; session={it}"));
    add(all, "set-cookie", random.word(32), |it| format!("Set-Cookie: sid={it}; Path=/; HttpOnly"));
    let password = random.word(18);
    let text = format!("Authorization: Basic {}", STANDARD.encode(format!("bob:{password}")));
    all.push(Planted {
        kind: "basic",
        text,
        followed: Some(password.clone().into_bytes()),
        secret: password,
    });
    let password = random.word(18);
    let text =
        format!(r#"{{"auths":{{"r.example":{{"auth":"{}"}}}}}}"#, STANDARD.encode(format!("bob:{password}")));
    all.push(Planted {
        kind: "docker-config",
        text,
        followed: Some(password.clone().into_bytes()),
        secret: password,
    });
}

fn keys(random: &mut Random, all: &mut Vec<Planted>) {
    for (kind, label, headers) in [
        ("pem-rsa", "RSA PRIVATE KEY", ""),
        ("pem-ec", "EC PRIVATE KEY", ""),
        ("pem-pkcs8", "PRIVATE KEY", ""),
        ("pem-encrypted", "ENCRYPTED PRIVATE KEY", ""),
        ("pem-encrypted-rsa", "RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"),
        ("pem-openssh", "OPENSSH PRIVATE KEY", ""),
    ] {
        let (text, line, der) = pem(random, label, headers);
        all.push(Planted { kind, text, secret: line, followed: Some(der) });
    }
    let mut ssh = b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none".to_vec();
    ssh.extend(random.bytes(120));
    let line = STANDARD.encode(&ssh);
    all.push(Planted {
        kind: "ssh-key-line",
        secret: line[60..].to_owned(),
        text: format!("key {line}"),
        followed: Some(ssh),
    });
    add(all, "jwk", URL_SAFE_NO_PAD.encode(random.bytes(32)), |it| {
        format!(r#"{{"kty":"EC","crv":"P-256","x":"abc","d":"{it}","y":"def"}}"#)
    });
    add(all, "totp-seed", random.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32), |it| {
        format!("otpauth://totp/shop:bob?secret={it}&issuer=shop")
    });
    add(all, "htpasswd", format!("$2y$05${}", random.word(53)), |it| format!("bob:{it}"));
    add(all, "shadow", format!("$6${}${}", random.word(8), random.word(86)), |it| {
        format!("root:{it}:19000:0:99999:7:::")
    });
}

/// One secret of each kind that stands on command lines.
pub(crate) fn command_lines(random: &mut Random) -> Vec<Planted> {
    let mut all = Vec::new();
    commands(random, &mut all);
    all
}

fn commands(random: &mut Random, all: &mut Vec<Planted>) {
    add(all, "long-flag", random.password(), |it| format!("deploy --password={it} --verbose"));
    add(all, "long-flag-apart", random.password(), |it| format!("deploy --password {it} --verbose"));
    add(all, "mysql-flag", random.password(), |it| format!("mysql -uroot -p{it} shop"));
    add(all, "sshpass-flag", random.password(), |it| format!("sshpass -p {it} ssh n1"));
    add(all, "curl-flag", random.word(20), |it| format!("curl -s -u bob:{it} https://x.example"));
    add(all, "registry-login", random.password(), |it| format!("docker login -u bob -p {it} r.example"));
    add(all, "redis-flag", random.password(), |it| format!("redis-cli -h h -a {it} ping"));
    add(all, "from-literal", random.word(20), |it| {
        format!("kubectl create secret generic a --from-literal=k={it}")
    });
    add(all, "variable", random.password(), |it| format!("PGPASSWORD={it} psql -h db"));
    add(all, "connection-url", random.word(20), |it| {
        format!("postgres://app:{it}@db:5432/shop?sslmode=require")
    });
}

fn documents(random: &mut Random, all: &mut Vec<Planted>) {
    let value = random.word(24);
    let text = format!(
        r#"{{"kind":"Secret","apiVersion":"v1","metadata":{{"name":"db"}},"data":{{"user":"{}","pass":"{}"}},"type":"Opaque"}}"#,
        STANDARD.encode("bob"),
        STANDARD.encode(&value)
    );
    all.push(Planted {
        kind: "kubernetes-secret",
        text,
        followed: Some(value.clone().into_bytes()),
        secret: value,
    });
    add(all, "vault-raw-value", random.word(24), |it| {
        format!(
            r#"{{"request":{{"mount_type":"kv","path":"secret/data/a","data":{{"data":{{"key":"{it}"}}}}}}}}"#
        )
    });
    add(all, "environment-variable", random.word(24), |it| {
        format!(r#"{{"env":[{{"name":"A","value":"b"}},{{"name":"DB_PASSWORD","value":"{it}"}}]}}"#)
    });
    add(all, "sql", random.word(18), |it| format!("CREATE USER bob IDENTIFIED BY '{it}'"));
    add(all, "url-password", random.word(20), |it| format!("git clone https://bob:{it}@git.example/x"));
    add(all, "connection-string", random.password(), |it| {
        format!("Server=db;User Id=sa;Password={it};Encrypt=true")
    });
    add(all, "json-password", random.word(20), |it| format!(r#"{{"user":"bob","password":"{it}"}}"#));
    add(all, "yaml-password", random.word(20), |it| format!("db:\n  user: bob\n  password: {it}\n"));
    add(all, "xml-password", random.word(20), |it| format!("<user>bob</user><password>{it}</password>"));
    add(all, "form", random.word(20), |it| {
        format!("grant_type=client_credentials&client_secret={it}&scope=x")
    });
}
