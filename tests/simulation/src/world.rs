//! One simulation: hosts that take turns, what is sent to them and read from them, and what goes wrong meanwhile.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Instant,
};

use actix_web::test::TestRequest;
use queue::{DeadQuery, Lane, Queue};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::{
    faults::{Fault, What},
    host::Host,
    process,
    reader::Reader,
    redis::{self, Trouble},
    services::{self, Kind, Service},
    setup::{COMPANIES, Setup},
    story::{Fate, Webhook},
};

/// What runs in each slot.
pub const SLOTS: [Kind; 6] = [Kind::Ingress, Kind::Worker, Kind::Worker, Kind::Ingress, Kind::Api, Kind::Api];

/// How soon a webhook that was not accepted is sent again, at most.
const AGAIN_MS: u64 = 1_500;

/// What became of a webhook that was sent: its place in the list, and the status; none where no answer came.
type Answered = (usize, Option<u16>);

/// Notes that no answer came, unless one did.
struct Asking {
    webhook: usize,
    status: Option<u16>,
    answers: Rc<RefCell<Vec<Answered>>>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.answers.borrow_mut().push((self.webhook, self.status));
    }
}

/// How far a webhook is.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// When it is to be sent, the next time first.
    due: VecDeque<u64>,
    pub is_under_way: bool,
    pub accepted: u32,
    /// How often as new, and not as a duplicate.
    pub accepted_as_new: u32,
    pub refused: u32,
}

/// A simulation under way.
pub struct World {
    pub setup: Setup,
    pub rng: StdRng,
    since: Instant,
    slots: Vec<Option<Service>>,
    /// When the process of a slot begins again, or goes on.
    back: BTreeMap<usize, (u64, bool)>,
    started: u32,
    pub db: DatabaseConnection,
    pub queue: Queue,
    /// Goes after its connections.
    pub operator: Host,
    pub webhooks: Vec<Webhook>,
    pub progress: Vec<Progress>,
    answers: Rc<RefCell<Vec<Answered>>>,
    reader: Reader,
    faults: VecDeque<Fault>,
    /// Those that last, by their end.
    lasting: Vec<Fault>,
    wall_ahead_ms: i64,
    pub counts: BTreeMap<&'static str, u64>,
    /// When something last was wrong.
    pub wrong_ms: Option<u64>,
}

impl World {
    /// Everything at its beginning: all processes start.
    pub fn begin(seed: u64, webhooks: Vec<Webhook>, faults: Vec<Fault>) -> Self {
        let since = Instant::now();
        let setup = Setup::new();
        redis::admit("operator");
        let operator = Host::start("operator".to_owned(), since);
        let (settings, watch) = (setup.settings("operator"), operator.watch());
        let (db, queue) = operator.complete(async {
            (services::database(&settings, &watch).await, service::queue(&settings).expect("the queue's settings are good"))
        });
        let progress = webhooks.iter().map(|webhook| {
            let mut due = webhook.sent_ms.clone();
            due.sort_unstable();
            Progress { due: due.into(), ..Progress::default() }
        });
        let mut world = Self {
            reader: Reader::new(setup.tokens.clone()),
            setup,
            rng: StdRng::seed_from_u64(seed ^ 0xf00d),
            since,
            slots: Vec::new(),
            back: BTreeMap::new(),
            started: 0,
            operator,
            db,
            queue,
            progress: progress.collect(),
            webhooks,
            answers: Rc::default(),
            faults: faults.into(),
            lasting: Vec::new(),
            wall_ahead_ms: 0,
            counts: BTreeMap::new(),
            wrong_ms: None,
        };
        for slot in 0..SLOTS.len() {
            world.slots.push(None);
            world.start(slot);
        }
        world
    }

    /// Milliseconds since the beginning.
    pub fn now_ms(&self) -> u64 {
        process::elapsed_ms()
    }

    fn start(&mut self, slot: usize) {
        self.started += 1;
        let name = format!("{:?}-{}", SLOTS[slot], self.started).to_lowercase();
        self.slots[slot] = Some(Service::start(SLOTS[slot], name, &self.setup, self.since));
    }

