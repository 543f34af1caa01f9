//! What strangers send, thrown at whatever reads it: each target takes any bytes and panics where a promise is broken.
//!
//! | module | targets |
//! | --- | --- |
//! | `bodies` | `json`, `envelope`, `job` |
//! | `masking` | `masking`, with a detector of its own |
//! | `requests` | `signature`, `query`, `cursor`, `cookie` |
//! | `jobs` | `record`, and `enqueue` on a real Redis |
//!
//! `make fuzz` lets libFuzzer look for such bytes. `cargo test -p fuzz` runs the seeds in `seeds/`, which are examples and
//! whatever was found once, and a bounded number of mutations of them.

mod bodies;
mod jobs;
mod masking;
mod requests;

/// A target's name and what it does with some bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 10] = [
    ("json", bodies::json),
    ("envelope", bodies::envelope),
    ("job", bodies::job),
    ("masking", masking::masking),
    ("signature", requests::signature),
    ("query", requests::query),
    ("cursor", requests::cursor),
    ("cookie", requests::cookie),
    ("record", jobs::record),
    ("enqueue", jobs::enqueue),
];

/// The target of that name.
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, run)| *run)
}
