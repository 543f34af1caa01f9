//! Under which identities the event of a job may be stored.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use common::{CompanyId, Envelope, EventIdentity, Job};
use sea_orm::{DatabaseConnection, EntityTrait};
use store::entity::company;

/// Companies whose slugs are remembered.
const SLUGS: usize = 10_000;
/// Longest wait for the database.
const LIMIT: Duration = Duration::from_secs(5);

/// Calculates identities. The jobs of an ingress of a version before 1.0 do not tell which path they came by; the slug of
/// their company is looked up once.
#[derive(Debug)]
pub(crate) struct Identities {
    db: DatabaseConnection,
    slugs: Mutex<HashMap<CompanyId, Option<String>>>,
}

/// The identities of one event.
#[derive(Debug)]
pub(crate) struct Known {
    /// Today's, where the job does not carry it.
    pub own: Option<EventIdentity>,
    /// That of versions before 1.0.
    pub legacy: Option<EventIdentity>,
    /// What it shares with all events of the sender's event id.
    pub event_key: Option<EventIdentity>,
}

impl Identities {
    pub fn new(db: DatabaseConnection) -> Self {
        Self { db, slugs: Mutex::default() }
    }

    /// Those of the event that `job` carries and `envelope` tells; the legacy one if the installation `has_legacy`.
    pub async fn of(&self, job: &Job, envelope: &Envelope<'_>, has_legacy: bool) -> Known {
        if job.slug.is_some() {
            let path = job.path_company();
            let is_readable_now = job.unreadable.is_some();
            return Known {
                own: is_readable_now.then(|| EventIdentity::of(job.endpoint, path, envelope)),
                legacy: has_legacy.then(|| EventIdentity::legacy(job.endpoint, path, envelope)),
                event_key: EventIdentity::of_event_id(job.endpoint, path, envelope),
            };
        }
        if !has_legacy {
            // No version before 1.0 was ever here: the job is as it is.
            return Known { own: None, legacy: None, event_key: EventIdentity::of_event_id(job.endpoint, None, envelope) };
        }
        // Of an ingress of a version before 1.0.
        let slug = self.slug_of_path(job, envelope).await;
        let path = slug.as_deref();
        Known {
            own: Some(EventIdentity::of(job.endpoint, path, envelope)),
            legacy: Some(job.identity.clone()),
            event_key: EventIdentity::of_event_id(job.endpoint, path, envelope),
        }
    }

    /// The slug in the path that a job of a version before 1.0 came by: the one by which its identity was calculated.
    async fn slug_of_path(&self, job: &Job, envelope: &Envelope<'_>) -> Option<String> {
        if EventIdentity::legacy(job.endpoint, None, envelope) == job.identity {
            return None;
        }
        self.slug_of(job.company_id).await
    }

    async fn slug_of(&self, company: CompanyId) -> Option<String> {
        if company == CompanyId::NONE {
            return None;
        }
        let slugs = || self.slugs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slug) = slugs().get(&company) {
            return slug.clone();
        }
        let row = store::deadline::within(LIMIT, async { Ok(company::Entity::find_by_id(company.0).one(&self.db).await?) }).await;
        // Asked again by the next job where the database is away.
        let slug = row.ok()?.map(|row| row.slug);
        let mut slugs = slugs();
        if slugs.len() >= SLUGS {
            slugs.clear();
        }
        slugs.insert(company, slug.clone());
        slug
    }
}
