//! What a comparison found, as a file.

use actix_web::{HttpRequest, HttpResponse, web};
use comparison::view;
use http_service::Problem;
use sea_orm::{Condition, DatabaseTransaction};
use serde_json::Value;
use store::{
    entity::reconciliation,
    reconciliations::{self, ItemFilter},
};

use super::{
    ExportQuery,
    file::{Form, Source, send, value},
    permitted,
};
use crate::{
    Api,
    http::{openapi::problems, query},
    reads::transactions,
    reconciliations::{
        items::{ItemQuery, ReconciliationItem},
        known,
    },
};

/// The columns of a CSV file: the item's own, then what its detail tells.
pub(super) const COLUMNS: &[&str] = &[
    "number",
    "finding",
    "state",
    "decision",
    "reason",
    "id",
    "merchantRefNum",
    "kind",
    "status",
    "amount",
    "currency",
    "time",
    "differences",
    "transactionId",
    "file",
    "line",
    // Behind the others, whose places files of before have.
    "statusWord",
];

/// Export what a comparison found as CSV, all that the filters of the list hold for. Needs `read:transactions`.
///
/// A row has what the report says, or our transaction where no row names it; `differences` tells both sides. `statusWord` is the
/// report's own word where nobody knows its status.
#[utoipa::path(get, path = "/api/v1/reconciliations/{id}/items.csv", tag = "reconciliation",
    params(query::Id, ItemQuery, ExportQuery),
    responses((status = 200, content_type = "text/csv", body = String, description = "The rows"), problems::Show))]
pub(crate) async fn items_csv(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    of_items(&api, &request, &path, Form::Csv).await
}

/// Export what a comparison found as JSON Lines, an object as in the list on each. Needs `read:transactions`.
#[utoipa::path(get, path = "/api/v1/reconciliations/{id}/items.jsonl", tag = "reconciliation", params(query::Id, ItemQuery),
    responses((status = 200, content_type = "application/jsonl", body = String, description = "The rows"), problems::Show))]
pub(crate) async fn items_jsonl(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    of_items(&api, &request, &path, Form::JsonLines).await
}

async fn of_items(api: &Api, request: &HttpRequest, id: &str, form: Form) -> Result<HttpResponse, Problem> {
    let permitted = permitted(api, request, transactions::PERMISSION).await?;
    let run = known(api, permitted.scope, query::id(id)?).await?;
    let filter = query::read::<ItemQuery>(request)?.filter();
    send(api, request, "reconciliation", form, permitted, Source::Items(Items::new(run, filter))).await
}

/// The items of a run that a filter asks for, as far as they are not read yet.
#[derive(Debug, Clone)]
pub(super) struct Items {
    run: reconciliation::Model,
    files: Vec<String>,
    filter: ItemFilter,
    after: Option<(String, i64)>,
}

impl Items {
    fn new(run: reconciliation::Model, filter: ItemFilter) -> Self {
        Self { files: view::names(&run), run, filter, after: None }
    }

    /// What holds for them.
    pub fn wanted(&self) -> Condition {
        reconciliations::wanted_items(&self.run, self.filter)
    }

    /// The next page of them.
    pub async fn page(&mut self, tx: &DatabaseTransaction, form: Form, limit: u64) -> Result<Vec<Value>, store::Error> {
        let after = self.after.as_ref().map(|(finding, number)| (finding.as_str(), *number));
        let rows = reconciliations::list_items(tx, self.wanted(), after, limit).await?;
        self.after = rows.last().map(|row| (row.finding.clone(), row.number));
        let rows = rows.into_iter().map(|row| value(ReconciliationItem::new(row, &self.files)));
        Ok(rows.map(|row| if form == Form::Csv { flat(row) } else { row }).collect())
    }
}

/// A row of its own fields and those of its detail.
fn flat(mut row: Value) -> Value {
    let detail = row.get_mut("detail").map(Value::take);
    if let (Some(fields), Some(Value::Object(detail))) = (row.as_object_mut(), detail) {
        fields.extend(detail);
    }
    row
}
