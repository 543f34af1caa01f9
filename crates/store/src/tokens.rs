//! API tokens. Only the SHA-256 of a token is stored; the token itself is shown once.

use common::CompanyId;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    Error, Scope,
    credential::{self, hash},
    entered::{self, invalid},
    entity::api_token::{self, Column, Entity, Model},
};
use clock::now_ms;

/// How exactly it is noted when a token was used, in milliseconds.
const USED_EVERY_MS: i64 = 60_000;
/// For how many days a token lasts unless it is told.
pub const DEFAULT_DAYS: u16 = 365;

/// Characters of a token's name at most.
const NAME: usize = 100;

/// What a token or a user may do.
pub const PERMISSIONS: [&str; 7] =
    ["read:transactions", "read:accounts", "read:analytics", "read:events", "manage:queue", "manage:secrets", "admin"];

/// Makes a token for `company`, or for all companies if there is none; answers its id and itself.
pub async fn add(
    db: &impl ConnectionTrait,
    company: CompanyId,
    name: &str,
    permissions: &[String],
    expires_at: Option<i64>,
    created_by: &str,
) -> Result<(Uuid, String), Error> {
    let name = entered::line("name", name, 1, NAME)?;
    if permissions.is_empty() || permissions.iter().any(|p| !PERMISSIONS.contains(&p.as_str())) {
        return Err(invalid("permissions", format!("permissions must be some of {}", PERMISSIONS.join(", "))));
    }
    let token = format!("nbx_{}", credential::new()?);
    let id = Uuid::now_v7();
    let row = api_token::ActiveModel {
        id: Set(id),
        company_id: Set(company.0),
        name: Set(name),
        token_hash: Set(hash(&token)),
        permissions: Set(permissions.join(" ")),
        created_at: Set(now_ms()),
        expires_at: Set(expires_at),
        revoked_at: Set(None),
        created_by: Set(Some(created_by.to_owned())),
        last_used_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok((id, token))
}

/// The token's row, if it stands: known, not revoked, not expired. Notes that it is used.
pub async fn find(db: &DatabaseConnection, token: &str) -> Result<Option<Model>, Error> {
    let found = standing(db, token).await?;
    if let Some(row) = found.as_ref().filter(|row| row.last_used_at.is_none_or(|at| at + USED_EVERY_MS < now_ms())) {
        // A database that takes no writes still lets people look.
        let used = Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(now_ms())).filter(Column::Id.eq(row.id));
        if let Err(error) = used.exec(db).await {
            tracing::debug!(%error, "the use of a token was not noted");
        }
    }
    Ok(found)
}

async fn standing(db: &DatabaseConnection, token: &str) -> Result<Option<Model>, Error> {
    Ok(Entity::find()
        .filter(Column::TokenHash.eq(hash(token)))
        .filter(Column::RevokedAt.is_null())
        .filter(Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(now_ms())))
        .one(db)
        .await?)
}

/// All tokens, at most 1,000, the latest first. Of the token itself only the hash is known.
pub async fn list(db: &DatabaseConnection, scope: Scope) -> Result<Vec<Model>, Error> {
    Ok(Entity::find().filter(own(scope)).order_by_desc(Column::Id).limit(1000).all(db).await?)
}

fn own(scope: Scope) -> Condition {
    match scope {
        Scope::All => Condition::all(),
        Scope::Company(company) => Condition::all().add(Column::CompanyId.eq(company)),
    }
}

/// Ends a token now. Returns whether it stood until then.
pub async fn revoke(db: &impl ConnectionTrait, scope: Scope, id: Uuid) -> Result<bool, Error> {
    let ended = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now_ms()))
        .filter(own(scope))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(ended.rows_affected > 0)
}
