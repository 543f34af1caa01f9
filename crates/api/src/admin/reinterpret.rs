//! Encrypted dead letters, driven again: anyone who has the master key opens them and interprets them by the rules of now. A
//! worker could not, since it has no such key.

use common::{EventIdentity, Job, intake, job, masking};
use queue::{DeadLetter, DeadQuery, Lane, NewJob, Queue};
use store::secrets::Vault;

use super::dead_letters::Filter;

/// Makes every dead letter of `query` that matches wait again. Returns how many; an encrypted one that still cannot be
/// interpreted stays where it is.
pub async fn redrive_matching(
    queue: &Queue,
    vault: Option<&Vault>,
    query: &DeadQuery,
    matches: impl Fn(&DeadLetter) -> bool,
) -> Result<u64, queue::Error> {
    let is_sealed = |letter: &DeadLetter| letter.kind.is_some() && sealed(letter).is_some();
    let mut driven = queue.redrive_matching(query, |letter| matches(letter) && !is_sealed(letter)).await?;
    let mut query = DeadQuery { limit: 100, ..query.clone() };
    loop {
        let page = queue.dead_letters(&query, |letter| matches(letter) && is_sealed(letter)).await?;
        for letter in &page.letters {
            driven += u64::from(redrive_sealed(queue, vault, letter).await?);
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(driven),
        }
    }
}

/// The same of those ids.
pub async fn redrive(queue: &Queue, vault: Option<&Vault>, ids: &[String]) -> Result<u64, queue::Error> {
    let mut driven = 0;
    for id in ids {
        let Some(letter) = queue.dead_letter(id).await? else { continue };
        driven += match sealed(&letter) {
            Some(_) => u64::from(redrive_sealed(queue, vault, &letter).await?),
            None => queue.redrive(std::slice::from_ref(id)).await?,
        };
    }
    Ok(driven)
}

/// What became of dead letters that could not be interpreted when they were received.
#[derive(Debug, Default)]
pub struct Reinterpreted {
    /// The ids of those that can be now.
    pub driven: Vec<String>,
    /// How many still cannot be.
    pub still: u64,
}

/// Makes those of `filter` wait again that can be interpreted now, as far as `received` holds for when they were received (in
/// milliseconds since 1970 UTC). A dry run only tells which.
pub async fn replay(
    queue: &Queue,
    vault: Option<&Vault>,
    filter: &Filter,
    received: impl Fn(i64) -> bool,
    is_dry: bool,
) -> Result<Reinterpreted, queue::Error> {
    let mut done = Reinterpreted::default();
    let mut query = DeadQuery { limit: 100, ..filter.query.clone() };
    loop {
        let page = queue.dead_letters(&query, |letter| filter.matches(letter)).await?;
        for letter in &page.letters {
            let Ok(job) = Job::decode(&letter.payload) else { continue };
            if !received(job.received_ms) {
                continue;
            }
            let can_be = match sealed(letter) {
                Some(_) => vault.and_then(|vault| interpreted(vault, letter)).is_some(),
                None => job.event().is_ok(),
            };
            let is_driven = can_be && (is_dry || redrive(queue, vault, std::slice::from_ref(&letter.id)).await? > 0);
            if is_driven {
                done.driven.push(letter.id.clone());
            } else if !can_be {
                done.still += 1;
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(done),
        }
    }
}

fn sealed(letter: &DeadLetter) -> Option<(Job, String)> {
    let job = Job::decode(&letter.payload).ok()?;
    let sealed = job.sealed()?;
    Some((job, sealed))
}

async fn redrive_sealed(queue: &Queue, vault: Option<&Vault>, letter: &DeadLetter) -> Result<bool, queue::Error> {
    let interpreted = vault.and_then(|vault| interpreted(vault, letter));
    match interpreted {
        Some(job) => queue.replace_dead(&job).await,
        None => Ok(false),
    }
}

/// The job of an encrypted letter that can be interpreted now.
fn interpreted(vault: &Vault, letter: &DeadLetter) -> Option<NewJob> {
    let (job, sealed) = sealed(letter)?;
    let body = vault.open_bytes(&job::sealed_for(job.webhook_id), &sealed).ok()?;
    let intake = intake::read(&body);
    let [part] = intake.parts.as_slice() else { return None };
    let envelope = part.envelope(None).ok()?;
    let new = Job {
        identity: EventIdentity::of(job.endpoint, job.path_company(), &envelope),
        event_name: envelope.name.clone(),
        unreadable: None,
        body: (),
        webhook_id: job.webhook_id,
        endpoint: job.endpoint,
        company_id: job.company_id,
        slug: job.slug.clone(),
        received_ms: job.received_ms,
    };
    Some(NewJob {
        id: letter.id.clone(),
        claim: job.identity.to_string(),
        lane: if envelope.family.has_priority { Lane::High } else { Lane::Normal },
        flow: job.company_id.0.as_u64_pair().1,
        traceparent: None,
        payload: new.encode(body.len(), |out| masking::write_masked(out, &envelope)).ok()?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use common::{CompanyId, Endpoint};
    use uuid::Uuid;

    use super::*;

    fn letter(vault: &Vault, body: &[u8]) -> DeadLetter {
        let webhook_id = Uuid::now_v7();
        let sealed = format!("\"{}{}\"", job::SEALED, vault.seal_bytes(&job::sealed_for(webhook_id), body).unwrap());
        let head: Job<()> = Job {
            webhook_id,
            endpoint: Endpoint::Netbanx,
            company_id: CompanyId::NONE,
            slug: Some("acme".into()),
            identity: EventIdentity::of_unreadable(Endpoint::Netbanx, Some("acme"), body),
            event_name: job::UNNAMED.into(),
            received_ms: 17,
            unreadable: Some("not JSON".to_owned()),
            body: (),
        };
        DeadLetter {
            id: webhook_id.to_string(),
            lane: Lane::Normal,
            kind: Some(job::UNREADABLE.to_owned()),
            error: String::new(),
            attempts: 0,
            history: Vec::new(),
            died_ms: 0,
            enqueued_ms: 0,
            traceparent: None,
            payload: head.encode(sealed.len(), |out| out.extend_from_slice(sealed.as_bytes())).unwrap().into(),
        }
    }

    #[test]
    fn what_can_be_interpreted_now_becomes_a_job_and_the_rest_does_not() {
        let vault = Vault::new(&[[7; 32]]).unwrap();
        let readable = br#"{"eventType":"PAYMENT_COMPLETED","payload":{"id":"p","card":"4111111111111111"}}"#;
        let new = interpreted(&vault, &letter(&vault, readable)).unwrap();
        let job = Job::decode(&new.payload).unwrap();
        assert_eq!((new.lane, job.event_name.as_str(), job.unreadable.is_none()), (Lane::High, "PAYMENT_COMPLETED", true));
        assert!(!String::from_utf8_lossy(&new.payload).contains("4111111111111111"));
        assert!(interpreted(&vault, &letter(&vault, b"hello")).is_none());
        let other = Vault::new(&[[8; 32]]).unwrap();
        assert!(interpreted(&other, &letter(&vault, readable)).is_none(), "another key opens nothing");
    }
}
