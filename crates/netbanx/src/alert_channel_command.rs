//! `netbanx alert-channel`: where alerts are told.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use common::CompanyId;
use notify::{Choices, Configuration, Digest, Sender, configuration::Entered};
use outbound::Policy;
use sea_orm::DatabaseTransaction;
use serde_json::{Value, json};
use store::{
    Scope,
    alerting::channels::{self, Changes},
    companies,
    entity::alert_channel,
    outbound::endpoints,
};
use uuid::Uuid;

use crate::{
    Error,
    admin::{self, AdminContext, commit},
    sources::read_named,
};

#[derive(Debug, Subcommand)]
pub(crate) enum AlertChannelCommand {
    /// Add a channel; its id is printed, and of a webhook's channel the key that signs, this once.
    Add(Box<NewChannel>),
    /// List the channels; never what is secret of them.
    List,
    /// Remove a channel and its notices.
    Remove {
        /// Its id, as `alert-channel list` shows it.
        #[arg(long)]
        id: Uuid,
    },
    /// Send a channel a test from here and show what the other end said. Fails where nothing arrived.
    Test {
        /// Its id, as `alert-channel list` shows it.
        #[arg(long)]
        id: Uuid,
    },
}

/// A channel to add.
#[derive(Debug, Args)]
pub(crate) struct NewChannel {
    /// The company's slug; absent: the platform's own alerts.
    #[arg(long)]
    company: Option<String>,
    /// By which way alerts are told.
    #[arg(long, value_parser = notify::configuration::KINDS)]
    kind: String,
    /// Its name for people.
    #[arg(long)]
    name: String,
    /// For email: an address; may be repeated.
    #[arg(long)]
    to: Vec<String>,
    /// For slack and webhook: where messages go. For pagerduty: another region's address, if need be. Of Slack it is a secret and
    /// shows in the process list: better a file.
    #[arg(long, conflicts_with = "url_file")]
    url: Option<String>,
    /// A file that holds the URL; a newline at its end does not count.
    #[arg(long)]
    url_file: Option<PathBuf>,
    /// For pagerduty: a file that holds the integration's key; a newline at its end does not count.
    #[arg(long)]
    routing_key_file: Option<PathBuf>,
    /// The name of an alert; may be repeated. Absent: all.
    #[arg(long = "alert")]
    alerts: Vec<String>,
    /// The least that is told.
    #[arg(long, value_parser = ["warning", "critical"])]
    min_severity: Option<String>,
    /// Hours in which only what is critical is told, such as 22:00-07:00.
    #[arg(long, requires = "zone")]
    quiet_hours: Option<String>,
    /// The zone of the quiet hours, a name of IANA's database such as Europe/Vienna.
    #[arg(long, requires = "quiet_hours")]
    zone: Option<String>,
    /// After so many hours an alert that still stands is told again; 0: never.
    #[arg(long, default_value_t = 0)]
    reminder_hours: i64,
}

impl NewChannel {
    /// What the channel needs to be reached.
    fn entered(&self) -> Result<Entered, Error> {
        let read = |path: &PathBuf| read_named(path).map(|text| text.trim_end().to_owned());
        Ok(Entered {
            to: Some(self.to.clone()).filter(|to| !to.is_empty()),
            url: self.url_file.as_ref().map(read).transpose()?.or_else(|| self.url.clone()),
            routing_key: self.routing_key_file.as_ref().map(read).transpose()?,
        })
    }

    fn choices(self) -> Result<Choices, Error> {
        let quiet_hours = match self.quiet_hours.zip(self.zone) {
            Some((hours, zone)) => {
                let (from, until) = hours.split_once('-').ok_or_else(|| refused("--quiet-hours are such as 22:00-07:00"))?;
                Some((from.to_owned(), until.to_owned(), zone))
            }
            None => None,
        };
        Ok(Choices {
            name: Some(self.name),
            alerts: Some(self.alerts).filter(|alerts| !alerts.is_empty()),
            min_severity: self.min_severity,
            quiet_hours,
            reminder_hours: Some(self.reminder_hours),
        })
    }
}

pub(crate) async fn run(command: AlertChannelCommand, context: &AdminContext) -> Result<(), Error> {
    match command {
        AlertChannelCommand::Add(new) => add(context, *new).await,
        AlertChannelCommand::List => list(context).await,
        AlertChannelCommand::Remove { id } => remove(context, id).await,
        AlertChannelCommand::Test { id } => test(context, id).await,
    }
}

