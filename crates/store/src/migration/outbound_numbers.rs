//! Messages are numbered, many by one number of the sequence, by the statement that writes them; and two indexes that cost each
//! message and delivery an entry go: a message's id tells its time, and deliveries are removed with their message.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// What versions before wrote keeps its numbers, and they take greater ones from the same sequence.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, dialect::message_numbers(manager.get_database_backend())).await?;
        super::execute(manager, &["DROP INDEX outbound_messages_time", "DROP INDEX deliveries_age"]).await
    }
}
