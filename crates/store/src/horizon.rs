//! Horizons: up to when retention may have removed webhooks, and buckets of roll-ups by minute and by hour. They are rows of
//! the database, which retention moves forward in the transaction that removes; so anyone who proves, rebuilds or reads goes by
//! what was removed and not by what its own settings say.

use common::Grain;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Statement};

use crate::{
    Error,
    entity::platform_state::{Column, Entity},
    rollups::ALL,
};

/// Of webhooks, and of transactions since their last webhook.
const WEBHOOKS: &str = "horizon.webhooks";
/// Of roll-ups by minute.
const MINUTE: &str = "horizon.minute";
/// Of roll-ups by hour.
const HOUR: &str = "horizon.hour";
/// By how much a transaction's time may be after the receipt of its first webhook, in milliseconds; a little more than
/// `common` believes.
const AHEAD_MS: i64 = 11 * 60_000;

/// What may have been removed: all before these times, in milliseconds since 1970 UTC. None: nothing ever was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Horizons {
    /// Webhooks that were received before it, transactions whose time and last webhook are before it.
    pub webhooks: Option<i64>,
    /// Buckets of a minute that begin before it.
    pub minute: Option<i64>,
    /// Buckets of an hour that begin before it.
    pub hour: Option<i64>,
}

/// What has a horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Webhooks,
    Buckets(Grain),
}

impl Of {
    /// The row that holds it; none for days, which stay.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Webhooks => Some(WEBHOOKS),
            Self::Buckets(Grain::Minute) => Some(MINUTE),
            Self::Buckets(Grain::Hour) => Some(HOUR),
            Self::Buckets(Grain::Day) => None,
        }
    }
}

impl Horizons {
    /// Those of the database.
    pub async fn read(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let mut horizons = Self::default();
        for row in Entity::find().filter(Column::Name.is_in([WEBHOOKS, MINUTE, HOUR])).all(db).await? {
            let at = row.value.parse().ok();
            match row.name.as_str() {
                WEBHOOKS => horizons.webhooks = at,
                MINUTE => horizons.minute = at,
                _ => horizons.hour = at,
            }
        }
        Ok(horizons)
    }

    pub(crate) fn of(&self, what: Of) -> Option<i64> {
        match what {
            Of::Webhooks => self.webhooks,
            Of::Buckets(Grain::Minute) => self.minute,
            Of::Buckets(Grain::Hour) => self.hour,
            Of::Buckets(Grain::Day) => None,
        }
    }

    /// The narrowest grain of which all buckets since `from_ms` are kept.
    pub fn narrowest(&self, from_ms: i64) -> Grain {
        let grains = [Grain::Minute, Grain::Hour];
        grains.into_iter().find(|grain| !self.is_removed(*grain, from_ms)).unwrap_or(Grain::Day)
    }

    /// Whether a bucket may have been removed.
    pub fn is_removed(&self, grain: Grain, bucket_ms: i64) -> bool {
        self.of(Of::Buckets(grain)).is_some_and(|horizon| bucket_ms < horizon)
    }

    /// The start of the first day of which every webhook is still stored; none where all are.
    pub(crate) fn first_whole_day(&self) -> Option<i64> {
        self.webhooks.map(|horizon| Grain::Day.bucket(horizon + AHEAD_MS - 1) + Grain::Day.ms())
    }

    /// From when on buckets of `grain` can be counted again and compared; none: all of them.
    pub(crate) fn provable_from(&self, grain: Grain) -> Option<i64> {
        self.first_whole_day().max(self.of(Of::Buckets(grain)))
    }

    /// Whether a bucket can be counted again and compared.
    pub(crate) fn is_provable(&self, grain: Grain, bucket_ms: i64) -> bool {
        self.provable_from(grain).is_none_or(|from| bucket_ms >= from)
    }
}

/// Longest chain of readings of which each found that a horizon had moved past what it read.
const READINGS: u32 = 4;

