//! What a platform should hold, kept beside it in the plainest way: webhooks and payments in lists, removed by the rule that is
//! promised, and counted by hand.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use e2e::Database;
use uuid::Uuid;

pub const DAY: i64 = 86_400_000;

/// A payment as Netbanx knows it.
#[derive(Clone)]
pub struct Payment {
    pub id: String,
    pub made_ms: i64,
    pub amount: i64,
    pub currency: &'static str,
}

/// A webhook as Netbanx sends it, and sends it again.
#[derive(Clone)]
pub struct Webhook {
    pub payment: Payment,
    pub status: &'static str,
    pub status_ms: i64,
}

fn iso(ms: i64) -> String {
    at(ms).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap()
}

impl Webhook {
    pub fn body(&self) -> String {
        let Self { payment: Payment { id, made_ms, amount, currency }, status, status_ms } = self;
        format!(
            r#"{{"eventType":"PAYMENT_{status}","payload":{{"id":"{id}","status":"{status}","amount":{amount},"currencyCode":"{currency}","txnTime":"{}","statusTime":"{}"}}}}"#,
            iso(*made_ms),
            iso(*status_ms)
        )
    }

    /// What tells it from others.
    fn key(&self) -> (String, i64) {
        (self.payment.id.clone(), self.status_ms)
    }
}

/// The first of the month that a UUIDv7, and what has it, belongs to.
pub fn month_of(id: Uuid) -> NaiveDate {
    month((id.as_u128() >> 80) as i64)
}

pub fn month(ms: i64) -> NaiveDate {
    at(ms).date_naive().with_day(1).unwrap()
}

struct Stored {
    key: (String, i64),
    id: Uuid,
    received_ms: i64,
}

/// A transaction's row.
struct Row {
    payment: Payment,
    /// Status by its time: the latest counts, whenever it came.
    told: BTreeMap<i64, &'static str>,
    received_ms: i64,
    /// Of the row's id, once that is known.
    month: Option<NaiveDate>,
    is_counted: bool,
}

/// What a day counts: payments, and what was completed by currency.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Figures {
    pub total: i64,
    pub completed: BTreeMap<String, i64>,
}

impl Figures {
    fn count(&mut self, row: &Row) {
        self.total += 1;
        if row.status().1 == "COMPLETED" {
            *self.completed.entry(row.payment.currency.to_owned()).or_default() += row.payment.amount;
        }
    }
}

impl Row {
    fn status(&self) -> (i64, &'static str) {
        self.told.last_key_value().map(|(time, status)| (*time, *status)).unwrap()
    }
}

/// All of it.
#[derive(Default)]
pub struct Model {
    stored: Vec<Stored>,
    rows: BTreeMap<String, Row>,
    /// What removed transactions counted.
    closed: BTreeMap<NaiveDate, Figures>,
    /// Webhooks that were ever stored.
    pub ever: u64,
    /// Before which time webhooks may have been removed.
    pub horizon: Option<i64>,
}

impl Model {
    /// A webhook was accepted under that id. One that is there already changes nothing; one that tells of a time before the
    /// horizon is stored, and nothing more.
    pub fn take(&mut self, webhook: &Webhook, id: Uuid, received_ms: i64) {
        if self.stored.iter().any(|stored| stored.key == webhook.key()) {
            return;
        }
        self.stored.push(Stored { key: webhook.key(), id, received_ms });
        self.ever += 1;
        if self.horizon.is_some_and(|horizon| webhook.status_ms < horizon) {
            return;
        }
        let payment = &webhook.payment;
        let is_counted = self.horizon.is_none_or(|horizon| payment.made_ms >= horizon);
        let row = self.rows.entry(payment.id.clone()).or_insert_with(|| Row {
            payment: payment.clone(),
            told: BTreeMap::new(),
            received_ms,
            month: None,
            is_counted,
        });
        row.told.insert(webhook.status_ms, webhook.status);
        row.received_ms = row.received_ms.max(received_ms);
    }

    /// The ids of transactions' rows, by which they are partitioned.
    pub fn note_ids(&mut self, ids: impl IntoIterator<Item = (String, Uuid)>) {
        for (payment, id) in ids {
            self.rows.get_mut(&payment).unwrap().month.get_or_insert(month_of(id));
        }
    }

    /// Removes what is older than `oldest_ms`: row by row, or by whole months. Returns whether there was anything.
    pub fn retire(&mut self, database: Database, oldest_ms: i64) -> bool {
        let is_due = |of: NaiveDate| database == Database::Sqlite || of < month(oldest_ms);
        let before = self.stored.len() + self.rows.len();
        self.stored.retain(|stored| match database {
            Database::Sqlite => stored.received_ms >= oldest_ms,
            Database::Postgres => !is_due(month_of(stored.id)),
        });
        let (lapsed, kept) = std::mem::take(&mut self.rows).into_iter().partition::<BTreeMap<_, _>, _>(|(_, row)| {
            row.payment.made_ms < oldest_ms && row.received_ms < oldest_ms && is_due(row.month.unwrap())
        });
        self.rows = kept;
        for row in lapsed.into_values() {
            if row.is_counted {
                self.closed.entry(at(row.payment.made_ms).date_naive()).or_default().count(&row);
            }
        }
        before > self.stored.len() + self.rows.len()
    }

    /// The ids of the webhooks that are stored.
    pub fn ids(&self) -> BTreeSet<Uuid> {
        self.stored.iter().map(|stored| stored.id).collect()
    }

    /// The latest status of each transaction.
    pub fn statuses(&self) -> BTreeMap<String, (String, i64)> {
        let all = self.rows.iter().map(|(id, row)| (id.clone(), row.status()));
        all.map(|(id, (time, status))| (id, (status.to_owned(), time))).collect()
    }

    /// The months of which a transaction's row is there.
    pub fn months(&self) -> BTreeSet<NaiveDate> {
        self.rows.values().filter_map(|row| row.month).collect()
    }

    /// The figures by day of `zone`; beyond UTC only while nothing was removed.
    pub fn days(&self, zone: Tz) -> BTreeMap<NaiveDate, Figures> {
        assert!(zone == Tz::UTC || self.closed.is_empty());
        let mut days = self.closed.clone();
        for row in self.rows.values().filter(|row| row.is_counted) {
            days.entry(at(row.payment.made_ms).with_timezone(&zone).date_naive()).or_default().count(row);
        }
        days
    }
}
