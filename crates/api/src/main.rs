//! The `api` binary: see the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    let purpose = "Serves dashboards: transactions, accounts, figures, the queue, and the pages themselves.";
    service::main("api", purpose, |settings, stop| async move { api::run(&settings, stop).await }).await
}
