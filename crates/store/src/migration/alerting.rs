//! Whom alerts are told, what was told, and a company's rules. Each key begins with the company; the platform's have the nil id.

use sea_orm_migration::prelude::*;

/// Channels, notices and rules.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 7] = [
    "CREATE TABLE alert_channels (company_id uuid NOT NULL, id uuid NOT NULL, kind varchar(16) NOT NULL, name text NOT NULL,
     target text NOT NULL, configuration text NOT NULL, min_severity varchar(16) NOT NULL, alerts text NOT NULL,
     quiet_from bigint NOT NULL, quiet_until bigint NOT NULL, quiet_zone varchar(64) NOT NULL, reminder_hours bigint NOT NULL,
     state varchar(16) NOT NULL, created_at bigint NOT NULL, updated_at bigint NOT NULL, PRIMARY KEY (company_id, id))",
    "CREATE UNIQUE INDEX alert_channels_id ON alert_channels (id)",
    "CREATE TABLE alert_notices (company_id uuid NOT NULL, channel_id uuid NOT NULL, id uuid NOT NULL,
     alert varchar(128) NOT NULL, severity varchar(16) NOT NULL, message text NOT NULL, action text NOT NULL,
     began_at bigint NOT NULL, seen_at bigint NOT NULL, told_at bigint, reminded_at bigint, ended_at bigint, closed_at bigint,
     next_at bigint NOT NULL, attempts bigint NOT NULL, error text, PRIMARY KEY (company_id, channel_id, id))",
    // An alert stands once for each channel, however many processes see it begin.
    "CREATE UNIQUE INDEX alert_notices_standing ON alert_notices (company_id, channel_id, alert) WHERE ended_at IS NULL",
    "CREATE INDEX alert_notices_age ON alert_notices (id)",
    "CREATE INDEX alert_notices_open ON alert_notices (id) WHERE closed_at IS NULL",
    "CREATE TABLE alert_rules (company_id uuid NOT NULL PRIMARY KEY, failure_percent bigint NOT NULL,
     failure_attempts bigint NOT NULL, chargebacks bigint NOT NULL, silence_hours bigint NOT NULL,
     endpoint_minutes bigint NOT NULL, updated_at bigint NOT NULL)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute(manager, &STATEMENTS).await
    }
}
