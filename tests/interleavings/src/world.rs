//! A small world around the queue's scripts: ingress that sends jobs, workers that fetch, write and acknowledge, an operator, time,
//! a replica; and what may go wrong, each so many times. What a client does between two calls is a step of its own, so that
//! anything may come between.

use std::collections::BTreeSet;

use crate::{
    lua::Scripts,
    redis::{Answer, Redis},
};

/// How long a lease lasts, in milliseconds.
const LEASE_MS: i64 = 10_000;
/// How long a failed job waits, in milliseconds.
const DELAY_MS: i64 = 500;
/// How long claims are kept, in seconds: longer than any history here.
const CLAIMS_SECS: &str = "100000";

/// A request that ingress enqueues.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: &'static str,
    /// Two of one claim are the same event, sent twice.
    pub claim: &'static str,
    /// `p` or `o`.
    pub lane: &'static str,
    pub flow: u8,
}

/// What there is, and how often things may go wrong in one history.
#[derive(Debug, Clone)]
pub struct World {
    pub jobs: Vec<Job>,
    pub workers: usize,
    pub batch: usize,
    pub attempts: u8,
    pub chances: Chances,
}

/// How often something may still happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Chances {
    /// A worker dies.
    pub crashes: u8,
    /// A call is done and its answer lost, or is not done at all.
    pub losses: u8,
    /// A job is refused by the database.
    pub failures: u8,
    /// Time passes until something is due.
    pub waits: u8,
    /// A worker ends in good order, giving back what it holds.
    pub releases: u8,
    /// Everything is paused, or goes on.
    pub pauses: u8,
    /// A dead letter is discarded or waits again.
    pub operations: u8,
    /// The replica takes over, with what it had.
    pub failovers: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Worker {
    Idle,
    /// Jobs, and whether their rows are written.
    Holds(Vec<usize>, bool),
}

/// A moment of a history.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    redis: Redis,
    /// How many dead letters were discarded, as the data knows.
    discarded: u8,
    replica: (Redis, u8),
    /// Which requests were answered 2xx.
    answered: Vec<bool>,
    workers: Vec<(Worker, u8)>,
    /// Claims whose rows are in the database.
    written: BTreeSet<&'static str>,
    /// Claims that an operator gave up.
    given_up: BTreeSet<&'static str>,
    left: Chances,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Send(usize),
    SendUnanswered(usize),
    Fetch(usize),
    FetchUnanswered(usize),
    Write(usize),
    Fail(usize),
    Acknowledge(usize),
    AcknowledgeUnanswered(usize),
    AcknowledgeUndone(usize),
    Renew(usize),
    Release(usize),
    Crash(usize),
    Wait,
    Pause,
    Discard,
    Redrive,
    Replicate,
    FailOver,
}

/// The names of a shard's keys, as `lua/shard.lua` has them.
struct Keys(Vec<String>);

impl Keys {
    fn at(&self, place: usize) -> &str {
        &self.0[place]
    }

    fn data(&self) -> &str {
        self.at(0)
    }

    fn owners(&self) -> &str {
        self.at(1)
    }

    /// The sets of a lane that hold jobs: waiting, scheduled, leases, dead.
    fn places(&self, lane: usize) -> [&str; 4] {
        [0, 2, 3, 4].map(|of| self.at(7 + 5 * lane + of))
    }
}

/// Goes through a world.
pub struct Explored<'w> {
    world: &'w World,
    scripts: Scripts,
    keys: Keys,
}

