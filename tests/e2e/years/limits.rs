//! What is limited in time ends when it should and not before; and a clock that was set back holds nobody up.

use chrono::{DateTime, Duration, Utc};
use e2e::{App, Customer, Database, KEY, Person, Platform, Service, WallClock, eventually, sign_with};
use reqwest::Method;
use serde_json::{Value, json};

use super::{life::becomes, moment};

const PATH: &str = "/api/webhooks/netbanx/acme";
const READS: &str = "/api/v1/transactions";
const FACTOR: &str = "/api/v1/account/second-factor";
const EMAIL: &str = "boss@acme.example";
const NEW_KEY: &str = "another-portal-key";
const ALL: [Service; 3] = [Service::Ingress, Service::Worker, Service::Api];

fn body(id: &str, at: DateTime<Utc>) -> String {
    let payload = json!({"id": id, "status": "COMPLETED", "amount": 1250, "currencyCode": "EUR", "statusTime": at.to_rfc3339()});
    json!({"eventType": "PAYMENT_COMPLETED", "payload": payload}).to_string()
}

/// A platform on that clock with somebody who may sign in; their password.
async fn begun(database: Database, clock: &WallClock) -> (Platform, String) {
    let mut platform = Platform::prepare_at(database, clock).await;
    platform.may_reach_loopback();
    for service in ALL {
        platform.run(service).await;
    }
    let role = ["--role", "company-administrator", "--company", "acme", "--generate"];
    let password = platform.netbanx(&[&["user", "add", "--email", EMAIL], &role[..]].concat());
    (platform, password)
}

/// The status of a webhook that is signed under that key; it is sent again while it is answered 503, as Netbanx does.
async fn sent(platform: &Platform, key: &str, body: &str) -> u16 {
    let signature = sign_with(key, body.as_bytes());
    let answered = || async {
        let status = platform.send_signed(PATH, "Signature", &signature, body.into()).await.status().as_u16();
        (status != 503).then_some(status)
    };
    eventually("ingress answers", answered).await
}

async fn is_in(person: &Person) -> bool {
    match person.get(READS).await.0 {
        200 => true,
        401 => false,
        status => panic!("{status}"),
    }
}

async fn is_out(what: &str, person: &Person) {
    // Who it is is known for half a second.
    eventually(what, || async { (!is_in(person).await).then_some(()) }).await;
}

fn dead_letters(platform: &Platform) -> usize {
    let told: Value = serde_json::from_str(&platform.netbanx(&["--json", "queue", "dead"])).unwrap();
    told["deadLetters"].as_array().unwrap().len()
}

