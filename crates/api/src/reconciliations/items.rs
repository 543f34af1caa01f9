//! `/api/v1/reconciliations/{id}/items`: what a comparison found; leaving it alone, taking it over.

use std::{collections::BTreeMap, str::FromStr};

use actix_web::{HttpRequest, HttpResponse, web};
use comparison::{
    take_over::{self, Which},
    view,
};
use http_service::{Problem, ProblemKind, uncached};
use reconcile::Finding;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    entity::{reconciliation, reconciliation_item},
    reconciliations::{self, Decision, IGNORED, ItemFilter, LONGEST_REASON, OPEN, TAKEN_OVER},
};
use utoipa::{IntoParams, ToSchema};

use super::known;
use crate::{
    Api,
    admin::audit::{Author, PERMISSION},
    auth::{self, Caller},
    http::{
        body,
        openapi::problems,
        query::{
            self,
            choice::{Named, names},
            page::Rows,
            value::{Bad, form, string},
        },
    },
    query_failed,
    reads::{transactions, views::Success},
    refused,
};

names! {
    /// What was found.
    FindingName {
        MissingHere = Finding::MissingHere.as_str(),
        MissingThere = Finding::MissingThere.as_str(),
        Differing = Finding::Differing.as_str(),
        Malformed = Finding::Malformed.as_str(),
    }
}
names! {
    /// What became of it.
    ItemState { Open = OPEN, Ignored = IGNORED, TakenOver = TAKEN_OVER }
}

/// Which items are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemQuery {
    /// Items of this sort alone.
    #[param(inline)]
    finding: Option<FindingName>,
    /// Items in this state alone.
    #[param(inline)]
    state: Option<ItemState>,
}

impl ItemQuery {
    /// As the store filters.
    pub fn filter(&self) -> ItemFilter {
        ItemFilter { finding: self.finding.map(Named::name), state: self.state.map(Named::name) }
    }
}

/// How long the page is and where it begins.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemPage {
    /// Items on a page.
    #[param(inline)]
    limit: Rows,
    /// The `nextCursor` of another page: go on behind it.
    #[param(inline)]
    cursor: Option<ItemCursor>,
}

/// The last item of a page: its sort and its number.
#[derive(Debug, Clone)]
struct ItemCursor(String, i64);

impl FromStr for ItemCursor {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        let parts =
            text.split_once('.').and_then(|(finding, number)| Some((FindingName::of_name(finding)?, number.parse().ok()?)));
        let bad = || Bad("must be a nextCursor of an earlier page".to_owned());
        parts.map(|(finding, number)| Self(finding.name().to_owned(), number)).ok_or_else(bad)
    }
}

form!(ItemCursor, string());

/// The item that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "it describes what the path reads")]
pub(crate) struct ItemPath {
    id: uuid::Uuid,
    /// The item's number, or `all` where it is taken over.
    number: String,
}

/// What a comparison found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReconciliationItem {
    /// Within its comparison.
    number: i64,
    /// missingHere, missingThere, differing or malformed.
    finding: String,
    /// open, ignored or taken-over.
    state: String,
    /// Why it is not open any more.
    decision: Option<String>,
    /// What the report says, or our transaction where no row names it, with the reason; of a difference both sides. `statusWord` is
    /// the report's own word where `status` is null because nobody knows it.
    #[schema(value_type = Object)]
    detail: Value,
}

impl ReconciliationItem {
    /// Of a row; `files` are the names of its run's reports.
    pub fn new(row: reconciliation_item::Model, files: &[String]) -> Self {
        let detail = view::told(&row, files);
        Self { number: row.number, finding: row.finding, state: row.state, decision: row.reason, detail }
    }
}

/// A page of items.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReconciliationItems {
    items: Vec<ReconciliationItem>,
    /// Goes on behind this page; null at the end.
    next_cursor: Option<String>,
}

/// Why something is left alone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ignore {
    /// Up to 255 characters.
    reason: String,
}

/// What was taken over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TakenOver {
    /// How many items.
    taken_over: u64,
    /// How many were not, by the reason.
    left: BTreeMap<&'static str, u64>,
}