fn args<const N: usize>(texts: [&str; N]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

impl<'w> Explored<'w> {
    pub fn new(world: &'w World, scripts: Scripts) -> Self {
        let keys = queue::fuzzing::scripts().into_iter().find(|(name, ..)| *name == "discard").map(|(.., keys)| keys);
        Self { world, scripts, keys: Keys(keys.unwrap_or_default()) }
    }

    /// How every history begins.
    pub fn begin(&self) -> State {
        let redis = Redis::at(1_700_000_000_000);
        State {
            replica: (redis.clone(), 0),
            redis,
            discarded: 0,
            answered: vec![false; self.world.jobs.len()],
            workers: vec![(Worker::Idle, 0); self.world.workers],
            written: BTreeSet::new(),
            given_up: BTreeSet::new(),
            left: self.world.chances,
        }
    }

    fn owner(state: &State, worker: usize) -> String {
        format!("w{worker}.{}", state.workers[worker].1)
    }

    fn enqueue(&self, state: &mut State, job: usize) {
        let Job { id, claim, lane, flow } = &self.world.jobs[job];
        let record = format!("{lane}|{}||{flow:x}|\nbody", state.redis.now_ms);
        let call = args([CLAIMS_SECS, "wake", "200", "1", "0", claim, id, lane, &flow.to_string(), &record]);
        let answer = self.scripts.call(&mut state.redis, "enqueue", &call);
        assert!(matches!(&answer, Answer::All(all) if all.len() == 2), "{answer:?}");
    }

    /// The jobs that a look brings.
    fn fetch(&self, redis: &mut Redis, owner: &str) -> Vec<usize> {
        let (batch, lease) = (self.world.batch.to_string(), LEASE_MS.to_string());
        let answer = self.scripts.call(redis, "fetch", &args([&batch, &lease, owner, "1", "2", "5", "1"]));
        let Answer::All(parts) = answer else { panic!("{answer:?}") };
        let Answer::All(jobs) = &parts[1] else { panic!("{parts:?}") };
        let id = |pair: &[Answer]| match &pair[0] {
            Answer::Text(id) => self.world.jobs.iter().position(|job| job.id.as_bytes() == id).expect("a job of ours"),
            other => panic!("{other:?}"),
        };
        jobs.chunks(2).map(id).collect()
    }

    /// Calls a script that wants these arguments first and then id and lane of each job.
    fn of_jobs(&self, redis: &mut Redis, name: &str, first: &[&str], jobs: &[usize]) -> Answer {
        let mut call: Vec<Vec<u8>> = first.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        for job in jobs {
            call.extend(args([self.world.jobs[*job].id, self.world.jobs[*job].lane]));
        }
        self.scripts.call(redis, name, &call)
    }

    fn acknowledge(&self, redis: &mut Redis, jobs: &[usize]) {
        let (first, last): (Vec<usize>, Vec<usize>) = jobs.iter().partition(|job| self.world.jobs[**job].lane == "p");
        let count = first.len().to_string();
        let mut call = args(["50", &count]);
        call.extend(first.iter().chain(&last).map(|job| self.world.jobs[*job].id.as_bytes().to_vec()));
        self.scripts.call(redis, "ack", &call);
    }

    fn dead(&self, redis: &Redis) -> Vec<usize> {
        let ids: Vec<String> = (0..2).flat_map(|lane| redis.names(self.keys.places(lane)[3])).collect();
        (0..self.world.jobs.len()).filter(|job| ids.iter().any(|id| id == self.world.jobs[*job].id)).collect()
    }

    /// When the next retry or lease is due.
    fn due(&self, redis: &Redis) -> Option<i64> {
        (0..2).flat_map(|lane| [self.keys.places(lane)[1], self.keys.places(lane)[2]]).filter_map(|key| redis.lowest(key)).min()
    }

    /// What can happen next.
    pub fn steps(&self, state: &State) -> Vec<Step> {
        let mut steps = Vec::new();
        let left = &state.left;
        let mut may = |is_left: u8, step| {
            if is_left > 0 {
                steps.push(step);
            }
        };
        for (job, answered) in state.answered.iter().enumerate() {
            if !answered {
                may(1, Step::Send(job));
                may(left.losses, Step::SendUnanswered(job));
            }
        }
        for (worker, (holds, _)) in state.workers.iter().enumerate() {
            match holds {
                Worker::Idle => {
                    may(1, Step::Fetch(worker));
                    may(left.losses, Step::FetchUnanswered(worker));
                }
                Worker::Holds(_, false) => {
                    may(1, Step::Write(worker));
                    may(left.failures, Step::Fail(worker));
                    may(left.releases, Step::Release(worker));
                }
                Worker::Holds(_, true) => {
                    may(1, Step::Acknowledge(worker));
                    may(left.losses, Step::AcknowledgeUnanswered(worker));
                    may(left.losses, Step::AcknowledgeUndone(worker));
                }
            }
            if *holds != Worker::Idle {
                may(left.crashes, Step::Crash(worker));
                may(1, Step::Renew(worker));
            }
        }
        if self.due(&state.redis).is_some_and(|due| due > state.redis.now_ms) {
            may(left.waits, Step::Wait);
        }
        may(left.pauses, Step::Pause);
        if !self.dead(&state.redis).is_empty() {
            may(left.operations, Step::Discard);
            may(left.operations, Step::Redrive);
        }
        if left.failovers > 0 {
            may(1, Step::Replicate);
            may(1, Step::FailOver);
        }
        steps
    }

    /// What becomes of a moment by a step.
    pub fn after(&self, state: &State, step: Step) -> State {
        let mut next = state.clone();
        let held = |worker: usize| match &state.workers[worker].0 {
            Worker::Holds(jobs, _) => jobs.clone(),
            Worker::Idle => Vec::new(),
        };
        match step {
            Step::Send(job) => {
                self.enqueue(&mut next, job);
                next.answered[job] = true;
                // Answered only once the replica has it.
                next.replica = (next.redis.clone(), next.discarded);
            }
            Step::SendUnanswered(job) => {
                self.enqueue(&mut next, job);
                next.left.losses -= 1;
            }
            Step::Fetch(worker) => {
                let jobs = self.fetch(&mut next.redis, &Self::owner(state, worker));
                next.workers[worker].0 = if jobs.is_empty() { Worker::Idle } else { Worker::Holds(jobs, false) };
            }
            Step::FetchUnanswered(worker) => {
                self.fetch(&mut next.redis, &Self::owner(state, worker));
                next.left.losses -= 1;
            }
            Step::Write(worker) => {
                let jobs = held(worker);
                next.written.extend(jobs.iter().map(|job| self.world.jobs[*job].claim));
                next.workers[worker].0 = Worker::Holds(jobs, true);
            }
            Step::Fail(worker) => {
                let (mut jobs, attempts, delay) = (held(worker), self.world.attempts.to_string(), DELAY_MS.to_string());
                let job = &self.world.jobs[jobs.remove(0)];
                let owner = Self::owner(state, worker);
                let call = args([&owner, &attempts, job.id, job.lane, &delay, "refused", ""]);
                self.scripts.call(&mut next.redis, "fail", &call);
                next.workers[worker].0 = if jobs.is_empty() { Worker::Idle } else { Worker::Holds(jobs, false) };
                next.left.failures -= 1;
            }
            Step::Acknowledge(worker) => {
                self.acknowledge(&mut next.redis, &held(worker));
                next.workers[worker].0 = Worker::Idle;
            }
            Step::AcknowledgeUnanswered(worker) => {
                self.acknowledge(&mut next.redis, &held(worker));
                next.left.losses -= 1;
            }
            Step::AcknowledgeUndone(worker) => {
                next.workers[worker].0 = Worker::Idle;
                next.left.losses -= 1;
            }
            Step::Renew(worker) => {
                let (owner, lease) = (Self::owner(state, worker), LEASE_MS.to_string());
                self.of_jobs(&mut next.redis, "renew", &[&owner, &lease], &held(worker));
            }
            Step::Release(worker) => {
                let owner = Self::owner(state, worker);
                self.of_jobs(&mut next.redis, "release", &[&owner, "wake"], &held(worker));
                next.workers[worker].0 = Worker::Idle;
                next.left.releases -= 1;
            }
            Step::Crash(worker) => {
                next.workers[worker] = (Worker::Idle, state.workers[worker].1 + 1);
                next.left.crashes -= 1;
            }
            Step::Wait => {
                next.redis.now_ms = self.due(&state.redis).unwrap_or(state.redis.now_ms);
                next.left.waits -= 1;
            }
            Step::Pause => {
                self.pause(&mut next.redis, state.redis.field(self.keys.at(5), "all").is_none());
                next.left.pauses -= 1;
            }
            Step::Discard => {
                let job = &self.world.jobs[self.dead(&state.redis)[0]];
                let dropped = self.scripts.call(&mut next.redis, "discard", &args(["", job.id, job.claim, ""]));
                assert_eq!(dropped, Answer::Number(1));
                next.discarded += 1;
                next.given_up.insert(job.claim);
                next.left.operations -= 1;
            }
            Step::Redrive => {
                let job = &self.world.jobs[self.dead(&state.redis)[0]];
                let driven = self.scripts.call(&mut next.redis, "redrive", &args(["wake", job.id]));
                assert_eq!(driven, Answer::Number(1));
                next.left.operations -= 1;
            }
            Step::Replicate => next.replica = (next.redis.clone(), next.discarded),
            Step::FailOver => {
                let now_ms = state.redis.now_ms;
                (next.redis, next.discarded) = state.replica.clone();
                next.redis.now_ms = now_ms;
                next.left.failovers -= 1;
            }
        }
        next
    }

    fn pause(&self, redis: &mut Redis, is_paused: bool) {
        let key = self.keys.at(5);
        let command = if is_paused { args(["HSET", key, "all", "1"]) } else { args(["HDEL", key, "all"]) };
        redis.call(&command).expect("Redis knows both");
    }

    /// What must hold at every moment.
    pub fn check(&self, state: &State) -> Result<(), String> {
        let redis = &state.redis;
        let known: BTreeSet<String> = redis.names(self.keys.data()).into_iter().collect();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut leased = BTreeSet::new();
        for lane in 0..2 {
            for (place, key) in self.keys.places(lane).into_iter().enumerate() {
                for id in redis.names(key) {
                    if place == 2 {
                        leased.insert(id.clone());
                    }
                    if !seen.insert(id.clone()) {
                        return Err(format!("{id} is in two places"));
                    }
                }
            }
        }
        if seen != known {
            return Err(format!("records of {known:?}, places of {seen:?}"));
        }
        let owned: BTreeSet<String> = redis.names(self.keys.owners()).into_iter().collect();
        if owned != leased {
            return Err(format!("{owned:?} have owners, {leased:?} are leased"));
        }
        let here: Vec<&Job> = self.world.jobs.iter().filter(|job| known.contains(job.id)).collect();
        if let Some(twice) = here.iter().find(|job| here.iter().filter(|other| other.claim == job.claim).count() > 1) {
            return Err(format!("two jobs have the claim {}", twice.claim));
        }
        let count = |field: &str| -> i64 {
            let text = redis.field(self.keys.at(4), field).map(|text| String::from_utf8_lossy(text).into_owned());
            text.map_or(0, |text| text.parse().expect("a count"))
        };
        let gone = count("completed:p") + count("completed:o") + i64::from(state.discarded);
        if count("accepted") != gone + known.len() as i64 {
            return Err(format!("{} accepted, {gone} gone, {} there", count("accepted"), known.len()));
        }
        for (job, _) in self.world.jobs.iter().zip(&state.answered).filter(|(_, answered)| **answered) {
            let is_there = self.world.jobs.iter().any(|other| other.claim == job.claim && known.contains(other.id));
            if !is_there && !state.written.contains(job.claim) && !state.given_up.contains(job.claim) {
                return Err(format!("{} was answered 2xx and is nowhere", job.id));
            }
        }
        for claims in [17, 18] {
            for claim in redis.names(self.keys.at(claims)) {
                let id = String::from_utf8_lossy(redis.field(self.keys.at(claims), &claim).unwrap_or_default()).into_owned();
                if !known.contains(&id) && !state.written.contains(claim.as_str()) {
                    return Err(format!("claim {claim} is of {id}, which is neither here nor written"));
                }
            }
        }
        Ok(())
    }

    /// From any moment on: where nothing more goes wrong, one healthy worker brings everything to its end, and nothing but claims
    /// and counts stays.
    pub fn check_end(&self, state: &State) -> Result<(), String> {
        let mut end = state.clone();
        self.pause(&mut end.redis, false);
        for _ in 0..40 {
            let jobs = self.fetch(&mut end.redis, "healthy");
            end.written.extend(jobs.iter().map(|job| self.world.jobs[*job].claim));
            if !jobs.is_empty() {
                self.acknowledge(&mut end.redis, &jobs);
            } else if let Some(due) = self.due(&end.redis) {
                end.redis.now_ms = due.max(end.redis.now_ms);
            } else {
                break;
            }
        }
        self.check(&end)?;
        let dead = self.dead(&end.redis);
        let ids = |jobs: &[usize]| jobs.iter().map(|job| self.world.jobs[*job].id.to_owned()).collect::<BTreeSet<_>>();
        if end.redis.names(self.keys.data()).into_iter().collect::<BTreeSet<_>>() != ids(&dead) {
            return Err(format!("jobs are left that nobody gets: {:?}", end.redis.names(self.keys.data())));
        }
        for (what, key) in [("attempts", 2), ("turns of payments", 8), ("turns of others", 13)] {
            if !end.redis.names(self.keys.at(key)).is_empty() {
                return Err(format!("{what} are left: {:?}", end.redis.names(self.keys.at(key))));
            }
        }
        Ok(())
    }
}
