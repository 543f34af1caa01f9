//! Redis under sentinels: the services ask them where the master is, and go on with its copy when it dies.

use e2e::{Database, Platform, Redis, Sentinels, Service, eventually, new_directory};

const PATH: &str = "/api/webhooks/netbanx/acme";
/// Webhooks before the master dies, and after.
const EACH: u64 = 100;

fn body(n: u64) -> String {
    format!(r#"{{"id":"e{n}","eventType":"PAYMENT_COMPLETED","eventData":{{"id":"p{n}","amount":100,"currencyCode":"EUR"}}}}"#)
}

#[tokio::test]
async fn what_was_accepted_survives_a_failover_by_sentinels() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    let directory = new_directory();
    let mut copy = Redis::one(&directory, &[]).await;
    copy.follow(&platform.redis);
    let sentinels = Sentinels::over(&platform.redis).await;
    eventually("the sentinels know each other and the copy", || async { sentinels.are_ready().then_some(()) }).await;
    platform.set("REDIS_URL", &sentinels.url());
    // What is accepted is in both servers.
    platform.set("QUEUE_MIN_REPLICAS", "1");
    platform.run(Service::Ingress).await;
    platform.run(Service::Api).await;
    for n in 0..EACH {
        accepted(&platform, n).await;
    }
    // Nobody has taken anything yet: all of it is in Redis alone.
    platform.kill_redis();
    let of_copy = copy.port();
    eventually("the copy is the master", || async { (sentinels.master() == Some(of_copy)).then_some(()) }).await;
    // The place of the dead one is filled again, as an orchestrator does: without a second copy nothing counts as accepted.
    platform.start_redis().await;
    for n in EACH..2 * EACH {
        accepted(&platform, n).await;
    }
    platform.run(Service::Worker).await;
    eventually("all are stored, once each", || async { (platform.events().await == 2 * EACH).then_some(()) }).await;
    eventually("all are shown", || async {
        let (status, told) = platform.get_as(&platform.admin_token, "/api/v1/transactions?limit=1").await;
        (status == 200 && told["data"]["pagination"]["total"] == 2 * EACH).then_some(())
    })
    .await;
    assert!(platform.all_alive(), "no service ended");
    drop(sentinels);
    copy.kill();
    drop(std::fs::remove_dir_all(directory));
}

/// As Netbanx does: again and again until it is accepted.
async fn accepted(platform: &Platform, n: u64) {
    eventually("it is accepted", || async { platform.send(PATH, body(n)).await.status().is_success().then_some(()) }).await;
}
