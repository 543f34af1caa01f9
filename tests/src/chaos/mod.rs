//! Webhooks flow and merchants look while processes and stores fail by a plan; at the end everything is held against what was sent.

mod plan;
mod traffic;
mod world;

pub use plan::{Fault, Plan, Step, Store, Stores};
pub use traffic::History;
pub use world::{World, service_at};

use std::{collections::BTreeMap, time::Duration};

use crate::{Database, eventually};
use traffic::Traffic;

/// Goes through the plan on a platform of its own. Panics where a promise is broken, and says by which seed.
pub async fn chaos(database: Database, plan: &Plan) -> History {
    println!("{database:?}, {plan}");
    let mut world = World::start(database).await;
    let traffic = Traffic::start(&world, plan.seed);
    for step in &plan.steps {
        tokio::time::sleep(Duration::from_millis(step.after_ms)).await;
        println!("{} {:?} for {} ms", clock::now().to_rfc3339(), step.fault, step.for_ms);
        world.suffer(*step).await;
    }
    let history = traffic.stop().await;
    holds(&world, &history).await;
    history
}

/// By transaction, the states that the customer took, in their order.
fn told(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut states: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for told in world.customer.told().iter().filter(|told| told.status == 200) {
        let (id, status) = told.transaction();
        states.entry(id).or_default().push(status);
    }
    states
}

/// What was accepted is there once, as its last event says, shown to its company, and counted.
async fn holds(world: &World, history: &History) {
    let platform = &world.platform;
    platform.drained().await;
    assert_eq!(platform.queue().await.dead, 0, "nothing is dead-lettered");
    let all: u64 = history.payments.iter().map(|(_, count)| count).sum();
    assert!(all > 0, "nothing was sent");
    assert_eq!(platform.events().await, 2 * all, "each event is stored once");
    let rows = platform.rows("SELECT status, amount, COUNT(*) AS n FROM transactions GROUP BY status, amount").await;
    let groups = rows.iter().map(|row| {
        let amount: Option<i64> = row.try_get("", "amount").unwrap();
        (row.try_get::<String>("", "status").unwrap(), amount, row.try_get::<i64>("", "n").unwrap().unsigned_abs())
    });
    // The legacy dashboard form tells amounts in major units (docs/domain.md).
    let expected = [("COMPLETED".to_owned(), Some(10_000), all)];
    assert_eq!(groups.collect::<Vec<_>>(), expected, "each payment is completed, whichever event came last");
    for (company, count) in history.payments {
        eventually("all payments are shown", || async {
            let path = format!("/api/v1/transactions?company={company}&limit=1&status=COMPLETED");
            let (status, told) = platform.get_as(&platform.admin_token, &path).await;
            (status == 200 && told["data"]["pagination"]["total"] == count).then_some(())
        })
        .await;
        eventually("all payments are counted", || async {
            let path = format!("/api/v1/analytics?company={company}&timeRange=day");
            let (status, told) = platform.get_as(&platform.admin_token, &path).await;
            let transactions = &told["data"]["transactions"];
            (status == 200 && transactions["completed"] == count && transactions["total"] == count).then_some(())
        })
        .await;
    }
    eventually("all payments are told to their end", || async {
        let told = told(world);
        let is_ended = |statuses: &Vec<String>| statuses.last().is_some_and(|status| status == "COMPLETED");
        (told.len() as u64 == history.payments[0].1 && told.values().all(is_ended)).then_some(())
    })
    .await;
    for (id, statuses) in told(world) {
        assert!(
            statuses.is_sorted_by_key(|status| status == "COMPLETED"),
            "{id} is told in the order of its versions: {statuses:?}"
        );
    }
    eventually("nothing is left to fold, and the doctor finds nothing", || async { platform.doctor().0.then_some(()) }).await;
    assert_eq!(platform.netbanx(&["rollup", "verify"]), "0 differences");
    platform.netbanx(&["audit", "verify"]);
}
