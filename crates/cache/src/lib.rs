//! The response cache: answers that are computed once, shared by all replicas, and never older than
//! two seconds behind a commit.
//!
//! | module | part |
//! | --- | --- |
//! | [`tags`] | versions of what answers are computed from; a commit bumps them |
//! | [`entry`] | an answer: body, compressed body, ETag |
//! | [`lease`] | the right to do something alone among all replicas |
//! | `shared` | the answers in Redis, and who computes one for all replicas |
//! | [`response`] | finds an answer in the process, in Redis, or has it computed once |
//!
//! It knows nothing of payments or HTTP: a tag and a key are text, an answer is bytes. What stands before a tag's colon is
//! its owner, whose answers in Redis are bounded together: in number, in bytes, and each by a time to live.
//!
//! # How old an answer can be
//! A commit is followed by a bump within [`tags::BUMP_GAP`] (350 ms), and a process trusts a version that it
//! has read for [`response::TRUST`] (100 ms). While a new answer is computed, the one before the last bump is
//! given, marked stale, as long as the first commit that it lacks is younger than [`response::STALE_FOR`]
//! (1.8 s), by Redis' clock, whenever that bump was made.
//!
//! # Why an answer from before a commit is never taken for one from after it
//! The version is read before the computation begins, and the answer is kept under it. A commit that
//! the computation did not see bumps the version later, and the answer is no longer found.

pub mod entry;
pub mod lease;
pub mod response;
mod shared;
pub mod tags;

pub use entry::Entry;
pub use lease::Lease;
pub use response::{Bounds, Found, Outcome, Plan, ResponseCache};
pub use tags::Tags;
