//! Claims after their jobs: freed with a dead letter that is discarded, forgotten where the rows of their jobs are gone.

use redis_client::fred::{
    bytes::Bytes,
    interfaces::HashesInterface,
    types::{Map, Value, scan::Scanner},
};

use crate::{
    Error, JobId, Queue,
    dead::keyed,
    id_codec::{packed, unpack},
    record,
};

/// Claims that one step of a scan brings, about.
const SCANNED: u32 = 500;

/// A claim whose job is not in the queue any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What makes a job the same as another.
    pub identity: String,
    /// The job that was the first.
    pub job: String,
}

impl Queue {
    /// Drops those dead letters of a shard, with their claims; counts them as `counter` if it is not empty.
    pub(crate) async fn discard_in(&self, shard: usize, ids: Vec<Bytes>, counter: &str) -> Result<u64, Error> {
        if ids.is_empty() {
            return Ok(0);
        }
        let keys = self.shard(shard)?;
        let records: Vec<Option<Bytes>> = self.client.hmget(keys.data.as_str(), keyed(&ids)).await?;
        let mut args: Vec<Value> = vec![counter.into()];
        for (id, record) in ids.into_iter().zip(records) {
            let claims = record.map_or([None, None], |record| self.claims_in(&id, shard, &record));
            args.push(Value::Bytes(id));
            args.extend(claims.map(|claim| packed(claim.as_deref().unwrap_or_default())));
        }
        let dropped: i64 = self.scripts.discard.call(&self.client, keys.of_shard_and_claims(), args).await?;
        Ok(dropped.unsigned_abs())
    }

    fn claims_in(&self, id: &Bytes, shard: usize, record: &Bytes) -> [Option<String>; 2] {
        let job = record::decode(JobId::of(id.clone()), shard, record, self.settings.dictionary);
        let mut scratch = Vec::new();
        match job.as_ref().map(|job| job.payload.read(&mut scratch)) {
            Ok(Ok(payload)) => (self.settings.claims_of)(payload),
            _ => [None, None],
        }
    }

    /// How many shards there are, for [`Queue::claims`].
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// Calls `each` with the claims of a shard, some hundred at a time, whose jobs are not in the queue any more. One that is
    /// added meanwhile may or may not be among them, and one may come twice.
    pub async fn claims(&self, shard: usize, mut each: impl AsyncFnMut(Vec<Claim>) -> Result<(), Error>) -> Result<(), Error> {
        use futures::TryStreamExt;
        let keys = self.shard(shard)?;
        for hash in keys.claims().all() {
            let mut pages = std::pin::pin!(self.client.hscan(hash, "*", Some(SCANNED)));
            while let Some(mut page) = pages.try_next().await? {
                let entries = page.take_results().map(Map::inner).unwrap_or_default();
                let entries = entries.into_iter().filter_map(|(claim, id)| Some((claim.into_bytes(), id.into_bytes()?)));
                let (claims, ids): (Vec<Bytes>, Vec<Bytes>) = entries.unzip();
                let mut gone = Vec::new();
                if !ids.is_empty() {
                    let waiting: Vec<Option<Bytes>> = self.client.hmget(keys.data.as_str(), keyed(&ids)).await?;
                    let absent = claims.iter().zip(&ids).zip(waiting).filter(|(_, record)| record.is_none());
                    gone.extend(absent.map(|((claim, id), _)| Claim { identity: unpack(claim), job: unpack(id) }));
                }
                each(gone).await?;
                page.next();
            }
        }
        Ok(())
    }

    /// Forgets those claims of a shard, as far as they are still the same and their jobs are not in the queue. Returns how
    /// many were forgotten.
    pub async fn forget_claims(&self, shard: usize, claims: &[Claim]) -> Result<u64, Error> {
        if claims.is_empty() {
            return Ok(0);
        }
        let args: Vec<Value> = claims.iter().flat_map(|claim| [packed(&claim.identity), packed(&claim.job)]).collect();
        let keys = self.shard(shard)?.of_shard_and_claims();
        let forgotten: i64 = self.scripts.forget.call(&self.client, keys, args).await?;
        Ok(forgotten.unsigned_abs())
    }
}
