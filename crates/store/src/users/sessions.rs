//! Sessions: a browser that somebody signed in from, until it is ended, too old, or unused for too long.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, Set, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    Error,
    credential::{self, hash},
    entity::{known_device, session, user},
};
use clock::now_ms;

/// How long a session lasts.
pub const SESSION_MS: i64 = 12 * 3_600_000;
/// After how long without a request a session ends.
pub const IDLE_MS: i64 = 2 * 3_600_000;
/// How exactly it is noted when a session was used.
const USED_EVERY_MS: i64 = 60_000;
/// Sessions of one user at once; the oldest end.
const AT_ONCE: u64 = 50;
/// Characters of a browser's name that are kept.
const USER_AGENT: usize = 120;

/// A session as its browser knows it.
#[derive(Clone)]
pub struct NewSession {
    /// For the cookie.
    pub cookie: String,
    /// To be sent in a header with everything that changes something.
    pub csrf: String,
}

/// Where somebody signs in from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'o> {
    /// The address, for the audit log and the list of sessions.
    pub address: Option<&'o str>,
    /// What the browser calls itself.
    pub user_agent: Option<&'o str>,
}

/// One of somebody's sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// By which it is ended; it does not give the session away.
    pub id: Uuid,
    /// Whether it is the one that asks.
    pub is_this: bool,
    /// The row itself.
    pub row: session::Model,
}

/// The CSRF token of a session: known to anyone who can read its cookie, that is to us, and told to pages
/// of our own origin alone.
pub fn csrf_of(cookie: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, format!("csrf:{cookie}").as_bytes()))
}

/// What a session is stored under, and its end told under: a digest of its cookie.
pub fn key_of(cookie: &str) -> String {
    hash(cookie)
}

/// Opens a session of `user` in the transaction of the sign-in.
pub(super) async fn open(tx: &DatabaseTransaction, user: Uuid, origin: Origin<'_>) -> Result<NewSession, Error> {
    let cookie = credential::new()?;
    let session = NewSession { csrf: csrf_of(&cookie), cookie };
    let now = now_ms();
    session::Entity::delete_many().filter(session::Column::ExpiresAt.lt(now)).exec(tx).await?;
    let row = session::ActiveModel {
        token_hash: Set(hash(&session.cookie)),
        user_id: Set(user),
        csrf_hash: Set(hash(&session.csrf)),
        created_at: Set(now),
        expires_at: Set(now + SESSION_MS),
        used_at: Set(Some(now)),
        address: Set(origin.address.map(str::to_owned)),
        user_agent: Set(origin.user_agent.map(shortened)),
    };
    session::Entity::insert(row).exec_without_returning(tx).await?;
    // SQLite has no OFFSET without a LIMIT.
    let latest = session::Entity::find().filter(session::Column::UserId.eq(user)).order_by_desc(session::Column::CreatedAt);
    if let Some(oldest) = latest.offset(AT_ONCE - 1).limit(1).one(tx).await? {
        let beyond = session::Column::UserId.eq(user).and(session::Column::CreatedAt.lt(oldest.created_at));
        session::Entity::delete_many().filter(beyond).exec(tx).await?;
    }
    Ok(session)
}

fn shortened(user_agent: &str) -> String {
    user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT).collect()
}

/// The user of a session that still lasts and was used within [`IDLE_MS`]. Notes that it is used.
pub async fn of_session(db: &DatabaseConnection, cookie: &str) -> Result<Option<user::Model>, Error> {
    use session::{Column, Entity};
    let now = now_ms();
    let Some(row) = Entity::find_by_id(hash(cookie)).filter(Column::ExpiresAt.gt(now)).one(db).await? else { return Ok(None) };
    let used = row.used_at.unwrap_or(row.created_at);
    if used + IDLE_MS < now {
        return Ok(None);
    }
    if used + USED_EVERY_MS < now {
        let note = Entity::update_many().col_expr(Column::UsedAt, Expr::value(now)).filter(Column::TokenHash.eq(row.token_hash));
        if let Err(error) = note.exec(db).await {
            tracing::debug!(%error, "the use of a session was not noted");
        }
    }
    Ok(user::Entity::find_by_id(row.user_id).one(db).await?)
}

/// Ends a session.
pub async fn sign_out(db: &impl ConnectionTrait, cookie: &str) -> Result<(), Error> {
    session::Entity::delete_by_id(hash(cookie)).exec(db).await?;
    Ok(())
}

/// The sessions of `user` that last, the latest first; `cookie` is that of the one who asks.
pub async fn list(db: &impl ConnectionTrait, user: Uuid, cookie: &str) -> Result<Vec<Listed>, Error> {
    use session::{Column, Entity};
    let (now, this) = (now_ms(), hash(cookie));
    let lasting = Entity::find().filter(Column::UserId.eq(user)).filter(Column::ExpiresAt.gt(now));
    let rows = lasting.order_by_desc(Column::CreatedAt).limit(AT_ONCE).all(db).await?;
    let is_used = |row: &session::Model| row.used_at.unwrap_or(row.created_at) + IDLE_MS >= now;
    let listed = rows.into_iter().filter(is_used);
    Ok(listed.map(|row| Listed { id: id_of(&row.token_hash), is_this: row.token_hash == this, row }).collect())
}

/// A session's name for people: from its key, of which it tells nothing.
fn id_of(key: &str) -> Uuid {
    let digest: String = hash(&format!("session:{key}")).chars().take(32).collect();
    Uuid::try_parse(&digest).unwrap_or_default()
}

/// Ends sessions by their keys. Answers how many there were.
pub async fn end(tx: &DatabaseTransaction, keys: &[String]) -> Result<u64, Error> {
    let ended = session::Entity::delete_many().filter(session::Column::TokenHash.is_in(keys)).exec(tx).await?;
    Ok(ended.rows_affected)
}

/// Ends every session of `user` but that of `cookie`, if any; answers their keys. To be called when the transaction has written
/// before: SQLite lets one that began by reading write no more once another has written.
pub async fn end_others(tx: &DatabaseTransaction, user: Uuid, cookie: Option<&str>) -> Result<Vec<String>, Error> {
    use session::{Column, Entity};
    let others = || Column::UserId.eq(user).and(Column::TokenHash.ne(cookie.map(hash).unwrap_or_default()));
    let rows = Entity::find().filter(others()).all(tx).await?;
    Entity::delete_many().filter(others()).exec(tx).await?;
    Ok(rows.into_iter().map(|row| row.token_hash).collect())
}

/// Ends every session of `user`, and knows none of their browsers any more.
pub(super) async fn end_all(db: &impl ConnectionTrait, user: Uuid) -> Result<(), Error> {
    session::Entity::delete_many().filter(session::Column::UserId.eq(user)).exec(db).await?;
    known_device::Entity::delete_many().filter(known_device::Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}
