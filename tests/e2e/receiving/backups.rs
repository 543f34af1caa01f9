//! Both stores come from backups of different moments, either older than the other: what is lost is named, what Netbanx sends
//! again is taken, and what is there stays once.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use e2e::{Database, Platform, Postgres, Service, eventually, new_directory};

use super::{restored::forget, sent};

const SERVICES: [Service; 3] = [Service::Ingress, Service::Worker, Service::Api];
/// All that is ever sent.
const ALL: Range<u32> = 0..20;

/// What an operator has: a base backup with the log since, and for some moments the time by the database and a copy of Redis' files.
struct Backups {
    postgres: Postgres,
    base: PathBuf,
    moments: Vec<(String, PathBuf)>,
}

impl Backups {
    async fn note(&mut self, platform: &Platform) {
        let rows = platform.rows("SELECT CAST(clock_timestamp() AS text) AS now").await;
        let files = platform.redis.back_up(&format!("moment{}", self.moments.len()));
        self.moments.push((rows[0].try_get("", "now").unwrap(), files));
        // What is restored ends before the first transaction that is later.
        platform.execute("SELECT pg_current_xact_id()").await;
    }

    /// The database is that of one moment and Redis that of another.
    async fn restore(&self, platform: &mut Platform, database: usize, redis: usize) {
        for service in SERVICES {
            platform.terminate(service).await;
        }
        self.postgres.restore(&self.base, &self.moments[database].0);
        platform.redis.restore(&self.moments[redis].1).await;
    }
}

/// What the doctor says of a thing, and whether that is well.
fn examined(platform: &Platform, check: &str) -> (String, bool) {
    let (_, found) = platform.doctor();
    let own = found["checks"].as_array().unwrap().iter().find(|own| own["check"] == check).unwrap();
    (own["found"].as_str().unwrap().to_owned(), own["healthy"].as_bool().unwrap())
}

/// All is there, each once, and the figures are those of what is there.
async fn is_whole(platform: &Platform) {
    platform.drained().await;
    assert_eq!(platform.events().await, u64::from(ALL.end));
    assert_eq!(platform.count("SELECT COUNT(DISTINCT external_id) AS n FROM transactions").await, u64::from(ALL.end));
    assert_eq!(platform.netbanx(&["rollup", "verify"]), "0 differences");
    platform.netbanx(&["audit", "verify"]);
    eventually("the doctor has nothing to say", || async { platform.doctor().0.then_some(()) }).await;
    eventually("figures tell of all", || async {
        let told = platform.get("/api/v1/analytics?timeRange=day&company=acme").await;
        (told["transactions"]["total"] == ALL.end).then_some(())
    })
    .await;
}

/// A platform that was sent everything, with what was backed up meanwhile: moment 0 has ten payments stored and three that wait,
/// moment 1 has seventeen, moment 2 all.
async fn backed_up(directory: &Path) -> (Platform, Backups) {
    let postgres = Postgres::start_with(directory, &["archive"]);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    for service in SERVICES {
        platform.run(service).await;
    }
    platform.balanced().await;
    assert_eq!(sent(&platform, 0..6).await.len(), 6);
    platform.drained().await;
    let mut backups = Backups { base: postgres.back_up(), postgres, moments: Vec::new() };
    assert_eq!(sent(&platform, 6..10).await.len(), 4);
    platform.drained().await;
    platform.terminate(Service::Worker).await;
    assert_eq!(sent(&platform, 10..13).await.len(), 3);
    backups.note(&platform).await;
    platform.run(Service::Worker).await;
    assert_eq!(sent(&platform, 13..17).await.len(), 4);
    platform.drained().await;
    backups.note(&platform).await;
    assert_eq!(sent(&platform, 17..20).await.len(), 3);
    is_whole(&platform).await;
    backups.note(&platform).await;
    (platform, backups)
}

#[tokio::test]
async fn what_backups_of_different_moments_lost_is_named_and_taken_again() {
    let directory = new_directory();
    let (mut platform, backups) = backed_up(&directory).await;

    // The database is older: by the runbook, before its workers start.
    for (redis, lost) in [(2, 10), (1, 7)] {
        backups.restore(&mut platform, 0, redis).await;
        platform.run(Service::Ingress).await;
        assert_eq!(platform.events().await, 10);
        let (found, is_well) = examined(&platform, "received webhooks");
        assert!(!is_well && found.starts_with(&format!("{lost} of ")), "{found}");
        let (found, is_well) = examined(&platform, "counters");
        assert!(!is_well && found.starts_with(&format!("{lost} of {} ", 10 + lost)), "{found}");
        assert_eq!(forget(&platform, &[])[2], lost);
        assert!(examined(&platform, "received webhooks").1);
        assert!(examined(&platform, "counters").1, "what was lost is settled");
        assert!(examined(&platform, "figures").1, "the figures are of the same moment as the rows");
        platform.run(Service::Worker).await;
        platform.run(Service::Api).await;
        assert_eq!(sent(&platform, ALL).await, Vec::from_iter(10..20));
        is_whole(&platform).await;
    }

    // Redis is older: what waited then is written again, what it does not know is recognised by the database.
    for (database, unknown) in [(2, 0), (1, 3)] {
        backups.restore(&mut platform, database, 0).await;
        for service in SERVICES {
            platform.run(service).await;
        }
        platform.drained().await;
        assert_eq!(platform.events().await, u64::from(ALL.end) - unknown);
        assert!(examined(&platform, "received webhooks").1, "Redis knows of nothing that the database has not");
        assert!(examined(&platform, "counters").1, "nor do its counters");
        assert_eq!(sent(&platform, ALL).await, Vec::from_iter(13..20));
        is_whole(&platform).await;
    }

    // Somebody put the database together from parts.
    platform.execute("DELETE FROM event_identities WHERE event_id = (SELECT id FROM webhook_events ORDER BY id LIMIT 1)").await;
    assert_eq!(examined(&platform, "identities"), ("1 of the newest 20 webhooks have none".to_owned(), false));
    drop((platform, backups));
    std::fs::remove_dir_all(&directory).unwrap();
}
