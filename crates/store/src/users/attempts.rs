//! Attempts are counted before what they show is checked, so that guesses side by side get no more tries than one after the
//! other; and they are counted where they come from: a browser that the user signed in from before has a count of its own, so
//! that strangers who lock the account out do not lock its owner out.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr,
};
use uuid::Uuid;

use super::{FAILURES, LOCKED_MS};
use crate::{
    Error,
    credential::hash,
    entity::{known_device, user},
};
use clock::{APART_MS, now_ms};

/// What an attempt is counted on.
pub(super) enum Counted {
    Nobody,
    User(Uuid),
    Device(String),
}

/// What an attempt on `user` from a browser with the cookies `devices` is counted on.
pub(super) async fn counted_on(db: &DatabaseConnection, user: Option<Uuid>, devices: &[&str]) -> Result<Counted, Error> {
    use known_device::{Column, Entity};
    let Some(user) = user else { return Ok(Counted::Nobody) };
    let hashes: Vec<String> = devices.iter().map(|device| hash(device)).collect();
    let known = Entity::find()
        .filter(Column::TokenHash.is_in(hashes))
        .filter(Column::UserId.eq(user))
        .filter(Column::ExpiresAt.gt(now_ms()))
        .one(db)
        .await?;
    Ok(known.map_or(Counted::User(user), |device| Counted::Device(device.token_hash)))
}

/// Counts an attempt as a failure, which a success takes back. Returns whether it may be tried: in one statement, so that the
/// attempts that find the same count are all counted.
macro_rules! count_on {
    ($db:expr, $table:ident, $key:expr) => {{
        use $table::{Column, Entity};
        let (now, failures) = (now_ms(), || Expr::col(Column::FailedSignIns).add(1));
        let locks = || failures().gte(FAILURES);
        let counted = Entity::update_many()
            .col_expr(
                Column::LockedUntil,
                Expr::case(locks(), Expr::value(now + LOCKED_MS)).finally(Expr::col(Column::LockedUntil)).into(),
            )
            .col_expr(Column::FailedSignIns, Expr::case(locks(), Expr::value(0)).finally(failures()).into())
            .filter($key)
            // No lock is longer than one that begins now, unless the clock was set back since.
            .filter(
                Condition::any()
                    .add(Column::LockedUntil.is_null())
                    .add(Column::LockedUntil.lte(now))
                    .add(Column::LockedUntil.gt(now + LOCKED_MS + APART_MS)),
            )
            .exec($db)
            .await?;
        counted.rows_affected > 0
    }};
}

/// Counts an attempt; returns whether it may be tried.
pub(super) async fn count(db: &DatabaseConnection, counted: &Counted) -> Result<bool, Error> {
    Ok(match counted {
        // As long as for somebody.
        Counted::Nobody => count_on!(db, user, Column::Id.eq(Uuid::now_v7())),
        Counted::User(id) => count_on!(db, user, Column::Id.eq(*id)),
        Counted::Device(hash) => count_on!(db, known_device, Column::TokenHash.eq(hash.as_str())),
    })
}

macro_rules! forget_failures {
    ($db:expr, $table:ident, $key:expr) => {{
        use $table::{Column, Entity};
        Entity::update_many()
            .col_expr(Column::FailedSignIns, Expr::value(0))
            .col_expr(Column::LockedUntil, Expr::value(Option::<i64>::None))
            .filter($key)
            .exec($db)
            .await?;
    }};
}

/// Takes the failures back, after a success.
pub(super) async fn forget(db: &impl ConnectionTrait, counted: &Counted) -> Result<(), Error> {
    match counted {
        Counted::Nobody => {}
        Counted::User(id) => forget_failures!(db, user, Column::Id.eq(*id)),
        Counted::Device(hash) => forget_failures!(db, known_device, Column::TokenHash.eq(hash.as_str())),
    }
    Ok(())
}
