//! `netbanx doctor`: what is wrong with this installation, each thing with what to do. It changes nothing.

use std::time::Duration;

use clap::Args;
use queue::Queue;
use receivers::Directory;
use serde_json::{Value, json};
use settings::Settings;
use store::{Migrations, Vault, receiver_changes, verify};

use crate::{
    Error,
    forget::{self, Forgotten},
};

/// Longest wait for one check; counting all figures again has none.
const LIMIT: Duration = Duration::from_secs(60);
/// What to do about a database that does not answer.
const AWAY: &str = "Is DATABASE_URL right and the server there? Webhooks are accepted meanwhile and wait in Redis.";
/// Webhooks whose identities are looked for.
const NEWEST: u64 = 100_000;

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Options {
    /// Count the stored webhooks again and hold the figures against them: minutes where there are millions.
    #[arg(long)]
    figures: bool,
}

/// What was found of one thing.
struct Finding {
    name: &'static str,
    told: String,
    /// What to do about it; none where nothing is wrong.
    advice: Option<&'static str>,
}

impl Finding {
    fn of(name: &'static str, told: String, is_wrong: bool, advice: &'static str) -> Self {
        Self { name, told, advice: is_wrong.then_some(advice) }
    }
}

pub(crate) async fn run(options: Options, as_json: bool) -> Result<(), Error> {
    let settings = Settings::load()?;
    let findings = examine(&settings, options).await;
    let wrong = findings.iter().filter(|finding| finding.advice.is_some()).count();
    if as_json {
        let list: Vec<Value> = findings
            .iter()
            .map(|f| json!({"check": f.name, "found": f.told, "healthy": f.advice.is_none(), "advice": f.advice}))
            .collect();
        outln!("{}", json!({"healthy": wrong == 0, "checks": list}));
    } else {
        for Finding { name, told, advice } in &findings {
            outln!("{} {name}: {told}", if advice.is_some() { "✗" } else { "✓" });
            if let Some(advice) = advice {
                outln!("  {advice}");
            }
        }
    }
    if wrong == 0 { Ok(()) } else { Err(Error::Refused(format!("{wrong} of {} checks found something", findings.len()))) }
}

async fn examine(settings: &Settings, options: Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    let db = match store::connect(&settings.database_url, 3).await {
        Ok(db) => db,
        Err(error) => {
            return vec![Finding { name: "database", told: format!("it cannot be reached: {error}"), advice: Some(AWAY) }];
        }
    };
    let migrations = store::within(LIMIT, store::migrations(&db)).await;
    let is_there = migrations.is_ok();
    findings.push(match migrations {
        Ok(Migrations { missing, unknown }) => {
            let later = if unknown == 0 { String::new() } else { format!(", {unknown} are of a later version") };
            Finding::of("database", format!("{missing} migrations are missing{later}"), missing > 0, "Run netbanx migrate.")
        }
        Err(error) => Finding { name: "database", told: format!("it cannot be reached: {error}"), advice: Some(AWAY) },
    });
    if is_there {
        findings.push(master_key(settings, &db).await);
    }
    let Ok(redis) = redis_client::connect(&settings.redis_url) else { return findings };
    let queue = Queue::new(redis.clone(), settings.queue());
    let stats = match store::deadline::answered(LIMIT, queue.stats()).await {
        Some(Ok(stats)) => stats,
        other => {
            let told = other.and_then(Result::err).map_or_else(|| "no answer".to_owned(), |error| error.to_string());
            let advice = "Is REDIS_URL right and the server there? Nothing is accepted without it.";
            findings.push(Finding { name: "queue", told, advice: Some(advice) });
            return findings;
        }
    };
    let told = format!("{} wait, {} workers", stats.waiting, stats.workers);
    findings.push(Finding::of("workers", told, stats.workers == 0, "Start a worker: what is accepted waits until then."));
    let told = stats.paused_parts().map_or_else(|| "running".to_owned(), |what| format!("paused: {what}"));
    let advice = "netbanx queue resume ends every pause, if it was not meant to last.";
    findings.push(Finding::of("queue", told, stats.paused_parts().is_some(), advice));
    let advice = "netbanx queue dead lists them with their errors; fix the cause, then netbanx queue retry.";
    findings.push(Finding::of("dead letters", stats.dead.to_string(), stats.dead > 0, advice));
    // What asks the database would tell the same once more.
    if !is_there {
        return findings;
    }
    findings.push(directory(settings, &db, redis).await);
    findings.push(claims(&queue, &db).await);
    findings.push(counters(&queue, &db).await);
    findings.push(identities(&db).await);
    findings.push(audit(&db).await);
    if options.figures {
        findings.push(figures(&db).await);
    }
    findings
}

