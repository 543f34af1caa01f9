//! Times as counts per bucket: bounded, mergeable, each percentile within a tenth.

use std::{collections::BTreeMap, time::Duration};

/// Buckets to a doubling of the time.
const PER_OCTAVE: f64 = 4.0;
/// The last bucket: about 18 minutes and more.
const LAST: u16 = 120;

/// How many times fell into which bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: BTreeMap<u16, u64>,
}

/// The bucket of a time.
pub(crate) fn bucket(time: Duration) -> u16 {
    let micros = (time.as_secs_f64() * 1e6).max(1.0);
    ((micros.log2() * PER_OCTAVE).floor() as u16).min(LAST)
}

/// The middle of a bucket, in milliseconds.
fn middle_ms(bucket: u16) -> f64 {
    2f64.powf((f64::from(bucket) + 0.5) / PER_OCTAVE) / 1e3
}

impl Histogram {
    /// Counts a time.
    pub fn record(&mut self, time: Duration) {
        self.add(bucket(time), 1);
    }

    pub(crate) fn add(&mut self, bucket: u16, count: u64) {
        *self.counts.entry(bucket.min(LAST)).or_default() += count;
    }

    pub(crate) fn counts(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.counts.iter().map(|(bucket, count)| (*bucket, *count))
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.counts() {
            self.add(bucket, count);
        }
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The time in milliseconds that the share `part` (0–1) of all times does not exceed; none of none.
    pub fn percentile_ms(&self, part: f64) -> Option<f64> {
        let rank = (self.count() as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.counts().find_map(|(bucket, count)| {
            seen += count;
            (seen >= rank).then(|| middle_ms(bucket))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_tenth() {
        let mut histogram = Histogram::default();
        for ms in 1..=1000 {
            histogram.record(Duration::from_millis(ms));
        }
        for (part, exact) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = histogram.percentile_ms(part).unwrap();
            assert!((found / exact - 1.0).abs() < 0.1, "{part}: {found} for {exact}");
        }
        assert_eq!(Histogram::default().percentile_ms(0.5), None);
    }

    #[test]
    fn merged_is_counted_together() {
        let (mut a, mut b, mut both) = (Histogram::default(), Histogram::default(), Histogram::default());
        for (n, ms) in [3_u64, 900, 17, 42, 5].into_iter().enumerate() {
            let one = if n % 2 == 0 { &mut a } else { &mut b };
            one.record(Duration::from_millis(ms));
            both.record(Duration::from_millis(ms));
        }
        a.merge(&b);
        assert_eq!(a, both);
    }
}
