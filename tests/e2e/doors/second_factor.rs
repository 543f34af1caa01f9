//! A second factor: set up, asked for, used once, lost, demanded.

use e2e::{App, Database, Person, Platform, Service, eventually, problem_of};
use serde_json::{Value, json};

use super::{EMAIL, add_boss, verified};

const FACTOR: &str = "/api/v1/account/second-factor";
const READS: &str = "/api/v1/transactions";

async fn with_boss(database: Database, demand: &str) -> (Platform, String) {
    let mut platform = Platform::prepare(database).await;
    platform.set("SECOND_FACTOR", demand);
    platform.run(Service::Api).await;
    let password = add_boss(&platform);
    (platform, password)
}

/// Signs in by the password alone and sets up a second factor; answers the app and the recovery codes.
async fn enrolled(platform: &Platform, password: &str) -> (Person, App, Vec<String>) {
    let person = Person::at(platform);
    assert_eq!(person.sign_in(EMAIL, password, None).await.0, 200);
    let (app, codes) = enrol(&person, password).await;
    (person, app, codes)
}

async fn enrol(person: &Person, password: &str) -> (App, Vec<String>) {
    let (status, told) = person.post(FACTOR, json!({"password": password})).await;
    assert_eq!(status, 201, "{told}");
    let (secret, uri) = (told["data"]["secret"].as_str().unwrap(), told["data"]["otpauthUri"].as_str().unwrap());
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(&format!("secret={secret}")), "{uri}");
    let app = App::with(secret);
    let (status, told) = person.post(&format!("{FACTOR}/confirm"), json!({"code": app.code().await})).await;
    assert_eq!(status, 200, "{told}");
    let codes: Vec<String> =
        told["data"]["recoveryCodes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10);
    (app, codes)
}

