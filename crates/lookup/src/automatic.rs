//! What the platform asks by itself: transactions that are pending longer than is usual for their payment method, and rows of the
//! last comparison that are missing here. Only for companies that configured it, at most so many requests a minute for each, and
//! by one process at a time: a round is claimed in the database, and the next of the company is due a minute later.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use cache::Tags;
use clock::now_ms;
use common::{CompanyId, topic::tags_of_events};
use http_service::Stop;
use sea_orm::DatabaseConnection;
use serde_json::json;
use store::{
    batch::{NewEvent, Writer},
    entity::lookup_configuration,
    lookups::{self, Outcome, PendingLimit, Usual, Wanted},
};

use crate::{Answer, Client, Clients, Error};

/// How often it is looked whether a round is due.
const LOOK: Duration = Duration::from_secs(5);
/// From one round of a company to its next, in milliseconds: the span of the rate.
const ROUND_MS: i64 = 60_000;
/// The longest that a round takes: it ends before the next may begin elsewhere.
const LONGEST: Duration = Duration::from_secs(50);
/// Rounds at once in this process.
const AT_ONCE: u64 = 4;
/// Longest wait for the database.
const STEP: Duration = Duration::from_secs(10);
/// For how long what is usual for a company is taken as known.
const USUAL_FOR: Duration = Duration::from_secs(600);

struct Asker {
    db: DatabaseConnection,
    clients: Clients,
    tags: Tags,
    writer: Writer,
}

/// What is remembered of a company between its rounds.
struct Company {
    client: Arc<Client>,
    usual: Option<(Instant, Usual)>,
}

/// Counts of a round, by what was asked for and what came of it.
type Counts = BTreeMap<(&'static str, &'static str), u64>;

/// Asks until `stop`.
pub async fn run(db: DatabaseConnection, clients: Clients, tags: Tags, mut stop: Stop) {
    let writer = Writer::new(db.clone(), 0);
    let asker = Asker { db, clients, tags, writer };
    let mut companies: HashMap<CompanyId, Company> = HashMap::new();
    while !*stop.borrow() {
        let now = now_ms();
        let claimed = store::within(STEP, lookups::claim(&asker.db, now, now + ROUND_MS, AT_ONCE)).await;
        let claimed = claimed.unwrap_or_else(|error| {
            tracing::debug!(%error, "look-ups are made later");
            Vec::new()
        });
        let has_more = claimed.len() as u64 == AT_ONCE;
        let rounds = claimed.into_iter().map(|row| {
            let known = companies.remove(&CompanyId(row.company_id));
            let asker = &asker;
            async move {
                let company = CompanyId(row.company_id);
                (company, asker.within_time(&row, known).await)
            }
        });
        let mut stopped = stop.clone();
        tokio::select! {
            done = futures::future::join_all(rounds) => {
                companies.extend(done.into_iter().filter_map(|(company, known)| Some((company, known?))));
            }
            // What is under way is asked again: nothing of it is noted.
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        if !has_more {
            let _ = tokio::time::timeout(LOOK, stop.changed()).await;
        }
    }
}

impl Asker {
    async fn within_time(&self, row: &lookup_configuration::Model, known: Option<Company>) -> Option<Company> {
        let mut company = match self.company(row, known) {
            Ok(company) => company,
            Err(error) => {
                tracing::warn!(company = %row.company_id, %error, "its transactions cannot be asked for");
                return None;
            }
        };
        let mut counts = Counts::new();
        let id = CompanyId(row.company_id);
        let ended = tokio::time::timeout(LONGEST, Box::pin(self.round(id, &mut company, &mut counts))).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(company = %row.company_id, %error, "a round of look-ups ended early"),
            Err(_) => tracing::info!(company = %row.company_id, "a round of look-ups took its whole time"),
        }
        if let Err(error) = self.report(id, &counts).await {
            tracing::warn!(company = %row.company_id, %error, "a round of look-ups is not in the audit log");
        }
        Some(company)
    }

    fn company(&self, row: &lookup_configuration::Model, known: Option<Company>) -> Result<Company, Error> {
        let client = self.clients.of(row)?;
        // What is usual is learnt anew with another configuration.
        let usual = known.filter(|known| Arc::ptr_eq(&known.client, &client)).and_then(|known| known.usual);
        Ok(Company { client, usual })
    }

    async fn round(&self, id: CompanyId, company: &mut Company, counts: &mut Counts) -> Result<(), Error> {
        let usual = match company.usual.take() {
            Some((at, usual)) if at.elapsed() < USUAL_FOR => (at, usual),
            _ => (Instant::now(), store::within(STEP, lookups::usual(&self.db, id)).await?),
        };
        let usual = &company.usual.insert(usual).1;
        let limits = self.clients.limits();
        let limit = PendingLimit { floor_ms: limits.pending_floor.as_millis() as i64, factor: i64::from(limits.pending_factor) };
        // As many as there may be requests, of which one may take several.
        let most = limits.per_minute;
        let pending = store::within(STEP, lookups::due(&self.db, id, usual, limit, most as u64)).await?;
        let missing = store::within(STEP, lookups::missing_here(&self.db, id, most - pending.len().min(most))).await?;
        let all = pending.into_iter().map(|one| ("pending", one)).chain(missing.into_iter().map(|one| ("missingHere", one)));
        for (reason, wanted) in all {
            let asked = self.ask(id, &company.client, &wanted).await;
            let outcome = match &asked {
                Ok(outcome) => *outcome,
                // Nothing was asked: it is its turn in the next round.
                Err(Error::Later(_)) => return Ok(()),
                // One of it alone may be forbidden (403): the next are asked for.
                Err(Error::Store(_) | Error::Unauthorized(401) | Error::Address(_) | Error::Redirect(_)) => {
                    *counts.entry((reason, Outcome::Failed.as_str())).or_default() += 1;
                    return asked.map(drop);
                }
                Err(error) => {
                    tracing::debug!(company = %id.0, %error, "a look-up failed");
                    Outcome::Failed
                }
            };
            *counts.entry((reason, outcome.as_str())).or_default() += 1;
            store::within(STEP, lookups::note(&self.db, id, &wanted, outcome)).await?;
        }
        Ok(())
    }

    async fn ask(&self, id: CompanyId, client: &Client, wanted: &Wanted) -> Result<Outcome, Error> {
        let Answer { outcome, events, .. } = crate::ask(&self.db, &self.writer, id, client, wanted).await?;
        if let Err(error) = touch(&self.tags, &events).await {
            tracing::warn!(%error, "dashboards show what was looked up when their cached answers end");
        }
        Ok(outcome)
    }

    async fn report(&self, id: CompanyId, counts: &Counts) -> Result<(), store::Error> {
        if counts.is_empty() {
            return Ok(());
        }
        let mut detail: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for ((reason, outcome), count) in counts {
            detail.entry(reason).or_default().insert(outcome, *count);
        }
        store::within(STEP, lookups::report(&self.db, id, &json!(detail))).await
    }
}

/// Notes that answers that `events` change are old.
pub async fn touch(tags: &Tags, events: &[NewEvent]) -> Result<(), redis_client::Error> {
    tags.touch(tags_of_events(events.iter().map(|new| (new.company_id, &new.event)))).await
}
