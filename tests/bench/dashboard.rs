//! The dashboard in Chromium, on the processors that carry the platform too.

use std::{path::Path, process::Stdio};

use e2e::{Database, Gateway, KEY, Platform, Report};
use serde_json::Value;
use tokio::process::Command;
use uuid::Uuid;

const PASSWORD: &str = "a long enough password";
const SECONDS: u32 = 15;
const EVENTS_A_SECOND: u32 = 200;

pub async fn run(report: &mut Report) {
    let platform = Platform::start(Database::Sqlite).await;
    let file = std::env::temp_dir().join(format!("netbanx-password-{}", Uuid::now_v7().simple()));
    std::fs::write(&file, PASSWORD).unwrap();
    let path = file.to_str().unwrap();
    platform.netbanx(&["user", "add", "--email", "admin@example.com", "--role", "administrator", "--password-file", path]);
    std::fs::remove_file(&file).unwrap();
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    platform.netbanx(&["send", "--count", "500", "--url", &url, "--key", KEY]);
    platform.drained().await;
    let gateway = Gateway::start(&platform, |_| ());
    // As long as the browser may look, and a little longer.
    let count = ((SECONDS + 25) * EVENTS_A_SECOND).to_string();
    let rate = EVENTS_A_SECOND.to_string();
    let mut sender = Command::new(e2e::binary("netbanx"))
        .args(["send", "--count", &count, "--rate", &rate, "--url", &url, "--key", KEY])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = Command::new("node")
        .arg("e2e/performance.mjs")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/api/dashboard"))
        .env("URL", gateway.url())
        .env("EMAIL", "admin@example.com")
        .env("PASSWORD", PASSWORD)
        .env("SECONDS", SECONDS.to_string())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    assert!(sender.try_wait().unwrap().is_none(), "the events ended before the measurement did");
    sender.kill().await.unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figure = |name: &str| told[name].as_f64().unwrap();
    report.at_most("dashboard: kB of the first load", figure("firstLoadBytes") / 1e3, 150.0);
    report.at_most("dashboard: ms until the first page takes input, cold", figure("interactiveMs"), 1000.0);
    report.at_most("dashboard: ms until the overview shows its figures", figure("overviewMs"), 1000.0);
    report.at_least(
        &format!("dashboard: frames a second while {EVENTS_A_SECOND} events per second come"),
        figure("framesPerSecond"),
        59.0,
    );
    report.figure("dashboard: ms between frames, p99", figure("frameP99Ms"));
    report.figure("dashboard: ms between frames, longest", figure("longestFrameMs"));
    assert!(figure("tickerChanges") > 5.0, "the ticker moved");
}
