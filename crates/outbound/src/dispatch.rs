//! A lane for each endpoint that this process has leased.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use clock::now_ms;
use http_service::Stop;
use ring::hmac;
use sea_orm::DatabaseConnection;
use settings::OutboundSettings;
use store::{
    Vault,
    entity::endpoint,
    outbound::{deliveries, endpoints},
};
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::JoinHandle,
};
use uuid::Uuid;

use crate::{
    attempt::{Leased, Shared},
    client::Sender,
    lane::Lane,
};

/// How long a lease holds: for so long the endpoints of a process that was killed wait for another.
const LEASE_MS: i64 = 10_000;
/// How often leases are looked at; a change of an endpoint is heeded after as much.
const LEASES: Duration = Duration::from_secs(1);
/// How often it is looked for what has just become due, while something does; and while nothing does.
const BUSY: Duration = Duration::from_millis(20);
const IDLE: Duration = Duration::from_millis(100);
/// How far back that look goes, in milliseconds: a batch may be committed later than another that was written after it.
const BACK_MS: i64 = 5_000;
/// Longest wait for the database.
const STEP: Duration = Duration::from_secs(5);
/// Requests to all endpoints at once.
const REQUESTS: usize = 512;
/// Lanes that use the database at once.
const DATABASE: usize = 3;
/// How long what is on its way may take when the process stops.
const DRAIN: Duration = Duration::from_secs(16);

struct Handle {
    leased: watch::Sender<Arc<Leased>>,
    wake: Arc<Notify>,
    task: JoinHandle<()>,
}

struct Dispatcher {
    owner: Uuid,
    vault: Arc<Vault>,
    shared: Arc<Shared>,
    lanes: HashMap<Uuid, Handle>,
    stop: Stop,
}

/// Delivers until `stop`, then what is on its way.
pub async fn run(db: DatabaseConnection, vault: Arc<Vault>, settings: &OutboundSettings, mut stop: Stop) {
    let sender = match Sender::new(settings) {
        Ok(sender) => sender,
        Err(error) => {
            tracing::error!(%error, "no endpoint is told anything: the HTTP client cannot be made");
            return;
        }
    };
    let shared = Arc::new(Shared { db, sender, places: Semaphore::new(REQUESTS), database: Semaphore::new(DATABASE) });
    let mut dispatcher = Dispatcher { owner: Uuid::now_v7(), vault, shared, lanes: HashMap::new(), stop: stop.clone() };
    let (mut looked, mut pause, mut is_away) = (None::<Instant>, IDLE, false);
    while !*stop.borrow() {
        if looked.is_none_or(|at| at.elapsed() >= LEASES) {
            looked = Some(Instant::now());
            let leased = dispatcher.lease().await;
            // Once, not every second for as long as the database is away.
            if let Err(error) = &leased
                && !is_away
            {
                tracing::warn!(%error, "endpoints are leased later");
            }
            is_away = leased.is_err();
        }
        match dispatcher.wake().await {
            Ok(woken) => pause = if woken > 0 { BUSY } else { (pause * 2).min(IDLE) },
            Err(error) => {
                tracing::debug!(%error, "what is due is looked for later");
                pause = LEASES;
            }
        }
        let _ = tokio::time::timeout(pause, stop.changed()).await;
    }
    dispatcher.end().await;
}

impl Dispatcher {
    /// Takes and renews leases; begins lanes, tells them what changed, ends those whose endpoint is not ours.
    async fn lease(&mut self) -> Result<(), store::Error> {
        let until_ms = now_ms() + LEASE_MS;
        let rows = store::within(STEP, deliveries::lease(&self.shared.db, self.owner, until_ms, LEASE_MS / 2)).await?;
        let ours: HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
        self.lanes.retain(|id, lane| {
            let stays = ours.contains(id) && !lane.task.is_finished();
            if !stays {
                lane.task.abort();
            }
            stays
        });
        for row in rows {
            let until_ms = row.lease_until;
            match self.open(row, until_ms) {
                Ok(leased) => self.tell(Arc::new(leased)),
                Err(error) => tracing::error!(%error, "an endpoint's key cannot be opened; its messages wait"),
            }
        }
        Ok(())
    }

    fn open(&self, row: endpoint::Model, until_ms: i64) -> Result<Leased, store::Error> {
        let keys = endpoints::keys(&self.vault, &row, now_ms())?;
        let keys = keys.iter().map(|key| hmac::Key::new(hmac::HMAC_SHA256, key)).collect();
        Ok(Leased { row, keys, until_ms })
    }

    fn tell(&mut self, leased: Arc<Leased>) {
        if let Some(lane) = self.lanes.get(&leased.row.id) {
            lane.leased.send_replace(leased);
            return;
        }
        let (id, wake) = (leased.row.id, Arc::new(Notify::new()));
        let (sender, receiver) = watch::channel(leased);
        let lane = Lane::new(self.shared.clone(), receiver, wake.clone(), self.stop.clone());
        self.lanes.insert(id, Handle { leased: sender, wake, task: tokio::spawn(lane.run()) });
    }

    /// Wakes the lanes for which something became due a moment ago. Returns how many.
    async fn wake(&self) -> Result<usize, store::Error> {
        if self.lanes.is_empty() {
            return Ok(0);
        }
        let now = now_ms();
        let recent = store::within(STEP, deliveries::recent(&self.shared.db, now - BACK_MS, now)).await?;
        let mut woken = 0;
        for lane in recent.iter().filter_map(|id| self.lanes.get(id)) {
            lane.wake.notify_one();
            woken += 1;
        }
        Ok(woken)
    }

    /// Lets the lanes end, and others take the endpoints.
    async fn end(self) {
        let ends = self.lanes.into_values().map(|lane| lane.task);
        if tokio::time::timeout(DRAIN, futures::future::join_all(ends)).await.is_err() {
            tracing::warn!("not all deliveries ended in time; they are made again");
        }
        if let Err(error) = store::within(STEP, deliveries::release(&self.shared.db, self.owner)).await {
            tracing::debug!(%error, "endpoints are taken by others when their leases end");
        }
    }
}
