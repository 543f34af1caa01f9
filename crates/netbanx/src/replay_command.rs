//! `netbanx replay`: stored webhooks interpreted anew by the rules of now.

use std::{collections::BTreeSet, io::Write, time::Duration};

use api::admin::{
    dead_letters::Filter,
    reinterpret::{self, Reinterpreted},
};
use clap::Args;
use common::{CompanyId, RULES_VERSION, envelope, job};
use queue::Queue;
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use settings::Settings;
use store::{
    companies,
    replay::{Change, Counts, Range, Replay, Step},
    secrets::Vault,
};
use worker::invalidate::Invalidator;

use crate::{Error, admin::by_command, progress::Steady};

/// Longest wait for one slice.
const SLICE: Duration = Duration::from_secs(120);
/// Pauses between tries of a slice while the database is away or batches are in its way: 30 seconds together.
const PAUSES_MS: [u64; 8] = [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 11_000];
/// Longest wait for the cache to learn of it: afterwards its answers end with their time to live.
const INVALIDATE: Duration = Duration::from_secs(5);
/// Longest wait for the queue's dead letters.
const DEAD_LETTERS: Duration = Duration::from_secs(300);

/// Options of `netbanx replay`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Webhooks of this company (slug).
    #[arg(long)]
    company: Option<String>,
    /// Received at or after: a date (2025-01-31, UTC) or a time (2025-01-31T12:00:00Z).
    #[arg(long, value_parser = time_ms)]
    from: Option<i64>,
    /// Received before: a date (2025-01-31, UTC) or a time.
    #[arg(long, value_parser = time_ms)]
    until: Option<i64>,
    /// Change nothing; tell row by row what would change.
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(options: Options, as_json: bool) -> Result<(), Error> {
    let settings = Settings::load()?;
    let db = store::connect(&settings.database_url, 3).await?;
    let company = match &options.company {
        Some(slug) => Some(CompanyId(companies::get(&db, slug).await?.id)),
        None => None,
    };
    let range = Range { company, from_ms: options.from, until_ms: options.until };
    if range.from_ms.zip(range.until_ms).is_some_and(|(from, until)| from >= until) {
        return Err(Error::Refused("--until must be after --from".to_owned()));
    }
    let mut replay = if options.dry_run { Replay::dry(&db, range).await? } else { Replay::begin(&db, range).await? };
    if replay.is_resumed() {
        eprintln!("netbanx: going on where a run over the same range was stopped");
    }
    let tags = cache::Tags::new(redis_client::connect(&settings.cache_redis_url)?, &settings.queue_name);
    let invalidator = Invalidator::start(tags);
    let progress = Steady::new();
    let mut changed = BTreeSet::new();
    loop {
        let step = step(&mut replay).await?;
        progress.show(replay.counts().events, "webhooks");
        write(&step.changes, as_json)?;
        if !options.dry_run && !step.companies.is_empty() {
            invalidate(&invalidator, &step.companies).await;
            changed.extend(step.companies);
        }
        if step.is_last {
            break;
        }
    }
    progress.end();
    let letters = dead_letters(&settings, &options, range).await;
    let mut counts = replay.counts();
    match &letters {
        Ok(letters) => {
            counts.unreadable += letters.still;
            tell_letters(letters, options.dry_run, as_json)?;
        }
        Err(error) => eprintln!("netbanx: dead letters were left as they are: {error}"),
    }
    if !options.dry_run {
        note(&db, range, counts, letters.as_ref().map_or(0, |letters| letters.driven.len())).await?;
    }
    tell(counts, options.dry_run, as_json)?;
    letters.map(drop)
}

