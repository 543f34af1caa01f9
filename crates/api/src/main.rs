//! The `api` binary: see the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("api: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> Result<(), api::Error> {
    let settings = settings::Settings::of_service(
        "api",
        "Answers dashboards: transactions, accounts, figures, the queue, and the pages themselves.",
    )?;
    let telemetry = telemetry::init(&settings.telemetry("api"))?;
    let ended = api::run(&settings, http_service::stop_on_signal()?).await;
    telemetry.shutdown();
    ended
}
