//! The whole directory from the database, put in place at once.

use std::time::Duration;

use common::{CompanyId, Endpoint};
use redis_client::{
    Script,
    fred::{interfaces::KeysInterface, types::Value},
};
use sea_orm::DatabaseConnection;
use store::{
    receiver_changes,
    receiver_pages::{self, PAGE},
};
use uuid::Uuid;

use crate::{
    Directory, Error, SealedKey,
    directory::keys_field,
    publish::{keys_value, new_version},
};

/// Longest wait for one page of the database.
const STEP: Duration = Duration::from_secs(10);
/// How long what a builder that died has left stays in Redis.
const LEFT_MS: i64 = 600_000;
/// Fields that are written by one call.
const CHUNK: usize = 250;

/// How a rebuild ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuilt {
    /// The directory is what the database had.
    Done,
    /// Another published meanwhile: look again.
    Overtaken,
}

/// Builds the directory beside the old one by pages, and swaps them.
///
/// The legacy counter and both stamps are read before the rows: a row may be newer than its stamp says, never older. If the
/// directory's stamp has moved by the time of the swap, what was built may be older than it and is dropped.
pub async fn rebuild(db: &DatabaseConnection, directory: &Directory) -> Result<Rebuilt, Error> {
    let legacy = directory.legacy().await?;
    let before = directory.head().await?.map(|head| head.stamp).unwrap_or_default();
    let changes = store::within(STEP, receiver_changes::read(db)).await?;
    let mut build = Build::new(directory);
    let done = build.fill_all(db).await;
    let swapped = match done {
        Ok(()) => build.swap(&before, changes.stamp(), legacy).await,
        Err(error) => Err(error),
    };
    if !matches!(swapped, Ok(1)) {
        // What is left ends by itself where this fails, too.
        let _: Result<i64, _> = directory.redis.unlink(build.keys.to_vec()).await;
    }
    match swapped? {
        1 => {
            let [companies, keys, accounts] = build.counts;
            tracing::info!(companies, receivers = keys, accounts, "the directory of receivers was built anew");
            Ok(Rebuilt::Done)
        }
        _ => Ok(Rebuilt::Overtaken),
    }
}

/// A directory that is being built: companies, keys, accounts.
struct Build<'d> {
    directory: &'d Directory,
    keys: [String; 3],
    counts: [usize; 3],
    fill: Script,
}

impl<'d> Build<'d> {
    fn new(directory: &'d Directory) -> Self {
        let build = Uuid::now_v7().simple();
        let [_, companies, keys, accounts] = directory.all();
        let keys = [companies, keys, accounts].map(|key| format!("{key}:{build}"));
        Self { directory, keys, counts: [0; 3], fill: Script::new(include_str!("lua/fill.lua")) }
    }

    async fn fill_all(&mut self, db: &DatabaseConnection) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let page = store::within(STEP, receiver_pages::companies(db, &after)).await?;
            let (count, last) = (page.len(), page.last().map(|row| row.slug.clone()));
            self.fill(0, page.into_iter().map(|row| (row.slug, row.id.to_string())).collect()).await?;
            match last {
                Some(last) if count == PAGE => after = last,
                _ => break,
            }
        }
        for endpoint in Endpoint::ALL {
            let mut after = None;
            loop {
                let (page, next) = store::within(STEP, receiver_pages::keys(db, endpoint, after)).await?;
                let mut fields = Vec::new();
                for rows in page.chunk_by(|a, b| a.company_id == b.company_id) {
                    let company = rows.first().map_or(CompanyId::NONE.0, |row| row.company_id);
                    let sealed: Vec<SealedKey> = rows.iter().cloned().map(Into::into).collect();
                    fields.push((keys_field(endpoint.as_str(), company), keys_value(sealed)?));
                }
                self.fill(1, fields).await?;
                match next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        let mut after = String::new();
        loop {
            let page = store::within(STEP, receiver_pages::assignments(db, &after)).await?;
            let (count, last) = (page.len(), page.last().map(|row| row.external_id.clone()));
            self.fill(2, page.into_iter().map(|row| (row.external_id, row.company_id.to_string())).collect()).await?;
            match last {
                Some(last) if count == PAGE => after = last,
                _ => break,
            }
        }
        Ok(())
    }

    async fn fill(&mut self, hash: usize, fields: Vec<(String, String)>) -> Result<(), Error> {
        let (Some(key), Some(count)) = (self.keys.get(hash), self.counts.get_mut(hash)) else { return Ok(()) };
        for chunk in fields.chunks(CHUNK) {
            let mut args: Vec<Value> = vec![LEFT_MS.into()];
            args.extend(chunk.iter().flat_map(|(field, value)| [field.as_str().into(), value.as_str().into()]));
            let _: i64 = self.fill.call(&self.directory.redis, vec![key.clone()], args).await?;
        }
        *count += fields.len();
        Ok(())
    }

    async fn swap(&self, before: &str, stamp: &str, legacy: i64) -> Result<i64, Error> {
        let keys = [self.directory.all().as_slice(), self.keys.as_slice()].concat();
        let mut args: Vec<Value> = vec![before.into(), stamp.into(), new_version().into(), legacy.into()];
        args.extend(self.counts.iter().map(|count| Value::from(*count as i64)));
        let script = Script::new(include_str!("lua/swap.lua"));
        Ok(script.call(&self.directory.redis, keys, args).await?)
    }
}
