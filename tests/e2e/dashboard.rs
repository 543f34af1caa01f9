//! The dashboard in a real browser, behind a gateway as on Kubernetes. The stories themselves are
//! `crates/api/dashboard/e2e/story.mjs`; what they cannot do from a browser they ask of the routes here.

use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

use actix_web::{HttpResponse, web};
use e2e::{Customer, Database, Gateway, OpenStreams, Platform, Provider, Service, eventually};
use serde_json::{Value, json};
use tokio::{process::Command, sync::Mutex};
use uuid::Uuid;

const PASSWORD: &str = "a long enough password";

/// Taken out at the end, so that it ends although the gateway's routes know it.
type Shared = Arc<Mutex<Option<Platform>>>;

/// A webhook that tells of a payment, or of one that the database refuses for as long as it is broken.
async fn send(platform: &Platform, id: &str) {
    send_status(platform, id, "COMPLETED").await;
}

async fn send_status(platform: &Platform, id: &str, status: &str) {
    let body = format!(
        r#"{{"id":"{id}{status}","eventType":"PAYMENT_{status}","eventData":{{"id":"{id}","amount":1999,"currencyCode":"EUR","merchantRefNum":"order-{id}","status":"{status}"}}}}"#
    );
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", body).await.status(), 202);
}

/// A webhook that was an hour on its way.
async fn send_late(platform: &Platform) {
    let time = clock::now() - chrono::Duration::hours(1);
    let payload = json!({"id": Uuid::now_v7(), "amount": 1999, "currencyCode": "EUR", "status": "COMPLETED", "statusTime": time});
    let body = json!({"eventType": "PAYMENT_COMPLETED", "payload": payload}).to_string();
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", body).await.status(), 202);
    platform.drained().await;
}

async fn act(shared: web::Data<Shared>, customer: web::Data<Customer>, what: web::Path<String>) -> HttpResponse {
    let mut shared = shared.lock().await;
    let Some(platform) = shared.as_mut() else { return HttpResponse::Gone().finish() };
    match what.as_str() {
        "accepted" => {
            let id = Uuid::now_v7().to_string();
            send(platform, &id).await;
            return HttpResponse::Ok().body(id);
        }
        "settled" => {
            let id = Uuid::now_v7().to_string();
            for status in ["PENDING", "COMPLETED"] {
                send_status(platform, &id, status).await;
                platform.drained().await;
            }
        }
        "late" => send_late(platform).await,
        "dead" => {
            platform
                .execute(
                    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused on purpose'; END $$",
                )
                .await;
            let when = "CREATE TRIGGER refuse BEFORE INSERT ON webhook_events FOR EACH ROW WHEN (NEW.resource_id = 'cursed')";
            platform.execute(&format!("{when} EXECUTE FUNCTION refuse()")).await;
            send(platform, "cursed").await;
            eventually("it is dead-lettered", || async { (platform.queue().await.dead == 1).then_some(()) }).await;
        }
        "fixed" => platform.execute("DROP TRIGGER refuse ON webhook_events").await,
        "stop-api" => platform.terminate(Service::Api).await,
        "start-api" => platform.run(Service::Api).await,
        // The customer's own system answers the next message that it is gone.
        "gone" => customer.script([(410, None, Duration::ZERO)]),
        "demand" => {
            platform.terminate(Service::Api).await;
            platform.set("SECOND_FACTOR", "everyone");
            platform.run(Service::Api).await;
        }
        _ => return HttpResponse::NotFound().finish(),
    }
    HttpResponse::Ok().finish()
}

/// How many streams the browser has open.
async fn open_streams(streams: web::Data<OpenStreams>) -> HttpResponse {
    HttpResponse::Ok().body(streams.count().to_string())
}

fn add_user(platform: &Platform, email: &str, options: &[&str]) {
    let file = std::env::temp_dir().join(format!("netbanx-password-{}", Uuid::now_v7().simple()));
    std::fs::write(&file, PASSWORD).unwrap();
    let args = ["user", "add", "--email", email, "--password-file", file.to_str().unwrap()];
    platform.netbanx(&[&args, options].concat());
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn its_stories_hold_in_a_browser() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    add_user(&platform, "admin@example.com", &["--role", "administrator"]);
    add_user(&platform, "member@example.com", &["--role", "member", "--company", "other"]);
    platform.may_reach_loopback();
    // A mail server that is never there: a channel of e-mail can be added, and its test fails.
    platform.set("SMTP_URL", "smtp://127.0.0.1:1?tls=none");
    platform.set("ALERT_MAIL_FROM", "alerts@platform.example");
    let customer = web::Data::new(Customer::start());
    let shared: Shared = Arc::default();
    let (known, told) = (shared.clone(), customer.clone());
    let gateway = Gateway::start(&platform, move |config| {
        config.app_data(web::Data::new(known.clone())).app_data(told.clone());
        config.route("/story/streams", web::get().to(open_streams)).route("/story/{what}", web::post().to(act));
    });
    let provider = Provider::start_for(&mut platform, &gateway.url(), false).await;
    provider.knows("olga", &json!({"roles": ["ops"], "email": "olga@example.com"})).await;
    provider.knows("nobody", &json!({"email": "nobody@example.com"})).await;
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    *shared.lock().await = Some(platform);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/api/dashboard");
    assert!(directory.join("node_modules").exists(), "run `make test`, or scripts/dashboard first");
    let output = Command::new("node")
        .arg("--test")
        // Some of them alone, by a pattern, while one works on them.
        .args(std::env::var("STORY").ok().map(|name| format!("--test-name-pattern={name}")))
        .arg("e2e/story.mjs")
        .current_dir(directory)
        .env("URL", gateway.url())
        .env("SEND", format!("{}/story", gateway.url()))
        .env("CUSTOMER", customer.url("/hooks"))
        .env("EMAIL", "admin@example.com")
        .env("PASSWORD", PASSWORD)
        .env("MEMBER", "member@example.com")
        .env("MEMBER_PASSWORD", PASSWORD)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let platform = shared.lock().await.take().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    drop(gateway);

    // The session's cookie and what it may do are the server's to say, not the page's.
    // By a client of its own: the platform's keeps connections of the gateway's runtime, which has ended.
    let url = format!("{}/api/v1/receivers", platform.api_url());
    let answer = reqwest::Client::new().get(url).bearer_auth("nbx_nonsense").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], 401);
}
