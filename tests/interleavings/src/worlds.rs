//! The worlds that are gone through.

use crate::world::{Chances, Job, World};

/// The same event twice, from two replicas of ingress, and another one of another company in the other lane.
fn jobs() -> Vec<Job> {
    vec![
        Job { id: "j1", claim: "a", lane: "p", flow: 1 },
        Job { id: "j2", claim: "a", lane: "p", flow: 1 },
        Job { id: "j3", claim: "b", lane: "o", flow: 2 },
    ]
}

fn world(workers: usize, batch: usize, chances: Chances) -> World {
    World { jobs: jobs(), workers, batch, attempts: 2, chances }
}

/// Each by its name: those of every run of the tests, and those that take minutes.
pub fn all(large: bool) -> Vec<(&'static str, World)> {
    let (some, more) = (u8::from(large), usize::from(large));
    vec![
        (
            "workers die, jobs fail, and leases end under workers that live",
            world(2, 2, Chances { crashes: 1, failures: 1, waits: 1 + some, ..Chances::default() }),
        ),
        ("calls are lost, and answers", world(2, 1 + more, Chances { losses: 1, waits: 1 + some, ..Chances::default() })),
        (
            "jobs fail, die, are discarded and wait again",
            world(1 + more, 2, Chances { failures: 2 + some, waits: 2, operations: 1, ..Chances::default() }),
        ),
        (
            "everything is paused and goes on while workers end",
            world(2, 2, Chances { pauses: 1 + some, releases: 1, waits: 1, ..Chances::default() }),
        ),
        (
            "the replica takes over with what it had",
            world(1 + more, 2, Chances { failovers: 1, losses: 1, waits: some, ..Chances::default() }),
        ),
    ]
}
