//! Work that yields: beside a service's own it has what processors leave over.

use std::{future::Future, num::NonZero, thread, time::Duration};

use tokio::{runtime::Builder, sync::oneshot};

/// What its threads add to their `nice` value (`sched(7)`): beside a thread that wants all of a processor one gets a thirtieth of it.
const NICE: i32 = 15;
/// Threads at most: it mostly waits for others.
const THREADS: usize = 4;
/// How long what it left undone may take to stop.
const STOPPING: Duration = Duration::from_secs(1);

/// Does `work` on threads of its own of lower priority, and returns when it has ended. What it opens, connections above all, is
/// to be its own: whoever waited for it would wait as long as those threads do.
pub async fn yielding<F>(name: &'static str, work: impl FnOnce() -> F + Send + 'static)
where
    F: Future<Output = ()>,
{
    let (ended, end) = oneshot::channel();
    let life = move || {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(threads).thread_name(name).on_thread_start(yield_to_others).enable_all().build();
        match runtime {
            Ok(runtime) => {
                yield_to_others();
                runtime.block_on(work());
                runtime.shutdown_timeout(STOPPING);
            }
            Err(error) => tracing::error!(%error, "{name} cannot begin"),
        }
        let _ = ended.send(());
    };
    match thread::Builder::new().name(name.to_owned()).spawn(life) {
        // It ends by itself, and tells when.
        Ok(_) => drop(end.await),
        Err(error) => tracing::error!(%error, "{name} cannot begin"),
    }
}

/// Lowers the priority of the thread that calls it: on Linux it is the thread's own.
fn yield_to_others() {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn its_threads_yield_and_others_do_not() {
        let before = rustix::process::getpriority_process(None).unwrap();
        let (tell, told) = oneshot::channel();
        yielding("test", move || async move {
            let own = rustix::process::getpriority_process(None).unwrap();
            let others = tokio::spawn(async { rustix::process::getpriority_process(None).unwrap() }).await.unwrap();
            tell.send((own, others)).unwrap();
        })
        .await;
        assert_eq!(told.await.unwrap(), (NICE, NICE));
        assert_eq!(rustix::process::getpriority_process(None).unwrap(), before);
    }
}
