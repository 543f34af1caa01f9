//! What is new in a comparison, and what is gone since the one before, is kept with it.

use sea_orm_migration::prelude::*;

/// Three columns. Of what a version before writes they are counted when somebody asks.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 3] = [
    "ALTER TABLE reconciliations ADD COLUMN before_id uuid",
    "ALTER TABLE reconciliations ADD COLUMN new_count bigint",
    "ALTER TABLE reconciliations ADD COLUMN gone_count bigint",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, &STATEMENTS).await
    }
}
