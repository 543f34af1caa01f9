//! By whose days a company counts where nobody asks for a zone.

use std::{sync::Arc, time::Duration};

use chrono_tz::Tz;
use http_service::Problem;
use moka::future::Cache;
use sea_orm::DatabaseConnection;
use store::{Scope, companies};
use uuid::Uuid;

use crate::{auth, query_failed};

/// How long it is known: a change shows everywhere within a second.
const KNOWN: Duration = Duration::from_millis(500);
/// How long it is taken to be the same while the database is away: figures that are kept are told then, too.
const LAST_KNOWN: Duration = Duration::from_secs(900);
/// Companies that are remembered at most.
const REMEMBERED: u64 = 10_000;

/// The zones of companies. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Zones {
    known: Cache<Uuid, Option<Tz>>,
    last_known: Cache<Uuid, Option<Tz>>,
}

impl Default for Zones {
    fn default() -> Self {
        let cache = |lasts| Cache::builder().max_capacity(REMEMBERED).time_to_live(lasts).build();
        Self { known: cache(KNOWN), last_known: cache(LAST_KNOWN) }
    }
}

impl Zones {
    /// The zone of the one company that `scope` has; none where it has none, and for all together.
    pub async fn of(&self, db: &DatabaseConnection, scope: Scope) -> Result<Option<Tz>, Problem> {
        let Scope::Company(id) = scope else { return Ok(None) };
        let look_up = store::deadline::within(auth::LOOK_UP, companies::time_zone(db, id));
        match self.known.try_get_with(id, look_up).await {
            Ok(zone) => {
                self.last_known.insert(id, zone).await;
                Ok(zone)
            }
            Err(error) => {
                let error: Arc<store::Error> = error;
                let before = self.last_known.get(&id).await.filter(|_| matches!(*error, store::Error::Unavailable(_)));
                before.ok_or_else(|| query_failed(&error))
            }
        }
    }

    /// Forgets what is known of a company, since it was changed here.
    pub async fn forget(&self, id: Uuid) {
        self.known.invalidate(&id).await;
    }
}
