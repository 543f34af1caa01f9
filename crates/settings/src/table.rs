//! The one table of settings: name, default, form and text of each. Reading, `--help`, the names that a file may have and
//! `netbanx settings --markdown` come from it.
//!
//! A new setting is a row here and a field of `Settings`, which says what it is for in the code; then `UPDATE_SETTINGS=1 cargo
//! test -p netbanx settings` writes `docs/settings.md`.

use std::fmt::Write;

/// A setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// Its value where it is unset; empty: none, or what its text says.
    pub default: &'static str,
    /// What it may be.
    pub form: Form,
    /// What it does, in Markdown.
    pub text: &'static str,
}

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// Any text; its reader says more.
    Text,
    /// A text that is never shown.
    Secret,
    /// true or false.
    Switch,
    /// A whole number.
    Number {
        /// The least.
        low: u64,
        /// The largest.
        high: u64,
        /// Of what.
        unit: &'static str,
    },
    /// A number from 0 to 1.
    Share,
    /// One of these.
    Choice(&'static [&'static str]),
}

impl Form {
    /// What it may be, for people; empty where the text says it.
    pub fn describe(self) -> String {
        match self {
            Self::Text | Self::Secret => String::new(),
            Self::Switch => "true or false".to_owned(),
            Self::Number { low, high, unit } => format!("{low} to {high}{}{unit}", if unit.is_empty() { "" } else { " " }),
            Self::Share => "0 to 1".to_owned(),
            Self::Choice(names) => names.join(", "),
        }
    }
}

/// Settings that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// The settings.
    pub settings: &'static [&'static Setting],
}

const fn text(default: &'static str) -> (&'static str, Form) {
    (default, Form::Text)
}

const fn secret() -> (&'static str, Form) {
    ("", Form::Secret)
}

const fn switch(default: &'static str) -> (&'static str, Form) {
    (default, Form::Switch)
}

const fn number(default: &'static str, low: u64, high: u64, unit: &'static str) -> (&'static str, Form) {
    (default, Form::Number { low, high, unit })
}

const fn share(default: &'static str) -> (&'static str, Form) {
    (default, Form::Share)
}

