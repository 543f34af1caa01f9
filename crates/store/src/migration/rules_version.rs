//! By which version of the rules a row was folded.

use sea_orm_migration::{prelude::*, sea_orm::ConnectionTrait};

/// A column of transactions and of accounts. Its default is what rows of before have, and what a worker of the version before
/// writes beside this one.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["transactions", "accounts"] {
            let sql = format!("ALTER TABLE {table} ADD COLUMN rules_version bigint NOT NULL DEFAULT 0");
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}
