//! Every history of the small worlds keeps what is promised, and a script with a fault in it does not.

use interleavings::{
    explore::explore,
    lua::{Fault, Scripts},
    worlds,
};

/// One moment of so many is followed to its end.
const FOLLOWED: u64 = 16;

fn holds(nth: usize) {
    let (name, world) = worlds::all(false).swap_remove(nth);
    let found = explore(&world, Scripts::load(), FOLLOWED).unwrap_or_else(|broken| panic!("{name}: {broken:#?}"));
    println!("{name}: {} moments, {} steps", found.moments, found.steps);
    assert!(found.moments > 5_000, "{name} has become a world of {} moments", found.moments);
}

#[test]
fn workers_die_jobs_fail_and_leases_end_under_workers_that_live() {
    holds(0);
}

#[test]
fn calls_are_lost_and_answers() {
    holds(1);
}

#[test]
fn jobs_fail_die_are_discarded_and_wait_again() {
    holds(2);
}

#[test]
fn everything_is_paused_and_goes_on_while_workers_end() {
    holds(3);
}

#[test]
fn the_replica_takes_over_with_what_it_had() {
    holds(4);
}

#[test]
fn a_fault_in_a_script_is_found() {
    let faults = [
        // A job that is taken over keeps its owner.
        (
            "fetch",
            "redis.call('ZREM', lane.leases, id)\n    redis.call('HDEL', owners, id)",
            "redis.call('ZREM', lane.leases, id)",
            3,
        ),
        // An acknowledgement that comes late leaves the job where it was put meanwhile.
        (
            "ack",
            "if redis.call('ZREM', lane.leases, unpack(ids)) < #ids then",
            "if redis.call('ZREM', lane.leases, unpack(ids)) < 0 then",
            3,
        ),
        // The claim is not noted.
        ("enqueue", "redis.call('HSET', c.now, unpack(claims))", "", 1),
        // A failure is counted for a job that another has by now.
        ("fail", "if redis.call('HGET', owners, id) == ARGV[1] then", "if true then", 0),
        // What was discarded cannot come again.
        ("discard", "claims_free(claims, ARGV[at + 1], id)", "", 2),
        // Of a dead letter the attempts stay.
        ("fail", "  forget_attempts(id)\nend\n\n-- Drops", "end\n\n-- Drops", 2),
    ];
    for (script, instead_of, stands, nth) in faults {
        let (name, world) = worlds::all(false).swap_remove(nth);
        let broken = explore(&world, Scripts::with(Some(Fault { script, instead_of, stands })), FOLLOWED);
        let broken = broken.expect_err(&format!("{name} does not notice that {script} has {stands:?} for {instead_of:?}"));
        assert!(!broken.history.is_empty(), "{}", broken.what);
    }
}
