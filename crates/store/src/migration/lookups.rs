//! How companies' transactions are asked for at Netbanx, and what was asked lately. Each key begins with the company.

use sea_orm_migration::prelude::*;

/// Credentials, and what was asked.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 3] = [
    "CREATE TABLE lookup_configurations (company_id uuid NOT NULL PRIMARY KEY, id uuid NOT NULL, version bigint NOT NULL,
     url text NOT NULL, username text NOT NULL, password text NOT NULL, next_round_at bigint NOT NULL,
     created_at bigint NOT NULL, updated_at bigint NOT NULL)",
    "CREATE TABLE looked_up (company_id uuid NOT NULL, kind varchar(16) NOT NULL, subject varchar(300) NOT NULL,
     tries bigint NOT NULL, asked_at bigint NOT NULL, next_at bigint NOT NULL, outcome varchar(16) NOT NULL,
     PRIMARY KEY (company_id, kind, subject))",
    "CREATE INDEX looked_up_age ON looked_up (asked_at)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, &STATEMENTS).await
    }
}
