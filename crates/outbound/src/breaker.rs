//! Whether an endpoint is worth trying: one that fails every time is tried now and then, by one message, and what waits for it
//! neither uses up its attempts nor keeps the database busy.

use std::time::{Duration, Instant};

/// Failures in a row from which on an endpoint counts as dead.
const DEAD: u32 = 10;
/// The longest pause between two tries of one that is.
const LONGEST: Duration = Duration::from_secs(60);

/// What is known of an endpoint.
#[derive(Debug)]
pub struct Breaker {
    /// Failures since the last success.
    failures: u32,
    /// Until when nothing is sent.
    until: Instant,
}

impl Breaker {
    /// Nothing is known at `now`.
    pub fn new(now: Instant) -> Self {
        Self { failures: 0, until: now }
    }

    /// How many messages may be on their way at `now`, of `most`.
    pub fn room(&self, now: Instant, most: usize) -> usize {
        match (now < self.until, self.failures >= DEAD) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => most,
        }
    }

    /// How long nothing is sent from `now` on.
    pub fn pause(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }

    /// A message arrived.
    pub fn succeeded(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// One did not; the endpoint asked to be left alone for `asked`.
    pub fn failed(&mut self, now: Instant, asked: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        let doubled = self.failures.checked_sub(DEAD).map(|more| Duration::from_secs(1 << more.min(6)));
        let pause = doubled.max(asked).unwrap_or_default().min(LONGEST);
        self.until = self.until.max(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_endpoint_is_tried_now_and_then_until_it_answers() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(now);
        for _ in 1..DEAD {
            breaker.failed(now, None);
            assert_eq!(breaker.room(now, 8), 8);
        }
        let mut pauses = Vec::new();
        for _ in 0..8 {
            breaker.failed(now, None);
            assert_eq!(breaker.room(now, 8), 0);
            pauses.push(breaker.pause(now).as_secs());
            now += breaker.pause(now);
            assert_eq!(breaker.room(now, 8), 1);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        breaker.succeeded(now);
        assert_eq!(breaker.room(now, 8), 8);
    }

    #[test]
    fn who_asks_for_a_pause_gets_it_within_reason() {
        let now = Instant::now();
        let mut breaker = Breaker::new(now);
        breaker.failed(now, Some(Duration::from_secs(7)));
        assert_eq!(breaker.pause(now), Duration::from_secs(7));
        breaker.failed(now, Some(Duration::from_secs(7000)));
        assert_eq!(breaker.pause(now), LONGEST);
    }
}
