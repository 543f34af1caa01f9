//! Our transactions that rows of a report may be: by id, and by reference.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use common::{Kind, Status};
use reconcile::{
    Row, Transaction,
    matching::{by_reference, has_reference},
    row::takes_out,
};
use store::reconciliations::{self, Known};

use super::Comparison;
use crate::Error;

/// Transactions that are read for a chunk of references. Beyond it the chunk is halved.
const CANDIDATES: usize = 50_000;
/// Transactions of a chunk's own span of time, up to which they are all read: one look instead of one for each reference.
const NEARBY: u64 = 10_000;

impl Comparison<'_> {
    /// The transactions that have one of these kinds and ids, by id; without a kind those of every kind.
    pub(super) async fn known(
        &self,
        keys: impl Iterator<Item = (Option<Kind>, &str)>,
    ) -> Result<HashMap<String, Vec<Transaction>>, Error> {
        let mut by_id: HashMap<String, Vec<Transaction>> = HashMap::new();
        for found in reconciliations::by_keys(self.db, self.company, self.mode, keys).await? {
            let ours = transaction(found);
            by_id.entry(ours.id.clone()).or_default().push(ours);
        }
        Ok(by_id)
    }

    /// For each of `rows` the transaction that it is by reference, of those that are left.
    pub(super) async fn by_reference(&mut self, rows: &[Row], window_ms: i64) -> Result<Vec<Option<Transaction>>, Error> {
        let mut found = Vec::with_capacity(rows.len());
        let mut taken = HashSet::new();
        let mut parts = vec![rows];
        while let Some(part) = parts.pop() {
            let mut left = self.of_references(part, window_ms).await?;
            if left.len() >= CANDIDATES && part.len() > 1 {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
                continue;
            }
            left.retain(|ours| !self.taken.contains(&ours.row_id.as_u128()) && !taken.contains(&ours.row_id));
            let given = by_reference(part, &left, window_ms);
            taken.extend(given.iter().flatten().map(|ours| ours.row_id));
            found.extend(given.into_iter().map(Option::<&Transaction>::cloned));
        }
        Ok(found)
    }

    /// Transactions that may be one of `rows`, taken ones among them.
    async fn of_references(&mut self, rows: &[Row], window_ms: i64) -> Result<Vec<Transaction>, Error> {
        let (mut references, mut amounts) = (BTreeMap::new(), BTreeSet::new());
        let wider = |(from, until): (i64, i64), other: (i64, i64)| (from.min(other.0), until.max(other.1));
        let mut span = None;
        for row in rows.iter().filter(|row| has_reference(row)) {
            let (Some(reference), Some(amount), Some(time)) = (row.merchant_ref_num.as_deref(), row.amount, row.time_ms) else {
                continue;
            };
            let own = (time.saturating_sub(window_ms), time.saturating_add(row.spans_ms).saturating_add(window_ms));
            span = Some(span.map_or(own, |span| wider(span, own)));
            references.entry(reference).and_modify(|times| *times = wider(*times, own)).or_insert(own);
            amounts.insert(amount);
            // Ours has a minus, or the row has one and does not tell its kind.
            if row.kind.is_none_or(takes_out) {
                amounts.insert(-amount);
            }
        }
        let Some(span) = span else { return Ok(Vec::new()) };
        if self.is_by_time {
            if let Some(all) = reconciliations::all_within(self.db, self.company, self.mode, span, NEARBY).await? {
                return Ok(all.into_iter().map(transaction).collect());
            }
            self.is_by_time = false;
        }
        let limit = CANDIDATES as u64;
        let found = reconciliations::by_references(self.db, self.company, self.mode, &references, &amounts, limit).await?;
        Ok(found.into_iter().map(transaction).collect())
    }
}

/// As the comparison has it.
pub(crate) fn transaction(known: Known) -> Transaction {
    Transaction {
        row_id: known.id,
        kind: Kind::parse(&known.kind).unwrap_or(Kind::Payment),
        id: known.external_id,
        merchant_ref_num: known.merchant_ref_num,
        status: Status::parse(&known.status).unwrap_or(Status::Pending),
        amount: known.amount,
        currency: known.currency,
        time_ms: known.transaction_time,
    }
}
