//! What a webhook means: an [`Envelope`] interpreted.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, StrExt};

use crate::{
    Category, Envelope, Family, Kind, Mode, Rejection, Status,
    envelope::{self, Shape},
    json::{Json, JsonType},
    masking, money, normalize, status,
};

/// An event as the platform keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Canonical name.
    pub name: SmolStr,
    /// What such events are about.
    pub family: &'static Family,
    /// Live or test.
    pub mode: Mode,
    /// When the told state was reached; the time of receipt where the body does not say, or tells a time more than ten
    /// minutes after it.
    pub status_time: DateTime<Utc>,
    /// Whether the body tells a time that is too far ahead to be true: then nobody knows when the state was reached.
    pub is_time_untrue: bool,
    /// The id of what it is about.
    pub resource_id: Option<SmolStr>,
    /// The account it belongs to.
    pub account_id: Option<SmolStr>,
    /// Shared by all events of one purchase.
    pub merchant_ref_num: Option<SmolStr>,
    /// What it changes.
    pub change: Change,
}

/// What an event changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A transaction's state.
    Transaction(TransactionFacts),
    /// An account's state.
    Account(AccountFacts),
    /// Nothing: the event is only kept.
    Nothing,
}

/// What an event says of a transaction; absent fields leave what other events said.
#[derive(Debug, Clone, PartialEq)]
pub struct TransactionFacts {
    /// Its kind, part of its key.
    pub kind: Kind,
    /// Its id at Netbanx, part of its key.
    pub external_id: SmolStr,
    /// Normal status.
    pub status: Status,
    /// The status as sent.
    pub raw_status: SmolStr,
    /// Minor units.
    pub amount: Option<i64>,
    /// ISO 4217.
    pub currency: Option<SmolStr>,
    /// For example `CARD`, `SEPA`, `EPS`.
    pub payment_method: Option<SmolStr>,
    /// Why it failed or was sent back.
    pub failure_reason: Option<SmolStr>,
    /// How a chargeback ended; [`status::UNDECIDED`] where it is open.
    pub outcome: Option<&'static str>,
    /// When it was made.
    pub transaction_time: Option<DateTime<Utc>>,
}

/// What an event says of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountFacts {
    /// The account number.
    pub external_id: SmolStr,
    /// Upper-case status, for example `ENABLED`.
    pub status: SmolStr,
    /// The partner or merchant that it belongs to at Netbanx.
    pub partner_id: Option<SmolStr>,
    /// Ids of its payment methods: kind (`credit_card`, `direct_debit`) and id.
    pub payment_methods: Vec<(&'static str, SmolStr)>,
}

/// How far ahead of its receipt a time is believed: clocks differ by seconds, and a payment is not made tomorrow.
pub const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// Whether a time is too far ahead of its receipt to be true.
fn is_untrue(told: DateTime<Utc>, received_at: DateTime<Utc>) -> bool {
    told > received_at + AHEAD
}

/// `told`, or the time of receipt where that is untrue.
fn believed(told: DateTime<Utc>, received_at: DateTime<Utc>) -> DateTime<Utc> {
    if is_untrue(told, received_at) { received_at } else { told }
}

impl Event {
    /// Whether [`Self::interpret`] would fail, for less.
    pub fn check(envelope: &Envelope<'_>) -> Result<(), Rejection> {
        match (envelope.family.category, envelope.resource_id()) {
            (Category::Transaction(_), Some(_)) => amount(envelope, currency(envelope).as_deref()).map(drop),
            _ => Ok(()),
        }
    }

