//! Which secrets say what they are, and how each kind looks.
//!
//! In: nothing. Out: the list of kinds that begin with a fixed prefix ([`FAMILIES`]), and of those that have a fixed mark
//! in their middle ([`MARKED`]). Owns: both lists, from the issuers' own documentation and from the rules of gitleaks 8 and
//! of Microsoft's security-utilities. Ids that begin likewise (access key ids, SIDs, public keys) are none.

/// Secrets that begin alike.
pub(super) struct Family {
    pub(super) prefix: &'static str,
    /// Fewest characters behind the prefix.
    pub(super) min: usize,
    /// Characters it may have besides letters and digits.
    pub(super) besides: &'static [u8],
    pub(super) kind: &'static str,
    /// What the body may begin with where capitals and small letters need not be mixed in it, though the prefix is short.
    pub(super) next: &'static [u8],
}

/// Secrets that are known by a mark in their middle: both sides have a fixed length.
pub(super) struct Marked {
    pub(super) mark: &'static str,
    /// Characters in front of the mark.
    pub(super) before: usize,
    /// Fewest and most characters behind it, without padding.
    pub(super) behind: (usize, usize),
    /// Characters it may have besides letters and digits.
    pub(super) besides: &'static [u8],
    pub(super) kind: &'static str,
}

/// Letters, digits, `_` and `-`.
const fn family(prefix: &'static str, min: usize, kind: &'static str) -> Family {
    with(b"_-", prefix, min, kind)
}

/// Letters and digits.
const fn solid(prefix: &'static str, min: usize, kind: &'static str) -> Family {
    with(b"", prefix, min, kind)
}

/// Several parts with dots between them.
const fn dotted(prefix: &'static str, min: usize, kind: &'static str) -> Family {
    with(b"_-.", prefix, min, kind)
}

/// Base64 of either alphabet.
const fn base64(prefix: &'static str, min: usize, kind: &'static str) -> Family {
    with(b"+/=_-", prefix, min, kind)
}

const fn with(besides: &'static [u8], prefix: &'static str, min: usize, kind: &'static str) -> Family {
    Family { prefix, min, besides, kind, next: b"" }
}

/// A key of Azure: its mark stands behind `before` characters, and 6 and padding follow.
const fn azure(mark: &'static str, before: usize) -> Marked {
    Marked { mark, before, behind: (6, 6), besides: b"+/_-", kind: "azure-key" }
}

