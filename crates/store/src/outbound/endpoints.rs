//! Endpoints and the keys that sign what they get. A key is 32 random bytes, sealed by the vault and bound to its endpoint; its text
//! (`whsec_…`, Standard Webhooks 1.0) is told once.

use base64::{Engine, engine::general_purpose::STANDARD};
use common::CompanyId;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{DISABLED, ENABLED, listeners::LISTENING};
use crate::{
    Error, Scope, Vault, credential, dialect, entered,
    entity::{
        delivery, delivery_attempt,
        endpoint::{ActiveModel, Column, Entity, Model},
    },
};
use clock::now_ms;

/// Endpoints of one company at most: each costs a row for each message.
pub const MAX_PER_COMPANY: u64 = 20;
/// For how long a key that was replaced signs, too, in milliseconds.
pub const GRACE_MS: i64 = 86_400_000;
/// Keys that were replaced within [`GRACE_MS`] at most: each is a signature more for every message.
pub const MAX_REPLACED: usize = 4;
/// Before each key's text.
pub const KEY_PREFIX: &str = "whsec_";
/// Endpoints of a list at most.
const LISTED: u64 = 1000;

/// What one sets of an endpoint; absent: left as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Where messages go; checked by the caller.
    pub url: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// As [`super::join_types`] makes it.
    pub event_types: Option<String>,
    /// Whether it gets messages.
    pub is_enabled: Option<bool>,
    /// Messages per second at most; `Some(None)`: as many as there are.
    pub rate: Option<Option<i64>>,
}

fn own(scope: Scope, id: Uuid) -> Condition {
    let company = match scope {
        Scope::All => None,
        Scope::Company(company) => Some(Column::CompanyId.eq(company)),
    };
    Condition::all().add(Column::Id.eq(id)).add(Column::State.ne(LISTENING)).add_option(company)
}

/// Adds an endpoint. Returns it with the text of its key, which is not told again.
pub async fn add(tx: &DatabaseTransaction, vault: &Vault, company: CompanyId, new: Changes) -> Result<(Model, String), Error> {
    dialect::begin_writing(tx).await?;
    let description = described(new.description)?;
    let others = Entity::find().filter(Column::CompanyId.eq(company.0)).filter(Column::State.ne(LISTENING));
    if others.count(tx).await? >= MAX_PER_COMPANY {
        return Err(Error::Conflict(format!("a company may have {MAX_PER_COMPANY} endpoints")));
    }
    let (id, now) = (Uuid::now_v7(), now_ms());
    let (secret, text) = new_key(vault, company.0, id)?;
    let row = Model {
        company_id: company.0,
        id,
        url: new.url.unwrap_or_default(),
        description: description.unwrap_or_default(),
        event_types: new.event_types.unwrap_or_default(),
        state: ENABLED.to_owned(),
        reason: None,
        rate: new.rate.flatten(),
        secret,
        previous_secret: None,
        previous_until: None,
        earlier_secrets: None,
        failing_since: None,
        lease_owner: None,
        lease_until: 0,
        created_at: now,
        updated_at: now,
    };
    Entity::insert(ActiveModel::from(row.clone())).exec_without_returning(tx).await?;
    Ok((row, text))
}

/// The endpoints within `scope`, the oldest first, at most 1,000. Sealed keys included: do not print them.
pub async fn list(db: &DatabaseConnection, scope: Scope) -> Result<Vec<Model>, Error> {
    let mut all = Entity::find().filter(Column::State.ne(LISTENING));
    if let Scope::Company(company) = scope {
        all = all.filter(Column::CompanyId.eq(company));
    }
    Ok(all.order_by_asc(Column::Id).limit(LISTED).all(db).await?)
}

/// The endpoint of that id within `scope`.
pub async fn get(db: &impl ConnectionTrait, scope: Scope, id: Uuid) -> Result<Option<Model>, Error> {
    Ok(Entity::find().filter(own(scope, id)).one(db).await?)
}