    /// Interprets `envelope`, received at `received_at`. Fails only for numbers that cannot be kept.
    pub fn interpret(envelope: &Envelope<'_>, received_at: DateTime<Utc>) -> Result<Self, Rejection> {
        let family = envelope.family;
        let external_id = envelope.resource_id().map(SmolStr::from);
        let account_id = envelope.account_id().map(SmolStr::from);
        let change = match (family.category, &external_id, &account_id) {
            (Category::Transaction(kind), Some(id), _) => {
                Change::Transaction(TransactionFacts::read(envelope, kind, id.clone(), received_at)?)
            }
            (Category::Account, _, Some(id)) => Change::Account(AccountFacts::read(envelope, id.clone())),
            _ => Change::Nothing,
        };
        let told = envelope.status_time();
        Ok(Self {
            name: envelope.name.clone(),
            family,
            mode: envelope.mode(),
            status_time: told.map_or(received_at, |told| believed(told, received_at)),
            is_time_untrue: told.is_some_and(|told| is_untrue(told, received_at)),
            resource_id: external_id,
            account_id,
            merchant_ref_num: envelope.field("merchantRefNum").or_else(|| envelope.top("merchantRefNum")).map(kept),
            change,
        })
    }
}

impl TransactionFacts {
    fn read(envelope: &Envelope<'_>, kind: Kind, external_id: SmolStr, received_at: DateTime<Utc>) -> Result<Self, Rejection> {
        let raw = envelope.field("status");
        let name = &envelope.name;
        let status = status::normal(raw.as_deref(), name, kind);
        let outcome = (kind == Kind::Chargeback).then(|| status::outcome(status, raw.as_deref(), name)).flatten();
        let currency = currency(envelope);
        Ok(Self {
            kind,
            external_id,
            status,
            raw_status: raw.map_or_else(|| name.clone(), kept),
            amount: amount(envelope, currency.as_deref())?,
            currency,
            payment_method: payment_method(envelope),
            failure_reason: matches!(status, Status::Failed | Status::Returned).then(|| failure_reason(envelope)).flatten(),
            outcome,
            transaction_time: envelope
                .field("txnTime")
                .as_deref()
                .and_then(envelope::time)
                .map(|told| believed(told, received_at)),
        })
    }
}

/// A text as it is kept: masked again, although a stored body is masked, for it was cleaned and cut since then.
fn kept(text: Cow<'_, str>) -> SmolStr {
    masking::masked(&text).map_or_else(|| text.into(), SmolStr::from)
}

fn currency(envelope: &Envelope<'_>) -> Option<SmolStr> {
    let code = envelope.field("currencyCode").or_else(|| envelope.field("currency"))?.to_ascii_uppercase_smolstr();
    money::is_currency(&code).then_some(code)
}

fn amount(envelope: &Envelope<'_>, currency: Option<&str>) -> Result<Option<i64>, Rejection> {
    let amount = envelope.resource().and_then(|resource| resource.get("amount"));
    let read = |amount| match envelope.shape {
        Shape::EventData => money::major(amount, currency.unwrap_or("")),
        _ => money::minor(amount),
    };
    let amount = amount.filter(|amount| amount.json_type() != JsonType::Null).map(read).transpose();
    amount.map_err(|reason| Rejection::BadNumber { field: "amount".to_owned(), reason })
}

fn payment_method(envelope: &Envelope<'_>) -> Option<SmolStr> {
    let named = envelope.field("paymentType").or_else(|| envelope.field("paymentMethod"));
    // Lists of methods are parted by commas.
    named.map(|name| normalize::canonical_name(&kept(name)).replace_smolstr(",", "_")).or_else(|| {
        let resource = envelope.resource()?;
        ["card", "sepa", "ach", "eft", "bacs"]
            .into_iter()
            .find(|key| resource.get(key).is_some_and(Json::is_object))
            .map(StrExt::to_uppercase_smolstr)
    })
}

/// What the sender says of it: in words rather than by a code, and what is blank says nothing.
fn failure_reason(envelope: &Envelope<'_>) -> Option<SmolStr> {
    let error = envelope.resource()?.get("error");
    let of_error = |key: &str| error.and_then(|error| error.get(key)).and_then(envelope::text);
    of_error("message")
        .or_else(|| of_error("code"))
        .or_else(|| error.and_then(envelope::text))
        .or_else(|| ["statusReason", "failureReason", "returnReason", "reason"].iter().find_map(|key| envelope.field(key)))
        .map(kept)
}

