//! `netbanx lookup`: asks Netbanx what it has, shows it beside what we have, and with `--store` keeps it as an event.

use std::path::{Path, PathBuf};

use cache::Tags;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use common::CompanyId;
use lookup::{Client, Told, What, automatic, event};
use outbound::Policy;
use serde_json::{Value, json};
use store::{
    batch::{NewEvent, Writer},
    companies,
    lookups::{self, Credentials, Outcome},
};

use crate::{Error, admin::AdminContext, sources::unreadable};

/// How far back a reference is asked for where nothing else is said, in milliseconds.
const BACK_MS: i64 = 90 * 86_400_000;
/// Bytes of a file with a password at most.
const FILE: u64 = 4096;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Option<Configuration>,
    /// The id at Netbanx; with --reference the merchant's reference.
    #[arg(required = true)]
    id: Option<String>,
    /// The company's slug; may be left out where only one has look-ups configured.
    #[arg(long)]
    company: Option<String>,
    /// What it is.
    #[arg(long, default_value = "payment", value_parser = ["payment", "refund", "settlement", "account"])]
    kind: String,
    /// By the merchant's reference, of which there may be several.
    #[arg(long)]
    reference: bool,
    /// Keep what is new as an event beside the webhooks.
    #[arg(long)]
    store: bool,
}

#[derive(Debug, Subcommand)]
enum Configuration {
    /// Set how a company's transactions are asked for, in the place of what was before.
    Configure {
        /// The company's slug.
        #[arg(long)]
        company: String,
        /// What is before /paymenthub and /accountmanagement, for example `https://api.paysafe.com`.
        #[arg(long)]
        url: String,
        /// The API key's user name.
        #[arg(long)]
        username: String,
        #[command(flatten)]
        source: Source,
    },
    /// Show how a company's transactions are asked for; never the password.
    Show {
        /// The company's slug.
        #[arg(long)]
        company: String,
    },
    /// Remove the configuration; Netbanx is no longer asked for this company.
    Remove {
        /// The company's slug.
        #[arg(long)]
        company: String,
    },
}

/// Where the password comes from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// A file that holds the password (`-`: standard input); a newline at its end does not count.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// The password itself, which others on this machine may see.
    #[arg(long)]
    password: Option<String>,
}

pub(crate) async fn run(options: Options, context: &AdminContext) -> Result<(), Error> {
    match options.command {
        Some(Configuration::Configure { company, url, username, source }) => {
            configure(context, &company, &url, username, source).await
        }
        Some(Configuration::Show { company }) => show(context, &company).await,
        Some(Configuration::Remove { company }) => remove(context, &company).await,
        None => ask(context, &options).await,
    }
}

async fn configure(context: &AdminContext, slug: &str, url: &str, username: String, source: Source) -> Result<(), Error> {
    let company = CompanyId(companies::get(&context.db, slug).await?.id);
    let policy = Policy::of(&context.settings.outbound);
    lookup::client::check(&policy, url)?;
    let url = policy.check_entered(url).await.map_err(lookup::Error::from)?;
    let password = match (source.password, source.password_file) {
        (Some(password), _) => password,
        (None, Some(file)) => read(&file)?,
        (None, None) => return Err(Error::Refused("--password-file or --password is needed".to_owned())),
    };
    let vault = context.vault()?;
    let credentials = Credentials { url: url.into(), username, password };
    let row = lookups::set(&context.db, &vault, company, &credentials).await?;
    let text = format!("look-ups of {slug} go to {} as {}", row.url, row.username);
    context.say(&text, &json!({"company": slug, "url": row.url, "username": row.username, "version": row.version}));
    Ok(())
}

