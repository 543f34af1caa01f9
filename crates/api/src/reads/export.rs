//! `/api/v1/transactions.csv`: the rows of a filter as a file, page after page while it is read.

use actix_web::{HttpRequest, HttpResponse, web};
use futures::stream;
use http_service::Problem;
use redis_client::fred::bytes::Bytes;
use store::{
    entity::transaction,
    reads::{self, Position, Scope, TransactionFilter, Window},
};

use crate::{
    Api, auth,
    http::{
        cached::COMPUTE,
        openapi::{params as documented, problems},
        params::Params,
    },
    query_failed,
    reads::{transactions, views::time},
};

/// Rows that are read at once.
const PAGE: u64 = 1_000;
/// Rows of a file at most.
const MAX_ROWS: u64 = 100_000;

const HEAD: &str = "transactionTime,id,externalId,kind,status,amount,currency,merchantRefNum,paymentMethod,accountId,failureReason,outcome,mode,statusTime\r\n";

/// Export transactions as CSV (RFC 4180), the newest first, at most 100,000. Needs `read:transactions`.
///
/// The filters of the list; no paging. Amounts are integers in minor units. Texts that a spreadsheet would take for a
/// formula begin with an apostrophe.
#[utoipa::path(get, path = "/api/v1/transactions.csv", tag = "transactions", params(documented::Transactions),
    responses((status = 200, content_type = "text/csv", body = String, description = "The rows"), problems::List))]
pub(crate) async fn csv(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, transactions::PERMISSION).await?;
    let params = Params::read(request.query_string())?;
    let scope = caller.narrowed(params.company(&api, caller.scope()).await?)?;
    params.paging("transactionTime")?;
    let export =
        Export { api: (**api).clone(), scope, filter: transactions::filter(&params)?, after: None, rows: 0, is_over: false };
    // The first page is read before the answer begins: what fails, fails with a problem.
    let (first, rest) = export.page().await.map_err(|e| query_failed(&e))?;
    let begun = stream::once(async move { Ok::<Bytes, store::Error>(Bytes::from(format!("{HEAD}{first}"))) });
    let pages = stream::try_unfold(rest, |export| async move {
        if export.is_over {
            return Ok(None);
        }
        let (text, export) = export.page().await?;
        Ok(Some((Bytes::from(text), export)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("cache-control", "no-store"))
        .insert_header(("content-disposition", "attachment; filename=\"transactions.csv\""))
        .streaming(Box::pin(futures::StreamExt::chain(begun, pages))))
}

/// Where an export is.
struct Export {
    api: Api,
    scope: Scope,
    filter: TransactionFilter,
    after: Option<Position>,
    rows: u64,
    is_over: bool,
}

impl Export {
    async fn page(mut self) -> Result<(String, Self), store::Error> {
        let window = Window { limit: PAGE, offset: 0, after: self.after, ascending: false };
        let read = reads::transactions_after(&self.api.db, self.scope, &self.filter, window);
        let rows = store::deadline::within(COMPUTE, read).await?;
        self.rows += rows.len() as u64;
        self.after = rows.last().map(|row| (row.transaction_time, row.id));
        self.is_over = (rows.len() as u64) < PAGE || self.rows >= MAX_ROWS;
        Ok((rows.iter().map(line).collect(), self))
    }
}

fn line(row: &transaction::Model) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let fields = [
        time(row.transaction_time).unwrap_or_default(),
        row.id.to_string(),
        row.external_id.clone(),
        row.kind.clone(),
        row.status.clone(),
        row.amount.map(|amount| amount.to_string()).unwrap_or_default(),
        text(&row.currency),
        text(&row.merchant_ref_num),
        text(&row.payment_method),
        text(&row.account_id),
        text(&row.failure_reason),
        text(&row.outcome),
        row.mode.clone(),
        time(row.status_time).unwrap_or_default(),
    ];
    let mut line = fields.map(|value| field(&value)).join(",");
    line.push_str("\r\n");
    line
}

/// A field, quoted where it must be, and no formula. Whole numbers are what they are.
fn field(value: &str) -> String {
    let is_formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']) && value.parse::<i64>().is_err();
    let value = if is_formula { format!("'{value}") } else { value.to_owned() };
    if value.contains([',', '"', '\r', '\n']) { format!("\"{}\"", value.replace('"', "\"\"")) } else { value }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_quoted_and_formulas_defused() {
        let cases = [
            ("order-1", "order-1"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("@x", "'@x"),
            ("-100", "-100"),
            ("-1+1", "'-1+1"),
        ];
        for (value, expected) in cases {
            assert_eq!(field(value), expected);
        }
    }
}