async fn everything_has_its_time(database: Database) {
    let start = moment("2027-06-01T08:00:00Z");
    let mut clock = WallClock::at(start);
    let after = |hours: i64, minutes: i64| start + Duration::hours(hours) + Duration::minutes(minutes);
    let (platform, password) = begun(database, &clock).await;
    let token = platform.netbanx(&["token", "add", "--company", "acme", "--expires-days", "30"]);
    let first = body("first", start);
    assert_eq!((sent(&platform, KEY, &first).await, sent(&platform, KEY, &first).await), (202, 200), "its claim is held");
    assert_eq!(sent(&platform, KEY, "no JSON").await, 202);
    let rotate = ["--endpoint", "netbanx", "--company", "acme", "--grace-hours", "24", "--key", NEW_KEY];
    platform.netbanx(&[&["secret", "rotate"][..], &rotate].concat());

    // A session ends when it is not used for two hours, else after twelve.
    let idle = Person::at(&platform);
    assert_eq!(idle.sign_in(EMAIL, &password, None).await.0, 200);
    for (hours, minutes) in [(1, 58), (3, 55)] {
        clock.set(after(hours, minutes));
        assert!(is_in(&idle).await, "{hours}:{minutes}");
    }
    clock.set(after(5, 57));
    is_out("an idle session ends", &idle).await;
    let busy = Person::at(&platform);
    assert_eq!(busy.sign_in(EMAIL, &password, None).await.0, 200);
    for minutes in [110, 220, 330, 440, 550, 660, 715] {
        clock.set(after(5, 57 + minutes));
        assert!(is_in(&busy).await, "after {minutes} minutes");
    }
    clock.set(after(5, 57 + 721));
    is_out("a session ends", &busy).await;

    // Its claim is over, where Redis is on this clock; the database knows it all the same.
    let again = sent(&platform, KEY, &first).await;
    assert_eq!(again, if platform.redis.is_cluster() { 200 } else { 202 });
    platform.drained().await;
    assert_eq!(platform.events().await, 1);

    // The key before the new one.
    clock.set(after(23, 55));
    assert_eq!(sent(&platform, KEY, &body("old key", clock.now())).await, 202);
    clock.set(after(24, 5));
    assert_eq!(sent(&platform, KEY, &body("ended key", clock.now())).await, 401);
    assert_eq!(sent(&platform, NEW_KEY, &body("new key", clock.now())).await, 202);

    // A lock after wrong passwords.
    let person = Person::at(&platform);
    for _ in 0..5 {
        assert_eq!(person.sign_in(EMAIL, "a wrong password", None).await.0, 401);
    }
    for (minutes, status) in [(5, 401), (19, 401), (21, 200)] {
        clock.set(after(24, minutes));
        assert_eq!(person.sign_in(EMAIL, &password, None).await.0, status, "after {} minutes", minutes - 5);
    }

    clock.set(after(30 * 24 - 2, 0));
    assert_eq!(platform.get_as(&token, READS).await.0, 200);
    assert_eq!(dead_letters(&platform), 1);
    clock.set(after(30 * 24 + 2, 0));
    eventually("a token ends", || async { (platform.get_as(&token, READS).await.0 == 401).then_some(()) }).await;
    if !platform.redis.is_cluster() {
        eventually("dead letters are dropped", || async { (dead_letters(&platform) == 0).then_some(()) }).await;
    }
}

/// An app's code of this moment on that clock.
fn code(app: &App, clock: &WallClock) -> String {
    app.of(clock.now_ms().unsigned_abs() / 30_000)
}

/// Sets a second factor up.
async fn enrolled(person: &Person, password: &str, clock: &WallClock) -> App {
    let (status, told) = person.post(FACTOR, json!({"password": password})).await;
    assert_eq!(status, 201, "{told}");
    let app = App::with(told["data"]["secret"].as_str().unwrap());
    let (status, told) = person.post(&format!("{FACTOR}/confirm"), json!({"code": code(&app, clock)})).await;
    assert_eq!(status, 200, "{told}");
    app
}

fn told_of(customer: &Customer, id: &str) -> usize {
    customer.told().iter().filter(|told| told.status == 200 && told.transaction().0 == id).count()
}

