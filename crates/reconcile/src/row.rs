//! A row of a report: what it says of a transaction, in our normal form.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use common::{Category, Family, Kind, Status, envelope, masking, money, normalize, status};

use crate::{
    Amounts, Field, Mapping,
    mapping::{Columns, has_offset, shown},
    records::Records,
};

/// Longest id and reference that is kept of a row, in characters.
const MAX_TEXT: usize = 255;
/// A day, in milliseconds.
pub(crate) const DAY_MS: i64 = 86_400_000;
/// The times that a row may have: 1970 to 9999, in milliseconds.
const TIMES: Range<i64> = 0..253_402_300_800_000;

/// A row of a report. What its column is not there for, or is empty, is `None` and is not compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Which of the files of a run.
    pub file: usize,
    /// Its line there, from 1.
    pub line: u64,
    /// At Netbanx.
    pub id: Option<String>,
    /// The purchase.
    pub merchant_ref_num: Option<String>,
    /// In normal form.
    pub kind: Option<Kind>,
    /// In normal form.
    pub status: Option<Status>,
    /// The status as it is written, where nobody knows what it means.
    pub unknown_status: Option<String>,
    /// Minor units; without the minus where money goes out, see [`takes_out`].
    pub amount: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// When it was made, in milliseconds since 1970 UTC.
    pub time_ms: Option<i64>,
    /// How much later than that it may have been: a day where the report tells the date alone.
    pub spans_ms: i64,
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Which of the files of a run.
    pub file: usize,
    /// Its line there, from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
    /// The transaction that it seems to be about, which is not missing in the report then.
    pub id: Option<String>,
}

/// What a row is read by.
#[derive(Debug)]
pub(crate) struct Form {
    pub columns: Columns,
    pub mapping: Mapping,
    /// The kind of every row of a report that does not tell it.
    pub kind: Option<Kind>,
}

impl Form {
    /// Reads the last record of `records`.
    pub fn row(&self, file: usize, records: &Records) -> Result<Row, Malformed> {
        let malformed = |reason| Malformed { file, line: records.line(), reason, id: self.id(records) };
        let text = |field| self.text(field, records);
        let mut row = Row { file, line: records.line(), id: self.id(records), ..Row::default() };
        row.merchant_ref_num = text(Field::MerchantRefNum).map(kept);
        row.kind = match text(Field::Kind) {
            Some(word) => Some(kind(&word).ok_or_else(|| malformed(format!("kind '{}' is none that we know", shown(&word))))?),
            None => self.kind,
        };
        if let Some(word) = text(Field::Status) {
            // Only of a chargeback it is told that it was won.
            let kind = row.kind.unwrap_or(Kind::Payment);
            row.status = status::told(&normalize::canonical_name(&word), kind);
            row.unknown_status = row.status.is_none().then(|| shown(&word));
        }
        row.currency = text(Field::Currency).map(|code| code.to_ascii_uppercase());
        if let Some(code) = row.currency.as_deref().filter(|code| !money::is_currency(code)) {
            return Err(malformed(format!("currency '{}' is no code of three letters", shown(code))));
        }
        if let Some(written) = text(Field::Amount) {
            let amount = self.amount(&written, row.currency.as_deref());
            let amount = amount.map_err(|reason| malformed(format!("amount '{}' {reason}", shown(&written))))?;
            row.amount = Some(row.kind.map_or(amount, |kind| unsigned(kind, amount)));
        }
        if let Some(written) = text(Field::Time) {
            let (time, spans_ms) =
                self.time(&written).ok_or_else(|| malformed(format!("time '{}' cannot be read", shown(&written))))?;
            (row.time_ms, row.spans_ms) = (Some(time), spans_ms);
        }
        if row.id.is_none() && row.merchant_ref_num.is_none() {
            return Err(malformed("has neither an id nor a reference".to_owned()));
        }
        Ok(row)
    }

    /// The id on a line whose quotation marks mean nothing.
    pub fn id_of_broken(&self, records: &Records) -> Option<String> {
        let id = self.text(Field::Id, records)?;
        let bare = id.trim_matches('"').trim();
        (!bare.is_empty()).then(|| kept(bare.to_owned()))
    }

    fn id(&self, records: &Records) -> Option<String> {
        self.text(Field::Id, records).map(kept)
    }

    fn text(&self, field: Field, records: &Records) -> Option<String> {
        let found = records.field(self.columns.get(field)?)?;
        let clean: String = found.trim().chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect();
        (!clean.is_empty()).then_some(clean)
    }

    fn amount(&self, written: &str, currency: Option<&str>) -> Result<i64, &'static str> {
        let plain = if self.mapping.has_decimal_comma {
            if written.contains('.') {
                return Err("has a point where decimals have a comma");
            }
            written.replacen(',', ".", 1)
        } else {
            written.to_owned()
        };
        match self.mapping.amounts.unwrap_or_default() {
            Amounts::Minor => money::minor_text(&plain),
            Amounts::Major => money::major_text(&plain, currency.ok_or("has no currency")?),
        }
    }

    fn time(&self, written: &str) -> Option<(i64, i64)> {
        let Some(format) = &self.mapping.time_format else { return time(written) };
        // An offset that cannot be is not left out of the time.
        let day = || if has_offset(format) { None } else { day(written, format) };
        exact(written, format).or_else(day).filter(|(time, _)| TIMES.contains(time))
    }
}

