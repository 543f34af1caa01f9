//! The response cache in front of a route: the route says what it caches, for how long and under
//! which tag; headers, conditions and forms are here.
//!
//! An answer is kept by scope: anyone who may see just the same rows gets the same bytes. Who asks and
//! what they may do is settled before, on every request.

use std::{future::Future, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, AcceptEncoding, Encoding, EntityTag, Header, IfNoneMatch},
};
use cache::{Entry, Found, Outcome, Plan};
use common::{CompanyId, Topic, topic::tag};
use http_service::{Problem, ProblemKind, timestamp};
use serde::Serialize;
use store::Scope;
use telemetry::metrics;

use crate::{Api, analytics::TimeRange};

/// What a route opts into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CachePolicy {
    plan: Plan,
    topic: Topic,
}

impl CachePolicy {
    // Private: a policy made elsewhere would not be listed.
    const fn new(endpoint: &'static str, ttl_secs: u64, topic: Topic) -> Self {
        let ttl = Duration::from_secs(ttl_secs);
        Self { plan: Plan { endpoint, ttl, local: ttl }, topic }
    }

    /// What one replica computes again for all others is looked for there every few seconds.
    const fn shared(endpoint: &'static str, ttl_secs: u64, topic: Topic) -> Self {
        let mut route = Self::new(endpoint, ttl_secs, topic);
        route.plan.local = Duration::from_secs(5);
        route
    }
}

/// Declares every cached route, so that none is missing in [`ROUTES`] and with it in the hit rates.
macro_rules! routes {
    ($($(#[$meta:meta])* $vis:vis $name:ident = $policy:expr;)+) => {
        $($(#[$meta])* $vis const $name: CachePolicy = $policy;)+

        /// Every cached route, for figures.
        pub(crate) const ROUTES: &[CachePolicy] = &[$($name),+];
    };
}

routes! {
    pub(crate) TRANSACTIONS = CachePolicy::new("transactions", 120, Topic::Transactions);
    /// What lists of transactions add up to.
    pub(crate) TOTALS = CachePolicy::new("transactions.totals", 120, Topic::Transactions);
    pub(crate) TRANSACTION = CachePolicy::new("transaction", 120, Topic::Transactions);
    pub(crate) ACCOUNTS = CachePolicy::new("accounts", 600, Topic::Accounts);
    pub(crate) ACCOUNT = CachePolicy::new("account", 600, Topic::Accounts);
    pub(crate) EVENTS = CachePolicy::new("events", 120, Topic::Events);
    pub(crate) EVENT = CachePolicy::new("event", 120, Topic::Events);
    HOUR = CachePolicy::shared("analytics.hour", 300, Topic::Analytics);
    DAY = CachePolicy::shared("analytics.day", 600, Topic::Analytics);
    WEEK = CachePolicy::shared("analytics.week", 1800, Topic::Analytics);
    MONTH = CachePolicy::shared("analytics.month", 3600, Topic::Analytics);
    /// Figures of any span: each is asked for by few.
    pub(crate) SPAN = CachePolicy::new("analytics.span", 180, Topic::Analytics);
}

/// The route of figures of a range.
pub(crate) const fn analytics(range: TimeRange) -> CachePolicy {
    match range {
        TimeRange::Hour => HOUR,
        TimeRange::Day => DAY,
        TimeRange::Week => WEEK,
        TimeRange::Month => MONTH,
    }
}

impl CachePolicy {
    /// Its name in figures.
    pub const fn endpoint(self) -> &'static str {
        self.plan.endpoint
    }

    /// How long an answer is kept.
    pub const fn ttl(self) -> Duration {
        self.plan.ttl
    }
}

/// Longest wait for the database to make an answer.
pub(crate) const COMPUTE: Duration = Duration::from_secs(30);

/// The first part of a cached body, up to its data.
const HEAD: &[u8] = br#"{"success":true,"data":"#;

/// The end of data that say when they were made, before that is known.
const UNDATED: &[u8] = br#""generatedAt":null}"#;

/// The body of an answer around its data. The moment is put in here, so that data which did not change
/// keep their body and its ETag.
pub(crate) fn wrap(data: &[u8]) -> Vec<u8> {
    let now = timestamp();
    let end = [br#","timestamp":""#, now.as_bytes(), br#""}"#].concat();
    match data.strip_suffix(UNDATED) {
        Some(rest) => [HEAD, rest, br#""generatedAt":""#, now.as_bytes(), br#""}"#, &end].concat(),
        None => [HEAD, data, &end].concat(),
    }
}

/// The answer to `request` by `route`, of the rows in `scope`; `key` tells it from the route's other
/// answers, and `compute` makes its data where it is not kept.
pub(crate) async fn answer<T, F>(
    api: &Api,
    request: &HttpRequest,
    route: CachePolicy,
    scope: Scope,
    key: &str,
    compute: impl FnOnce(Api) -> F + Send + 'static,
) -> Result<HttpResponse, Problem>
where
    T: Serialize + Send,
    F: Future<Output = Result<T, Problem>> + Send + 'static,
{
    Ok(respond(api, request, route, &find(api, route, scope, key, compute).await?))
}

async fn find<T, F>(
    api: &Api,
    route: CachePolicy,
    scope: Scope,
    key: &str,
    compute: impl FnOnce(Api) -> F + Send + 'static,
) -> Result<Found, Problem>
where
    T: Serialize + Send,
    F: Future<Output = Result<T, Problem>> + Send + 'static,
{
    let own = api.clone();
    let computed = move || async move { made(compute(own)).await };
    let found = Box::pin(api.cache.get(route.plan, &tag_of(route, scope), key, computed)).await;
    found.map_err(|problem: Arc<Problem>| (*problem).clone())
}

/// The body of an answer by `route`, from where [`answer`] has it.
pub(crate) async fn body<T, F>(
    api: &Api,
    route: CachePolicy,
    scope: Scope,
    key: &str,
    compute: impl FnOnce(Api) -> F + Send + 'static,
) -> Result<Arc<Entry>, Problem>
where
    T: Serialize + Send,
    F: Future<Output = Result<T, Problem>> + Send + 'static,
{
    Ok(find(api, route, scope, key, compute).await?.entry)
}

/// Sees to it that the answer is there as of the last commit, for all who will ask; computes it only if
/// nobody has.
pub(crate) async fn ensure<T, F>(
    api: &Api,
    route: CachePolicy,
    scope: Scope,
    key: &str,
    compute: impl FnOnce() -> F + Send + 'static,
) -> Result<u64, Problem>
where
    T: Serialize + Send,
    F: Future<Output = Result<T, Problem>> + Send + 'static,
{
    let computed = move || async move { made(compute()).await };
    let found = Box::pin(api.cache.ensure(route.plan, &tag_of(route, scope), key, computed)).await;
    found.map_err(|problem: Arc<Problem>| (*problem).clone())
}

/// Computes an answer again for all who will ask. Returns the version that it is kept under.
pub(crate) async fn refresh<T, F>(
    api: &Api,
    route: CachePolicy,
    scope: Scope,
    key: &str,
    compute: impl FnOnce() -> F + Send,
) -> Result<u64, Problem>
where
    T: Serialize + Send,
    F: Future<Output = Result<T, Problem>> + Send,
{
    let computed = move || async move { made(compute()).await };
    Box::pin(api.cache.refresh(route.plan, &tag_of(route, scope), key, computed)).await
}

/// The data that `compute` comes to, with an end to it: others wait for the same answer.
async fn made<T: Serialize>(compute: impl Future<Output = Result<T, Problem>>) -> Result<Vec<u8>, Problem> {
    let silent = || Err(Problem::new(ProblemKind::Unavailable, "the database did not answer in time"));
    written(&store::deadline::answered(COMPUTE, compute).await.unwrap_or_else(silent)?)
}

fn tag_of(route: CachePolicy, scope: Scope) -> String {
    let company = match scope {
        Scope::All => None,
        Scope::Company(id) => Some(CompanyId(id)),
    };
    tag(company, route.topic)
}

fn written(data: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(data).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        Problem::new(ProblemKind::Internal, "the answer could not be written")
    })
}

fn respond(api: &Api, request: &HttpRequest, route: CachePolicy, found: &Found) -> HttpResponse {
    let entry = &found.entry;
    let gzip = entry.gzip.as_ref().filter(|_| accepts_gzip(request));
    metrics::cache(route.plan.endpoint, outcome(found.outcome));
    let tag = EntityTag::new_strong(entry.etag(gzip.is_some()));
    let is_known = is_known(request, &tag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::ETAG, tag.to_string()))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::VARY, "Authorization, Cookie, Accept-Encoding"))
        .insert_header((header::AGE, age(entry)))
        .insert_header(("x-cache", outcome(found.outcome)));
    if is_known {
        api.meter.count(&format!("cache.not_modified:{}", route.plan.endpoint), 1);
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, "application/json"));
    match gzip {
        Some(bytes) => response.insert_header((header::CONTENT_ENCODING, "gzip")).body(bytes.clone()),
        None => response.body(entry.plain.clone()),
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Hit => "HIT",
        Outcome::Miss => "MISS",
        Outcome::Stale => "STALE",
    }
}

