//! Stories of use, each on a platform of its own.

mod faults;
mod isolation;
mod refusals;
mod rotation;
mod samples;
