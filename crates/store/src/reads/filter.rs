//! Which transactions a filter means, and by which indexes they are found.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, sea_query::Expr};
use uuid::Uuid;

use super::{
    Scope,
    lookup::{Lookup, Meant, begins, companies_of, with_part},
    scoped,
};
use crate::{
    Error,
    dialect::{COMMON_KIND, COMMON_STATUS},
    entity::transaction,
};

/// Characters from which on a part of an id or a reference is searched for: fewer are in most of them.
const SHORTEST_PART: usize = 3;

/// Filters of transactions; absent ones do not filter.
#[derive(Debug, Clone, Default)]
pub struct TransactionFilter {
    /// `live` or `test`.
    pub mode: Option<&'static str>,
    /// Normal statuses, one of which it has; empty: any.
    pub status: Vec<&'static str>,
    /// Kinds, the same way.
    pub kind: Vec<&'static str>,
    /// ISO 4217, the same way.
    pub currency: Vec<String>,
    /// Upper case, the same way.
    pub payment_method: Vec<String>,
    /// The whole reason.
    pub failure_reason: Option<String>,
    /// In minor units, at least.
    pub amount_min: Option<i64>,
    /// In minor units, at most.
    pub amount_max: Option<i64>,
    /// The merchant's account.
    pub account_id: Option<String>,
    /// The purchase.
    pub merchant_ref_num: Option<String>,
    /// Made at or after, milliseconds.
    pub from_ms: Option<i64>,
    /// Made before, milliseconds.
    pub until_ms: Option<i64>,
    /// Begins the external id or the merchant reference; or is within one of them, of the [`MAX_COUNT`](super::MAX_COUNT) newest.
    pub q: Option<String>,
}

/// What holds for the transactions of a filter.
pub async fn wanted(db: &impl ConnectionTrait, scope: Scope, filter: &TransactionFilter) -> Result<Condition, Error> {
    Ok(indexed(db, scope, filter).await?.condition().add(unindexed(filter)))
}

/// What stands in figures for those without a currency: ISO 4217's code for none.
const NO_CURRENCY: &str = "XXX";
/// What stands in figures for those without a payment method.
const NO_METHOD: &str = "UNKNOWN";

/// What stands for a currency, or that there is none.
pub fn currency_or_none(currency: &str) -> &str {
    if currency.is_empty() { NO_CURRENCY } else { currency }
}

/// What stands for a payment method, or that none is told.
pub fn method_or_none(method: &str) -> &str {
    if method.is_empty() { NO_METHOD } else { method }
}

/// Whether `wanted` asks for those without a value too, which `none` stands for.
fn names_none(wanted: &[String], none: &str) -> bool {
    wanted.iter().any(|value| value == none)
}

/// What holds for those that have one of `wanted` in `column`, or nothing where `none` is one of them; nothing where all are wanted.
fn one_of_or_none(column: transaction::Column, wanted: &[String], none: &str) -> Option<Condition> {
    let is_one = (!wanted.is_empty()).then(|| Condition::any().add(column.is_in(wanted)))?;
    Some(if names_none(wanted, none) { is_one.add(column.is_null()) } else { is_one })
}

/// What of it no index knows; empty where there is nothing of that kind.
pub(super) fn unindexed(filter: &TransactionFilter) -> Condition {
    use transaction::Column;
    let currency = if names_none(&filter.currency, NO_CURRENCY) { filter.currency.as_slice() } else { &[] };
    Condition::all()
        .add_option(one_of_or_none(Column::Currency, currency, NO_CURRENCY))
        .add_option(one_of_or_none(Column::PaymentMethod, &filter.payment_method, NO_METHOD))
        .add_option(filter.failure_reason.as_deref().map(|reason| Column::FailureReason.eq(reason)))
        .add_option(filter.amount_min.map(|amount| Column::Amount.gte(amount)))
        .add_option(filter.amount_max.map(|amount| Column::Amount.lte(amount)))
}

/// What of a filter an index finds.
pub(super) struct Indexed {
    /// What holds for its rows.
    pub holds: Condition,
    /// Where its rows are few: among these they are.
    pub ids: Option<Vec<Uuid>>,
}