impl AccountFacts {
    fn read(envelope: &Envelope<'_>, external_id: SmolStr) -> Self {
        let status = envelope
            .field("acctStatus")
            .or_else(|| envelope.field("status"))
            .unwrap_or_else(|| envelope.name.trim_start_matches("ACCT_").into());
        let payment_methods = [("credit_card", "creditCardId"), ("direct_debit", "directDebitId")]
            .into_iter()
            .filter_map(|(kind, key)| Some((kind, kept(envelope.field(key)?))))
            .collect();
        Self {
            external_id,
            status: normalize::canonical_name(&kept(status)),
            partner_id: envelope.field("partnerId").or_else(|| envelope.field("merchantId")).map(SmolStr::from),
            payment_methods,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn read(body: &str) -> Event {
        Event::interpret(&Envelope::parse(body.as_bytes(), None).unwrap(), clock::now()).unwrap()
    }

    #[test]
    fn a_legacy_decimal_is_major_units() {
        let event = read(
            r#"{"id":"w","eventType":"PAYMENT_COMPLETED","eventData":{"id":"p","amount":123.45,"currencyCode":"USD","status":"COMPLETED","card":{}}}"#,
        );
        let Change::Transaction(facts) = event.change else { panic!("a transaction") };
        assert_eq!((facts.amount, facts.currency.as_deref()), (Some(12_345), Some("USD")));
        assert_eq!(facts.payment_method.as_deref(), Some("CARD"));
    }

    #[test]
    fn a_return_is_not_hidden_by_its_own_completion() {
        let event = read(r#"{"eventName":"PAYMENT_RETURN_COMPLETED","payload":{"id":"p","status":"COMPLETED"}}"#);
        let Change::Transaction(facts) = event.change else { panic!("a transaction") };
        assert_eq!(facts.status, Status::Returned);
    }

    #[test]
    fn amounts_out_of_range_are_rejected() {
        let envelope =
            Envelope::parse(br#"{"eventType":"PAYMENT_COMPLETED","payload":{"id":"p","amount":99999999999999999999}}"#, None)
                .unwrap();
        assert!(matches!(Event::interpret(&envelope, clock::now()), Err(Rejection::BadNumber { .. })));
        assert!(matches!(Event::check(&envelope), Err(Rejection::BadNumber { .. })));
    }

    #[test]
    fn a_time_far_ahead_of_its_receipt_counts_as_its_receipt() {
        let received = envelope::time("2026-11-27T12:00:00Z").unwrap();
        let times = |told: &str| {
            let body =
                format!(r#"{{"eventType":"PAYMENT_PENDING","payload":{{"id":"p","statusTime":"{told}","txnTime":"{told}"}}}}"#);
            let event = Event::interpret(&Envelope::parse(body.as_bytes(), None).unwrap(), received).unwrap();
            let Change::Transaction(facts) = event.change else { panic!("a transaction") };
            (event.status_time, facts.transaction_time.unwrap())
        };
        for told in ["2099-01-01T00:00:00Z", "2026-11-27T12:10:01Z"] {
            assert_eq!(times(told), (received, received), "{told}");
        }
        let soon = envelope::time("2026-11-27T12:10:00Z").unwrap();
        assert_eq!(times("2026-11-27T12:10:00Z"), (soon, soon));
    }

    #[test]
    fn a_handle_is_kept_as_an_event_only() {
        let event = read(r#"{"eventType":"PAYMENT_HANDLE_COMPLETED","resourceId":"h","payload":{"id":"h","accountId":"1"}}"#);
        assert_eq!((event.change, event.account_id.as_deref()), (Change::Nothing, Some("1")));
    }
}
