//! How often something may happen, by whom it happens to (the generic cell rate algorithm).

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use quick_cache::{Equivalent, sync::Cache};

/// So many at once, and after them one each so often.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// One more after each of these.
    pub each: Duration,
}

/// How a key stands after one of it was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many more there may be at once.
    pub remaining: u32,
    /// How long until there may be as many at once as ever.
    pub reset: Duration,
    /// It was not within the rate and is not counted; one will be after so long.
    pub wait: Option<Duration>,
}

/// When the next one would be within its rate, in microseconds since the start.
type Bucket = Arc<AtomicI64>;

/// Rates by key. Its memory is bounded: the keys that were used longest ago are forgotten.
#[derive(Debug)]
pub struct RateLimit<K: Hash + Eq + Clone> {
    rate: Rate,
    begun: Instant,
    buckets: Cache<K, Bucket>,
}

impl<K: Hash + Eq + Clone> RateLimit<K> {
    /// A limit that remembers that many keys.
    pub fn new(rate: Rate, capacity: usize) -> Self {
        Self { rate, begun: Instant::now(), buckets: Cache::new(capacity) }
    }

    /// Counts one of `key` if it is within the rate; otherwise returns how long until one is.
    pub fn take(&self, key: K) -> Result<(), Duration> {
        self.take_at(key, self.now_us())
    }

    /// Counts one of `key` if it is within the rate, and says how the key stands after it.
    pub fn count<Q>(&self, key: &Q) -> Standing
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    {
        self.count_at(key, self.now_us())
    }

    fn count_at<Q>(&self, key: &Q, now_us: i64) -> Standing
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    {
        let bucket = self.buckets.get(key).unwrap_or_else(|| self.new_bucket(key.to_owned()));
        let (taken, (each_us, most_us)) = (self.take_of(&bucket, now_us), self.spans());
        let used_us = (bucket.load(Ordering::Relaxed) - now_us).clamp(0, most_us);
        Standing {
            remaining: u32::try_from((most_us - used_us) / each_us.max(1)).unwrap_or(u32::MAX),
            reset: Duration::from_micros(used_us.unsigned_abs()),
            wait: taken.err(),
        }
    }

    /// Whether one of `key` is within the rate; it is not counted.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        let now_us = self.now_us();
        let Some(bucket) = self.buckets.get(key) else { return Ok(()) };
        let (each_us, most_us) = self.spans();
        match bucket.load(Ordering::Relaxed).max(now_us) + each_us - now_us - most_us {
            over if over > 0 => Err(Duration::from_micros(over.unsigned_abs())),
            _ => Ok(()),
        }
    }

    /// The time of one and of a whole burst, in microseconds.
    fn spans(&self) -> (i64, i64) {
        let each_us = i64::try_from(self.rate.each.as_micros()).unwrap_or(i64::MAX / 4);
        (each_us, each_us.saturating_mul(i64::from(self.rate.burst)))
    }

    fn now_us(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX / 2)
    }

    fn new_bucket(&self, key: K) -> Bucket {
        let bucket = Bucket::default();
        self.buckets.insert(key, bucket.clone());
        bucket
    }

    fn take_at(&self, key: K, now_us: i64) -> Result<(), Duration> {
        let bucket = self.buckets.get(&key).unwrap_or_else(|| self.new_bucket(key));
        self.take_of(&bucket, now_us)
    }

    fn take_of(&self, bucket: &AtomicI64, now_us: i64) -> Result<(), Duration> {
        let (each_us, most_us) = self.spans();
        let next = |at: i64| Some(at.max(now_us) + each_us).filter(|next| next - now_us <= most_us);
        let full = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        full.map(drop).map_err(|at| Duration::from_micros((at + each_us - most_us - now_us).unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_then_the_rate() {
        let limit = RateLimit::new(Rate { burst: 3, each: Duration::from_micros(100) }, 10);
        let allowed = |now_us| (0..5).filter(|_| limit.take_at('a', now_us).is_ok()).count();
        assert_eq!(allowed(0), 3);
        assert_eq!(limit.take_at('a', 0), Err(Duration::from_micros(100)));
        assert_eq!(allowed(200), 2);
        assert_eq!(allowed(10_000), 3);
        assert!(limit.take_at('b', 0).is_ok(), "each has its own");
    }

    #[test]
    fn it_says_how_many_are_left_and_until_when() {
        let limit: RateLimit<String> = RateLimit::new(Rate { burst: 3, each: Duration::from_micros(100) }, 10);
        let counted = |now_us| {
            let Standing { remaining, reset, wait } = limit.count_at("a", now_us);
            (remaining, reset.as_micros(), wait.map(|wait| wait.as_micros()))
        };
        assert_eq!(counted(0), (2, 100, None));
        assert_eq!(counted(0), (1, 200, None));
        assert_eq!(counted(0), (0, 300, None));
        assert_eq!(counted(50), (0, 250, Some(50)));
        assert_eq!(counted(100), (0, 300, None));
        assert_eq!(counted(10_000), (2, 100, None));
    }
}
