//! The contract as a page.

use e2e::{Database, Platform};

#[tokio::test]
async fn the_reference_page_comes_from_the_binary_alone() {
    let platform = Platform::start(Database::Sqlite).await;
    let get = async |path: &str| platform.http.get(format!("{}{path}", platform.api_url())).send().await.unwrap();
    let page = get("/docs").await;
    assert_eq!((page.status(), page.url().path()), (reqwest::StatusCode::OK, "/docs/"));
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    let text = page.text().await.unwrap();
    let loaded: Vec<&str> = text.split(['"']).filter(|part| part.ends_with(".js") || part.ends_with(".css")).collect();
    assert!(loaded.len() >= 4, "{text}");
    for name in loaded {
        assert!(!name.contains("//"), "{name} is of another host");
        let file = get(&format!("/docs/{}", name.trim_start_matches("./"))).await;
        assert_eq!(file.status(), 200, "{name}");
        if name.ends_with("initializer.js") {
            let script = file.text().await.unwrap();
            assert!(script.contains("/api/openapi.json"), "{script}");
            assert!(!script.contains("http:") && !script.contains("https:"), "{script}");
        }
    }
    assert_eq!(get("/docs/nothing").await.status(), 404);
}
