//! What is worth asking Netbanx for: transactions that are pending longer than is usual for their payment method, and rows of the
//! last comparison that are missing here. What was asked is left alone for a while, the longer the oftener it was asked.

use std::collections::BTreeMap;

use common::{CompanyId, Mode};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, ExprTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Set, Statement,
    sea_query::{Expr, OnConflict},
};

use crate::{
    Error,
    entity::{
        looked_up, reconciliation,
        transaction::{Column, Entity},
    },
};
use clock::now_ms;

/// Transactions from which it is learnt what is usual: the latest.
const LEARNT_FROM: u64 = 5_000;
/// Finished transactions of a method below which it has no time of its own.
const FEW: usize = 20;
/// Payment methods that have a time of their own at most.
const METHODS: usize = 32;
/// How long after it was asked the first time something may be asked again, in milliseconds; doubled with each time.
pub const WAIT_MS: i64 = 3_600_000;
/// The longest such wait.
const LONGEST_WAIT_MS: i64 = 86_400_000;
/// How long it is remembered what was asked.
const KEPT_MS: i64 = 40 * 86_400_000;
/// Rows that one step of retention removes.
const STEP: u64 = 1_000;
/// How far back transactions are asked for: Netbanx' own look-ups by reference go back 30 days unless they are told otherwise.
const BACK_MS: i64 = 90 * 86_400_000;

/// How long transactions of a company take to their final status, in milliseconds: 99 of 100 of each payment method are faster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usual {
    /// By payment method.
    pub by_method: BTreeMap<String, i64>,
    /// Of all together; none where there are too few.
    pub all: Option<i64>,
}

/// From when on a pending transaction is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingLimit {
    /// Never earlier than this after it was made, in milliseconds.
    pub floor_ms: i64,
    /// So many times what is usual.
    pub factor: i64,
}

impl PendingLimit {
    /// The age in milliseconds from which on a transaction with that usual time is asked for.
    pub fn age(self, usual: Option<i64>) -> i64 {
        usual.map_or(self.floor_ms, |usual| Ord::max(usual.saturating_mul(self.factor), self.floor_ms))
    }
}

impl Usual {
    /// What `finished` tells: payment method and time to the final status.
    pub fn of(finished: impl IntoIterator<Item = (Option<String>, i64)>) -> Self {
        let (mut all, mut by_method) = (Vec::new(), BTreeMap::<String, Vec<i64>>::new());
        for (method, took) in finished {
            let took = Ord::max(took, 0);
            all.push(took);
            if let Some(method) = method {
                by_method.entry(method).or_default().push(took);
            }
        }
        let by_method = by_method.into_iter().filter_map(|(method, times)| Some((method, p99(times)?))).take(METHODS).collect();
        Self { by_method, all: p99(all) }
    }
}

fn p99(mut times: Vec<i64>) -> Option<i64> {
    if times.len() < FEW {
        return None;
    }
    times.sort_unstable();
    times.get((times.len() * 99).div_ceil(100).saturating_sub(1)).copied()
}

/// Something to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The kind's name; none: nobody knows.
    pub kind: Option<String>,
    /// The id at Netbanx, or `ref:` and the merchant's reference.
    pub subject: String,
}

/// What is usual for `company`, by its latest transactions.
pub async fn usual(db: &DatabaseConnection, company: CompanyId) -> Result<Usual, Error> {
    let columns = [Column::Status, Column::PaymentMethod];
    let rows = Entity::find()
        .select_only()
        .columns(columns)
        .column(Column::StatusTime)
        .column(Column::TransactionTime)
        .filter(Column::CompanyId.eq(company.0))
        .filter(Column::Mode.eq(Mode::Live.as_str()))
        .order_by_desc(Column::TransactionTime)
        .limit(LEARNT_FROM);
    let rows: Vec<(String, Option<String>, i64, i64)> = rows.into_tuple().all(db).await?;
    let finished = rows.into_iter().filter(|(status, ..)| status != "PENDING");
    Ok(Usual::of(finished.map(|(_, method, end, begin)| (method, end - begin))))
}

