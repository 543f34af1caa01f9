//! The account of an onboarding, as its events tell it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Register, Stamp, put, reached, span, text, time_of, value};
use crate::{AccountFacts, Event, EventIdentity, Mode, OnboardingStage, normalize};

/// An account, folded from its events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountState {
    status: Option<Register<SmolStr>>,
    partner_id: Option<Register<SmolStr>>,
    mode: Option<Register<Mode>>,
    first_received_ms: Option<i64>,
    last_received_ms: Option<i64>,
}

impl AccountState {
    /// Takes in one event and what it says of this account.
    pub fn apply(&mut self, event: &Event, facts: &AccountFacts, identity: &EventIdentity, received_at: DateTime<Utc>) {
        let is_under_way =
            matches!(normalize::onboarding_stage(&facts.status), OnboardingStage::Submitted | OnboardingStage::InReview);
        // Statuses of accounts have no stages: the last one that is told of stands.
        let stamp = Stamp::new(time_of(event, is_under_way), 0, identity);
        put(&mut self.status, Some(facts.status.clone()), &stamp);
        put(&mut self.partner_id, facts.partner_id.clone(), &stamp);
        put(&mut self.mode, Some(event.mode), &stamp);
        span(&mut self.first_received_ms, &mut self.last_received_ms, received_at);
    }

    /// Upper-case status.
    pub fn status(&self) -> &str {
        self.status.as_ref().map_or("", |r| r.value.as_str())
    }

    /// When the status was reached, in milliseconds since 1970 UTC; where nobody knows, when the account was first heard of.
    pub fn status_time_ms(&self) -> i64 {
        reached(self.status.as_ref(), self.first_received_ms)
    }

    /// Live unless its latest event is a test.
    pub fn mode(&self) -> Mode {
        value(self.mode.as_ref()).unwrap_or(Mode::Live)
    }

    /// The partner or merchant at Netbanx.
    pub fn partner_id(&self) -> Option<&str> {
        text(self.partner_id.as_ref())
    }

    /// When its first and its last event were received, in milliseconds since 1970 UTC.
    pub fn received_ms(&self) -> (i64, i64) {
        (self.first_received_ms.unwrap_or(0), self.last_received_ms.unwrap_or(0))
    }
}
