//! A company's own time zone: by whose days its figures are where nobody asks for a zone.

use chrono::{DateTime, Duration, NaiveDate, TimeZone, Utc};
use chrono_tz::{America::Toronto, Tz};
use e2e::{Database, Platform, eventually};
use serde_json::{Value, json};

/// A local time of Toronto's.
fn there(day: NaiveDate, hour: u32, minute: u32) -> DateTime<Utc> {
    Toronto.from_local_datetime(&day.and_hms_opt(hour, minute, 0).unwrap()).unwrap().to_utc()
}

async fn pay(platform: &Platform, id: &str, amount: i64, at: DateTime<Utc>) {
    let body = json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": id, "status": "COMPLETED", "amount": amount,
        "currencyCode": "CAD", "txnTime": at.to_rfc3339(), "statusTime": at.to_rfc3339(), "paymentType": "CARD"}});
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", body.to_string()).await.status(), 202);
}

/// The volume, the zone and the beginning of each point.
async fn told(platform: &Platform, query: &str) -> (i64, String, Vec<DateTime<Utc>>) {
    let told = platform.get(&format!("/api/v1/analytics?{query}")).await;
    let amount = told["transactions"]["byCurrency"][0]["completedAmount"].as_i64().unwrap_or(0);
    let starts = told["series"].as_array().unwrap().iter().map(|point| point["start"].as_str().unwrap().parse().unwrap());
    (amount, told["timeZone"].as_str().unwrap().to_owned(), starts.collect())
}

