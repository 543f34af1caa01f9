//! The traces of a batch: each traced webhook goes on in its own trace, and the batch has one that links
//! to all of them.

use queue::{Batch, BatchOutcome, JobId, Verdict};
use telemetry::trace;
use tracing::{Span, field::Empty, info_span};

/// A batch's span, and one for each of its jobs that is traced.
#[derive(Debug)]
pub(crate) struct Traced {
    batch: Span,
    jobs: Vec<(JobId, Span)>,
}

impl Traced {
    /// Nothing at all where no job of the batch is traced.
    pub fn begin(batch: &Batch) -> Self {
        let parents: Vec<_> =
            batch.jobs.iter().filter_map(|job| Some((job, trace::sampled(job.traceparent.as_deref())?))).collect();
        if parents.is_empty() {
            return Self { batch: Span::none(), jobs: Vec::new() };
        }
        let (system, kind) = ("redis", "process");
        let span = info_span!(
            target: trace::TARGET, parent: None, "batch", otel.kind = "consumer", messaging.system = system,
            messaging.operation.type = kind, messaging.batch.message_count = batch.jobs.len(), trace_id = Empty
        );
        for (_, parent) in &parents {
            trace::link(&span, parent.clone());
        }
        trace::note_id(&span);
        let whole = trace::context(&span);
        let jobs = parents
            .into_iter()
            .map(|(job, parent)| {
                let own = info_span!(
                    target: trace::TARGET, parent: None, "process", otel.kind = "consumer", messaging.system = system,
                    messaging.operation.type = kind, messaging.destination.name = job.lane.as_str(),
                    messaging.message.id = %job.id, netbanx.outcome = Empty
                );
                trace::follow(&own, parent);
                if let Some(whole) = &whole {
                    trace::link(&own, whole.clone());
                }
                (job.id.clone(), own)
            })
            .collect();
        Self { batch: span, jobs }
    }

    /// The batch's span.
    pub fn batch(&self) -> Span {
        self.batch.clone()
    }

    /// Notes what became of each traced job, and ends all.
    pub fn end(self, outcome: &BatchOutcome) {
        for (id, span) in &self.jobs {
            let verdict = outcome.jobs.iter().find(|job| job.id == *id).map(|job| &job.verdict);
            span.record("netbanx.outcome", verdict.map_or("none", name));
        }
    }
}

/// The trace context, if the trace is recorded.
pub(crate) fn recorded(traceparent: Option<&str>) -> Option<String> {
    traceparent.filter(|own| trace::sampled(Some(own)).is_some()).map(str::to_owned)
}

/// A verdict's name in traces and metrics.
pub(crate) const fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Done => "done",
        Verdict::Failed(_) | Verdict::Dead { .. } => "failed",
        Verdict::Released => "released",
    }
}

/// A step of a traced batch; nothing where it is not.
pub(crate) fn persist_span() -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    let operation = "write batch";
    info_span!(target: trace::TARGET, "persist", otel.kind = "client", db.operation.name = operation)
}

/// The same of the invalidation.
pub(crate) fn invalidate_span() -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    info_span!(target: trace::TARGET, "invalidate", otel.kind = "client")
}
