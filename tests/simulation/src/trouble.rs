//! What a simulation's faults do to it, and how they end.

use queue::{DeadQuery, Lane, Queue};
use sea_orm::ConnectionTrait;

use crate::{
    faults::{Fault, What},
    process,
    redis::{self, Trouble},
    services::Kind,
    world::{SLOTS, World},
};

impl World {
    /// Begins what is due to go wrong, and ends what is over.
    pub fn make_trouble(&mut self, now: u64) {
        while self.faults.front().is_some_and(|fault| fault.from_ms <= now) {
            let Some(fault) = self.faults.pop_front() else { break };
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
        let of_database = self.lasting.iter().any(|lasting| matches!(lasting.what, What::DatabaseAway | What::DatabaseRefuses));
        match fault.what {
            What::Killed { slot, .. } | What::KilledInDatabase { slot, .. } | What::Ended { slot } | What::Stopped { slot }
                if !is_there(slot) =>
            {
                return;
            }
            What::Paused { .. } if is_double => return,
            // What is not there refuses nothing.
            What::DatabaseAway | What::DatabaseRefuses if of_database => return,
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
            What::Evicted => redis::with(redis::Server::evict),
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
            What::Paused { .. } => {
                // An operator goes on until it is done, at the latest when Redis is well again.
                let trouble = redis::with(|server| std::mem::take(&mut server.trouble));
                self.operate(async |queue| queue.resume(None).await).expect("Redis is well");
                redis::with(|server| server.trouble = trouble);
            }
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
