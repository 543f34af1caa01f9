//! `netbanx queue`: counts, pause, dead letters.

use std::time::Duration;

use api::admin::{
    dead_letters::{self, Filter, Sought},
    reinterpret,
};
use clap::{Args, Subcommand, ValueEnum};
use common::{CompanyId, Job, envelope};
use queue::{DeadCursor, DeadLetter, DeadQuery, Lane, Queue, Stats};
use serde_json::{Value, json};
use settings::Settings;
use store::{companies, secrets::Vault};

use crate::{
    Error,
    admin::by_command,
    forget::{self, Forgotten},
};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LaneName {
    Payments,
    Others,
}

/// Dead letters by what they are.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Of this company (slug).
    #[arg(long, value_parser = given)]
    company: Option<String>,
    /// Of this event name.
    #[arg(long, value_parser = given)]
    event_name: Option<String>,
    /// Of this kind: failed, or unreadable (it could not be interpreted when it was received).
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(dead_letters::KINDS))]
    kind: Option<String>,
    /// Whose last error contains this text.
    #[arg(long, value_parser = given)]
    error: Option<String>,
    /// Of this lane.
    #[arg(long)]
    lane: Option<LaneName>,
    /// Died at or after this time (2025-01-31T12:00:00Z).
    #[arg(long, value_parser = time_ms)]
    from: Option<i64>,
    /// Died before this time.
    #[arg(long, value_parser = time_ms)]
    until: Option<i64>,
}

impl FilterArgs {
    fn is_empty(&self) -> bool {
        let Self { company, event_name, kind, error, lane, from, until } = self;
        company.is_none()
            && event_name.is_none()
            && kind.is_none()
            && error.is_none()
            && lane.is_none()
            && from.is_none()
            && until.is_none()
    }

    async fn resolve(self, settings: &Settings) -> Result<Filter, Error> {
        if self.from.zip(self.until).is_some_and(|(from, until)| from >= until) {
            return Err(Error::Refused("--from must be before --until".to_owned()));
        }
        let query = DeadQuery { lane: self.lane.map(lane_of), from_ms: self.from, until_ms: self.until, ..DeadQuery::default() };
        let mut filter = Filter { error: self.error, kind: self.kind, query, ..Filter::default() };
        if let Some(name) = self.event_name {
            filter.event_name(&name);
        }
        if let Some(slug) = self.company {
            let db = store::connect(&settings.database_url, 1).await?;
            filter.company = Some(companies::get(&db, &slug).await?.id);
        }
        Ok(filter)
    }
}

/// Which dead letters: by id, all, or those of a filter.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// A job's id; may be repeated.
    #[arg(long, conflicts_with = "all", value_parser = given)]
    id: Vec<String>,
    /// All there are now.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// Count the jobs that wait, are in flight, are done, and the dead letters.
    Stats,
    /// Stop processing one lane, or the whole queue, until resumed.
    Pause {
        /// Absent: the whole queue.
        #[arg(long)]
        lane: Option<LaneName>,
    },
    /// End a pause of one lane, or every pause there is.
    Resume {
        /// Absent: every pause, those of lanes too.
        #[arg(long)]
        lane: Option<LaneName>,
    },
    /// List dead letters, the latest first, or show one with its masked body.
    Dead {
        /// Show the one of this id.
        #[arg(value_parser = given)]
        id: Option<String>,
        #[command(flatten)]
        filter: FilterArgs,
        /// How many at most, 1–100.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
        limit: u8,
        /// Go on behind an earlier list: its nextCursor.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Put dead letters back into the queue with new attempts.
    Retry(Which),
    /// Drop dead letters for good.
    Discard(Which),
    /// Drop dead letters and recent jobs that are older than an age. Jobs that wait stay.
    Clean {
        /// For example 90s, 30m, 12h, 7d or 1d12h.
        #[arg(long, value_parser = humantime::parse_duration)]
        older_than: Duration,
    },
    /// After a restore of the database: forget the claims of webhooks that it no longer has, so that they are accepted when
    /// Netbanx sends them again.
    Forget {
        /// Only count them.
        #[arg(long)]
        dry_run: bool,
    },
}

impl QueueCommand {
    /// Its name in the audit log, if it changes anything.
    const fn changes(&self) -> Option<&'static str> {
        match self {
            Self::Stats | Self::Dead { .. } | Self::Forget { dry_run: true } => None,
            Self::Forget { dry_run: false } => Some("queue.forget"),
            Self::Pause { .. } => Some("queue.pause"),
            Self::Resume { .. } => Some("queue.resume"),
            Self::Retry(_) => Some("queue.retry"),
            Self::Discard(_) => Some("queue.discard"),
            Self::Clean { .. } => Some("queue.clean"),
        }
    }
}

