//! `netbanx queue forget`: after a database was restored, what Redis remembers of webhooks that it no longer has.

use std::collections::HashSet;

use queue::{Claim, Counters, Queue};
use sea_orm::DatabaseConnection;
use store::{
    balance::{self, Counted},
    existing,
};
use uuid::Uuid;

use crate::Error;

/// What was found and done.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Forgotten {
    /// Claims whose jobs are done.
    pub looked_at: u64,
    /// Claims of webhooks that the database does not have.
    pub missing: u64,
    /// Those that were forgotten.
    pub forgotten: u64,
}

/// Forgets the claims of webhooks that are neither in the queue nor in the database, and that the queue's counters know of more; with
/// `is_dry` it only counts them. A claim too many that is forgotten does no harm: the database recognises what it has.
pub(crate) async fn run(queue: &Queue, db: &DatabaseConnection, is_dry: bool) -> Result<Forgotten, Error> {
    let mut done = Forgotten::default();
    for shard in 0..queue.shard_count() {
        let mut failed = None;
        let visited = queue
            .claims(shard, async |claims| match missing(db, claims).await {
                Ok((looked_at, missing)) => {
                    done.looked_at += looked_at;
                    done.missing += missing.len() as u64;
                    if !is_dry {
                        done.forgotten += queue.forget_claims(shard, &missing).await?;
                    }
                    Ok(())
                }
                Err(error) => {
                    failed = Some(error);
                    Err(queue::Error::Protocol("the database did not answer"))
                }
            })
            .await;
        match failed {
            Some(error) => return Err(error.into()),
            None => visited?,
        }
    }
    if !is_dry {
        settle(queue, db).await?;
    }
    Ok(done)
}

/// What was lost until now is known: from now on the queue's counters are held against what the database has.
async fn settle(queue: &Queue, db: &DatabaseConnection) -> Result<(), Error> {
    queue.name_counters().await?;
    let stored = balance::stored(db).await?;
    if let Some(counters) = queue.counters().await? {
        balance::settle(db, stored, &counted(queue, &counters)).await?;
    }
    Ok(())
}

/// Webhooks that the queue's counters say are stored and that the database's figures lack, of how many; none where a worker has not
/// noted yet how the two differ.
pub(crate) async fn uncounted(queue: &Queue, db: &DatabaseConnection) -> Result<Option<(i64, i64)>, Error> {
    let Some(counters) = queue.counters().await? else { return Ok(None) };
    let missing = balance::missing(db, &counted(queue, &counters)).await?;
    Ok(missing.map(|missing| (missing, counters.effective)))
}

fn counted<'c>(queue: &'c Queue, counters: &'c Counters) -> Counted<'c> {
    let Counters { instance, effective, active } = counters;
    Counted { queue: &queue.settings().name, instance, stored: *effective, active: *active }
}

/// How many of `claims` are of webhooks, and which of those the database has neither under their job's id nor, as it has one that
/// came before and that Redis did not know, under their identity.
async fn missing(db: &DatabaseConnection, claims: Vec<Claim>) -> Result<(u64, Vec<Claim>), store::Error> {
    // Ids that are none of webhooks are other programs'.
    let of_webhooks: Vec<(Uuid, Claim)> = claims.into_iter().filter_map(|claim| Some((claim.job.parse().ok()?, claim))).collect();
    let ids: Vec<Uuid> = of_webhooks.iter().map(|(id, _)| *id).collect();
    let stored = if ids.is_empty() { HashSet::new() } else { existing::webhooks(db, &ids).await? };
    let count = of_webhooks.len() as u64;
    let absent = of_webhooks.into_iter().filter(|(id, _)| !stored.contains(id)).map(|(_, claim)| claim);
    let mut absent: Vec<Claim> = absent.collect();
    if !absent.is_empty() {
        let recognised = existing::identities(db, absent.iter().map(|claim| claim.identity.as_str())).await?;
        absent.retain(|claim| !recognised.contains(&claim.identity));
    }
    Ok((count, absent))
}
