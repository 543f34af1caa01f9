//! What the HTTP services share: problem documents, the envelope of a success, health, and the
//! life of a server from bind to drain.

pub mod health;
mod instrument;
mod methods;
mod problem;
mod server;
mod success;

pub use instrument::{RouteMetrics, TRACEPARENT};
pub use methods::only;
pub use problem::{Problem, ProblemKind};
pub use server::{Stop, serve, stop_on_signal};
pub use success::{success, timestamp};