/// Whether money of `kind` goes out: some reports write such amounts with a minus, webhooks do not.
pub fn takes_out(kind: Kind) -> bool {
    matches!(kind, Kind::Refund | Kind::Chargeback | Kind::Payout)
}

/// The amount of a transaction of `kind` as it is compared: without the minus where money goes out.
pub fn unsigned(kind: Kind, amount: i64) -> i64 {
    if takes_out(kind) { amount.saturating_abs() } else { amount }
}

/// A text as it is kept: our own ids and references are masked the same way.
fn kept(text: String) -> String {
    masking::masked(&text).unwrap_or(text)
}

/// A kind by its own name or by that of an event, in any spelling and in the plural too.
pub fn kind(word: &str) -> Option<Kind> {
    let name = normalize::canonical_name(word);
    [Some(name.as_str()), name.strip_suffix('S')].into_iter().flatten().find_map(|name| match Family::of(name).category {
        Category::Transaction(kind) => Some(kind),
        _ => Kind::parse(name),
    })
}

/// A time in milliseconds, UTC where no zone is told, and how much later it may have been.
fn time(written: &str) -> Option<(i64, i64)> {
    let written = written.strip_suffix(" UTC").or_else(|| written.strip_suffix(" GMT")).unwrap_or(written);
    if let Some(time) = envelope::time(written) {
        return Some((time.timestamp_millis(), 0));
    }
    let minutes = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M"];
    let seconds = ["%Y/%m/%d %H:%M:%S%.f", "%d.%m.%Y %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%d %H:%M:%S%.f%z"];
    let days = ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%Y%m%d"];
    let found = minutes.iter().chain(&seconds).find_map(|form| exact(written, form));
    found.or_else(|| days.iter().find_map(|form| day(written, form))).filter(|(time, _)| TIMES.contains(time))
}

/// A moment: UTC where `format` has no offset.
fn exact(written: &str, format: &str) -> Option<(i64, i64)> {
    let time = if has_offset(format) {
        DateTime::parse_from_str(written, format).ok()?.to_utc()
    } else {
        NaiveDateTime::parse_from_str(written, format).ok()?.and_utc()
    };
    Some((time.timestamp_millis(), 0))
}

/// A day, all of it.
fn day(written: &str, format: &str) -> Option<(i64, i64)> {
    let begin = NaiveDate::parse_from_str(written, format).ok()?.and_time(NaiveTime::MIN);
    Some((begin.and_utc().timestamp_millis(), DAY_MS - 1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_statuses_in_every_spelling() {
        for word in ["PAYMENT", "payment", "Payments", "payment.completed", "DD_PAYMENT", "AP-PAYMENT"] {
            assert_eq!(kind(word), Some(Kind::Payment), "{word}");
        }
        assert_eq!(kind("Standalone Credit"), Some(Kind::Payout));
        assert_eq!(kind("Dispute"), Some(Kind::Chargeback));
        assert_eq!((kind("fee"), kind("PAYMENT_HANDLE")), (None, None));
        let status = |word| status::told(&normalize::canonical_name(word), Kind::Payment);
        for word in ["COMPLETED", "completed", "Settled", "captured", "PAYMENT_COMPLETED", "Success"] {
            assert_eq!(status(word), Some(Status::Completed), "{word}");
        }
        assert_eq!(status("PAYMENT_RETURNED_COMPLETED"), Some(Status::Returned));
        assert_eq!(status("SA-Credit Completed"), Some(Status::Completed));
        assert_eq!(status("Declined"), Some(Status::Failed));
        for word in [
            "whatever",
            "Approved",
            "Paid",
            "Reversed",
            "Not settled",
            "PAYMENT_NOT_COMPLETED",
            "PAYMENT_HANDLE_COMPLETED",
            "PAYMENT",
            "-",
        ] {
            assert_eq!(status(word), None, "{word}");
        }
    }

    #[test]
    fn times_with_and_without_zone() {
        for text in [
            "2025-01-31T12:30:00Z",
            "2025-01-31T13:30:00+01:00",
            "2025-01-31 12:30:00.000",
            "2025-01-31 12:30",
            "2025-01-31 12:30:00 UTC",
            "2025-01-31 07:30:00 -0500",
            "31.01.2025 12:30",
            "2025/01/31 12:30:00",
        ] {
            assert_eq!(time(text), Some((1_738_326_600_000, 0)), "{text}");
        }
        for text in ["2025-01-31", "31.01.2025", "20250131", "2025/01/31"] {
            assert_eq!(time(text), Some((1_738_281_600_000, DAY_MS - 1)), "{text}");
        }
        // Either could be the month.
        for text in
            ["01/02/2025", "1.2", "yesterday", "1738326600", "2025-01-31 12:30:00 +9900", "31.01.1969", "1969-12-31 12:30"]
        {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