    /// A turn of every host, in any order.
    pub fn step(&mut self, longest_ms: u64) {
        let now = self.now_ms();
        self.make_trouble(now);
        self.take_answers(now);
        self.send(now);
        let until = now + self.rng.random_range(1..=longest_ms);
        let mut order: Vec<usize> = (0..=SLOTS.len()).collect();
        order.shuffle(&mut self.rng);
        for slot in order {
            process::set_elapsed_ns(now * 1_000_000);
            if slot == SLOTS.len() {
                self.operator.run(until);
                continue;
            }
            let is_still = self.back.get(&slot).is_some_and(|(_, is_still)| *is_still);
            let Some(service) = self.slots[slot].as_ref().filter(|_| !is_still) else { continue };
            service.host.run(until);
            let is_over = redis::with(|server| server.is_over(&service.host.name));
            if is_over || service.host.is_cut() || *service.has_ended.borrow() {
                self.slots[slot] = None;
                // A fault's end brings it back; otherwise at once.
                self.back.entry(slot).or_insert((until, false));
            }
        }
        process::set_elapsed_ns(until * 1_000_000);
        self.read(until);
    }

    fn read(&mut self, now: u64) {
        if self.reader.is_due(now) {
            let counts = self.operator.complete(crate::checks::transactions(&self.db, self.setup.companies));
            process::set_elapsed_ns(now * 1_000_000);
            let apis = self.slots.iter().flatten().filter(|service| service.kind == Kind::Api);
            self.reader.ask(now, counts, apis, &mut self.rng);
        }
        self.reader.check(self.wrong_ms);
    }

    /// How many answers of the API were looked at.
    pub fn answers_read(&self) -> u64 {
        self.reader.looked_at
    }

    /// How many transactions each company was shown last.
    pub fn shown_last(&self) -> [u64; 2] {
        self.reader.last
    }

    fn send(&mut self, now: u64) {
        for (n, progress) in self.progress.iter_mut().enumerate() {
            if progress.is_under_way || progress.due.front().is_none_or(|due| *due > now) {
                continue;
            }
            progress.due.pop_front();
            let open: Vec<&Service> = self.slots.iter().flatten().filter(|service| service.kind == Kind::Ingress).collect();
            if open.is_empty() {
                progress.due.push_front(now + 100);
                continue;
            }
            progress.is_under_way = true;
            let service = open[self.rng.random_range(0..open.len())];
            let webhook = &self.webhooks[n];
            let request = TestRequest::post()
                .uri(&format!("/api/webhooks/netbanx/{}", COMPANIES[webhook.company]))
                .insert_header(("Signature", webhook.signature.clone()))
                .set_payload(webhook.body.clone());
            let asking = Asking { webhook: n, status: None, answers: self.answers.clone() };
            let door = service.door.clone();
            service.host.spawn(async move {
                // As a whole: it is dropped with the process.
                let mut asking = asking;
                asking.status = door.ask(request).await.map(|(status, _)| status.as_u16());
            });
        }
    }

    fn take_answers(&mut self, now: u64) {
        for (n, status) in self.answers.take() {
            let progress = &mut self.progress[n];
            progress.is_under_way = false;
            let is_forged = self.webhooks[n].fate == Fate::Forged;
            match status {
                Some(200..=299) => {
                    assert!(!is_forged, "a webhook that is not genuine was accepted");
                    progress.accepted += 1;
                    progress.accepted_as_new += u32::from(status == Some(202));
                }
                Some(401) if is_forged => progress.refused += 1,
                // Those are answers to whom cannot be helped by sending again: nothing here is so.
                Some(status @ 400..=499) if status != 429 => panic!("{} was answered {status}", self.webhooks[n].body),
                _ => {
                    let due = now + self.rng.random_range(100..AGAIN_MS);
                    progress.due.push_front(due);
                }
            }
        }
    }

    /// Whether everything was sent and answered.
    pub fn is_told(&self) -> bool {
        self.progress.iter().all(|progress| progress.due.is_empty() && !progress.is_under_way)
    }

    /// Whether nothing goes wrong any more, and nobody is missing.
    pub fn is_calm(&self) -> bool {
        self.faults.is_empty() && self.lasting.is_empty() && self.back.is_empty()
    }

    fn make_trouble(&mut self, now: u64) {
        while let Some(fault) = self.faults.pop_front_if(|fault| fault.from_ms <= now) {
            self.begin_fault(fault, now);
        }
        let (over, lasting): (Vec<_>, Vec<_>) = self.lasting.iter().partition(|fault| fault.until_ms <= now);
        self.lasting = lasting;
        for fault in over {
            self.end_fault(fault.what);
        }
        let back: Vec<_> = self.back.iter().filter(|(_, (at, _))| *at <= now).map(|(slot, back)| (*slot, back.1)).collect();
        for (slot, is_still) in back {
            self.back.remove(&slot);
            match self.slots[slot].as_ref().filter(|_| is_still) {
                Some(service) => service.host.stand_still(now),
                None => self.start(slot),
            }
        }
        if !self.lasting.is_empty() || !self.back.is_empty() {
            self.wrong_ms = Some(now);
        }
        let mut trouble = Trouble::default();
        let mut travel_ms = 2;
        for fault in &self.lasting {
            if let Some(more) = fault.what.trouble() {
                trouble.lost += more.lost;
                trouble.unanswered += more.unanswered;
                trouble.twice += more.twice;
                trouble.is_full |= more.is_full;
                trouble.is_away |= more.is_away;
            }
            if let What::Slow(ms) = fault.what {
                travel_ms = travel_ms.max(ms);
            }
        }
        redis::with(|server| (server.trouble, server.travel_ms) = (trouble, travel_ms));
    }

