//! W3C Trace Context: which requests are traced, and how a trace goes from one process to the next.
//!
//! Spans are made by `tracing` under the target `trace`; anyone who makes one asks [`is_wanted`] before, so
//! that what is not traced costs nothing.

use std::sync::OnceLock;

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The target of spans that are traced.
pub const TARGET: &str = "trace";

/// The share of requests that are traced, as a threshold for a random number; whether any are.
static SAMPLED: OnceLock<(u64, bool)> = OnceLock::new();

pub(crate) fn set_ratio(ratio: f64, is_on: bool) {
    // A process sets this once; a second time changes nothing.
    let _ = SAMPLED.set(((ratio.clamp(0.0, 1.0) * u64::MAX as f64) as u64, is_on));
}

/// Whether a request is to be traced: as its sender has settled it, else by lot.
pub fn is_wanted(traceparent: Option<&str>) -> bool {
    let (threshold, is_on) = SAMPLED.get().copied().unwrap_or((0, false));
    is_on
        && match traceparent.and_then(parse) {
            Some(parent) => parent.is_sampled(),
            None => threshold == u64::MAX || rand::random::<u64>() < threshold,
        }
}

/// The sampled parent that `traceparent` (`00-TRACE-SPAN-FLAGS`) names; none where nothing is traced.
pub fn sampled(traceparent: Option<&str>) -> Option<SpanContext> {
    let is_on = SAMPLED.get().is_some_and(|(_, is_on)| *is_on);
    traceparent.filter(|_| is_on).and_then(parse).filter(SpanContext::is_sampled)
}

fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2 || version == "ff" || trace.len() != 32 || span.len() != 16 || flags.len() != 2 {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// Makes `span` a child of a span in another process.
pub fn follow(span: &Span, parent: SpanContext) {
    // Refused where nothing is traced, which is as good.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}

/// Names the trace of `span` in its field `trace_id`, for the log.
pub fn note_id(span: &Span) {
    let context = span.context();
    let known = context.span().span_context().clone();
    if known.is_valid() {
        span.record("trace_id", known.trace_id().to_string());
    }
}

/// Names `span` again, once it is known what it is of.
pub fn rename(span: &Span, name: String) {
    span.context().span().update_name(name);
}

/// Links `span` to another.
pub fn link(span: &Span, other: SpanContext) {
    span.add_link(other);
}

/// The context of `span`, for others to link to; none where it is not traced.
pub fn context(span: &Span) -> Option<SpanContext> {
    let context = span.context();
    Some(context.span().span_context().clone()).filter(SpanContext::is_valid)
}

/// `span` as a `traceparent` for another process; none where it is not traced.
pub fn traceparent(span: &Span) -> Option<String> {
    let context = context(span)?;
    Some(format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_read_as_the_recommendation_has_them() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(parse(good).is_some_and(|context| context.is_sampled()));
        assert!(parse(&good.replace("-01", "-00")).is_some_and(|context| !context.is_sampled()));
        for bad in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-xyz7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        assert!(!is_wanted(Some(good)), "nothing is traced before it is set up");
    }
}
