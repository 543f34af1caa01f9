//! Dead letters: jobs that failed for good, kept until someone re-drives or discards them, or until
//! they are too old or too many.

use std::{fmt, str::FromStr};

use redis_client::fred::{
    bytes::Bytes,
    interfaces::{HashesInterface, SortedSetsInterface},
    types::{Key, Value},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error, JobId, Lane, Queue,
    id_codec::{pack, packed, unpack},
    keys::ShardKeys,
    record,
};

/// Dead letters read in one step.
const PAGE: usize = 100;
/// Dead letters that one call looks at, at most, to find those that match.
const MAX_SCAN: usize = 5000;

/// Later than any death, and exact as a score.
const END_OF_TIME_MS: i64 = 1 << 52;

/// One failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedAttempt {
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Why.
    pub error: String,
}

/// A job that failed for good.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// Where it waited.
    pub lane: Lane,
    /// What tells it from jobs that failed; none where it did.
    pub kind: Option<String>,
    /// The error of its last attempt.
    pub error: String,
    /// How many attempts it had.
    pub attempts: u32,
    /// Those attempts, the first ones if there were very many.
    pub history: Vec<FailedAttempt>,
    /// When it died, in milliseconds since 1970 UTC.
    pub died_ms: i64,
    /// When it was enqueued, in milliseconds since 1970 UTC.
    pub enqueued_ms: i64,
    /// W3C trace context of the request that made it.
    pub traceparent: Option<String>,
    /// What the producer gave.
    pub payload: Bytes,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    kind: Option<String>,
    error: String,
    attempts: u32,
    history: Vec<FailedAttempt>,
}

/// A place in the list of dead letters: behind the one that died then and has that id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadCursor {
    died_ms: i64,
    id: String,
}

impl fmt::Display for DeadCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.died_ms, self.id)
    }
}

impl FromStr for DeadCursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let (died, id) = text.split_once('.').ok_or(BadCursor)?;
        Ok(Self { died_ms: died.parse().map_err(|_| BadCursor)?, id: id.to_owned() })
    }
}

/// The text is none that a page of dead letters gave.
#[derive(Debug, thiserror::Error)]
#[error("is no cursor of the dead letters")]
pub struct BadCursor;

/// Which dead letters, the latest first.
#[derive(Debug, Clone, Default)]
pub struct DeadQuery {
    /// Of this lane only.
    pub lane: Option<Lane>,
    /// Died at or after this time, in milliseconds since 1970 UTC.
    pub from_ms: Option<i64>,
    /// Died before this time.
    pub until_ms: Option<i64>,
    /// After the end of another page.
    pub after: Option<DeadCursor>,
    /// At most so many.
    pub limit: usize,
}

/// Some dead letters.
#[derive(Debug, Default)]
pub struct DeadPage {
    /// The latest first.
    pub letters: Vec<DeadLetter>,
    /// Where more may be; none at the end. A page may be short, even empty, and have a next one when
    /// few match.
    pub next: Option<DeadCursor>,
}

/// Where a dead letter is.
struct DeadLetterRef {
    shard: usize,
    lane: Lane,
    at: DeadCursor,
}

impl Queue {
    /// The dead letters of `query` that match.
    pub async fn dead_letters(&self, query: &DeadQuery, matches: impl Fn(&DeadLetter) -> bool) -> Result<DeadPage, Error> {
        let mut page = DeadPage { letters: Vec::new(), next: query.after.clone() };
        let mut looked_at = 0;
        while page.letters.len() < query.limit && looked_at < MAX_SCAN {
            let places = self.places(query, page.next.as_ref()).await?;
            let is_last = places.len() < PAGE;
            looked_at += places.len();
            for letter in self.read_letters(&places).await? {
                if page.letters.len() == query.limit {
                    return Ok(page);
                }
                page.next = Some(DeadCursor { died_ms: letter.died_ms, id: letter.id.clone() });
                if matches(&letter) {
                    page.letters.push(letter);
                }
            }
            if is_last {
                page.next = None;
                break;
            }
            // Also past those whose record was gone.
            page.next = places.into_iter().next_back().map(|place| place.at);
        }
        Ok(page)
    }

    /// The dead letter of that id.
    pub async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, Error> {
        for (shard, keys) in self.shards.iter().enumerate() {
            for lane in Lane::ALL {
                let died: Option<f64> = self.client.zscore(keys.lane(lane).dead.as_str(), packed(id)).await?;
                let Some(died) = died else { continue };
                let at = DeadCursor { died_ms: died as i64, id: id.to_owned() };
                return Ok(self.read_letters(&[DeadLetterRef { shard, lane, at }]).await?.pop());
            }
        }
        Ok(None)
    }

    /// The next places behind `after`, over all shards, the latest first.
    async fn places(&self, query: &DeadQuery, after: Option<&DeadCursor>) -> Result<Vec<DeadLetterRef>, Error> {
        let mut places = Vec::new();
        for (shard, keys) in self.shards.iter().enumerate() {
            for lane in Lane::ALL.into_iter().filter(|lane| query.lane.is_none_or(|wanted| wanted == *lane)) {
                places.extend(self.places_in(shard, keys, lane, query, after).await?);
            }
        }
        places.sort_by(|a, b| b.at.cmp(&a.at));
        places.truncate(PAGE);
        Ok(places)
    }

