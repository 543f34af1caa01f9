//! Look-ups at Netbanx: how a company's transactions are asked for there, and (in `due`) what is worth asking.
//!
//! The password is sealed by the vault and bound to company, configuration and version: moved to another row it does not open.

mod due;

use common::CompanyId;
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

pub(crate) use due::retain;
pub use due::{Outcome, PendingLimit, Usual, WAIT_MS, Wanted, due, missing_here, note, usual, wanted};

use crate::{
    Error, Vault,
    audit::{self, Note},
    entity::lookup_configuration::{ActiveModel, Column, Entity, Model},
};
use clock::now_ms;

/// Configurations of one look.
const PAGE: u64 = 500;
/// Longest user name and password in bytes.
const LONGEST: usize = 1024;

/// What Netbanx is asked with. Never printed.
#[derive(Clone)]
pub struct Credentials {
    /// Before every path, without a slash at its end.
    pub url: String,
    /// For HTTP Basic.
    pub username: String,
    /// The same.
    pub password: String,
}

fn purpose(row: &Model) -> String {
    format!("lookup:{}:{}:{}", row.company_id, row.id, row.version)
}

/// The configuration of a company.
pub async fn get(db: &DatabaseConnection, company: CompanyId) -> Result<Option<Model>, Error> {
    Ok(Entity::find_by_id(company.0).one(db).await?)
}

/// The credentials of a configuration.
pub fn open(vault: &Vault, row: &Model) -> Result<Credentials, Error> {
    let password = String::from_utf8(vault.open_bytes(&purpose(row), &row.password)?).map_err(|_| Error::Crypto)?;
    Ok(Credentials { url: row.url.clone(), username: row.username.clone(), password })
}

/// Sets how a company's transactions are asked for, in the place of what was before; noted in the audit log, without the password.
/// The caller has checked the address.
pub async fn set(db: &DatabaseConnection, vault: &Vault, company: CompanyId, credentials: &Credentials) -> Result<Model, Error> {
    let Credentials { url, username, password } = credentials;
    let is_short = |text: &str| (1..=LONGEST).contains(&text.len());
    if !is_short(username) || !is_short(password) || username.contains(':') || username.chars().any(char::is_control) {
        let reason = "the user name and the password have 1 to 1,024 bytes, the user name no colon";
        return Err(Error::Conflict(reason.to_owned()));
    }
    let tx = db.begin().await?;
    crate::dialect::begin_writing(&tx).await?;
    let (before, now) = (Entity::find_by_id(company.0).one(&tx).await?, now_ms());
    let mut row = Model {
        company_id: company.0,
        id: before.as_ref().map_or_else(Uuid::now_v7, |row| row.id),
        version: before.as_ref().map_or(1, |row| row.version + 1),
        url: url.trim_end_matches('/').to_owned(),
        username: username.clone(),
        password: String::new(),
        next_round_at: before.as_ref().map_or(0, |row| row.next_round_at),
        created_at: before.as_ref().map_or(now, |row| row.created_at),
        updated_at: now,
    };
    row.password = vault.seal_bytes(&purpose(&row), password.as_bytes())?;
    Entity::delete_by_id(company.0).exec(&tx).await?;
    Entity::insert(ActiveModel::from(row.clone())).exec_without_returning(&tx).await?;
    let detail = serde_json::json!({"url": row.url, "username": row.username, "version": row.version}).to_string();
    audit::record(&tx, Note { actor: "command", company, action: "lookup.configure", detail: &detail, address: None }).await?;
    tx.commit().await?;
    Ok(row)
}

/// Forgets how a company's transactions are asked for; noted in the audit log. Returns whether there was anything.
pub async fn remove(db: &DatabaseConnection, company: CompanyId) -> Result<bool, Error> {
    let tx = db.begin().await?;
    let removed = Entity::delete_by_id(company.0).exec(&tx).await?.rows_affected > 0;
    if removed {
        audit::record(&tx, Note { actor: "command", company, action: "lookup.remove", detail: "{}", address: None }).await?;
    }
    tx.commit().await?;
    Ok(removed)
}

/// Claims the rounds that are due at `now_ms`, one per company, at most `limit`; the next ones are due at `next_ms`. Of the
/// processes that ask at once each round is one's.
pub async fn claim(db: &DatabaseConnection, now_ms: i64, next_ms: i64, limit: u64) -> Result<Vec<Model>, Error> {
    let due = Entity::find().filter(Column::NextRoundAt.lte(now_ms)).order_by_asc(Column::NextRoundAt).limit(limit);
    let mut claimed = Vec::new();
    for row in due.all(db).await? {
        let claim = Entity::update_many()
            .col_expr(Column::NextRoundAt, Expr::value(next_ms))
            .filter(Column::CompanyId.eq(row.company_id))
            .filter(Column::NextRoundAt.eq(row.next_round_at));
        if claim.exec(db).await?.rows_affected > 0 {
            claimed.push(row);
        }
    }
    Ok(claimed)
}

/// Up to `limit` configurations, of whichever companies.
pub async fn first(db: &DatabaseConnection, limit: u64) -> Result<Vec<Model>, Error> {
    Ok(Entity::find().order_by_asc(Column::CompanyId).limit(limit).all(db).await?)
}

/// Notes in the audit log what somebody asked for and stored.
pub async fn note_stored(db: &DatabaseConnection, company: CompanyId, detail: &serde_json::Value) -> Result<(), Error> {
    let detail = detail.to_string();
    let tx = db.begin().await?;
    audit::record(&tx, Note { actor: "command", company, action: "lookup.store", detail: &detail, address: None }).await?;
    Ok(tx.commit().await?)
}

/// Notes in the audit log what the platform asked by itself for `company`.
pub async fn report(db: &DatabaseConnection, company: CompanyId, detail: &serde_json::Value) -> Result<(), Error> {
    let detail = detail.to_string();
    let tx = db.begin().await?;
    audit::record(&tx, Note { actor: "platform", company, action: "lookup.automatic", detail: &detail, address: None }).await?;
    Ok(tx.commit().await?)
}

/// Encrypts again, under the current master key, every password that is not. Returns how many there were.
pub(crate) async fn rewrap(db: &DatabaseConnection, vault: &Vault) -> Result<u64, Error> {
    let (mut last, mut done) = (Uuid::nil(), 0);
    loop {
        let page = Entity::find().filter(Column::CompanyId.gt(last)).order_by_asc(Column::CompanyId).limit(PAGE).all(db).await?;
        let Some(end) = page.last() else { return Ok(done) };
        last = end.company_id;
        for row in page.iter().filter(|row| !vault.is_current(&row.password)) {
            let again = vault.seal_bytes(&purpose(row), &vault.open_bytes(&purpose(row), &row.password)?)?;
            // Not over a password that was set meanwhile.
            let same = Column::CompanyId.eq(row.company_id).and(Column::Password.eq(row.password.as_str()));
            let replaced = Entity::update_many().col_expr(Column::Password, Expr::value(again)).filter(same);
            done += replaced.exec(db).await?.rows_affected;
        }
    }
}
