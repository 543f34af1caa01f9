//! Browsers that somebody signed in from, whose token it is and when it was used, and the chain of the audit log.

use sea_orm_migration::prelude::*;

/// Columns that versions before 1.0 leave empty, and a table.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 11] = [
    "CREATE TABLE known_devices (token_hash varchar(64) NOT NULL PRIMARY KEY, user_id uuid NOT NULL,
     failed_sign_ins integer NOT NULL, locked_until bigint, created_at bigint NOT NULL, expires_at bigint NOT NULL)",
    "CREATE INDEX known_devices_user ON known_devices (user_id)",
    "ALTER TABLE api_tokens ADD COLUMN created_by varchar(64)",
    "ALTER TABLE api_tokens ADD COLUMN last_used_at bigint",
    "ALTER TABLE sessions ADD COLUMN used_at bigint",
    "ALTER TABLE sessions ADD COLUMN address varchar(64)",
    "ALTER TABLE audit_log ADD COLUMN sequence bigint",
    "ALTER TABLE audit_log ADD COLUMN previous_hash varchar(64)",
    "ALTER TABLE audit_log ADD COLUMN hash varchar(64)",
    "ALTER TABLE audit_log ADD COLUMN address varchar(64)",
    "CREATE UNIQUE INDEX audit_log_sequence ON audit_log (sequence)",
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
