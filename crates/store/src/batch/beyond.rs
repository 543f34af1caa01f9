//! Events that tell of a time whose history retention has removed. Whether such an event was stored before cannot be known any
//! more, so it is stored again, but apart: it changes no transaction, no account and no figure but that of webhooks received.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use common::event::Change;
use sea_orm::DatabaseConnection;

use super::NewEvent;
use crate::{Error, dialect::rows::RowValue, entity::late_event, horizon::Horizons};

/// For how long a horizon that was read is gone by. Meanwhile it may move on by as much, of which little is removed yet.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// When the horizon was read, and what it was.
type Read = (Instant, Option<i64>);

/// The horizon of webhooks as it was read lately.
#[derive(Debug, Clone, Default)]
pub(super) struct Remembered(Arc<Mutex<Option<Read>>>);

impl Remembered {
    /// Before which time webhooks may have been removed, in milliseconds since 1970 UTC; none where none ever were.
    pub async fn horizon(&self, db: &DatabaseConnection) -> Result<Option<i64>, Error> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, horizon)) = known
            && at.elapsed() < GOOD_FOR
        {
            return Ok(horizon);
        }
        let horizon = Horizons::read(db).await?.webhooks;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), horizon));
        Ok(horizon)
    }
}

/// Whether `new` tells of a time before `horizon`: its status time, else the time of its transaction.
pub(super) fn is_beyond(new: &NewEvent, horizon: Option<i64>) -> bool {
    let Some(horizon) = horizon else { return false };
    let status_ms = new.event.status_time.timestamp_millis();
    let told = match &new.event.change {
        // The body tells no status time: that of its receipt stands in for it.
        Change::Transaction(facts) if status_ms == new.received_ms => facts.transaction_time.map(|at| at.timestamp_millis()),
        _ => None,
    };
    told.unwrap_or(status_ms) < horizon
}

pub(super) fn cell(new: &NewEvent, column: late_event::Column) -> RowValue<'_> {
    match column {
        late_event::Column::EventId => new.webhook_id.into(),
    }
}
