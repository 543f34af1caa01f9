//! Who may read what.

use e2e::{Database, Platform, eventually};
use serde_json::json;

#[tokio::test]
async fn companies_see_their_own_rows_and_no_others() {
    let platform = Platform::start(Database::Sqlite).await;
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    platform.netbanx(&["secret", "set", "--endpoint", "netbanx", "--company", "other", "--key", e2e::KEY]);
    platform.netbanx(&["account", "assign", "--account-id", "77", "--company", "other"]);
    let payment = |id: &str, account: &str| {
        json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": id, "accountId": account, "amount": 1, "currencyCode": "EUR", "status": "COMPLETED"}}).to_string()
    };
    eventually("the new receiver is known", || async {
        (platform.send("/api/webhooks/netbanx/other", payment("o1", "1")).await.status().is_success()).then_some(())
    })
    .await;
    for (path, body) in [
        ("/api/webhooks/netbanx/acme", payment("a1", "1")),
        ("/netbanx", payment("o2", "77")),
        ("/webhooks/netbanx", payment("n1", "1")),
    ] {
        assert_eq!(platform.send(path, body).await.status(), 202);
    }
    platform.drained().await;

    let acme = platform.netbanx(&["token", "add", "--company", "acme"]);
    let other = platform.netbanx(&["token", "add", "--company", "other", "--permission", "read:transactions"]);
    let ids = |token: String| {
        let platform = &platform;
        async move {
            let (status, body) = platform.get_as(&token, "/api/v1/transactions").await;
            assert_eq!(status, 200, "{body}");
            let mut ids: Vec<String> = body["data"]["transactions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| t["externalId"].as_str().unwrap().to_owned())
                .collect();
            ids.sort();
            ids
        }
    };
    assert_eq!(ids(acme.clone()).await, ["a1"]);
    assert_eq!(ids(other.clone()).await, ["o1", "o2"]);
    assert_eq!(ids(platform.admin_token.clone()).await, ["a1", "n1", "o1", "o2"]);

    let foreign =
        platform.get("/api/v1/transactions?company=other&limit=1").await["transactions"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(platform.get_as(&acme, &format!("/api/v1/transactions/{foreign}")).await.0, 404);
    assert_eq!(platform.get_as(&other, &format!("/api/v1/transactions/{foreign}")).await.0, 200);
    assert_eq!(platform.get_as(&acme, "/api/v1/transactions?company=other").await.0, 403);
    assert_eq!(platform.get_as(&acme, "/api/v1/transactions?company=nobody").await.0, 403);
    assert_eq!(platform.get_as(&other, "/api/v1/accounts").await.0, 403);
    assert_eq!(platform.get_as("nonsense", "/api/v1/transactions").await.0, 401);
    assert_eq!(platform.http.get(format!("{}/api/v1/events", platform.api_url())).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn pages_and_cursors_agree_and_bad_parameters_are_named() {
    let platform = Platform::start(Database::Sqlite).await;
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    platform.netbanx(&["send", "--count", "25", "--url", &url, "--key", e2e::KEY]);
    platform.drained().await;
    let (mut by_page, mut by_cursor, mut cursor) = (Vec::new(), Vec::new(), String::new());
    for page in 1..=3 {
        let data = platform.get(&format!("/api/v1/transactions?limit=10&page={page}")).await;
        by_page.extend(data["transactions"].as_array().unwrap().clone());
        let data = platform.get(&format!("/api/v1/transactions?limit=10&cursor={cursor}")).await;
        by_cursor.extend(data["transactions"].as_array().unwrap().clone());
        cursor = data["pagination"]["nextCursor"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!((by_page.len(), cursor.as_str()), (25, ""));
    assert_eq!(by_page, by_cursor);
    for (query, name) in [
        ("limit=101", "limit"),
        ("page=0", "page"),
        ("status=DONE", "status"),
        ("currency=EURO", "currency"),
        ("kind=x", "kind"),
        ("startDate=2025-02-01&endDate=2025-01-01", "endDate"),
        ("cursor=zzz", "cursor"),
        ("company=nobody", "company"),
    ] {
        let (status, body) = platform.get_as(&platform.admin_token, &format!("/api/v1/transactions?{query}")).await;
        assert_eq!((status, body["parameter"].as_str()), (400, Some(name)), "{query}: {body}");
    }
    assert_eq!(platform.get_as(&platform.admin_token, "/api/v1/accounts/not-a-uuid").await.0, 400);
    assert_eq!(platform.get_as(&platform.admin_token, "/api/v1/nothing").await.0, 404);
}
