//! What is rare of a status is found and counted from an index alone, also of one currency and kind: some thirty thousand failed
//! payments had to be looked up to count ten thousand of one currency.

use sea_orm_migration::prelude::*;

/// Two indexes in the place of two.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 4] = [
    "CREATE INDEX transactions_rare_status ON transactions (mode, status, transaction_time, id, currency, kind)
     WHERE status <> 'COMPLETED'",
    "CREATE INDEX transactions_company_rare_status
     ON transactions (company_id, mode, status, transaction_time, id, currency, kind) WHERE status <> 'COMPLETED'",
    "DROP INDEX transactions_status",
    "DROP INDEX transactions_company_status",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, &STATEMENTS).await
    }
}
