//! What an answer says. Its forms are those of Paysafe's documentation: an object for an id; for a reference a list under the
//! plural of what was asked for, and `meta` with `numberOfRecords`, `limit` and `page`.

use common::{Kind, Mode, Status, envelope, money, status};
use serde_json::Value;

use crate::Error;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// `paymenthub/v1/payments`.
    Payment,
    /// `paymenthub/v1/settlements`.
    Settlement,
    /// `paymenthub/v1/refunds`.
    Refund,
    /// `accountmanagement/v1/accounts`; not by reference.
    Account,
}

impl What {
    /// By the name of a kind, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Payment, Self::Settlement, Self::Refund, Self::Account]
            .into_iter()
            .find(|what| what.as_str().eq_ignore_ascii_case(name))
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Settlement => "settlement",
            Self::Refund => "refund",
            Self::Account => "account",
        }
    }

    /// The kind of transaction; none of an account.
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::Payment => Some(Kind::Payment),
            Self::Settlement => Some(Kind::Settlement),
            Self::Refund => Some(Kind::Refund),
            Self::Account => None,
        }
    }

    /// Where it is, below the configured address.
    pub(crate) const fn path(self) -> [&'static str; 3] {
        match self {
            Self::Payment => ["paymenthub", "v1", "payments"],
            Self::Settlement => ["paymenthub", "v1", "settlements"],
            Self::Refund => ["paymenthub", "v1", "refunds"],
            Self::Account => ["accountmanagement", "v1", "accounts"],
        }
    }
}

/// What Netbanx says of one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// What it is.
    pub what: What,
    /// At Netbanx; of an account its number.
    pub id: String,
    /// As it is written there, upper case.
    pub raw_status: String,
    /// When that status was reached, or known to hold, milliseconds since 1970 UTC; none: it is not told.
    pub status_ms: Option<i64>,
    /// Minor units.
    pub amount: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// The merchant's.
    pub merchant_ref_num: Option<String>,
    /// For example CARD.
    pub payment_method: Option<String>,
    /// The account it belongs to.
    pub account_id: Option<String>,
    /// When it was made, RFC 3339.
    pub made: Option<String>,
    /// None: it is not told.
    pub mode: Option<Mode>,
}

impl Told {
    /// Reads one answer, which must be of `id` where one was asked for.
    pub fn read(what: What, asked: Option<&str>, answer: &Value) -> Result<Self, Error> {
        let text = |name: &str| match answer.get(name) {
            Some(Value::String(text)) if (1..=255).contains(&text.len()) => Some(text.trim().to_owned()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let id = text("id").or_else(|| text("accountId").filter(|_| what == What::Account)).ok_or_else(|| without("id"))?;
        if asked.is_some_and(|asked| asked != id) {
            return Err(Error::Content("it is of another id".to_owned()));
        }
        let raw_status = text("status").ok_or_else(|| without("status"))?.to_ascii_uppercase();
        if !raw_status.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ' | b'-')) {
            return Err(Error::Content("its status is no word".to_owned()));
        }
        let raw_status = raw_status.replace([' ', '-'], "_");
        // What a word means that nobody knows is not guessed: the row would be pending by it.
        if what.kind().is_some_and(|kind| status::told(&raw_status, kind).is_none()) {
            return Err(Error::Content(format!("its status is not known: {raw_status}")));
        }
        let at = |name: &str| text(name).as_deref().and_then(envelope::time).map(|time| time.timestamp_millis());
        Ok(Self {
            what,
            id,
            raw_status,
            status_ms: at("statusTime").or_else(|| at("updatedTime")),
            amount: amount(answer)?,
            currency: currency(answer)?,
            merchant_ref_num: text("merchantRefNum"),
            payment_method: text("paymentType"),
            account_id: text("accountId"),
            made: text("txnTime").filter(|time| envelope::time(time).is_some()),
            mode: mode(answer)?,
        })
    }

    /// The normal status of a transaction.
    pub fn status(&self) -> Status {
        status::normal(Some(&self.raw_status), "", self.what.kind().unwrap_or(Kind::Payment))
    }

    /// Reads a page of a list, with how many there are in all where it tells.
    pub(crate) fn read_list(what: What, answer: &Value) -> Result<(Vec<Self>, Option<usize>), Error> {
        let name = what.path()[2];
        let list = answer.get(name).and_then(Value::as_array).ok_or_else(|| without(name))?;
        let all: Result<Vec<Self>, Error> = list.iter().map(|one| Self::read(what, None, one)).collect();
        let total = answer.pointer("/meta/numberOfRecords").and_then(Value::as_u64);
        Ok((all?, total.and_then(|total| usize::try_from(total).ok())))
    }
}

/// Whether there is something under `name`.
fn told<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    answer.get(name).filter(|value| !value.is_null())
}

