//! Signing in. Each attempt is counted before its password is checked, so that guesses side by side get no more tries than
//! one after the other; and it is counted where it comes from: a browser that the user signed in from before has a count of its
//! own, so that strangers who lock the account out do not lock its owner out.

use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    TransactionTrait, sea_query::Expr,
};
use uuid::Uuid;

use super::{FAILURES, LOCKED_MS, NewSession, PASSWORD_MAX, SESSION_MS, find, passwords::check_password};
use crate::{
    Error,
    audit::{self, Note},
    credential::{self, hash},
    entity::{known_device, session, user},
    now_ms,
};

/// For how long a browser is known.
pub const DEVICE_MS: i64 = 90 * 86_400_000;
/// Browsers of one user that are known, the latest ones.
const DEVICES: u64 = 10;

/// An attempt to sign in.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// As it was typed.
    pub email: &'a str,
    /// As it was typed.
    pub password: &'a str,
    /// Cookies of browsers that were known before.
    pub devices: &'a [&'a str],
    /// Where it comes from, for the audit log.
    pub address: Option<&'a str>,
}

/// Somebody who has signed in.
pub struct SignedIn {
    /// Who.
    pub user: user::Model,
    /// Their session.
    pub session: NewSession,
    /// The cookie by which the browser is known from now on; none if it was known before.
    pub device: Option<String>,
}

/// What an attempt is counted on.
enum Counted {
    Nobody,
    User(Uuid),
    Device(String),
}

/// A new session for the user who has that address and password; none for anybody else, for who is locked out, and always
/// after the same time.
pub async fn sign_in(db: &DatabaseConnection, attempt: Attempt<'_>) -> Result<Option<SignedIn>, Error> {
    let Attempt { email, password, devices, address } = attempt;
    let email = email.trim().to_lowercase();
    let can_be_known = email.len() <= 255 && !email.chars().any(char::is_control) && password.chars().count() <= PASSWORD_MAX;
    let user = if can_be_known { find(db, &email).await? } else { None };
    let counted = counted_on(db, user.as_ref(), devices).await?;
    let is_admitted = count(db, &counted).await?;
    let known = user.as_ref().filter(|_| is_admitted).map(|user| user.password_hash.clone());
    // A text that is too long is not hashed; something of usual length is, so that the time tells nothing.
    let checked: String = password.chars().take(PASSWORD_MAX).collect();
    let is_right = check_password(checked, known).await? && can_be_known;
    let Some(user) = user else {
        failed(db, "session.sign-in-failed", None, address).await?;
        return Ok(None);
    };
    if !is_right {
        let action = if is_admitted { "session.sign-in-failed" } else { "session.locked-out" };
        failed(db, action, Some(&user), address).await?;
        return Ok(None);
    }
    welcome(db, user, counted, address).await.map(Some)
}

async fn failed(db: &DatabaseConnection, action: &str, user: Option<&user::Model>, address: Option<&str>) -> Result<(), Error> {
    let actor = user.map_or_else(|| "unknown".to_owned(), |user| format!("user:{}", user.id));
    let company = common::CompanyId(user.map_or(Uuid::nil(), |user| user.company_id));
    audit::record_alone(db, Note { actor: &actor, company, action, detail: "{}", address }).await
}

async fn counted_on(db: &DatabaseConnection, user: Option<&user::Model>, devices: &[&str]) -> Result<Counted, Error> {
    use known_device::{Column, Entity};
    let Some(user) = user else { return Ok(Counted::Nobody) };
    let hashes: Vec<String> = devices.iter().map(|device| hash(device)).collect();
    let known = Entity::find()
        .filter(Column::TokenHash.is_in(hashes))
        .filter(Column::UserId.eq(user.id))
        .filter(Column::ExpiresAt.gt(now_ms()))
        .one(db)
        .await?;
    Ok(known.map_or(Counted::User(user.id), |device| Counted::Device(device.token_hash)))
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
            .filter(Condition::any().add(Column::LockedUntil.is_null()).add(Column::LockedUntil.lte(now)))
            .exec($db)
            .await?;
        counted.rows_affected > 0
    }};
}

async fn count(db: &DatabaseConnection, counted: &Counted) -> Result<bool, Error> {
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
            .await?
    }};
}

/// Opens the session, and knows the browser from now on.
async fn welcome(db: &DatabaseConnection, user: user::Model, counted: Counted, address: Option<&str>) -> Result<SignedIn, Error> {
    let (now, session) = (now_ms(), NewSession::random()?);
    let tx = db.begin().await?;
    let is_known = if let Counted::Device(hash) = counted {
        forget_failures!(&tx, known_device, Column::TokenHash.eq(hash));
        true
    } else {
        forget_failures!(&tx, user, Column::Id.eq(user.id));
        false
    };
    session::Entity::delete_many().filter(session::Column::ExpiresAt.lt(now)).exec(&tx).await?;
    let row = session::ActiveModel {
        token_hash: Set(hash(&session.cookie)),
        user_id: Set(user.id),
        csrf_hash: Set(hash(&session.csrf)),
        created_at: Set(now),
        expires_at: Set(now + SESSION_MS),
        used_at: Set(Some(now)),
        address: Set(address.map(str::to_owned)),
    };
    session::Entity::insert(row).exec_without_returning(&tx).await?;
    let device = if is_known { None } else { Some(know_device(&tx, user.id, now).await?) };
    let actor = format!("user:{}", user.id);
    let note =
        Note { actor: &actor, company: common::CompanyId(user.company_id), action: "session.sign-in", detail: "{}", address };
    audit::record(&tx, note).await?;
    tx.commit().await?;
    Ok(SignedIn { user, session, device })
}

async fn know_device(tx: &sea_orm::DatabaseTransaction, user: Uuid, now: i64) -> Result<String, Error> {
    use known_device::{ActiveModel, Column, Entity};
    let token = credential::new()?;
    let row = ActiveModel {
        token_hash: Set(hash(&token)),
        user_id: Set(user),
        failed_sign_ins: Set(0),
        locked_until: Set(None),
        created_at: Set(now),
        expires_at: Set(now + DEVICE_MS),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    let kept = Entity::find().filter(Column::UserId.eq(user)).order_by_desc(Column::CreatedAt).limit(DEVICES).all(tx).await?;
    let kept: Vec<String> = kept.into_iter().map(|row| row.token_hash).collect();
    Entity::delete_many().filter(Column::UserId.eq(user)).filter(Column::TokenHash.is_not_in(kept)).exec(tx).await?;
    Ok(token)
}
