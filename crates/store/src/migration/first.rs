//! The first schema.

use sea_orm_migration::prelude::*;

/// Tables and indexes of the design.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(Clone, Copy)]
enum Type {
    Uuid,
    Text(u32),
    Long,
    BigInt,
    Int,
}

use Type::{BigInt, Int, Long, Text, Uuid};

/// Name, type, and whether it may be NULL.
type Column = (&'static str, Type, bool);

/// Table, primary key, columns.
const TABLES: &[(&str, &[&str], &[Column])] = &[
    (
        "companies",
        &["id"],
        &[("id", Uuid, false), ("slug", Text(63), false), ("name", Text(255), false), ("created_at", BigInt, false)],
    ),
    (
        "users",
        &["id"],
        &[
            ("id", Uuid, false),
            ("company_id", Uuid, false),
            ("email", Text(255), false),
            ("role", Text(32), false),
            ("password_hash", Long, false),
            ("failed_sign_ins", Int, false),
            ("locked_until", BigInt, true),
            ("created_at", BigInt, false),
        ],
    ),
    (
        "sessions",
        &["token_hash"],
        &[
            ("token_hash", Text(64), false),
            ("user_id", Uuid, false),
            ("csrf_hash", Text(64), false),
            ("created_at", BigInt, false),
            ("expires_at", BigInt, false),
        ],
    ),
    (
        "api_tokens",
        &["id"],
        &[
            ("id", Uuid, false),
            ("company_id", Uuid, false),
            ("name", Text(255), false),
            ("token_hash", Text(64), false),
            ("permissions", Long, false),
            ("created_at", BigInt, false),
            ("expires_at", BigInt, true),
            ("revoked_at", BigInt, true),
        ],
    ),
    (
        "receiver_secrets",
        &["id"],
        &[
            ("id", Uuid, false),
            ("endpoint", Text(32), false),
            ("company_id", Uuid, false),
            ("version", Int, false),
            ("encoding", Text(16), false),
            ("ciphertext", Long, false),
            ("active_from", BigInt, false),
            ("active_until", BigInt, true),
            ("created_at", BigInt, false),
        ],
    ),
    (
        "accounts",
        &["id"],
        &[
            ("id", Uuid, false),
            ("company_id", Uuid, false),
            ("external_id", Text(255), false),
            ("status", Text(255), false),
            ("onboarding_stage", Text(32), false),
            ("partner_id", Text(255), true),
            ("mode", Text(8), false),
            ("status_time", BigInt, false),
            ("created_at", BigInt, false),
            ("updated_at", BigInt, false),
            ("state", Long, false),
        ],
    ),
    (
        "account_statuses",
        &["id"],
        &[
            ("id", Uuid, false),
            ("company_id", Uuid, false),
            ("external_id", Text(255), false),
            ("status", Text(255), false),
            ("event_name", Text(255), false),
            ("status_time", BigInt, false),
        ],
    ),
    (
        "account_payment_methods",
        &["company_id", "external_id", "kind", "method_id"],
        &[
            ("company_id", Uuid, false),
            ("external_id", Text(255), false),
            ("kind", Text(32), false),
            ("method_id", Text(255), false),
        ],
    ),
    (
        "account_assignments",
        &["external_id"],
        &[("external_id", Text(255), false), ("company_id", Uuid, false), ("created_at", BigInt, false)],
    ),
    (
        "webhook_events",
        &["id"],
        &[
            ("id", Uuid, false),
            ("company_id", Uuid, false),
            ("identity", Text(64), false),
            ("endpoint", Text(32), false),
            ("name", Text(255), false),
            ("category", Text(16), false),
            ("kind", Text(32), true),
            ("mode", Text(8), false),
            ("resource_id", Text(255), true),
            ("account_id", Text(255), true),
            ("merchant_ref_num", Text(255), true),
            ("status_time", BigInt, false),
            ("received_at", BigInt, false),
            ("payload", Long, false),
        ],
    ),
    (
        "transactions",
        &["id"],
        &[
            ("id", Uuid, false),
            ("company_id", Uuid, false),
            ("kind", Text(32), false),
            ("external_id", Text(255), false),
            ("status", Text(255), false),
            ("raw_status", Text(255), false),
            ("amount", BigInt, true),
            ("currency", Text(3), true),
            ("merchant_ref_num", Text(255), true),
            ("payment_method", Text(255), true),
            ("account_id", Text(255), true),
            ("mode", Text(8), false),
            ("failure_reason", Text(255), true),
            ("outcome", Text(16), true),
            ("transaction_time", BigInt, false),
            ("status_time", BigInt, false),
            ("created_at", BigInt, false),
            ("updated_at", BigInt, false),
            ("state", Long, false),
        ],
    ),
    (
        "rollups",
        &["company_id", "grain", "bucket", "mode", "kind", "status", "currency", "payment_method"],
        &[
            ("company_id", Uuid, false),
            ("grain", Text(8), false),
            ("bucket", BigInt, false),
            ("mode", Text(8), false),
            ("kind", Text(32), false),
            ("status", Text(255), false),
            ("currency", Text(3), false),
            ("payment_method", Text(64), false),
            ("count", BigInt, false),
            ("amount", BigInt, false),
        ],
    ),
    (
        "audit_log",
        &["id"],
        &[
            ("id", Uuid, false),
            ("at", BigInt, false),
            ("actor", Text(255), false),
            ("company_id", Uuid, false),
            ("action", Text(255), false),
            ("detail", Long, false),
        ],
    ),
];

/// Name, table, columns, and whether it is unique.
const INDEXES: &[(&str, &str, &[&str], bool)] = &[
    ("companies_slug", "companies", &["slug"], true),
    ("users_email", "users", &["email"], true),
    ("sessions_user", "sessions", &["user_id"], false),
    ("api_tokens_hash", "api_tokens", &["token_hash"], true),
    ("receiver_secrets_version", "receiver_secrets", &["endpoint", "company_id", "version"], true),
    ("accounts_external", "accounts", &["company_id", "external_id"], true),
    ("accounts_updated", "accounts", &["company_id", "updated_at", "id"], false),
    ("account_statuses_account", "account_statuses", &["company_id", "external_id", "status_time"], false),
    ("webhook_events_identity", "webhook_events", &["company_id", "identity"], true),
    ("webhook_events_resource", "webhook_events", &["company_id", "resource_id"], false),
    ("webhook_events_received", "webhook_events", &["company_id", "received_at", "id"], false),
    ("transactions_external", "transactions", &["company_id", "kind", "external_id"], true),
    ("transactions_time", "transactions", &["company_id", "mode", "transaction_time", "id"], false),
    ("transactions_all_time", "transactions", &["mode", "transaction_time", "id"], false),
    ("transactions_reference", "transactions", &["company_id", "merchant_ref_num"], false),
    ("audit_log_time", "audit_log", &["company_id", "at"], false),
];

fn column((name, kind, nullable): Column) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    match kind {
        Uuid => column.uuid(),
        Text(length) => column.string_len(length),
        Long => column.text(),
        BigInt => column.big_integer(),
        Int => column.integer(),
    };
    if !nullable {
        column.not_null();
    }
    column
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, key, columns) in TABLES {
            let mut table = Table::create();
            table.table(Alias::new(*name));
            for definition in *columns {
                table.col(column(*definition));
            }
            let mut primary = Index::create();
            for part in *key {
                primary.col(Alias::new(*part));
            }
            table.primary_key(&mut primary);
            manager.create_table(table).await?;
        }
        for (name, table, columns, unique) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(Alias::new(*table));
            for part in *columns {
                index.col(Alias::new(*part));
            }
            if *unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _, _) in TABLES {
            manager.drop_table(Table::drop().table(Alias::new(*name)).if_exists().to_owned()).await?;
        }
        Ok(())
    }
}
