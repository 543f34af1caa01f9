//! `/api/v1/stream`: new transactions and figures as they come, by server-sent events.
//!
//! Each stream looks at what the response cache has, which all streams and readers of a company share: a
//! thousand of them cost the database no more than one.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, web};
use common::Mode;
use futures::stream;
use http_service::Problem;
use redis_client::fred::bytes::Bytes;
use serde_json::Value;
use store::{Scope, reads::TransactionFilter};

mod mark;
mod places;

pub(crate) use places::{Limits, Place, Places};

use crate::{
    Api,
    analytics::{self, TimeRange},
    auth,
    http::{
        cached,
        openapi::problems,
        query::{OfCompany, page::Paging},
    },
    reads::transactions,
};

const PERMISSION: &str = "read:transactions";
/// Streams that may be open.
pub(crate) const PLACES: Limits = Limits { what: "streams", all: 1_000, of_company: 200, of_sender: 25 };
/// How often it is looked whether anything changed.
const LOOK: Duration = Duration::from_millis(500);
/// How often an event shows that the stream lives.
const BEAT: Duration = Duration::from_secs(10);
/// Transactions that are looked at for new ones.
const LATEST: u64 = 50;
/// Whose stream it is, by the actor that `/api/v1/session` names: a browser's cookie may have changed hands meanwhile.
const ACTOR: &str = "x-actor";

/// Follow new transactions and figures. Needs `read:transactions`.
///
/// Server-sent events: `transactions` carries those of the latest 50 that are new or changed, `figures` (with
/// `read:analytics`) the hour's figures, each within two seconds of the commit. `alive` comes every ten seconds.
///
/// Each `transactions` has an id. A stream that is opened with it as `Last-Event-ID` goes on from there: it begins with what is new
/// or changed since. Where that may be more than the latest 50, `gap` comes first: the list has the rest. When the permission is
/// withdrawn the stream ends within a second. A sender may hold 25 open, a company 200.
#[utoipa::path(get, path = "/api/v1/stream", tag = "transactions", params(OfCompany,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received of another stream")),
    responses((status = 200, content_type = "text/event-stream", body = String, description = "Goes on until it is closed",
            headers(("X-Actor" = String, description = "Whose stream it is"))),
        problems::List))]
pub(crate) async fn open(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let place = api.streams.open(&caller.actor, scope)?;
    let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
    let known = last.and_then(mark::known);
    let follower = Follower {
        api: (**api).clone(),
        is_resumed: known.is_some(),
        seen: known.unwrap_or_default(),
        request,
        scope,
        figures: String::new(),
        beat: Instant::now(),
        is_first: true,
        _place: place,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<Bytes, std::io::Error>(event), follower))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .insert_header((ACTOR, caller.actor.as_str()))
        .streaming(Box::pin(events)))
}

/// One stream.
struct Follower {
    api: Api,
    request: HttpRequest,
    scope: Scope,
    /// Which of the latest transactions were told, as they were.
    seen: HashSet<mark::Name>,
    /// The tag of the figures that were told.
    figures: String,
    beat: Instant,
    is_first: bool,
    /// Goes on from another stream, and nothing was told of this one yet.
    is_resumed: bool,
    _place: Place,
}

impl Follower {
    /// What is to be sent next; none when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if *self.api.stop.borrow() {
                return None;
            }
            // As of half a second ago: what is revoked or withdrawn ends within a second.
            let caller = auth::caller(&self.api, &self.request, PERMISSION).await.ok()?;
            let mut text = String::new();
            // What cannot be computed now is told when it can.
            if let Ok(news) = self.transactions().await
                && (!news.is_empty() || self.is_first)
            {
                // If all are new, there may be more behind them.
                if self.is_resumed && news.len() as u64 == LATEST {
                    text += &event("gap", "{}");
                }
                self.is_resumed = false;
                text += &["id: ", &mark::id(&self.seen), "\n"].concat();
                text += &event("transactions", &Value::from(news).to_string());
            }
            if caller.may("read:analytics")
                && let Ok(Some(figures)) = self.figures().await
            {
                text += &event("figures", &figures);
            }
            self.is_first = false;
            if self.beat.elapsed() >= BEAT {
                self.beat = Instant::now();
                text += &event("alive", "{}");
            }
            if !text.is_empty() {
                return Some(text.into());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Those of the latest transactions that are new or changed, the latest first.
    async fn transactions(&mut self) -> Result<Vec<Value>, Problem> {
        let filter = TransactionFilter { mode: Some("live"), ..TransactionFilter::default() };
        let (scope, paging) = (self.scope, Paging::first(LATEST));
        let key = transactions::key(&filter, paging);
        let entry =
            cached::body(&self.api, cached::TRANSACTIONS, scope, &key, move |api| transactions::page(api, scope, filter, paging))
                .await?;
        let mut body: Value = serde_json::from_slice(&entry.plain).unwrap_or_default();
        let rows = body.pointer_mut("/data/transactions").map(Value::take);
        let Some(Value::Array(rows)) = rows else { return Ok(Vec::new()) };
        let rows: Vec<(mark::Name, Value)> = rows.into_iter().map(|row| (mark::name(&row), row)).collect();
        let now = rows.iter().map(|(name, _)| *name).collect();
        let before = std::mem::replace(&mut self.seen, now);
        Ok(rows.into_iter().filter(|(name, _)| !before.contains(name)).map(|(_, row)| row).collect())
    }

    /// The hour's figures, if they changed.
    async fn figures(&mut self) -> Result<Option<String>, Problem> {
        let (scope, range) = (self.scope, TimeRange::Hour);
        self.api.precomputed.note_asked(range, scope).await;
        let (route, key) = (cached::analytics(range), analytics::key(Mode::Live));
        let entry: Arc<_> =
            cached::body(&self.api, route, scope, &key, move |api| analytics::compute(api, scope, Mode::Live, range)).await?;
        let tag = entry.etag(false);
        if tag == self.figures {
            return Ok(None);
        }
        self.figures = tag;
        let mut body: Value = serde_json::from_slice(&entry.plain).unwrap_or_default();
        Ok(body.get_mut("data").map(|data| data.take().to_string()))
    }
}

/// An event of that name; `data` is JSON on one line.
fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}
