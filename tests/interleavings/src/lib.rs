//! Every interleaving of the queue's own Lua scripts, in small worlds: the scripts as they are run in an embedded Lua over a model
//! of Redis' data, and what producers, workers, an operator and time do comes in every order, with calls that are lost, workers
//! that die, leases that end and a replica that takes over. `tests/real_redis.rs` holds the model against a real Redis.
//!
//! | module | part |
//! | --- | --- |
//! | [`redis`] | data and commands |
//! | [`lua`] | the scripts over them |
//! | [`world`] | who does what, and what must hold |
//! | [`explore`] | every history |
//! | [`worlds`] | the worlds that are gone through |

pub mod explore;
pub mod lua;
pub mod redis;
pub mod world;
pub mod worlds;
