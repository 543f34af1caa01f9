//! Comparisons of Netbanx's reports with our transactions: runs, what they found, and how reports are read.
//!
//! A run is begun, filled with items while its reports are read, and finished; one that was cut off stays without an end. What
//! a row is, only the last row may tell: until then the item that stands for it is [`DEFERRED`].

mod changes;
mod decisions;
mod mappings;
mod progress;
mod reads;
mod retention;
mod transactions;

pub use changes::{Changes, changes};
use common::CompanyId;
pub use decisions::{By, Decision, LONGEST_REASON, decide, reason};
pub use mappings::{LONGEST_NAME, MOST_MAPPINGS, mapping, mappings, remove_mapping, save_mapping};
pub use progress::{SILENT_MS, alive, stopped};
pub use reads::{ItemFilter, get, item, items, list, list_items, run, wanted_items};
pub(crate) use retention::retain;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, QuerySelect, Set, Statement, TransactionTrait, sea_query::Expr,
};
pub use transactions::{Known, all_within, by_keys, by_references, within};
use uuid::Uuid;

use crate::{
    Error,
    entity::{reconciliation, reconciliation_item},
    outbound::{
        RECONCILIATION_DIFFERENCE,
        bodies::Differing,
        messages::{About, Outbox},
        subscriptions::Subscriptions,
    },
};
use clock::now_ms;

/// The finding of a row of which it is not known yet what it is.
pub const DEFERRED: &str = "deferred";
/// The finding of a row that has no transaction.
const MISSING_HERE: &str = "missingHere";
/// The state of what is to be looked at.
pub const OPEN: &str = "open";
/// The state of what somebody said is to be left alone.
pub const IGNORED: &str = "ignored";

/// The state of what was taken over from the report.
pub const TAKEN_OVER: &str = "taken-over";

/// Items that are written by one statement: SQLite takes 32,766 values.
const WRITTEN_AT_ONCE: usize = 1_000;

/// Something that a run found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// What sort.
    pub finding: &'static str,
    /// 1, 2, … over all findings of the run.
    pub number: i64,
    /// The same for the same difference in every run.
    pub key: String,
    /// JSON.
    pub detail: String,
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// JSON: a list of `{name, rows}`.
    pub files: String,
    /// Rows of the reports.
    pub rows: u64,
    /// Rows that say what we have.
    pub matched: u64,
    /// The earliest and the latest time of a row, milliseconds.
    pub span: Option<(i64, i64)>,
    /// JSON.
    pub totals: String,
}

/// Begins a run.
pub async fn begin(db: &DatabaseConnection, company: CompanyId, mode: &str, files: &str) -> Result<reconciliation::Model, Error> {
    let row = reconciliation::Model {
        company_id: company.0,
        id: Uuid::now_v7(),
        mode: mode.to_owned(),
        started_at: now_ms(),
        finished_at: None,
        files: files.to_owned(),
        row_count: 0,
        matched: 0,
        missing_here: 0,
        missing_there: 0,
        differing: 0,
        malformed: 0,
        ignored: 0,
        from_time: None,
        until_time: None,
        totals: "[]".to_owned(),
        alive_at: Some(now_ms()),
        percent: None,
        failure: None,
        before_id: None,
        new_count: None,
        gone_count: None,
    };
    reconciliation::Entity::insert(reconciliation::ActiveModel::from(row.clone())).exec_without_returning(db).await?;
    Ok(row)
}

/// Adds `items` to a run, and forgets its deferred ones of the numbers `settled`: both or neither.
pub async fn add_items(
    db: &DatabaseConnection,
    run: &reconciliation::Model,
    items: Vec<NewItem>,
    settled: &[i64],
) -> Result<(), Error> {
    use reconciliation_item::{ActiveModel, Column, Entity};
    if items.is_empty() && settled.is_empty() {
        return Ok(());
    }
    let tx = db.begin().await?;
    for some in settled.chunks(WRITTEN_AT_ONCE) {
        let deferred = of_run(run).add(Column::Finding.eq(DEFERRED)).add(Column::Number.is_in(some.iter().copied()));
        Entity::delete_many().filter(deferred).exec(&tx).await?;
    }
    let mut rows = items.into_iter().map(|item| ActiveModel {
        company_id: Set(run.company_id),
        reconciliation_id: Set(run.id),
        finding: Set(item.finding.to_owned()),
        number: Set(item.number),
        item_key: Set(item.key),
        detail: Set(item.detail),
        state: Set(OPEN.to_owned()),
        reason: Set(None),
    });
    loop {
        let some: Vec<ActiveModel> = rows.by_ref().take(WRITTEN_AT_ONCE).collect();
        if some.is_empty() {
            return Ok(tx.commit().await?);
        }
        Entity::insert_many(some).exec_without_returning(&tx).await?;
    }
}

