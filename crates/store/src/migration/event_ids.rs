//! Events by the id that their sender gave them, conflicts between them, and the entries that are made for versions before
//! 1.0 alone.

use sea_orm_migration::prelude::*;

/// Three tables that hold a row only where it is needed.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 5] = [
    "CREATE TABLE event_ids (company_id uuid NOT NULL, event_key varchar(64) NOT NULL, event_id uuid NOT NULL,
     PRIMARY KEY (company_id, event_key))",
    "CREATE INDEX event_ids_event ON event_ids (company_id, event_id)",
    "CREATE TABLE event_conflicts (company_id uuid NOT NULL, event_id uuid NOT NULL, other_id uuid NOT NULL,
     PRIMARY KEY (company_id, event_id, other_id))",
    "CREATE INDEX event_conflicts_other ON event_conflicts (company_id, other_id)",
    "CREATE TABLE legacy_identities (company_id uuid NOT NULL, identity varchar(64) NOT NULL, event_id uuid NOT NULL,
     PRIMARY KEY (company_id, identity))",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
