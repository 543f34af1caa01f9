//! Replay: stored webhooks interpreted anew by the rules of now, slice by slice, while traffic goes on. Afterwards rows and figures
//! are those of a fresh installation that was sent the same.
//!
//! | module | part |
//! | --- | --- |
//! | `progress` | where a run is, so that one that was killed goes on there |
//! | `events` | a slice of stored webhooks, what they mean now, their own columns |
//! | `transactions` | the transactions that a slice concerns, folded from all their webhooks |
//! | `accounts` | the same of accounts, with their history |
//! | `change` | what changes, field by field |
//!
//! A slice is a range of ids, which is read by the primary key. What it concerns is folded from empty, from all its webhooks in
//! whichever slice they are, in the slice that holds the last of them. The locks are those of a batch and are taken in its order:
//! entries of the directory first, then rows; so a batch comes before or after, and nothing that it writes is lost. Where retention
//! may have removed webhooks of a row, its state is kept and only added to.

mod accounts;
mod change;
mod events;
mod progress;
mod transactions;

use std::{collections::BTreeSet, time::Instant};

use common::{CompanyId, Mode, WebhookOutcome};
use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait};
use uuid::Uuid;

use crate::{
    Error, dialect,
    outbound::{messages::Outbox, subscriptions::Subscriptions},
    rollups::{self, CompanyDeltas},
};
use accounts::Accounts;
pub use change::{Change, Subject};
use events::Slice;
pub(crate) use events::columns;
pub use events::interpret;
pub use progress::Counts;
use progress::Progress;
use transactions::Targets;

/// Webhooks of one slice.
const SLICE: u64 = 500;
/// Webhooks outside a slice that are read for its transactions at most; where there are more the slice is made smaller.
const MOST: usize = 20_000;

/// Which webhooks are interpreted anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// Of this company alone.
    pub company: Option<CompanyId>,
    /// Received at or after, in milliseconds since 1970 UTC.
    pub from_ms: Option<i64>,
    /// Received before, in milliseconds since 1970 UTC.
    pub until_ms: Option<i64>,
}

impl Range {
    fn holds(&self, received_ms: i64) -> bool {
        self.from_ms.is_none_or(|from| received_ms >= from) && self.until_ms.is_none_or(|until| received_ms < until)
    }
}

/// A run over a range.
#[derive(Debug)]
pub struct Replay {
    db: DatabaseConnection,
    range: Range,
    progress: Progress,
    is_dry: bool,
    size: u64,
    is_resumed: bool,
}

/// What one slice came to.
#[derive(Debug, Default)]
pub struct Step {
    /// What changes; told by dry runs alone.
    pub changes: Vec<Change>,
    /// Whose rows changed.
    pub companies: BTreeSet<CompanyId>,
    /// Whether nothing is left.
    pub is_last: bool,
}

/// What a slice is about to write, beside rows.
struct Work<'s> {
    deltas: CompanyDeltas,
    outbox: Outbox<'s>,
    counts: Counts,
    step: Step,
}

/// What went wrong in a slice.
enum Failed {
    /// Its transactions have too many webhooks to be held in memory together.
    TooMany,
    Store(Error),
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl Replay {
    /// Begins over `range`, or goes on where a run over the same range was stopped. It ends with the last webhook that is stored
    /// now: what comes later is written by the rules of now anyway.
    pub async fn begin(db: &DatabaseConnection, range: Range) -> Result<Self, Error> {
        let (progress, is_resumed) = Progress::begin(db, range).await?;
        Ok(Self { db: db.clone(), range, progress, is_dry: false, size: SLICE, is_resumed })
    }

    /// A run that changes nothing and tells what one would change. Where webhooks move from one row to another that row is told of
    /// once for each slice that moves some.
    pub async fn dry(db: &DatabaseConnection, range: Range) -> Result<Self, Error> {
        let progress = Progress::new(db, range).await?;
        Ok(Self { db: db.clone(), range, progress, is_dry: true, size: SLICE, is_resumed: false })
    }

    /// The same in slices of so many webhooks, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn with_slices_of(self, size: u64) -> Self {
        Self { size, ..self }
    }