/// Up to `most` payments, settlements and refunds of `company` that are pending longer than `usual`, as `limit` reads it, and
/// were not asked for lately; the earliest first.
pub async fn due(
    db: &DatabaseConnection,
    company: CompanyId,
    usual: &Usual,
    limit: PendingLimit,
    most: u64,
) -> Result<Vec<Wanted>, Error> {
    let now = now_ms();
    let mut old = Condition::any();
    for (method, time) in &usual.by_method {
        let earlier = Column::TransactionTime.lt(now - limit.age(Some(*time)));
        old = old.add(Column::PaymentMethod.eq(method.as_str()).and(earlier));
    }
    let others = Column::TransactionTime.lt(now - limit.age(usual.all));
    let others = if usual.by_method.is_empty() {
        others
    } else {
        let known: Vec<&str> = usual.by_method.keys().map(String::as_str).collect();
        others.and(Column::PaymentMethod.is_null().or(Column::PaymentMethod.is_not_in(known)))
    };
    let asked = looked_up::Entity::find()
        .select_only()
        .column(looked_up::Column::Subject)
        .filter(looked_up::Column::CompanyId.eq(company.0))
        .filter(looked_up::Column::NextAt.gt(now))
        .filter(Expr::col((looked_up::Entity, looked_up::Column::Kind)).equals((Entity, Column::Kind)))
        .filter(Expr::col((looked_up::Entity, looked_up::Column::Subject)).equals((Entity, Column::ExternalId)));
    let rows = Entity::find()
        .select_only()
        .columns([Column::Kind, Column::ExternalId])
        .filter(Column::CompanyId.eq(company.0))
        .filter(Column::Mode.eq(Mode::Live.as_str()))
        .filter(Column::Status.eq("PENDING"))
        .filter(Column::Kind.is_in(["PAYMENT", "SETTLEMENT", "REFUND"]))
        .filter(Column::TransactionTime.gt(now - BACK_MS))
        .filter(old.add(others))
        .filter(Condition::all().add(Expr::not_exists(asked.into_query())))
        .order_by_asc(Column::TransactionTime)
        .limit(most);
    let rows: Vec<(String, String)> = rows.into_tuple().all(db).await?;
    Ok(rows.into_iter().map(|(kind, subject)| Wanted { kind: Some(kind), subject }).collect())
}

#[derive(FromQueryResult)]
struct Missing {
    detail: String,
}

/// Up to `most` open rows of the last finished comparison of `company` that are missing here and were not asked for lately. What
/// tells neither an id nor a reference cannot be asked for.
pub async fn missing_here(db: &DatabaseConnection, company: CompanyId, most: usize) -> Result<Vec<Wanted>, Error> {
    use reconciliation::Column as Run;
    let last = reconciliation::Entity::find()
        .filter(Run::CompanyId.eq(company.0))
        .filter(Run::Mode.eq(Mode::Live.as_str()))
        .filter(Run::FinishedAt.is_not_null())
        .order_by_desc(Run::Id)
        .one(db)
        .await?;
    let Some(last) = last.filter(|run| run.missing_here > 0) else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT detail FROM reconciliation_items WHERE company_id = $1 AND reconciliation_id = $2 AND finding = 'missingHere'
         AND state = 'open' ORDER BY number LIMIT {LEARNT_FROM}"
    );
    let values = [company.0.into(), last.id.into()];
    let items =
        Missing::find_by_statement(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).all(db).await?;
    let wanted: Vec<Wanted> = items.iter().filter_map(|item| wanted(&item.detail)).collect();
    let mut left = Vec::new();
    for some in wanted.chunks(500) {
        let resting = resting(db, company, some.iter().map(|wanted| wanted.subject.as_str())).await?;
        left.extend(some.iter().filter(|wanted| !resting.contains(&wanted.subject)).cloned());
        if left.len() >= most {
            break;
        }
    }
    left.truncate(most);
    Ok(left)
}

/// What is asked for the item of a comparison that `detail` is told of; none: it tells neither an id nor a reference.
pub fn wanted(detail: &str) -> Option<Wanted> {
    let detail: serde_json::Value = serde_json::from_str(detail).ok()?;
    let text = |name: &str| detail.get(name).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
    // Of a row without an id we may have one.
    let subject =
        text("id").or_else(|| text("idHere")).map(str::to_owned).or_else(|| Some(format!("ref:{}", text("merchantRefNum")?)))?;
    Some(Wanted { kind: text("kind").map(str::to_owned), subject })
}

