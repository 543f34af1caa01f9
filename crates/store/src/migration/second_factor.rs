//! Second factors with their recovery codes, people whom an OpenID Connect provider knows, and what tells sessions apart.

use sea_orm_migration::prelude::*;

/// Two tables, and columns that earlier versions leave empty.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 9] = [
    "CREATE TABLE second_factors (user_id uuid NOT NULL PRIMARY KEY, secret text NOT NULL, last_step bigint NOT NULL,
     created_at bigint NOT NULL, confirmed_at bigint)",
    "CREATE TABLE recovery_codes (user_id uuid NOT NULL, code_hash varchar(64) NOT NULL, PRIMARY KEY (user_id, code_hash))",
    "ALTER TABLE sessions ADD COLUMN user_agent varchar(160)",
    "ALTER TABLE users ADD COLUMN issuer varchar(255)",
    "ALTER TABLE users ADD COLUMN subject varchar(255)",
    "ALTER TABLE users ADD COLUMN permissions text",
    // Somebody whom a provider knows may have the address of a user with a password: they are two.
    "DROP INDEX users_email",
    "CREATE UNIQUE INDEX users_sign_in ON users (email) WHERE issuer IS NULL",
    "CREATE UNIQUE INDEX users_subject ON users (issuer, subject) WHERE issuer IS NOT NULL",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, &STATEMENTS).await
    }
}