/// The amount, read as a webhook's is: one that cannot be read is no answer, rather than one without an amount.
fn amount(answer: &Value) -> Result<Option<i64>, Error> {
    let read = |value: &Value| match value {
        Value::String(text) => money::minor_text(text),
        Value::Number(number) => money::minor_text(&number.to_string()),
        _ => Err("is not a number"),
    };
    let amount = told(answer, "amount").map(read).transpose();
    amount.map_err(|reason| Error::Content(format!("its amount {reason}")))
}

fn currency(answer: &Value) -> Result<Option<String>, Error> {
    let Some(code) = told(answer, "currencyCode").or_else(|| told(answer, "currency")) else { return Ok(None) };
    let code = code.as_str().unwrap_or_default().to_ascii_uppercase();
    if money::is_currency(&code) { Ok(Some(code)) } else { Err(Error::Content("its currency is none".to_owned())) }
}

fn mode(answer: &Value) -> Result<Option<Mode>, Error> {
    let is_live = match told(answer, "liveMode") {
        None => None,
        Some(Value::Bool(is_live)) => Some(*is_live),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Some(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Some(false),
        Some(_) => return Err(Error::Content("its liveMode is neither true nor false".to_owned())),
    };
    let named = told(answer, "mode").and_then(Value::as_str).and_then(|mode| Mode::parse(&mode.to_ascii_lowercase()));
    Ok(is_live.map(|is_live| if is_live { Mode::Live } else { Mode::Test }).or(named))
}

fn without(name: &str) -> Error {
    Error::Content(format!("it has no {name}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_read_as_documented() {
        let answer = json!({"id": "p1", "merchantRefNum": "m", "status": "completed", "amount": 500, "currencyCode": "EUR",
            "paymentType": "CARD", "txnTime": "2026-01-01T00:00:00Z", "updatedTime": "2026-01-01T00:00:05Z", "liveMode": false});
        let told = Told::read(What::Payment, Some("p1"), &answer).unwrap();
        assert_eq!((told.status(), told.mode, told.amount), (Status::Completed, Some(Mode::Test), Some(500)));
        assert_eq!(told.status_ms, Some(1_767_225_605_000));
        assert!(Told::read(What::Payment, Some("p2"), &answer).is_err(), "it is of another id");
        for bad in [json!([]), json!({"id": "p1"}), json!({"status": "X"}), json!({"id": "p1", "status": "a/b"})] {
            assert!(matches!(Told::read(What::Payment, None, &bad), Err(Error::Content(_))), "{bad}");
        }
    }

    #[test]
    fn amounts_and_modes_are_read_as_those_of_webhooks_or_refused() {
        let read = |field: &str, value: Value| {
            let mut answer = json!({"id": "p1", "status": "COMPLETED"});
            answer[field] = value;
            Told::read(What::Payment, None, &answer)
        };
        for (amount, minor) in
            [(json!("1234"), Some(1234)), (json!(1200.0), Some(1200)), (json!(7), Some(7)), (json!(null), None)]
        {
            assert_eq!(read("amount", amount.clone()).unwrap().amount, minor, "{amount}");
        }
        for bad in [json!(12.34), json!("12.34"), json!(9.3e19), json!("12,34"), json!({}), json!(true)] {
            assert!(matches!(read("amount", bad.clone()), Err(Error::Content(_))), "{bad}");
        }
        assert_eq!(read("currency", json!("eur")).unwrap().currency.as_deref(), Some("EUR"));
        assert!(read("currencyCode", json!("EURO")).is_err() && read("currencyCode", json!(978)).is_err());
        assert_eq!(read("liveMode", json!("false")).unwrap().mode, Some(Mode::Test));
        assert_eq!((read("mode", json!("LIVE")).unwrap().mode, read("x", json!(1)).unwrap().mode), (Some(Mode::Live), None));
        assert!(read("liveMode", json!(0)).is_err());
        assert!(matches!(read("status", json!("WOBBLY")), Err(Error::Content(told)) if told.contains("WOBBLY")));
        assert!(
            Told::read(What::Account, None, &json!({"id": "7", "status": "WOBBLY"})).is_ok(),
            "statuses of accounts are many"
        );
    }

    #[test]
    fn a_list_is_read_with_its_length() {
        let page = json!({"refunds": [{"id": "r1", "status": "PENDING"}], "meta": {"numberOfRecords": 3, "limit": 1, "page": 1}});
        let (read, total) = Told::read_list(What::Refund, &page).unwrap();
        assert_eq!((read.len(), total), (1, Some(3)));
        assert!(Told::read_list(What::Payment, &page).is_err());
    }
}
