//! Tags: what an answer was computed from. Each has a version that a commit bumps, at most once in
//! [`BUMP_GAP`]; a commit in between owes a bump, which the next reader makes when that is over. So a
//! commit is noted before its jobs are acknowledged, and nothing hangs on a timer of a process that
//! may be killed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis_client::{
    Error, Script,
    fred::{clients::Client, types::Value},
};

/// Shortest time between two bumps of a tag.
pub const BUMP_GAP: Duration = Duration::from_millis(350);
/// How long a version is kept without a bump: longer than any answer.
const VERSION_TTL_SECS: i64 = 86_400;
/// How much earlier than Redis says a further note is taken to be needed: its clock and ours may part by that within
/// [`BUMP_GAP`].
const MARGIN: Duration = Duration::from_millis(10);
/// Tags whose notes are remembered at most.
const REMEMBERED: usize = 100_000;

/// A tag's version at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The version; it is the time of its bump in microseconds.
    pub current: u64,
    /// The one before.
    pub previous: u64,
    /// When the first change was noted that answers of the one before lack, in microseconds by Redis'
    /// clock.
    since: u64,
    /// Redis' clock when it was read, in microseconds.
    read_at: u64,
    /// Ours at the same time.
    asked: Instant,
}

impl Version {
    /// For how long answers of the version before have been old.
    pub fn behind(&self) -> Duration {
        Duration::from_micros(self.read_at.saturating_sub(self.since)) + self.asked.elapsed()
    }
}

/// Reads and bumps versions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tags {
    client: Client,
    prefix: Arc<str>,
    read: Arc<Script>,
    touch: Arc<Script>,
    /// Until when a tag's further changes are covered by a note that was made.
    covered: Arc<Mutex<HashMap<String, Instant>>>,
}

impl Tags {
    /// The tags of the platform named `prefix`.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self {
            client,
            prefix: prefix.into(),
            read: Arc::new(Script::new(concat!("#!lua flags=allow-oom\n", include_str!("lua/read.lua")))),
            touch: Arc::new(Script::new(concat!("#!lua flags=allow-oom\n", include_str!("lua/touch.lua")))),
            covered: Arc::default(),
        }
    }

    fn keys(&self, tag: &str) -> Vec<String> {
        let base = format!("{{{}:cache:{tag}}}", self.prefix);
        vec![format!("{base}:version"), format!("{base}:gate"), format!("{base}:owed")]
    }

    fn args() -> Vec<Value> {
        vec![VERSION_TTL_SECS.into(), (BUMP_GAP.as_millis() as i64).into()]
    }

    /// The version of `tag` now.
    pub async fn version(&self, tag: &str) -> Result<Version, Error> {
        let asked = Instant::now();
        let answer: Vec<String> = self.read.call(&self.client, self.keys(tag), Self::args()).await?;
        let number = |at: usize| answer.get(at).and_then(|text| text.parse().ok());
        let (Some(current), Some(previous), Some(since), Some(read_at)) = (number(0), number(1), number(2), number(3)) else {
            return Err(Error::Unavailable("a version cannot be read".to_owned()));
        };
        Ok(Version { current, previous, since, read_at, asked })
    }

    /// Notes that rows under `tags` were changed by a commit that is done. When it answers, every
    /// reader learns of it within [`BUMP_GAP`] and its own trust.
    pub async fn touch(&self, tags: impl IntoIterator<Item = String>) -> Result<(), Error> {
        let now = Instant::now();
        let due: Vec<String> = {
            let covered = self.covered.lock().unwrap_or_else(PoisonError::into_inner);
            tags.into_iter().filter(|tag| covered.get(tag).is_none_or(|until| *until <= now)).collect()
        };
        let notes = futures::future::join_all(due.iter().map(|tag| self.touch_one(tag))).await;
        notes.into_iter().collect()
    }

    async fn touch_one(&self, tag: &str) -> Result<(), Error> {
        // From before it is asked: the answer may be long on its way.
        let now = Instant::now();
        let left: u64 = self.touch.call(&self.client, self.keys(tag), Self::args()).await?;
        let mut covered = self.covered.lock().unwrap_or_else(PoisonError::into_inner);
        match Duration::from_millis(left).checked_sub(MARGIN) {
            Some(left) if left > Duration::ZERO => {
                if covered.len() >= REMEMBERED {
                    covered.retain(|_, until| *until > now);
                }
                covered.insert(tag.to_owned(), now + left);
            }
            _ => drop(covered.remove(tag)),
        }
        Ok(())
    }
}