const fn choice(default: &'static str, names: &'static [&'static str]) -> (&'static str, Form) {
    (default, Form::Choice(names))
}

macro_rules! table {
    ($($title:literal { $($name:ident = $form:expr, $text:literal;)+ })+) => {
        $($(pub(crate) static $name: Setting = {
            let (default, form) = $form;
            Setting { name: stringify!($name), default, form, text: $text }
        };)+)+

        /// Every setting there is, by what it is about.
        pub static GROUPS: &[Group] = &[$(Group { title: $title, settings: &[$(&$name),+] }),+];
    };
}

table! {
    "Process" {
        APP_ENV = choice("development", &["development", "production", "test"]),
            "`production`: JSON logs; signatures cannot be switched off, and nothing leaves the machine in plain text";
        MASTER_KEY = secret(),
            "32 bytes in base64 (`openssl rand -base64 32`), which encrypt receivers' keys, endpoints' keys, the secrets of second factors, the passwords of look-ups and what alert channels need; `dev` makes its own. To replace it: put \
             the new one before it, separated by a comma, restart, `netbanx secret rewrap`, then take the old one away once no \
             sealed dead letter is left";
        ADMIN_BIND = text(""), "address and port on which health and metrics are served apart from the public port; per service";
        HTTP_WORKERS = number("0", 0, 256, "threads"), "threads of each HTTP service; 0: one per core";
        SHUTDOWN_TIMEOUT_SECS = number("20", 1, 600, "seconds"), "how long work in flight may take to end after SIGTERM";
        RUST_LOG = text("info"), "what is logged, as `tracing` filters it: `info,store=debug`";
    }
    "Database" {
        DATABASE_URL = text("sqlite://./data/netbanx.db?mode=rwc"), "or `postgres://…`";
        DATABASE_MAX_CONNECTIONS = number("8", 1, 1000, "connections"),
            "connections of each process, and four more of the API for deliveries; for the worker at least `WORKER_CONCURRENCY` + 2";
        DATABASE_STATEMENT_TIMEOUT_SECS = number("30", 0, 3600, "seconds"),
            "that PostgreSQL gives a statement of the API (ten minutes one of a file); 0: no limit. It goes by the connection's `options`, \
             which PgBouncer must ignore (`ignore_startup_parameters = options`); there `ALTER ROLE … SET statement_timeout` does it";
    }
    "Redis" {
        REDIS_URL = text("redis://127.0.0.1:6379/0"),
            "`redis://`, `redis-cluster://HOST:PORT?node=HOST:PORT` or `redis-sentinel://HOST:PORT/DB?sentinelServiceName=NAME&node=HOST:PORT`; \
             with TLS `rediss://`, `rediss-cluster://`, `rediss-sentinel://`. In its place the parts below";
        REDIS_HOST = text("127.0.0.1"), "several, separated by commas: Redis Cluster";
        REDIS_PORT = number("6379", 1, 65_535, ""), "of hosts that name none";
        REDIS_PASSWORD = secret(), "of the user `default`";
        REDIS_DB = number("0", 0, 255, ""), "the database's number; a cluster has only 0";
        CACHE_REDIS_URL = text(""),
            "for answers, figures and leases; may evict (`allkeys-lru`) and needs no persistence. Unset: the same Redis";
        REDIS_TLS_CA_FILE = text(""),
            "PEM file of the authority that signed the certificate of a `rediss://` server. Unset: the system's authorities";
        REDIS_TLS_CERT_FILE = text(""), "PEM file of our own certificate, where Redis asks for one";
        REDIS_TLS_KEY_FILE = text(""), "PEM file of its key";
        ALLOW_PLAINTEXT = switch("false"),
            "in production Redis on another host must be `rediss://…` and PostgreSQL `sslmode=verify-full` (with `sslrootcert`, \
             `sslcert`, `sslkey`), unless `true` says that the network encrypts";
    }
    "Receiving webhooks" {
        INGRESS_BIND = text("127.0.0.1:8081"), "where ingress listens";
        INGRESS_PUBLIC_URL = text(""), "where portals reach ingress, shown on the dashboard. Unset: the API's own address";
        INGRESS_DATABASE_FALLBACK = switch("true"),
            "whether ingress asks the database for receivers where Redis has no directory of them; with `false`, as in `k8s/`, it \
             needs no database and no `DATABASE_URL`";
        WEBHOOK_SIGNATURE_VALIDATION = switch("true"), "`false` accepts unsigned webhooks; refused in production";
        BODY_TIMEOUT_SECS = number("10", 1, 600, "seconds"), "how long a webhook's body may take";
        BODY_MEMORY_MIB = number("64", 1, 65_536, "MiB"), "for all bodies that one ingress is receiving";
        CLIENT_ADDRESS_HEADER = text(""),
            "the header in which a proxy of yours gives a client's address, such as `x-forwarded-for`. Unset: the peer's address counts";
        CLIENT_ADDRESS_HOPS = number("1", 1, 32, "entries"), "which entry of that header counts, from its end";
        DEDUP_TTL_SECS = number("3600", 1, 31_536_000, "seconds"),
            "how long Redis remembers an event at least (twice as long at most); the database always does";
    }
    "Queue" {
        QUEUE_NAME = text("netbanx"), "first part of every key of the queue; the same for all services";
        QUEUE_SHARDS = number("4", 1, 64, "shards"), "the same for all services";
        QUEUE_PACKING = choice("dictionary", &["dictionary", "alone"]),
            "`alone`: jobs that versions without a dictionary can read, too; a waiting job takes a third more of Redis";
        QUEUE_OTHERS_SHARE = number("10", 1, 1000, ""), "one place in this many is kept for events that are not payments";
        QUEUE_LEASE_SECS = number("10", 1, 3600, "seconds"), "how long a killed worker's jobs wait for another";
        QUEUE_MIN_REPLICAS = number("0", 0, 5, "replicas"),
            "of Redis that must have a webhook before it is answered 2xx; with 1 a fail-over loses nothing";
        QUEUE_DEAD_MAX_AGE_DAYS = number("30", 1, 3650, "days"), "how long dead letters are kept";
        QUEUE_DEAD_MAX_COUNT = number("100000", 1, 10_000_000, "letters"), "how many dead letters are kept in each lane";
        BATCH_SIZE = number("25", 1, 1000, "jobs"), "in one batch at most";
        BATCH_MAX_WAIT_MS = number("2000", 1, 60_000, "milliseconds"),
            "the longest that a batch may take to gather; it goes at once when nothing more is waiting";
        MAX_ATTEMPTS = number("3", 1, 100, "attempts"), "before a job is a dead letter";
        WORKER_CONCURRENCY = number("4", 1, 64, "batches"), "at once in one worker";
    }
    "Retention" {
        HISTORY_DAYS = number("0", 0, 36_500, "days"), "how long stored webhooks and transactions are kept; 0: for ever";
        ROLLUP_MINUTE_DAYS = number("7", 1, 3650, "days"), "how long figures by minute are kept";
        ROLLUP_HOUR_DAYS = number("100", 15, 36_500, "days"), "how long figures by hour are kept; those by day stay";
    }
    "Dashboards" {
        API_BIND = text("127.0.0.1:8080"), "where the API and the dashboard listen";
        CACHE_MEMORY_MIB = number("64", 1, 65_536, "MiB"), "for answers in each replica of the API";
        CACHE_ENTRY_MAX_BYTES = number("1048576", 1024, 67_108_864, "bytes"),
            "the largest answer, compressed, that is cached";
        CACHE_COMPANY_MAX_MIB = number("32", 1, 65_536, "MiB"), "memory of the cache's Redis for the answers of one company, at most 1,000 of them";
        REQUESTS_PER_MINUTE = number("1200000", 1, 60_000_000, "requests"), "requests of one token or user, beyond which the answer is 429; each replica of the API counts by itself";
        REQUESTS_PER_MINUTE_COMPANY = number("2400000", 1, 60_000_000, "requests"), "requests of one company, counted in the same way";
    }
    "Sign-in" {
        SECOND_FACTOR = choice("optional", &["optional", "administrators", "everyone"]),
            "who must use a second factor; `administrators` are those of the platform and of companies";
        OIDC_ISSUER = text(""),
            "address of an OpenID Connect provider by which people may sign in; with it go the next three";
        OIDC_CLIENT_ID = text(""), "our registration there";
        OIDC_CLIENT_SECRET = secret(), "its secret; only the API needs it";
        OIDC_REDIRECT_URL = text(""), "`https://YOUR-HOST/api/v1/session/oidc/callback`, as it is registered there";
        OIDC_SCOPES = text("openid email profile"), "what the provider is asked for";
        OIDC_ROLES_CLAIM = text("roles"),
            "the claim that lists roles, in the ID token or in what the provider says when it is asked (userinfo); \
             `realm_access.roles` leads into an object";
        OIDC_COMPANY_CLAIM = text(""), "the claim that names the company by its slug";
        OIDC_ADMIN_ROLE = text(""), "a role that makes an administrator; this or `OIDC_ROLES` is needed";
        OIDC_ROLES = text(""), "what roles permit: `ROLE:PERMISSION+PERMISSION`, separated by commas";
    }
    "Telemetry" {
        OTEL_EXPORTER_OTLP_ENDPOINT = text(""), "where traces and metrics go (OTLP over HTTP), for example `http://127.0.0.1:4318`";
        OTEL_SDK_DISABLED = switch("false"), "`true`: no traces, no metrics, no figures of ingress in the status";
        OTEL_TRACES_SAMPLER_ARG = share(""),
            "share of requests that are traced when their sender has not decided it. Unset: 0.01 in production, else 1";
    }
    "Alerts" {
        ALERT_BACKLOG = number("100", 1, 1_000_000_000, "jobs"), "the alert fires when more jobs are waiting";
        ALERT_OLDEST_SECS = number("60", 1, 86_400, "seconds"), "the alert fires when a job has been waiting longer";
        ALERT_HIT_RATE = share("0.8"), "the alert fires when a smaller share of answers comes from the cache";
        ALERT_FAILURE_RATE = share("0.1"), "the alert fires when a larger share of attempts fails";
        ALERT_REDIS_MEMORY = share("0.9"), "the alert fires when a larger share of Redis' memory is in use";
    }
    "Messages to companies' endpoints" {
        OUTBOUND_ALLOW_HTTP = switch("false"), "endpoints may have plain `http` URLs";
        OUTBOUND_ALLOW_NETWORKS = text(""),
            "networks that endpoints may lie in though they are not public, such as `10.1.0.0/16`, separated by commas";
        OUTBOUND_PROXY = text(""), "`http://HOST:PORT` through which messages go to endpoints, and look-ups to Netbanx";
    }
    "Alerts reach people" {
        SMTP_URL = secret(),
            "mail server for alerts: `smtps://USER:PASSWORD@HOST:465`, or `smtp://USER:PASSWORD@HOST:587` with STARTTLS; `?tls=none` \
             goes without, on this machine alone. Unset: no e-mail";
        SMTP_TLS_CA_FILE = text(""), "PEM file of the authority that signed that server's certificate. Unset: the system's authorities";
        ALERT_MAIL_FROM = text(""), "sender of those e-mails, which `SMTP_URL` needs";
        ALERT_SETTLE_SECS = number("30", 1, 3600, "seconds"),
            "how long an alert must be active, or over, before people are told; alerts that come together are one message";
    }
    "Look-ups at Netbanx" {
        LOOKUP_TIMEOUT_SECS = number("15", 1, 120, "seconds"), "the longest that one request to Netbanx takes";
        LOOKUP_PER_MINUTE = number("30", 1, 600, "requests"), "within any minute for each company that configured look-ups";
        LOOKUP_PENDING_FACTOR = number("2", 1, 100, "times"),
            "Netbanx is asked about a transaction once it has been pending this many times longer than is usual for its payment method";
        LOOKUP_PENDING_FLOOR_SECS = number("3600", 1, 2_592_000, "seconds"), "never sooner than this after it was made";
    }
}

/// Every setting there is.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    GROUPS.iter().flat_map(|group| group.settings.iter().copied())
}