    /// Whether it goes on where another run stopped.
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// What it came to up to now, what the runs before it did included.
    pub fn counts(&self) -> Counts {
        self.progress.counts
    }

    /// Interprets one slice.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where it may be tried again, [`Error::Conflict`] where another run is at work.
    pub async fn step(&mut self) -> Result<Step, Error> {
        let begun = Instant::now();
        loop {
            let tx = self.db.begin().await?;
            if !self.is_dry {
                dialect::begin_writing(&tx).await?;
            }
            let subscriptions = Subscriptions::read(&tx).await?;
            match self.slice(&tx, &subscriptions).await {
                Ok((step, progress)) if self.is_dry => {
                    tx.rollback().await?;
                    self.progress = progress;
                    return Ok(step);
                }
                Ok((step, progress)) => {
                    self.progress.replace(&tx, (!step.is_last).then_some(&progress)).await?;
                    tx.commit().await?;
                    self.progress = progress;
                    dialect::give_way(&self.db, begun.elapsed()).await;
                    return Ok(step);
                }
                Err(Failed::TooMany) => {
                    tx.rollback().await?;
                    self.size = (self.size / 8).max(1);
                }
                Err(Failed::Store(error)) => return Err(error),
            }
        }
    }

    async fn slice(&self, tx: &DatabaseTransaction, subscriptions: &Subscriptions) -> Result<(Step, Progress), Failed> {
        dialect::hold_rows(tx, []).await?;
        let mut progress = self.progress.clone();
        let slice = Slice::read(tx, &self.range, progress.after, progress.last, self.size).await?;
        let mut work = Work {
            deltas: CompanyDeltas::new(),
            outbox: Outbox::new(subscriptions),
            counts: Counts { events: slice.events.len() as u64, ..Counts::default() },
            step: Step { is_last: slice.end >= progress.last, ..Step::default() },
        };
        work.counts.unreadable = slice.events.iter().filter(|event| event.meaning.is_none()).count() as u64;
        let mut targets = Targets::of(&slice);
        let accounts = Accounts::of(tx, &slice).await?;
        if !self.is_dry {
            targets.enter(tx).await?;
            dialect::hold_rows(tx, targets.locks().chain(accounts.locks())).await?;
        }
        let others = targets.others(tx, &slice, if self.size == 1 { usize::MAX } else { MOST }).await?;
        let context = Context { tx, slice: &slice, range: &self.range, last: progress.last, is_dry: self.is_dry };
        targets.fold(&context, &others, &mut work).await?;
        accounts.fold(&context, &mut work).await?;
        events::write(&context, &mut work).await?;
        if !self.is_dry {
            rollups::append(tx, &work.deltas).await?;
            work.outbox.write(tx).await?;
        }
        progress.counts.add(work.counts);
        progress.after = slice.end;
        Ok((work.step, progress))
    }
}

/// What the parts of a slice have in common.
struct Context<'c> {
    tx: &'c DatabaseTransaction,
    slice: &'c Slice,
    range: &'c Range,
    /// The last webhook of the run.
    last: Uuid,
    is_dry: bool,
}

impl Context<'_> {
    /// Whether a later slice of this run has the webhook `id`, received then.
    fn comes_later(&self, id: Uuid, received_ms: i64) -> bool {
        id > self.slice.end && id <= self.last && self.range.holds(received_ms)
    }
}

impl Work<'_> {
    /// A stored webhook counts as of another mode.
    fn recount(&mut self, company: CompanyId, received_ms: i64, before: Mode, after: Mode) {
        let deltas = self.deltas.entry(company).or_default();
        deltas.webhooks(received_ms, before, WebhookOutcome::Processed, -1);
        deltas.webhooks(received_ms, after, WebhookOutcome::Processed, 1);
    }
}
