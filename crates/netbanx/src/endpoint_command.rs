//! `netbanx endpoint`: where companies' own systems are told of what changed.

use clap::Subcommand;
use common::CompanyId;
use outbound::Policy;
use sea_orm::DatabaseTransaction;
use serde_json::{Value, json};
use store::{
    Scope, companies,
    entity::endpoint,
    outbound::{
        ALL_TYPES, ENABLED,
        endpoints::{self, Changes},
        join_types, resend,
    },
};
use uuid::Uuid;

use crate::{
    Error,
    admin::{self, AdminContext, commit},
};

#[derive(Debug, Subcommand)]
pub(crate) enum EndpointCommand {
    /// Add an endpoint; its id and its key are printed, the key this once.
    Add {
        /// The company's slug.
        #[arg(long)]
        company: String,
        /// Where messages go.
        #[arg(long)]
        url: String,
        /// An event type, for example transaction.updated; may be repeated. Absent: all.
        #[arg(long = "event-type")]
        event_types: Vec<String>,
        /// For people.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// List the endpoints; never their keys.
    List,
    /// Remove an endpoint with what is known of its messages.
    Remove {
        /// Its id, as `endpoint list` shows it.
        #[arg(long)]
        id: Uuid,
    },
    /// Send an endpoint a test message, by whichever API is running.
    Test {
        /// Its id, as `endpoint list` shows it.
        #[arg(long)]
        id: Uuid,
    },
}

pub(crate) async fn run(command: EndpointCommand, context: &AdminContext) -> Result<(), Error> {
    match command {
        EndpointCommand::Add { company, url, event_types, description } => {
            add(context, &company, &url, event_types, description).await
        }
        EndpointCommand::List => list(context).await,
        EndpointCommand::Remove { id } => remove(context, id).await,
        EndpointCommand::Test { id } => test(context, id).await,
    }
}

async fn add(
    context: &AdminContext,
    company: &str,
    url: &str,
    mut event_types: Vec<String>,
    description: String,
) -> Result<(), Error> {
    let company = companies::get(&context.db, company).await?;
    let policy = Policy::of(&context.settings.outbound);
    let url = policy.check_entered(url).await.map_err(|refused| Error::Refused(refused.to_string()))?;
    if event_types.is_empty() {
        event_types.push(ALL_TYPES.to_owned());
    }
    let new = Changes {
        url: Some(url.into()),
        description: Some(description),
        event_types: Some(join_types(&event_types)?),
        ..Changes::default()
    };
    let vault = context.vault()?;
    let tx = context.begin().await?;
    let (row, secret) = endpoints::add(&tx, &vault, CompanyId(company.id), new).await?;
    note(&tx, &row, "endpoint.add").await?;
    commit(tx).await?;
    context.say(&format!("{}\t{secret}", row.id), &json!({"id": row.id, "secret": secret}));
    Ok(())
}

async fn list(context: &AdminContext) -> Result<(), Error> {
    let rows = endpoints::list(&context.db, Scope::All).await?;
    let known = companies::list(&context.db).await?;
    let slug = |id| known.iter().find(|company| company.id == id).map_or("-", |company| company.slug.as_str());
    let line =
        |row: &endpoint::Model| format!("{}\t{}\t{}\t{}\t{}", row.id, slug(row.company_id), row.state, row.event_types, row.url);
    let text: Vec<String> = rows.iter().map(line).collect();
    let shown = |row: &endpoint::Model| {
        let types: Vec<&str> = row.event_types.split(' ').collect();
        json!({"id": row.id, "company": slug(row.company_id), "state": row.state, "reason": row.reason, "eventTypes": types,
            "url": row.url, "description": row.description})
    };
    context.say(&text.join("\n"), &rows.iter().map(shown).collect::<Value>());
    Ok(())
}

async fn remove(context: &AdminContext, id: Uuid) -> Result<(), Error> {
    let tx = context.begin().await?;
    let row = endpoints::remove(&tx, Scope::All, id).await?.ok_or_else(unknown)?;
    note(&tx, &row, "endpoint.remove").await?;
    commit(tx).await?;
    context.say("removed", &json!({"removed": id}));
    Ok(())
}

async fn test(context: &AdminContext, id: Uuid) -> Result<(), Error> {
    let row = endpoints::get(&context.db, Scope::All, id).await?.ok_or_else(unknown)?;
    if row.state != ENABLED {
        return Err(Error::Refused("the endpoint is disabled: enable it first".to_owned()));
    }
    let tx = context.begin().await?;
    let message = resend::test(&tx, &row).await?;
    note(&tx, &row, "endpoint.test").await?;
    commit(tx).await?;
    context.say(&format!("message {message} is on its way"), &json!({"messageId": message}));
    Ok(())
}

fn unknown() -> Error {
    Error::Refused("there is no such endpoint".to_owned())
}

/// Notes in the audit log what the command did.
async fn note(tx: &DatabaseTransaction, row: &endpoint::Model, action: &str) -> Result<(), Error> {
    admin::note(tx, CompanyId(row.company_id), action, &json!({"endpoint": row.id})).await
}
