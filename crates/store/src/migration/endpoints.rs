//! Endpoints: where companies' own systems are told of what changed, and what they are told. Each key begins with the company.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Endpoints, messages, deliveries and attempts.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: [&str; 13] = [
    "CREATE TABLE endpoints (company_id uuid NOT NULL, id uuid NOT NULL, url text NOT NULL, description text NOT NULL,
     event_types text NOT NULL, state varchar(16) NOT NULL, reason text, rate bigint, secret text NOT NULL,
     previous_secret text, previous_until bigint, failing_since bigint, lease_owner uuid, lease_until bigint NOT NULL,
     created_at bigint NOT NULL, updated_at bigint NOT NULL, PRIMARY KEY (company_id, id))",
    "CREATE UNIQUE INDEX endpoints_id ON endpoints (id)",
    "CREATE TABLE outbound_messages (company_id uuid NOT NULL, id uuid NOT NULL, sequence bigint NOT NULL,
     event_type varchar(64) NOT NULL, subject uuid NOT NULL, payload text NOT NULL, created_at bigint NOT NULL,
     PRIMARY KEY (company_id, id))",
    // Back-fill reads a company's by time, retention the oldest of all.
    "CREATE INDEX outbound_messages_time ON outbound_messages (company_id, created_at)",
    "CREATE INDEX outbound_messages_age ON outbound_messages (created_at)",
    "CREATE TABLE deliveries (company_id uuid NOT NULL, endpoint_id uuid NOT NULL, message_id uuid NOT NULL,
     sequence bigint NOT NULL, subject uuid NOT NULL, state varchar(16) NOT NULL, attempts bigint NOT NULL,
     next_at bigint NOT NULL, created_at bigint NOT NULL, PRIMARY KEY (company_id, endpoint_id, message_id))",
    // What is due; whether something earlier of the same subject waits; what became due a moment ago, of any endpoint.
    "CREATE INDEX deliveries_due ON deliveries (company_id, endpoint_id, next_at, sequence) WHERE state = 'pending'",
    "CREATE INDEX deliveries_order ON deliveries (company_id, endpoint_id, subject, sequence) WHERE state = 'pending'",
    "CREATE INDEX deliveries_recent ON deliveries (next_at) WHERE state = 'pending'",
    "CREATE INDEX deliveries_failed ON deliveries (company_id, endpoint_id, created_at) WHERE state = 'failed'",
    "CREATE INDEX deliveries_age ON deliveries (created_at)",
    "CREATE TABLE delivery_attempts (company_id uuid NOT NULL, endpoint_id uuid NOT NULL, id uuid NOT NULL,
     message_id uuid NOT NULL, number bigint NOT NULL, at bigint NOT NULL, state varchar(16) NOT NULL, status bigint,
     error text, duration_ms bigint NOT NULL, size bigint NOT NULL, excerpt text, PRIMARY KEY (company_id, endpoint_id, id))",
    "CREATE INDEX delivery_attempts_age ON delivery_attempts (at)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sequence = dialect::message_sequence(manager.get_database_backend());
        for statement in STATEMENTS.iter().chain(sequence) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
