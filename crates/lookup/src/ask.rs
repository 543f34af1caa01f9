//! One question, and what comes of it.

use std::time::Duration;

use clock::now_ms;
use common::CompanyId;
use sea_orm::DatabaseConnection;
use store::{
    batch::{NewEvent, Writer},
    lookups::{Outcome, Wanted},
};

use crate::{Client, Error, Told, What, event};

/// Longest wait for the database.
const STEP: Duration = Duration::from_secs(10);
/// How far back a reference is asked for, in milliseconds.
const BACK_MS: i64 = 90 * 86_400_000;

/// What came of a question.
#[derive(Debug)]
pub struct Answer {
    /// The most that came of anything that Netbanx told.
    pub outcome: Outcome,
    /// What it told; of a reference there may be several.
    pub told: Vec<Told>,
    /// What was stored of that.
    pub events: Vec<NewEvent>,
}

/// What is asked for `wanted`; none: chargebacks, payouts and verifications have no such look-up.
pub fn what(wanted: &Wanted) -> Option<What> {
    wanted.kind.as_deref().map_or(Some(What::Payment), What::parse)
}

/// Asks for `wanted`, and stores what is new. What cannot be asked for is unknown.
pub async fn ask(
    db: &DatabaseConnection,
    writer: &Writer,
    company: CompanyId,
    client: &Client,
    wanted: &Wanted,
) -> Result<Answer, Error> {
    let mut answer = Answer { outcome: Outcome::Unknown, told: Vec::new(), events: Vec::new() };
    let Some(what) = what(wanted) else { return Ok(answer) };
    answer.told = match wanted.subject.strip_prefix("ref:") {
        Some(reference) => client.by_reference(what, reference, now_ms() - BACK_MS).await?,
        None => client.by_id(what, &wanted.subject).await?.into_iter().collect(),
    };
    if !answer.told.is_empty() {
        answer.outcome = Outcome::Unchanged;
    }
    for told in &answer.told {
        let (stored, new) = store::within(STEP, async {
            event::store(db, writer, company, told).await.map_err(|error| match error {
                Error::Store(error) => error,
                other => store::Error::Refused(other.to_string()),
            })
        })
        .await?;
        if stored == Outcome::Stored {
            answer.outcome = stored;
        }
        answer.events.extend(new);
    }
    Ok(answer)
}
