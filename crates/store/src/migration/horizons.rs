//! Horizons of what retention removed before it noted them, and the index by which it finds what to remove.

use sea_orm_migration::{prelude::*, sea_orm::ConnectionTrait};

use crate::horizon;

/// The horizons, an index of buckets by age, and which events came after their history had gone.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Buckets of all companies by age: retention, and who looks which companies have traffic, ask once and not by company.
const BY_AGE: &str = "CREATE INDEX rollups_age ON rollups (grain, bucket)";
/// Their ids are UUIDv7: those of one time are removed together with their webhooks.
const LATE: &str = "CREATE TABLE late_events (event_id uuid NOT NULL PRIMARY KEY)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        horizon::derive(db).await?;
        db.execute_unprepared(BY_AGE).await?;
        db.execute_unprepared(LATE).await.map(drop)
    }
}
