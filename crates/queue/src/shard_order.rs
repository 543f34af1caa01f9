//! In which order a worker looks at the shards.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// How long a shard that was found empty is looked at after the others: where those fill the batches, it is not asked
/// each time.
const EMPTY_FOR: Duration = Duration::from_millis(50);

/// Whose turn it is.
#[derive(Debug)]
pub(crate) struct Turns {
    next: AtomicUsize,
    /// When each shard was found empty, if it was.
    empty_since: Mutex<Vec<Option<Instant>>>,
}

impl Turns {
    pub fn of(shards: usize) -> Self {
        Self { next: AtomicUsize::new(0), empty_since: Mutex::new(vec![None; shards]) }
    }

    fn empty_since(&self) -> MutexGuard<'_, Vec<Option<Instant>>> {
        self.empty_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All shards, beginning at another one each time, those that are likely empty last.
    pub fn take(&self, now: Instant) -> Vec<usize> {
        let empty_since = self.empty_since();
        let shards = empty_since.len();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut order: Vec<usize> = (0..shards).map(|n| (first + n) % shards).collect();
        let is_likely_empty = |since: &Instant| now.saturating_duration_since(*since) < EMPTY_FOR;
        order.sort_by_key(|shard| empty_since.get(*shard).and_then(Option::as_ref).is_some_and(is_likely_empty));
        order
    }

    /// Notes what `shard` had. What may kill its worker is handed out alone, so not to who has jobs already: to those it
    /// only seems empty, and must keep its turn.
    pub fn looked(&self, shard: usize, found: bool, has_jobs_already: bool, now: Instant) {
        if let Some(since) = self.empty_since().get_mut(shard)
            && (found || !has_jobs_already)
        {
            *since = (!found).then_some(now);
        }
    }

    /// One of them, any.
    pub fn some(&self) -> usize {
        self.next.load(Ordering::Relaxed) % self.empty_since().len().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_shard_waits_behind_the_others_for_a_while() {
        let (turns, begun) = (Turns::of(3), Instant::now());
        assert_eq!(turns.take(begun), [0, 1, 2]);
        turns.looked(1, false, false, begun);
        assert_eq!(turns.take(begun), [2, 0, 1]);
        assert_eq!(turns.take(begun), [2, 0, 1]);
        assert_eq!(turns.take(begun + EMPTY_FOR), [0, 1, 2]);
        turns.looked(1, true, false, begun);
        assert_eq!(turns.take(begun), [1, 2, 0]);
    }

    #[test]
    fn some_shard_is_one_of_them() {
        let (turns, begun) = (Turns::of(3), Instant::now());
        let some: Vec<usize> = (0..6).map(|_| (turns.some(), turns.take(begun)).0).collect();
        assert_eq!(some, [0, 1, 2, 0, 1, 2]);
        assert_eq!(Turns::of(0).some(), 0);
    }

    #[test]
    fn a_shard_that_must_be_looked_at_first_keeps_its_turn() {
        let (turns, begun) = (Turns::of(2), Instant::now());
        turns.looked(1, false, true, begun);
        assert_eq!([turns.take(begun), turns.take(begun)], [[0, 1], [1, 0]]);
    }
}
