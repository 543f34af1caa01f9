//! Indexes for what the read API filters by. The company or the mode comes first, the order of the
//! answer last, so that a page is read in its order and no further.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Indexes of the read API.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// What replaces what: the unique key serves searches by prefix as well when the id comes before the
/// kind. Partial indexes hold what is rare; what is common is found on the way through the times.
const STATEMENTS: [&str; 10] = [
    "CREATE UNIQUE INDEX transactions_key ON transactions (company_id, external_id, kind)",
    "DROP INDEX transactions_external",
    "CREATE INDEX transactions_status ON transactions (mode, status, transaction_time, id) WHERE status <> 'COMPLETED'",
    "CREATE INDEX transactions_company_status ON transactions (company_id, mode, status, transaction_time, id)
     WHERE status <> 'COMPLETED'",
    "CREATE INDEX transactions_kind ON transactions (mode, kind, transaction_time, id) WHERE kind <> 'PAYMENT'",
    "CREATE INDEX transactions_currency ON transactions (mode, currency, transaction_time, id)",
    "CREATE INDEX transactions_account ON transactions (company_id, mode, account_id, transaction_time, id)",
    "CREATE INDEX webhook_events_all_received ON webhook_events (received_at, id)",
    "CREATE INDEX webhook_events_name ON webhook_events (name, received_at, id)",
    "CREATE INDEX accounts_all_updated ON accounts (updated_at, id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for statement in dialect::bytewise(manager.get_database_backend()).iter().chain(&STATEMENTS) {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
