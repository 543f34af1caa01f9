//! People who sign in: roles, passwords, lock-out, sessions.

use std::{sync::OnceLock, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::CompanyId;
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::Expr,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    Error,
    entity::{session, user},
    now_ms,
    reads::Scope,
};

/// Failures in a row after which a user is locked out.
pub const FAILURES: i32 = 5;
/// For how long.
pub const LOCKED_MS: i64 = 15 * 60_000;
/// How long a session lasts.
pub const SESSION_MS: i64 = 12 * 3_600_000;
/// Shortest password, in characters.
const PASSWORD_LENGTH: usize = 12;
/// Longest password, in characters.
const PASSWORD_MAX: usize = 200;
/// Passwords checked at once: each takes 19 MiB and a core for a while.
static CHECKS: Semaphore = Semaphore::const_new(2);
/// Longest wait for a place among them.
const CHECK_WAIT: Duration = Duration::from_secs(5);

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything, for all companies.
    Administrator,
    /// Everything of one company.
    CompanyAdministrator,
    /// Reads, and tends the dead letters, of one company.
    Member,
    /// Reads, of one company.
    ReadOnly,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Administrator, Self::CompanyAdministrator, Self::Member, Self::ReadOnly];

    /// The name in the API, the command and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::CompanyAdministrator => "company-administrator",
            Self::Member => "member",
            Self::ReadOnly => "read-only",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// The permissions that it gives, of `crate::tokens::PERMISSIONS`.
    pub const fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Administrator => &[
                "read:transactions",
                "read:accounts",
                "read:analytics",
                "read:events",
                "manage:queue",
                "manage:secrets",
                "admin",
            ],
            Self::CompanyAdministrator => {
                &["read:transactions", "read:accounts", "read:analytics", "read:events", "manage:queue", "manage:secrets"]
            }
            Self::Member => &["read:transactions", "read:accounts", "read:analytics", "read:events", "manage:queue"],
            Self::ReadOnly => &["read:transactions", "read:accounts", "read:analytics", "read:events"],
        }
    }
}

/// Adds a user; every role but the administrator's has a company.
pub async fn add(
    db: &DatabaseConnection,
    email: &str,
    role: Role,
    company: CompanyId,
    password: &str,
) -> Result<user::Model, Error> {
    let email = email.trim().to_lowercase();
    let well_formed = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if !well_formed || email.len() > 255 {
        return Err(Error::Conflict(format!("'{email}' is no e-mail address")));
    }
    if (role == Role::Administrator) != (company == CompanyId::NONE) {
        return Err(Error::Conflict("every role but administrator needs a company, and administrator has none".to_owned()));
    }
    check_length(password)?;
    if find(db, &email).await?.is_some() {
        return Err(Error::Conflict(format!("there is a user '{email}' already")));
    }
    let row = user::Model {
        id: Uuid::now_v7(),
        company_id: company.0,
        email,
        role: role.as_str().to_owned(),
        password_hash: hash_password(password.to_owned()).await?,
        failed_sign_ins: 0,
        locked_until: None,
        created_at: now_ms(),
    };
    user::Entity::insert(user::ActiveModel::from(row.clone())).exec_without_returning(db).await?;
    Ok(row)
}

/// Users by e-mail address, at most 1,000.
pub async fn list(db: &DatabaseConnection, scope: Scope) -> Result<Vec<user::Model>, Error> {
    let mut users = user::Entity::find();
    if let Scope::Company(company) = scope {
        users = users.filter(user::Column::CompanyId.eq(company));
    }
    Ok(users.order_by_asc(user::Column::Email).limit(1000).all(db).await?)
}

async fn find(db: &DatabaseConnection, email: &str) -> Result<Option<user::Model>, Error> {
    Ok(user::Entity::find().filter(user::Column::Email.eq(email)).one(db).await?)
}

/// A new session for the user who has that address and password; none for anybody else, for who is locked
/// out, and always after the same time.
pub async fn sign_in(db: &DatabaseConnection, email: &str, password: &str) -> Result<Option<(user::Model, NewSession)>, Error> {
    let user = find(db, &email.trim().to_lowercase()).await?;
    let known = user.as_ref().map(|user| user.password_hash.clone());
    let is_right = password.chars().count() <= PASSWORD_MAX && check_password(password.to_owned(), known).await?;
    let Some(user) = user else { return Ok(None) };
    let now = now_ms();
    if user.locked_until.is_some_and(|until| until > now) {
        return Ok(None);
    }
    if !is_right {
        // In one statement, so that guesses side by side are all counted.
        use user::Column;
        let failures = || Expr::col(Column::FailedSignIns).add(1);
        user::Entity::update_many()
            .col_expr(
                Column::LockedUntil,
                Expr::case(failures().gte(FAILURES), Expr::value(now + LOCKED_MS)).finally(Expr::col(Column::LockedUntil)).into(),
            )
            .col_expr(Column::FailedSignIns, Expr::case(failures().gte(FAILURES), Expr::value(0)).finally(failures()).into())
            .filter(Column::Id.eq(user.id))
            .exec(db)
            .await?;
        return Ok(None);
    }
    user::Entity::update_many()
        .col_expr(user::Column::FailedSignIns, Expr::value(0))
        .col_expr(user::Column::LockedUntil, Expr::value(Option::<i64>::None))
        .filter(user::Column::Id.eq(user.id))
        .exec(db)
        .await?;
    let session = NewSession::random()?;
    session::Entity::delete_many().filter(session::Column::ExpiresAt.lt(now)).exec(db).await?;
    let row = session::ActiveModel {
        token_hash: Set(hash(&session.cookie)),
        user_id: Set(user.id),
        csrf_hash: Set(hash(&session.csrf)),
        created_at: Set(now),
        expires_at: Set(now + SESSION_MS),
    };
    session::Entity::insert(row).exec_without_returning(db).await?;
    Ok(Some((user, session)))
}

