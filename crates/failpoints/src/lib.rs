//! Points between two steps of a webhook's path at which a process of a debug build can be told to end, as `kill -9` would end it
//! there: tests go through all of them. A release build has none.
//!
//! `FAILPOINT=batch-written:3` ends the process when it comes to that point for the third time. (The crate `fail` has more actions;
//! it is switched by a feature, which a build of the whole workspace would give to release builds too.)

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// The variable that names a point, and how often it is come to.
pub const VARIABLE: &str = "FAILPOINT";

/// Between which steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Ingress: a webhook is in the queue, and its sender has no answer.
    WebhookEnqueued,
    /// Worker: a batch is leased, and nothing of it is written.
    BatchFetched,
    /// Worker: a batch's rows are written, and not committed.
    BatchWritten,
    /// Worker: a batch is committed, and answers that it made old are not told.
    BatchCommitted,
    /// Worker: what a batch made old is told, and its jobs are not acknowledged.
    BatchInvalidated,
    /// Worker: jobs are acknowledged, and the worker does not know.
    JobsAcknowledged,
    /// Worker: differences are folded into figures, and not committed.
    DifferencesFolded,
    /// Worker: counts of ingress are taken over, and still in Redis.
    CountsCollected,
    /// API: an endpoint has answered, and that is not noted.
    MessageDelivered,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::WebhookEnqueued,
        Self::BatchFetched,
        Self::BatchWritten,
        Self::BatchCommitted,
        Self::BatchInvalidated,
        Self::JobsAcknowledged,
        Self::DifferencesFolded,
        Self::CountsCollected,
        Self::MessageDelivered,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::WebhookEnqueued => "webhook-enqueued",
            Self::BatchFetched => "batch-fetched",
            Self::BatchWritten => "batch-written",
            Self::BatchCommitted => "batch-committed",
            Self::BatchInvalidated => "batch-invalidated",
            Self::JobsAcknowledged => "jobs-acknowledged",
            Self::DifferencesFolded => "differences-folded",
            Self::CountsCollected => "counts-collected",
            Self::MessageDelivered => "message-delivered",
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the process ends.
#[derive(Debug)]
struct End {
    point: Point,
    /// How often it may go on until then.
    left: AtomicU32,
}

/// What the text of [`VARIABLE`] says; none where it names no point.
fn read(text: &str) -> Option<End> {
    let (name, times) = text.split_once(':').unwrap_or((text, "1"));
    let point = Point::ALL.into_iter().find(|point| point.name() == name)?;
    Some(End { point, left: AtomicU32::new(times.parse::<u32>().ok()?.checked_sub(1)?) })
}

/// The process is at `point`, where it may end.
#[inline]
pub fn reached(point: Point) {
    if cfg!(debug_assertions) {
        end_at(point);
    }
}

#[cold]
fn end_at(point: Point) {
    static END: OnceLock<Option<End>> = OnceLock::new();
    let end = END.get_or_init(|| std::env::var(VARIABLE).ok().as_deref().and_then(read));
    let Some(end) = end.as_ref().filter(|end| end.point == point) else { return };
    // Whoever finds nothing left is not the one that it was: all end there.
    if end.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
        std::process::abort();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_a_point_and_how_often() {
        for point in Point::ALL {
            let end = read(&format!("{point}:3")).unwrap();
            assert_eq!((end.point, end.left.into_inner()), (point, 2));
            assert_eq!(read(&point.to_string()).unwrap().left.into_inner(), 0);
        }
        for wrong in ["", "batch", "batch-written:0", "batch-written:x", "batch-written:-1"] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
