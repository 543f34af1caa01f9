//! Migrations, in order. A migration that has landed is never edited: what comes after it is a new one.

use sea_orm_migration::prelude::*;

/// All migrations.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(first::Migration),
            Box::new(read_indexes::Migration),
            Box::new(rollups::Migration),
            Box::new(directories::Migration),
            Box::new(search::Migration),
            Box::new(entries::Migration),
            Box::new(platform_state::Migration),
            Box::new(event_ids::Migration),
            Box::new(horizons::Migration),
            Box::new(access::Migration),
            Box::new(reconciliation::Migration),
            Box::new(endpoints::Migration),
            Box::new(second_factor::Migration),
            Box::new(rules_version::Migration),
            Box::new(lookups::Migration),
            Box::new(reconciliation_age::Migration),
            Box::new(alerting::Migration),
            Box::new(time_zones::Migration),
            Box::new(reconciliation_progress::Migration),
            Box::new(message_traces::Migration),
            Box::new(receipt_rules::Migration),
            Box::new(reconciliation_changes::Migration),
            Box::new(outbound_numbers::Migration),
            Box::new(earlier_keys::Migration),
            Box::new(company_kind::Migration),
            Box::new(covering_status::Migration),
            Box::new(told_severity::Migration),
        ]
    }
}

mod access;
mod alerting;
mod company_kind;
mod covering_status;
mod directories;
mod earlier_keys;
mod endpoints;
mod entries;
mod event_ids;
mod first;
mod horizons;
mod lookups;
mod message_traces;
mod outbound_numbers;
mod platform_state;
mod read_indexes;
mod receipt_rules;
mod reconciliation;
mod reconciliation_age;
mod reconciliation_changes;
mod reconciliation_progress;
mod rollups;
mod rules_version;
mod search;
mod second_factor;
mod time_zones;
mod told_severity;

/// Executes statements in their order, for migrations that are nothing else.
async fn execute(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}
