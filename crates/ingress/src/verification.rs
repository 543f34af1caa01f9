//! How many webhooks of each receiver verified and how many did not. The API's alert of a receiver that begins to fail rests
//! on it; receivers that do not exist are not counted here.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use common::{CompanyId, Endpoint};
use receivers::{Directory, layout};
use shared_stats::Meter;

/// Receivers that are counted at most.
const RECEIVERS: usize = 50_000;
/// How often it is noted that a receiver's webhooks verify, in seconds.
const NOTE_EVERY: i64 = 3600;
/// For how long after a failure what verifies is counted, too, in seconds. Of a receiver that never fails nobody asks, and
/// figures of thirty thousand of them are not to be shared.
const COMPARED: i64 = 600;
/// Receivers that one call notes at most.
const NOTED_AT_ONCE: usize = 1000;

/// One receiver's webhooks since they were handed over last.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    verified: AtomicU64,
    failed: AtomicU64,
    /// When it was last noted that they verify, and when one last failed; seconds since 1970 UTC.
    noted: AtomicI64,
    failed_at: AtomicI64,
}

impl Checked {
    /// Counts one.
    pub fn count(&self, is_genuine: bool) {
        let count = if is_genuine { &self.verified } else { &self.failed };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// All receivers' counts.
#[derive(Debug)]
pub(crate) struct Verification {
    receivers: Mutex<HashMap<(Endpoint, CompanyId), Arc<Checked>>>,
    meter: Meter,
}

impl Verification {
    pub fn new(meter: Meter) -> Self {
        Self { receivers: Mutex::default(), meter }
    }

    /// The counts of one receiver.
    pub fn of(&self, endpoint: Endpoint, company: CompanyId) -> Arc<Checked> {
        let mut receivers = self.receivers.lock().unwrap_or_else(PoisonError::into_inner);
        if receivers.len() >= RECEIVERS {
            receivers.clear();
        }
        receivers.entry((endpoint, company)).or_default().clone()
    }

    /// Hands over what was counted: to the figures that all replicas share, and, now and then, to the directory.
    pub async fn hand_over(&self, directory: &Directory) {
        let now = clock::now_ms() / 1000;
        let verified = self.count_all(now);
        let names: Vec<String> = verified.iter().map(|(name, _)| name.clone()).collect();
        match directory.note_verified(&names, now).await {
            Ok(()) => verified.iter().for_each(|(_, checked)| checked.noted.store(now, Ordering::Relaxed)),
            Err(error) => tracing::debug!(%error, "that receivers verify is noted later"),
        }
    }

    /// Counts all; returns those whose webhooks verify, which has not been noted for a while.
    fn count_all(&self, now: i64) -> Vec<(String, Arc<Checked>)> {
        let receivers = self.receivers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut to_note = Vec::new();
        for ((endpoint, company), checked) in receivers.iter() {
            let (verified, failed) = (checked.verified.swap(0, Ordering::Relaxed), checked.failed.swap(0, Ordering::Relaxed));
            if verified == 0 && failed == 0 {
                continue;
            }
            let name = layout::receiver(*endpoint, *company);
            self.share(&name, checked, (verified, failed), now);
            let is_due = checked.noted.load(Ordering::Relaxed) + NOTE_EVERY <= now;
            if verified > 0 && is_due && to_note.len() < NOTED_AT_ONCE {
                to_note.push((name, checked.clone()));
            }
        }
        to_note
    }

    fn share(&self, name: &str, checked: &Checked, (verified, failed): (u64, u64), now: i64) {
        if failed > 0 {
            checked.failed_at.store(now, Ordering::Relaxed);
            self.meter.count(&format!("receiver.failed:{name}"), failed);
        }
        if verified > 0 && checked.failed_at.load(Ordering::Relaxed) + COMPARED > now {
            self.meter.count(&format!("receiver.verified:{name}"), verified);
        }
    }
}
