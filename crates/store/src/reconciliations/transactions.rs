//! Transactions as a comparison asks for them: many at once, by id or by reference, and page by page through a span of time.

use std::collections::{BTreeMap, BTreeSet};

use common::{CompanyId, Kind, Mode};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use crate::{
    Error,
    dialect::sought,
    entity::transaction::{Column, Entity},
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

/// The transactions of a company with one of `keys`, some thousands at most; of a key without a kind those of every kind.
pub async fn by_keys(
    db: &DatabaseConnection,
    company: CompanyId,
    mode: Mode,
    keys: impl IntoIterator<Item = (Option<Kind>, &str)>,
) -> Result<Vec<Known>, Error> {
    let mut each = BTreeSet::new();
    for (kind, id) in keys {
        let kinds = Kind::ALL.iter().filter(|own| kind.is_none_or(|kind| kind == **own));
        each.extend(kinds.map(|kind| (kind.as_str(), id)));
    }
    if each.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sought::by_keys(db, company, mode, &each).await?)
}

/// The transactions of a company that have one of the references, at most 5,000, made at the times that are told for it
/// (milliseconds, both included), and one of `amounts`; at most `limit`.
pub async fn by_references(
    db: &DatabaseConnection,
    company: CompanyId,
    mode: Mode,
    references: &BTreeMap<&str, (i64, i64)>,
    amounts: &BTreeSet<i64>,
    limit: u64,
) -> Result<Vec<Known>, Error> {
    if references.is_empty() || amounts.is_empty() {
        return Ok(Vec::new());
    }
    let references: Vec<_> = references.iter().map(|(reference, times)| (*reference, *times)).collect();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(sought::by_references(db, company, mode, &references, amounts.iter().copied(), limit).await?)
}

/// All transactions of a company made from `from` to `until`, milliseconds, both included; none where there are more than `limit`.
pub async fn all_within(
    db: &DatabaseConnection,
    company: CompanyId,
    mode: Mode,
    (from, until): (i64, i64),
    limit: u64,
) -> Result<Option<Vec<Known>>, Error> {
    let own = known(company, mode).filter(Column::TransactionTime.between(from, until));
    let found = own.order_by_asc(Column::TransactionTime).limit(limit + 1).into_model::<Known>().all(db).await?;
    Ok((found.len() as u64 <= limit).then_some(found))
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