fn of_run(run: &reconciliation::Model) -> Condition {
    use reconciliation_item::Column;
    Condition::all().add(Column::CompanyId.eq(run.company_id)).add(Column::ReconciliationId.eq(run.id))
}

/// Ends a run: rows that are still deferred are missing here, what was ignored before is ignored again, the rest is counted and
/// compared with the run before.
pub async fn finish(
    db: &DatabaseConnection,
    run: &reconciliation::Model,
    outcome: Outcome,
) -> Result<reconciliation::Model, Error> {
    use reconciliation_item::{Column, Entity};
    let tx = db.begin().await?;
    let deferred = of_run(run).add(Column::Finding.eq(DEFERRED));
    Entity::update_many().col_expr(Column::Finding, Expr::value(MISSING_HERE)).filter(deferred).exec(&tx).await?;
    ignore_again(&tx, run).await?;
    let row = reconciliation::Model {
        finished_at: Some(now_ms()),
        files: outcome.files,
        row_count: outcome.rows as i64,
        matched: outcome.matched as i64,
        from_time: outcome.span.map(|(from, _)| from),
        until_time: outcome.span.map(|(_, until)| until),
        totals: outcome.totals,
        alive_at: None,
        percent: Some(100),
        ..run.clone()
    };
    let row = changes::counted(&tx, counted(&tx, row).await?).await?;
    reconciliation::Entity::update(reconciliation::ActiveModel::from(row.clone()).reset_all()).exec(&tx).await?;
    tell(&tx, &row).await?;
    tx.commit().await?;
    Ok(row)
}

/// Tells the company's endpoints of a run that found differences.
async fn tell(tx: &DatabaseTransaction, run: &reconciliation::Model) -> Result<(), Error> {
    if run.missing_here + run.missing_there + run.differing + run.malformed == 0 {
        return Ok(());
    }
    let subscriptions = Subscriptions::read(tx).await?;
    let mut outbox = Outbox::new(&subscriptions);
    let company = CompanyId(run.company_id);
    outbox.tell(About { company, event_type: RECONCILIATION_DIFFERENCE, subject: run.id, trace: None }, Differing::of(run))?;
    outbox.write(tx).await
}

/// `run` with what it has of each finding.
async fn counted(tx: &DatabaseTransaction, mut run: reconciliation::Model) -> Result<reconciliation::Model, DbErr> {
    use reconciliation_item::{Column, Entity};
    let counts = Entity::find()
        .select_only()
        .column(Column::Finding)
        .column(Column::State)
        .column_as(Column::Number.count(), "items")
        .filter(of_run(&run))
        .group_by(Column::Finding)
        .group_by(Column::State);
    let counts: Vec<(String, String, i64)> = counts.into_tuple().all(tx).await?;
    let open = |finding: &str| counts.iter().filter(|(name, state, _)| name == finding && state == OPEN).map(|(.., n)| n).sum();
    run.missing_here = open(MISSING_HERE);
    run.missing_there = open("missingThere");
    run.differing = open("differing");
    run.malformed = open("malformed");
    run.ignored = counts.iter().filter(|(_, state, _)| state == IGNORED).map(|(.., n)| n).sum();
    Ok(run)
}

async fn ignore_again(tx: &DatabaseTransaction, run: &reconciliation::Model) -> Result<(), DbErr> {
    let backend = tx.get_database_backend();
    let sql = "UPDATE reconciliation_items SET state = 'ignored', reason = (SELECT MAX(o.reason) FROM reconciliation_items o
         WHERE o.company_id = reconciliation_items.company_id AND o.item_key = reconciliation_items.item_key
         AND o.state = 'ignored')
       WHERE company_id = $1 AND reconciliation_id = $2 AND EXISTS (SELECT 1 FROM reconciliation_items o
         WHERE o.company_id = reconciliation_items.company_id AND o.item_key = reconciliation_items.item_key
         AND o.state = 'ignored')";
    let values = [run.company_id.into(), run.id.into()];
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.map(drop)
}
