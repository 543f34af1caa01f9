//! Directories of what is stored: what keeps events and transactions unique once their tables are
//! partitioned, where no index reaches over all of them.
//!
//! This is the step that expands: the tables stay as the version before knows them, and on PostgreSQL
//! its writes enter the directories by a trigger. What contracts is `netbanx partition`.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, partitions};

/// Directories of events and transactions.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLES: [&str; 4] = [
    "CREATE TABLE event_identities (company_id uuid NOT NULL, identity varchar(64) NOT NULL, event_id uuid NOT NULL,
     PRIMARY KEY (company_id, identity))",
    "CREATE INDEX event_identities_event ON event_identities (event_id)",
    "CREATE TABLE transaction_keys (company_id uuid NOT NULL, kind varchar(32) NOT NULL, external_id varchar(255) NOT NULL,
     transaction_id uuid NOT NULL, PRIMARY KEY (company_id, kind, external_id))",
    "CREATE INDEX transaction_keys_transaction ON transaction_keys (transaction_id)",
];

const FILL: [&str; 2] = [
    "INSERT INTO event_identities SELECT company_id, identity, id FROM webhook_events",
    "INSERT INTO transaction_keys SELECT company_id, kind, external_id, id FROM transactions",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let beside = dialect::written_beside(manager.get_database_backend());
        for statement in TABLES.iter().chain(beside).chain(&FILL) {
            db.execute_unprepared(statement).await?;
        }
        // Nothing is stored yet: no version before this one can be at work.
        partitions::begin_if_empty(db).await
    }
}
