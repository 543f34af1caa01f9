//! What changed in the database goes into the directory.

use common::CompanyId;
use redis_client::{Script, fred::types::Value};
use sea_orm::DatabaseConnection;
use store::{
    companies,
    receiver_changes::{self, Changed},
    receiver_pages,
};
use uuid::Uuid;

use crate::{
    Directory, Error, SealedKey,
    directory::keys_field,
    rebuild::{Rebuilt, rebuild},
};

/// Tries while others publish at the same time.
const TRIES: usize = 8;

/// Brings the directory up to what the database has now: the latest changes one by one where it lacks no more than those, else
/// all of it. To be called after each change of a company, key or assignment has been committed; once is enough for several.
///
/// After an error the change is committed but ingress may not know it: the keeper ([`crate::keeper`]) repairs that within
/// seconds of Redis and database being back.
pub async fn publish(db: &DatabaseConnection, directory: &Directory) -> Result<(), Error> {
    for _ in 0..TRIES {
        let head = directory.head().await?;
        let changes = receiver_changes::read(db).await?;
        let done = match head.as_ref().and_then(|head| changes.since(&head.stamp).map(|changed| (head, changed))) {
            Some((_, changed)) if changed.is_empty() => return Ok(()),
            Some((head, changed)) => publish_each(db, directory, &head.stamp, changes.stamp(), &changed).await?,
            None => rebuild(db, directory).await? == Rebuilt::Done,
        };
        if done {
            return directory.tell_older().await;
        }
    }
    Err(Error::Contended)
}

/// Builds the directory anew, whatever it has: for a database that was restored, or changed by a version before the directory.
pub async fn refresh(db: &DatabaseConnection, directory: &Directory) -> Result<(), Error> {
    for _ in 0..TRIES {
        if rebuild(db, directory).await? == Rebuilt::Done {
            return directory.tell_older().await;
        }
    }
    Err(Error::Contended)
}

/// Publishes what `changed`, as the database has it now, if the directory still has the stamp `before`.
async fn publish_each(
    db: &DatabaseConnection,
    directory: &Directory,
    before: &str,
    stamp: &str,
    changed: &[&Changed],
) -> Result<bool, Error> {
    let mut args: Vec<Value> = vec![before.into(), stamp.into(), new_version().into()];
    for changed in changed {
        let (hash, field, value): (i64, String, String) = match changed {
            Changed::Company(slug) => {
                let found = companies::find(db, slug).await?;
                (2, slug.clone(), found.map(|row| row.id.to_string()).unwrap_or_default())
            }
            Changed::Keys(endpoint, company) => {
                let rows = receiver_pages::keys_of(db, endpoint, CompanyId(*company)).await?;
                (3, keys_field(endpoint, *company), keys_value(rows.into_iter().map(Into::into).collect())?)
            }
            Changed::Account(account) => {
                let company = companies::of_account(db, account).await?;
                (4, account.clone(), if company == CompanyId::NONE { String::new() } else { company.0.to_string() })
            }
        };
        args.extend([hash.into(), field.into(), value.into()]);
    }
    let script = Script::new(include_str!("lua/publish.lua"));
    let published: i64 = script.call(&directory.redis, directory.all().to_vec(), args).await?;
    Ok(published == 1)
}

/// The text of a receiver's keys; empty where it has none.
pub(crate) fn keys_value(keys: Vec<SealedKey>) -> Result<String, Error> {
    if keys.is_empty() { Ok(String::new()) } else { serde_json::to_string(&keys).map_err(|_| Error::Malformed) }
}

/// A version that none had before.
pub(crate) fn new_version() -> String {
    Uuid::now_v7().simple().to_string()
}