async fn nobody_waits_for_a_clock_that_went_back(database: Database) {
    let mut clock = WallClock::at(moment("2027-06-02T08:00:00Z"));
    let (mut platform, password) = begun(database, &clock).await;
    let customer = Customer::start();
    let person = Person::at(&platform);
    assert_eq!(person.sign_in(EMAIL, &password, None).await.0, 200);
    let app = enrolled(&person, &password, &clock).await;
    let endpoint = json!({"company": "acme", "url": customer.url("/hook"), "eventTypes": ["*"], "description": ""});
    let (status, told) = person.told(Method::POST, "/api/v1/endpoints", Some(endpoint)).await;
    assert_eq!(status, 201, "{told}");
    for n in 0.. {
        // Batches hear of it within a second or two.
        assert_eq!(sent(&platform, KEY, &body(&format!("early{n}"), clock.now())).await, 202);
        platform.drained().await;
        if !customer.told().is_empty() {
            break;
        }
    }
    // One is refused, and waits; a key is made; the owner is locked out; the API dies, and leaves the endpoint leased to it.
    customer.script([(503, None, std::time::Duration::ZERO)]);
    assert_eq!(sent(&platform, KEY, &body("refused", clock.now())).await, 202);
    eventually("one is refused", || async { customer.told().iter().any(|told| told.status == 503).then_some(()) }).await;
    becomes("that is noted", 1, || platform.count("SELECT COUNT(*) AS n FROM deliveries WHERE attempts = 1")).await;
    platform.kill(Service::Worker);
    platform.netbanx(&["secret", "rotate", "--endpoint", "netbanx", "--company", "acme", "--key", NEW_KEY]);
    let stranger = Person::at(&platform);
    for _ in 0..5 {
        assert_eq!(stranger.sign_in(EMAIL, "a wrong password", None).await.0, 401);
    }
    assert_eq!(stranger.sign_in(EMAIL, &password, Some(&code(&app, &clock))).await.0, 401, "it is locked");

    platform.kill(Service::Api);
    clock.pass(-Duration::days(1));
    platform.run(Service::Api).await;
    assert!(is_in(&person).await, "who is in stays in");
    let now = code(&app, &clock);
    assert_eq!(stranger.sign_in(EMAIL, &password, Some(&now)).await.0, 200, "a lock does not last for a day");
    assert_eq!(stranger.sign_in(EMAIL, &password, Some(&now)).await.0, 401, "a code opens one session");
    let is_taken = || async { (sent(&platform, NEW_KEY, &body("new key", clock.now())).await == 202).then_some(()) };
    eventually("the new key verifies", is_taken).await;
    platform.run(Service::Worker).await;
    platform.drained().await;
    for id in ["refused", "new key"] {
        eventually("the customer is told", || async { (told_of(&customer, id) == 1).then_some(()) }).await;
    }

    // Once more, while all of them run: what is written shows, what dies is counted.
    let failed = "SELECT CAST(COALESCE(SUM(count), 0) AS bigint) AS n FROM rollups WHERE grain = 'day' AND series = 'w|failed'";
    for (n, hours) in [(1, 1), (2, 24)] {
        assert_eq!(sent(&platform, NEW_KEY, &format!("no JSON {n}")).await, 202);
        becomes("what could not be read is counted", n * 4 - 2, || platform.count(failed)).await;
        let shown = || async { platform.get(READS).await["pagination"]["total"].as_u64().unwrap() };
        let before = shown().await;
        assert_eq!(sent(&platform, NEW_KEY, &body(&format!("before{n}"), clock.now())).await, 202);
        platform.drained().await;
        clock.pass(-Duration::hours(hours));
        let id = format!("after{n}");
        assert_eq!(sent(&platform, NEW_KEY, &body(&id, clock.now())).await, 202);
        becomes("both are shown", before + 2, shown).await;
        eventually("the customer is told of it", || async { (told_of(&customer, &id) == 1).then_some(()) }).await;
        assert_eq!(sent(&platform, NEW_KEY, &format!("no JSON {n} either")).await, 202);
        becomes("what could not be read is counted then, too", n * 4, || platform.count(failed)).await;
    }
    platform.netbanx(&["audit", "verify"]);
    platform.netbanx(&["rollup", "verify"]);
    assert!(platform.all_alive());
}

#[tokio::test]
async fn what_is_limited_in_time_ends_when_it_should_sqlite() {
    everything_has_its_time(Database::Sqlite).await;
}

#[tokio::test]
async fn what_is_limited_in_time_ends_when_it_should_postgres() {
    everything_has_its_time(Database::Postgres).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_nobody_up_sqlite() {
    nobody_waits_for_a_clock_that_went_back(Database::Sqlite).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_nobody_up_postgres() {
    nobody_waits_for_a_clock_that_went_back(Database::Postgres).await;
}
