//! What a channel is told of an alert. A notice is a row from the alert's beginning to its end; that an alert stands once for each
//! channel is a unique key, and that one process tells it is a claim: whoever moves `next_at` from what it read.

use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Set,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use crate::{
    Error,
    entity::{
        alert_channel,
        alert_notice::{ActiveModel, Column, Entity, Model},
    },
};
use clock::now_ms;

/// Notices of a look at most.
const LOOK: u64 = 2_000;
/// How long what was told is kept, in milliseconds.
const KEPT_MS: i64 = 90 * 86_400_000;
/// Rows that one step removes at most.
const STEP: u64 = 1_000;
/// Characters of a reason at most.
const REASON: usize = 500;

/// An alert that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name, and after a colon what it is about.
    pub alert: String,
    /// warning or critical.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub action: String,
    /// Since when, milliseconds since 1970 UTC.
    pub since_ms: i64,
}

/// What came of telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Its beginning is told.
    Begin,
    /// It is told again.
    Reminder,
    /// Its end is told, or there is nothing to tell of it.
    End,
    /// It was not told, for that reason; the next try is due then.
    Failed {
        /// Without credentials.
        reason: String,
        /// Milliseconds since 1970 UTC.
        next_ms: i64,
    },
}

fn of(channel: &alert_channel::Model) -> Condition {
    within(channel.company_id, channel.id)
}

fn one(row: &Model) -> Condition {
    within(row.company_id, row.channel_id).add(Column::Id.eq(row.id))
}

fn within(company: Uuid, channel: Uuid) -> Condition {
    Condition::all().add(Column::CompanyId.eq(company)).add(Column::ChannelId.eq(channel))
}

/// Notes that these alerts stand now, as they are now, where `channel` has notices of them. Those that began are new notices if
/// `wants` says that the channel is to have them, unless another process noted them.
pub async fn stand(
    db: &DatabaseConnection,
    channel: &alert_channel::Model,
    standing: &[Standing],
    wants: impl Fn(&Standing) -> bool,
) -> Result<(), Error> {
    if standing.is_empty() {
        return Ok(());
    }
    let now = now_ms();
    let names = standing.iter().map(|alert| alert.alert.as_str());
    let open = of(channel).add(Column::Alert.is_in(names)).add(Column::EndedAt.is_null());
    let seen = Entity::update_many().col_expr(Column::SeenAt, Expr::value(now)).filter(open.clone());
    if seen.exec(db).await?.rows_affected > 0 {
        for row in Entity::find().filter(open).limit(LOOK).all(db).await? {
            if let Some(alert) = standing.iter().find(|alert| alert.alert == row.alert) {
                change(db, &row, alert).await?;
            }
        }
    }
    let rows: Vec<_> = standing.iter().filter(|alert| wants(alert)).map(|alert| begun(channel, alert, now)).collect();
    if !rows.is_empty() {
        let skip = OnConflict::new().do_nothing().to_owned();
        Entity::insert_many(rows).on_conflict(skip).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Notes what is told of an alert now, where that is not what it was.
async fn change(db: &DatabaseConnection, row: &Model, now: &Standing) -> Result<(), Error> {
    if (&row.severity, &row.message, &row.action) == (&now.severity, &now.message, &now.action) {
        return Ok(());
    }
    let changed = Entity::update_many()
        .col_expr(Column::Severity, Expr::value(now.severity.as_str()))
        .col_expr(Column::Message, Expr::value(now.message.as_str()))
        .col_expr(Column::Action, Expr::value(now.action.as_str()))
        .filter(one(row));
    changed.exec(db).await?;
    Ok(())
}

/// Notes what was told while the database was away, under the id by which it was told.
pub async fn take_over(
    db: &DatabaseConnection,
    channel: &alert_channel::Model,
    alert: &Standing,
    id: Uuid,
    told_ms: i64,
) -> Result<(), Error> {
    let row = ActiveModel {
        id: Set(id),
        told_at: Set(Some(told_ms)),
        told_severity: Set(Some(alert.severity.clone())),
        ..begun(channel, alert, now_ms())
    };
    let skip = OnConflict::new().do_nothing().to_owned();
    Entity::insert(row).on_conflict(skip).exec_without_returning(db).await?;
    Ok(())
}

fn begun(channel: &alert_channel::Model, alert: &Standing, now_ms: i64) -> ActiveModel {
    ActiveModel {
        company_id: Set(channel.company_id),
        channel_id: Set(channel.id),
        id: Set(Uuid::now_v7()),
        alert: Set(alert.alert.clone()),
        severity: Set(alert.severity.clone()),
        message: Set(alert.message.clone()),
        action: Set(alert.action.clone()),
        began_at: Set(alert.since_ms),
        seen_at: Set(now_ms),
        told_at: Set(None),
        told_severity: Set(None),
        reminded_at: Set(None),
        ended_at: Set(None),
        closed_at: Set(None),
        next_at: Set(now_ms),
        attempts: Set(0),
        error: Set(None),
    }
}

/// Notes that what `channel` has was seen now although it could not be measured: what is not known has not ended.
pub async fn hold(db: &DatabaseConnection, channel: &alert_channel::Model) -> Result<(), Error> {
    let seen = Entity::update_many().col_expr(Column::SeenAt, Expr::value(now_ms())).filter(of(channel));
    seen.filter(Column::EndedAt.is_null()).exec(db).await?;
    Ok(())
}

/// Ends the notices that were last seen before `before_ms`, those of channels that are told no longer included.
pub async fn end(db: &DatabaseConnection, before_ms: i64) -> Result<(), Error> {
    let over = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::col(Column::SeenAt))
        .col_expr(Column::Attempts, Expr::value(0_i64))
        .col_expr(Column::NextAt, Expr::value(now_ms()))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ClosedAt.is_null())
        .filter(Column::SeenAt.lt(before_ms));
    over.exec(db).await?;
    Ok(())
}

