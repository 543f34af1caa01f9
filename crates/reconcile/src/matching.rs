//! Which row is which transaction, and what differs between the two.

use std::collections::HashMap;

use common::{Kind, Status};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Row,
    row::{DAY_MS, takes_out, unsigned},
};

/// Two times that are no further apart are those of one transaction, whatever else is near.
pub const NEAR_MS: i64 = 5 * 60 * 1000;
/// Furthest that a row and its transaction may be apart where they are matched by reference.
pub const WINDOW_MS: i64 = DAY_MS;
/// Transactions that are looked at for a row, those nearest in time first.
const CANDIDATES: usize = 200;

/// A transaction as we have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Ours.
    pub row_id: Uuid,
    /// Part of its key.
    pub kind: Kind,
    /// At Netbanx; part of its key.
    pub id: String,
    /// The purchase.
    pub merchant_ref_num: Option<String>,
    /// In normal form.
    pub status: Status,
    /// Minor units; absent where no webhook told it.
    pub amount: Option<i64>,
    /// ISO 4217; absent where no webhook told it.
    pub currency: Option<String>,
    /// When it was made, in milliseconds since 1970 UTC.
    pub time_ms: i64,
}

/// A field in which a row and its transaction differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// `status`, `amount`, `currency` or `kind`.
    pub field: &'static str,
    /// What we have.
    pub here: Value,
    /// What the report says.
    pub there: Value,
}

/// In what `row` and its transaction differ. What the report does not tell is not compared; a status that nobody knows agrees with none.
pub fn differences(row: &Row, ours: &Transaction) -> Vec<Difference> {
    fn differs<T: PartialEq>(field: &'static str, there: Option<T>, here: Option<T>) -> Option<Difference>
    where
        Value: From<T>,
    {
        let there = there.filter(|there| here.as_ref() != Some(there))?;
        Some(Difference { field, here: here.map_or(Value::Null, Value::from), there: Value::from(there) })
    }
    let status = row.unknown_status.as_deref().or_else(|| row.status.map(Status::as_str));
    let own_amount = ours.amount.map(|amount| unsigned(ours.kind, amount));
    let amount = row.amount.map(|amount| unsigned(ours.kind, amount)).filter(|amount| own_amount != Some(*amount));
    [
        differs("kind", row.kind.map(Kind::as_str), Some(ours.kind.as_str())),
        differs("status", status, Some(ours.status.as_str())),
        differs("amount", amount, ours.amount),
        differs("currency", row.currency.as_deref(), ours.currency.as_deref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a row's id leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ById<'t> {
    /// This transaction.
    Found(&'t Transaction),
    /// One that another row named before.
    Taken,
    /// None of that id and kind.
    Unknown,
}

/// The transaction of `row` among `candidates`, all of its id. Kinds may share an id: the row's kind decides where it tells one,
/// otherwise whichever differs least.
pub fn by_id<'t>(row: &Row, candidates: &'t [Transaction], is_taken: impl Fn(&Transaction) -> bool) -> ById<'t> {
    let mut answer = ById::Unknown;
    let mut fewest = usize::MAX;
    for ours in candidates.iter().filter(|ours| row.kind.is_none_or(|kind| kind == ours.kind)) {
        if is_taken(ours) {
            if answer == ById::Unknown {
                answer = ById::Taken;
            }
            continue;
        }
        let count = differences(row, ours).len();
        if count < fewest {
            (answer, fewest) = (ById::Found(ours), count);
        }
    }
    answer
}

/// What a reference is matched by; rows that lack a part of it match nothing.
type Key<'k> = (&'k str, Option<Kind>, i64, &'k str);

fn key(row: &Row) -> Option<(Key<'_>, i64)> {
    Some(((row.merchant_ref_num.as_deref()?, row.kind, row.amount?, row.currency.as_deref()?), row.time_ms?))
}

/// Whether `row` tells all that a match by reference needs.
pub fn has_reference(row: &Row) -> bool {
    key(row).is_some()
}

/// For each of `rows` which of `ours` it is, by reference, kind, amount, currency and a time at most `window_ms` away. A
/// transaction is given to one row: first where the statuses agree, then where the times are nearest. `ours` are those that
/// no row has yet.
pub fn by_reference<'t>(rows: &[Row], ours: &'t [Transaction], window_ms: i64) -> Vec<Option<&'t Transaction>> {
    let mut places: HashMap<Key<'_>, Vec<usize>> = HashMap::new();
    for (place, own) in ours.iter().enumerate() {
        if let (Some(reference), Some(amount), Some(currency)) =
            (own.merchant_ref_num.as_deref(), own.amount, own.currency.as_deref())
        {
            let amount = unsigned(own.kind, amount);
            places.entry((reference, Some(own.kind), amount, currency)).or_default().push(place);
            // A row that does not tell its kind may have a minus.
            for amount in if takes_out(own.kind) { vec![amount, -amount] } else { vec![amount] } {
                places.entry((reference, None, amount, currency)).or_default().push(place);
            }
        }
    }
    let mut pairs = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let Some((key, time)) = key(row) else { continue };
        let near = places.get(&key).into_iter().flatten().filter_map(|place| {
            let own = ours.get(*place)?;
            let distance = distance(time, row.spans_ms, own.time_ms);
            let differs = row.unknown_status.is_some() || row.status.is_some_and(|status| status != own.status);
            (distance <= window_ms).then_some((differs, distance, number, *place))
        });
        let mut near: Vec<_> = near.collect();
        if near.len() > CANDIDATES {
            near.select_nth_unstable(CANDIDATES);
            near.truncate(CANDIDATES);
        }
        pairs.extend(near);
    }
    pairs.sort_unstable();
    let mut found: Vec<Option<&Transaction>> = vec![None; rows.len()];
    let mut is_given = vec![false; ours.len()];
    for (_, _, number, place) in pairs {
        if let (Some(slot @ None), Some(given @ false), Some(own)) =
            (found.get_mut(number), is_given.get_mut(place), ours.get(place))
        {
            (*slot, *given) = (Some(own), true);
        }
    }
    found
}

