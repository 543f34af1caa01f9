//! A company's own time zone.

use sea_orm_migration::prelude::*;

use super::execute;

/// By whose days a company's figures are counted unless another zone is asked for.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, &["ALTER TABLE companies ADD COLUMN time_zone text"]).await
    }
}
