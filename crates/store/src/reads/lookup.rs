//! Transactions that are few, looked up by an index of their own before they are put in the order of time.

use common::{CompanyId, Kind};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use uuid::Uuid;

use super::{MAX_COUNT, Scope, scoped};
use crate::{
    Error, companies, dialect,
    entity::{transaction, transaction_key},
};

/// Matches of a search up to which they are looked up one by one. One in a thousand of ten million rows is still found sooner so than
/// on the way through the times.
const FEW: u64 = 10_000;
/// Matches within texts that are looked up one by one at most.
const PARTS: u64 = 1_000;

/// Behind every text that begins so, byte by byte: such columns are compared that way.
pub(super) fn begins(column: impl ColumnTrait, q: &str) -> Expr {
    column.gte(q).and(column.lt(format!("{q}{}", char::MAX)))
}

/// The companies of `scope`, by id: the indexes of what few rows have begin with the company.
pub(super) async fn companies_of(db: &impl ConnectionTrait, scope: Scope) -> Result<Vec<Uuid>, Error> {
    match scope {
        Scope::Company(id) => Ok(vec![id]),
        Scope::All => {
            let known = companies::list(db).await?.into_iter().map(|row| row.id);
            Ok(known.chain([CompanyId::NONE.0]).collect())
        }
    }
}

/// One of the ways in which a transaction can be meant.
pub(super) struct Lookup {
    /// What holds for its row.
    holds: Expr,
    /// The ids of such rows, one more than [`FEW`] at most.
    ids: SelectStatement,
}

impl Lookup {
    /// By an index of the rows.
    pub fn by_row(companies: &[Uuid], mode: Option<&str>, holds: Expr) -> Self {
        use transaction::{Column, Entity};
        let ids = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::CompanyId.is_in(companies.iter().copied()))
            .filter(Condition::all().add_option(mode.map(|mode| Column::Mode.eq(mode))).add(holds.clone()))
            .limit(FEW + 1);
        Self { holds, ids: ids.into_query() }
    }

    /// By the beginning of its id, which the directory has in order.
    pub fn by_key(companies: &[Uuid], q: &str) -> Self {
        use transaction_key::{Column, Entity};
        let ids = Entity::find()
            .select_only()
            .column(Column::TransactionId)
            .filter(Column::CompanyId.is_in(companies.iter().copied()))
            .filter(Column::Kind.is_in(Kind::ALL.iter().map(|kind| kind.as_str())))
            .filter(begins(Column::ExternalId, q))
            .limit(FEW + 1);
        Self { holds: begins(transaction::Column::ExternalId, q), ids: ids.into_query() }
    }
}

/// The ids of transactions whose id at Netbanx or whose reference has `q` in it, among the [`MAX_COUNT`] newest, which no index need
/// tell; at most [`PARTS`].
pub(super) async fn with_part(db: &impl ConnectionTrait, scope: Scope, mode: Option<&str>, q: &str) -> Result<Vec<Uuid>, Error> {
    use transaction::{Column, Entity};
    let newest = Entity::find()
        .select_only()
        .columns([Column::Id, Column::ExternalId, Column::MerchantRefNum])
        .filter(scoped(Column::CompanyId, scope).add_option(mode.map(|mode| Column::Mode.eq(mode))))
        .order_by_desc(Column::TransactionTime)
        .order_by_desc(Column::Id)
        .limit(MAX_COUNT)
        .into_query();
    let has = |column| dialect::contains(db.get_database_backend(), column, q);
    let found = Query::select()
        .column(Column::Id)
        .from_subquery(newest, "newest")
        .cond_where(Condition::any().add(has("external_id")).add(has("merchant_ref_num")))
        .limit(PARTS)
        .take();
    ids(db, &found).await
}

async fn ids(db: &impl ConnectionTrait, select: &SelectStatement) -> Result<Vec<Uuid>, Error> {
    db.query_all(select).await?.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

/// The ids of transactions whose id at Netbanx or whose reference is just `q`, by the indexes of both; at most `most` of each.
pub(super) async fn just(
    db: &impl ConnectionTrait,
    companies: &[Uuid],
    mode: Option<&str>,
    q: &str,
    most: u64,
) -> Result<Vec<Uuid>, Error> {
    let by_key = {
        use transaction_key::{Column, Entity};
        Entity::find()
            .select_only()
            .column(Column::TransactionId)
            .filter(Column::CompanyId.is_in(companies.iter().copied()))
            .filter(Column::Kind.is_in(Kind::ALL.iter().map(|kind| kind.as_str())))
            .filter(Column::ExternalId.eq(q))
            .limit(most)
            .into_query()
    };
    let mut by_reference = Lookup::by_row(companies, mode, transaction::Column::MerchantRefNum.eq(q)).ids;
    by_reference.reset_limit().limit(most);
    let mut all = ids(db, &by_key).await?;
    all.extend(ids(db, &by_reference).await?);
    Ok(all)
}

/// Which rows are meant in one of several ways.
pub(super) enum Meant {
    /// These: they are few.
    Rows(Vec<Uuid>),
    /// Those that this holds for: a scan in the order of time soon finds enough of them.
    Many(Condition),
}

impl Meant {
    /// By each of `ways`.
    pub async fn in_one_of(db: &impl ConnectionTrait, ways: Vec<Lookup>) -> Result<Self, Error> {
        let mut rows: Vec<Uuid> = Vec::new();
        for way in &ways {
            let found = ids(db, &way.ids).await?;
            if found.len() as u64 > FEW {
                return Ok(Self::Many(ways.into_iter().map(|way| way.holds).fold(Condition::any(), Condition::add)));
            }
            rows.extend(found);
        }
        Ok(Self::Rows(rows))
    }
}
