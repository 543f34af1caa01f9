//! Jobs as the queue keeps them.

use std::{cell::RefCell, collections::HashSet};

use e2e::Bench;
use queue::{Enqueued, Lane, NewJob};
use tokio::runtime::Runtime;

/// Records: what is packed is unpacked to the same; what is none is refused.
pub fn record(bytes: &[u8]) {
    queue::fuzzing::record(bytes, common::dictionary::DICTIONARY);
}

/// A private Redis and what was put into it.
struct World {
    runtime: Runtime,
    bench: Bench,
    asked: i64,
    claims: HashSet<String>,
}

/// Jobs of any content to the script that takes them: it never fails by itself, and takes every job once.
pub fn enqueue(bytes: &[u8]) {
    // Of the thread, with which its Redis ends.
    thread_local! {
        static WORLD: RefCell<World> = RefCell::new(World::start());
    }
    WORLD.with_borrow_mut(|world| world.enqueue(bytes));
}

impl World {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let bench = runtime.block_on(Bench::start(|settings| settings.shards = 1));
        Self { runtime, bench, asked: 0, claims: HashSet::new() }
    }

    fn enqueue(&mut self, bytes: &[u8]) {
        let Self { runtime, bench, asked, claims } = self;
        runtime.block_on(async {
            let jobs: Vec<NewJob> = bytes.split(|byte| *byte == b'\n').take(8).map(job).collect();
            *asked += jobs.len() as i64;
            for job in jobs {
                let is_new = claims.insert(job.claim.clone());
                let taken = taken(bench, &job).await;
                assert!(!is_new || taken == Enqueued::Accepted, "nobody has claimed it before");
            }
            let stats = e2e::eventually("the queue is counted", || async { bench.queue.stats().await.ok() }).await;
            assert_eq!(stats.accepted, claims.len() as i64);
            assert!(stats.accepted + stats.duplicates >= *asked, "each is counted, one that was sent again twice");
            assert_eq!(stats.waiting, stats.accepted, "every job that was taken waits");
        });
    }
}

/// What the script answers. A busy machine's Redis may answer too late: then it is asked again, as every sender does.
async fn taken(bench: &Bench, job: &NewJob) -> Enqueued {
    for _ in 0..10 {
        match bench.producer.enqueue(again(job)).await {
            Ok(taken) => return taken,
            Err(error) => assert!(error.to_string().contains("imed out"), "the script takes any job: {error:?}"),
        }
    }
    panic!("Redis does not answer");
}

fn again(job: &NewJob) -> NewJob {
    let NewJob { id, claim, lane, flow, traceparent, payload } = job;
    let (id, claim, payload) = (id.clone(), claim.clone(), payload.clone());
    NewJob { id, claim, lane: *lane, flow: *flow, traceparent: traceparent.clone(), payload }
}

/// The job of a line: its parts are whatever stands between the bars.
fn job(line: &[u8]) -> NewJob {
    let mut parts = line.split(|byte| *byte == b'|').map(|part| String::from_utf8_lossy(part).into_owned());
    let mut next = || parts.next().unwrap_or_default();
    let (id, claim, lane, flow, trace) = (next(), next(), next(), next(), next());
    NewJob {
        // Ids are unique: who sends one again sends the same claim.
        id: format!("{id}|{claim}"),
        claim,
        lane: if lane.len() % 2 == 0 { Lane::High } else { Lane::Normal },
        flow: flow.bytes().fold(0, |flow, byte| flow << 8 | u64::from(byte)),
        traceparent: Some(trace).filter(|trace| !trace.is_empty()),
        payload: line.to_vec(),
    }
}