fn age(entry: &Entry) -> String {
    entry.age().as_secs().to_string()
}

/// Whether the compressed form is wanted.
pub(crate) fn accepts_gzip(request: &HttpRequest) -> bool {
    // The plain form is wanted where nothing is said.
    request.headers().contains_key(header::ACCEPT_ENCODING)
        && AcceptEncoding::parse(request)
            .ok()
            .and_then(|accepted| accepted.negotiate([Encoding::gzip(), Encoding::identity()].iter()))
            .is_some_and(|chosen| chosen == Encoding::gzip())
}

/// `If-None-Match` by weak comparison (RFC 9110, 13.1.2). A header that cannot be read does not match.
pub(crate) fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    if !request.headers().contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn conditions_as_rfc_9110_has_them() {
        let tag = EntityTag::new_strong("abc".to_owned());
        for (value, expected) in [
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("\"x\", W/\"abc\"", true),
            ("\"x\",\"abc\" , \"y\"", true),
            ("*", true),
            ("\"ab\"", false),
            ("\"abc-gzip\"", false),
            ("abc", false),
            ("", false),
        ] {
            let request = TestRequest::get().insert_header((header::IF_NONE_MATCH, value)).to_http_request();
            assert_eq!(is_known(&request, &tag), expected, "{value}");
        }
        assert!(!is_known(&TestRequest::get().to_http_request(), &tag));
    }

    #[test]
    fn the_compressed_form_goes_to_those_who_ask_for_it() {
        for (value, expected) in
            [("gzip", true), ("gzip, deflate, br", true), ("*", false), ("gzip;q=0", false), ("identity", false), ("br", false)]
        {
            let request = TestRequest::get().insert_header((header::ACCEPT_ENCODING, value)).to_http_request();
            assert_eq!(accepts_gzip(&request), expected, "{value}");
        }
        assert!(!accepts_gzip(&TestRequest::get().to_http_request()));
    }
}
