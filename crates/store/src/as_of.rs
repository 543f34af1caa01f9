//! What was known at a moment: transactions and figures, from the webhooks that had been received by then, by the rules of now.
//!
//! A transaction of which no webhook came since is as it was. Those in between, which were known then and were told of since, are
//! folded again from their earlier webhooks: there are as many of them as were under way at that moment. What is read is one
//! snapshot of the database.

use std::{collections::HashSet, time::Duration};

use common::{CompanyId, Deltas, EventIdentity, Kind, Series, TransactionState, event};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    Statement, Value,
};
use uuid::Uuid;

use crate::{
    Error, Scope,
    batch::transactions::row,
    dialect::{self, existing_rows::events_of},
    entity::{transaction, webhook_event},
    horizon::Horizons,
    reads,
    replay::{columns, interpret},
    rollups::Point,
    row_sums::{self, Column, Span},
};

/// Webhooks of one transaction, and transactions under way, that are folded again at most.
const MOST: usize = 20_000;
/// Transactions whose webhooks are read together.
const PAGE: usize = 250;
/// Events that are told with a transaction.
const TOLD: usize = 500;
/// Longest statement.
const STATEMENT: Duration = Duration::from_secs(20);

/// A transaction as it was known.
#[derive(Debug, Clone)]
pub struct KnownTransaction {
    /// Its row, but for the state.
    pub row: transaction::Model,
    /// The webhooks that had been received, the oldest first, at most 500.
    pub events: Vec<webhook_event::Model>,
    /// Whether retention may have removed webhooks that an exact answer needs.
    pub is_approximate: bool,
}

/// What a transaction was known to be at `at_ms` (milliseconds since 1970 UTC); none where nothing was known of it.
pub async fn transaction(db: &DatabaseConnection, scope: Scope, id: Uuid, at_ms: i64) -> Result<Option<KnownTransaction>, Error> {
    use webhook_event::Column;
    let tx = dialect::snapshot(db).await?;
    dialect::limit_statements(&tx, STATEMENT).await?;
    let whose = match scope {
        Scope::All => None,
        Scope::Company(id) => Some(transaction::Column::CompanyId.eq(id)),
    };
    let found = transaction::Entity::find_by_id(id).filter(Condition::all().add_option(whose)).one(&tx).await?;
    let Some(now) = found.filter(|row| row.created_at <= at_ms) else { return Ok(None) };
    let Some(kind) = Kind::parse(&now.kind) else { return Ok(None) };
    let mut events = webhook_event::Entity::find()
        .filter(Column::CompanyId.eq(now.company_id))
        .filter(Column::ResourceId.eq(now.external_id.as_str()))
        .filter(Column::Kind.eq(now.kind.as_str()))
        .filter(Column::ReceivedAt.lte(at_ms))
        .limit(MOST as u64 + 1)
        .all(&tx)
        .await?;
    let horizon = Horizons::read(&tx).await?.webhooks;
    let late = late(&tx, &events).await?;
    tx.rollback().await?;
    let is_complete = events.len() <= MOST && horizon.is_none_or(|horizon| now.created_at >= horizon);
    // Nothing came since: it is what it was, whatever of its webhooks is still there.
    let (row, is_approximate) = if now.updated_at <= at_ms {
        (now, false)
    } else {
        let Some(state) = folded(&events, kind, &late) else { return Ok(None) };
        (row((CompanyId(now.company_id), kind, &now.external_id), now.id, &state), !is_complete)
    };
    events.sort_by_key(|event| (event.status_time, event.id));
    events.truncate(TOLD);
    Ok(Some(KnownTransaction { row, events, is_approximate }))
}

async fn late(tx: &DatabaseTransaction, events: &[webhook_event::Model]) -> Result<HashSet<Uuid>, Error> {
    let mut late = HashSet::new();
    for page in events.chunks(1_000) {
        late.extend(reads::late(tx, page.iter().map(|event| event.id)).await?);
    }
    Ok(late)
}

/// What `events` make of a transaction of `kind`, but for those that are `late`; none where they make nothing.
fn folded<'e>(
    events: impl IntoIterator<Item = &'e webhook_event::Model>,
    kind: Kind,
    late: &HashSet<Uuid>,
) -> Option<TransactionState> {
    let mut state = None;
    for row in events.into_iter().filter(|row| !late.contains(&row.id)) {
        let Some((meaning, at)) = interpret(row) else { continue };
        if let event::Change::Transaction(facts) = &meaning.change
            && facts.kind == kind
        {
            let identity = EventIdentity::stored(&row.identity);
            state.get_or_insert_with(TransactionState::default).apply(&meaning, facts, &identity, at);
        }
    }
    state
}

/// The figures as they were known at a moment.
#[derive(Debug)]
pub struct KnownFigures {
    tx: DatabaseTransaction,
    scope: Scope,
    at_ms: i64,
    /// The transactions under way, as they were.
    states: Vec<(Kind, TransactionState)>,
    horizons: Horizons,
    is_incomplete: bool,
}

/// A transaction that was known and was told of since.
struct UnderWay {
    company: CompanyId,
    kind: Kind,
    external_id: String,
    created_at: i64,
}

impl KnownFigures {
    /// Those of `scope` at `at_ms`; none where more transactions were under way than are folded again.
    pub async fn begin(db: &DatabaseConnection, scope: Scope, at_ms: i64) -> Result<Option<Self>, Error> {
        let tx = dialect::snapshot(db).await?;
        dialect::limit_statements(&tx, STATEMENT).await?;
        let horizons = Horizons::read(&tx).await?;
        let under_way = under_way(&tx, scope, at_ms).await?;
        if under_way.len() > MOST {
            return Ok(None);
        }
        let mut known = Self { tx, scope, at_ms, states: Vec::new(), horizons, is_incomplete: false };
        for page in under_way.chunks(PAGE) {
            if !known.fold(page).await? {
                return Ok(None);
            }
        }
        Ok(Some(known))
    }

