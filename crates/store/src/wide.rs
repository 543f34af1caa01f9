//! Sums of amounts beyond 64 bits, kept in the 64-bit columns of roll-ups and differences.
//!
//! A sum is one row as long as it is small, as almost all are. Of a large one the row of its series holds the part below
//! [`UNIT`], and a second row, whose series begins with `h` in place of `t`, how many whole units there are. A bucket may
//! hold any mixture of both, since rows are only ever added up: the sum is `low + UNIT * high`. A million of the largest
//! rows per second for a day stay within 64 bits in each part.

use std::borrow::Cow;

use common::Sum;

/// What the second row counts, in minor units.
const UNIT: i128 = 10_000_000_000;
/// How the series of transactions begin, and those of the second rows.
const LOW: &str = "t|";
/// See [`LOW`].
const HIGH: &str = "h|";

/// A row of a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    is_high: bool,
    pub count: i64,
    pub amount: i64,
}

impl Row {
    /// The row's series, where the sum's is `series`.
    pub fn series(self, series: String) -> String {
        match series.strip_prefix(LOW) {
            Some(rest) if self.is_high => format!("{HIGH}{rest}"),
            _ => series,
        }
    }
}

/// The rows that keep `sum`: one, or two where it is large.
pub(crate) fn rows(sum: Sum) -> impl Iterator<Item = Row> {
    let units = sum.amount / UNIT;
    let low = Row { is_high: false, count: sum.count, amount: narrowed(sum.amount % UNIT) };
    let high = Row { is_high: true, count: 0, amount: narrowed(units) };
    std::iter::once(low).chain((units != 0).then_some(high))
}

/// The series and the sum that a row is a part of.
pub(crate) fn sum(series: &str, count: i64, amount: i64) -> (Cow<'_, str>, Sum) {
    match series.strip_prefix(HIGH) {
        Some(rest) => (format!("{LOW}{rest}").into(), Sum { count, amount: i128::from(amount) * UNIT }),
        None => (series.into(), Sum { count, amount: amount.into() }),
    }
}

/// Within 64 bits; nothing that is written is beyond.
fn narrowed(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_comes_back_whatever_its_size() {
        for amount in
            [0, 1, -1, UNIT - 1, UNIT, -UNIT, -UNIT - 1, i64::MAX.into(), 5_000 * i128::from(i64::MAX), i128::from(i64::MIN)]
        {
            let whole = Sum { count: 3, amount };
            let parts: Vec<Row> = rows(whole).collect();
            assert_eq!(parts.len(), if amount.abs() < UNIT { 1 } else { 2 });
            let mut back = Sum::default();
            for row in parts {
                let kept = row.series("t|PAYMENT|COMPLETED|USD||".to_owned());
                let (series, part) = sum(&kept, row.count, row.amount);
                assert_eq!(series, "t|PAYMENT|COMPLETED|USD||");
                back.add(part);
            }
            assert_eq!(back, whole);
        }
    }
}
