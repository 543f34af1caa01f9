//! Redeliveries that ingress recognises leave no job. They are counted here by company, mode and
//! minute, and handed over each second for the worker to add to the figures.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use common::{CompanyId, Grain, Mode};
use shared_stats::CountOutbox;

/// How often counts are handed over.
const HAND_OVER: Duration = Duration::from_secs(1);
/// Different counts that wait to be handed over at most.
const WAITING: usize = 10_000;

/// Counts redeliveries. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Duplicates(Arc<Mutex<HashMap<String, u64>>>);

impl Duplicates {
    /// Hands over to `outbox` as long as it lives. Needs a tokio runtime.
    pub fn start(outbox: CountOutbox) -> Self {
        let duplicates = Self::default();
        let weak = Arc::downgrade(&duplicates.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(HAND_OVER).await;
                let Some(counts) = weak.upgrade() else { return };
                Self(counts).hand_over(&outbox).await;
            }
        });
        duplicates
    }

    /// Counts one that was received at `received_ms`.
    pub fn count(&self, company: CompanyId, mode: Mode, received_ms: i64) {
        let name = format!("{}|{}|{}", company.0, mode.as_str(), Grain::Minute.bucket(received_ms));
        self.add(name, 1);
    }

    fn add(&self, name: String, by: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() < WAITING || counts.contains_key(&name) {
            *counts.entry(name).or_default() += by;
        }
    }

    /// Hands over now what was counted since the last time.
    pub async fn hand_over(&self, outbox: &CountOutbox) {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if counts.is_empty() {
            return;
        }
        if let Err(error) = outbox.add(&counts).await {
            tracing::debug!(%error, "duplicates are counted later");
            for (name, by) in counts {
                self.add(name, by);
            }
        }
    }
}
