//! The queue by HTTP and by command, as operators use it.

use e2e::{Database, Platform, Service, eventually};
use queue::{Lane, NewJob, Producer};
use serde_json::{Value, json};
use uuid::Uuid;

const QUEUE: &str = "/api/webhooks/queue";

async fn post(platform: &Platform, token: &str, action: Value) -> (u16, Value) {
    let url = format!("{}{QUEUE}", platform.api_url());
    let answer = platform.http.post(url).bearer_auth(token).json(&action).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// A job of `company` that the database can never take: its identity is longer than the column.
fn refused(company: Uuid, event: &str) -> NewJob {
    let payload = json!({
        "webhookId": Uuid::now_v7(), "endpoint": "netbanx", "companyId": company, "identity": "f".repeat(100),
        "eventName": event, "receivedMs": 1, "body": {"card": {"lastDigits": "1111"}},
    });
    NewJob {
        id: Uuid::now_v7().to_string(),
        claim: Uuid::now_v7().to_string(),
        lane: Lane::High,
        flow: company.as_u64_pair().1,
        traceparent: None,
        payload: payload.to_string().into_bytes(),
    }
}

#[tokio::test]
async fn an_operator_looks_pauses_retries_and_cleans() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    platform.variables.push(("MAX_ATTEMPTS", "1".to_owned()));
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    let companies: Value = serde_json::from_str(&platform.netbanx(&["--json", "company", "list"])).unwrap();
    let id = |n: usize| -> Uuid { companies[n]["id"].as_str().unwrap().parse().unwrap() };
    let (acme, other) = (id(0), id(1));
    let own = platform.netbanx(&["token", "add", "--company", "acme", "--permission", "manage:queue"]);
    let reader = platform.netbanx(&["token", "add", "--company", "acme", "--permission", "read:events"]);
    let admin = platform.admin_token.clone();
    platform.run(Service::Api).await;
    platform.run(Service::Worker).await;

    let (status, body) = platform.get_as(&admin, QUEUE).await;
    assert_eq!(status, 200);
    for name in ["waiting", "active", "completed", "failed", "delayed", "total", "dead", "workers", "oldestWaitingMs"] {
        assert!(body["queue"][name].is_number(), "{name}: {body}");
    }
    assert_eq!((&body["success"], &body["processing"], &body["queue"]["paused"]), (&json!(true), &json!("async"), &json!(false)));
    assert!(body["queue"]["lanes"]["payments"]["waiting"].is_number() && body["timestamp"].is_string());
    assert_eq!(platform.get_as(&reader, QUEUE).await.0, 403);
    assert_eq!(platform.get_as("nobody", QUEUE).await.0, 401);

    let producer = Producer::start(&platform.open_queue());
    for event in ["PAYMENT_COMPLETED", "PAYMENT_FAILED"] {
        for company in [acme, other] {
            producer.enqueue(refused(company, event)).await.unwrap();
        }
    }
    eventually("all are dead", || async { (platform.queue().await.dead == 4).then_some(()) }).await;

    // Filters, pages, one by itself.
    let list = |query: &'static str| {
        let (platform, admin) = (&platform, &admin);
        async move { platform.get_as(admin, &format!("{QUEUE}/dead{query}")).await.1["data"].clone() }
    };
    let count = |data: &Value| data["deadLetters"].as_array().unwrap().len();
    let all = list("").await;
    assert_eq!(count(&all), 4);
    assert_eq!(count(&list("?company=other").await), 2);
    assert_eq!(count(&list("?eventName=payment.failed").await), 2);
    assert_eq!(count(&list("?eventName=PAYMENT_FAILED&company=acme&error=TOO%20long").await), 1);
    assert_eq!(count(&list("?error=nothing").await), 0);
    assert_eq!(count(&list("?lane=others").await), 0);
    assert_eq!(count(&list("?startDate=2020-01-01&endDate=2020-01-02").await), 0);
    let first = list("?limit=3").await;
    let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
    let (_, rest) = platform.get_as(&admin, &format!("{QUEUE}/dead?limit=3&cursor={cursor}")).await;
    assert_eq!((count(&first), count(&rest["data"])), (3, 1));
    for query in ["?limit=0", "?cursor=x", "?lane=fast", "?startDate=soon"] {
        assert_eq!(platform.get_as(&admin, &format!("{QUEUE}/dead{query}")).await.0, 400, "{query}");
    }
    let letter = &all["deadLetters"][0];
    assert_eq!((&letter["attempts"], letter["history"].as_array().unwrap().len()), (&json!(1), 1));
    let one = format!("{QUEUE}/dead/{}", letter["id"].as_str().unwrap());
    let (_, shown) = platform.get_as(&admin, &one).await;
    assert_eq!(shown["data"]["payload"]["card"]["lastDigits"], "1111");
    assert_eq!(platform.get_as(&admin, &format!("{QUEUE}/dead/none")).await.0, 404);

    // A company's token sees and touches its own alone, and cannot stop everyone's queue.
    let (_, mine) = platform.get_as(&own, &format!("{QUEUE}/dead")).await;
    assert_eq!(count(&mine["data"]), 2);
    assert!(mine["data"]["deadLetters"].as_array().unwrap().iter().all(|l| l["companyId"] == acme.to_string()));
    let foreign = all["deadLetters"].as_array().unwrap().iter().find(|l| l["companyId"] == other.to_string()).unwrap();
    assert_eq!(platform.get_as(&own, &format!("{QUEUE}/dead/{}", foreign["id"].as_str().unwrap())).await.0, 404);
    assert_eq!(post(&platform, &own, json!({"action": "discard", "id": foreign["id"]})).await.0, 404);
    assert_eq!(post(&platform, &own, json!({"action": "pause"})).await.0, 403);
    assert_eq!(post(&platform, &own, json!({"action": "discard", "all": true})).await.1["count"], 2);
    assert_eq!(platform.queue().await.dead, 2);

    // What is not understood is refused by name.
    for bad in [
        json!({}),
        json!({"action": "explode"}),
        json!({"action": "retry"}),
        json!({"action": "pause", "lane": "fast"}),
        json!({"action": "retry", "all": true, "id": "x"}),
        json!({"action": "clean", "olderThan": 1}),
        json!([]),
    ] {
        let (status, problem) = post(&platform, &admin, bad.clone()).await;
        assert_eq!((status, problem["type"].is_string()), (400, true), "{bad}: {problem}");
    }

    // What says nothing chooses nothing: neither all, nor what the rest of the request chooses.
    for action in ["retry", "discard"] {
        for (name, empty) in [
            ("error", json!("")),
            ("error", json!(" \t")),
            ("error", Value::Null),
            ("id", json!("")),
            ("ids", json!([])),
            ("ids", json!([""])),
            ("company", json!("")),
            ("eventName", json!(" ")),
            ("kind", json!("")),
            ("lane", json!("")),
            ("startDate", json!("")),
            ("endDate", json!("")),
        ] {
            for (other, value) in [("action", json!(action)), ("eventName", json!("PAYMENT_FAILED")), ("all", json!(true))] {
                let mut asked = json!({"action": action, other: value});
                asked[name] = empty.clone();
                let (status, problem) = post(&platform, &admin, asked.clone()).await;
                assert_eq!((status, &problem["parameter"]), (400, &json!(name)), "{asked}: {problem}");
            }
        }
        for option in ["--error", "--id", "--company", "--event-name"] {
            let refused = platform.netbanx_given(&["queue", action, option, ""], b"");
            let told = String::from_utf8_lossy(&refused.stderr);
            assert!(!refused.status.success() && told.contains(option) && told.contains("must not be empty"), "{told}");
        }
        assert_eq!(post(&platform, &admin, json!({"action": action, "id": "x"})).await.0, 404);
        let refused = platform.netbanx_given(&["queue", action, "--id", "x"], b"");
        assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("there is no dead letter 'x'"));
    }
    assert_eq!(platform.queue().await.dead, 2, "nothing was dropped or driven again");

    let (_, paused) = post(&platform, &admin, json!({"action": "pause", "lane": "payments"})).await;
    assert_eq!(paused["queue"]["lanes"]["payments"]["paused"], true, "{paused}");
    let (_, retried) = post(&platform, &admin, json!({"action": "retry", "eventName": "PAYMENT_FAILED"})).await;
    assert_eq!((&retried["count"], &retried["queue"]["waiting"], &retried["queue"]["dead"]), (&json!(1), &json!(1), &json!(1)));
    // A lane's pause is told by name, and ended with every other.
    assert!(platform.netbanx(&["queue", "stats"]).ends_with("PAUSED: lane payments"));
    let checks = platform.doctor().1["checks"].as_array().unwrap().clone();
    let told = checks.iter().find(|check| check["check"] == "queue").unwrap();
    assert_eq!((&told["healthy"], &told["found"]), (&json!(false), &json!("paused: lane payments")));
    let (_, resumed) = post(&platform, &admin, json!({"action": "resume"})).await;
    assert_eq!(resumed["queue"]["lanes"]["payments"]["paused"], false, "{resumed}");
    for pause in [&["queue", "pause", "--lane", "payments"][..], &["queue", "pause", "--lane", "others"], &["queue", "pause"]] {
        platform.netbanx(pause);
    }
    platform.netbanx(&["queue", "resume"]);
    assert!(!platform.netbanx(&["queue", "stats"]).contains("PAUSED"));
    eventually("it died again", || async { (platform.queue().await.dead == 2).then_some(()) }).await;
    assert_eq!(post(&platform, &admin, json!({"action": "stats"})).await.1["queue"]["failed"], 5);
    assert_eq!(post(&platform, &admin, json!({"action": "clean", "olderThanSecs": 3600})).await.1["count"], 0);
    assert_eq!(platform.netbanx(&["queue", "dead", "--company", "acme"]), "");
    assert!(platform.netbanx(&["queue", "dead", "--company", "other"]).contains("PAYMENT_FAILED"));
    assert_eq!(platform.netbanx(&["queue", "clean", "--older-than", "0s"]), "2 dropped");
    assert_eq!(platform.queue().await.dead, 0);
}
