//! What a report says of a transaction, as far as it can be taken over.

use common::{Kind, Status, event::AHEAD};
use reconcile::{
    Row, Transaction,
    item::{row_of, time},
    row::unsigned,
};
use serde_json::{Value, json};
use store::entity::reconciliation;
use uuid::Uuid;

const NO_AMOUNT: &str = "the report does not tell its amount";
const NO_CURRENCY: &str = "the report does not tell its currency";

/// The id that we have of it, or would have.
pub(super) fn id_of(detail: &Value) -> Option<&str> {
    let text = |name: &str| detail.get(name).and_then(Value::as_str);
    text("idHere").or_else(|| text("id"))
}

/// What the report says of a transaction, as far as it is taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said<'d> {
    id: &'d str,
    kind: Kind,
    status: Status,
    amount: Option<i64>,
    currency: Option<String>,
    /// Of a transaction that is missing here; of others webhooks told it.
    merchant_ref_num: Option<String>,
    /// When it was made, in milliseconds; likewise.
    made_ms: Option<i64>,
}

/// What the report says at `now_ms`; or why that is too little, or cannot be.
///
/// A transaction that is missing here would stand in the figures of the day of taking over, and with no money, if the report had
/// neither time nor amount: it must tell them. Of one that is there, what the report does not tell stays as it is.
pub(super) fn said<'d>(detail: &'d Value, known: &[Transaction], now_ms: i64) -> Result<Said<'d>, &'static str> {
    let Row { kind, status, unknown_status, amount, currency, merchant_ref_num, time_ms, .. } = row_of(detail);
    let id = id_of(detail).ok_or("the report does not tell its id")?;
    if unknown_status.is_some() {
        return Err("its status is not known");
    }
    let said = if let Some(own) = detail.get("transactionId").and_then(Value::as_str) {
        let own = own.parse::<Uuid>().ok().and_then(|own| known.iter().find(|ours| ours.row_id == own));
        let ours = own.ok_or("our transaction is not there any more")?;
        if kind.is_some_and(|kind| kind != ours.kind) {
            return Err("a transaction's kind is a part of its key, which does not change");
        }
        // An amount and a currency that do not belong together are no money.
        if amount.is_none() && currency.is_some() && currency != ours.currency {
            return Err(NO_AMOUNT);
        }
        if amount.is_some() && currency.is_none() && ours.currency.is_none() {
            return Err(NO_CURRENCY);
        }
        let (kind, status) = (ours.kind, status.unwrap_or(ours.status));
        Said { id, kind, status, amount, currency, merchant_ref_num: None, made_ms: None }
    } else {
        let kind = kind.ok_or("the report does not tell its kind")?;
        if known.iter().any(|ours| ours.id == id && ours.kind == kind) {
            return Err("there is such a transaction by now: compare again");
        }
        let status = status.ok_or("the report does not tell its status")?;
        let made_ms = time_ms.ok_or("the report does not tell its time")?;
        if made_ms > now_ms.saturating_add(AHEAD.num_milliseconds()) {
            return Err("its time is in the future");
        }
        // A verification moves no money.
        if kind != Kind::Verification || amount.is_some() {
            amount.ok_or(NO_AMOUNT)?;
            currency.as_ref().ok_or(NO_CURRENCY)?;
        }
        Said { id, kind, status, amount, currency, merchant_ref_num, made_ms: Some(made_ms) }
    };
    let amount = said.amount.map(|amount| unsigned(said.kind, amount));
    if amount.is_some_and(|amount| amount < 0) {
        return Err("its amount is negative");
    }
    Ok(Said { amount, ..said })
}

