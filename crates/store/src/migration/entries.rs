//! Entries of the directories go with the rows that they stand for, and are found by what those hold: two indexes less to
//! write for each event. Until it is replaced, the version before is slow to tidy up after a partition that it dropped;
//! entries that it has not come to stay, which does no harm.

use sea_orm_migration::prelude::*;

/// Two indexes less.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["event_identities_event", "transaction_keys_transaction"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        Ok(())
    }
}