/// Reads what `choose` finds to be kept, and again where retention moved a horizon meanwhile such that the choice would be another
/// one: what was read then may have been removed in part. Returns the choice with what was read by it.
pub async fn read_kept<Choice: Copy + PartialEq, Read, Reading>(
    db: &impl ConnectionTrait,
    choose: impl Fn(&Horizons) -> Choice,
    read: impl Fn(Choice) -> Reading,
) -> Result<(Choice, Read), Error>
where
    Reading: Future<Output = Result<Read, Error>>,
{
    let mut choice = choose(&Horizons::read(db).await?);
    let mut readings = 0;
    loop {
        let found = read(choice).await?;
        readings += 1;
        let after = choose(&Horizons::read(db).await?);
        if after == choice || readings == READINGS {
            return Ok((choice, found));
        }
        choice = after;
    }
}

/// Moves a horizon forward to `at_ms`, in the transaction that removes what is before it; never back.
pub(crate) async fn raise(db: &impl ConnectionTrait, what: Of, at_ms: i64) -> Result<(), DbErr> {
    let Some(name) = what.name() else { return Ok(()) };
    let sql = format!(
        "INSERT INTO platform_state (name, value) VALUES ('{name}', '{at_ms}')
         ON CONFLICT (name) DO UPDATE SET value = excluded.value
         WHERE CAST(platform_state.value AS bigint) < CAST(excluded.value AS bigint)"
    );
    db.execute_unprepared(&sql).await.map(drop)
}

/// Sets the horizons of a database whose retention did not note them yet, from what is there: roll-ups by day were never
/// removed, so a day that has fewer buckets of a finer grain, or fewer webhooks, than its roll-ups count lost some. The
/// horizon of a grain is the end of the last such day, that of webhooks the end of the day of the oldest one: late rather than
/// early, which proves less and nothing wrong.
pub(crate) async fn derive(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let day = Grain::Day.ms();
    let all = ALL.0.simple();
    for grain in [Grain::Minute, Grain::Hour] {
        let by_day = format!("(bucket - bucket % {day})");
        let sql = format!(
            "SELECT max(whole.day) AS at FROM
               (SELECT bucket AS day, CAST(sum(count) AS bigint) AS n FROM rollups
                WHERE company_id = {{all}} AND grain = 'day' GROUP BY bucket) whole
             LEFT JOIN
               (SELECT {by_day} AS day, CAST(sum(count) AS bigint) AS n FROM rollups
                WHERE company_id = {{all}} AND grain = '{}' GROUP BY {by_day}) parts
             ON parts.day = whole.day WHERE whole.n <> COALESCE(parts.n, 0)",
            grain.as_str()
        );
        if let Some(at) = number(db, &with_id(db, &sql, &all.to_string())).await? {
            raise(db, Of::Buckets(grain), at + day).await?;
        }
    }
    let oldest = number(db, "SELECT min(received_at) AS at FROM webhook_events").await?;
    let received = "FROM rollups WHERE company_id = {all} AND grain = 'day' AND series = 'w|processed'";
    let ask = |sql: String| with_id(db, &sql, &all.to_string());
    let Some(oldest) = oldest.map(|at| Grain::Day.bucket(at)) else {
        // Nothing is stored any more of what was once received.
        if let Some(last) = number(db, &ask(format!("SELECT max(bucket) AS at {received}"))).await? {
            raise(db, Of::Webhooks, last + day).await?;
        }
        return Ok(());
    };
    let counted = ask(format!("SELECT CAST(sum(count) AS bigint) AS at {received} AND bucket <= {oldest}"));
    let stored = format!("SELECT count(*) AS at FROM webhook_events WHERE received_at < {}", oldest + day);
    if number(db, &counted).await?.unwrap_or(0) > number(db, &stored).await?.unwrap_or(0) {
        raise(db, Of::Webhooks, oldest + day).await?;
    }
    Ok(())
}

/// `sql` with the id of all companies together as the database writes it.
fn with_id(db: &impl ConnectionTrait, sql: &str, simple: &str) -> String {
    sql.replace("{all}", &crate::dialect::uuid_literal(db.get_database_backend(), simple))
}

async fn number(db: &impl ConnectionTrait, sql: &str) -> Result<Option<i64>, DbErr> {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    row.map_or(Ok(None), |row| row.try_get("", "at"))
}