pub(crate) async fn run(command: QueueCommand, as_json: bool) -> Result<(), Error> {
    let settings = Settings::load()?;
    let queue = Queue::new(redis_client::connect(&settings.redis_url)?, settings.queue());
    let action = command.changes();
    let (text, value) = match command {
        QueueCommand::Stats => counts(&queue.stats().await?),
        QueueCommand::Pause { lane } => {
            queue.pause(lane.map(lane_of)).await?;
            ("paused".to_owned(), json!({"paused": true}))
        }
        QueueCommand::Resume { lane } => {
            queue.resume(lane.map(lane_of)).await?;
            ("resumed".to_owned(), json!({"paused": false}))
        }
        QueueCommand::Dead { id: Some(id), .. } => {
            let letter = queue.dead_letter(&id).await?;
            let letter = letter.ok_or_else(|| Error::Refused(format!("there is no dead letter '{id}'")))?;
            let view = dead_letters::view(&letter, true);
            (format!("{view:#}"), view)
        }
        QueueCommand::Dead { id: None, filter, limit, cursor } => {
            let mut filter = filter.resolve(&settings).await?;
            filter.query.limit = usize::from(limit);
            filter.query.after = match cursor {
                Some(text) => Some(text.parse().map_err(|e: queue::dead::BadCursor| Error::Refused(format!("--cursor {e}")))?),
                None => None,
            };
            let page = queue.dead_letters(&filter.query, |letter| filter.matches(letter)).await?;
            letters(&page.letters, page.next.as_ref())
        }
        QueueCommand::Retry(which) => changed("waiting again", change(&queue, &settings, which, true).await?),
        QueueCommand::Discard(which) => changed("discarded", change(&queue, &settings, which, false).await?),
        QueueCommand::Forget { dry_run } => {
            let db = store::connect(&settings.database_url, 1).await?;
            let Forgotten { looked_at, missing, forgotten } = forget::run(&queue, &db, dry_run).await?;
            let text =
                format!("{looked_at} claims, {missing} of webhooks that the database does not have, {forgotten} forgotten");
            (text, json!({"lookedAt": looked_at, "missing": missing, "forgotten": forgotten}))
        }
        QueueCommand::Clean { older_than } => done("dropped", queue.clean(older_than).await?),
    };
    if let Some(action) = action {
        note(&settings, action, &value).await;
    }
    if as_json {
        outln!("{value}");
    } else {
        outln!("{text}");
    }
    let missing: Vec<String> = value
        .get("missing")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(no_letters(&missing)) }
}

/// Notes in the audit log what was done. The queue goes on without its database, and so does this.
async fn note(settings: &Settings, action: &str, done: &Value) {
    let noted = async {
        let db = store::connect(&settings.database_url, 1).await?;
        let detail = done.to_string();
        store::audit::record_alone(&db, by_command(CompanyId::NONE, action, &detail)).await
    };
    if let Err(error) = noted.await {
        eprintln!("netbanx: done, but not noted in the audit log: {error}");
    }
}

/// Returns how many it was done to, and the ids that were asked for and are no dead letters; where none of them is one, that is the
/// error.
async fn change(queue: &Queue, settings: &Settings, which: Which, redrive: bool) -> Result<(u64, Vec<String>), Error> {
    let Which { id, all, filter } = which;
    if usize::from(!id.is_empty()) + usize::from(all) + usize::from(!filter.is_empty()) != 1 {
        return Err(Error::Refused("say which dead letters: --id, --all, or a filter such as --error or --company".to_owned()));
    }
    let filter = filter.resolve(settings).await?;
    let matches = |letter: &DeadLetter| filter.matches(letter);
    // Without the master key encrypted ones stay as they are.
    let vault = settings.master_keys.as_ref().map(|key| Vault::new(&key.0)).transpose()?;
    let Sought { there, missing } = dead_letters::sought(queue, &id, matches).await?;
    if there.is_empty() && !missing.is_empty() {
        return Err(no_letters(&missing));
    }
    let count = match (id.is_empty(), redrive) {
        (false, true) => reinterpret::redrive(queue, vault.as_ref(), &there).await?,
        (false, false) => queue.discard(&there).await?,
        (true, true) => reinterpret::redrive_matching(queue, vault.as_ref(), &filter.query, matches).await?,
        (true, false) => queue.discard_matching(&filter.query, matches).await?,
    };
    Ok((count, missing))
}

fn no_letters(missing: &[String]) -> Error {
    Error::Refused(format!("there is no dead letter '{}'; netbanx queue dead lists those there are", missing.join("', '")))
}

/// A text that says something. An empty variable of a script must not choose everything.
fn given(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("must not be empty: leave the option out, or say which".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn time_ms(text: &str) -> Result<i64, String> {
    let time = envelope::time(text).ok_or("must be a time such as 2025-01-31T12:00:00Z")?;
    Ok(time.timestamp_millis())
}

fn lane_of(name: LaneName) -> Lane {
    match name {
        LaneName::Payments => Lane::High,
        LaneName::Others => Lane::Normal,
    }
}

fn counts(stats: &Stats) -> (String, Value) {
    let text = format!(
        "waiting {} (payments {}, others {}), oldest {} ms, active {}, delayed {}, completed {}, failed {}, dead {}, workers {}{}",
        stats.waiting,
        stats.payments.waiting,
        stats.others.waiting,
        stats.oldest_waiting_ms,
        stats.active,
        stats.delayed,
        stats.completed,
        stats.failed,
        stats.dead,
        stats.workers,
        stats.paused_parts().map(|what| format!(", PAUSED: {what}")).unwrap_or_default()
    );
    (text, json!(stats))
}

fn letters(letters: &[DeadLetter], next: Option<&DeadCursor>) -> (String, Value) {
    let event =
        |letter: &DeadLetter| Job::decode(&letter.payload).map_or_else(|_| "-".to_owned(), |job| job.event_name.to_string());
    let mut lines: Vec<String> =
        letters.iter().map(|l| format!("{}\t{}\t{}\t{} attempts\t{}", l.died_ms, l.id, event(l), l.attempts, l.error)).collect();
    if let Some(cursor) = next {
        lines.push(format!("more: --cursor {cursor}"));
    }
    let views: Vec<Value> = letters.iter().map(|letter| dead_letters::view(letter, false)).collect();
    (lines.join("\n"), json!({"deadLetters": views, "nextCursor": next.map(ToString::to_string)}))
}

fn changed(what: &str, (count, missing): (u64, Vec<String>)) -> (String, Value) {
    (format!("{count} {what}"), json!({"count": count, "missing": missing}))
}

fn done(what: &str, count: u64) -> (String, Value) {
    (format!("{count} {what}"), json!({"count": count}))
}
