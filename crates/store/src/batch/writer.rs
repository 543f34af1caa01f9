//! Batches one after the other: on PostgreSQL by transactions that follow each other on a connection.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use failpoints::Point;
use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait};
use tokio::sync::OnceCell;

use super::{Approach, Circumstances, Legacy, NewEvent, Written, beyond::Remembered, write_in};
use crate::{Error, dialect, outbound::subscriptions, state};
use clock::now_ms;

/// How long a transaction that is begun waits for a batch, up to twice as long.
const WAIT: Duration = Duration::from_millis(200);
/// How long transactions follow each other on a connection: then anyone who waits for one has his turn, in the pool and in a
/// pooler before the database.
const LIFE: Duration = Duration::from_secs(1);

/// How long after a batch that was not all new others are checked first: after a failure whole stretches of the queue come a
/// second time.
const CHECKED: Duration = Duration::from_secs(5);

/// Writes batches. Cheap to clone.
///
/// A transaction's commit begins the next one (`COMMIT AND CHAIN`), which waits a moment for a batch: that spares two
/// of five round trips, the `BEGIN` and what sqlx asks of a connection that comes back. One that waits has done nothing: it
/// holds no lock, no row and no snapshot.
#[derive(Debug, Clone)]
pub struct Writer {
    db: DatabaseConnection,
    max_idle: usize,
    begun: Arc<Mutex<Begun>>,
    /// Since when events are stored under today's identity; none: they always were. Read once.
    legacy_since: Arc<OnceCell<Option<i64>>>,
    remembered: Remembered,
    subscriptions: subscriptions::Remembered,
}

/// The transactions that wait for a batch, and what the last ones met.
#[derive(Debug, Default)]
struct Begun {
    /// The one that was used last is taken first: what PostgreSQL's process has of it is the warmest.
    links: Vec<OpenTransaction>,
    is_tended: bool,
    /// When a batch turned out not to be all new.
    repeated: Option<Instant>,
}

/// A transaction in which nothing was done yet.
#[derive(Debug)]
struct OpenTransaction {
    tx: DatabaseTransaction,
    /// When its connection was taken from the pool.
    taken: Instant,
    waits_since: Instant,
}

impl Writer {
    /// Writes to `db`, of whose connections it keeps `most` between two batches. Needs a tokio runtime.
    pub fn new(db: DatabaseConnection, max_idle: usize) -> Self {
        let max_idle = if dialect::can_chain(&db) { max_idle } else { 0 };
        let (remembered, subscriptions) = (Remembered::default(), subscriptions::Remembered::default());
        Self { db, max_idle, begun: Arc::default(), legacy_since: Arc::default(), remembered, subscriptions }
    }

    /// Whether events may be stored under the identity of versions before 1.0: then [`NewEvent::legacy`] must be given. So
    /// it is as long as the database cannot be asked.
    pub async fn has_legacy(&self) -> bool {
        self.legacy_since().await.map_or(true, |since| since.is_some())
    }

    async fn legacy_since(&self) -> Result<Option<i64>, Error> {
        let read = async || {
            let since = state::get(&self.db, state::LEGACY_IDENTITY_SINCE).await?;
            // A row that is no number is one all the same.
            Ok::<_, Error>(since.map(|since| since.parse().unwrap_or(0)))
        };
        self.legacy_since.get_or_try_init(read).await.copied()
    }

    /// Writes `events` in one transaction: all or none.
    pub async fn write(&self, events: &[NewEvent]) -> Result<Written, Error> {
        if events.is_empty() {
            return Ok(Written::default());
        }
        let legacy = Legacy::since(self.legacy_since().await?, now_ms());
        let horizon = self.remembered.horizon(&self.db).await?;
        let subscriptions = self.subscriptions.read(&self.db).await?;
        let circumstances = Circumstances { legacy, horizon, subscriptions: &subscriptions, is_counted: true };
        let approach = self.approach(legacy, events);
        let written = match self.write_so(events, &circumstances, approach).await {
            Ok(None) => {
                lock(&self.begun).repeated = Some(Instant::now());
                self.write_so(events, &circumstances, Approach::Checked).await
            }
            written => written,
        };
        if matches!(written, Err(Error::Unavailable(_))) {
            // Likely no connection is any better.
            lock(&self.begun).links.clear();
        }
        Ok(written?.unwrap_or_default())
    }

    /// SQLite has one writer, whom a second try costs more than the look. Events with an id of their sender's are compared with
    /// others of that id, and all where workers of a version before 1.0 may be at work.
    fn approach(&self, legacy: Legacy, events: &[NewEvent]) -> Approach {
        let is_plain = legacy != Legacy::Mixed && events.iter().all(|new| new.event_key.is_none());
        let is_checked = lock(&self.begun).repeated.is_some_and(|at| at.elapsed() < CHECKED);
        let is_optimistic = dialect::can_chain(&self.db) && is_plain && !is_checked;
        if is_optimistic { Approach::Optimistic } else { Approach::Checked }
    }

    async fn write_so(
        &self,
        events: &[NewEvent],
        circumstances: &Circumstances<'_>,
        approach: Approach,
    ) -> Result<Option<Written>, Error> {
        let last = lock(&self.begun).links.pop();
        let (tx, taken) = match last {
            Some(link) => (link.tx, link.taken),
            None => (self.db.begin().await?, Instant::now()),
        };
        let Some(written) = write_in(&tx, events, circumstances, approach).await? else {
            tx.rollback().await?;
            return Ok(None);
        };
        failpoints::reached(Point::BatchWritten);
        if taken.elapsed() < LIFE && lock(&self.begun).links.len() < self.max_idle {
            dialect::commit_and_chain(&tx).await?;
            self.keep(OpenTransaction { tx, taken, waits_since: Instant::now() });
        } else {
            tx.commit().await?;
        }
        failpoints::reached(Point::BatchCommitted);
        Ok(Some(written))
    }

    fn keep(&self, link: OpenTransaction) {
        let mut begun = lock(&self.begun);
        // Others may have come meanwhile.
        if begun.links.len() < self.max_idle {
            begun.links.push(link);
        }
        if !std::mem::replace(&mut begun.is_tended, true) {
            tokio::spawn(end_idle(self.begun.clone()));
        }
    }
}

fn lock(begun: &Mutex<Begun>) -> MutexGuard<'_, Begun> {
    begun.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives back the connections of transactions that no batch came for, until none is left.
async fn end_idle(begun: Arc<Mutex<Begun>>) {
    loop {
        tokio::time::sleep(WAIT).await;
        let mut begun = lock(&begun);
        begun.links.retain(|link| link.waits_since.elapsed() < WAIT);
        if begun.links.is_empty() {
            begun.is_tended = false;
            return;
        }
    }
}