async fn actions(platform: &Platform) -> Vec<String> {
    let log = platform.get("/api/v1/audit?limit=100").await;
    log["entries"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn it_is_set_up_asked_for_renewed_and_turned_off() {
    for database in [Database::Sqlite, Database::Postgres] {
        let (platform, password) = with_boss(database, "optional").await;
        let other = Person::at(&platform);
        assert_eq!(other.sign_in(EMAIL, &password, None).await.0, 200);
        let person = Person::at(&platform);
        assert_eq!(person.sign_in(EMAIL, &password, None).await.0, 200);
        assert_eq!(person.post(FACTOR, json!({"password": "not the password"})).await.0, 400);
        // Until it is confirmed nothing is asked for; a wrong code does not turn it on.
        let (status, told) = person.post(FACTOR, json!({"password": password})).await;
        assert_eq!(status, 201, "{told}");
        let wrong = App::with(told["data"]["secret"].as_str().unwrap()).wrong();
        assert_eq!(person.post(&format!("{FACTOR}/confirm"), json!({"code": wrong})).await.0, 400);
        assert_eq!(Person::at(&platform).sign_in(EMAIL, &password, None).await.0, 200);
        let (app, codes) = enrol(&person, &password).await;
        assert_eq!(person.get(READS).await.0, 200, "who set it up stays");
        assert_eq!(other.get(READS).await.0, 401, "what was opened without it ends");
        assert_eq!(person.post(FACTOR, json!({"password": password})).await.0, 409);

        let again = Person::at(&platform);
        assert_eq!(again.sign_in(EMAIL, "a wrong password", None).await, (401, "sign-in-failed".to_owned()));
        assert_eq!(again.sign_in(EMAIL, &password, None).await, (401, "second-factor-required".to_owned()));
        assert_eq!(again.sign_in(EMAIL, &password, Some(&app.wrong())).await, (401, "second-factor-wrong".to_owned()));
        let code = app.code().await;
        // Whoever does not have the password learns nothing by a code.
        assert_eq!(again.sign_in(EMAIL, "a wrong password", Some(&code)).await, (401, "sign-in-failed".to_owned()));
        assert_eq!(again.sign_in(EMAIL, &password, Some(&code)).await.0, 200);
        assert_eq!(again.get(READS).await.0, 200);
        assert_eq!(again.sign_in(EMAIL, &password, Some(&code)).await, (401, "second-factor-wrong".to_owned()), "once");

        // Recovery codes: each once, however it is typed; new ones end the old ones.
        let typed = codes[0].to_uppercase().replace('-', " ");
        assert_eq!(again.sign_in(EMAIL, &password, Some(&typed)).await.0, 200);
        assert_eq!(again.sign_in(EMAIL, &password, Some(&codes[0])).await.0, 401);
        assert_eq!(again.get(FACTOR).await.1["data"]["recoveryCodesLeft"], 9);
        let (status, told) = again.post(&format!("{FACTOR}/recovery-codes"), json!({"code": codes[1]})).await;
        assert_eq!(status, 200, "{told}");
        let renewed = told["data"]["recoveryCodes"][0].as_str().unwrap().to_owned();
        assert_eq!(again.sign_in(EMAIL, &password, Some(&codes[2])).await.0, 401);
        assert_eq!(again.post(&format!("{FACTOR}/off"), json!({"code": codes[2]})).await.0, 400);
        assert_eq!(again.post(&format!("{FACTOR}/off"), json!({"code": renewed})).await.0, 204);
        assert_eq!(Person::at(&platform).sign_in(EMAIL, &password, None).await.0, 200);

        let actions = actions(&platform).await;
        for action in [
            "user.password-wrong",
            "second-factor.begin",
            "second-factor.code-wrong",
            "second-factor.on",
            "session.code-missing",
            "session.code-wrong",
            "second-factor.recovery-code",
            "second-factor.recovery-codes",
            "second-factor.off",
        ] {
            assert!(actions.iter().any(|own| own == action), "{action} is missing in {actions:?}");
        }
        let (holds, told) = verified(&platform);
        assert!(holds, "{told}");
        for table in ["second_factors", "recovery_codes"] {
            assert_eq!(platform.count(&format!("SELECT COUNT(*) AS n FROM {table}")).await, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_opens_one_session_however_many_ask_at_once() {
    for database in [Database::Sqlite, Database::Postgres] {
        let (platform, password) = with_boss(database, "optional").await;
        let (_, app, codes) = enrolled(&platform, &password).await;
        for code in [app.code().await, codes[0].clone()] {
            let guesses = (0..4).map(|_| async {
                let person = Person::at(&platform);
                person.sign_in(EMAIL, &password, Some(&code)).await.0
            });
            let answers = futures::future::join_all(guesses).await;
            assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{database:?}: {answers:?}");
        }
    }
}

#[tokio::test]
async fn wrong_codes_and_missing_ones_lock_out_like_wrong_passwords() {
    let (platform, password) = with_boss(Database::Sqlite, "optional").await;
    let (_, app, codes) = enrolled(&platform, &password).await;
    let stranger = Person::at(&platform);
    for attempt in 0..5 {
        // Whoever has the password gains no tries by leaving the code out in between.
        let code = (attempt % 2 == 0).then(|| app.wrong());
        assert_eq!(stranger.sign_in(EMAIL, &password, code.as_deref()).await.0, 401);
    }
    let locked = stranger.sign_in(EMAIL, &password, Some(&codes[0])).await;
    assert_eq!(locked, (401, "sign-in-failed".to_owned()), "locked out is told like a wrong password");
    assert!(actions(&platform).await.iter().any(|action| action == "session.locked-out"));
}

#[tokio::test]
async fn of_whom_it_is_demanded_may_only_set_it_up() {
    let (platform, password) = with_boss(Database::Sqlite, "administrators").await;
    let person = Person::at(&platform);
    assert_eq!(person.sign_in(EMAIL, &password, None).await.0, 200);
    assert_eq!(person.learns_who().await.1["data"]["mustEnrol"], true);
    for place in [READS, "/api/v1/account/sessions", "/api/v1/users", "/api/v1/companies", "/api/v1/stream"] {
        let (status, told) = person.get(place).await;
        assert_eq!((status, problem_of(&told)), (403, "second-factor-demanded".to_owned()), "{place}");
    }
    let change = json!({"oldPassword": password, "newPassword": "another long password"});
    assert_eq!(person.post("/api/v1/account/password", change).await.0, 403);
    assert_eq!(person.get(FACTOR).await.1["data"]["demanded"], true);
    let (_, codes) = enrol(&person, &password).await;
    assert_eq!(person.get(READS).await.0, 200, "at once");
    assert_eq!(person.learns_who().await.1["data"]["mustEnrol"], false);
    assert_eq!(person.post(&format!("{FACTOR}/off"), json!({"code": codes[0]})).await.0, 204);
    eventually("it is demanded again", || async { (person.get(READS).await.0 == 403).then_some(()) }).await;
    assert_eq!(person.delete("/api/v1/session").await.0, 204, "signing out is always possible");

    // Of readers nothing is demanded.
    let reader = ["--email", "reader@acme.example", "--role", "read-only", "--company", "acme", "--generate"];
    let password = platform.netbanx(&[&["user", "add"], &reader[..]].concat());
    let person = Person::at(&platform);
    assert_eq!(person.sign_in("reader@acme.example", &password, None).await.0, 200);
    assert_eq!(person.get(READS).await.0, 200);
}

#[tokio::test]
async fn it_is_not_demanded_where_its_secrets_cannot_be_sealed() {
    let platform = Platform::prepare(Database::Sqlite).await;
    let mut api = std::process::Command::new(e2e::binary("api"));
    api.env("DATABASE_URL", &platform.database_url).env("REDIS_URL", platform.redis.url()).env_remove("MASTER_KEY");
    let output = api.env("SECOND_FACTOR", "everyone").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("MASTER_KEY: is required"), "{told}");
}

#[tokio::test]
async fn a_lost_one_is_reset_by_another_and_by_the_command() {
    let (platform, password) = with_boss(Database::Sqlite, "optional").await;
    let (person, _, _) = enrolled(&platform, &password).await;
    let users = platform.get("/api/v1/users").await;
    let boss = users["users"].as_array().unwrap().iter().find(|user| user["email"] == EMAIL).unwrap().clone();
    assert_eq!(boss["secondFactor"], true);
    let place = format!("/api/v1/users/{}/second-factor", boss["id"].as_str().unwrap());
    assert_eq!(person.delete(&place).await.0, 409, "not one's own");
    let reset = platform.http.delete(format!("{}{place}", platform.api_url())).bearer_auth(&platform.admin_token);
    assert_eq!(reset.send().await.unwrap().status(), 204);
    eventually("their sessions end", || async { (person.get(READS).await.0 == 401).then_some(()) }).await;
    let (person, _, _) = enrolled(&platform, &password).await;
    platform.netbanx(&["user", "reset-second-factor", "--email", EMAIL]);
    eventually("their sessions end", || async { (person.get(READS).await.0 == 401).then_some(()) }).await;
    assert_eq!(person.sign_in(EMAIL, &password, None).await.0, 200);
    assert_eq!(actions(&platform).await.iter().filter(|action| *action == "second-factor.reset").count(), 2);
    assert!(!platform.netbanx_given(&["user", "reset-second-factor", "--email", EMAIL], b"").status.success());
}

#[tokio::test]
async fn its_secret_opens_under_a_new_master_key() {
    let (mut platform, password) = with_boss(Database::Sqlite, "optional").await;
    let (_, app, _) = enrolled(&platform, &password).await;
    let (old, new) = (e2e::MASTER_KEY, "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=");
    platform.set("MASTER_KEY", &format!("{new},{old}"));
    let rewrapped: Value = serde_json::from_str(&platform.netbanx(&["--json", "secret", "rewrap"])).unwrap();
    assert_eq!(rewrapped["rewrapped"], 9);
    platform.terminate(Service::Api).await;
    platform.set("MASTER_KEY", new);
    platform.run(Service::Api).await;
    assert_eq!(Person::at(&platform).sign_in(EMAIL, &password, Some(&app.code().await)).await.0, 200);
}
