//! Stories of use, each on a platform of its own.

mod faults;
mod isolation;
mod queue;
mod refusals;
mod rotation;
mod samples;