#[rustfmt::skip] // a line each
pub(super) const FAMILIES: &[Family] = &[
    family("hvs.", 20, "vault-token"),
    family("hvb.", 20, "vault-token"),
    family("hvr.", 20, "vault-token"),
    family("ghp_", 30, "github-token"),
    family("gho_", 30, "github-token"),
    family("ghu_", 30, "github-token"),
    family("ghs_", 30, "github-token"),
    family("ghr_", 30, "github-token"),
    family("github_pat_", 22, "github-token"),
    family("glpat-", 16, "gitlab-token"),
    family("glptt-", 16, "gitlab-token"),
    family("glrt-", 16, "gitlab-token"),
    family("gldt-", 16, "gitlab-token"),
    family("glcbt-", 16, "gitlab-token"),
    family("glft-", 16, "gitlab-token"),
    family("glimt-", 16, "gitlab-token"),
    family("glagent-", 30, "gitlab-token"),
    family("gloas-", 30, "gitlab-token"),
    family("glsoat-", 16, "gitlab-token"),
    family("glffct-", 16, "gitlab-token"),
    family("GR1348941", 16, "gitlab-token"),
    family("xoxb-", 16, "slack-token"),
    family("xoxp-", 16, "slack-token"),
    family("xoxa-", 16, "slack-token"),
    family("xoxr-", 16, "slack-token"),
    family("xoxs-", 16, "slack-token"),
    family("xoxc-", 16, "slack-token"),
    with(b"_-%+/=", "xoxd-", 16, "slack-token"),
    dotted("xoxe", 16, "slack-token"),
    family("xapp-", 16, "slack-token"),
    with(b"/", "hooks.slack.com/services/", 30, "slack-webhook"),
    with(b"/", "hooks.slack.com/workflows/", 30, "slack-webhook"),
    with(b"/", "hooks.slack.com/triggers/", 30, "slack-webhook"),
    with(b"/_-", "discord.com/api/webhooks/", 60, "discord-webhook"),
    with(b"/_-", "discordapp.com/api/webhooks/", 60, "discord-webhook"),
    with(b"@/-", "webhook.office.com/webhookb2/", 60, "teams-webhook"),
    with(b":_-", "api.telegram.org/bot", 40, "telegram-token"),
    dotted("ya29.", 20, "google-token"),
    family("1//0", 36, "google-token"),
    family("GOCSPX-", 20, "google-secret"),
    family("AIza", 35, "google-key"),
    family("AQVN", 35, "yandex-key"),
    family("sk_live_", 16, "stripe-key"),
    family("rk_live_", 16, "stripe-key"),
    family("sk_test_", 16, "stripe-key"),
    family("rk_test_", 16, "stripe-key"),
    family("sk_prod_", 16, "stripe-key"),
    family("rk_prod_", 16, "stripe-key"),
    base64("whsec_", 32, "stripe-key"),
    family("npm_", 30, "npm-token"),
    family("pypi-AgE", 16, "pypi-token"),
    solid("CLOJARS_", 60, "clojars-token"),
    family("rubygems_", 40, "rubygems-key"),
    Family { next: b"abcdefghijklmnop", ..solid("oy2", 43, "nuget-key") },
    dotted("SG.", 60, "sendgrid-key"),
    family("xkeysib-", 60, "brevo-key"),
    family("xsmtpsib-", 60, "brevo-key"),
    Family {
        next: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        ..solid("hf_", 30, "huggingface-token")
    },
    solid("api_org_", 30, "huggingface-token"),
    Family { next: b"0123456789abcdef", ..family("sk-", 32, "api-key") },
    family("sk-or-v1-", 60, "api-key"),
    family("pplx-", 40, "api-key"),
    solid("gsk_", 40, "api-key"),
    solid("xai-", 70, "api-key"),
    family("pcsk_", 60, "api-key"),
    family("lsv2_pt_", 32, "api-key"),
    family("lsv2_sk_", 32, "api-key"),
    solid("r8_", 37, "api-key"),
    base64("ABSKQmVkcm9ja0FQSUtleS", 80, "aws-bedrock-key"),
    base64("bedrock-api-key-", 80, "aws-bedrock-key"),
    with(b"+/=", "FwoGZXIvYXdz", 40, "aws-session-token"),
    with(b"+/=", "IQoJb3JpZ2luX2Vj", 40, "aws-session-token"),
    family("AGE-SECRET-KEY-1", 40, "age-key"),
    family("dop_v1_", 60, "digitalocean-token"),
    family("doo_v1_", 60, "digitalocean-token"),
    family("dor_v1_", 60, "digitalocean-token"),
    family("dckr_pat_", 20, "docker-token"),
    family("dckr_oat_", 20, "docker-token"),
    family("dapi", 32, "databricks-token"),
    family("glsa_", 32, "grafana-token"),
    base64("glc_eyJ", 32, "grafana-token"),
    base64("eyJrIjoi", 60, "grafana-token"),
    family("shpat_", 32, "shopify-token"),
    family("shpca_", 32, "shopify-token"),
    family("shppa_", 32, "shopify-token"),
    family("shpss_", 32, "shopify-token"),
    family("sqp_", 40, "sonar-token"),
    family("squ_", 40, "sonar-token"),
    family("sqa_", 40, "sonar-token"),
    family("tskey-", 16, "tailscale-key"),
    solid("lin_api_", 40, "linear-token"),
    solid("lin_oauth_", 40, "linear-token"),
    solid("ntn_", 40, "notion-token"),
    family("PMAK-", 59, "postman-key"),
    solid("pul-", 40, "pulumi-token"),
    with(b"_-.=", "pscale_tkn_", 32, "planetscale-token"),
    with(b"_-.=", "pscale_oauth_", 32, "planetscale-token"),
    with(b"_-.=", "pscale_pw_", 32, "planetscale-token"),
    solid("pnu_", 36, "prefect-key"),
    solid("pnb_", 36, "prefect-key"),
    solid("rdme_", 70, "readme-key"),
    dotted("dt0c01.", 80, "dynatrace-token"),
    dotted("dt0s01.", 80, "dynatrace-token"),
    dotted("dt0s16.", 80, "dynatrace-token"),
    dotted("dp.pt.", 40, "doppler-token"),
    dotted("dp.st.", 40, "doppler-token"),
    dotted("dp.ct.", 40, "doppler-token"),
    dotted("dp.sa.", 40, "doppler-token"),
    dotted("dp.scim.", 40, "doppler-token"),
    dotted("dp.audit.", 40, "doppler-token"),
    with(b"_-=", "duffel_live_", 40, "duffel-token"),
    with(b"_-=", "duffel_test_", 40, "duffel-token"),
    solid("EZAK", 54, "easypost-key"),
    solid("EZTK", 54, "easypost-key"),
    family("FLWSECK-", 32, "flutterwave-key"),
    family("FLWSECK_TEST-", 12, "flutterwave-key"),
    with(b"_-=", "fio-u-", 60, "frameio-token"),
    solid("ico-", 32, "infracost-key"),
    solid("NRAK-", 27, "newrelic-key"),
    solid("NRII-", 32, "newrelic-key"),
    solid("API-", 26, "octopus-key"),
    family("sha256~", 43, "openshift-token"),
    solid("sntryu_", 64, "sentry-token"),
    base64("sntrys_eyJ", 100, "sentry-token"),
    solid("sm_pat_", 16, "settlemint-token"),
    solid("sm_aat_", 16, "settlemint-token"),
    solid("sm_sat_", 16, "settlemint-token"),
    solid("shippo_live_", 40, "shippo-token"),
    solid("shippo_test_", 40, "shippo-token"),
    family("sq0atp-", 22, "square-token"),
    family("sq0csp-", 43, "square-token"),
    solid("EAAM", 100, "facebook-token"),
    solid("EAAC", 100, "facebook-token"),
    family("fo1_", 43, "fly-token"),
    with(b"+/=_-,", "fm1_", 100, "fly-token"),
    with(b"+/=_-,", "fm2_", 100, "fly-token"),
    family("HRKU-AA", 58, "heroku-key"),
    family("v1.0-", 150, "cloudflare-key"),
    base64("ops_eyJ", 200, "1password-token"),
    solid("AKCp", 60, "artifactory-key"),
    with(b":", "reftkn:", 40, "artifactory-key"),
    with(b"_-=", "ATATT3", 150, "atlassian-token"),
    with(b"_-=", "ATCTT3", 150, "atlassian-token"),
    solid("ATBB", 32, "bitbucket-token"),
    solid("bkua_", 40, "buildkite-token"),
    family("CCIPAT_", 60, "circleci-token"),
    family("CCIPRJ_", 60, "circleci-token"),
    solid("nfp_", 36, "netlify-token"),
    solid("vcp_", 40, "vercel-token"),
    solid("vca_", 40, "vercel-token"),
    solid("vcr_", 40, "vercel-token"),
    solid("vck_", 40, "vercel-token"),
    solid("sbp_", 40, "supabase-token"),
    family("sb_secret_", 30, "supabase-token"),
    dotted("sk.eyJ", 60, "mapbox-token"),
    dotted("tk.eyJ", 60, "mapbox-token"),
    family("CFPAT-", 43, "contentful-token"),
    family("figd_", 40, "figma-token"),
    with(b"_-.=", "tfp_", 50, "typeform-token"),
    family("pat-na1-", 36, "hubspot-token"),
    family("pat-eu1-", 36, "hubspot-token"),
    solid("s-s4t2ud-", 64, "intra42-secret"),
    family("tk-us-", 48, "scalingo-token"),
    dotted("pat.", 66, "harness-key"),
    solid("rootly_", 64, "rootly-key"),
    solid("napi_", 60, "neon-key"),
    family("sgp_", 40, "sourcegraph-token"),
    dotted("snyk_uat.", 60, "snyk-token"),
    dotted("snyk_sat.", 60, "snyk-token"),
    solid("p8e-", 32, "adobe-secret"),
    family("SWMTKN-1-", 60, "swarm-token"),
];

pub(super) const MARKED: &[Marked] = &[
    Marked { mark: ".atlasv1.", before: 14, behind: (60, 70), besides: b"_-=", kind: "terraform-token" },
    Marked { mark: "_mmk", before: 36, behind: (0, 0), besides: b"_", kind: "maxmind-key" },
    Marked { mark: "JQQJ9", before: 52, behind: (27, 29), besides: b"", kind: "azure-key" },
    azure("APIM", 76),
    azure("ACDb", 76),
    azure("+ABa", 76),
    azure("+AMC", 76),
    azure("+ASt", 76),
    azure("AzFu", 44),
    azure("AzSe", 42),
    azure("+ACR", 42),
    azure("AIoT", 33),
    azure("+ASb", 33),
    azure("+AEh", 33),
    azure("+ARm", 33),
    azure("AzCa", 33),
    azure("AZEG", 33),
];