/// List what a comparison found. Needs `read:transactions`.
#[utoipa::path(get, path = "/api/v1/reconciliations/{id}/items", tag = "reconciliation", params(query::Id, ItemQuery, ItemPage),
    responses((status = 200, body = Success<ReconciliationItems>, description = "A page"), problems::Show))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, transactions::PERMISSION).await?.scope();
    let run = known(&api, scope, query::id(&path)?).await?;
    let wanted = reconciliations::wanted_items(&run, query::read::<ItemQuery>(&request)?.filter());
    let page: ItemPage = query::read(&request)?;
    let (after, limit) = (page.cursor.as_ref().map(|ItemCursor(finding, number)| (finding.as_str(), *number)), page.limit.0);
    let rows = reconciliations::list_items(&api.db, wanted, after, limit).await.map_err(|e| query_failed(&e))?;
    let is_full = rows.len() as u64 == limit;
    let next_cursor = rows.last().filter(|_| is_full).map(|last| format!("{}.{}", last.finding, last.number));
    let files = view::names(&run);
    let items = rows.into_iter().map(|row| ReconciliationItem::new(row, &files)).collect();
    Ok(uncached(HttpResponse::Ok(), ReconciliationItems { items, next_cursor }))
}

/// Leave what a comparison found alone, in later comparisons too. Needs `manage:secrets`.
#[utoipa::path(post, path = "/api/v1/reconciliations/{id}/items/{number}/ignore", tag = "reconciliation", params(ItemPath),
    request_body = Ignore,
    responses((status = 200, body = Success<ReconciliationItem>, description = "As it is now"), problems::ShowChange))]
pub(crate) async fn ignore(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (caller, run) = finished(&api, &request, &path.0).await?;
    let number = number(&path.1)?;
    let item = item(&api, &run, number).await?;
    let Ignore { reason } = body::json(body).await?;
    let detail = format!("reason must have 1 to {LONGEST_REASON} characters, none of them control characters");
    let reason = reconciliations::reason(&reason).ok_or_else(|| Problem::parameter("reason", detail))?;
    let (author, decision) = (Author::of(&api, &request, &caller), Decision::Ignored { reason });
    reconciliations::decide(&api.db, &run, &[number], decision, author.by()).await.map_err(|e| refused(&e))?;
    let (state, told) = (IGNORED.to_owned(), Some(reason.to_owned()));
    let now = reconciliation_item::Model { state, reason: told, ..item };
    Ok(uncached(HttpResponse::Ok(), ReconciliationItem::new(now, &view::names(&run))))
}

/// Take over what the report says, as an event of ours; of one item, or of all that are open. Needs `manage:secrets`.
///
/// Nothing that a webhook said is overwritten. What cannot be taken over is counted with its reason. 409 where one item is asked for
/// that is not open, or is neither missing here nor differs.
#[utoipa::path(post, path = "/api/v1/reconciliations/{id}/items/{number}/take-over", tag = "reconciliation", params(ItemPath),
    responses((status = 200, body = Success<TakenOver>, description = "Taken over"), problems::ShowChange))]
pub(crate) async fn take_over(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (caller, run) = finished(&api, &request, &path.0).await?;
    let which: Which = path.1.parse().map_err(|text: String| Problem::parameter("number", format!("number {text}")))?;
    let author = Author::of(&api, &request, &caller);
    let done = take_over::run(&api.db, &api.tags, &run, &[which], author.by()).await.map_err(|e| super::failed(&e))?;
    Ok(uncached(HttpResponse::Ok(), TakenOver { taken_over: done.taken, left: done.left }))
}

/// Who asks, and the run that they may decide upon: what goes on is not told apart yet.
pub(super) async fn finished(
    api: &Api,
    request: &HttpRequest,
    id: &str,
) -> Result<(std::sync::Arc<Caller>, reconciliation::Model), Problem> {
    let caller = auth::caller(api, request, PERMISSION).await?;
    let run = known(api, caller.scope(), query::id(id)?).await?;
    if run.finished_at.is_none() {
        return Err(Problem::new(ProblemKind::Conflict, "the comparison is not at its end"));
    }
    Ok((caller, run))
}

/// The number of an item in a path.
pub(super) fn number(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| Problem::parameter("number", "number must be the number of an item"))
}

/// The item of `run` with that number.
pub(super) async fn item(api: &Api, run: &reconciliation::Model, number: i64) -> Result<reconciliation_item::Model, Problem> {
    let found = reconciliations::item(&api.db, run, number).await.map_err(|e| query_failed(&e))?;
    found.ok_or_else(|| query::not_found("item"))
}