/// One slice; what passes is waited for.
async fn step(replay: &mut Replay) -> Result<Step, Error> {
    for pause in PAUSES_MS {
        match store::within(SLICE, replay.step()).await {
            Err(store::Error::Unavailable(error)) => {
                eprintln!("netbanx: trying again: {error}");
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            other => return Ok(other?),
        }
    }
    Ok(store::within(SLICE, replay.step()).await?)
}

async fn invalidate(invalidator: &Invalidator, companies: &BTreeSet<CompanyId>) {
    if tokio::time::timeout(INVALIDATE, invalidator.changed(companies.iter().copied())).await.is_err() {
        eprintln!("netbanx: Redis is away; dashboards show this when their cached answers end");
    }
}

/// Dead letters that could not be interpreted when they were received, driven again where they can be now.
async fn dead_letters(settings: &Settings, options: &Options, range: Range) -> Result<Reinterpreted, Error> {
    let queue = Queue::new(redis_client::connect(&settings.redis_url)?, settings.queue());
    // Without the master key encrypted ones stay as they are.
    let vault = settings.master_keys.as_ref().map(|key| Vault::new(&key.0)).transpose()?;
    let company = range.company.map(|CompanyId(id)| id);
    let filter = Filter { company, kind: Some(job::UNREADABLE.to_owned()), ..Filter::default() };
    let received = |received_ms: i64| {
        range.from_ms.is_none_or(|from| received_ms >= from) && range.until_ms.is_none_or(|until| received_ms < until)
    };
    let work = reinterpret::replay(&queue, vault.as_ref(), &filter, received, options.dry_run);
    let late = |_| Error::Refused(format!("the queue took longer than {} s", DEAD_LETTERS.as_secs()));
    Ok(tokio::time::timeout(DEAD_LETTERS, work).await.map_err(late)??)
}

/// Notes in the audit log what was done.
async fn note(db: &DatabaseConnection, range: Range, counts: Counts, redriven: usize) -> Result<(), Error> {
    let detail = json!({
        "rules": RULES_VERSION, "fromMs": range.from_ms, "untilMs": range.until_ms, "counts": counts, "redriven": redriven,
    });
    let company = range.company.unwrap_or(CompanyId::NONE);
    Ok(store::audit::record_alone(db, by_command(company, "replay", &detail.to_string())).await?)
}

fn write(changes: &[Change], as_json: bool) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    for change in changes {
        if as_json {
            writeln!(out, "{}", json!(change))?;
        } else {
            let Change { of, id, external_id, field, before, after } = change;
            let (of, external_id) = (json!(of), external_id.as_deref().unwrap_or("-"));
            let of = of.as_str().unwrap_or_default();
            let id = if id.is_nil() { "(new)".to_owned() } else { id.to_string() };
            writeln!(out, "{of}\t{id}\t{external_id}\t{field}\t{} → {}", text(before), text(after))?;
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn tell_letters(letters: &Reinterpreted, is_dry: bool, as_json: bool) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    for id in &letters.driven {
        if as_json {
            writeln!(out, "{}", json!({"of": "deadLetter", "id": id, "redriven": !is_dry}))?;
        } else {
            let what = if is_dry { "could be interpreted now" } else { "waits again" };
            writeln!(out, "dead letter\t{id}\t{what}")?;
        }
    }
    Ok(())
}

fn tell(counts: Counts, is_dry: bool, as_json: bool) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json!(counts))?;
        return Ok(());
    }
    let Counts { events, changed, unchanged, kept, unreadable } = counts;
    let verb = if is_dry { "would change" } else { "changed" };
    writeln!(out, "{events} webhooks; of their transactions and accounts {changed} {verb}, {unchanged} did not")?;
    if kept > 0 {
        writeln!(out, "{kept} were only added to, since retention may have removed webhooks of theirs")?;
    }
    if unreadable > 0 {
        writeln!(out, "{unreadable} webhooks cannot be interpreted by the rules of now")?;
    }
    Ok(())
}

fn time_ms(text: &str) -> Result<i64, String> {
    let time = envelope::time(text).or_else(|| envelope::time(&format!("{text}T00:00:00Z")));
    Ok(time.ok_or("must be a date such as 2025-01-31 or a time such as 2025-01-31T12:00:00Z")?.timestamp_millis())
}