async fn add(context: &AdminContext, new: NewChannel) -> Result<(), Error> {
    let company = context.company(new.company.as_deref()).await?;
    let (_, secret) = endpoints::random_key()?;
    let policy = Policy::of(&context.settings.outbound);
    let entered = new.entered()?;
    let configuration = Configuration::checked(&new.kind, entered, None, &policy, move || secret).await;
    let configuration = configuration.map_err(|error| refused(error.to_string()))?;
    let kind = new.kind.clone();
    let changes = new.choices()?.checked(api::alerting::known(company == CompanyId::NONE));
    let changes = changes.map_err(|error| refused(error.to_string()))?;
    if matches!(configuration, Configuration::Email { .. }) && context.settings.mail.is_none() {
        eprintln!("netbanx: SMTP_URL is not set here; nothing is mailed unless it is set where the API runs");
    }
    let kept = configuration.kept().map_err(|error| refused(error.to_string()))?;
    let changes = Changes { configuration: Some(kept), ..changes };
    let vault = context.vault()?;
    let tx = context.begin().await?;
    let row = channels::add(&tx, &vault, company, &kind, changes).await?;
    note(&tx, &row, "alert-channel.add").await?;
    commit(tx).await?;
    let secret = configuration.signing_key();
    let text = secret.map_or_else(|| row.id.to_string(), |secret| format!("{}\t{secret}", row.id));
    context.say(&text, &json!({"id": row.id, "secret": secret}));
    Ok(())
}

async fn list(context: &AdminContext) -> Result<(), Error> {
    let rows = channels::list(&context.db, Scope::All).await?;
    let known = companies::list(&context.db).await?;
    let slug = |id| known.iter().find(|company| company.id == id).map(|company| company.slug.as_str());
    let line = |row: &alert_channel::Model| {
        let whose = slug(row.company_id).unwrap_or("(platform)");
        format!("{}\t{whose}\t{}\t{}\t{}\t{}\t{}", row.id, row.kind, row.state, row.alerts, row.target, row.name)
    };
    let shown = |row: &alert_channel::Model| {
        let alerts: Vec<&str> = row.alerts.split(' ').collect();
        json!({"id": row.id, "company": slug(row.company_id), "kind": row.kind, "name": row.name, "target": row.target, "state": row.state,
            "alerts": alerts, "minSeverity": row.min_severity, "reminderHours": row.reminder_hours})
    };
    let text: Vec<String> = rows.iter().map(line).collect();
    context.say(&text.join("\n"), &rows.iter().map(shown).collect::<Value>());
    Ok(())
}

async fn remove(context: &AdminContext, id: Uuid) -> Result<(), Error> {
    let tx = context.begin().await?;
    let row = channels::remove(&tx, Scope::All, id).await?.ok_or_else(unknown)?;
    note(&tx, &row, "alert-channel.remove").await?;
    commit(tx).await?;
    context.say("removed", &json!({"removed": id}));
    Ok(())
}

async fn test(context: &AdminContext, id: Uuid) -> Result<(), Error> {
    let row = channels::get(&context.db, Scope::All, id).await?.ok_or_else(unknown)?;
    let configuration = serde_json::from_str(&channels::open(&context.vault()?, &row)?);
    let configuration: Configuration = configuration.map_err(|_| refused("the channel cannot be read"))?;
    let sender = Sender::new(&context.settings.outbound, context.settings.mail.as_ref());
    let sender = sender.map_err(|error| refused(error.to_string()))?;
    let whose = api::alerting::whose(&context.db, row.company_id).await;
    let digest = Digest::test(whose, Uuid::now_v7().to_string(), clock::now_ms());
    let outcome = Box::pin(sender.send(&configuration, &digest)).await;
    let tx = context.begin().await?;
    note(&tx, &row, "alert-channel.test").await?;
    commit(tx).await?;
    if !outcome.is_delivered {
        return Err(refused(format!("nothing arrived: {}", outcome.detail)));
    }
    let told = json!({"delivered": true, "status": outcome.status, "detail": outcome.detail});
    context.say(&format!("it arrived: {}", outcome.detail), &told);
    Ok(())
}

fn unknown() -> Error {
    refused("there is no such channel")
}

fn refused(detail: impl Into<String>) -> Error {
    Error::Refused(detail.into())
}

/// Notes in the audit log what the command did with a channel.
async fn note(tx: &DatabaseTransaction, row: &alert_channel::Model, action: &str) -> Result<(), Error> {
    let detail = json!({"channel": row.id, "kind": row.kind, "target": row.target});
    admin::note(tx, CompanyId(row.company_id), action, &detail).await
}
