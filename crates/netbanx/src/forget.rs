//! `netbanx queue forget`: after a database was restored, what Redis remembers of webhooks that it no longer has.

use std::collections::HashSet;

use queue::{Claim, Queue};
use sea_orm::DatabaseConnection;
use store::existing;
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

/// Forgets the claims of webhooks that are neither in the queue nor in the database; with `is_dry` it only counts them. A
/// claim too many that is forgotten does no harm: the database recognises what it has.
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
    Ok(done)
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
