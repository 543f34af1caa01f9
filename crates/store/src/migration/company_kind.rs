//! What of a company is rare by its kind has an index, as what is rare by its status has.

use sea_orm_migration::prelude::*;

/// Refunds, chargebacks and the like of a company, in the order of time: payments have no entry.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = "CREATE INDEX transactions_company_kind ON transactions (company_id, mode, kind, transaction_time, id)
            WHERE kind <> 'PAYMENT'";
        super::execute(manager, &[index]).await
    }
}
