//! Refusals, told: by reason and receiver in the metrics, and to the figures that the API shows.

use common::Endpoint;
use shared_stats::Meter;
use telemetry::metrics;

/// What a receiver is called in figures: `ENDPOINT/SLUG`, or `ENDPOINT` where the path names no company.
pub(crate) fn receiver_name(endpoint: Endpoint, slug: Option<&str>) -> String {
    slug.map_or_else(|| endpoint.as_str().to_owned(), |slug| format!("{endpoint}/{slug}"))
}

/// Counts refusals. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Refusals(pub Meter);

impl Refusals {
    /// Counts one for `reason`. Receivers that do not exist share one name, so that strangers cannot make up names.
    pub fn count(&self, reason: &'static str, endpoint: Endpoint, slug: Option<&str>, is_known: bool) {
        let receiver = if is_known { receiver_name(endpoint, slug) } else { "unknown".to_owned() };
        metrics::refused(reason, &receiver);
        self.0.count(&format!("refused:{reason}"), 1);
    }
}
