//! Receivers as they are published to the directory in Redis: a counter that shows whether something changed, and pages of
//! everything.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use uuid::Uuid;

use crate::{
    Error,
    entity::{account_assignment, company, receiver_secret},
    state,
};
use clock::now_ms;

/// Rows of a page.
const PAGE: u64 = 1000;

/// The row of `platform_state` that counts changes.
const CHANGES: &str = "receivers.changes";

/// Counts a change of a receiver, in the transaction that makes it. The count begins with the time: that of another database,
/// which the same Redis served before, is never taken for this one's.
pub(crate) async fn note(tx: &impl ConnectionTrait) -> Result<(), DbErr> {
    let sql = format!(
        "INSERT INTO platform_state (name, value) VALUES ('{CHANGES}', '{}') ON CONFLICT (name) DO UPDATE \
         SET value = CAST(CAST(platform_state.value AS bigint) + 1 AS text)",
        now_ms()
    );
    tx.execute_raw(Statement::from_string(tx.get_database_backend(), sql)).await.map(drop)
}

/// Returns the count of changes: one more after each.
pub async fn count(db: &DatabaseConnection) -> Result<i64, Error> {
    Ok(state::get(db, CHANGES).await?.and_then(|count| count.parse().ok()).unwrap_or(0))
}

/// The companies behind that slug, a page of them in the order of their slugs.
pub async fn companies_after(db: &DatabaseConnection, slug: &str) -> Result<Vec<company::Model>, Error> {
    use company::{Column, Entity};
    Ok(Entity::find().filter(Column::Slug.gt(slug)).order_by_asc(Column::Slug).limit(PAGE).all(db).await?)
}

/// The assigned accounts behind that id, a page of them in the order of their ids.
pub async fn accounts_after(db: &DatabaseConnection, id: &str) -> Result<Vec<account_assignment::Model>, Error> {
    use account_assignment::{Column, Entity};
    Ok(Entity::find().filter(Column::ExternalId.gt(id)).order_by_asc(Column::ExternalId).limit(PAGE).all(db).await?)
}

/// A receiver: endpoint and company.
pub type Receiver = (String, Uuid);

/// The keys that have not ended of the receivers behind `last`, a page of them; the last receiver of a full page is left to
/// the next one, since more of its keys may follow. Also where the next page begins, if there may be one.
pub async fn keys_after(
    db: &DatabaseConnection,
    last: Option<Receiver>,
) -> Result<(Vec<receiver_secret::Model>, Option<Receiver>), Error> {
    use receiver_secret::{Column, Entity};
    let behind = last.map(|(endpoint, company)| {
        let same = Condition::all().add(Column::Endpoint.eq(&endpoint)).add(Column::CompanyId.gt(company));
        Condition::any().add(Column::Endpoint.gt(endpoint)).add(same)
    });
    let open = Condition::any().add(Column::ActiveUntil.is_null()).add(Column::ActiveUntil.gt(now_ms()));
    let mut rows = Entity::find()
        .filter(Condition::all().add(open).add_option(behind))
        .order_by_asc(Column::Endpoint)
        .order_by_asc(Column::CompanyId)
        .order_by_desc(Column::Version)
        .limit(PAGE)
        .all(db)
        .await?;
    if (rows.len() as u64) < PAGE {
        return Ok((rows, None));
    }
    let of = |row: &receiver_secret::Model| (row.endpoint.clone(), row.company_id);
    let (first, end) = (rows.first().map(of), rows.last().map(of));
    if first != end {
        rows.retain(|row| Some(of(row)) != end);
    }
    let next = rows.last().map(of);
    Ok((rows, next))
}
