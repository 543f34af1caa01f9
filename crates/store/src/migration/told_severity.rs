//! With which severity an alert was told, so that a warning which becomes critical is told again.

use sea_orm_migration::prelude::*;

/// A column; of what a process of the version before told it is empty, and nothing is told again.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, &["ALTER TABLE alert_notices ADD COLUMN told_severity varchar(16)"]).await
    }
}
