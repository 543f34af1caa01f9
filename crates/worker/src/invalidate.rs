//! After a commit: which answers became old. Noted in the cache's Redis before the jobs are
//! acknowledged; what could not be noted is owed and noted as soon as that Redis is back.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cache::Tags;
use common::{
    CompanyId, Topic,
    topic::{tags_of, tags_of_events},
};
use store::batch::NewEvent;

/// How often owed notes are tried.
const RETRY: Duration = Duration::from_millis(200);
/// Tags that are owed at most; answers of any further one end with their time to live.
const OWED: usize = 100_000;

/// Notes what commits made old. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Invalidator {
    tags: Tags,
    owed: Arc<Mutex<BTreeSet<String>>>,
}

impl Invalidator {
    /// Notes in `tags`; pays what it owes as long as it lives. Needs a tokio runtime.
    pub fn start(tags: Tags) -> Self {
        let owed: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let (weak, payer) = (Arc::downgrade(&owed), tags.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RETRY).await;
                let Some(owed) = weak.upgrade() else { return };
                Self { tags: payer.clone(), owed }.pay().await;
            }
        });
        Self { tags, owed }
    }

    /// Notes that `events` are committed.
    pub async fn committed(&self, events: &[NewEvent]) {
        self.note(tags_of_events(events.iter().map(|new| (new.company_id, &new.event)))).await;
    }

    /// Notes that figures of these companies changed otherwise than by an event.
    pub async fn counted(&self, companies: impl IntoIterator<Item = CompanyId>) {
        self.note(tags_of(companies.into_iter().map(|company| (company, Topic::Analytics)))).await;
    }

    /// Notes that anything of these companies may be another.
    pub async fn changed(&self, companies: impl IntoIterator<Item = CompanyId>) {
        let all = companies.into_iter().flat_map(|company| Topic::ALL.into_iter().map(move |topic| (company, topic)));
        self.note(tags_of(all)).await;
    }

    async fn note(&self, tags: BTreeSet<String>) {
        if let Err(error) = self.tags.touch(tags.iter().cloned()).await {
            tracing::warn!(%error, tags = tags.len(), "an invalidation is owed");
            let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
            owed.extend(tags);
            while owed.len() > OWED {
                owed.pop_last();
            }
        }
    }

    async fn pay(&self) {
        let owed = std::mem::take(&mut *self.owed.lock().unwrap_or_else(PoisonError::into_inner));
        if !owed.is_empty() && self.tags.touch(owed.iter().cloned()).await.is_err() {
            self.owed.lock().unwrap_or_else(PoisonError::into_inner).extend(owed);
        }
    }
}