/// Which of `subjects` were asked for so lately that they are left alone.
async fn resting(
    db: &DatabaseConnection,
    company: CompanyId,
    subjects: impl Iterator<Item = &str>,
) -> Result<std::collections::HashSet<String>, Error> {
    use looked_up::{Column, Entity};
    let rows = Entity::find().select_only().column(Column::Subject).filter(Column::CompanyId.eq(company.0));
    let rows = rows.filter(Column::NextAt.gt(now_ms())).filter(Column::Subject.is_in(subjects));
    Ok(rows.into_tuple::<String>().all(db).await?.into_iter().collect())
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It told something new, which is stored.
    Stored,
    /// It told what is known.
    Unchanged,
    /// Netbanx does not know it.
    Unknown,
    /// There was no answer that could be used.
    Failed,
}

impl Outcome {
    /// Its name in the database and in counts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Unchanged => "unchanged",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

/// Notes that `wanted` was asked for, and what came of it.
pub async fn note(db: &DatabaseConnection, company: CompanyId, wanted: &Wanted, outcome: Outcome) -> Result<(), Error> {
    use looked_up::{ActiveModel, Column, Entity};
    let kind = wanted.kind.clone().unwrap_or_default();
    let before = Entity::find_by_id((company.0, kind.clone(), wanted.subject.clone())).one(db).await?;
    let (tries, now) = (before.map_or(0, |row| row.tries) + 1, now_ms());
    let wait = Ord::min(WAIT_MS.saturating_mul(1 << (tries - 1).clamp(0, 10)), LONGEST_WAIT_MS);
    let row = ActiveModel {
        company_id: Set(company.0),
        kind: Set(kind),
        subject: Set(wanted.subject.clone()),
        tries: Set(tries),
        asked_at: Set(now),
        next_at: Set(now + wait),
        outcome: Set(outcome.as_str().to_owned()),
    };
    let again = OnConflict::columns([Column::CompanyId, Column::Kind, Column::Subject])
        .update_columns([Column::Tries, Column::AskedAt, Column::NextAt, Column::Outcome])
        .to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(db).await?;
    Ok(())
}

/// Removes one step of what was asked too long ago. Returns how many rows.
pub(crate) async fn retain(db: &DatabaseConnection) -> Result<u64, Error> {
    let sql = format!(
        "DELETE FROM looked_up WHERE (company_id, kind, subject) IN
         (SELECT company_id, kind, subject FROM looked_up WHERE asked_at < $1 ORDER BY asked_at LIMIT {STEP})"
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [(now_ms() - KEPT_MS).into()]);
    Ok(db.execute_raw(statement).await?.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_learnt_by_method_where_there_are_enough() {
        let cards = (0..100).map(|n| (Some("CARD".to_owned()), n));
        let sepa = (0..19).map(|_| (Some("SEPA".to_owned()), 1_000_000));
        let usual = Usual::of(cards.chain(sepa));
        assert_eq!(usual.by_method, BTreeMap::from([("CARD".to_owned(), 98)]));
        assert_eq!(usual.all, Some(1_000_000));
        assert_eq!(Usual::of([(None, 5)]), Usual::default());
    }

    #[test]
    fn nothing_is_asked_for_before_the_floor() {
        let limit = PendingLimit { floor_ms: 1000, factor: 2 };
        assert_eq!([limit.age(None), limit.age(Some(10)), limit.age(Some(600))], [1000, 1000, 1200]);
        assert_eq!(limit.age(Some(i64::MAX)), i64::MAX);
    }

    #[test]
    fn a_row_is_asked_for_by_its_id_or_its_reference() {
        let subject = |detail: &str| wanted(detail).map(|wanted| wanted.subject);
        assert_eq!(subject(r#"{"id":"a","merchantRefNum":"b"}"#).as_deref(), Some("a"));
        assert_eq!(subject(r#"{"merchantRefNum":"b"}"#).as_deref(), Some("ref:b"));
        assert_eq!(subject("{}"), None);
    }
}
