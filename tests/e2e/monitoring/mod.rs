//! What operators see.

mod alerts;
mod telemetry;