/// A session as its browser knows it.
#[derive(Clone)]
pub struct NewSession {
    /// For the cookie.
    pub cookie: String,
    /// To be sent in a header with everything that changes something.
    pub csrf: String,
}

impl NewSession {
    fn random() -> Result<Self, Error> {
        let mut random = [0; 32];
        SystemRandom::new().fill(&mut random).map_err(|_| Error::Crypto)?;
        let cookie = URL_SAFE_NO_PAD.encode(random);
        let csrf = csrf_of(&cookie);
        Ok(Self { cookie, csrf })
    }
}

/// The CSRF token of a session: known to anyone who can read its cookie, that is to us, and told to pages
/// of our own origin alone.
pub fn csrf_of(cookie: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, format!("csrf:{cookie}").as_bytes()))
}

/// The user of a session that still lasts.
pub async fn of_session(db: &DatabaseConnection, cookie: &str) -> Result<Option<user::Model>, Error> {
    let session = session::Entity::find_by_id(hash(cookie)).filter(session::Column::ExpiresAt.gt(now_ms())).one(db).await?;
    match session {
        Some(session) => Ok(user::Entity::find_by_id(session.user_id).one(db).await?),
        None => Ok(None),
    }
}

/// Ends a session.
pub async fn sign_out(db: &DatabaseConnection, cookie: &str) -> Result<(), Error> {
    session::Entity::delete_by_id(hash(cookie)).exec(db).await?;
    Ok(())
}

/// Removes a user and ends their sessions. Answers whether there was one in `scope`.
pub async fn remove(db: &DatabaseConnection, scope: Scope, id: Uuid) -> Result<bool, Error> {
    let mut who = user::Entity::delete_many().filter(user::Column::Id.eq(id));
    if let Scope::Company(company) = scope {
        who = who.filter(user::Column::CompanyId.eq(company));
    }
    let gone = who.exec(db).await?.rows_affected > 0;
    if gone {
        end_sessions(db, id).await?;
    }
    Ok(gone)
}

/// Sets a new password, ends a lock-out and every session of that user.
pub async fn set_password(db: &DatabaseConnection, email: &str, password: &str) -> Result<user::Model, Error> {
    check_length(password)?;
    let email = email.trim().to_lowercase();
    let user = find(db, &email).await?.ok_or_else(|| Error::Conflict(format!("there is no user '{email}'")))?;
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash_password(password.to_owned()).await?))
        .col_expr(user::Column::FailedSignIns, Expr::value(0))
        .col_expr(user::Column::LockedUntil, Expr::value(Option::<i64>::None))
        .filter(user::Column::Id.eq(user.id))
        .exec(db)
        .await?;
    end_sessions(db, user.id).await?;
    Ok(user)
}

async fn end_sessions(db: &DatabaseConnection, user: Uuid) -> Result<(), Error> {
    session::Entity::delete_many().filter(session::Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}

fn check_length(password: &str) -> Result<(), Error> {
    match password.chars().count() {
        length if length < PASSWORD_LENGTH => {
            Err(Error::Conflict(format!("a password has {PASSWORD_LENGTH} characters at least")))
        }
        length if length > PASSWORD_MAX => Err(Error::Conflict(format!("a password has {PASSWORD_MAX} characters at most"))),
        _ => Ok(()),
    }
}

/// Whether two texts are the same, by their digests: how long it takes tells nothing of them.
pub fn same(one: &str, other: &str) -> bool {
    hash(one) == hash(other)
}

fn hash(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

async fn hash_password(password: String) -> Result<String, Error> {
    blocking(move || {
        let mut random = [0; 16];
        SystemRandom::new().fill(&mut random).ok()?;
        let salt = SaltString::encode_b64(&random).ok()?;
        Some(Argon2::default().hash_password(password.as_bytes(), &salt).ok()?.to_string())
    })
    .await?
    .ok_or(Error::Crypto)
}

/// Whether `password` is that of `known`. Without one it takes as long and is wrong.
async fn check_password(password: String, known: Option<String>) -> Result<bool, Error> {
    static NOBODY: OnceLock<String> = OnceLock::new();
    let nobody = if let Some(hash) = NOBODY.get() {
        hash.clone()
    } else {
        let hash = hash_password("nobody has this password".to_owned()).await?;
        NOBODY.get_or_init(|| hash).clone()
    };
    blocking(move || {
        let is_known = known.is_some();
        let hash = known.unwrap_or(nobody);
        let parsed = PasswordHash::new(&hash);
        let is_right = parsed.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        is_known && is_right
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let place = tokio::time::timeout(CHECK_WAIT, CHECKS.acquire()).await;
    let _place =
        place.map_err(|_| Error::Unavailable("too many passwords are checked".to_owned()))?.map_err(|_| Error::Crypto)?;
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Crypto)
}