/// How far `time` is from what a row tells: nothing on the day that it names.
fn distance(begin: i64, spans: i64, time: i64) -> i64 {
    begin.saturating_sub(time).max(time.saturating_sub(begin.saturating_add(spans))).max(0)
}

/// A [`Difference`] as it is told.
impl From<&Difference> for Value {
    fn from(difference: &Difference) -> Self {
        json!({"field": difference.field, "here": difference.here, "there": difference.there})
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ours(id: &str, kind: Kind, time_ms: i64) -> Transaction {
        Transaction {
            row_id: Uuid::now_v7(),
            kind,
            id: id.to_owned(),
            merchant_ref_num: Some("r".to_owned()),
            status: Status::Completed,
            amount: Some(100),
            currency: Some("EUR".to_owned()),
            time_ms,
        }
    }

    fn row(ours: &Transaction) -> Row {
        Row {
            id: Some(ours.id.clone()),
            merchant_ref_num: ours.merchant_ref_num.clone(),
            kind: Some(ours.kind),
            status: Some(ours.status),
            amount: ours.amount,
            currency: ours.currency.clone(),
            time_ms: Some(ours.time_ms),
            ..Row::default()
        }
    }

    #[test]
    fn what_the_report_does_not_tell_is_not_compared() {
        let own = ours("p", Kind::Payment, 0);
        assert_eq!(differences(&row(&own), &own), []);
        assert_eq!(differences(&Row::default(), &own), []);
        let other = Row { status: Some(Status::Failed), amount: Some(5), currency: Some("USD".to_owned()), ..row(&own) };
        let fields: Vec<&str> = differences(&other, &own).iter().map(|difference| difference.field).collect();
        assert_eq!(fields, ["status", "amount", "currency"]);
        let untold = Transaction { amount: None, ..own.clone() };
        assert_eq!(differences(&row(&own), &untold), [Difference { field: "amount", here: Value::Null, there: 100.into() }]);
    }

    #[test]
    fn a_status_that_nobody_knows_agrees_with_none() {
        for status in [Status::Completed, Status::Pending] {
            let own = Transaction { status, ..ours("p", Kind::Payment, 0) };
            let told = Row { status: None, unknown_status: Some("Approved".to_owned()), ..row(&own) };
            let difference = Difference { field: "status", here: status.as_str().into(), there: "Approved".into() };
            assert_eq!(differences(&told, &own), [difference]);
        }
    }

    #[test]
    fn a_minus_of_money_that_goes_out_is_no_difference() {
        for (kind, here, there, differs) in [
            (Kind::Refund, 40, -40, false),
            (Kind::Chargeback, -40, 40, false),
            (Kind::Payout, -40, -40, false),
            (Kind::Refund, 40, -41, true),
            (Kind::Payment, 40, -40, true),
            (Kind::Settlement, 40, -40, true),
        ] {
            let own = Transaction { amount: Some(here), ..ours("p", kind, 0) };
            let told = Row { amount: Some(there), ..row(&own) };
            assert_eq!(!differences(&told, &own).is_empty(), differs, "{kind:?} {here} {there}");
            // By reference, a row with a kind is read without its minus already.
            let told = Row { id: None, kind: None, ..told };
            let all = [own];
            assert_eq!(by_reference(&[told], &all, WINDOW_MS), [(!differs).then_some(&all[0])], "{kind:?} {here} {there}");
        }
    }

    #[test]
    fn kinds_that_share_an_id_are_told_apart() {
        let both = [ours("x", Kind::Payment, 0), ours("x", Kind::Settlement, 0)];
        assert_eq!(by_id(&row(&both[1]), &both, |_| false), ById::Found(&both[1]));
        assert_eq!(by_id(&row(&both[1]), &both[..1], |_| false), ById::Unknown);
        assert_eq!(by_id(&row(&both[0]), &both, |own| own.kind == Kind::Payment), ById::Taken);
        let untold = Row { kind: None, ..row(&both[0]) };
        assert_eq!(by_id(&untold, &both, |own| own.kind == Kind::Payment), ById::Found(&both[1]));
    }

    #[test]
    fn a_reference_is_matched_within_a_day_and_the_nearest_first() {
        let all = [ours("a", Kind::Payment, 0), ours("b", Kind::Payment, DAY_MS), ours("c", Kind::Refund, 0)];
        let told = |ms| Row { id: None, time_ms: Some(ms), ..row(&all[0]) };
        let found = by_reference(&[told(DAY_MS - 5), told(3), told(4)], &all, WINDOW_MS);
        assert_eq!(found.iter().map(|own| own.map(|own| own.id.as_str())).collect::<Vec<_>>(), [Some("b"), Some("a"), None]);
        assert_eq!(by_reference(&[told(2 * DAY_MS + 1)], &all, WINDOW_MS), [None]);
        assert_eq!(by_reference(&[told(2 * DAY_MS)], &all, WINDOW_MS)[0].unwrap().id, "b");
        let day = Row { spans_ms: DAY_MS - 1, ..told(-2 * DAY_MS) };
        assert_eq!(by_reference(std::slice::from_ref(&day), &all, WINDOW_MS - 1)[0], None);
        assert_eq!(by_reference(&[Row { spans_ms: DAY_MS, ..day }], &all, WINDOW_MS)[0].unwrap().id, "a");
        assert_eq!(by_reference(&[Row { amount: Some(99), ..told(0) }], &all, WINDOW_MS), [None]);
    }

    #[test]
    fn an_attempt_that_failed_is_not_the_one_that_did_not() {
        let failed = Transaction { status: Status::Failed, ..ours("f", Kind::Payment, 0) };
        let all = [failed.clone(), ours("c", Kind::Payment, 30_000)];
        let (late, early) = (Row { time_ms: Some(31_000), ..row(&failed) }, Row { time_ms: Some(1), ..row(&all[1]) });
        let found = by_reference(&[late, early], &all, WINDOW_MS);
        assert_eq!(found.into_iter().map(|own| own.unwrap().id.as_str()).collect::<Vec<_>>(), ["f", "c"]);
    }

    proptest! {
        #[test]
        fn no_transaction_is_given_twice_and_none_that_does_not_fit(
            times in proptest::collection::vec((0_i64..4, 0_i64..3 * DAY_MS), 0..30),
            told in proptest::collection::vec((0_i64..4, 0_i64..3 * DAY_MS), 0..30),
        ) {
            let all: Vec<Transaction> =
                times.iter().map(|(amount, ms)| Transaction { amount: Some(*amount), ..ours("p", Kind::Payment, *ms) }).collect();
            let model = ours("p", Kind::Payment, 0);
            let rows: Vec<Row> =
                told.iter().map(|(amount, ms)| Row { amount: Some(*amount), time_ms: Some(*ms), ..row(&model) }).collect();
            let found = by_reference(&rows, &all, WINDOW_MS);
            let given: std::collections::HashSet<Uuid> = found.iter().flatten().map(|own| own.row_id).collect();
            prop_assert_eq!(given.len(), found.iter().flatten().count());
            for (row, own) in rows.iter().zip(&found) {
                match own {
                    Some(own) => prop_assert!(own.amount == row.amount && (own.time_ms - row.time_ms.unwrap()).abs() <= WINDOW_MS),
                    // Nothing that would have fitted is left.
                    None => prop_assert!(all.iter().all(|own| given.contains(&own.row_id)
                        || own.amount != row.amount
                        || (own.time_ms - row.time_ms.unwrap()).abs() > WINDOW_MS)),
                }
            }
        }
    }
}
