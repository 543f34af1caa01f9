//! The end of the legacy identity: entries that were made for workers of a version before 1.0 are removed once none is at
//! work any more, and the installation forgets that there were such versions once no event of theirs is stored.

use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
    sea_query::ExprTrait,
};

use super::STEP;
use crate::{
    Error,
    batch::ROLL_OUT_MS,
    entity::{event_identity, legacy_identity, platform_state, webhook_event},
    state,
};
use clock::now_ms;

/// Removes one step. Returns how many entries.
pub(super) async fn step(db: &DatabaseConnection) -> Result<u64, Error> {
    let Some(since) = state::get(db, state::LEGACY_IDENTITY_SINCE).await? else { return Ok(0) };
    let until = since.parse::<i64>().unwrap_or(0).saturating_add(ROLL_OUT_MS);
    if now_ms() < until {
        return Ok(0);
    }
    let removed = entries(db).await?;
    // Ids are in the order of receipt.
    let oldest = webhook_event::Entity::find().select_only().column(webhook_event::Column::ReceivedAt);
    let oldest = oldest.order_by_asc(webhook_event::Column::Id).limit(1).into_tuple::<i64>().one(db).await?;
    if removed == 0 && oldest.is_none_or(|oldest| oldest > until) {
        platform_state::Entity::delete_by_id(state::LEGACY_IDENTITY_SINCE).exec(db).await?;
    }
    Ok(removed)
}

async fn entries(db: &DatabaseConnection) -> Result<u64, Error> {
    use event_identity::Column as Entry;
    use legacy_identity::Column as Noted;
    let noted = legacy_identity::Entity::find().limit(STEP).all(db).await?;
    if noted.is_empty() {
        return Ok(0);
    }
    let tx = db.begin().await?;
    // Few columns at a time: SQLite counts the values of a statement.
    for some in noted.chunks(100) {
        let entries = some.iter().fold(Condition::any(), |any, row| {
            let key = Entry::CompanyId.eq(row.company_id).and(Entry::Identity.eq(row.identity.as_str()));
            any.add(key.and(Entry::EventId.eq(row.event_id)))
        });
        event_identity::Entity::delete_many().filter(entries).exec(&tx).await?;
        let notes = some.iter().fold(Condition::any(), |any, row| {
            any.add(Noted::CompanyId.eq(row.company_id).and(Noted::Identity.eq(row.identity.as_str())))
        });
        legacy_identity::Entity::delete_many().filter(notes).exec(&tx).await?;
    }
    tx.commit().await?;
    Ok(noted.len() as u64)
}