/// The notices of which something may be left to be told, the oldest first.
pub async fn open(db: &DatabaseConnection) -> Result<Vec<Model>, Error> {
    Ok(Entity::find().filter(Column::ClosedAt.is_null()).order_by_asc(Column::Id).limit(LOOK).all(db).await?)
}

/// Claims `row` until `until_ms`. Returns whether nobody else did since it was read.
pub async fn claim(db: &DatabaseConnection, row: &Model, until_ms: i64) -> Result<bool, Error> {
    let taken = Entity::update_many()
        .col_expr(Column::NextAt, Expr::value(until_ms))
        .filter(one(row))
        .filter(Column::NextAt.eq(row.next_at))
        .filter(Column::ClosedAt.is_null());
    Ok(taken.exec(db).await?.rows_affected > 0)
}

/// Notes what came of telling `row`.
pub async fn note(db: &DatabaseConnection, row: &Model, told: &Told) -> Result<(), Error> {
    let now = now_ms();
    let update = Entity::update_many().filter(one(row));
    let done = |update: sea_orm::UpdateMany<Entity>, column: Column| {
        update
            .col_expr(column, Expr::value(now))
            .col_expr(Column::Attempts, Expr::value(0_i64))
            .col_expr(Column::Error, Expr::value(None::<String>))
            .col_expr(Column::NextAt, Expr::value(now))
    };
    let as_is = |update: sea_orm::UpdateMany<Entity>| update.col_expr(Column::ToldSeverity, Expr::value(row.severity.as_str()));
    let update = match told {
        Told::Begin => as_is(done(update, Column::ToldAt)),
        Told::Reminder => as_is(done(update, Column::RemindedAt)),
        Told::End => done(update, Column::ClosedAt),
        Told::Failed { reason, next_ms } => update
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .col_expr(Column::Error, Expr::value(reason.chars().take(REASON).collect::<String>()))
            .col_expr(Column::NextAt, Expr::value(*next_ms)),
    };
    update.exec(db).await?;
    Ok(())
}

/// The last notices of a channel, the latest first, at most 100.
pub async fn of_channel(db: &DatabaseConnection, channel: &alert_channel::Model) -> Result<Vec<Model>, Error> {
    Ok(Entity::find().filter(of(channel)).order_by_desc(Column::Id).limit(100).all(db).await?)
}

/// Removes a step of what ended long ago. Returns how many rows.
pub(crate) async fn retain(db: &DatabaseConnection) -> Result<u64, Error> {
    let old = crate::first_id(now_ms() - KEPT_MS);
    let ids = Entity::find().select_only().column(Column::Id).filter(Column::Id.lt(old)).filter(Column::ClosedAt.is_not_null());
    let gone = Entity::delete_many().filter(Column::Id.in_subquery(ids.limit(STEP).into_query()));
    Ok(gone.exec(db).await?.rows_affected)
}
