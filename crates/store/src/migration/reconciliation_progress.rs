//! How far a comparison is, and why it did not come to its end.

use sea_orm_migration::prelude::*;

/// Three columns. What a version before writes has none of them.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 3] = [
    "ALTER TABLE reconciliations ADD COLUMN alive_at bigint",
    "ALTER TABLE reconciliations ADD COLUMN percent bigint",
    "ALTER TABLE reconciliations ADD COLUMN failure text",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, &STATEMENTS).await
    }
}
