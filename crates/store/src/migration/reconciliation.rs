//! Comparisons of Netbanx's reports with our transactions: runs, what they found, and how reports are read.

use sea_orm_migration::{prelude::*, sea_orm::ConnectionTrait};

/// Three tables; no table of before is touched.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 4] = [
    "CREATE TABLE reconciliations (company_id uuid NOT NULL, id uuid NOT NULL, mode varchar(8) NOT NULL,
     started_at bigint NOT NULL, finished_at bigint, files text NOT NULL, row_count bigint NOT NULL, matched bigint NOT NULL,
     missing_here bigint NOT NULL, missing_there bigint NOT NULL, differing bigint NOT NULL, malformed bigint NOT NULL,
     ignored bigint NOT NULL, from_time bigint, until_time bigint, totals text NOT NULL, PRIMARY KEY (company_id, id))",
    "CREATE TABLE reconciliation_items (company_id uuid NOT NULL, reconciliation_id uuid NOT NULL,
     finding varchar(16) NOT NULL, number bigint NOT NULL, item_key varchar(32) NOT NULL, detail text NOT NULL,
     state varchar(16) NOT NULL, reason text, PRIMARY KEY (company_id, reconciliation_id, finding, number))",
    // Is the same difference in that other run, or in any in which it was ignored?
    "CREATE INDEX reconciliation_items_key ON reconciliation_items (company_id, item_key, reconciliation_id)",
    "CREATE TABLE reconciliation_mappings (company_id uuid NOT NULL, name varchar(64) NOT NULL, mapping text NOT NULL,
     PRIMARY KEY (company_id, name))",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