/// Changes an endpoint. Returns it as it is then; none where there is none.
pub async fn change(tx: &DatabaseTransaction, scope: Scope, id: Uuid, changes: Changes) -> Result<Option<Model>, Error> {
    let description = described(changes.description)?;
    let mut update = Entity::update_many().filter(own(scope, id)).col_expr(Column::UpdatedAt, Expr::value(now_ms()));
    let texts = [(Column::Url, changes.url), (Column::Description, description), (Column::EventTypes, changes.event_types)];
    for (column, text) in texts {
        if let Some(text) = text {
            update = update.col_expr(column, Expr::value(text));
        }
    }
    if let Some(rate) = changes.rate {
        update = update.col_expr(Column::Rate, Expr::value(rate));
    }
    if let Some(is_enabled) = changes.is_enabled {
        let (state, reason) = if is_enabled { (ENABLED, None) } else { (DISABLED, Some("by hand".to_owned())) };
        // Enabling it resets its count of failures.
        update = update
            .col_expr(Column::State, Expr::value(state))
            .col_expr(Column::Reason, Expr::value(reason))
            .col_expr(Column::FailingSince, Expr::value(None::<i64>));
    }
    update.exec(tx).await?;
    get(tx, scope, id).await
}

fn described(description: Option<String>) -> Result<Option<String>, Error> {
    description.map(|text| entered::line("description", &text, 0, entered::LONGEST)).transpose()
}

/// Removes an endpoint with its deliveries and attempts. Returns what it was; none where there was none.
pub async fn remove(tx: &DatabaseTransaction, scope: Scope, id: Uuid) -> Result<Option<Model>, Error> {
    dialect::begin_writing(tx).await?;
    let Some(row) = get(tx, scope, id).await? else { return Ok(None) };
    Entity::delete_many().filter(own(scope, id)).exec(tx).await?;
    {
        use delivery::{Column, Entity};
        let gone = Column::CompanyId.eq(row.company_id).and(Column::EndpointId.eq(id));
        Entity::delete_many().filter(gone).exec(tx).await?;
    }
    {
        use delivery_attempt::{Column, Entity};
        let gone = Column::CompanyId.eq(row.company_id).and(Column::EndpointId.eq(id));
        Entity::delete_many().filter(gone).exec(tx).await?;
    }
    Ok(Some(row))
}

/// Gives an endpoint a new key; each that was replaced signs, too, for [`GRACE_MS`] from then on. Returns the endpoint with the text of
/// the new key.
pub async fn rotate(tx: &DatabaseTransaction, vault: &Vault, scope: Scope, id: Uuid) -> Result<Option<(Model, String)>, Error> {
    dialect::begin_writing(tx).await?;
    let Some(row) = get(tx, scope, id).await? else { return Ok(None) };
    let now = now_ms();
    let replaced = replaced(&row, now)?;
    if replaced.len() >= MAX_REPLACED {
        let reason =
            format!("{MAX_REPLACED} keys were replaced within a day and sign still: rotate again when the oldest has ended");
        return Err(Error::Conflict(reason));
    }
    let earlier = if replaced.is_empty() { None } else { Some(written(&replaced)?) };
    let (secret, text) = new_key(vault, row.company_id, id)?;
    // Not over a key that another rotation made meanwhile: it was told to somebody.
    let rotated = Entity::update_many()
        .filter(own(scope, id).add(Column::Secret.eq(&row.secret)))
        .col_expr(Column::PreviousSecret, Expr::value(row.secret))
        .col_expr(Column::PreviousUntil, Expr::value(now + GRACE_MS))
        .col_expr(Column::EarlierSecrets, Expr::value(earlier))
        .col_expr(Column::Secret, Expr::value(secret))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(tx)
        .await?;
    if rotated.rows_affected == 0 {
        return Err(Error::Conflict("its key was replaced by somebody else at the same time: look, then try again".to_owned()));
    }
    Ok(get(tx, scope, id).await?.map(|row| (row, text)))
}

/// A key that was replaced: until when it signs, in milliseconds since 1970 UTC, and the key, sealed.
type Replaced = (i64, String);

/// The keys of `row` that were replaced and sign at `now_ms`, the latest first.
fn replaced(row: &Model, now_ms: i64) -> Result<Vec<Replaced>, Error> {
    let previous = row.previous_until.zip(row.previous_secret.clone());
    let mut all: Vec<Replaced> = previous.into_iter().chain(earlier(row)?).collect();
    all.retain(|(until, _)| *until > now_ms);
    Ok(all)
}

