//! `netbanx queue`: counts, pause, dead letters.

use clap::{Args, Subcommand, ValueEnum};
use common::Job;
use queue::{DeadLetter, Lane, Queue, Stats};
use serde_json::{Value, json};
use settings::Settings;

use crate::Error;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LaneName {
    Payments,
    Others,
}

/// Which dead letters.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// A job's id; may be repeated.
    #[arg(long)]
    id: Vec<String>,
    /// All there are now.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// Count what waits, is in hand, is done and died.
    Stats,
    /// Take nothing more, from one lane or at all, until resumed.
    Pause {
        /// Absent: the whole queue.
        #[arg(long)]
        lane: Option<LaneName>,
    },
    /// End a pause.
    Resume {
        /// Absent: that of the whole queue.
        #[arg(long)]
        lane: Option<LaneName>,
    },
    /// List dead letters, the latest first.
    Dead {
        /// How many at most, 1–100.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
        limit: u8,
        /// Only those that died before this time, in milliseconds since 1970 (the last row's, for the next page).
        #[arg(long)]
        before_ms: Option<i64>,
    },
    /// Make dead letters wait again, their attempts anew.
    Retry(Which),
    /// Drop dead letters for good.
    Discard {
        /// A job's id; may be repeated.
        #[arg(long, required = true)]
        id: Vec<String>,
    },
}

pub(crate) async fn run(command: QueueCommand, as_json: bool) -> Result<(), Error> {
    let settings = Settings::load()?;
    let queue = Queue::new(queue::connect(&settings.redis_url)?, settings.queue());
    let (text, value) = match command {
        QueueCommand::Stats => counts(&queue.stats().await?),
        QueueCommand::Pause { lane } => {
            queue.pause(lane.map(lane_of)).await?;
            ("paused".to_owned(), json!({"paused": true}))
        }
        QueueCommand::Resume { lane } => {
            queue.resume(lane.map(lane_of)).await?;
            ("resumed".to_owned(), json!({"paused": false}))
        }
        QueueCommand::Dead { limit, before_ms } => {
            letters(&queue.dead_letters(before_ms.unwrap_or(i64::MAX >> 11), usize::from(limit)).await?)
        }
        QueueCommand::Retry(Which { all: true, .. }) => done("waiting again", queue.redrive_all().await?),
        QueueCommand::Retry(Which { id, .. }) => done("waiting again", queue.redrive(&id).await?),
        QueueCommand::Discard { id } => done("discarded", queue.discard(&id).await?),
    };
    if as_json {
        println!("{value}");
    } else {
        println!("{text}");
    }
    Ok(())
}

fn lane_of(name: LaneName) -> Lane {
    match name {
        LaneName::Payments => Lane::Payments,
        LaneName::Others => Lane::Others,
    }
}

fn counts(stats: &Stats) -> (String, Value) {
    let text = format!(
        "waiting {} (payments {}, others {}), active {}, delayed {}, completed {}, failed {}, dead {}, workers {}{}",
        stats.waiting,
        stats.payments.waiting,
        stats.others.waiting,
        stats.active,
        stats.delayed,
        stats.completed,
        stats.failed,
        stats.dead,
        stats.workers,
        if stats.paused { ", PAUSED" } else { "" }
    );
    (text, json!(stats))
}

fn letters(letters: &[DeadLetter]) -> (String, Value) {
    let event = |letter: &DeadLetter| Job::decode(&letter.payload).map_or_else(|_| "-".to_owned(), |job| job.event_name);
    let lines: Vec<String> =
        letters.iter().map(|l| format!("{}\t{}\t{}\t{} attempts\t{}", l.died_ms, l.id, event(l), l.attempts, l.error)).collect();
    (lines.join("\n"), letters.iter().map(|l| json!({"letter": l, "eventName": event(l)})).collect())
}

fn done(what: &str, count: u64) -> (String, Value) {
    (format!("{count} {what}"), json!({"count": count}))
}
