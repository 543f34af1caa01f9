//! Webhooks flow while workers, Redis and the database are killed and started again.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use sea_orm::{ConnectionTrait, Database as Connector, Statement};

use crate::{Platform, Postgres, Service, sign};

/// What was sent, and what became of it.
#[derive(Debug, Default)]
pub struct Outcome {
    pub accepted: usize,
    pub refused: u64,
    pub worker_kills: u32,
    pub redis_restarts: u32,
    pub database_restarts: u32,
}

/// Sends for `span` from four senders while things die at random, then waits until the queue is
/// drained and compares the database with what was answered.
pub async fn chaos(platform: &mut Platform, postgres: &Postgres, span: Duration, seed: u64) -> Outcome {
    let (stop, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let accepted = Arc::new(Mutex::new(HashSet::new()));
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let (stop, refused, accepted, url) = (stop.clone(), refused.clone(), accepted.clone(), url.clone());
            let http = platform.http.clone();
            tokio::spawn(async move {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let id = format!("{sender}-{n}");
                    let body = format!(
                        r#"{{"id":"{id}","eventType":"PAYMENT_COMPLETED","eventData":{{"id":"{id}","amount":100,"currencyCode":"EUR"}}}}"#
                    );
                    let signature = sign(body.as_bytes());
                    let answer = http.post(&url).header("Signature", signature).body(body).send().await;
                    if answer.is_ok_and(|a| a.status().is_success()) {
                        accepted.lock().unwrap().insert(id);
                    } else {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();

    let mut outcome = Outcome::default();
    let mut rng = StdRng::seed_from_u64(seed);
    let begun = Instant::now();
    while begun.elapsed() < span {
        tokio::time::sleep(Duration::from_millis(rng.random_range(200..1500))).await;
        match rng.random_range(0..4) {
            0 | 1 => {
                platform.kill(Service::Worker);
                platform.run(Service::Worker).await;
                platform.run(Service::Worker).await;
                outcome.worker_kills += 2;
            }
            2 => {
                platform.kill_redis();
                tokio::time::sleep(Duration::from_millis(rng.random_range(0..1000))).await;
                platform.start_redis().await;
                outcome.redis_restarts += 1;
            }
            _ => {
                postgres.stop();
                tokio::time::sleep(Duration::from_millis(rng.random_range(0..1000))).await;
                postgres.resume();
                outcome.database_restarts += 1;
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    platform.drained().await;
    assert_eq!(platform.queue().await.dead, 0, "nothing was dead-lettered");

    let stored = stored_events(platform).await;
    let unique: HashSet<&String> = stored.iter().collect();
    assert_eq!(unique.len(), stored.len(), "an event is stored twice");
    let accepted = accepted.lock().unwrap();
    let lost: Vec<&String> = accepted.iter().filter(|id| !unique.contains(id)).take(5).collect();
    assert!(lost.is_empty(), "accepted and not stored, for example: {lost:?}");
    outcome.accepted = accepted.len();
    outcome.refused = refused.load(Ordering::Relaxed);
    outcome
}

/// The resource ids of all stored events.
async fn stored_events(platform: &Platform) -> Vec<String> {
    let db = Connector::connect(&platform.database_url).await.unwrap();
    let sql = "SELECT resource_id FROM webhook_events";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "resource_id").unwrap()).collect()
}
