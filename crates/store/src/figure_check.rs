//! The figures checked day after day, a day at a time: what a whole recount ([`crate::verify`]) proves in one long look, this proves
//! in small ones while everything goes on. A step compares the roll-ups of one day with sums of its rows: those of all companies
//! together, and of some companies, others in each pass.
//!
//! Where it is, and what it found, are rows of `platform_state`: any worker may take the next step, and none takes one twice.

use std::collections::BTreeMap;

use common::{Grain, Mode, Series, Sum, WebhookOutcome};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Error, Scope,
    dialect::{self, distributed},
    entity::{
        platform_state,
        rollup::{Column, Entity},
    },
    horizon::Horizons,
    rollups::{self, ALL, Point},
    row_sums::{self, Span},
    state,
};

/// Where the pass is: the day to be looked at next, and when the pass began, in milliseconds since 1970 UTC.
const PLACE: &str = "figure_check.place";
/// The days whose figures were wrong when they were last looked at.
const FOUND: &str = "figure_check.found";
/// A pass begins so long after the one before it, at the soonest.
const PASS_MS: i64 = 20 * 3_600_000;
/// Companies that are looked at by themselves in a step.
const COMPANIES: usize = 20;
/// Days that are remembered as wrong.
const DAYS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    day: i64,
    began: i64,
}

/// What a step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// The start of the day, in milliseconds since 1970 UTC.
    pub day_ms: i64,
    /// Figures of it that are not what its rows say.
    pub differences: u64,
}

/// How many figures were wrong, by the start of their day, as far as is known.
pub async fn found(db: &impl ConnectionTrait) -> Result<BTreeMap<i64, u64>, Error> {
    Ok(state::get(db, FOUND).await?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Looks at the next day, seen from `now_ms`; none where the pass is over, or where another worker takes this step.
pub async fn step(db: &DatabaseConnection, now_ms: i64) -> Result<Option<Checked>, Error> {
    let today = Grain::Day.bucket(now_ms);
    let known = state::get(db, PLACE).await?;
    let place = known.as_deref().and_then(|text| serde_json::from_str::<Place>(text).ok());
    let first = first_day(db).await?;
    let place = match place {
        Some(place) if place.day >= first => place,
        // One that began later than now began before the clock was set back.
        Some(place) if (0..PASS_MS).contains(&(now_ms - place.began)) => return Ok(None),
        _ => Place { day: today - Grain::Day.ms(), began: now_ms },
    };
    let next = Place { day: place.day - Grain::Day.ms(), ..place };
    if place.day < first || !take(db, known, next).await? {
        return Ok(None);
    }
    let tx = dialect::snapshot(db).await?;
    let differences = differences(&tx, place).await?;
    tx.rollback().await?;
    note(db, place.day, differences).await?;
    Ok(Some(Checked { day_ms: place.day, differences }))
}

/// The first day that can be compared; a day to come where there is none.
async fn first_day(db: &DatabaseConnection) -> Result<i64, Error> {
    // A distributed database has no buckets of all companies together.
    let whose = if distributed::is_known() { Column::CompanyId.ne(ALL.0) } else { Column::CompanyId.eq(ALL.0) };
    let oldest: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Bucket.min(), "oldest")
        .filter(whose.and(Column::Grain.eq(Grain::Day.as_str())))
        .into_tuple()
        .one(db)
        .await?;
    let provable = Horizons::read(db).await?.provable_from(Grain::Day);
    Ok(Ord::max(oldest.flatten().unwrap_or(i64::MAX), provable.unwrap_or(i64::MIN)))
}

/// Moves the place on, unless another worker did so meanwhile.
async fn take(db: &DatabaseConnection, known: Option<String>, next: Place) -> Result<bool, Error> {
    let next = serde_json::to_string(&next).map_err(|error| Error::Refused(error.to_string()))?;
    let Some(known) = known else {
        // The first step of all: two that take it at once find the same.
        state::set(db, PLACE, &next).await?;
        return Ok(true);
    };
    let moved = platform_state::Entity::update_many()
        .col_expr(platform_state::Column::Value, Expr::value(next))
        .filter(platform_state::Column::Name.eq(PLACE).and(platform_state::Column::Value.eq(known)))
        .exec(db)
        .await?;
    Ok(moved.rows_affected == 1)
}

async fn differences(tx: &DatabaseTransaction, place: Place) -> Result<u64, Error> {
    let mut count = 0;
    for scope in std::iter::once(Scope::All).chain(companies(tx, place).await?.into_iter().map(Scope::Company)) {
        for mode in Mode::ALL {
            let (from_ms, until_ms) = (place.day, place.day + Grain::Day.ms());
            let kept = sums(rollups::read(tx, scope, mode, Grain::Day, from_ms, until_ms).await?);
            let span = Span { scope, mode, from_ms, until_ms, width_ms: Grain::Day.ms(), as_of_ms: None };
            let counted = sums(row_sums::read(tx, span).await?);
            count += kept.iter().filter(|(series, sum)| counted.get(*series) != Some(sum)).count();
            count += counted.keys().filter(|series| !kept.contains_key(*series)).count();
        }
    }
    Ok(count as u64)
}

/// Some companies that have figures of the day: those behind another place in each pass.
async fn companies(tx: &DatabaseTransaction, place: Place) -> Result<Vec<Uuid>, Error> {
    let of_day = Column::Grain.eq(Grain::Day.as_str()).and(Column::Bucket.eq(place.day)).and(Column::CompanyId.ne(ALL.0));
    let all: Vec<Uuid> =
        Entity::find().select_only().column(Column::CompanyId).filter(of_day).distinct().into_tuple().all(tx).await?;
    let pass = usize::try_from(place.began / PASS_MS).unwrap_or_default();
    let begin = (pass * COMPANIES).checked_rem(all.len()).unwrap_or_default();
    let count = all.len().min(COMPANIES);
    Ok(all.into_iter().cycle().skip(begin).take(count).collect())
}

/// The sums that rows can prove; no webhook of a duplicate is stored.
fn sums(points: Vec<Point>) -> BTreeMap<String, Sum> {
    let mut sums = BTreeMap::<String, Sum>::new();
    for point in points.into_iter().filter(|point| point.series != Series::Webhooks(WebhookOutcome::Duplicate)) {
        sums.entry(point.series.to_string()).or_default().add(point.sum);
    }
    sums.retain(|_, sum| !sum.is_zero());
    sums
}

/// Remembers what was found of a day, or that nothing is wrong with it any more.
async fn note(db: &DatabaseConnection, day: i64, differences: u64) -> Result<(), Error> {
    let before = found(db).await?;
    let mut now = before.clone();
    if differences == 0 {
        now.remove(&day);
    } else if now.len() < DAYS || now.contains_key(&day) {
        now.insert(day, differences);
    }
    if now != before {
        let text = serde_json::to_string(&now).map_err(|error| Error::Refused(error.to_string()))?;
        state::set(db, FOUND, &text).await?;
    }
    Ok(())
}
