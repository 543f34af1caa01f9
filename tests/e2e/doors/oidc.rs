//! Sign-in by a real OpenID Connect provider: who gets in, as what, and what is refused.

use std::time::{Duration, Instant};

use e2e::{Database, Person, Platform, Provider, Service, eventually, problem_of};
use reqwest::Method;
use serde_json::{Value, json};

use super::{EMAIL, add_boss, verified};

const BEGIN: &str = "/api/v1/session/oidc";
const CALLBACK: &str = "/api/v1/session/oidc/callback";

async fn with_provider(database: Database, thin: bool) -> (Platform, Provider) {
    let mut platform = Platform::prepare(database).await;
    let provider = Provider::start(&mut platform, thin).await;
    platform.run(Service::Api).await;
    (platform, provider)
}

/// Where `person` is sent to sign in.
async fn sent_to_provider(person: &Person) -> String {
    let answer = person.ask(Method::GET, BEGIN, None).await;
    assert_eq!(answer.status(), 303);
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// The whole way; answers the status of its end, and the problem's name where there is one.
async fn sign_in(provider: &Provider, person: &Person, account: &str) -> (u16, String) {
    let back = provider.signs_in(person, account, &sent_to_provider(person).await).await;
    answered(person, &back).await
}

async fn answered(person: &Person, back: &str) -> (u16, String) {
    let (status, told) = person.get(back).await;
    (status, problem_of(&told))
}

/// The state of the sign-in that this browser began last.
fn latest_state(person: &Person) -> String {
    person.cookie("netbanx_oidc").unwrap().rsplit('.').next().unwrap().to_owned()
}

fn refused() -> (u16, String) {
    (403, "provider-refused".to_owned())
}

async fn reasons(platform: &Platform) -> Vec<String> {
    let log = platform.get("/api/v1/audit?limit=100").await;
    let entries = log["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "session.oidc-refused");
    entries.map(|entry| entry["detail"]["reason"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn who_has_a_role_gets_in_with_what_it_permits_and_roles_are_renewed() {
    for (database, thin) in [(Database::Sqlite, true), (Database::Postgres, false)] {
        let (platform, provider) = with_provider(database, thin).await;
        let methods = platform.http.get(format!("{}/api/v1/session/methods", platform.api_url())).send().await.unwrap();
        assert_eq!(methods.json::<Value>().await.unwrap()["data"], json!({"password": true, "oidc": true}));
        // Somebody with a password has the same address: they stay two.
        let password = add_boss(&platform);
        provider.knows("alice", &json!({"roles": ["merchant", "unheard-of"], "company": "acme", "email": EMAIL})).await;
        let alice = Person::at(&platform);
        assert_eq!(sign_in(&provider, &alice, "alice").await.0, 303);
        let (status, who) = alice.learns_who().await;
        assert_eq!((status, who["data"]["email"].as_str()), (200, Some(EMAIL)));
        assert_eq!(who["data"]["permissions"], json!(["read:transactions", "read:analytics"]));
        assert_ne!(who["data"]["companyId"], Value::Null);
        assert_eq!(alice.get("/api/v1/transactions").await.0, 200);
        assert_eq!(alice.get("/api/v1/users").await.0, 403);
        let boss = Person::at(&platform);
        assert_eq!(boss.sign_in(EMAIL, &password, None).await.0, 200);
        assert_ne!(boss.learns_who().await.1["data"]["actor"], who["data"]["actor"]);
        // There is no password, nor a second factor of ours.
        let change = json!({"oldPassword": "", "newPassword": "a long enough password"});
        assert_eq!(alice.post("/api/v1/account/password", change).await.0, 409);
        assert_eq!(alice.post("/api/v1/account/second-factor", json!({"password": ""})).await.0, 409);
        assert_eq!(alice.get("/api/v1/account/sessions").await.1["data"]["sessions"].as_array().unwrap().len(), 1);
        assert_eq!(Person::at(&platform).sign_in(EMAIL, "", None).await.0, 401);

        provider.knows("alice", &json!({"roles": ["ops"], "email": "alice@acme.example"})).await;
        assert_eq!(sign_in(&provider, &alice, "alice").await.0, 303);
        let (_, renewed) = alice.learns_who().await;
        assert_eq!(renewed["data"]["actor"], who["data"]["actor"], "the same person");
        assert_eq!(renewed["data"]["companyId"], Value::Null, "an administrator of all");
        assert_eq!(alice.get("/api/v1/users").await.0, 200);
        // Who has no role any more is out, also where they were in.
        provider.knows("alice", &json!({"roles": ["unheard-of"], "email": "alice@acme.example"})).await;
        let elsewhere = Person::at(&platform);
        assert_eq!(sign_in(&provider, &elsewhere, "alice").await, refused());
        eventually("their sessions end", || async { (alice.get("/api/v1/users").await.0 == 401).then_some(()) }).await;
        let log = platform.get("/api/v1/audit?limit=100").await;
        let count = |action: &str| log["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == action).count();
        assert_eq!((count("session.oidc-sign-in"), count("session.oidc-refused")), (2, 1));
        let (holds, told) = verified(&platform);
        assert!(holds, "{told}");
    }
}

#[tokio::test]
async fn who_has_no_role_or_no_company_is_refused_and_nobody_is_made() {
    let (platform, provider) = with_provider(Database::Sqlite, false).await;
    provider.knows("nobody", &json!({"email": "nobody@acme.example"})).await;
    provider.knows("stray", &json!({"roles": ["merchant"], "company": "nowhere", "email": "s@acme.example"})).await;
    provider.knows("homeless", &json!({"roles": "merchant", "email": "h@acme.example"})).await;
    for account in ["nobody", "stray", "homeless"] {
        let person = Person::at(&platform);
        assert_eq!(sign_in(&provider, &person, account).await, refused(), "{account}");
        assert!(person.cookie("netbanx_session").is_none());
    }
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM users").await, 0);
    assert_eq!(reasons(&platform).await, ["no-company", "no-company", "no-role"]);
    // A browser is led to a page that says it.
    let person = Person::at(&platform);
    let back = provider.signs_in(&person, "nobody", &sent_to_provider(&person).await).await;
    assert_eq!(person.led_to(&back).await, "/#/sign-in?problem=provider-refused");
}

#[tokio::test]
async fn what_was_not_begun_here_or_was_used_before_is_refused() {
    let (platform, provider) = with_provider(Database::Sqlite, false).await;
    provider.knows("alice", &json!({"roles": ["merchant"], "company": "acme", "email": "alice@acme.example"})).await;
    let person = Person::at(&platform);
    let begun = sent_to_provider(&person).await;
    assert!(begun.contains("code_challenge_method=S256") && begun.contains("state=") && begun.contains("nonce="), "{begun}");
    let own = person.cookie("netbanx_oidc").unwrap();
    let back = provider.signs_in(&person, "alice", &begun).await;
    // Another browser, which somebody lured here, does not become alice; nor is the answer any good afterwards.
    let victim = Person::at(&platform);
    assert_eq!(answered(&victim, &back).await, refused());
    assert_eq!(answered(&person, &back).await, refused(), "it was taken");
    assert_eq!(answered(&person, &format!("{CALLBACK}?code=x&state=unheard-of")).await, refused());
    assert_eq!(answered(&person, CALLBACK).await, refused());

    // The answer of a sign-in that succeeded, and its code under a state that is new.
    let back = provider.signs_in(&person, "alice", &sent_to_provider(&person).await).await;
    let own_again = person.cookie("netbanx_oidc").unwrap();
    assert_ne!(own, own_again);
    assert_eq!(answered(&person, &back).await.0, 303);
    person.set_cookie("netbanx_oidc", &own_again);
    assert_eq!(answered(&person, &back).await, refused());
    let code = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
    sent_to_provider(&person).await;
    let state = latest_state(&person);
    assert_eq!(answered(&person, &format!("{CALLBACK}?code={code}&state={state}")).await, refused());

    // Two tabs that begin before either is answered are both let in.
    let tabs = [sent_to_provider(&person).await, sent_to_provider(&person).await];
    for begun in tabs {
        let back = provider.signs_in(&person, "alice", &begun).await;
        assert_eq!(answered(&person, &back).await.0, 303);
    }

    // An ID token that was made for another nonce.
    let begun = sent_to_provider(&person).await;
    let nonce = begun.split("nonce=").nth(1).unwrap().split('&').next().unwrap();
    let back = provider.signs_in(&person, "alice", &begun.replace(nonce, "another")).await;
    assert_eq!(answered(&person, &back).await, refused());
    // A code that was asked for with another proof (PKCE).
    let begun = sent_to_provider(&person).await;
    let challenge = begun.split("code_challenge=").nth(1).unwrap().split('&').next().unwrap();
    let other = begun.replace(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let back = provider.signs_in(&person, "alice", &other).await;
    assert_eq!(answered(&person, &back).await, refused());
    // The provider declined.
    sent_to_provider(&person).await;
    let state = latest_state(&person);
    assert_eq!(answered(&person, &format!("{CALLBACK}?error=access_denied&state={state}")).await, refused());
    let reasons = reasons(&platform).await;
    assert_eq!(reasons, ["declined", "code", "id-token", "code", "state", "state", "state", "state", "state"]);
}

#[tokio::test]
async fn a_provider_that_is_away_or_silent_is_told_in_time() {
    let (mut platform, mut provider) = with_provider(Database::Sqlite, false).await;
    provider.knows("alice", &json!({"roles": ["merchant"], "company": "acme", "email": "alice@acme.example"})).await;
    let person = Person::at(&platform);
    let back = provider.signs_in(&person, "alice", &sent_to_provider(&person).await).await;
    provider.kill();
    let away = (502, "provider-unavailable".to_owned());
    assert_eq!(answered(&person, &back).await, away);
    // It listens and says nothing.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    platform.terminate(Service::Api).await;
    platform.set("OIDC_ISSUER", &format!("http://{}", silent.local_addr().unwrap()));
    platform.run(Service::Api).await;
    let begun = Instant::now();
    assert_eq!(answered(&person, BEGIN).await, away);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // Whoever has a password still gets in.
    let password = add_boss(&platform);
    assert_eq!(person.sign_in(EMAIL, &password, None).await.0, 200);
}

#[tokio::test]
async fn another_replica_ends_what_one_began_and_new_keys_of_the_provider_are_learnt() {
    let (mut platform, mut provider) = with_provider(Database::Sqlite, false).await;
    let claims = json!({"roles": ["merchant"], "company": "acme", "email": "alice@acme.example"});
    provider.knows("alice", &claims).await;
    let first = platform.api_url();
    platform.api_port = e2e::free_port();
    platform.run(Service::Api).await;
    let person = Person::at(&platform);
    let back = provider.signs_in(&person, "alice", &sent_to_provider(&person).await).await;
    assert!(back.starts_with(&first), "{back}");
    assert_eq!(answered(&person, &back).await.0, 303);
    assert_eq!(person.get("/api/v1/transactions").await.0, 200);
    provider.restart().await;
    provider.knows("alice", &claims).await;
    // Its keys are asked for again ten seconds after the last time at the soonest.
    eventually("the new keys are known", || async {
        let person = Person::at(&platform);
        (sign_in(&provider, &person, "alice").await.0 == 303).then_some(())
    })
    .await;
}

#[tokio::test]
async fn where_no_provider_is_configured_there_is_no_such_way_in() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    let person = Person::at(&platform);
    for place in [BEGIN, CALLBACK] {
        assert_eq!(person.get(place).await.0, 404);
    }
    assert_eq!(person.get("/api/v1/session/methods").await.1["data"]["oidc"], false);
}
