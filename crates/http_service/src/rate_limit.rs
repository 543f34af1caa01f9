//! How often something may happen, by whom it happens to (the generic cell rate algorithm).

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;

/// So many at once, and after them one each so often.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// One more after each of these.
    pub each: Duration,
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
        self.take_at(key, i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX / 2))
    }

    /// Whether one of `key` is within the rate; it is not counted.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        let now_us = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX / 2);
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

    fn take_at(&self, key: K, now_us: i64) -> Result<(), Duration> {
        let bucket = self.buckets.get(&key).unwrap_or_else(|| {
            let bucket = Bucket::default();
            self.buckets.insert(key, bucket.clone());
            bucket
        });
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
}
