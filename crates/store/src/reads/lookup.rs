//! Transactions that are few, looked up by an index of their own before they are put in the order of time.

use common::{CompanyId, Kind};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, SelectStatement},
};
use uuid::Uuid;

use super::Scope;
use crate::{
    Error, companies,
    entity::{transaction, transaction_key},
};

/// Matches of a search up to which they are looked up one by one.
const FEW: u64 = 1_000;

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
    let mut ids = Vec::new();
    for select in [by_key, by_reference] {
        for row in db.query_all(&select).await? {
            ids.push(row.try_get_by_index(0)?);
        }
    }
    Ok(ids)
}

/// Rows that are meant in one of `ways`: the rows themselves where they are few, else the condition alone,
/// which a scan in the order of time soon finds enough of.
pub(super) async fn looked_up(db: &impl ConnectionTrait, ways: Vec<Lookup>) -> Result<Condition, Error> {
    let mut ids: Vec<Uuid> = Vec::new();
    for way in &ways {
        let found = db.query_all(&way.ids).await?;
        if found.len() as u64 > FEW {
            return Ok(ways.into_iter().map(|way| way.holds).fold(Condition::any(), Condition::add));
        }
        for row in found {
            ids.push(row.try_get_by_index(0)?);
        }
    }
    Ok(Condition::all().add(transaction::Column::Id.is_in(ids)))
}
