//! How often may be asked: so many times within any minute.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The span that the limit is for.
const SPAN: Duration = Duration::from_secs(60);

/// When was asked within the last minute.
#[derive(Debug)]
pub(crate) struct Pace {
    most: usize,
    asked: VecDeque<Instant>,
}

impl Pace {
    /// At most so many times in a minute.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), asked: VecDeque::new() }
    }

    /// Takes a turn at `now`; or tells how long to wait for one.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        while self.asked.front().is_some_and(|at| now.duration_since(*at) >= SPAN) {
            self.asked.pop_front();
        }
        match self.asked.front() {
            Some(first) if self.asked.len() >= self.most => Err(SPAN.saturating_sub(now.duration_since(*first))),
            _ => {
                self.asked.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_any_minute_there_are_only_so_many() {
        let (begin, mut pace) = (Instant::now(), Pace::new(2));
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(pace.take(at(0)), Ok(()));
        assert_eq!(pace.take(at(50)), Ok(()));
        assert_eq!(pace.take(at(55)), Err(Duration::from_secs(5)));
        assert_eq!(pace.take(at(60)), Ok(()));
        assert_eq!(pace.take(at(61)), Err(Duration::from_secs(49)));
    }
}