    async fn places_in(
        &self,
        shard: usize,
        keys: &ShardKeys,
        lane: Lane,
        query: &DeadQuery,
        after: Option<&DeadCursor>,
    ) -> Result<Vec<DeadLetterRef>, Error> {
        let below = query.until_ms.unwrap_or(END_OF_TIME_MS) - 1;
        let highest = after.map_or(below, |cursor| cursor.died_ms.min(below));
        let lowest = query.from_ms.unwrap_or(0);
        let mut places = Vec::new();
        let mut offset = 0;
        loop {
            let (key, window) = (keys.lane(lane).dead.as_str(), Some((offset, PAGE as i64)));
            let found: Vec<(Bytes, f64)> = self.client.zrevrangebyscore(key, highest, lowest, true, window).await?;
            let full = found.len() == PAGE;
            places.extend(
                found
                    .into_iter()
                    .map(|(id, died)| DeadCursor { died_ms: died as i64, id: unpack(&id) })
                    .filter(|at| after.is_none_or(|after| at < after))
                    .map(|at| DeadLetterRef { shard, lane, at }),
            );
            // Only those that died in the cursor's own millisecond can have been passed over.
            if !full || places.len() >= PAGE {
                return Ok(places);
            }
            offset += PAGE as i64;
        }
    }

    /// The letters at `places`, in their order; one that is gone meanwhile is left out.
    async fn read_letters(&self, places: &[DeadLetterRef]) -> Result<Vec<DeadLetter>, Error> {
        let mut letters = Vec::with_capacity(places.len());
        for (shard, keys) in self.shards.iter().enumerate() {
            let here: Vec<&DeadLetterRef> = places.iter().filter(|place| place.shard == shard).collect();
            if here.is_empty() {
                continue;
            }
            let ids: Vec<Bytes> = here.iter().map(|place| pack(&place.at.id)).collect();
            let infos: Vec<Option<String>> = self.client.hmget(keys.dead_info.as_str(), keyed(&ids)).await?;
            let records: Vec<Option<Bytes>> = self.client.hmget(keys.data.as_str(), keyed(&ids)).await?;
            letters.extend(
                here.into_iter()
                    .zip(infos.into_iter().zip(records))
                    .filter_map(|(place, (info, record))| letter(place, info, &record?, self.settings.dictionary)),
            );
        }
        letters.sort_by(|a, b| (b.died_ms, &b.id).cmp(&(a.died_ms, &a.id)));
        Ok(letters)
    }

    /// Makes those dead letters wait again, their attempts again. Returns how many there were.
    pub async fn redrive(&self, ids: &[String]) -> Result<u64, Error> {
        let mut driven = 0;
        for page in ids.chunks(PAGE) {
            let args: Vec<Value> = std::iter::once(self.wake_channel().into()).chain(page.iter().map(|id| packed(id))).collect();
            // An id does not tell its shard: each is asked.
            for shard in 0..self.shards.len() {
                driven += self.call_in::<i64>(shard, &self.scripts.redrive, args.clone()).await?.unsigned_abs();
            }
        }
        Ok(driven)
    }

    /// Drops those dead letters for good, with their claims: the same job is accepted again. Returns how many there were.
    pub async fn discard(&self, ids: &[String]) -> Result<u64, Error> {
        let mut dropped = 0;
        for page in ids.chunks(PAGE) {
            for shard in 0..self.shards.len() {
                dropped += self.discard_in(shard, page.iter().map(|id| pack(id)).collect(), "").await?;
            }
        }
        Ok(dropped)
    }

    /// Makes every dead letter of `query` that matches wait again. Returns how many. Those that die
    /// again meanwhile are not driven a second time.
    pub async fn redrive_matching(&self, query: &DeadQuery, matches: impl Fn(&DeadLetter) -> bool) -> Result<u64, Error> {
        self.each_matching(query, matches, async |ids| self.redrive(&ids).await).await
    }

    /// Drops every dead letter of `query` that matches. Returns how many.
    pub async fn discard_matching(&self, query: &DeadQuery, matches: impl Fn(&DeadLetter) -> bool) -> Result<u64, Error> {
        self.each_matching(query, matches, async |ids| self.discard(&ids).await).await
    }

    async fn each_matching(
        &self,
        query: &DeadQuery,
        matches: impl Fn(&DeadLetter) -> bool,
        act: impl AsyncFn(Vec<String>) -> Result<u64, Error>,
    ) -> Result<u64, Error> {
        // The list goes from the latest back: what dies from now on is before its beginning.
        let mut query = DeadQuery { limit: PAGE, ..query.clone() };
        let mut done = 0;
        loop {
            let page = self.dead_letters(&query, &matches).await?;
            done += act(page.letters.into_iter().map(|letter| letter.id).collect()).await?;
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(done),
            }
        }
    }
}

pub(crate) fn keyed(ids: &[Bytes]) -> Vec<Key> {
    ids.iter().cloned().map(Key::from).collect()
}

fn letter(place: &DeadLetterRef, info: Option<String>, record: &Bytes, dictionary: &'static [u8]) -> Option<DeadLetter> {
    let job = record::decode(JobId::from(place.at.id.as_str()), place.shard, record, dictionary).ok()?;
    let info: Info = info.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    Some(DeadLetter {
        id: place.at.id.clone(),
        lane: place.lane,
        kind: info.kind,
        error: info.error,
        attempts: info.attempts,
        history: info.history,
        died_ms: place.at.died_ms,
        enqueued_ms: job.enqueued_ms,
        traceparent: job.traceparent,
        payload: Bytes::copy_from_slice(job.payload.read(&mut Vec::new()).ok()?),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_round_trips() {
        let cursor = DeadCursor { died_ms: 17, id: "a.b".to_owned() };
        assert_eq!(cursor.to_string().parse::<DeadCursor>().unwrap(), cursor);
        assert!("17".parse::<DeadCursor>().is_err() && "x.y".parse::<DeadCursor>().is_err());
    }
}
