//! The audit log: who changed what, when, and from where.
//!
//! Entries form a chain: each has a number and the SHA-256 of its own fields together with the hash of the entry before it. The
//! head of the chain stands in `platform_state`, and the row that holds it is the lock under which entries are appended.
//! [`verify`] finds an entry that was changed, removed or put in. An entry is written in the transaction of what it tells.

use std::collections::{BTreeSet, HashMap};

use common::CompanyId;
use ring::digest;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Set, Statement, TransactionTrait, sea_query::UnionType,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Error, Scope,
    entity::{
        api_token,
        audit_entry::{ActiveModel, Column, Entity, Model},
        user,
    },
    state,
};
use clock::now_ms;

/// The row of `platform_state` that holds the number and the hash of the last entry, joined by a colon.
const HEAD: &str = "audit.head";
/// Entries of one look while verifying.
const PAGE: u64 = 1000;

/// Begins the actor of what a person did.
const USER: &str = "user:";
/// Begins the actor of what a program did.
const TOKEN: &str = "token:";

/// Something that was done.
#[derive(Debug, Clone, Copy)]
pub struct Note<'n> {
    /// `user:ID`, `token:ID` or `command`.
    pub actor: &'n str,
    /// Whom it concerns; [`CompanyId::NONE`]: all.
    pub company: CompanyId,
    /// For example `token.add`.
    pub action: &'n str,
    /// JSON without secrets.
    pub detail: &'n str,
    /// Where the request came from.
    pub address: Option<&'n str>,
}

/// Appends an entry in the transaction of what it tells. Until that ends no other entry is appended.
pub async fn record(tx: &DatabaseTransaction, note: Note<'_>) -> Result<(), Error> {
    let (last, previous) = lock_head(tx).await?;
    let mut row = Model {
        id: Uuid::now_v7(),
        at: now_ms(),
        actor: note.actor.to_owned(),
        company_id: note.company.0,
        action: note.action.to_owned(),
        detail: note.detail.to_owned(),
        sequence: Some(last + 1),
        previous_hash: Some(previous),
        hash: None,
        address: note.address.map(str::to_owned),
    };
    let hash = hash_of(&row);
    row.hash = Some(hash.clone());
    Entity::insert(ActiveModel { hash: Set(row.hash.clone()), ..row.into() }).exec_without_returning(tx).await?;
    state::set(tx, HEAD, &format!("{}:{hash}", last + 1)).await?;
    Ok(())
}

/// Appends an entry in a transaction of its own, about what is not in the database.
pub async fn record_alone(db: &DatabaseConnection, note: Note<'_>) -> Result<(), Error> {
    let tx = db.begin().await?;
    record(&tx, note).await?;
    Ok(tx.commit().await?)
}

/// The number and the hash of the last entry; others wait until the transaction ends.
async fn lock_head(tx: &DatabaseTransaction) -> Result<(i64, String), Error> {
    let sql = format!(
        "INSERT INTO platform_state (name, value) VALUES ('{HEAD}', '0:') \
         ON CONFLICT (name) DO UPDATE SET value = platform_state.value RETURNING value"
    );
    let row = tx.query_one_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
    let value: String = row.map(|row| row.try_get("", "value")).transpose()?.unwrap_or_default();
    Ok(head(&value))
}

fn head(value: &str) -> (i64, String) {
    let (number, hash) = value.split_once(':').unwrap_or_default();
    (number.parse().unwrap_or(0), hash.to_owned())
}

/// SHA-256 over the JSON of all fields but the hash itself, hex.
fn hash_of(row: &Model) -> String {
    #[derive(Serialize)]
    struct Hashed<'r>(Option<i64>, &'r Option<String>, Uuid, i64, &'r str, Uuid, &'r str, &'r Option<String>, &'r str);
    let fields = Hashed(
        row.sequence,
        &row.previous_hash,
        row.id,
        row.at,
        &row.actor,
        row.company_id,
        &row.action,
        &row.address,
        &row.detail,
    );
    let text = serde_json::to_vec(&fields).unwrap_or_default();
    hex::encode(digest::digest(&digest::SHA256, &text))
}

/// At most `limit` entries before `before` (an entry's id), the latest first.
pub async fn list(db: &impl ConnectionTrait, scope: Scope, before: Option<Uuid>, limit: u64) -> Result<Vec<Model>, Error> {
    let mut entries = Entity::find().filter(seen_by(scope));
    // UUIDv7 sort by time.
    if let Some(before) = before {
        entries = entries.filter(Column::Id.lt(before));
    }
    Ok(entries.order_by_desc(Column::Id).limit(limit).all(db).await?)
}