/// Whether what is stored encrypted can be opened by the master key that is set.
async fn master_key(settings: &Settings, db: &sea_orm::DatabaseConnection) -> Finding {
    let name = "master key";
    let advice = "Set the MASTER_KEY that encrypted them; while one is replaced both, separated by a comma. What nobody has the key \
                  of must be set anew: receivers' keys, endpoints, alert channels, look-ups, second factors.";
    let Some(keys) = &settings.master_keys else {
        let told = "MASTER_KEY is not set here: what is encrypted was not looked at".to_owned();
        return Finding { name, told, advice: None };
    };
    let opened = async { store::opened::opened(db, &Vault::new(&keys.0)?).await };
    match store::within(LIMIT, opened).await {
        Ok(kinds) => {
            let (tried, shut) = kinds.iter().fold((0, 0), |(tried, shut), kind| (tried + kind.tried, shut + kind.shut));
            let which =
                kinds.iter().filter(|kind| kind.shut > 0).map(|kind| format!("{} of {} {}", kind.shut, kind.tried, kind.what));
            let told = match shut {
                0 => format!("all {tried} secrets that were tried can be opened"),
                _ => format!("cannot open {}: is it another MASTER_KEY?", which.collect::<Vec<_>>().join(", ")),
            };
            Finding::of(name, told, shut > 0, advice)
        }
        Err(error) => Finding { name, told: error.to_string(), advice: Some(advice) },
    }
}

/// Whether ingress knows the receivers as the database has them.
async fn directory(settings: &Settings, db: &sea_orm::DatabaseConnection, redis: redis_client::fred::clients::Client) -> Finding {
    let state = Directory::new(redis, &settings.queue_name).state().await;
    let changes = receiver_changes::count(db).await;
    let (told, is_wrong) = match (state, changes) {
        (Ok(Some(state)), Ok(changes)) if state.changes == changes => ("as the database has them".to_owned(), false),
        (Ok(Some(_)), Ok(_)) => ("Redis has older ones than the database".to_owned(), true),
        (Ok(None), _) => ("Redis has none".to_owned(), true),
        (Err(error), _) => (error.to_string(), true),
        (_, Err(error)) => (error.to_string(), true),
    };
    Finding::of("receivers", told, is_wrong, "A worker publishes them within seconds: is one running?")
}

/// Webhooks that Redis remembers as received and the database does not have: a restored backup lacks them.
async fn claims(queue: &Queue, db: &sea_orm::DatabaseConnection) -> Finding {
    let advice = "After the database was restored: netbanx queue forget, so that they are taken when Netbanx sends them again.";
    match forget::run(queue, db, true).await {
        Ok(Forgotten { looked_at, missing, .. }) => {
            let told = format!("{missing} of {looked_at} that Redis remembers are in neither the database nor the queue");
            Finding::of("received webhooks", told, missing > 0, advice)
        }
        Err(error) => Finding { name: "received webhooks", told: error.to_string(), advice: Some(advice) },
    }
}

/// Webhooks that the queue counts as stored and the database's figures lack, however long ago their claims were forgotten.
async fn counters(queue: &Queue, db: &sea_orm::DatabaseConnection) -> Finding {
    let name = "counters";
    let advice = "The database was restored, or lost transactions that it had committed. What is missing of the last hours is taken \
                  when Netbanx sends it again, older webhooks are found by netbanx reconcile; then netbanx queue forget settles this.";
    match store::deadline::answered(LIMIT, forget::uncounted(queue, db)).await {
        Some(Ok(Some((missing, stored)))) => {
            let told = format!("{missing} of {stored} webhooks that the queue had stored are missing in the database's figures");
            Finding::of(name, told, missing > 0, advice)
        }
        Some(Ok(None)) => {
            Finding { name, told: "not held against each other yet: a worker begins with that".to_owned(), advice: None }
        }
        Some(Err(error)) => Finding { name, told: error.to_string(), advice: Some(advice) },
        None => Finding { name, told: "no answer".to_owned(), advice: Some(advice) },
    }
}

/// Stored webhooks that would not be recognised if they came again: their identities were lost.
async fn identities(db: &sea_orm::DatabaseConnection) -> Finding {
    let advice = "Rows were lost in the database, or it was put together from parts: restore it from a backup as a whole.";
    match store::deadline::within(LIMIT, store::existing::without_identity(db, NEWEST)).await {
        Ok((looked_at, missing)) => {
            let told = format!("{missing} of the newest {looked_at} webhooks have none");
            Finding::of("identities", told, missing > 0, advice)
        }
        Err(error) => Finding { name: "identities", told: error.to_string(), advice: Some(advice) },
    }
}

async fn audit(db: &sea_orm::DatabaseConnection) -> Finding {
    let advice = "Somebody changed the audit log in the database: netbanx audit verify says where.";
    match store::audit::verify(db).await {
        Ok(found) => {
            let told = found.problem.clone().unwrap_or_else(|| format!("{} entries, none changed", found.entries));
            Finding::of("audit log", told, found.problem.is_some(), advice)
        }
        Err(error) => Finding { name: "audit log", told: error.to_string(), advice: Some(advice) },
    }
}

async fn figures(db: &sea_orm::DatabaseConnection) -> Finding {
    let advice = "netbanx rollup verify lists them; netbanx rollup rebuild counts them again while everything goes on.";
    match verify::verify(db).await {
        Ok(found) => {
            let count = found.differences.len();
            Finding::of("figures", format!("{count} buckets differ from the stored webhooks"), count > 0, advice)
        }
        Err(error) => Finding { name: "figures", told: error.to_string(), advice: Some(advice) },
    }
}
