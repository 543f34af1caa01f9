//! Who may go on: a host, or the thread on which SQLite works for it. Both at once would make the order of what happens luck. sqlx
//! hands each statement to that thread with the span of who asks, and enters it there before it begins: so this subscriber lets it wait
//! until its host has nothing else to do.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tracing::{
    Event, Level, Metadata, Span, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};
use tracing_core::span::Current;

use crate::{host::Gate, process};

const HOST: &str = "host of a simulation";

static GATES: LazyLock<Mutex<HashMap<u64, Arc<Gate>>>> = LazyLock::new(Mutex::default);
static METADATA: OnceLock<&'static Metadata<'static>> = OnceLock::new();

thread_local! {
    /// The host whose turn it is on this thread, or the one that is made.
    static HOST_HERE: Cell<u64> = const { Cell::new(0) };
}

/// The span of a new host with that gate: within it, its statements wait for it.
pub fn span(gate: Arc<Gate>) -> Span {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    static LISTENING: OnceLock<()> = OnceLock::new();
    LISTENING.get_or_init(|| tracing::subscriber::set_global_default(Baton::new()).expect("nobody else listens"));
    let number = NUMBERS.fetch_add(1, Relaxed);
    GATES.lock().unwrap_or_else(PoisonError::into_inner).insert(number, gate);
    let before = HOST_HERE.replace(number);
    let span = tracing::error_span!("host of a simulation");
    HOST_HERE.set(before);
    span
}

/// The host of that span is gone.
pub fn forget(span: &Span) {
    if let Some(id) = span.id() {
        GATES.lock().unwrap_or_else(PoisonError::into_inner).remove(&id.into_u64());
    }
}

struct Baton {
    /// `SIMULATION_LOG=debug` shows what the services log.
    logged: Option<Level>,
}

impl Baton {
    fn new() -> Self {
        Self { logged: std::env::var("SIMULATION_LOG").ok().and_then(|level| level.parse().ok()) }
    }
}

impl Subscriber for Baton {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_logged = metadata.is_event() && self.logged.is_some_and(|level| *metadata.level() <= level);
        metadata.name() == HOST || is_logged
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.logged.unwrap_or(Level::ERROR)))
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        METADATA.get_or_init(|| attributes.metadata());
        Id::from_u64(HOST_HERE.get())
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        println!("{:>9} ms  {} {}:{}", process::elapsed_ms(), event.metadata().level(), event.metadata().target(), text.0);
    }

    fn enter(&self, id: &Id) {
        if process::is_simulated() {
            HOST_HERE.set(id.into_u64());
            return;
        }
        let gate = GATES.lock().unwrap_or_else(PoisonError::into_inner).get(&id.into_u64()).cloned();
        if let Some(gate) = gate {
            gate.await_turn();
        }
    }

    fn exit(&self, _: &Id) {
        HOST_HERE.set(0);
    }

    fn current_span(&self) -> Current {
        match (METADATA.get(), HOST_HERE.get()) {
            (Some(metadata), number @ 1..) => Current::new(Id::from_u64(number), metadata),
            _ => Current::none(),
        }
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}
