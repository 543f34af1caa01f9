//! Messages to endpoints know the trace of the webhook that made their change.

use sea_orm_migration::prelude::*;

/// A column that versions before leave empty.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, &["ALTER TABLE outbound_messages ADD COLUMN traceparent varchar(64)"]).await
    }
}