/// What holds for the entries within `scope`.
pub fn seen_by(scope: Scope) -> Condition {
    match scope {
        Scope::All => Condition::all(),
        Scope::Company(company) => Condition::all().add(Column::CompanyId.eq(company)),
    }
}

/// What people call those who made `entries`, by actor: the address of a user, the name of a token. It is looked up now, so whoever
/// is gone has none; nor has, for a company, somebody who is not of it.
pub async fn names(db: &impl ConnectionTrait, scope: Scope, entries: &[Model]) -> Result<HashMap<String, String>, Error> {
    let of =
        |kind: &str| -> BTreeSet<Uuid> { entries.iter().filter_map(|row| row.actor.strip_prefix(kind)?.parse().ok()).collect() };
    let (users, tokens) = (of(USER), of(TOKEN));
    if users.is_empty() && tokens.is_empty() {
        return Ok(HashMap::new());
    }
    let (of_users, of_tokens) = match scope {
        Scope::All => (Condition::all(), Condition::all()),
        Scope::Company(id) => {
            (Condition::all().add(user::Column::CompanyId.eq(id)), Condition::all().add(api_token::Column::CompanyId.eq(id)))
        }
    };
    let people = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .column_as(user::Column::Email, "name")
        .filter(of_users.add(user::Column::Id.is_in(users.iter().copied())));
    let programs = api_token::Entity::find()
        .select_only()
        .column(api_token::Column::Id)
        .column_as(api_token::Column::Name, "name")
        .filter(of_tokens.add(api_token::Column::Id.is_in(tokens)));
    let mut both = people.into_query();
    both.union(UnionType::All, programs.into_query());
    let mut names = HashMap::new();
    for row in db.query_all(&both).await? {
        let id: Uuid = row.try_get("", "id")?;
        let kind = if users.contains(&id) { USER } else { TOKEN };
        names.insert(format!("{kind}{id}"), row.try_get("", "name")?);
    }
    Ok(names)
}

/// What [`verify`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Entries of the chain that were looked at.
    pub entries: i64,
    /// Entries of versions before 1.0, which have no hash and cannot be proved.
    pub unchained: u64,
    /// The hash of the last entry: kept elsewhere, it shows later that nothing before it was changed.
    pub head: String,
    /// The first thing that is wrong, if anything is.
    pub problem: Option<String>,
}

/// Walks the whole chain.
pub async fn verify(db: &DatabaseConnection) -> Result<Verified, Error> {
    use sea_orm::PaginatorTrait;
    let unchained = Entity::find().filter(Column::Sequence.is_null()).count(db).await?;
    let told = head(&state::get(db, HEAD).await?.unwrap_or_default());
    let (mut last, mut hash) = (0, String::new());
    let problem = loop {
        let page = Entity::find().filter(Column::Sequence.gt(last)).order_by_asc(Column::Sequence).limit(PAGE).all(db).await?;
        let Some(end) = page.last().cloned() else { break beyond_end(&told, last, &hash) };
        if let Some(problem) = page.iter().find_map(|row| wrong(row, &mut last, &mut hash)) {
            break Some(problem);
        }
        // Entries that were appended meanwhile are walked, too.
        if (page.len() as u64) < PAGE && end.sequence >= Some(told.0) {
            break None;
        }
    };
    Ok(Verified { entries: last, unchained, head: hash, problem })
}

fn beyond_end((number, told): &(i64, String), last: i64, hash: &str) -> Option<String> {
    (*number != last || told != hash).then(|| format!("the last entry is number {last}; there was a number {number}"))
}

/// What is wrong with `row`, which should follow the entry `last` with `hash`; those become its own.
fn wrong(row: &Model, last: &mut i64, hash: &mut String) -> Option<String> {
    let number = row.sequence.unwrap_or_default();
    if number != *last + 1 {
        return Some(format!("entry number {} is missing", *last + 1));
    }
    if row.previous_hash.as_deref() != Some(hash) || row.hash != Some(hash_of(row)) {
        return Some(format!("entry number {number} ({}) was changed", row.id));
    }
    *last = number;
    *hash = row.hash.clone().unwrap_or_default();
    None
}