async fn set(platform: &Platform, token: &str, id: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/api/v1/companies/{id}", platform.api_url());
    let answer = platform.http.patch(url).bearer_auth(token).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn id_of(platform: &Platform, slug: &str) -> String {
    let companies = platform.get("/api/v1/companies").await;
    let own = companies["companies"].as_array().unwrap().iter().find(|row| row["slug"] == slug).unwrap();
    own["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_companys_days_begin_at_its_own_midnight() {
    for database in [Database::Sqlite, Database::Postgres] {
        let platform = Platform::start(database).await;
        let day = clock::now().date_naive() - Duration::days(5);
        let next = day + Duration::days(1);
        // The evening before and the first half hour are on one day of UTC's; the last evening is on the next one.
        pay(&platform, "before", 100, there(day - Duration::days(1), 23, 30)).await;
        pay(&platform, "first", 200, there(day, 0, 30)).await;
        pay(&platform, "last", 400, there(day, 23, 30)).await;
        platform.drained().await;
        let one_day = format!("company=acme&from={day}&to={next}&interval=day");
        let month = "company=acme&timeRange=month";
        assert_eq!(told(&platform, &one_day).await, (300, "UTC".to_owned(), vec![utc(day)]), "{database:?}");
        let (amount, zone, starts) = told(&platform, month).await;
        assert_eq!((amount, &*zone, starts.len()), (700, "UTC", 30));
        assert!(starts.iter().all(|start| start.timestamp() % 86_400 == 0), "{starts:?}");

        // Of the command, which is another process, replicas learn within a second.
        assert_eq!(
            platform.netbanx(&["company", "set", "acme", "--time-zone", "america/toronto"]),
            "the days of acme are those of America/Toronto"
        );
        let begin = there(day, 0, 0);
        eventually("its days are Toronto's", || async {
            (told(&platform, &one_day).await == (600, "America/Toronto".to_owned(), vec![begin])).then_some(())
        })
        .await;
        // So are those of a month, although that was kept ready by UTC's, and of what asks for nothing but a comparison.
        let (amount, zone, starts) = told(&platform, month).await;
        assert_eq!((amount, &*zone, starts.len()), (700, "America/Toronto", 30));
        let midnight = chrono::NaiveTime::MIN;
        assert!(starts.iter().all(|start| start.with_timezone(&Toronto).time() == midnight), "{starts:?}");
        assert_eq!(told(&platform, "company=acme&timeRange=week&compare=previous").await.1, "America/Toronto");
        // What is asked for goes first; hours are the same everywhere; all companies have no zone in common.
        assert_eq!(told(&platform, &format!("{one_day}&timeZone=UTC")).await, (300, "UTC".to_owned(), vec![utc(day)]));
        assert_eq!(told(&platform, "company=acme&timeRange=week").await.1, "UTC");
        assert_eq!(told(&platform, &format!("from={day}&to={next}")).await.1, "UTC");
        let file = platform.http.get(format!("{}/api/v1/analytics.jsonl?{one_day}", platform.api_url()));
        let file = file.bearer_auth(&platform.admin_token).send().await.unwrap().text().await.unwrap();
        assert!(file.contains(&begin.format("%Y-%m-%dT%H:%M:%S").to_string()), "{file}");
    }
}

fn utc(day: NaiveDate) -> DateTime<Utc> {
    Tz::UTC.from_local_datetime(&day.and_hms_opt(0, 0, 0).unwrap()).unwrap().to_utc()
}

#[tokio::test]
async fn a_companys_zone_is_changed_at_once_by_who_may_and_checked() {
    for database in [Database::Sqlite, Database::Postgres] {
        let platform = Platform::start(database).await;
        platform.netbanx(&["company", "add", "Other", "--slug", "other", "--time-zone", "Asia/Tokyo"]);
        let token = |company| platform.netbanx(&["token", "add", "--company", company, "--permission", "manage:secrets"]);
        let (own, foreign) = (token("acme"), token("other"));
        let (acme, other) = (id_of(&platform, "acme").await, id_of(&platform, "other").await);
        let day = clock::now().date_naive() - Duration::days(5);
        pay(&platform, "night", 700, there(day, 23, 30)).await;
        platform.drained().await;
        let query = format!("company=acme&from={day}&to={}&interval=day", day + Duration::days(1));
        assert_eq!(told(&platform, &query).await.0, 0, "{database:?}");

        // Who changes it by this replica is told by it at once, time and again.
        for (zone, amount) in
            [(json!("America/Toronto"), 700), (json!("Asia/Tokyo"), 0), (json!("America/Toronto"), 700), (Value::Null, 0)]
        {
            let (status, body) = set(&platform, &own, &acme, json!({"timeZone": zone})).await;
            assert_eq!((status, &body["data"]["timeZone"], &body["data"]["slug"]), (200, &zone, &json!("acme")), "{body}");
            let (sum, shown, _) = told(&platform, &query).await;
            assert_eq!((sum, json!(shown)), (amount, if zone.is_null() { json!("UTC") } else { zone }), "{database:?}");
        }
        let companies = platform.get("/api/v1/companies").await;
        let zones: Vec<&Value> = companies["companies"].as_array().unwrap().iter().map(|row| &row["timeZone"]).collect();
        assert_eq!(zones, [&Value::Null, &json!("Asia/Tokyo")]);

        for body in [json!({"timeZone": "Mars/Olympus"}), json!({"timeZone": ""})] {
            let (status, problem) = set(&platform, &own, &acme, body).await;
            assert_eq!((status, &problem["parameter"]), (400, &json!("timeZone")), "{problem}");
        }
        // What says nothing does not end a zone.
        assert_eq!(set(&platform, &own, &acme, json!({})).await.0, 400);
        assert_eq!(set(&platform, &foreign, &acme, json!({"timeZone": "UTC"})).await.0, 404);
        assert_eq!(set(&platform, &own, &other, json!({"timeZone": "UTC"})).await.0, 404);
        let refused = platform.netbanx_given(&["company", "set", "acme", "--time-zone", "Mars/Olympus"], b"");
        assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("'Mars/Olympus' is no time zone"));
        platform.netbanx(&["company", "set", "other", "--time-zone", "none"]);
        assert_eq!(platform.get("/api/v1/companies").await["companies"][1]["timeZone"], Value::Null);
        let audit = platform.get("/api/v1/audit").await;
        let changes: Vec<&Value> =
            audit["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "company.change").collect();
        assert_eq!(changes.len(), 5, "{audit}");
        assert_eq!((&changes[0]["actor"], &changes[0]["companyId"]), (&json!("command"), &json!(other)));
        assert_eq!(changes[2]["detail"], json!({"company": acme, "timeZone": "America/Toronto"}));
    }
}