/// What a webhook would say that says the same.
pub(super) fn body(run: &reconciliation::Model, number: i64, said: &Said<'_>) -> String {
    let mut payload = json!({"id": said.id, "status": said.status, "statusTime": time(run.started_at)});
    if let Some(fields) = payload.as_object_mut() {
        let told = [
            ("amount", said.amount.map(Value::from)),
            ("currencyCode", said.currency.as_deref().map(Value::from)),
            ("merchantRefNum", said.merchant_ref_num.as_deref().map(Value::from)),
            ("txnTime", said.made_ms.and_then(time).map(Value::from)),
        ];
        fields.extend(told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    let name = format!("{}_{}", said.kind.as_str(), said.status.as_str());
    let body = json!({
        "eventType": name, "mode": run.mode, "source": "report", "reconciliation": run.id, "item": number, "payload": payload,
    });
    body.to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use reconcile::{Item, matching::differences};

    use super::*;

    const NOW: i64 = 1_764_471_600_000;

    fn row(kind: Kind) -> Row {
        Row {
            id: Some("p".to_owned()),
            kind: Some(kind),
            status: Some(Status::Completed),
            amount: Some(40),
            currency: Some("EUR".to_owned()),
            time_ms: Some(NOW - 5),
            ..Row::default()
        }
    }

    fn missing(row: &Row) -> Result<i64, &'static str> {
        said(&Item::missing_here(row, "").detail, &[], NOW).map(|said| said.amount.unwrap_or(-1))
    }

    fn differing(row: &Row, ours: &Transaction) -> Result<(Option<i64>, Status), &'static str> {
        let item = Item::differing(row, ours, &differences(row, ours));
        said(&item.detail, std::slice::from_ref(ours), NOW).map(|said| (said.amount, said.status))
    }

    #[test]
    fn what_is_missing_here_is_taken_over_if_the_report_says_all_of_it() {
        assert_eq!(missing(&row(Kind::Payment)), Ok(40));
        for (row, reason) in [
            (Row { id: None, ..row(Kind::Payment) }, "the report does not tell its id"),
            (Row { kind: None, ..row(Kind::Payment) }, "the report does not tell its kind"),
            (Row { status: None, ..row(Kind::Payment) }, "the report does not tell its status"),
            (Row { status: None, unknown_status: Some("Paid".to_owned()), ..row(Kind::Payment) }, "its status is not known"),
            (Row { time_ms: None, ..row(Kind::Payment) }, "the report does not tell its time"),
            (Row { time_ms: Some(NOW + 600_001), ..row(Kind::Payment) }, "its time is in the future"),
            (Row { amount: None, ..row(Kind::Refund) }, NO_AMOUNT),
            (Row { currency: None, ..row(Kind::Payment) }, NO_CURRENCY),
            (Row { currency: None, ..row(Kind::Verification) }, NO_CURRENCY),
            (Row { amount: Some(-1), ..row(Kind::Payment) }, "its amount is negative"),
            (Row { amount: Some(-1), ..row(Kind::Settlement) }, "its amount is negative"),
        ] {
            assert_eq!(missing(&row), Err(reason), "{row:?}");
        }
        // A clock may be minutes off; a verification has no amount; of a comparison of an older version a refund may have a minus.
        assert_eq!(missing(&Row { time_ms: Some(NOW + 600_000), ..row(Kind::Payment) }), Ok(40));
        assert_eq!(missing(&Row { amount: None, currency: None, ..row(Kind::Verification) }), Ok(-1));
        assert_eq!(missing(&Row { amount: Some(-40), ..row(Kind::Refund) }), Ok(40));
    }

    #[test]
    fn what_differs_keeps_what_the_report_does_not_tell() {
        let ours = Transaction {
            row_id: Uuid::now_v7(),
            kind: Kind::Refund,
            id: "p".to_owned(),
            merchant_ref_num: None,
            status: Status::Pending,
            amount: Some(30),
            currency: Some("EUR".to_owned()),
            time_ms: NOW,
        };
        let same = Row { amount: Some(30), ..row(Kind::Refund) };
        assert_eq!(differing(&same, &ours), Ok((Some(30), Status::Completed)));
        let status_alone = Row { amount: None, currency: None, time_ms: None, ..same.clone() };
        assert_eq!(differing(&status_alone, &ours), Ok((None, Status::Completed)));
        assert_eq!(differing(&Row { kind: None, amount: Some(-40), ..same.clone() }, &ours), Ok((Some(40), Status::Completed)));
        assert_eq!(differing(&Row { currency: None, ..same.clone() }, &ours), Ok((Some(30), Status::Completed)));
        let poor = Transaction { currency: None, amount: None, ..ours.clone() };
        for (row, ours, reason) in [
            (Row { status: None, unknown_status: Some("Approved".to_owned()), ..same.clone() }, &ours, "its status is not known"),
            (Row { amount: None, currency: Some("USD".to_owned()), ..same.clone() }, &ours, NO_AMOUNT),
            (Row { currency: None, ..same.clone() }, &poor, NO_CURRENCY),
            (
                Row { amount: Some(-30), ..row(Kind::Payment) },
                &Transaction { kind: Kind::Payment, ..ours.clone() },
                "its amount is negative",
            ),
        ] {
            assert_eq!(differing(&row, ours), Err(reason), "{row:?}");
        }
    }
}
