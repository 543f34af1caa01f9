//! Transactions as a comparison asks for them: many at once, by id or by reference, and page by page through a span of time.

use std::collections::BTreeSet;

use common::{CompanyId, Kind, Mode};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use crate::{
    Error,
    entity::{
        transaction::{Column, Entity},
        transaction_key,
    },
    reads::Position,
};

/// What a comparison needs of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Known {
    /// Ours.
    pub id: Uuid,
    /// Its kind's name.
    pub kind: String,
    /// At Netbanx.
    pub external_id: String,
    /// Its status' name.
    pub status: String,
    /// Minor units.
    pub amount: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// The purchase.
    pub merchant_ref_num: Option<String>,
    /// Milliseconds since 1970 UTC.
    pub transaction_time: i64,
}

/// Without the folded state, which is most of a row.
fn known(company: CompanyId, mode: Mode) -> Select<Entity> {
    let columns = [
        Column::Id,
        Column::Kind,
        Column::ExternalId,
        Column::Status,
        Column::Amount,
        Column::Currency,
        Column::MerchantRefNum,
        Column::TransactionTime,
    ];
    let own = Entity::find().select_only().columns(columns).filter(Column::CompanyId.eq(company.0));
    own.filter(Column::Mode.eq(mode.as_str()))
}

/// The transactions of a company that have one of `ids`, at most 5,000, whatever their kind.
pub async fn by_ids(db: &DatabaseConnection, company: CompanyId, mode: Mode, ids: &BTreeSet<&str>) -> Result<Vec<Known>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // By the directory, whose key has the ids in order; the rows themselves may be in many partitions.
    let rows = transaction_key::Entity::find()
        .select_only()
        .column(transaction_key::Column::TransactionId)
        .filter(transaction_key::Column::CompanyId.eq(company.0))
        .filter(transaction_key::Column::Kind.is_in(Kind::ALL.iter().map(|kind| kind.as_str())))
        .filter(transaction_key::Column::ExternalId.is_in(ids.iter().copied()));
    let rows: Vec<Uuid> = rows.into_tuple().all(db).await?;
    let mut found = Vec::with_capacity(rows.len());
    for some in rows.chunks(5_000) {
        let some = known(company, mode).filter(Column::Id.is_in(some.iter().copied()));
        found.extend(some.into_model::<Known>().all(db).await?);
    }
    Ok(found)
}

/// The transactions of a company that have one of `references` and one of `amounts`, made from `from` to `until`, milliseconds;
/// at most `limit`, the earliest.
pub async fn by_references(
    db: &DatabaseConnection,
    company: CompanyId,
    mode: Mode,
    references: &BTreeSet<&str>,
    amounts: &BTreeSet<i64>,
    (from, until): (i64, i64),
    limit: u64,
) -> Result<Vec<Known>, Error> {
    if references.is_empty() || amounts.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = known(company, mode)
        .filter(Column::MerchantRefNum.is_in(references.iter().copied()))
        .filter(Column::Amount.is_in(amounts.iter().copied()))
        .filter(Column::TransactionTime.between(from, until))
        .order_by_asc(Column::TransactionTime)
        .limit(limit);
    Ok(wanted.into_model::<Known>().all(db).await?)
}

/// Up to `limit` transactions of a company made from `from` to `until`, milliseconds, both included, and known to us since
/// `before` at the latest; of `kinds`, or of every kind where there are none. In the order of time, behind `after`.
#[expect(clippy::too_many_arguments, reason = "each is a part of one question")]
pub async fn within(
    db: &DatabaseConnection,
    company: CompanyId,
    mode: Mode,
    kinds: &[Kind],
    (from, until): (i64, i64),
    before: i64,
    after: Option<Position>,
    limit: u64,
) -> Result<Vec<Known>, Error> {
    let mut page = known(company, mode)
        .filter(Column::TransactionTime.between(after.map_or(from, |(time, _)| time), until))
        .filter(Column::CreatedAt.lte(before));
    if !kinds.is_empty() {
        page = page.filter(Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())));
    }
    if let Some((time, id)) = after {
        page = page.filter(Condition::any().add(Column::TransactionTime.gt(time)).add(Column::Id.gt(id)));
    }
    let page = page.order_by_asc(Column::TransactionTime).order_by_asc(Column::Id).limit(limit);
    Ok(page.into_model::<Known>().all(db).await?)
}
