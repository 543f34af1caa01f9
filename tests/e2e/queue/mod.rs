//! The queue by itself: a real Redis (or cluster), a real apalis worker, the test as its handler.

mod bounds;
mod claims;
mod dead;
mod delivery;
mod failover;
mod lanes;
mod manage;
mod slots;
