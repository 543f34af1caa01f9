//! Companies' rules for webhooks that come late, or again and again.

use sea_orm_migration::prelude::*;

/// Two columns, which rules that are there already have by their defaults; processes of the version before leave them out.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 2] = [
    "ALTER TABLE alert_rules ADD COLUMN late_minutes bigint NOT NULL DEFAULT 15",
    "ALTER TABLE alert_rules ADD COLUMN redelivery_percent bigint NOT NULL DEFAULT 50",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, &STATEMENTS).await
    }
}
