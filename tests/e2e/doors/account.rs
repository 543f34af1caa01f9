//! People's own account: a new password, and where they are signed in.

use e2e::{Database, Person, Platform, Service};
use serde_json::{Value, json};

use super::{EMAIL, add_boss};

const PASSWORD: &str = "/api/v1/account/password";
const SESSIONS: &str = "/api/v1/account/sessions";
const READS: &str = "/api/v1/transactions";

async fn with_boss(database: Database) -> (Platform, String) {
    let mut platform = Platform::prepare(database).await;
    platform.run(Service::Api).await;
    let password = add_boss(&platform);
    (platform, password)
}

async fn signed_in(platform: &Platform, password: &str) -> Person {
    let person = Person::at(platform);
    assert_eq!(person.sign_in(EMAIL, password, None).await.0, 200);
    person
}

async fn sessions(person: &Person) -> Vec<Value> {
    let (status, told) = person.get(SESSIONS).await;
    assert_eq!(status, 200, "{told}");
    told["data"]["sessions"].as_array().unwrap().clone()
}

#[tokio::test]
async fn one_changes_ones_password_with_the_old_one_and_other_sessions_end() {
    for database in [Database::Sqlite, Database::Postgres] {
        let (platform, password) = with_boss(database).await;
        let (person, other) = (signed_in(&platform, &password).await, signed_in(&platform, &password).await);
        assert_eq!(other.get(READS).await.0, 200);
        let change = async |old: &str, new: &str| {
            let (status, told) = person.post(PASSWORD, json!({"oldPassword": old, "newPassword": new})).await;
            (status, told["parameter"].as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(change("not the old password", "another long password").await, (400, "oldPassword".to_owned()));
        assert_eq!(change(&password, "short").await, (400, "newPassword".to_owned()));
        assert_eq!(other.get(READS).await.0, 200);
        assert_eq!(change(&password, "another long password").await.0, 204);
        assert_eq!(other.get(READS).await.0, 401, "at once");
        assert_eq!(person.get(READS).await.0, 200);
        assert_eq!(Person::at(&platform).sign_in(EMAIL, &password, None).await.0, 401);
        signed_in(&platform, "another long password").await;
        // A token is nobody's account; a page of another site changes nothing.
        let url = format!("{}{PASSWORD}", platform.api_url());
        let body = json!({"oldPassword": "another long password", "newPassword": "yet another password"});
        let by_token = platform.http.post(&url).bearer_auth(&platform.admin_token).json(&body).send().await.unwrap();
        assert_eq!(by_token.status(), 403);
        let session = format!("netbanx_session={}", person.cookie("netbanx_session").unwrap());
        let no_csrf = platform.http.post(&url).header("cookie", session).json(&body).send().await.unwrap();
        assert_eq!(no_csrf.status(), 403);
    }
}

#[tokio::test]
async fn old_passwords_are_not_guessed_in_an_open_session() {
    let (platform, password) = with_boss(Database::Sqlite).await;
    let thief = signed_in(&platform, &password).await;
    let guess = json!({"oldPassword": "not the old password", "newPassword": "another long password"});
    for _ in 0..5 {
        assert_eq!(thief.post(PASSWORD, guess.clone()).await.0, 400);
    }
    let right = json!({"oldPassword": password, "newPassword": "another long password"});
    assert_eq!(thief.post(PASSWORD, right).await.0, 429);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_or_all_others_at_every_replica() {
    let (mut platform, password) = with_boss(Database::Sqlite).await;
    let (person, mut second, third) =
        (signed_in(&platform, &password).await, signed_in(&platform, &password).await, signed_in(&platform, &password).await);
    let stranger = platform.netbanx(&["user", "add", "--email", "x@acme.example", "--role", "administrator", "--generate"]);
    let others = Person::at(&platform);
    assert_eq!(others.sign_in("x@acme.example", &stranger, None).await.0, 200);

    let listed = sessions(&person).await;
    assert_eq!(listed.len(), 3);
    let own = listed.iter().find(|session| session["isThis"] == true).unwrap();
    assert_eq!((own["address"].as_str(), own["userAgent"].as_str()), (Some("127.0.0.1"), Some("Browser/1 (a test)")));
    assert!(own["createdAt"].is_string() && own["lastUsedAt"].is_string());
    let seen_by_second = sessions(&second).await;
    let id = seen_by_second.iter().find(|session| session["isThis"] == true).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(others.delete(&format!("{SESSIONS}/{id}")).await.0, 404, "it is not theirs");
    assert_eq!(person.delete(&format!("{SESSIONS}/{}", uuid::Uuid::nil())).await.0, 404);
    // Another replica that knows the session learns of its end.
    let first = platform.api_url();
    platform.api_port = e2e::free_port();
    platform.run(Service::Api).await;
    second.goes_to(platform.api_url());
    assert_eq!(second.get(READS).await.0, 200);
    assert_eq!(person.delete(&format!("{SESSIONS}/{id}")).await.0, 204);
    e2e::eventually("it ends at the other replica", || async { (second.get(READS).await.0 == 401).then_some(()) }).await;
    second.goes_to(first);
    assert_eq!(second.get(READS).await.0, 401);
    assert_eq!(sessions(&person).await.len(), 2);
    assert_eq!(person.delete(SESSIONS).await.0, 204);
    assert_eq!(third.get(READS).await.0, 401, "at once");
    assert_eq!(sessions(&person).await.len(), 1);
    assert_eq!(others.get(READS).await.0, 200);
    let log = platform.get("/api/v1/audit?limit=100").await;
    let ended = log["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "session.end").count();
    assert_eq!(ended, 2);
}

#[tokio::test]
async fn a_persons_sessions_are_bounded() {
    let (platform, password) = with_boss(Database::Sqlite).await;
    signed_in(&platform, &password).await;
    // Rows of before, instead of fifty sign-ins.
    let rows = "INSERT INTO sessions (token_hash, user_id, csrf_hash, created_at, expires_at, used_at) \
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 49) \
        SELECT 'h' || i, id, 'c', created_at + i, created_at + 6000000000, created_at FROM n, users WHERE email = 'boss@acme.example'";
    platform.execute(rows).await;
    signed_in(&platform, &password).await;
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM sessions").await, 50);
}
