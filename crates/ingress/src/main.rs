//! The `ingress` binary: see the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    let purpose = "Takes webhooks: checks their signatures and puts them into the queue.";
    service::main("ingress", purpose, |settings, stop| async move { ingress::run(&settings, stop).await }).await
}
