//! The operator's command, and `netbanx dev`: all three services in one process.
//!
//! | module | part |
//! | --- | --- |
//! | `cli` | commands and options |
//! | `sources` | which receiver, and where a key or a password comes from |
//! | `admin` | migrate, company, secret, account |
//! | `access` | token, user |
//! | `endpoint_command` | where companies' own systems are told of what changed |
//! | `alert_channel_command` | where alerts are told |
//! | `queue_command` | counts, pause, dead letters |
//! | `forget` | claims of webhooks that a restored database does not have |
//! | `replay_command` | stored webhooks interpreted anew |
//! | `rollup_command` | verify and rebuild the figures |
//! | `reconcile_command` | compare Netbanx's reports with our transactions: options, mappings, what is kept |
//! | `progress` | how far it is |
//! | `findings` | what it found, as text or JSON |
//! | `settings_command` | what can be set |
//! | `output` | standard output, which may be closed |
//! | `listen_command` | forward a company's messages to a local address |
//! | `lookup_command` | ask Netbanx what it has |
//! | `send` | signed, realistic webhooks |
//! | `dev` | ingress, worker and api in one process |
//! | `demo` | what happened to its demo company before |

#[macro_use]
mod output;

mod access;
mod admin;
mod alert_channel_command;
mod cli;
mod demo;
mod dev;
mod doctor;
mod endpoint_command;
mod findings;
mod forget;
mod listen_command;
mod lookup_command;
mod progress;
mod queue_command;
mod reconcile_command;
mod replay_command;
mod rollup_command;
mod send;
mod settings_command;
mod sources;

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
    Service(#[from] service::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("HTTP: {0}")]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    Lookup(#[from] lookup::Error),
    #[error(transparent)]
    Report(#[from] reconcile::Error),
    /// A comparison did not come to its end.
    #[error(transparent)]
    Comparison(#[from] comparison::Error),
    #[error("{0}")]
    Refused(String),
    /// What was compared differs, as the answer tells.
    #[error("there are differences")]
    Differs,
    /// A comparison did not come to its end: not the same as one that found something.
    #[error("{0}")]
    NotCompared(Box<Error>),
}

#[actix_web::main]
async fn main() -> ExitCode {
    match Box::pin(cli::Cli::parse().run()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Differs) => ExitCode::FAILURE,
        Err(error @ Error::NotCompared(_)) => {
            eprintln!("netbanx: {error}");
            ExitCode::from(2)
        }
        Err(error) => service::failed("netbanx", &error),
    }
}