/// The keys before the previous one, as they are written in the row.
fn earlier(row: &Model) -> Result<Vec<Replaced>, Error> {
    row.earlier_secrets.as_deref().map_or(Ok(Vec::new()), |text| serde_json::from_str(text).map_err(|_| Error::Crypto))
}

fn written(keys: &[Replaced]) -> Result<String, Error> {
    serde_json::to_string(keys).map_err(|_| Error::Crypto)
}

/// The keys that sign what `row` gets at `now_ms`, the current one first.
pub fn keys(vault: &Vault, row: &Model, now_ms: i64) -> Result<Vec<Vec<u8>>, Error> {
    let replaced = replaced(row, now_ms)?;
    let purpose = purpose(row.company_id, row.id);
    let sealed = std::iter::once(row.secret.as_str()).chain(replaced.iter().map(|(_, sealed)| sealed.as_str()));
    sealed.map(|sealed| vault.open_bytes(&purpose, sealed)).collect()
}

/// Disables an endpoint for `reason`.
pub async fn disable(db: &impl ConnectionTrait, row: &Model, reason: &str) -> Result<(), Error> {
    Entity::update_many()
        .filter(Column::CompanyId.eq(row.company_id).and(Column::Id.eq(row.id)))
        .col_expr(Column::State, Expr::value(DISABLED))
        .col_expr(Column::Reason, Expr::value(reason))
        .col_expr(Column::UpdatedAt, Expr::value(now_ms()))
        .exec(db)
        .await?;
    Ok(())
}

/// Encrypts again, under the current master key, every endpoint's keys that are not. Returns how many there were.
pub(crate) async fn rewrap(db: &DatabaseConnection, vault: &Vault) -> Result<u64, Error> {
    let (mut last, mut done) = (Uuid::nil(), 0);
    loop {
        let page = Entity::find()
            .filter(Column::Id.gt(last))
            .filter(Column::State.ne(LISTENING))
            .order_by_asc(Column::Id)
            .limit(LISTED)
            .all(db)
            .await?;
        let Some(end) = page.last() else { return Ok(done) };
        last = end.id;
        for row in &page {
            let again = rewrapped(vault, row)?;
            for (column, sealed, again) in again {
                // Not over a key that was rotated meanwhile.
                let same = own(Scope::Company(row.company_id), row.id).add(column.eq(sealed));
                let replaced = Entity::update_many().col_expr(column, Expr::value(again)).filter(same);
                done += replaced.exec(db).await?.rows_affected;
            }
        }
    }
}

/// What of a row is not under the current master key: the column, what stands there, and what is to.
fn rewrapped(vault: &Vault, row: &Model) -> Result<Vec<(Column, String, String)>, Error> {
    let purpose = purpose(row.company_id, row.id);
    let again = |sealed: &str| vault.seal_bytes(&purpose, &vault.open_bytes(&purpose, sealed)?);
    let mut changes = Vec::new();
    let single = [(Column::Secret, Some(&row.secret)), (Column::PreviousSecret, row.previous_secret.as_ref())];
    for (column, sealed) in single.into_iter().filter_map(|(column, sealed)| Some((column, sealed?))) {
        if !vault.is_current(sealed) {
            changes.push((column, sealed.clone(), again(sealed)?));
        }
    }
    let mut keys = earlier(row)?;
    if let Some(text) = &row.earlier_secrets
        && keys.iter().any(|(_, sealed)| !vault.is_current(sealed))
    {
        for (_, sealed) in &mut keys {
            *sealed = again(sealed)?;
        }
        changes.push((Column::EarlierSecrets, text.clone(), written(&keys)?));
    }
    Ok(changes)
}

fn purpose(company: Uuid, id: Uuid) -> String {
    format!("endpoint:{company}:{id}")
}

/// A new key that signs messages: 32 random bytes, and their text as Standard Webhooks writes it.
pub fn random_key() -> Result<([u8; 32], String), Error> {
    let bytes = credential::random()?;
    Ok((bytes, format!("{KEY_PREFIX}{}", STANDARD.encode(bytes))))
}

/// A new key, sealed, and its text.
fn new_key(vault: &Vault, company: Uuid, id: Uuid) -> Result<(String, String), Error> {
    let (bytes, text) = random_key()?;
    Ok((vault.seal_bytes(&purpose(company, id), &bytes)?, text))
}
