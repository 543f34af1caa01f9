//! What happened to the demo company before it began: sixty days of a shop that sells in three currencies, the same every time.
//! Pure: it makes webhooks out of nothing but a moment and the company's id.

use chrono::{DateTime, Datelike, Duration, SecondsFormat, Utc, Weekday};
use rand::{
    Rng, SeedableRng,
    distr::{Distribution, weighted::WeightedIndex},
    rngs::StdRng,
    seq::IndexedRandom,
};
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

/// How many days there are, the one that goes on among them.
pub(crate) const DAYS: i64 = 60;
/// Payments of a plain weekday at the beginning.
const PER_DAY: f64 = 30.0;
/// How many days ago an acquirer failed for an hour, if that was no day of a week-end.
const INCIDENT_DAYS: i64 = 23;
/// When it did, by the hours of UTC.
const INCIDENT_HOUR: i64 = 14;
/// Payments that were tried in that hour beside the usual ones.
const INCIDENT_PAYMENTS: usize = 40;
/// The merchant's accounts, the second one for every fourth payment.
const ACCOUNTS: [&str; 2] = ["1002786770", "1002397300"];
/// How busy each hour of the day is, from midnight on.
const HOURS: [u32; 24] = [3, 2, 1, 1, 1, 2, 4, 8, 13, 18, 21, 20, 19, 16, 15, 16, 17, 19, 22, 24, 21, 16, 10, 6];
/// What things cost, in minor units.
const PRICES: [i64; 9] = [799, 999, 1499, 1999, 2999, 4999, 7999, 12_900, 24_900];
/// Currencies with how often they are used.
const CURRENCIES: [(&str, u32); 3] = [("EUR", 55), ("USD", 28), ("GBP", 17)];
/// Why banks decline cards, by how often.
const CARD_REASONS: [(&str, u32); 5] = [
    ("The card has insufficient funds", 45),
    ("The card was declined by its issuer", 30),
    ("The card has expired", 12),
    ("The security code does not match", 9),
    ("The card was reported lost", 4),
];
/// Why they refuse debits.
const BANK_REASONS: [(&str, u32); 3] =
    [("The account has insufficient funds", 60), ("The account is closed", 25), ("There is no valid mandate", 15)];
/// What failed in the hour of the incident.
const INCIDENT_REASON: &str = "The acquirer did not answer";

/// A webhook of that life.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Happened {
    /// When what it tells of happened.
    pub at: DateTime<Utc>,
    /// What Netbanx would have sent.
    pub body: Value,
}

/// The webhooks of the days up to `now`, in their order. The same for the same moment, but for ids, which are the company's own:
/// what was received once is known again, also by a Redis that outlived its database.
pub(crate) fn life(company: Uuid, now: DateTime<Utc>) -> Vec<Happened> {
    let mut plan =
        Plan { shape: StdRng::seed_from_u64(1), ids: StdRng::seed_from_u64(company.as_u64_pair().1), now, all: Vec::new() };
    let today = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let first = today - Duration::days(DAYS - 1);
    for account in ACCOUNTS {
        plan.account(account, first);
    }
    for day in 0..DAYS {
        let begin = first + Duration::days(day);
        for _ in 0..plan.payments(begin, day) {
            let at = plan.moment(begin);
            plan.payment(at, false);
        }
        if begin.date_naive() == incident_day(today).date_naive() {
            for _ in 0..INCIDENT_PAYMENTS {
                let at = begin + Duration::hours(INCIDENT_HOUR) + Duration::seconds(plan.shape.random_range(0..3600));
                plan.payment(at, true);
            }
        }
    }
    let mut all = plan.all;
    all.sort_by_key(|happened| happened.at);
    all
}

/// A payment that is made just now.
pub(crate) fn latest(company: Uuid, now: DateTime<Utc>) -> Vec<Happened> {
    let seed = now.timestamp_millis().unsigned_abs();
    let ids = StdRng::seed_from_u64(company.as_u64_pair().1 ^ seed);
    let mut plan = Plan { shape: StdRng::seed_from_u64(seed), ids, now, all: Vec::new() };
    plan.payment(now - Duration::seconds(40), false);
    plan.all
}

/// The beginning of the day of the incident.
fn incident_day(today: DateTime<Utc>) -> DateTime<Utc> {
    let day = today - Duration::days(INCIDENT_DAYS);
    match day.weekday() {
        Weekday::Sat => day - Duration::days(1),
        Weekday::Sun => day - Duration::days(2),
        _ => day,
    }
}

struct Plan {
    /// Decides everything but ids.
    shape: StdRng,
    ids: StdRng,
    now: DateTime<Utc>,
    all: Vec<Happened>,
}

/// What is paid, and how.
struct Payment {
    account: &'static str,
    reference: String,
    amount: i64,
    currency: &'static str,
    method: &'static str,
    made: DateTime<Utc>,
}

impl Plan {
    /// How many payments a day sees: fewer at week-ends, more as the business grows.
    fn payments(&mut self, begin: DateTime<Utc>, day: i64) -> u32 {
        let of_week = match begin.weekday() {
            Weekday::Sat => 0.55,
            Weekday::Sun => 0.4,
            Weekday::Mon | Weekday::Fri => 1.1,
            _ => 1.0,
        };
        let growth = 1.0 + 0.3 * day as f64 / DAYS as f64;
        (PER_DAY * of_week * growth * self.shape.random_range(0.85..1.15)) as u32
    }

