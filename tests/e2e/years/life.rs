//! The life of a platform: its clock moves on in steps, webhooks come at each, and what it holds is compared with the model.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use chrono::{DateTime, Duration, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use e2e::{Database, Platform, Service, WallClock, eventually};
use uuid::Uuid;

use super::model::{self, DAY, Figures, Model, Payment, Webhook};

const ALL: [Service; 3] = [Service::Ingress, Service::Worker, Service::Api];
/// How long figures by minute are kept, and by hour.
const FINER: (i64, i64) = (7, 20);
/// Months ahead for which there are partitions, this one included.
const AHEAD: u32 = 4;

/// A platform, its clock, and what it should hold.
pub struct Life {
    database: Database,
    pub clock: WallClock,
    pub platform: Platform,
    pub model: Model,
    /// How long webhooks are kept; 0: for ever.
    history_days: i64,
    /// All that was ever sent, to be sent again.
    pub(super) sent: Vec<Webhook>,
    /// Payments that wait for their end.
    pub(super) open: Vec<Payment>,
    /// The months before which partitions of webhooks and of transactions end.
    ends: [BTreeSet<NaiveDate>; 2],
    pub(super) unreadable: u64,
    /// When the administrator's token was made.
    token_ms: i64,
}

/// Waits until `look` answers what is `expected`; shows both where it never does.
pub async fn becomes<T: PartialEq + Debug, F: Future<Output = T>>(what: &str, expected: T, look: impl Fn() -> F) {
    let begun = std::time::Instant::now();
    loop {
        let seen = look().await;
        if seen == expected {
            return;
        }
        assert!(begun.elapsed().as_secs() < 60, "{what}\n expected {expected:?}\n but have {seen:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn after(month: NaiveDate, months: u32) -> NaiveDate {
    month.checked_add_months(Months::new(months)).unwrap()
}

impl Life {
    /// A platform that begins at that moment.
    pub async fn begin(database: Database, start: DateTime<Utc>, history_days: i64) -> Self {
        let clock = WallClock::at(start);
        let mut platform = Platform::prepare_at(database, &clock).await;
        platform.set("ROLLUP_MINUTE_DAYS", &FINER.0.to_string());
        platform.set("ROLLUP_HOUR_DAYS", &FINER.1.to_string());
        platform.set("HISTORY_DAYS", &history_days.to_string());
        for service in ALL {
            platform.run(service).await;
        }
        let first = model::month(clock.now_ms());
        let ends: BTreeSet<NaiveDate> = (1..=AHEAD).map(|n| after(first, n)).collect();
        let token_ms = clock.now_ms();
        Self {
            database,
            clock,
            platform,
            model: Model::default(),
            history_days,
            sent: Vec::new(),
            open: Vec::new(),
            ends: [ends.clone(), ends],
            unreadable: 0,
            token_ms,
        }
    }

    /// From the next start of a worker on webhooks are kept for so long.
    pub fn keep(&mut self, days: i64) {
        self.history_days = days;
        self.platform.set("HISTORY_DAYS", &days.to_string());
    }

    /// Everything accepted is written, and what it counts stands in the figures.
    pub async fn written(&mut self) {
        self.platform.drained().await;
        let platform = &self.platform;
        becomes("differences are folded", 0, || platform.count("SELECT COUNT(*) AS n FROM rollup_deltas")).await;
        let rows = self.platform.rows("SELECT external_id, id FROM transactions").await;
        let ids = rows.iter().map(|row| (row.try_get("", "external_id").unwrap(), row.try_get("", "id").unwrap()));
        self.model.note_ids(ids);
    }

    /// Starts a worker anew, as it is killed, or told to end.
    pub async fn new_worker(&mut self, is_killed: bool) {
        if is_killed {
            self.platform.kill(Service::Worker);
        } else {
            self.platform.terminate(Service::Worker).await;
        }
        self.platform.run(Service::Worker).await;
    }

    pub async fn new_doors(&mut self) {
        for service in [Service::Ingress, Service::Api] {
            self.platform.terminate(service).await;
            self.platform.run(service).await;
        }
    }

    /// A new worker has looked once at what is too old: its retention is done before it folds a second time.
    pub async fn retained(&mut self) {
        for _ in 0..2 {
            let payment = self.payment(1);
            let made_ms = payment.made_ms;
            self.tell(&payment, "COMPLETED", made_ms).await;
            self.written().await;
        }
        let oldest_ms = (self.history_days > 0).then(|| self.clock.now_ms() - self.history_days * DAY);
        let has_removed = oldest_ms.is_some_and(|oldest_ms| self.model.retire(self.database, oldest_ms));
        self.holds_what_it_should().await;
        let horizon = self.horizon("webhooks").await;
        assert!(horizon >= self.model.horizon, "a horizon never goes back");
        match oldest_ms {
            None => assert_eq!(horizon, self.model.horizon, "nothing is removed"),
            Some(oldest_ms) if has_removed => assert!((0..60_000).contains(&(oldest_ms - horizon.unwrap())), "{horizon:?}"),
            Some(oldest_ms) => assert!(horizon.is_none_or(|horizon| horizon <= oldest_ms.max(self.model.horizon.unwrap_or(0)))),
        }
        self.model.horizon = horizon;
        self.finer_figures_went().await;
        if self.database == Database::Postgres {
            self.partitions_moved_on(oldest_ms).await;
        }
    }

    async fn horizon(&self, what: &str) -> Option<i64> {
        let rows = self.platform.rows(&format!("SELECT value FROM platform_state WHERE name = 'horizon.{what}'")).await;
        rows.first().map(|row| row.try_get::<String>("", "value").unwrap().parse().unwrap())
    }

    /// Webhooks and transactions are those of the model, one for one.
    pub async fn holds_what_it_should(&self) {
        let platform = &self.platform;
        let ids = || async {
            let rows = platform.rows("SELECT id FROM webhook_events").await;
            rows.iter().map(|row| row.try_get("", "id").unwrap()).collect::<Vec<Uuid>>().into_iter().collect::<BTreeSet<_>>()
        };
        becomes("the webhooks that are stored", self.model.ids(), ids).await;
        assert_eq!(self.platform.events().await, self.model.ids().len() as u64);
        let rows = self.platform.rows("SELECT external_id, status, status_time FROM transactions").await;
        let text = |row: &sea_orm::QueryResult, name: &str| row.try_get::<String>("", name).unwrap();
        let statuses: Vec<_> = rows
            .iter()
            .map(|row| (text(row, "external_id"), (text(row, "status"), row.try_get::<i64>("", "status_time").unwrap())))
            .collect();
        assert_eq!(statuses.len(), self.model.statuses().len());
        assert_eq!(statuses.into_iter().collect::<BTreeMap<_, _>>(), self.model.statuses());
    }

    /// Of minutes and hours none is kept for longer than is said, and none went before.
    async fn finer_figures_went(&self) {
        for (grain, days) in [("minute", FINER.0), ("hour", FINER.1)] {
            let bound = self.clock.now_ms() - days * DAY;
            let of = format!("SELECT COUNT(*) AS n FROM rollups WHERE grain = '{grain}' AND bucket");
            assert_eq!(self.platform.count(&format!("{of} < {}", bound - 60_000)).await, 0, "{grain}s");
            assert!(self.platform.count(&format!("{of} > {bound}")).await > 0, "{grain}s");
        }
    }

    /// There are partitions for the months ahead, none that has ended, and no row without one.
    async fn partitions_moved_on(&mut self, oldest_ms: Option<i64>) {
        let this = model::month(self.clock.now_ms());
        for (n, table) in ["webhook_events", "transactions"].into_iter().enumerate() {
            let newest = *self.ends[n].last().unwrap();
            self.ends[n].extend((1..=AHEAD).map(|months| after(this, months)).filter(|end| *end > newest));
            let kept = self.model.months();
            let is_kept = |end: &NaiveDate| table == "transactions" && kept.contains(&(*end - Months::new(1)));
            self.ends[n].retain(|end| oldest_ms.is_none_or(|oldest| *end > model::month(oldest)) || is_kept(end));
            let expected: BTreeSet<String> =
                self.ends[n].iter().map(|end| format!("{table}_until_{}", end.format("%Y_%m"))).collect();
            let platform = &self.platform;
            becomes("partitions", expected, || async move {
                let sql =
                    format!("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = '{table}'::regclass");
                let names = platform.rows(&sql).await.into_iter().map(|row| row.try_get::<String>("", "name").unwrap());
                names.filter(|name| !name.ends_with("_rest")).collect()
            })
            .await;
            assert_eq!(self.platform.count(&format!("SELECT COUNT(*) AS n FROM {table}_rest")).await, 0);
            let gone = format!("SELECT COUNT(*) AS n FROM pg_class WHERE relkind = 'r' AND relname LIKE '{table}\\_gone\\_%'");
            becomes("what was detached is dropped", 0, || self.platform.count(&gone)).await;
        }
    }

    /// What the platform tells is what the model counts, and what it proves of itself.
    pub async fn tells_the_truth(&mut self) {
        self.holds_what_it_should().await;
        let told = self.platform.netbanx(&["rollup", "verify"]);
        assert!(told.starts_with("0 differences"), "{told}");
        self.token_counts().await;
        let zones = if self.history_days == 0 && self.model.horizon.is_none() {
            &[Tz::UTC, Tz::America__Toronto, Tz::Europe__London][..]
        } else {
            &[Tz::UTC]
        };
        for zone in zones {
            becomes("figures by day", self.model.days(*zone), || self.days(*zone)).await;
        }
        self.counts_ever("w|processed", self.model.ever).await;
        let clock = &self.clock;
        eventually("the hour's figures are those of this hour", || async {
            let told = self.platform.get("/api/v1/analytics?timeRange=hour&company=acme").await;
            let until: DateTime<Utc> = told["until"].as_str().unwrap().parse().unwrap();
            ((until - clock.now()).abs() < Duration::minutes(2)).then_some(())
        })
        .await;
        assert!(self.platform.all_alive());
    }

    /// The days, which stay for ever, count so many of `series`.
    async fn counts_ever(&self, series: &str, count: u64) {
        let sql = format!(
            "SELECT CAST(COALESCE(SUM(count), 0) AS bigint) AS n FROM rollups WHERE grain = 'day' AND series = '{series}'"
        );
        // Of the company and, on one server, of all together.
        let whose = if std::env::var_os("TEST_DISTRIBUTED").is_some() { 1 } else { 2 };
        becomes(series, whose * count, || self.platform.count(&sql)).await;
    }

    /// What could not be read is counted by a worker that looked at the dead letters.
    pub async fn counts_what_it_cannot_read(&self) {
        self.counts_ever("w|failed", self.unreadable).await;
    }

    /// The administrator's token counts for a year, and no longer.
    async fn token_counts(&mut self) {
        let is_over = self.clock.now_ms() > self.token_ms + 365 * DAY;
        let (status, told) = self.platform.get_as(&self.platform.admin_token, "/api/v1/companies").await;
        assert_eq!(status, if is_over { 401 } else { 200 }, "{told}");
        if is_over {
            self.platform.admin_token = self.platform.netbanx(&["token", "add", "--admin"]);
            self.token_ms = self.clock.now_ms();
        }
    }

    /// The figures by day as the API tells them.
    async fn days(&self, zone: Tz) -> BTreeMap<NaiveDate, Figures> {
        let (from, to) = (self.token_ms.min(self.clock.now_ms()) - 500 * DAY, self.clock.now_ms() + 3 * DAY);
        let date = |ms: i64| DateTime::from_timestamp_millis(ms).unwrap().format("%Y-%m-%d").to_string();
        let span = format!("from={}&to={}&interval=day&timeZone={zone}", date(from), date(to));
        let told = self.platform.get(&format!("/api/v1/analytics?company=acme&{span}")).await;
        let mut days = BTreeMap::new();
        for point in told["series"].as_array().unwrap().iter().filter(|point| point["total"] != 0) {
            let start: DateTime<Utc> = point["start"].as_str().unwrap().parse().unwrap();
            let completed = point["byCurrency"].as_array().unwrap().iter().filter_map(|own| {
                let amount = own["completedAmount"].as_i64().filter(|amount| *amount != 0)?;
                Some((own["currency"].as_str().unwrap().to_owned(), amount))
            });
            let figures = Figures { total: point["total"].as_i64().unwrap(), completed: completed.collect() };
            days.insert(start.with_timezone(&zone).date_naive(), figures);
        }
        days
    }
}
