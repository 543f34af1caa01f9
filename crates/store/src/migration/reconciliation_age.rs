//! Comparisons are found by their age, to be removed.

use sea_orm_migration::prelude::*;

/// Two indexes.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 2] = [
    "CREATE INDEX reconciliations_started ON reconciliations (started_at)",
    "CREATE INDEX reconciliations_unfinished ON reconciliations (started_at) WHERE finished_at IS NULL",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, &STATEMENTS).await
    }
}
