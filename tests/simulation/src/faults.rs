//! What goes wrong in a simulation, by its seed: when, what, and for how long.

use rand::{Rng, rngs::StdRng};

use crate::redis::Trouble;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    /// Commands or their answers are lost, or commands are done twice, in so many thousandths.
    Lossy { lost: u32, unanswered: u32, twice: u32 },
    /// Redis answers nothing.
    RedisAway,
    /// Redis has no memory left.
    RedisFull,
    /// Redis knows no script any more.
    ScriptsForgotten,
    /// Redis drops some of what the cache keeps, as it may where memory is short.
    Evicted,
    /// Messages to and from Redis take up to so many milliseconds.
    Slow(u64),
    /// The process of that slot is killed, after so many more calls of Redis; another begins after the fault.
    Killed { slot: usize, calls: u32 },
    /// The process of that slot is killed while the database does a statement for it, after so many more.
    KilledInDatabase { slot: usize, statements: u32 },
    /// The process of that slot is told to end; another begins after the fault.
    Ended { slot: usize },
    /// The process of that slot stands still.
    Stopped { slot: usize },
    /// The database has not its tables.
    DatabaseAway,
    /// The database refuses whatever is written, with an error that blames the data.
    DatabaseRefuses,
    /// An operator pauses the payments' lane, or all lanes.
    Paused { all: bool },
    /// An operator retries all dead letters.
    Retried,
    /// All wall clocks go on from so many milliseconds later, or earlier.
    ClockSet(i64),
}

impl What {
    /// Its name in counts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lossy { .. } => "Redis lossy",
            Self::RedisAway => "Redis away",
            Self::RedisFull => "Redis full",
            Self::ScriptsForgotten => "scripts forgotten",
            Self::Evicted => "answers evicted",
            Self::Slow(_) => "network slow",
            Self::Killed { calls: 0, .. } => "process killed",
            Self::Killed { .. } => "process killed at a call",
            Self::KilledInDatabase { .. } => "process killed at a statement",
            Self::Ended { .. } => "process told to end",
            Self::Stopped { .. } => "process stood still",
            Self::DatabaseAway => "database away",
            Self::DatabaseRefuses => "database refuses",
            Self::Paused { .. } => "lane paused",
            Self::Retried => "dead letters retried",
            Self::ClockSet(_) => "clocks set",
        }
    }

    /// What it makes of commands.
    pub fn trouble(self) -> Option<Trouble> {
        let none = Trouble::default();
        match self {
            Self::Lossy { lost, unanswered, twice } => Some(Trouble { lost, unanswered, twice, ..none }),
            Self::RedisAway => Some(Trouble { is_away: true, ..none }),
            Self::RedisFull => Some(Trouble { is_full: true, ..none }),
            _ => None,
        }
    }
}

/// One of them with its time, in milliseconds since the beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault {
    pub what: What,
    pub from_ms: u64,
    pub until_ms: u64,
}

/// All that goes wrong between two times, in order. `slots` has a process each; the first of them is an ingress, the second and the
/// third are workers.
pub fn plan(rng: &mut StdRng, count: usize, (from_ms, until_ms): (u64, u64), slots: usize) -> Vec<Fault> {
    let mut all: Vec<Fault> = (0..count)
        .map(|_| {
            let what = any(rng, slots);
            let longest = match what {
                What::Killed { .. } | What::KilledInDatabase { .. } | What::Ended { .. } | What::Stopped { .. } => 10_000,
                What::DatabaseAway => 10_000,
                What::DatabaseRefuses => 2_000,
                _ => 5_000,
            };
            let from = rng.random_range(from_ms..until_ms);
            Fault { what, from_ms: from, until_ms: from + rng.random_range(100..longest) }
        })
        .collect();
    all.sort_by_key(|fault| fault.from_ms);
    all
}

fn any(rng: &mut StdRng, slots: usize) -> What {
    let slot = rng.random_range(0..slots);
    let calls = if rng.random_bool(0.3) { 0 } else { rng.random_range(1..40) };
    match rng.random_range(0..25) {
        0..=2 => {
            What::Lossy { lost: rng.random_range(0..150), unanswered: rng.random_range(0..150), twice: rng.random_range(0..150) }
        }
        3 => What::RedisAway,
        4 => What::RedisFull,
        5 => What::ScriptsForgotten,
        6 => What::Slow([30, 300, 1_500][rng.random_range(0..3)]),
        7..=9 => What::Killed { slot, calls },
        // Where most happens.
        10..=11 => What::Killed { slot: rng.random_range(1..3), calls },
        12 => What::Ended { slot },
        13..=14 => What::Stopped { slot: rng.random_range(0..3) },
        15 => What::DatabaseAway,
        16 => What::DatabaseRefuses,
        17 => What::Paused { all: rng.random_bool(0.5) },
        18 => What::Retried,
        22..=23 => What::Evicted,
        19..=21 => What::KilledInDatabase { slot: rng.random_range(1..3), statements: rng.random_range(1..120) },
        _ => What::ClockSet(rng.random_range(-1_800_000..1_800_000)),
    }
}