impl Indexed {
    fn narrowed(self, meant: Meant) -> Self {
        match meant {
            Meant::Many(holds) => Self { holds: self.holds.add(holds), ..self },
            Meant::Rows(rows) => {
                let ids = match &self.ids {
                    None => rows,
                    Some(ids) => {
                        let rows: HashSet<Uuid> = rows.into_iter().collect();
                        ids.iter().copied().filter(|id| rows.contains(id)).collect()
                    }
                };
                Self { ids: Some(ids), ..self }
            }
        }
    }

    /// All of it as one condition.
    pub fn condition(self) -> Condition {
        self.holds.add_option(self.ids.map(|ids| transaction::Column::Id.is_in(ids)))
    }
}

/// What of it an index finds.
pub(super) async fn indexed(db: &impl ConnectionTrait, scope: Scope, filter: &TransactionFilter) -> Result<Indexed, Error> {
    use transaction::Column;
    let mut all = scoped(Column::CompanyId, scope);
    all = all.add_option(filter.mode.map(|mode| Column::Mode.eq(mode)));
    all = one_of(all, Column::Status, &filter.status);
    all = one_of(all, Column::Kind, &filter.kind);
    if !names_none(&filter.currency, NO_CURRENCY) {
        all = one_of(all, Column::Currency, &filter.currency);
    }
    let is_rare = |values: &[&str], common: &str| !values.is_empty() && !values.contains(&common);
    all = all
        // Said in so many words, the partial indexes of what is rare are known to hold the rows.
        .add_option(is_rare(&filter.status, COMMON_STATUS).then(|| is_not("status", COMMON_STATUS)))
        .add_option(is_rare(&filter.kind, COMMON_KIND).then(|| is_not("kind", COMMON_KIND)))
        .add_option(filter.from_ms.map(|ms| Column::TransactionTime.gte(ms)))
        .add_option(filter.until_ms.map(|ms| Column::TransactionTime.lt(ms)));
    let mut found = Indexed { holds: all, ids: None };
    if let Some(account) = &filter.account_id {
        let own = Column::AccountId.eq(account.as_str());
        // An account's rows are in the order of time under its company.
        found = match scope {
            Scope::All => found.narrowed(one_way(db, scope, filter.mode, own).await?),
            Scope::Company(_) => Indexed { holds: found.holds.add(own), ..found },
        };
    }
    if let Some(reference) = &filter.merchant_ref_num {
        let own = Column::MerchantRefNum.eq(reference.as_str());
        found = found.narrowed(one_way(db, scope, filter.mode, own).await?);
    }
    if let Some(q) = &filter.q {
        let reference = begins(Column::MerchantRefNum, q);
        let companies = companies_of(db, scope).await?;
        let ways = vec![Lookup::by_key(&companies, q), Lookup::by_row(&companies, filter.mode, reference)];
        let mut meant = Meant::in_one_of(db, ways).await?;
        if let Meant::Rows(rows) = &mut meant
            && q.chars().count() >= SHORTEST_PART
        {
            rows.extend(with_part(db, scope, filter.mode, q).await?);
        }
        found = found.narrowed(meant);
    }
    Ok(found)
}

/// Which rows `own` holds for, by an index of their company.
async fn one_way(db: &impl ConnectionTrait, scope: Scope, mode: Option<&str>, own: Expr) -> Result<Meant, Error> {
    Meant::in_one_of(db, vec![Lookup::by_row(&companies_of(db, scope).await?, mode, own)]).await
}

/// Narrowed to rows whose `column` has one of `values`, if there are any: of one, by equality, which indexes prefer.
fn one_of(all: Condition, column: impl ColumnTrait, values: &[impl AsRef<str>]) -> Condition {
    match values {
        [] => all,
        [one] => all.add(column.eq(one.as_ref())),
        several => all.add(column.is_in(several.iter().map(AsRef::as_ref))),
    }
}

/// As a literal: a bound value would prove nothing to a planner.
fn is_not(column: &str, name: &str) -> Expr {
    Expr::cust(format!(r#""transactions"."{column}" <> '{name}'"#))
}
