//! The `worker` binary: see the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("worker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> Result<(), worker::Error> {
    let settings = settings::Settings::of_service(
        "worker",
        "Stores webhooks: takes them from the queue in batches and writes what they mean.",
    )?;
    let telemetry = telemetry::init(&settings.telemetry("worker"))?;
    let ended = worker::run(&settings, http_service::stop_on_signal()?).await;
    telemetry.shutdown();
    ended
}
