//! What is to be done beside the batches: fold differences into roll-ups, take over what ingress
//! counted, count what died with its workers, remove what is too old. Every worker tries; one at a time does it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use common::{CompanyId, Mode, WebhookOutcome};
use failpoints::Point;
use http_service::Stop;
use queue::{Counters, Lane, Queue, Stats};
use receivers::Publisher;
use sea_orm::DatabaseConnection;
use shared_stats::CountOutbox;
use store::{
    balance::{self, Counted},
    figure_check::{self, Checked},
    retention::{self, Retention},
    rollups::{self, CompanyDeltas},
};
use telemetry::metrics;

use crate::{
    dead_letter_counter::{DeadLetterCounter, DeadLetterScan, NotCounted},
    invalidate::Invalidator,
};

/// How often differences are folded.
const FOLD: Duration = Duration::from_millis(500);
/// How often counts of ingress are taken over.
const COLLECT: Duration = Duration::from_secs(3);
/// How often what is too old is removed, and how many steps of it at once.
const RETAIN: (Duration, u32) = (Duration::from_secs(60), 20);
/// How often the directory of receivers is looked at, and how often the database is asked whether something is missing in it.
const DIRECTORY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));
/// Longest time for publishing all receivers: several times what hundreds of thousands take.
const PUBLICATION: Duration = Duration::from_secs(300);
/// How often partitions are looked after.
const PARTITIONS: Duration = Duration::from_secs(3600);
/// How often a day's figures are compared with its rows, until a pass over all days is done: one a night.
const CHECK: Duration = Duration::from_secs(60);
/// How often the queue's counts are taken, for the metrics and to see whether more jobs died.
const GAUGE: Duration = Duration::from_secs(10);
/// How often it is noted how the queue's counters differ from the figures; and how soon again where that could not be told exactly.
const BALANCE: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(10));
/// Longest wait for the database in one step of it; and in one that may move a month's rows.
const STEP: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(900));
/// Differences after which their table is tidied up.
const TIDY: u64 = 50_000;

/// What is to be done beside the batches needs all of these.
#[derive(Debug)]
pub(crate) struct Maintenance {
    pub db: DatabaseConnection,
    pub queue: Queue,
    pub outbox: CountOutbox,
    pub invalidator: Invalidator,
    pub dead_letter_counter: DeadLetterCounter,
    pub publisher: Publisher,
    pub retention: Retention,
}

/// Does it until `stop`.
pub(crate) async fn run(maintenance: Maintenance, mut stop: Stop) {
    let Maintenance { db, queue, outbox, invalidator, dead_letter_counter, publisher, retention } = maintenance;
    let mut scan = DeadLetterScan::new(dead_letter_counter);
    let (mut collected, mut retained, mut gauged, mut parted, mut checked, mut balanced, mut folded) =
        (None, None, None, None, None, None, 0);
    let mut balance_every = BALANCE.0;
    let keeping = tokio::spawn(keep_directory(publisher, stop.clone()));
    while !*stop.borrow() {
        // At first before anything is held.
        if is_due(&mut balanced, balance_every) {
            let noted = keep_balance(&db, &queue).await;
            balance_every = if matches!(noted, Ok(true)) { BALANCE.0 } else { BALANCE.1 };
            if let Err(error) = noted {
                tracing::debug!(%error, "the queue's counters are held against the figures later");
            }
        }
        // Either the time is over or it is told to stop, which the loop sees.
        let _ = tokio::time::timeout(FOLD, stop.changed()).await;
        if is_due(&mut collected, COLLECT)
            && let Err(error) = collect(&db, &outbox, &invalidator).await
        {
            tracing::debug!(%error, "counts of ingress are taken over later");
        }
        match fold(&db).await {
            Ok(count) => folded += count,
            Err(error) => tracing::warn!(%error, "figures are folded later"),
        }
        if folded >= TIDY {
            folded = 0;
            if let Err(error) = store::deadline::within(STEP.1, rollups::tidy(&db)).await {
                tracing::debug!(%error, "differences were not tidied up");
            }
        }
        if is_due(&mut gauged, GAUGE)
            && let Ok(stats) = queue.stats().await
        {
            gauge(&stats);
            if let Err(error) = scan.look(&queue, &stats).await {
                tracing::warn!(%error, "webhooks that were dead-lettered are counted later");
            }
        }
        // Before what they hold is removed: what was detached is gone a moment later.
        if is_due(&mut parted, PARTITIONS) {
            match store::deadline::within(STEP.1, retention::keep_partitions(&db, retention)).await {
                Ok((0, 0)) => {}
                Ok((made, detached)) => tracing::info!(made, detached, "partitions were made and detached"),
                Err(error) => tracing::warn!(%error, "partitions are looked after later"),
            }
        }
        if is_due(&mut retained, RETAIN.0)
            && let Err(error) = retain(&db, retention).await
        {
            tracing::warn!(%error, "what is too old is removed later");
        }
        if is_due(&mut checked, CHECK) {
            check_figures(&db).await;
        }
    }
    // A publication that is under way is done again by another worker.
    keeping.abort();
}