    /// Folds some of those under way; returns whether they had no more webhooks than are held.
    async fn fold(&mut self, page: &[UnderWay]) -> Result<bool, Error> {
        let mut resources: Vec<(CompanyId, &str)> = page.iter().map(|own| (own.company, own.external_id.as_str())).collect();
        resources.sort_unstable();
        resources.dedup();
        let mut events = events_of(&self.tx, &columns(), &resources, (Uuid::nil(), Uuid::nil()), MOST + 1).await?;
        if events.len() > MOST {
            return Ok(false);
        }
        events.retain(|event| event.received_at <= self.at_ms);
        let late = late(&self.tx, &events).await?;
        events.sort_by(|one, other| (one.company_id, &one.resource_id).cmp(&(other.company_id, &other.resource_id)));
        for own in page {
            let key = (own.company.0, Some(own.external_id.as_str()));
            let of = |event: &webhook_event::Model| (event.company_id, event.resource_id.as_deref().map(str::to_owned));
            let begin = events.partition_point(|event| (event.company_id, event.resource_id.as_deref()) < key);
            let own_events = events.iter().skip(begin).take_while(|event| of(event) == (key.0, key.1.map(str::to_owned)));
            self.is_incomplete |= self.horizons.webhooks.is_some_and(|horizon| own.created_at < horizon);
            self.states.extend(folded(own_events, own.kind, &late).map(|state| (own.kind, state)));
        }
        Ok(true)
    }

    /// Whether retention may have removed what figures since `from_ms` need.
    pub fn is_approximate(&self, from_ms: i64) -> bool {
        self.is_incomplete || self.horizons.webhooks.is_some_and(|horizon| from_ms < horizon)
    }

    /// Every sum of the span, by buckets of its width. Recognised redeliveries count by whole minutes.
    pub async fn sums(&self, span: Span) -> Result<Vec<Point>, Error> {
        let span = Span { as_of_ms: Some(self.at_ms), scope: self.scope, ..span };
        let mut points = row_sums::read(&self.tx, span).await?;
        points.extend(self.under_way(span).flat_map(|(kind, state)| contribution(*kind, state, span)));
        let known = Span { until_ms: span.until_ms.min(self.at_ms.saturating_add(1)), ..span };
        points.extend(row_sums::duplicates(&self.tx, known, self.horizons.narrowest(span.from_ms)).await?);
        Ok(points)
    }

    /// The sums of the span's transactions by a column that roll-ups do not have.
    pub async fn by_column(&self, span: Span, column: Column) -> Result<Vec<(String, Point)>, Error> {
        let span = Span { as_of_ms: Some(self.at_ms), scope: self.scope, ..span };
        let mut named = row_sums::by_column(&self.tx, span, column).await?;
        for (kind, state) in self.under_way(span) {
            let name = match column {
                Column::Account => Some(state.account_id().unwrap_or_default()),
                Column::FailureReason => state.failure_reason(),
            };
            let Some(name) = name else { continue };
            let points = contribution(*kind, state, span).into_iter();
            let of_transactions = points.filter(|point| matches!(point.series, Series::Transactions { .. }));
            named.extend(of_transactions.map(|point| (name.to_owned(), point)));
        }
        Ok(named)
    }

    fn under_way(&self, span: Span) -> impl Iterator<Item = &(Kind, TransactionState)> {
        let within = move |state: &TransactionState| (span.from_ms..span.until_ms).contains(&state.transaction_time_ms());
        self.states.iter().filter(move |(_, state)| state.mode() == span.mode && within(state))
    }
}

fn contribution(kind: Kind, state: &TransactionState, span: Span) -> Vec<Point> {
    let mut deltas = Deltas::default();
    deltas.transaction(kind, None, state);
    let at = span.bucket(state.transaction_time_ms());
    deltas.iter().map(|(cell, sum)| Point { bucket_ms: at, series: cell.series.clone(), sum: *sum }).collect()
}

/// The transactions that were known at `at_ms` and of which webhooks came since: found by these.
async fn under_way(tx: &DatabaseTransaction, scope: Scope, at_ms: i64) -> Result<Vec<UnderWay>, Error> {
    let backend = tx.get_database_backend();
    let mut values: Vec<Value> = Vec::new();
    let whose = match scope {
        Scope::All => "",
        Scope::Company(id) => {
            values.push(id.into());
            "e.company_id = $1 AND"
        }
    };
    let bytewise = dialect::bytewise_text(backend);
    let sql = format!(
        "SELECT DISTINCT t.id, t.company_id, t.kind, t.external_id, t.created_at
         FROM webhook_events e
         JOIN transaction_keys k ON k.company_id = e.company_id AND k.kind = e.kind AND k.external_id = e.resource_id{bytewise}
         JOIN transactions t ON t.id = k.transaction_id AND t.company_id = k.company_id
         WHERE {whose} e.received_at > {at_ms} AND e.category = 'transaction' AND t.created_at <= {at_ms} AND t.updated_at > {at_ms}
         LIMIT {}",
        MOST + 1
    );
    let mut found = Vec::new();
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await? {
        let (company, kind): (Uuid, String) = (row.try_get("", "company_id")?, row.try_get("", "kind")?);
        let Some(kind) = Kind::parse(&kind) else { continue };
        let (external_id, created_at) = (row.try_get("", "external_id")?, row.try_get("", "created_at")?);
        found.push(UnderWay { company: CompanyId(company), kind, external_id, created_at });
    }
    Ok(found)
}
