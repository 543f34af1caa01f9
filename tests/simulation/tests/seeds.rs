//! A hundred seeds, that a seed is the same again, and that faults put in are noticed.

use std::process::Command;

use simulation::{
    ScriptFault,
    run::{Options, run},
};

/// Within so many seeds a fault that was put in must be noticed.
const NOTICED: u64 = 12;

fn simulation(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_simulation")).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {told}");
    told
}

#[test]
fn whatever_a_seed_does_all_is_stored_once_and_every_answer_is_new_enough() {
    let told = simulation(&["100"]);
    assert!(told.contains("100 seeds") && told.contains(" 0 not repeatable"), "{told}");
}

#[test]
fn a_seed_is_the_same_again() {
    for seed in ["2", "11"] {
        let told = simulation(&["--seed", seed]);
        assert!(told.contains("history "), "{told}");
        assert_eq!(told, simulation(&["--seed", seed]), "seed {seed}");
    }
}

/// What the first seed says that notices `options`.
fn noticed(options: Options) -> String {
    let told = (0..NOTICED).find_map(|seed| run(seed, options).err());
    told.unwrap_or_else(|| panic!("nothing was noticed within {NOTICED} seeds")).what
}

fn script(script: &'static str, instead_of: &'static str, stands: &'static str) -> Options {
    Options { script: Some(ScriptFault { script, instead_of, stands }), ..Options::default() }
}

#[test]
fn a_job_that_is_gone_before_its_commit_is_noticed() {
    let told = noticed(script("leases jobs to a worker", "redis.call('ZADD', lane.leases, unpack(leases))", ""));
    // They are missing, or what was committed of them is not told when their worker is killed.
    assert!(told.contains("stored webhooks") || told.contains("is shown"), "{told}");
}

#[test]
fn an_invalidation_that_is_left_out_is_noticed() {
    let told = noticed(script(
        "Notes that rows under a tag have changed",
        "redis.call('SET', KEYS[1], now .. ':' .. previous .. ':' .. since, 'EX', ARGV[1])",
        "",
    ));
    assert!(told.contains("is shown"), "{told}");
}

#[test]
fn attempts_that_are_kept_after_their_job_are_noticed() {
    let told = noticed(script("Frees finished jobs", "for _, id in ipairs(ids) do forget_attempts(id) end", ""));
    assert!(told.contains("attempts are still counted"), "{told}");
}

#[test]
fn a_row_that_is_not_written_is_noticed() {
    let lose =
        "CREATE TRIGGER lose BEFORE INSERT ON webhook_events WHEN NEW.name = 'REFUND_COMPLETED' BEGIN SELECT RAISE(IGNORE); END";
    let told = noticed(Options { database: Some(lose), ..Options::default() });
    assert!(told.contains("stored webhooks"), "{told}");
}

#[test]
fn figures_that_miss_something_are_noticed() {
    let miss = "CREATE TRIGGER miss AFTER INSERT ON rollup_deltas WHEN NEW.series LIKE 't|%FAILED%' \
                BEGIN DELETE FROM rollup_deltas WHERE rowid = NEW.rowid; END";
    let told = noticed(Options { database: Some(miss), ..Options::default() });
    assert!(told.contains("figures differ"), "{told}");
}
