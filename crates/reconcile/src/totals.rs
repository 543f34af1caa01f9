//! Counts and sums by day, currency and kind: rows of a report beside what became of them.

use std::collections::BTreeMap;

use common::Kind;
use serde_json::{Value, json};

use crate::{Row, Transaction, item, row::DAY_MS};

/// What is counted of each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Rows that say what we have.
    Matched,
    /// Rows without a transaction.
    MissingHere,
    /// Transactions without a row.
    MissingThere,
    /// Rows that say something else.
    Differing,
}

const NAMES: [&str; 4] = ["matched", "missingHere", "missingThere", "differing"];

/// Day (its first millisecond), currency, kind.
type Group = (Option<i64>, Option<String>, Option<Kind>);

/// Counts and sums, by groups. Sums are of minor units; what has no amount is counted alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<Group, [(u64, i128); 4]>);

impl Totals {
    /// Adds a row.
    pub fn add_row(&mut self, sort: Sort, row: &Row) {
        self.add(sort, (row.time_ms.map(day), row.currency.clone(), row.kind), row.amount);
    }

    /// Adds a transaction.
    pub fn add_transaction(&mut self, sort: Sort, ours: &Transaction) {
        self.add(sort, (Some(day(ours.time_ms)), ours.currency.clone(), Some(ours.kind)), ours.amount);
    }

    fn add(&mut self, sort: Sort, group: Group, amount: Option<i64>) {
        if let Some((count, sum)) = self.0.entry(group).or_default().get_mut(sort as usize) {
            *count += 1;
            *sum += i128::from(amount.unwrap_or(0));
        }
    }

    /// As answers tell them: a list of `{day, currency, kind, matched: {count, amount}, …}`, without what there is none of.
    pub fn view(&self) -> Value {
        let groups = self.0.iter().map(|((day, currency, kind), cells)| {
            let day = day.and_then(item::time).and_then(|time| time.get(..10).map(str::to_owned));
            let mut group = json!({"day": day, "currency": currency, "kind": kind});
            for (name, (count, amount)) in NAMES.iter().zip(cells).filter(|(_, (count, _))| *count > 0) {
                if let Some(fields) = group.as_object_mut() {
                    fields.insert((*name).to_owned(), json!({"count": count, "amount": amount}));
                }
            }
            group
        });
        groups.collect()
    }
}

fn day(ms: i64) -> i64 {
    ms - ms.rem_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_by_day_currency_and_kind() {
        let row = |ms, amount| Row {
            time_ms: Some(ms),
            amount: Some(amount),
            currency: Some("EUR".to_owned()),
            kind: Some(Kind::Payment),
            ..Row::default()
        };
        let mut totals = Totals::default();
        totals.add_row(Sort::Matched, &row(5, 100));
        totals.add_row(Sort::Matched, &row(DAY_MS - 1, 23));
        totals.add_row(Sort::Differing, &row(DAY_MS, i64::MAX));
        totals.add_row(Sort::Differing, &row(DAY_MS, i64::MAX));
        let expected = r#"[{"currency":"EUR","day":"1970-01-01","kind":"PAYMENT","matched":{"amount":123,"count":2}},{"currency":"EUR","day":"1970-01-02","differing":{"amount":18446744073709551614,"count":2},"kind":"PAYMENT"}]"#;
        assert_eq!(totals.view().to_string(), expected);
    }
}
