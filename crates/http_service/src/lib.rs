//! What the HTTP services share: problem documents, the envelope of a success, health, and the
//! life of a server from bind to drain.

mod client_address;
pub mod health;
mod instrument;
mod methods;
mod problem;
pub mod quota;
mod rate_limit;
mod server;
mod success;
mod unread;

pub use client_address::AddressSource;
pub use instrument::{RouteMetrics, TRACEPARENT};
pub use methods::only;
pub use problem::{Problem, ProblemKind};
pub use quota::Quota;
pub use rate_limit::{Rate, RateLimit, Standing};
pub use server::{Stop, serve, stop_on_signal};
pub use success::{success, timestamp, uncached};
