//! The operator's command, and `netbanx dev`: all three services in one process.
//!
//! | module | part |
//! | --- | --- |
//! | `cli` | commands and options |
//! | `admin` | migrate, company, secret, account |
//! | `access` | token, user |
//! | `endpoint_command` | where companies' own systems are told of what changed |
//! | `queue_command` | counts, pause, dead letters |
//! | `forget` | claims of webhooks that a restored database does not have |
//! | `rollup_command` | verify and rebuild the figures |
//! | `send` | signed, realistic webhooks |
//! | `dev` | ingress, worker and api in one process |

mod access;
mod admin;
mod cli;
mod dev;
mod endpoint_command;
mod forget;
mod queue_command;
mod rollup_command;
mod send;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Settings(#[from] settings::Error),
    #[error(transparent)]
    Telemetry(#[from] telemetry::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Redis(#[from] redis_client::Error),
    #[error(transparent)]
    Queue(#[from] queue::Error),
    #[error(transparent)]
    Ingress(#[from] ingress::Error),
    #[error(transparent)]
    Api(#[from] api::Error),
    #[error(transparent)]
    Worker(#[from] worker::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("HTTP: {0}")]
    Http(#[from] reqwest::Error),
    #[error("{0}")]
    Refused(String),
}

#[actix_web::main]
async fn main() -> ExitCode {
    match Box::pin(cli::Cli::parse().run()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("netbanx: {error}");
            ExitCode::FAILURE
        }
    }
}
