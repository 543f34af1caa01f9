//! Receivers' HMAC keys, encrypted (see [`Vault`]).

use base64::{Engine, engine::general_purpose::STANDARD};
use common::{CompanyId, Endpoint, signature::KeyEncoding};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    TransactionSession, TransactionTrait, sea_query::Expr,
};
use uuid::Uuid;

pub use crate::vault::Vault;
use crate::{
    Error, Scope,
    alerting::channels,
    credential,
    entity::receiver_secret::{self, Column, Entity, Model},
    lookups,
    outbound::endpoints,
    receiver_changes,
    users::second_factor,
};
use clock::now_ms;

/// Keys that are encrypted again in one transaction.
const REWRAPPED_AT_ONCE: u64 = 500;
/// Active keys of one receiver at most: the new one and the one that it replaces.
pub const MAX_ACTIVE: u64 = 2;

fn of_receiver(endpoint: Endpoint, company: CompanyId) -> Condition {
    Condition::all().add(Column::Endpoint.eq(endpoint.as_str())).add(Column::CompanyId.eq(company.0))
}

/// A new key of 32 random bytes, as text of that encoding.
pub fn generate(encoding: KeyEncoding) -> Result<String, Error> {
    let bytes = credential::random::<32>()?;
    Ok(match encoding {
        KeyEncoding::Hex => bytes.iter().fold(String::new(), |text, b| text + &format!("{b:02x}")),
        KeyEncoding::Utf8 | KeyEncoding::Base64 => STANDARD.encode(bytes),
    })
}

/// Shortest key in bytes that may be set: a shorter one can be guessed from one signed body. Those that were set before go on.
pub const KEY_LENGTH: usize = 16;

/// Refuses a text that is no key of that encoding, or a key that is too short.
pub fn check_key(text: &str, encoding: KeyEncoding) -> Result<(), Error> {
    encoding.key(text).map_err(|e| Error::Conflict(e.to_string()))?;
    match encoding.length(text) {
        length if length < KEY_LENGTH => {
            Err(Error::Conflict(format!("a key has {KEY_LENGTH} bytes at least; this one has {length}")))
        }
        _ => Ok(()),
    }
}

/// Adds a secret. Those active before stay so until `grace_ms` from now; 0 ends them at once.
pub async fn add(
    db: &impl TransactionTrait,
    vault: &Vault,
    endpoint: Endpoint,
    company: CompanyId,
    text: &str,
    encoding: KeyEncoding,
    grace_ms: i64,
) -> Result<i32, Error> {
    check_key(text, encoding)?;
    let now = now_ms();
    let tx = db.begin().await?;
    Entity::update_many()
        .col_expr(Column::ActiveUntil, Expr::value(now + grace_ms))
        .filter(of_receiver(endpoint, company))
        .filter(Condition::any().add(Column::ActiveUntil.is_null()).add(Column::ActiveUntil.gt(now + grace_ms)))
        .exec(&tx)
        .await?;
    let last: Option<i32> = Entity::find()
        .select_only()
        .column_as(Column::Version.max(), "last")
        .filter(of_receiver(endpoint, company))
        .into_tuple::<Option<i32>>()
        .one(&tx)
        .await?
        .flatten();
    let version = last.unwrap_or(0) + 1;
    let mut row = Model {
        id: Uuid::now_v7(),
        endpoint: endpoint.as_str().to_owned(),
        company_id: company.0,
        version,
        encoding: encoding.as_str().to_owned(),
        ciphertext: String::new(),
        active_from: now,
        active_until: None,
        created_at: now,
    };
    row.ciphertext = vault.seal(&row, text)?;
    let row = receiver_secret::ActiveModel::from(row);
    Entity::insert(row).exec_without_returning(&tx).await?;
    receiver_changes::note(&tx).await?;
    tx.commit().await?;
    Ok(version)
}

/// The active secrets of a receiver, newest first.
pub async fn active(db: &DatabaseConnection, endpoint: Endpoint, company: CompanyId) -> Result<Vec<Model>, Error> {
    let now = now_ms();
    Ok(Entity::find()
        .filter(of_receiver(endpoint, company))
        .filter(Condition::any().add(Column::ActiveUntil.is_null()).add(Column::ActiveUntil.gt(now)))
        .order_by_desc(Column::Version)
        .limit(MAX_ACTIVE)
        .all(db)
        .await?)
}

/// The secrets within `scope` by receiver and version, at most 1,000. Ciphertext included: do not print it.
pub async fn list(db: &DatabaseConnection, scope: Scope) -> Result<Vec<Model>, Error> {
    let own = match scope {
        Scope::All => None,
        Scope::Company(id) => Some(Column::CompanyId.eq(id)),
    };
    Ok(Entity::find()
        .filter(Condition::all().add_option(own))
        .order_by_asc(Column::Endpoint)
        .order_by_asc(Column::CompanyId)
        .order_by_asc(Column::Version)
        .paginate(db, 1000)
        .fetch_page(0)
        .await?)
}

/// Ends a secret now. Returns whether there was such a one, still active.
pub async fn revoke(db: &impl TransactionTrait, endpoint: Endpoint, company: CompanyId, version: i32) -> Result<bool, Error> {
    let now = now_ms();
    let tx = db.begin().await?;
    let done = Entity::update_many()
        .col_expr(Column::ActiveUntil, Expr::value(now))
        .filter(of_receiver(endpoint, company))
        .filter(Column::Version.eq(version))
        .filter(Condition::any().add(Column::ActiveUntil.is_null()).add(Column::ActiveUntil.gt(now)))
        .exec(&tx)
        .await?;
    receiver_changes::note(&tx).await?;
    tx.commit().await?;
    Ok(done.rows_affected > 0)
}

/// Encrypts again, under the current master key, every key that is not, those of endpoints, the secrets of second
/// factors, the passwords of look-ups and the configurations of alert channels included. Returns how many there were. The old master key must still be among the vault's.
pub async fn rewrap(db: &DatabaseConnection, vault: &Vault) -> Result<u64, Error> {
    let (mut last, mut done) = (Uuid::nil(), 0);
    loop {
        let page = Entity::find().filter(Column::Id.gt(last)).order_by_asc(Column::Id).limit(REWRAPPED_AT_ONCE).all(db).await?;
        let Some(end) = page.last() else {
            let others =
                second_factor::rewrap(db, vault).await? + lookups::rewrap(db, vault).await? + channels::rewrap(db, vault).await?;
            return Ok(done + endpoints::rewrap(db, vault).await? + others);
        };
        last = end.id;
        let tx = db.begin().await?;
        for row in page.iter().filter(|row| !vault.is_current(&row.ciphertext)) {
            let sealed = vault.seal(row, &vault.open_text(row)?)?;
            let replaced = Entity::update_many().col_expr(Column::Ciphertext, Expr::value(sealed)).filter(Column::Id.eq(row.id));
            done += replaced.exec(&tx).await?.rows_affected;
        }
        receiver_changes::note(&tx).await?;
        tx.commit().await?;
    }
}
