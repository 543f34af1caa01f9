//! Roll-ups as they are kept: differences that batches append, and buckets that they are folded into.

use sea_orm_migration::prelude::*;

/// Buckets, differences, and what makes counting idempotent.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// The table of the first schema was never written to.
const STATEMENTS: [&str; 5] = [
    "DROP TABLE rollups",
    "CREATE TABLE rollups (company_id uuid NOT NULL, grain varchar(8) NOT NULL, mode varchar(8) NOT NULL, bucket bigint NOT NULL,
     series varchar(500) NOT NULL, count bigint NOT NULL, amount bigint NOT NULL,
     PRIMARY KEY (company_id, grain, mode, bucket, series))",
    "CREATE TABLE rollup_deltas (id uuid NOT NULL PRIMARY KEY, company_id uuid NOT NULL, mode varchar(8) NOT NULL,
     bucket bigint NOT NULL, series varchar(500) NOT NULL, count bigint NOT NULL, amount bigint NOT NULL)",
    "CREATE TABLE failed_webhooks (webhook_id uuid NOT NULL PRIMARY KEY, company_id uuid NOT NULL, mode varchar(8) NOT NULL,
     received_at bigint NOT NULL)",
    "CREATE TABLE collected_counts (id uuid NOT NULL PRIMARY KEY, at bigint NOT NULL)",
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
