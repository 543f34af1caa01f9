//! The same over HTTP: a company sends a report, sees what differs, and settles it.

use std::{io::Write, net::TcpStream};

use e2e::{Database, Platform, Service, eventually};
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) const PATH: &str = "/api/v1/reconciliations";
pub(crate) const HEADER: &str = "id,merchantRefNum,kind,status,amount,currency,time\n";

async fn ask(platform: &Platform, token: &str, method: Method, path: &str, body: impl Into<Vec<u8>>) -> (u16, Value) {
    let request = platform.http.request(method, format!("{}{path}", platform.api_url())).bearer_auth(token);
    let answer = request.header("content-type", "text/csv").body(body.into()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

pub(crate) async fn post(platform: &Platform, token: &str, path: &str, body: impl Into<Vec<u8>>) -> (u16, Value) {
    ask(platform, token, Method::POST, path, body).await
}

/// A comparison that came to its end.
pub(crate) async fn compared(platform: &Platform, token: &str, query: &str, report: impl Into<Vec<u8>>) -> Value {
    let (status, begun) = post(platform, token, &format!("{PATH}?{query}"), report).await;
    assert_eq!(status, 202, "{begun}");
    let path = format!("{PATH}/{}", begun["data"]["id"].as_str().unwrap());
    eventually("the comparison comes to its end", || async {
        let (status, mut shown) = platform.get_as(token, &path).await;
        assert_eq!(status, 200, "{shown}");
        Some(shown["data"].take()).filter(|run| run["state"] == "finished")
    })
    .await
}

pub(crate) fn counts(run: &Value) -> Value {
    json!(["rows", "matched", "missingHere", "missingThere", "differing", "malformed", "ignored"].map(|name| run[name].clone()))
}

pub(crate) async fn items(platform: &Platform, token: &str, run: &Value, query: &str) -> Vec<Value> {
    let path = format!("{PATH}/{}/items?{query}", run["id"].as_str().unwrap());
    let (status, told) = platform.get_as(token, &path).await;
    assert_eq!(status, 200, "{told}");
    told["data"]["items"].as_array().unwrap().clone()
}

async fn a_report_is_compared_and_settled(database: Database) {
    let mut platform = Platform::prepare(database).await;
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    let token = |company: &str, permissions: &[&str]| {
        let mut args = vec!["token", "add", "--company", company];
        args.extend(permissions.iter().flat_map(|permission| ["--permission", *permission]));
        platform.netbanx(&args)
    };
    let all = ["read:transactions", "manage:secrets"];
    let (own, foreign, reader) = (token("acme", &all), token("other", &all), token("acme", &all[..1]));

    let webhook = |number: usize| {
        let time = format!("2025-03-01T00:{number:02}:00Z");
        json!({"eventType": "PAYMENT_COMPLETED", "mode": "live", "payload": {"id": format!("p{number}"), "status": "COMPLETED",
            "merchantRefNum": format!("r{number}"), "amount": 100 + number, "currencyCode": "EUR", "txnTime": time, "statusTime": time}})
    };
    let row = |number: usize, amount: usize| {
        format!("p{number},r{number},PAYMENT,COMPLETED,{amount},EUR,2025-03-01T00:{number:02}:00Z\n")
    };
    let sent: Vec<Value> = [0, 1, 3, 9].map(webhook).into();
    assert!(platform.send("/api/webhooks/netbanx/acme", json!(sent).to_string()).await.status().is_success());
    platform.drained().await;

    // Of no comparison that cannot be there is anything left.
    let (status, refused) = post(&platform, &own, PATH, "reference,amount\n").await;
    assert_eq!((status, &refused["parameter"]), (400, &json!("body")), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("no column for id"), "{refused}");
    for (query, parameter) in [
        ("columns=id=Nr", "columns"),
        ("columns=colour=x", "columns"),
        ("mapping=none", "mapping"),
        ("timeFormat=%25Q", "timeFormat"),
        ("timeFormat=%25d.%25m.%25Y%20%25Z", "timeFormat"),
        ("columns=status=kind,status=status", "columns"),
        ("amounts=many", "amounts"),
        (&*format!("saveMapping={}", "m".repeat(65)), "saveMapping"),
    ] {
        let (status, refused) = post(&platform, &own, &format!("{PATH}?{query}"), HEADER).await;
        assert_eq!((status, &refused["parameter"]), (400, &json!(parameter)), "{query}: {refused}");
    }
    let (status, refused) = post(&platform, &own, PATH, "id,status,status\n").await;
    assert_eq!((status, &refused["parameter"]), (400, &json!("columns")), "{refused}");
    assert_eq!(post(&platform, &own, PATH, "").await.0, 400);
    assert_eq!(post(&platform, &foreign, &format!("{PATH}?company=acme"), HEADER).await.0, 403);
    assert_eq!(post(&platform, &reader, PATH, HEADER).await.0, 403);
    assert_eq!(platform.get(PATH).await["reconciliations"], json!([]));

    // One of each sort: p2 is missing here, p3 there, p1 differs, a row is broken; p0 and p9 match.
    let report = [HEADER, &row(0, 100), &row(1, 999), &row(2, 102), "p4,r4\n", &row(9, 109)].concat();
    let run = compared(&platform, &own, "name=march.csv&saveMapping=usual", report.clone()).await;
    assert_eq!(counts(&run), json!([5, 2, 1, 1, 1, 1, 0]), "{run}");
    assert_eq!((&run["files"][0]["name"], &run["percent"]), (&json!("march.csv"), &json!(100)), "{run}");
    assert!(!run["totals"].as_array().unwrap().is_empty(), "{run}");
    let found = items(&platform, &own, &run, "").await;
    let sorts: Vec<_> = found.iter().map(|item| (item["finding"].as_str().unwrap(), item["detail"]["id"].clone())).collect();
    assert_eq!(
        sorts,
        [("differing", json!("p1")), ("malformed", json!("p4")), ("missingHere", json!("p2")), ("missingThere", json!("p3"))]
    );
    let id = run["id"].as_str().unwrap();
    let (_, first) = platform.get_as(&own, &format!("{PATH}/{id}/items?limit=3")).await;
    let cursor = first["data"]["nextCursor"].as_str().unwrap();
    assert_eq!(items(&platform, &own, &run, &format!("limit=3&cursor={cursor}")).await, found[3..]);
    assert_eq!(items(&platform, &own, &run, "finding=missingThere&state=open").await, found[3..]);

    // As a file: the same, also where a filter holds for it.
    let file = async |ending: &str| {
        let url = format!("{}{PATH}/{id}/items.{ending}", platform.api_url());
        let answer = platform.http.get(url).bearer_auth(&own).send().await.unwrap();
        let rows: usize = answer.headers()["x-row-count"].to_str().unwrap().parse().unwrap();
        (answer.text().await.unwrap(), rows)
    };
    let (lines, rows) = file("jsonl").await;
    let parsed: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows, &parsed), (4, &found));
    let (csv, rows) = file("csv?finding=differing").await;
    assert_eq!((rows, csv.lines().count()), (1, 2), "{csv}");
    assert!(csv.starts_with("number,finding,state,decision,reason,id,merchantRefNum,kind,status,amount,"), "{csv}");
    assert!(csv.contains(",differing,open,,amount is not the same here and there,p1,r1,PAYMENT,COMPLETED,999,EUR,"), "{csv}");
    assert_eq!(platform.get_as(&foreign, &format!("{PATH}/{id}/items.csv")).await.0, 404);

    // Another company sees none of it, and who may only read settles nothing.
    assert_eq!(platform.get_as(&foreign, PATH).await.1["data"]["reconciliations"], json!([]));
    let of_item = |item: &Value, what: &str| format!("{PATH}/{id}/items/{}/{what}", item["number"]);
    let ignore = of_item(&found[3], "ignore");
    for path in [format!("{PATH}/{id}"), format!("{PATH}/{id}/items")] {
        assert_eq!(platform.get_as(&foreign, &path).await.0, 404);
        assert_eq!(platform.get_as(&reader, &path).await.0, 200);
    }
    for (token, status) in [(&foreign, 404), (&reader, 403)] {
        assert_eq!(post(&platform, token, &ignore, r#"{"reason":"x"}"#).await.0, status);
        assert_eq!(post(&platform, token, &of_item(&found[0], "take-over"), "").await.0, status);
    }

    // Settled: two are left alone, the rest is taken over.
    assert_eq!(post(&platform, &own, &ignore, r#"{"reason":" "}"#).await.0, 400);
    let (status, ignored) = post(&platform, &own, &ignore, r#"{"reason":"theirs"}"#).await;
    assert_eq!((status, &ignored["data"]["state"], &ignored["data"]["decision"]), (200, &json!("ignored"), &json!("theirs")));
    assert_eq!(post(&platform, &own, &ignore, r#"{"reason":"theirs"}"#).await.0, 409);
    assert_eq!(post(&platform, &own, &of_item(&found[1], "ignore"), r#"{"reason":"broken"}"#).await.0, 200);
    // What is not there, is not open, or says nothing.
    for (number, refusal) in [("99", 404), (&*found[1]["number"].to_string(), 409), (&*found[3]["number"].to_string(), 409)] {
        let (status, refused) = post(&platform, &own, &format!("{PATH}/{id}/items/{number}/take-over"), "").await;
        assert_eq!(status, refusal, "{number}: {refused}");
    }
    let (status, taken) = post(&platform, &own, &of_item(&found[0], "take-over"), "").await;
    assert_eq!((status, &taken["data"]["takenOver"]), (200, &json!(1)), "{taken}");
    assert_eq!(post(&platform, &own, &of_item(&found[0], "take-over"), "").await.0, 409);
    let (_, taken) = post(&platform, &own, &format!("{PATH}/{id}/items/all/take-over"), "").await;
    assert_eq!(taken["data"], json!({"takenOver": 1, "left": {}}));
    let audit = platform.get("/api/v1/audit").await;
    let actions: Vec<&str> = audit["entries"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    for action in ["reconciliation.start", "reconciliation.ignore", "reconciliation.takeOver"] {
        assert!(actions.contains(&action), "{actions:?}");
    }

    // The next one is clean, and says what is gone.
    let clean = compared(&platform, &own, "mapping=usual&company=acme", report).await;
    assert_eq!(counts(&clean), json!([5, 4, 0, 0, 0, 0, 2]), "{clean}");
    assert_eq!(clean["new"], json!(0), "{clean}");
    let (_, listed) = platform.get_as(&own, &format!("{PATH}?limit=1")).await;
    assert_eq!(listed["data"]["reconciliations"][0]["id"], clean["id"]);
    // The list tells what changed, too.
    assert_eq!((&listed["data"]["reconciliations"][0]["new"], &clean["gone"]), (&json!(0), &json!(0)), "{listed}");
    let next = format!("{PATH}?limit=1&cursor={}", listed["data"]["nextCursor"].as_str().unwrap());
    assert_eq!(platform.get_as(&own, &next).await.1["data"]["reconciliations"][0]["id"], run["id"]);
    // A status that nobody knows is told as the report writes it, and left alone.
    let doubtful = row(0, 100).replace("COMPLETED", "Approved");
    let run = compared(&platform, &own, "", [HEADER, &doubtful].concat()).await;
    let found = items(&platform, &own, &run, "finding=differing").await;
    assert_eq!(found[0]["detail"]["statusWord"], "Approved", "{found:?}");
    let id = run["id"].as_str().unwrap();
    let url = format!("{}{PATH}/{id}/items.csv?finding=differing", platform.api_url());
    let csv = platform.http.get(url).bearer_auth(&own).send().await.unwrap().text().await.unwrap();
    assert!(csv.lines().next().unwrap().ends_with(",statusWord") && csv.trim_end().ends_with(",Approved"), "{csv}");
    let (_, taken) = post(&platform, &own, &format!("{PATH}/{id}/items/all/take-over"), "").await;
    assert_eq!(taken["data"], json!({"takenOver": 0, "left": {"its status is not known": 1}}));

    platform.netbanx(&["audit", "verify"]);
    platform.netbanx(&["rollup", "verify"]);
}

/// PostgreSQL keeps U+0000 in no text: it is refused wherever a caller may write one, and no query is asked with it.
async fn no_text_of_a_caller_holds_nul(database: Database) {
    let mut platform = Platform::prepare(database).await;
    platform.run(Service::Api).await;
    let token = platform.admin_token.clone();
    let id = "0198c0de-0000-7000-8000-000000000000";
    for (method, path) in [
        (Method::DELETE, "/api/v1/reconciliation-mappings/a%00b?company=acme".to_owned()),
        (Method::DELETE, "/api/v1/reconciliation-mappings/a?company=ac%00me".to_owned()),
        (Method::DELETE, format!("/api/v1/users/{id}%00")),
        (Method::DELETE, format!("/api/v1/tokens/%00{id}")),
        (Method::PATCH, "/api/v1/companies/ac%00me".to_owned()),
        (Method::POST, "/api/v1/receivers/net%00banx/keys".to_owned()),
        (Method::POST, format!("{PATH}/{id}/items/1%00/take-over")),
        (Method::GET, "/api/v1/transactions?q=%00".to_owned()),
        (Method::GET, format!("/api/v1/endpoints/{id}/attempts?eventType=a%00b")),
        (Method::POST, format!("{PATH}?company=acme&saveMapping=a%00b")),
        (Method::POST, format!("{PATH}?company=acme&columns=id=a%00b")),
    ] {
        let (status, refused) = ask(&platform, &token, method.clone(), &path, "{}").await;
        assert_eq!(status, 400, "{method} {path}: {refused}");
        assert!(refused["parameter"].is_string(), "{method} {path}: {refused}");
    }
    for (path, body) in [
        ("/api/v1/users", json!({"email": "a\0@example.com", "company": "acme"})),
        ("/api/v1/tokens", json!({"name": "a\0b", "company": "acme", "permissions": ["read:transactions"]})),
        ("/api/v1/endpoints", json!({"url": "https://example.com/\0", "company": "acme"})),
        ("/api/v1/alert-channels", json!({"name": "a", "configuration": {"to": ["a\0"]}})),
        ("/api/v1/session", json!({"email": "a\0", "password": "\0"})),
    ] {
        let request = platform.http.post(format!("{}{path}", platform.api_url())).bearer_auth(&token).json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400, "{path}");
        let refused: Value = answer.json().await.unwrap();
        assert!(refused["detail"].as_str().unwrap().contains("U+0000"), "{path}: {refused}");
    }
}

#[tokio::test]
async fn no_text_beside_reconciliation_mappings_holds_nul_on_sqlite() {
    no_text_of_a_caller_holds_nul(Database::Sqlite).await;
}

#[tokio::test]
async fn no_text_beside_reconciliation_mappings_holds_nul_on_postgres() {
    no_text_of_a_caller_holds_nul(Database::Postgres).await;
}

#[tokio::test]
async fn a_reconciliation_over_http_on_sqlite() {
    a_report_is_compared_and_settled(Database::Sqlite).await;
}

#[tokio::test]
async fn a_reconciliation_over_http_on_postgres() {
    a_report_is_compared_and_settled(Database::Postgres).await;
}

#[tokio::test]
async fn one_report_of_a_company_at_once_and_its_reconciliation_place_is_free_again() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    let token = platform.admin_token.clone();
    let path = format!("{PATH}?company=acme");
    let address = platform.api_url().replace("http://", "");
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 1000\r\n\r\nid\n");
    // Its sender is slow, and goes away in the end. Where the other was first, both try again.
    let slow = eventually("a second report is refused", || async {
        let mut slow = TcpStream::connect(&address).unwrap();
        slow.write_all(head.as_bytes()).unwrap();
        let (status, told) = post(&platform, &token, &path, "colour\n").await;
        assert!(status == 400 || told["detail"].as_str().unwrap().contains("too many reports"), "{told}");
        (status == 429).then_some(slow)
    })
    .await;
    drop(slow);
    eventually("the place is free again", || async { (post(&platform, &token, &path, "colour\n").await.0 == 400).then_some(()) })
        .await;
    assert_eq!(platform.get(PATH).await["reconciliations"], json!([]));
}
