//! One simulation: hosts that take turns, what is sent to them and read from them, and what goes wrong meanwhile.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Instant,
};

use actix_web::test::TestRequest;
use queue::Queue;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use sea_orm::DatabaseConnection;

use crate::{
    faults::Fault,
    host::Host,
    process,
    reader::Reader,
    redis,
    services::{self, Kind, Service},
    setup::{COMPANIES, Setup},
    story::{Fate, Webhook},
    wire,
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
    pub since: Instant,
    pub slots: Vec<Option<Service>>,
    /// When the process of a slot begins again, or goes on.
    pub back: BTreeMap<usize, (u64, bool)>,
    pub started: u32,
    pub db: DatabaseConnection,
    pub queue: Queue,
    /// Goes after its connections.
    pub operator: Host,
    pub webhooks: Vec<Webhook>,
    pub progress: Vec<Progress>,
    answers: Rc<RefCell<Vec<Answered>>>,
    reader: Reader,
    pub faults: VecDeque<Fault>,
    /// Those that last.
    pub lasting: Vec<Fault>,
    pub wall_ahead_ms: i64,
    pub counts: BTreeMap<&'static str, u64>,
    /// When something last was wrong.
    pub wrong_ms: Option<u64>,
}

impl World {
    /// Everything at its beginning: all processes start.
    pub fn begin(seed: u64, webhooks: Vec<Webhook>, faults: Vec<Fault>) -> Self {
        let since = Instant::now();
        let setup = Setup::begin();
        wire::admit("operator");
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

    /// Begins a new process in that slot.
    pub fn start(&mut self, slot: usize) {
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
}