fn read(file: &Path) -> Result<String, Error> {
    use std::io::Read;
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(FILE).read_to_string(&mut text)?;
    } else {
        let open = std::fs::File::open(file);
        open.and_then(|open| open.take(FILE).read_to_string(&mut text)).map_err(|error| unreadable(file, &error))?;
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

async fn show(context: &AdminContext, slug: &str) -> Result<(), Error> {
    let company = CompanyId(companies::get(&context.db, slug).await?.id);
    let row = lookups::get(&context.db, company).await?.ok_or(lookup::Error::NotConfigured)?;
    let (text, since) = (format!("{}\t{}\t{}", slug, row.url, row.username), shown(row.updated_at));
    let value = json!({"company": slug, "url": row.url, "username": row.username, "version": row.version, "since": since});
    context.say(&text, &value);
    Ok(())
}

async fn remove(context: &AdminContext, slug: &str) -> Result<(), Error> {
    let company = CompanyId(companies::get(&context.db, slug).await?.id);
    if !lookups::remove(&context.db, company).await? {
        return Err(lookup::Error::NotConfigured.into());
    }
    context.say("removed", &json!({"removed": slug}));
    Ok(())
}

/// The company that is meant, with its configuration.
async fn configured(context: &AdminContext, slug: Option<&str>) -> Result<store::entity::lookup_configuration::Model, Error> {
    let found = match slug {
        Some(slug) => lookups::get(&context.db, CompanyId(companies::get(&context.db, slug).await?.id)).await?,
        None => match lookups::first(&context.db, 2).await?.as_mut_slice() {
            [] => None,
            [only] => Some(only.clone()),
            _ => return Err(Error::Refused("several companies have look-ups: say --company SLUG".to_owned())),
        },
    };
    Ok(found.ok_or(lookup::Error::NotConfigured)?)
}

async fn ask(context: &AdminContext, options: &Options) -> Result<(), Error> {
    let subject = options.id.as_deref().unwrap_or_default();
    let what = What::parse(&options.kind).ok_or_else(|| Error::Refused("unknown kind".to_owned()))?;
    if options.reference && what == What::Account {
        return Err(Error::Refused("an account is asked for by its number, not by a reference".to_owned()));
    }
    let row = configured(context, options.company.as_deref()).await?;
    let company = CompanyId(row.company_id);
    let vault = context.vault()?;
    let client = Client::new(lookups::open(&vault, &row)?, &context.settings.outbound, &context.settings.lookup)?;
    let told: Vec<Told> = if options.reference {
        client.by_reference(what, subject, clock::now_ms() - BACK_MS).await?
    } else {
        client.by_id(what, subject).await?.into_iter().collect()
    };
    if told.is_empty() {
        return Err(Error::Refused(format!("Netbanx has no {} {subject}", what.as_str())));
    }
    let writer = Writer::new(context.db.clone(), 0);
    let (mut lines, mut values, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for told in &told {
        let ours = event::ours(&context.db, company, what, &told.id).await?;
        let outcome = if options.store {
            let (outcome, new) = event::store(&context.db, &writer, company, told).await?;
            events.extend(new);
            Some(outcome)
        } else {
            None
        };
        lines.push(line(told, &ours, outcome));
        values.push(json!({
            "kind": what.as_str(), "netbanx": netbanx(told), "here": here(&ours), "differs": event::is_news(told, &ours),
            "stored": outcome == Some(Outcome::Stored),
        }));
    }
    noted(context, company, options, &events).await?;
    context.say(&lines.join("\n"), &json!({"found": values}));
    Ok(())
}

/// What was stored stands in the audit log, and cached answers end.
async fn noted(context: &AdminContext, company: CompanyId, options: &Options, events: &[NewEvent]) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = events.iter().map(|new| new.webhook_id).collect();
    let detail = json!({"kind": options.kind, "events": ids});
    lookups::note_stored(&context.db, company, &detail).await?;
    let tags = Tags::new(redis_client::connect(&context.settings.cache_redis_url)?, &context.settings.queue_name);
    let touched = tokio::time::timeout(std::time::Duration::from_secs(5), automatic::touch(&tags, events)).await;
    if !matches!(touched, Ok(Ok(()))) {
        eprintln!("netbanx: Redis is away; dashboards show this when their cached answers end");
    }
    Ok(())
}

fn shown(ms: i64) -> Option<String> {
    DateTime::<Utc>::from_timestamp_millis(ms).map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn line(told: &Told, ours: &event::Ours, outcome: Option<Outcome>) -> String {
    let there = [
        Some(told.raw_status.clone()),
        told.amount.map(|amount| format!("{amount} {}", told.currency.as_deref().unwrap_or("?"))),
        told.status_ms.and_then(shown),
    ];
    let there: Vec<String> = there.into_iter().flatten().collect();
    let here = ours.status().unwrap_or("nothing");
    let end = match outcome {
        Some(Outcome::Stored) => ", stored",
        Some(_) => ", nothing new to store",
        None if event::is_news(told, ours) => ", differs (--store keeps it)",
        None => "",
    };
    format!("{} {}: Netbanx says {}; here: {here}{end}", told.what.as_str(), told.id, there.join(", "))
}

fn netbanx(told: &Told) -> Value {
    json!({
        "id": told.id, "status": told.what.kind().map(|_| told.status().as_str()), "rawStatus": told.raw_status,
        "statusTime": told.status_ms.and_then(shown), "amount": told.amount, "currency": told.currency,
        "merchantRefNum": told.merchant_ref_num, "paymentMethod": told.payment_method, "accountId": told.account_id,
        "transactionTime": told.made, "mode": told.mode.map(common::Mode::as_str),
    })
}

fn here(ours: &event::Ours) -> Value {
    match ours {
        event::Ours::Nothing => Value::Null,
        event::Ours::Account(row) => json!({"status": row.status, "statusTime": shown(row.status_time), "mode": row.mode}),
        event::Ours::Transaction(row) => json!({
            "status": row.status, "rawStatus": row.raw_status, "statusTime": shown(row.status_time), "amount": row.amount,
            "currency": row.currency, "merchantRefNum": row.merchant_ref_num, "paymentMethod": row.payment_method,
            "accountId": row.account_id, "transactionTime": shown(row.transaction_time), "mode": row.mode,
        }),
    }
}
