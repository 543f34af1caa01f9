//! What fails is tried again, and holds up nothing but its own transaction.

use std::time::{Duration, Instant};

use e2e::{Customer, Database, Told, eventually};
use serde_json::{Value, json};

use super::{ENDPOINTS, HEEDED, add, ask, delivered, pay, start};

#[tokio::test]
async fn a_later_state_waits_for_an_earlier_one_and_others_do_not() {
    let platform = start(Database::Sqlite).await;
    let customer = Customer::start();
    let (id, _) = add(&platform, &customer.url("/"), &["*"]).await;
    tokio::time::sleep(HEEDED).await;
    customer.script([(500, None, Duration::ZERO)]);
    pay(&platform, "first", "PROCESSING", 1).await;
    eventually("the first attempt is made", || async { (!customer.told().is_empty()).then_some(()) }).await;
    let failed = Instant::now();
    pay(&platform, "first", "COMPLETED", 2).await;
    pay(&platform, "other", "COMPLETED", 1).await;
    delivered(&customer, 1).await;
    // The second attempt, which it asks to be made again in two seconds.
    customer.script([(503, Some("2".to_owned()), Duration::ZERO)]);
    let told = delivered(&customer, 3).await;
    assert!(failed.elapsed() >= Duration::from_secs(7), "five seconds, then the two that were asked for");
    let told: Vec<(String, String)> = told.iter().map(Told::transaction).collect();
    let expected = [("other", "COMPLETED"), ("first", "PENDING"), ("first", "COMPLETED")];
    assert_eq!(told, expected.map(|(id, status)| (id.to_owned(), status.to_owned())));
    let failures = eventually("the attempts are noted", || async {
        let page = platform.get(&format!("{ENDPOINTS}/{id}/attempts?state=failed&limit=2")).await;
        (page["attempts"].as_array().unwrap().len() == 2).then_some(page)
    })
    .await;
    let statuses: Vec<&Value> = failures["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["status"]).collect();
    assert_eq!(statuses, [&json!(503), &json!(500)]);
    let cursor = failures["nextCursor"].as_str().unwrap();
    let rest = platform.get(&format!("{ENDPOINTS}/{id}/attempts?state=failed&limit=2&cursor={cursor}")).await;
    assert_eq!(rest["attempts"], json!([]));
    // By what came of them, of which type, and when.
    for (wanted, count) in [
        ("status=503", 1),
        ("status=503&eventType=transaction.created&state=failed", 1),
        ("eventType=endpoint.test", 0),
        ("from=2026-01-01&state=failed", 2),
        ("until=2026-01-01", 0),
    ] {
        let page = platform.get(&format!("{ENDPOINTS}/{id}/attempts?{wanted}")).await;
        assert_eq!(page["attempts"].as_array().unwrap().len(), count, "{wanted}: {page}");
        assert_eq!(page["nextCursor"], Value::Null, "{wanted}");
    }
    assert_eq!(failures["attempts"][0]["eventType"], "transaction.created");
}

#[tokio::test]
async fn who_is_gone_is_disabled_and_gets_it_all_when_back() {
    let platform = start(Database::Sqlite).await;
    let customer = Customer::start();
    let (id, _) = add(&platform, &customer.url("/"), &["*"]).await;
    let path = format!("{ENDPOINTS}/{id}");
    tokio::time::sleep(HEEDED).await;
    customer.script([(410, None, Duration::ZERO)]);
    pay(&platform, "p1", "COMPLETED", 1).await;
    let shown = eventually("the endpoint is disabled", || async {
        let shown = platform.get(&path).await;
        (shown["state"] == "disabled").then_some(shown)
    })
    .await;
    assert!(shown["reason"].as_str().unwrap().contains("410"), "{shown}");
    assert_eq!(shown["failed"], 1);
    let admin = platform.admin_token.as_str();
    assert_eq!(ask(&platform, admin, "POST", &format!("{path}/test"), &Value::Null).await.0, 409);
    assert_eq!(ask(&platform, admin, "PATCH", &path, &json!({"state": "enabled"})).await.0, 200);
    let again = json!({"failedSince": "2026-01-01T00:00:00Z"});
    let (status, resent) = ask(&platform, admin, "POST", &format!("{path}/resend"), &again).await;
    assert_eq!((status, &resent["messages"]), (202, &json!(1)), "{resent}");
    let first = delivered(&customer, 1).await.remove(0);

    // Another endpoint gets what was before it, and one message by its id.
    let late = Customer::start();
    let (other, _) = add(&platform, &late.url("/"), &["transaction.created"]).await;
    let resend = format!("{ENDPOINTS}/{other}/resend");
    let range = json!({"from": "2026-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"});
    assert_eq!(ask(&platform, admin, "POST", &resend, &range).await.1["messages"], 1);
    assert_eq!(delivered(&late, 1).await[0].id, first.id);
    assert_eq!(ask(&platform, admin, "POST", &resend, &json!({"messageId": first.id})).await.0, 202);
    assert_eq!(delivered(&late, 2).await[1].id, first.id);
    for bad in [json!({}), json!({"messageId": id}), json!({"from": "2026-01-01T00:00:00Z"}), json!({"failedSince": "soon"})] {
        assert_eq!(ask(&platform, admin, "POST", &resend, &bad).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn one_that_never_answers_delays_no_other() {
    let platform = start(Database::Sqlite).await;
    let customer = Customer::start();
    add(&platform, &customer.url("/slow"), &["*"]).await;
    add(&platform, &customer.url("/fast"), &["*"]).await;
    tokio::time::sleep(HEEDED).await;
    let begun = Instant::now();
    for n in 0..16 {
        pay(&platform, &format!("p{n}"), "COMPLETED", 1).await;
    }
    eventually("the other is told of all", || async {
        (customer.told().iter().filter(|told| told.path == "/fast").count() >= 16).then_some(())
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(12), "sooner than the first time-out: {:?}", begun.elapsed());
    assert!(customer.told().iter().filter(|told| told.path == "/slow").count() <= 8, "eight at once");
}

#[tokio::test]
async fn a_dead_endpoint_is_tried_now_and_then_and_what_waits_comes_when_it_is_back() {
    const PAYMENTS: usize = 40;
    let platform = start(Database::Sqlite).await;
    let customer = Customer::start();
    let port = e2e::free_port();
    let (id, _) = add(&platform, &format!("http://127.0.0.1:{port}/"), &["*"]).await;
    add(&platform, &customer.url("/"), &["*"]).await;
    tokio::time::sleep(HEEDED).await;
    for n in 0..PAYMENTS {
        pay(&platform, &format!("p{n}"), "COMPLETED", 1).await;
    }
    delivered(&customer, PAYMENTS).await;
    let path = format!("{ENDPOINTS}/{id}");
    let shown = eventually("it is found dead", || async {
        let shown = platform.get(&path).await;
        (shown["attempts"].as_i64() >= Some(10)).then_some(shown)
    })
    .await;
    assert!(shown["failingSince"].is_string() && shown["attempts"].as_i64() < Some(20), "{shown}");
    assert_eq!((&shown["pending"], &shown["successRate"]), (&json!(PAYMENTS), &json!(0.0)), "{shown}");
    let refused = platform.get(&format!("{path}/attempts?limit=1")).await;
    assert!(refused["attempts"][0]["error"].as_str().unwrap().starts_with("no connection"), "{refused}");
    let change = json!({"url": customer.url("/back")});
    assert_eq!(ask(&platform, &platform.admin_token, "PATCH", &path, &change).await.0, 200);
    eventually("what was never tried arrives", || async {
        (customer.told().iter().filter(|told| told.path == "/back").count() >= PAYMENTS - 20).then_some(())
    })
    .await;
}
