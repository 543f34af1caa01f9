//! All three services in one process, on one thread, by one clock and one seed: what is sent, what goes wrong and who comes when are the
//! seed's, and afterwards everything that is promised must hold. What they are made of is real, but for Redis, which is the model of
//! `interleavings`, and for sockets; the database is SQLite.
//!
//! | module | part |
//! | --- | --- |
//! | `process` | time and chance, of the whole thread |
//! | `host` | a process of a service, with its own runtime |
//! | `baton` | whether a host goes on, or SQLite for it |
//! | `redis` | Redis, and what becomes of commands to it |
//! | `wire` | how commands come to it |
//! | `setup` | what is there at the beginning |
//! | `services` | ingress, worker and API in hosts |
//! | `story` | what Netbanx tells |
//! | `faults` | what goes wrong |
//! | `reader` | what merchants see |
//! | `world` | a simulation under way |
//! | `trouble` | what faults do to it |
//! | `checks` | what must hold in the end |
//! | `run` | a seed from its beginning to its end |
//!
//! It is built with the feature `simulated`, which no other build has: it puts a way to servers within the process into the Redis client
//! and paused time into tokio.
#![cfg(feature = "simulated")]

mod baton;
mod checks;
mod faults;
mod host;
mod process;
mod reader;
mod redis;
pub mod run;
mod services;
pub mod setup;
mod story;
mod trouble;
mod wire;
mod world;

pub use redis::Fault as ScriptFault;
