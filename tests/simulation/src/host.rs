//! A host: one process of a service, as a runtime of its own whose time is simulated. Hosts take turns, each for as long as the others;
//! one that is cut off is dropped with all its tasks, at whichever await they are.

use std::{
    fs,
    future::Future,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant as Steady},
};

use sea_orm::sqlx::SqlitePool;
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
    task::LocalSet,
    time::{self, Instant},
};

use crate::{baton, process};

/// How long a statement may take in real time before simulated time goes on all the same.
const STUCK: Duration = Duration::from_secs(20);

/// How often simulated time went on although a statement was out: a simulation that has any is not repeatable.
pub static FORCED: AtomicU64 = AtomicU64::new(0);

/// Keeps simulated time from going on while a statement is with SQLite, whose threads are real, and those from going on while their
/// host does.
#[derive(Default)]
pub struct Gate {
    pools: Mutex<Vec<SqlitePool>>,
    /// Calls under way that open a pool.
    opening: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
    cut: Notify,
}

#[derive(Default)]
struct State {
    /// A blocking task is under way, which keeps time from going on.
    is_held: bool,
    /// The host has nothing to do but to wait.
    is_idle: bool,
    /// The host is gone.
    is_over: bool,
    /// How many statements more until it is cut off, with the last of them under way; none: it is not.
    cut_after: Option<u32>,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn statements_out(&self) -> bool {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        self.opening.load(Relaxed) > 0 || pools.iter().any(|pool| pool.size() as usize > pool.num_idle())
    }

    /// Connections that its pools have open.
    fn connections(&self) -> usize {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.iter().map(|pool| pool.size() as usize).sum()
    }

    /// The runtime has nothing to do: its time goes on to the next timer, unless a blocking task is under way.
    fn idle(self: &Arc<Self>) {
        let is_out = self.statements_out();
        let mut state = self.state();
        state.is_idle = true;
        if is_out && let Some(left) = &mut state.cut_after {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.cut.notify_one();
            }
        }
        if is_out && !state.is_held {
            state.is_held = true;
            let gate = self.clone();
            drop(tokio::task::spawn_blocking(move || gate.hold()));
        } else if !is_out {
            state.is_held = false;
        }
        self.changed.notify_all();
    }

    fn busy(&self) {
        self.state().is_idle = false;
    }

    fn hold(&self) {
        self.wait(|state| !state.is_held);
    }

    /// Waits until the host is idle.
    pub fn await_turn(&self) {
        self.wait(|state| state.is_idle || state.is_over);
    }

    fn wait(&self, is_done: impl Fn(&State) -> bool) {
        let waited = self.changed.wait_timeout_while(self.state(), STUCK, |state| !is_done(state));
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            FORCED.fetch_add(1, Relaxed);
            state.is_held = false;
        }
    }

    fn end(&self) {
        {
            let mut state = self.state();
            (state.is_over, state.is_held) = (true, false);
        }
        self.changed.notify_all();
    }
}

/// A process.
pub struct Host {
    pub name: String,
    local: LocalSet,
    runtime: Option<Runtime>,
    gate: Arc<Gate>,
    span: tracing::Span,
    began: Instant,
    /// How long after the simulation's beginning that was.
    began_ms: u64,
}

impl Host {
    /// A process that begins now. `since` is the simulation's beginning.
    ///
    /// # Panics
    ///
    /// Where the system gives no runtime.
    pub fn start(name: String, since: Steady) -> Self {
        let gate = Arc::new(Gate::default());
        let (idle, busy, span) = (gate.clone(), gate.clone(), baton::span(gate.clone()));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .max_blocking_threads(2)
            .on_thread_park(move || idle.idle())
            .on_thread_unpark(move || {
                busy.busy();
                let elapsed = Instant::now().into_std().saturating_duration_since(since);
                process::set_elapsed_ns(elapsed.as_nanos() as u64);
            })
            .build()
            .expect("a runtime");
        let began = runtime.block_on(async { Instant::now() });
        Self { name, local: LocalSet::new(), runtime: Some(runtime), gate, span, began, began_ms: process::elapsed_ms() }
    }

    /// Its time does not go on while a statement over `pool` is under way.
    pub fn watch(&self) -> Watch {
        Watch(self.gate.clone())
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("only its end takes it")
    }

    /// Does `work` beside all else.
    pub fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let _within = self.runtime().enter();
        drop(self.local.spawn_local(work));
    }

    /// Does `work` as something of this process.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        let _within = self.runtime().enter();
        work()
    }

    /// Goes on until it is `until_ms` after the simulation's beginning.
    pub fn run(&self, until_ms: u64) {
        let until = self.began + Duration::from_millis(until_ms - self.began_ms);
        self.complete(async {
            tokio::select! {
                biased;
                () = self.gate.cut.notified() => {}
                () = time::sleep_until(until) => {}
            }
        });
    }

    /// Is cut off while the database does a statement for it, after so many more.
    pub fn cut_after(&self, statements: u32) {
        self.gate.state().cut_after = Some(statements);
    }

    /// Whether it was cut off: then it must not go on.
    pub fn is_cut(&self) -> bool {
        self.gate.state().cut_after == Some(0)
    }

    /// Stands still until then: whatever came due meanwhile is due at once.
    pub fn stand_still(&self, until_ms: u64) {
        let until = self.began + Duration::from_millis(until_ms - self.began_ms);
        self.complete(async { time::advance(until.saturating_duration_since(Instant::now())).await });
    }

    /// What `work` comes to, while its time goes on as far as that needs.
    pub fn complete<T>(&self, work: impl Future<Output = T>) -> T {
        let _turn = self.span.enter();
        self.gate.busy();
        self.local.block_on(self.runtime(), work)
    }
}

/// How many threads SQLite has in this process.
fn statement_threads() -> usize {
    let names = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = names.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    names.filter(|name| name.starts_with("sqlx-sqlite")).count()
}

impl Drop for Host {
    fn drop(&mut self) {
        let left = statement_threads() - self.gate.connections();
        self.gate.end();
        {
            let _within = self.runtime().enter();
            drop(std::mem::take(&mut self.local));
        }
        drop(self.runtime.take());
        self.gate.pools.lock().unwrap_or_else(PoisonError::into_inner).clear();
        // What was under way there is done, or undone, before anybody else looks.
        let mut looks = 0;
        while statement_threads() > left {
            std::thread::sleep(Duration::from_micros(200));
            looks += 1;
            if looks > 25_000 {
                FORCED.fetch_add(1, Relaxed);
                break;
            }
        }
        baton::forget(&self.span);
    }
}

/// Names the pools of a host.
#[derive(Clone)]
pub struct Watch(Arc<Gate>);

impl Watch {
    /// What `work` comes to, during which time does not go on.
    pub async fn hold<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.opening.fetch_add(1, Relaxed);
        let done = work.await;
        self.0.opening.fetch_sub(1, Relaxed);
        done
    }

    /// One more pool.
    pub fn pool(&self, pool: SqlitePool) {
        self.0.pools.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
    }
}
