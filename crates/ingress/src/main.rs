//! The `ingress` binary: see the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ingress: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> Result<(), ingress::Error> {
    let settings =
        settings::Settings::of_service("ingress", "Takes webhooks: checks their signatures and puts them into the queue.")?;
    let telemetry = telemetry::init(&settings.telemetry("ingress"))?;
    let ended = ingress::run(&settings, http_service::stop_on_signal()?).await;
    telemetry.shutdown();
    ended
}
