//! Sums of amounts, of any size, as an answer tells them.

use serde::Serialize;
use utoipa::ToSchema;

/// Amounts in minor units of one currency.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Amounts {
    /// ISO 4217; XXX where none is known.
    pub currency: String,
    /// TransactionFigures of all kinds in this currency.
    pub count: i64,
    pub completed_amount: i64,
    pub refunded_amount: i64,
    pub chargeback_amount: i64,
    pub net_amount: i64,
    /// Whether an amount here is the largest (or smallest) that an integer of 64 bits holds in place of the sum itself, which
    /// is in `exact`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    is_saturated: Option<bool>,
    /// The sums as decimal texts; present where one is beyond 2^53 - 1, up to where readers of JSON take numbers as exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    exact: Option<ExactAmounts>,
}

/// The amounts of a currency as decimal texts, in minor units.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExactAmounts {
    completed_amount: String,
    refunded_amount: String,
    chargeback_amount: String,
    net_amount: String,
}

/// Sums of one currency while they are added up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub count: i64,
    pub completed: i128,
    pub refunded: i128,
    pub chargeback: i128,
}

/// The largest integer that every reader of JSON takes as it is.
const MAX_EXACT: i128 = (1 << 53) - 1;

impl Amounts {
    pub(super) fn of(currency: &str, sums: Sums) -> Self {
        let Sums { count, completed, refunded, chargeback } = sums;
        let net = completed.saturating_sub(refunded).saturating_sub(chargeback);
        let all = [completed, refunded, chargeback, net];
        let exact = all.iter().any(|sum| !(-MAX_EXACT..=MAX_EXACT).contains(sum)).then(|| ExactAmounts {
            completed_amount: completed.to_string(),
            refunded_amount: refunded.to_string(),
            chargeback_amount: chargeback.to_string(),
            net_amount: net.to_string(),
        });
        Self {
            currency: currency.into(),
            count,
            completed_amount: saturated(completed),
            refunded_amount: saturated(refunded),
            chargeback_amount: saturated(chargeback),
            net_amount: saturated(net),
            is_saturated: all.into_iter().any(|sum| i64::try_from(sum).is_err()).then_some(true),
            exact,
        }
    }
}

fn saturated(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_beyond_64_bits_is_flagged_and_told_exactly() {
        let large = 2 * i128::from(i64::MAX);
        let usd = Amounts::of("USD", Sums { count: 2, completed: large, refunded: 1, chargeback: 0 });
        assert_eq!((usd.completed_amount, usd.net_amount, usd.is_saturated), (i64::MAX, i64::MAX, Some(true)));
        let exact = usd.exact.unwrap();
        assert_eq!(
            (exact.completed_amount.as_str(), exact.net_amount.as_str()),
            ("18446744073709551614", "18446744073709551613")
        );
    }

    #[test]
    fn a_sum_that_readers_of_json_would_round_is_told_as_text_too() {
        let of = |completed| Amounts::of("USD", Sums { count: 1, completed, ..Sums::default() });
        assert!(of(MAX_EXACT).exact.is_none());
        let usd = of(9_007_199_254_740_991_000);
        assert_eq!((usd.completed_amount, usd.is_saturated), (9_007_199_254_740_991_000, None));
        assert_eq!(usd.exact.unwrap().completed_amount, "9007199254740991000");
    }
}
