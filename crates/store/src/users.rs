//! People who sign in: roles, passwords, lock-out, second factors, sessions.
//!
//! | module | part |
//! | --- | --- |
//! | [`sign_in`] | by password, with a second factor where there is one |
//! | [`federated`] | by an OpenID Connect provider |
//! | [`second_factor`] | codes of an app, and recovery codes |
//! | [`sessions`] | what a sign-in opens, until it ends |
//! | [`own`] | what people change of their own account |
//! | `attempts` | failures, and the lock-out after five |
//! | `passwords` | argon2id, a few at a time |

mod attempts;
pub mod federated;
pub mod own;
mod passwords;
pub mod second_factor;
pub mod sessions;
pub mod sign_in;

use common::CompanyId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use passwords::hash_password;
pub use sessions::{IDLE_MS, NewSession, Origin, SESSION_MS, csrf_of, key_of, of_session, sign_out};

use crate::{
    Error, Scope,
    credential::hash,
    entered::{self, invalid},
    entity::user,
};
use clock::now_ms;

/// Failures in a row after which a user is locked out.
pub const FAILURES: i32 = 5;
/// For how long.
pub const LOCKED_MS: i64 = 15 * 60_000;
/// Shortest password, in characters.
const PASSWORD_LENGTH: usize = 12;
/// Longest password, in characters.
pub const PASSWORD_MAX: usize = 200;
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
    db: &impl ConnectionTrait,
    email: &str,
    role: Role,
    company: CompanyId,
    password: &str,
) -> Result<user::Model, Error> {
    let email = entered::email(email)?;
    if (role == Role::Administrator) != (company == CompanyId::NONE) {
        let reason = "every role but administrator needs a company, and administrator has none";
        return Err(invalid("company", reason.to_owned()));
    }
    check_form(password)?;
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
        issuer: None,
        subject: None,
        permissions: None,
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

/// The user who signs in with that address and a password.
async fn find(db: &impl ConnectionTrait, email: &str) -> Result<Option<user::Model>, Error> {
    Ok(user::Entity::find().filter(user::Column::Email.eq(email)).filter(user::Column::Issuer.is_null()).one(db).await?)
}

/// The user of that id within `scope`.
pub async fn get(db: &impl ConnectionTrait, scope: Scope, id: Uuid) -> Result<Option<user::Model>, Error> {
    let mut who = user::Entity::find_by_id(id);
    if let Scope::Company(company) = scope {
        who = who.filter(user::Column::CompanyId.eq(company));
    }
    Ok(who.one(db).await?)
}

/// Removes a user and ends their sessions. Returns whether there was one in `scope`.
pub async fn remove(db: &impl ConnectionTrait, scope: Scope, id: Uuid) -> Result<bool, Error> {
    let mut who = user::Entity::delete_many().filter(user::Column::Id.eq(id));
    if let Scope::Company(company) = scope {
        who = who.filter(user::Column::CompanyId.eq(company));
    }
    let gone = who.exec(db).await?.rows_affected > 0;
    if gone {
        sessions::end_all(db, id).await?;
        second_factor::off(db, id).await?;
    }
    Ok(gone)
}

/// Sets a new password, ends a lock-out and every session of that user.
pub async fn set_password(db: &impl ConnectionTrait, email: &str, password: &str) -> Result<user::Model, Error> {
    check_form(password)?;
    let email = email.trim().to_lowercase();
    let user = find(db, &email).await?.ok_or_else(|| Error::Conflict(format!("there is no user '{email}'")))?;
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash_password(password.to_owned()).await?))
        .col_expr(user::Column::FailedSignIns, Expr::value(0))
        .col_expr(user::Column::LockedUntil, Expr::value(Option::<i64>::None))
        .filter(user::Column::Id.eq(user.id))
        .exec(db)
        .await?;
    sessions::end_all(db, user.id).await?;
    Ok(user)
}

/// Turns off the second factor of a user who lost it, and ends their sessions. Answers whether it was on.
pub async fn reset_second_factor(db: &impl ConnectionTrait, id: Uuid) -> Result<bool, Error> {
    let was_on = second_factor::off(db, id).await?;
    if was_on {
        sessions::end_all(db, id).await?;
    }
    Ok(was_on)
}

/// Whether `password` may be one: long enough, and something to see of it.
fn check_form(password: &str) -> Result<(), Error> {
    if (PASSWORD_LENGTH..=PASSWORD_MAX).contains(&password.chars().count()) && !entered::is_blank(password) {
        return Ok(());
    }
    let reason = format!("a password must have {PASSWORD_LENGTH} to {PASSWORD_MAX} characters, and not blanks alone");
    Err(invalid("password", reason))
}

/// Whether two texts are the same, by their digests: how long it takes tells nothing of them.
pub fn same(one: &str, other: &str) -> bool {
    hash(one) == hash(other)
}