    /// A moment of a day, by its rhythm.
    fn moment(&mut self, begin: DateTime<Utc>) -> DateTime<Utc> {
        let hour = WeightedIndex::new(HOURS).map_or(12, |hours| hours.sample(&mut self.shape));
        begin + Duration::hours(hour as i64) + Duration::milliseconds(self.shape.random_range(0..3_600_000))
    }

    fn has_luck(&mut self, share: f64) -> bool {
        self.shape.random_bool(share)
    }

    fn one_of(&mut self, choices: &[(&'static str, u32)]) -> &'static str {
        choices.choose_weighted(&mut self.shape, |choice| choice.1).map_or("", |choice| choice.0)
    }

    fn id(&mut self) -> Uuid {
        Builder::from_random_bytes(self.ids.random()).into_uuid()
    }

    fn account(&mut self, account: &str, at: DateTime<Utc>) {
        let body = json!({"id": self.id(), "resourceId": account, "mode": "live", "eventDate": stamp(at), "eventType": "ACCT_ENABLED",
            "attemptNumber": 0, "payload": {"partnerId": 1000, "acctStatus": "Enabled", "accountNumber": account}});
        self.all.push(Happened { at, body });
    }

    /// A payment with what became of it: declined, completed, debited later, sent back, refunded, disputed.
    fn payment(&mut self, made: DateTime<Utc>, is_incident: bool) {
        let currency = self.one_of(&CURRENCIES);
        let methods: &[(&str, u32)] = match currency {
            "EUR" => &[("CARD", 60), ("SEPA", 30), ("SKRILL", 10)],
            "USD" => &[("CARD", 75), ("ACH", 25)],
            _ => &[("CARD", 70), ("BACS", 30)],
        };
        let method = if is_incident { "CARD" } else { self.one_of(methods) };
        let price = PRICES.choose(&mut self.shape).copied().unwrap_or(999);
        let payment = Payment {
            account: if self.has_luck(0.25) { ACCOUNTS[1] } else { ACCOUNTS[0] },
            reference: format!("order-{}", self.shape.random_range(100_000..1_000_000)),
            amount: price * self.shape.random_range(1..=3),
            currency,
            method,
            made,
        };
        let id = self.id();
        let soon = made + Duration::seconds(self.shape.random_range(2..40));
        let is_debit = !matches!(method, "CARD" | "SKRILL");
        if is_incident && self.has_luck(0.85) {
            return self.tell("PAYMENT", "FAILED", id, &payment, soon, Some(INCIDENT_REASON));
        }
        if !is_debit && self.has_luck(0.09) {
            let reason = self.one_of(&CARD_REASONS);
            return self.tell("PAYMENT", "FAILED", id, &payment, soon, Some(reason));
        }
        let mut completed = soon;
        if is_debit {
            // Banks take two days.
            self.tell("PAYMENT", "PROCESSING", id, &payment, soon, None);
            completed = made + Duration::hours(self.shape.random_range(36..60));
            if self.has_luck(0.06) {
                let reason = self.one_of(&BANK_REASONS);
                return self.tell("PAYMENT", "RETURNED", id, &payment, completed, Some(reason));
            }
        }
        self.tell("PAYMENT", "COMPLETED", id, &payment, completed, None);
        if self.has_luck(0.05) {
            let at = completed + Duration::hours(self.shape.random_range(5..240));
            let part = if self.has_luck(0.3) { payment.amount / 2 } else { payment.amount };
            let (id, refund) = (self.id(), Payment { amount: part, made: at, ..payment });
            self.tell("REFUND", "COMPLETED", id, &refund, at, None);
        } else if method == "CARD" && self.has_luck(0.02) {
            let at = completed + Duration::days(self.shape.random_range(3..20));
            let (id, dispute) = (self.id(), Payment { made: at, ..payment });
            self.tell("CHARGEBACK", "PENDING", id, &dispute, at, None);
            let outcome = if self.has_luck(0.4) { "WON" } else { "LOST" };
            self.tell("CHARGEBACK", outcome, id, &dispute, at + Duration::days(9), None);
        }
    }

    fn tell(&mut self, kind: &str, status: &str, id: Uuid, payment: &Payment, at: DateTime<Utc>, reason: Option<&str>) {
        // What is still to come is not known yet.
        if at > self.now {
            return;
        }
        let Payment { account, reference, amount, currency, method, made } = payment;
        let name = format!("{kind}_{status}");
        let body = json!({
            "payload": {
                "accountId": account, "id": id, "merchantRefNum": reference, "amount": amount, "currencyCode": currency,
                "status": status, "paymentType": method, "statusReason": reason, "statusTime": stamp(at),
                "updatedTime": stamp(at), "txnTime": stamp(*made), "settleWithAuth": true,
            },
            "eventType": name, "eventName": name, "attemptNumber": "1", "resourceId": id, "eventDate": stamp(*made), "mode": "live",
        });
        self.all.push(Happened { at, body });
    }
}

fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests;
