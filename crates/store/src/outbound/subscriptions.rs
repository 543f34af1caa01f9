//! Which endpoints want which events.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use common::CompanyId;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::ExprTrait};
use uuid::Uuid;

use super::{ENABLED, listeners::LISTENING, wants};
use crate::{
    Error,
    entity::endpoint::{Column, Entity},
};
use clock::now_ms;

/// For how long what was read is gone by: an endpoint gets what batches write that begin this long after it was added.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Enabled endpoints and listeners of all companies, each with its event types.
#[derive(Debug, Default)]
pub struct Subscriptions(HashMap<CompanyId, Vec<(Uuid, String)>>);

impl Subscriptions {
    /// Reads them.
    pub async fn read(db: &impl ConnectionTrait) -> Result<Self, Error> {
        let listens = Column::State.eq(LISTENING).and(Column::LeaseUntil.gt(now_ms()));
        let rows: Vec<(Uuid, Uuid, String)> = Entity::find()
            .select_only()
            .columns([Column::CompanyId, Column::Id, Column::EventTypes])
            .filter(Column::State.eq(ENABLED).or(listens))
            .into_tuple()
            .all(db)
            .await?;
        let mut all: HashMap<CompanyId, Vec<(Uuid, String)>> = HashMap::new();
        for (company, endpoint, types) in rows {
            all.entry(CompanyId(company)).or_default().push((endpoint, types));
        }
        Ok(Self(all))
    }

    /// The endpoints of `company` that want `event_type`.
    pub fn of(&self, company: CompanyId, event_type: &str) -> impl Iterator<Item = Uuid> {
        let own = self.0.get(&company).into_iter().flatten();
        own.filter(move |(_, types)| wants(types, event_type)).map(|(endpoint, _)| *endpoint)
    }

    /// Whether `company` has any: where it has none, nothing is to be made for it.
    pub fn has(&self, company: CompanyId) -> bool {
        self.0.contains_key(&company)
    }
}

/// When subscriptions were asked for, and what they were.
type Asked = (Instant, Arc<Subscriptions>);

/// The subscriptions as they were read a second ago at most. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remembered(Arc<Mutex<Option<Asked>>>);

impl Remembered {
    /// Those that a batch which begins now has to heed. Where they cannot be read, the batch fails and comes again: none is
    /// written without them.
    pub async fn read(&self, db: &impl ConnectionTrait) -> Result<Arc<Subscriptions>, Error> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, subscriptions)) = known
            && at.elapsed() < GOOD_FOR
        {
            return Ok(subscriptions);
        }
        // As old as the question, not as the answer.
        let asked = Instant::now();
        let subscriptions = Arc::new(Subscriptions::read(db).await?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((asked, subscriptions.clone()));
        Ok(subscriptions)
    }
}