/// Keeps the directory of receivers complete until `stop`: apart from the rest, some steps of which take minutes.
async fn keep_directory(publisher: Publisher, mut stop: Stop) {
    let mut compared = None;
    while !*stop.borrow() {
        let _ = tokio::time::timeout(DIRECTORY.0, stop.changed()).await;
        let asks_database = is_due(&mut compared, DIRECTORY.1);
        match store::deadline::answered(PUBLICATION, Box::pin(publisher.repair(asks_database))).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::debug!(%error, "the directory of receivers is published later"),
            None => tracing::warn!("the directory of receivers could not be published in time"),
        }
    }
}

fn gauge(stats: &Stats) {
    for (lane, counts) in [(Lane::High, &stats.payments), (Lane::Normal, &stats.others)] {
        for (state, count) in
            [("waiting", counts.waiting), ("active", counts.active), ("delayed", counts.delayed), ("dead", counts.dead)]
        {
            metrics::jobs(lane.as_str(), state, count.max(0).unsigned_abs());
        }
    }
    let oldest = Duration::from_millis(stats.oldest_waiting_ms.max(0).unsigned_abs());
    metrics::queue(oldest, stats.workers.max(0).unsigned_abs());
}

/// Notes how the queue's counters and the database's figures differ: `netbanx doctor` goes by it. Returns whether
/// exactly: nothing was being worked on.
async fn keep_balance(db: &DatabaseConnection, queue: &Queue) -> Result<bool, NotCounted> {
    queue.name_counters().await?;
    let stored = store::deadline::within(STEP.0, balance::stored(db)).await?;
    let Some(Counters { instance, effective, active }) = queue.counters().await? else { return Ok(false) };
    let counted = Counted { queue: &queue.settings().name, instance: &instance, stored: effective, active };
    store::deadline::within(STEP.0, balance::keep(db, stored, &counted)).await?;
    Ok(active == 0)
}

fn is_due(last: &mut Option<Instant>, every: Duration) -> bool {
    let due = last.is_none_or(|at| at.elapsed() >= every);
    if due {
        *last = Some(Instant::now());
    }
    due
}

async fn fold(db: &DatabaseConnection) -> Result<u64, store::Error> {
    let mut all = 0;
    loop {
        let (count, more) = store::deadline::within(STEP.0, rollups::fold(db)).await?;
        all += count;
        if !more {
            return Ok(all);
        }
    }
}

async fn retain(db: &DatabaseConnection, retention: Retention) -> Result<(), store::Error> {
    for _ in 0..RETAIN.1 {
        if store::deadline::within(STEP.0, retention::step(db, retention)).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// Compares the figures of a day with its rows. What is wrong is remembered in the database, where the API finds it for its alert.
async fn check_figures(db: &DatabaseConnection) {
    match store::deadline::within(STEP.1, figure_check::step(db, clock::now_ms())).await {
        Ok(Some(Checked { day_ms, differences })) if differences > 0 => {
            tracing::error!(day_ms, differences, "figures differ from their rows: netbanx rollup verify says which");
        }
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "figures are checked later"),
    }
}

/// Why counts were not taken over.
#[derive(Debug, thiserror::Error)]
enum NotCollected {
    #[error(transparent)]
    Redis(#[from] redis_client::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

async fn collect(db: &DatabaseConnection, outbox: &CountOutbox, invalidator: &Invalidator) -> Result<(), NotCollected> {
    if let Some((id, counts)) = outbox.take().await? {
        let deltas = deltas(&counts);
        store::deadline::within(STEP.0, rollups::collect(db, id, &deltas)).await?;
        failpoints::reached(Point::CountsCollected);
        outbox.close(id).await?;
        invalidator.counted(deltas.into_keys()).await;
    }
    Ok(())
}

/// Counts by `company|mode|minute`.
fn deltas(counts: &HashMap<String, u64>) -> CompanyDeltas {
    let mut all = CompanyDeltas::new();
    for (name, count) in counts {
        let mut parts = name.split('|');
        let (Some(Ok(company)), Some(mode), Some(Ok(minute))) =
            (parts.next().map(str::parse), parts.next().and_then(Mode::parse), parts.next().map(str::parse::<i64>))
        else {
            continue;
        };
        all.entry(CompanyId(company)).or_default().webhooks(minute, mode, WebhookOutcome::Duplicate, *count as i64);
    }
    all
}

#[cfg(test)]
mod tests {
    use common::Deltas;

    use super::*;

    #[test]
    fn counts_of_ingress_are_read_and_nonsense_is_passed_over() {
        let name = format!("{}|test|60000", CompanyId::NONE.0);
        let counts = HashMap::from([(name, 3), ("nonsense".to_owned(), 1), ("x|live|0".to_owned(), 1)]);
        let mut expected = Deltas::default();
        expected.webhooks(60_000, Mode::Test, WebhookOutcome::Duplicate, 3);
        assert_eq!(deltas(&counts), CompanyDeltas::from([(CompanyId::NONE, expected)]));
    }
}
