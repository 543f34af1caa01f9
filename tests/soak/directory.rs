//! Thirty thousand companies with ten accounts each: what the directory of receivers costs, and how soon a change is known.

use std::time::Instant;

use common::{CompanyId, Endpoint};
use e2e::{
    Database, KEY, MASTER_KEY, Platform, Postgres, Report, Service, eventually, http_load, new_directory, percentile, sign, usage,
};
use redis_client::fred::interfaces::ClientLike;
use sea_orm::{ConnectionTrait, Statement};

const COMPANIES: usize = 30_000;
const ACCOUNTS: usize = 300_000;

pub async fn run(report: &mut Report) {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    furnish(&platform).await;
    let redis = redis_client::connect(&platform.redis.url()).unwrap();
    redis.wait_for_connect().await.unwrap();
    let before = used_memory(&redis).await;
    let begun = Instant::now();
    platform.run(Service::Worker).await;
    platform.run(Service::Ingress).await;
    eventually("the directory has all", || async {
        (platform.send(&path(COMPANIES - 1), payment(0)).await.status() == 202).then_some(())
    })
    .await;
    report.at_most("s until 30,000 companies and 300,000 accounts are published", begun.elapsed().as_secs_f64(), 60.0);
    report.figure("MB of Redis for the directory", (used_memory(&redis).await - before) / 1e6);

    platform.terminate(Service::Ingress).await;
    let begun = Instant::now();
    platform.run(Service::Ingress).await;
    report.at_most("s until a restarted ingress is ready", begun.elapsed().as_secs_f64(), 2.0);
    let empty = usage::resident_mb(platform.pid(Service::Ingress));
    // Each company once: what is looked up in Redis.
    let first = all_once(&platform, 0).await;
    let known = all_once(&platform, 1).await;
    for (what, mut ms) in [("first webhook of a company", first), ("second one", known)] {
        report.at_most(&format!("p99 of a {what} (ms), 1,000 per second"), percentile(&mut ms, 0.99), 10.0);
    }
    report.figure("MB of ingress that knows nothing", empty);
    report.at_most("MB of ingress that knows all companies", usage::resident_mb(platform.pid(Service::Ingress)), 200.0);

    let revoked = Instant::now();
    platform.netbanx(&["secret", "revoke", "--endpoint", "netbanx", "--company", "c7", "--version", "1"]);
    let told = Instant::now();
    eventually("the key is refused", || async { (platform.send(&path(7), payment(2)).await.status() == 401).then_some(()) })
        .await;
    report.at_most("s from the command's end until a revoked key is refused", told.elapsed().as_secs_f64(), 1.0);
    println!("       the command itself took {:.2} s", (told - revoked).as_secs_f64());
    drop(platform);
    drop(postgres);
    drop(std::fs::remove_dir_all(directory));
}

/// The receiver of a company.
pub(crate) fn path(company: usize) -> String {
    format!("/api/webhooks/netbanx/c{company}")
}

pub(crate) fn payment(n: usize) -> String {
    format!(
        r#"{{"eventType":"PAYMENT_COMPLETED","payload":{{"id":"d{n}","status":"COMPLETED","amount":5,"currencyCode":"EUR"}}}}"#
    )
}

/// A webhook of each company; milliseconds of each answer.
async fn all_once(platform: &Platform, round: usize) -> Vec<f64> {
    let requests = (0..COMPANIES).map(|n| {
        let body = payment(round);
        http_load::post(&path(n), &sign(body.as_bytes()), body.as_bytes())
    });
    let answers = http_load::open_loop(platform.ingress_port, 16, 1000, requests.collect()).await;
    assert!(answers.statuses.keys().all(|status| [200, 202].contains(status)), "{:?}", answers.statuses);
    answers.ms
}

async fn used_memory(redis: &redis_client::fred::clients::Client) -> f64 {
    let info: String = redis.info(None).await.unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    line.trim().parse().unwrap()
}

/// Rows by the thousand: the command adds one at a time.
pub(crate) async fn furnish(platform: &Platform) {
    let db = sea_orm::Database::connect(&platform.database_url).await.unwrap();
    let execute = async |sql: String| {
        db.execute_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    };
    let master: [u8; 32] = base64_bytes(MASTER_KEY).try_into().unwrap();
    let vault = store::secrets::Vault::new(&[master]).unwrap();
    let now = clock::now_ms();
    let ids: Vec<uuid::Uuid> = (0..COMPANIES).map(|_| uuid::Uuid::now_v7()).collect();
    for (part, ids) in ids.chunks(1000).enumerate() {
        let companies = ids.iter().enumerate().map(|(n, id)| format!("('{id}','c{0}','Company {0}',{now})", part * 1000 + n));
        execute(format!("INSERT INTO companies (id, slug, name, created_at) VALUES {}", joined(companies))).await;
        let keys = ids.iter().map(|id| {
            let purpose = format!("{}:{}:1:utf8", Endpoint::Netbanx, CompanyId(*id).0);
            let sealed = vault.seal_bytes(&purpose, KEY.as_bytes()).unwrap();
            format!("('{}','netbanx','{id}',1,'utf8','{sealed}',{now},{now})", uuid::Uuid::now_v7())
        });
        execute(format!(
            "INSERT INTO receiver_secrets (id, endpoint, company_id, version, encoding, ciphertext, active_from, created_at) VALUES {}",
            joined(keys)
        ))
        .await;
    }
    execute(format!(
        "INSERT INTO account_assignments (external_id, company_id, created_at) \
         SELECT 'account' || n, (SELECT id FROM companies WHERE slug = 'c' || (n % {COMPANIES})), {now} \
         FROM generate_series(0, {}) AS n",
        ACCOUNTS - 1
    ))
    .await;
    // Anyone who changes a receiver does so in the change's transaction.
    execute(
        "UPDATE platform_state SET value = CAST(CAST(value AS bigint) + 2 AS text) WHERE name = 'receivers.changes'".to_owned(),
    )
    .await;
}

fn joined(rows: impl Iterator<Item = String>) -> String {
    rows.collect::<Vec<_>>().join(",")
}

fn base64_bytes(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