    fn begin_fault(&mut self, fault: Fault, now: u64) {
        let is_there = |slot: usize| self.slots[slot].is_some() && !self.back.contains_key(&slot);
        let is_double = self.lasting.iter().any(|lasting| lasting.what.name() == fault.what.name());
        match fault.what {
            What::Killed { slot, .. } | What::KilledInDatabase { slot, .. } | What::Ended { slot } | What::Stopped { slot }
                if !is_there(slot) =>
            {
                return;
            }
            What::DatabaseAway | What::DatabaseRefuses | What::Paused { .. } if is_double => return,
            _ => {}
        }
        *self.counts.entry(fault.what.name()).or_default() += 1;
        self.wrong_ms = Some(now);
        redis::with(|server| server.note(format!("** {:?} until {}", fault.what, fault.until_ms)));
        match fault.what {
            What::Killed { slot, calls } => {
                if calls == 0 {
                    self.slots[slot] = None;
                } else if let Some(service) = &self.slots[slot] {
                    redis::with(|server| server.end_host(&service.host.name, calls));
                }
                self.back.insert(slot, (fault.until_ms, false));
            }
            What::KilledInDatabase { slot, statements } => {
                if let Some(service) = &self.slots[slot] {
                    service.host.cut_after(statements);
                }
                self.back.insert(slot, (fault.until_ms, false));
            }
            What::Ended { slot } => {
                if let Some(service) = &self.slots[slot] {
                    service.stop.send_replace(true);
                }
                if SLOTS[slot] != Kind::Worker {
                    // What its server does at the end, the tests of the programs show.
                    self.slots[slot] = None;
                }
                self.back.insert(slot, (fault.until_ms, false));
            }
            What::Stopped { slot } => drop(self.back.insert(slot, (fault.until_ms, true))),
            What::ScriptsForgotten => redis::with(redis::Server::forget_scripts),
            What::ClockSet(by) => {
                self.wall_ahead_ms += by;
                process::set_wall_ahead_ms(self.wall_ahead_ms);
                redis::with(|server| server.ahead_ms = self.wall_ahead_ms);
            }
            What::Retried => self.retry(),
            What::DatabaseAway => self.execute("ALTER TABLE webhook_events RENAME TO webhook_events_away"),
            What::DatabaseRefuses => self.execute(REFUSE),
            What::Paused { all } => {
                let lane = if all { None } else { Some(Lane::High) };
                drop(self.operate(async |queue| queue.pause(lane).await));
            }
            _ => {}
        }
        self.lasting.push(fault);
    }

    fn end_fault(&mut self, what: What) {
        match what {
            What::DatabaseAway => self.execute("ALTER TABLE webhook_events_away RENAME TO webhook_events"),
            What::DatabaseRefuses => self.execute("DROP TRIGGER refuse"),
            What::Paused { .. } => while self.operate(async |queue| queue.resume(None).await).is_err() {},
            _ => {}
        }
    }

    /// Retries all dead letters, as far as Redis lets.
    pub fn retry(&mut self) {
        let query = DeadQuery { limit: 100, ..DeadQuery::default() };
        drop(self.operate(async |queue| queue.redrive_matching(&query, |_| true).await));
    }

    /// Something that an operator does.
    pub fn operate<T>(&mut self, work: impl AsyncFnOnce(&Queue) -> T) -> T {
        let now = self.now_ms();
        let done = self.operator.complete(work(&self.queue));
        process::set_elapsed_ns(now * 1_000_000);
        done
    }

    /// Changes the database as no service does.
    pub fn execute(&mut self, sql: &str) {
        let now = self.now_ms();
        self.operator.complete(self.db.execute_unprepared(sql)).expect("the database does it");
        process::set_elapsed_ns(now * 1_000_000);
    }
}

/// Whatever is written is refused as if it were at fault itself.
const REFUSE: &str =
    "CREATE TRIGGER refuse BEFORE INSERT ON webhook_events FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'refused'); END";
