//! The `worker` binary: see the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    let purpose = "Stores webhooks: takes them from the queue in batches and writes what they mean.";
    service::main("worker", purpose, |settings, stop| async move { worker::run(&settings, stop).await }).await
}
