//! `/api/v1/receipt`: how late webhooks come, and how many come again.

use actix_web::{HttpRequest, HttpResponse, web};
use clock::now_ms;
use common::{Grain, Mode};
use http_service::{Problem, uncached};
use serde::{Deserialize, Serialize};
use store::{
    Scope,
    reads::{self, Receipts},
    rollups,
    shown::time,
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api, auth,
    http::{
        openapi::problems,
        query::{self, OfCompany, choice::OneMode},
    },
    query_failed,
    reads::{events::PERMISSION, views::Success},
};

/// Which webhooks are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReceiptQuery {
    /// Live unless the other is asked for.
    #[param(inline)]
    mode: Option<OneMode>,
}

/// How webhooks were received, of two spans up to now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Receipt {
    /// Of the last 60 minutes, the last of which goes on.
    hour: ReceiptSpan,
    /// Of the last 24 hours, the last of which goes on.
    day: ReceiptSpan,
}

/// How the webhooks of a span were received.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptSpan {
    /// Its first moment.
    from: Option<String>,
    /// All that were received, redeliveries and those that became dead letters among them.
    received: i64,
    /// Recognised as redeliveries when they arrived.
    redeliveries: i64,
    /// Stored webhooks that tell a time of their own: the delays are theirs.
    timed: i64,
    /// From Netbanx's time to our receipt: half of them took no longer, in milliseconds. Null without any.
    delay_p50_ms: Option<i64>,
    /// 95 of a hundred took no longer.
    delay_p95_ms: Option<i64>,
    /// What took longest.
    delay_max_ms: Option<i64>,
    /// Whether more webhooks were stored than the newest 10,000, which alone are looked at for `timed` and the delays.
    is_sampled: bool,
}

/// Show how late webhooks come, and how many come again, of the last hour and the last day. Needs `read:events`.
///
/// The delay is from the time that a webhook tells of its status to its receipt; a time ahead of the receipt, as clocks differ,
/// is no delay. Webhooks without such a time are counted and not measured, and what was looked up or taken over from a report is
/// not measured either.
#[utoipa::path(get, path = "/api/v1/receipt", tag = "events", params(OfCompany, ReceiptQuery),
    responses((status = 200, body = Success<Receipt>, description = "The last hour and the last day"), problems::List))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let mode = query::read::<ReceiptQuery>(&request)?.mode.map_or(Mode::Live, |mode| mode.0);
    let now = now_ms();
    let (hour, day) = (first(Grain::Minute, 60, now), first(Grain::Hour, 24, now));
    let receipts = reads::receipts(&api.db, scope, mode, day).await.map_err(|e| query_failed(&e))?;
    let told = Receipt {
        hour: span(&api, scope, mode, Grain::Minute, hour, &receipts).await?,
        day: span(&api, scope, mode, Grain::Hour, day, &receipts).await?,
    };
    Ok(uncached(HttpResponse::Ok(), told))
}

/// The first moment of so many buckets, the last of which has `now_ms`.
fn first(grain: Grain, buckets: i64, now_ms: i64) -> i64 {
    grain.bucket(now_ms) - (buckets - 1) * grain.ms()
}

async fn span(
    api: &Api,
    scope: Scope,
    mode: Mode,
    grain: Grain,
    from_ms: i64,
    receipts: &Receipts,
) -> Result<ReceiptSpan, Problem> {
    let points = rollups::totals(&api.db, scope, mode, grain, from_ms, i64::MAX).await.map_err(|e| query_failed(&e))?;
    let (redeliveries, received) = rollups::redelivered(&points);
    let delays = receipts.delays(from_ms);
    Ok(ReceiptSpan {
        from: time(from_ms),
        received,
        redeliveries,
        timed: delays.count,
        delay_p50_ms: delays.p50_ms,
        delay_p95_ms: delays.p95_ms,
        delay_max_ms: delays.max_ms,
        is_sampled: delays.is_sampled,
    })
}
