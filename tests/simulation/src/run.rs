//! A seed from its beginning to its end.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::Ordering::Relaxed,
    thread,
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    checks,
    faults::{self, What},
    host, process, reader,
    redis::{self, Fault},
    story::{self, Fate},
    world::{SLOTS, World},
};

/// How long webhooks are sent, in simulated milliseconds.
const SENT_MS: u64 = 12_000;
/// When faults begin, and the last of them.
const FAULTS_MS: (u64, u64) = (2_000, 15_000);
/// How long everything may take once nothing is wrong any more.
const DRAIN_MS: u64 = 300_000;

/// What differs from the usual.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Nothing goes wrong.
    pub is_calm: bool,
    /// A fault in a script.
    pub script: Option<Fault>,
    /// A statement that puts a fault into the database.
    pub database: Option<&'static str>,
}

/// What a seed that held was like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Of everything that Redis was asked and answered.
    pub hash: u64,
    /// Webhooks, commands of Redis, answers that were looked at.
    pub webhooks: u64,
    pub commands: u64,
    pub answers: u64,
    /// Simulated time.
    pub milliseconds: u64,
    /// What went wrong, how often.
    pub faults: BTreeMap<&'static str, u64>,
    /// Whether time never had to go on while a statement was out: only then the same seed gives the same again.
    pub is_repeatable: bool,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = [
            ("webhooks", self.webhooks),
            ("commands", self.commands),
            ("answers", self.answers),
            ("simulated seconds", self.milliseconds / 1000),
            ("not repeatable", u64::from(!self.is_repeatable)),
        ];
        for (name, count) in own.into_iter().chain(self.faults.iter().map(|(name, count)| (*name, *count))) {
            writeln!(f, "{count:>10} {name}")?;
        }
        write!(f, "history {:016x}", self.hash)
    }
}

/// A seed that did not hold.
#[derive(Debug, Clone)]
pub struct Broken {
    pub what: String,
    /// The end of its history.
    pub history: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        self.history.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// Goes through the seed, on a thread of its own.
///
/// # Panics
///
/// Where there is no thread to be had.
pub fn run(seed: u64, options: Options) -> Result<Done, Broken> {
    let thread = thread::Builder::new().name(format!("seed-{seed}")).stack_size(16 << 20);
    let running = thread.spawn(move || {
        process::begin(seed);
        redis::begin(seed, options.script);
        let done = catch_unwind(AssertUnwindSafe(|| live(seed, options)));
        done.map_err(|panic| Broken {
            what: text(panic.as_ref()),
            history: redis::with(|server| server.history().map(str::to_owned).collect()),
        })
    });
    running.expect("a thread").join().unwrap_or_else(|panic| Err(Broken { what: text(panic.as_ref()), history: Vec::new() }))
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn live(seed: u64, options: Options) -> Done {
    let forced = host::FORCED.load(Relaxed);
    let mut rng = StdRng::seed_from_u64(seed);
    let payments = rng.random_range(10..40);
    let webhooks = story::webhooks(&mut rng, payments, SENT_MS);
    let faults = match options.is_calm {
        true => Vec::new(),
        false => {
            let count = rng.random_range(2..16);
            faults::plan(&mut rng, count, FAULTS_MS, SLOTS.len())
        }
    };
    let mut world = World::begin(seed, webhooks, faults);
    if let Some(sql) = options.database {
        world.execute(sql);
    }
    // While it is told of, and for as long as something is wrong.
    let longest = rng.random_range(5..40);
    while !(world.is_told() && world.is_calm()) {
        world.step(longest);
        assert!(world.now_ms() < DRAIN_MS, "webhooks are still not accepted");
    }
    drain(&mut world);
    // An operator mends the fault that refuses some, and retries all that died.
    world.execute("DROP TRIGGER poison");
    world.retry();
    drain(&mut world);
    // Long enough that leases of anyone who was killed are over, and answers must be new again.
    let calm =
        world.wrong_ms.unwrap_or(0).max(world.now_ms()) + if options.is_calm { 4_000 } else { reader::TROUBLED_MS + 4_000 };
    while world.now_ms() < calm {
        world.step(100);
    }
    check(&mut world);
    let mut faults = world.counts.clone();
    let (hash, commands) = redis::with(|server| {
        faults.extend(server.counts.iter().map(|(name, count)| (*name, *count)));
        (server.hash(), server.commands())
    });
    Done {
        hash,
        webhooks: world.webhooks.len() as u64,
        commands,
        answers: world.answers_read(),
        milliseconds: world.now_ms(),
        faults,
        is_repeatable: host::FORCED.load(Relaxed) == forced,
    }
}

/// Until no job waits, is delayed or is held.
fn drain(world: &mut World) {
    let end = world.now_ms() + DRAIN_MS;
    loop {
        for _ in 0..5 {
            world.step(100);
        }
        let stats = world.operate(async |queue| queue.stats().await).expect("Redis answers");
        if stats.total == 0 {
            return;
        }
        assert!(world.now_ms() < end, "jobs are left: {stats:?}");
    }
}

fn check(world: &mut World) {
    const SET: &str = What::ClockSet(0).name();
    let shown = world.shown_last();
    for (webhook, progress) in world.webhooks.iter().zip(&world.progress) {
        let is_answered = if webhook.fate == Fate::Forged { progress.refused > 0 } else { progress.accepted > 0 };
        assert!(is_answered, "{} was never answered as it should be", webhook.body);
    }
    // Claims end by Redis' clock.
    if !world.counts.contains_key(SET) {
        let twice = world.progress.iter().position(|progress| progress.accepted_as_new > 1);
        assert!(twice.is_none(), "{:?} was accepted as new more than once", twice.map(|n| &world.webhooks[n].body));
    }
    let World { operator, db, queue, setup, webhooks, .. } = world;
    let dead = webhooks.iter().filter(|webhook| webhook.fate == Fate::Unreadable).count();
    operator.complete(async {
        let counts = checks::transactions(db, setup.companies).await;
        assert_eq!(counts, Some(shown), "what companies have, and what they are shown in the end");
        checks::stored(db, queue, setup, webhooks).await;
        checks::figures(db).await;
    });
    checks::queue_is_empty(dead);
}
