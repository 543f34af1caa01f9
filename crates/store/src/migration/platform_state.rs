//! `platform_state`: the few facts of an installation that are rows and not settings.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, Statement},
};

use crate::state;
use clock::now_ms;

/// The table, and whether events were stored under the legacy identity.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "CREATE TABLE platform_state (name varchar(64) NOT NULL PRIMARY KEY, value text NOT NULL)";
/// A version before this one was set up here: it stores, and may still store, events under the legacy identity.
const HAS_HISTORY: &str = "SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM companies) OR EXISTS (SELECT 1 FROM receiver_secrets)
    OR EXISTS (SELECT 1 FROM webhook_events)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (db, backend) = (manager.get_connection(), manager.get_database_backend());
        db.execute_unprepared(TABLE).await?;
        if db.query_one_raw(Statement::from_string(backend, HAS_HISTORY)).await?.is_some() {
            state::set(db, state::LEGACY_IDENTITY_SINCE, &now_ms().to_string()).await?;
        }
        Ok(())
    }
}
