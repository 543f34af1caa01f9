//! Endpoints keep every key that was replaced within a day.

use sea_orm_migration::prelude::*;

/// A column that versions before leave as it is: they sign by the current and the previous key.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, &["ALTER TABLE endpoints ADD COLUMN earlier_secrets text"]).await
    }
}