/// The setting of that name.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.name == name)
}

/// All settings as a document in Markdown.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Settings\n\nEach is an environment variable, or a line of the TOML file that `NETBANX_CONFIG` names; the environment \
         wins. What is malformed or unknown stops the start with a message that names it. This page is what `netbanx settings \
         --markdown` prints.\n",
    );
    for group in GROUPS {
        // Writing to a text does not fail.
        let _ = write!(text, "\n## {}\n\n| setting | default | may be | meaning |\n| --- | --- | --- | --- |\n", group.title);
        for Setting { name, default, form, text: meaning } in group.settings {
            let default = if default.is_empty() { "–".to_owned() } else { format!("`{default}`") };
            let _ = writeln!(text, "| `{name}` | {default} | {} | {meaning} |", form.describe());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_defaults_are_what_they_may_be() {
        assert_eq!(all().map(|setting| setting.name).collect::<BTreeSet<_>>().len(), all().count());
        for Setting { name, default, form, .. } in all().filter(|setting| !setting.default.is_empty()) {
            let fits = match form {
                Form::Text => true,
                Form::Secret => false,
                Form::Switch => ["true", "false"].contains(default),
                Form::Number { low, high, .. } => default.parse().is_ok_and(|number: u64| (*low..=*high).contains(&number)),
                Form::Share => default.parse().is_ok_and(|share: f64| (0.0..=1.0).contains(&share)),
                Form::Choice(names) => names.contains(default),
            };
            assert!(fits, "{name}: {default}");
        }
    }
}
