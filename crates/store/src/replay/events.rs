//! A slice of stored webhooks, what they mean by the rules of now, and the columns that follow from that.

use std::{collections::HashSet, sync::LazyLock};

use chrono::{DateTime, Utc};
use common::{Category, CompanyId, Envelope, Event, Mode, event};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, Iden, Iterable, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde::Serialize;
use uuid::Uuid;

use super::{Context, Range, Subject, Work, change::differences};
use crate::{
    Error,
    dialect::rows::{self, Insert, Rest, RowValue},
    entity::{late_event, webhook_event},
    reads,
};

/// Rows of one statement at most: SQLite bounds its parameters.
const ROWS: usize = 1_000;

/// What a stored webhook means by the rules of now, and when it was received; none where they cannot interpret it.
pub fn interpret(row: &webhook_event::Model) -> Option<(Event, DateTime<Utc>)> {
    let received_at = DateTime::from_timestamp_millis(row.received_at)?;
    let envelope = Envelope::parse(row.payload.as_bytes(), Some(&row.name)).ok()?;
    Some((Event::interpret(&envelope, received_at).ok()?, received_at))
}

/// A stored webhook.
#[derive(Debug)]
pub(super) struct Stored {
    pub row: webhook_event::Model,
    /// What it means now, and when it was received.
    pub meaning: Option<(Event, DateTime<Utc>)>,
    /// Whether it is kept apart, and changes no transaction and no account.
    pub is_late: bool,
}

impl Stored {
    fn of(row: webhook_event::Model, late: &HashSet<Uuid>) -> Self {
        Self { meaning: interpret(&row), is_late: late.contains(&row.id), row }
    }

    pub fn company(&self) -> CompanyId {
        CompanyId(self.row.company_id)
    }

    /// What it changes, if anything.
    pub fn change(&self) -> Option<(&Event, DateTime<Utc>, &event::Change)> {
        let (event, at) = self.meaning.as_ref().filter(|_| !self.is_late)?;
        Some((event, *at, &event.change))
    }

    /// Its row as a batch would write it now.
    fn row_now(&self) -> Option<webhook_event::Model> {
        let (event, _) = self.meaning.as_ref()?;
        let text = |text: Option<&str>| text.map(str::to_owned);
        let kind = match event.family.category {
            Category::Transaction(kind) => Some(kind.as_str()),
            _ => None,
        };
        Some(webhook_event::Model {
            name: event.name.to_string(),
            category: event.family.category.as_str().to_owned(),
            kind: text(kind),
            mode: event.mode.as_str().to_owned(),
            resource_id: text(event.resource_id.as_deref()),
            account_id: text(event.account_id.as_deref()),
            merchant_ref_num: text(event.merchant_ref_num.as_deref()),
            status_time: event.status_time.timestamp_millis(),
            ..self.row.clone()
        })
    }
}

/// Stored webhooks of a range of ids.
#[derive(Debug)]
pub(super) struct Slice {
    pub events: Vec<Stored>,
    /// The ids between which they are: behind the first, up to the second.
    pub after: Uuid,
    pub end: Uuid,
}

impl Slice {
    /// The next webhooks behind `after`, `size` of all companies at most, up to `last`.
    pub async fn read(tx: &DatabaseTransaction, range: &Range, after: Uuid, last: Uuid, size: u64) -> Result<Self, Error> {
        use webhook_event::{Column, Entity};
        let within = |end: Uuid| Condition::all().add(Column::Id.gt(after)).add(Column::Id.lte(end));
        let ids = Entity::find().select_only().column(Column::Id).filter(within(last)).order_by_asc(Column::Id);
        let end: Uuid = ids.offset(size.saturating_sub(1)).limit(1).into_tuple().one(tx).await?.unwrap_or(last);
        let wanted = within(end)
            .add_option(range.company.map(|CompanyId(id)| Column::CompanyId.eq(id)))
            .add_option(range.from_ms.map(|from| Column::ReceivedAt.gte(from)))
            .add_option(range.until_ms.map(|until| Column::ReceivedAt.lt(until)));
        let rows = Entity::find().filter(wanted).order_by_asc(Column::Id).all(tx).await?;
        Ok(Self { events: stored(tx, rows).await?, after, end })
    }
}

/// Rows with what they mean.
pub(super) async fn stored(tx: &DatabaseTransaction, rows: Vec<webhook_event::Model>) -> Result<Vec<Stored>, Error> {
    let mut late = HashSet::new();
    if !rows.is_empty() && late_event::Entity::find().one(tx).await?.is_some() {
        for page in rows.chunks(ROWS) {
            late.extend(reads::late(tx, page.iter().map(|row| row.id)).await?);
        }
    }
    Ok(rows.into_iter().map(|row| Stored::of(row, &late)).collect())
}

/// The columns of a webhook that its interpretation gives.
const DERIVED: [webhook_event::Column; 8] = {
    use webhook_event::Column::{AccountId, Category, Kind, MerchantRefNum, Mode, Name, ResourceId, StatusTime};
    [Name, Category, Kind, Mode, ResourceId, AccountId, MerchantRefNum, StatusTime]
};

static REPLACED: LazyLock<String> =
    LazyLock::new(|| DERIVED.map(|column| format!("{0} = excluded.{0}", column.unquoted())).join(", "));

/// The derived columns as changes tell them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'r> {
    event_name: &'r str,
    category: &'r str,
    kind: Option<&'r str>,
    mode: &'r str,
    resource_id: Option<&'r str>,
    account_id: Option<&'r str>,
    merchant_ref_num: Option<&'r str>,
    status_time: Option<String>,
}

impl<'r> From<&'r webhook_event::Model> for Shown<'r> {
    fn from(row: &'r webhook_event::Model) -> Self {
        Self {
            event_name: &row.name,
            category: &row.category,
            kind: row.kind.as_deref(),
            mode: &row.mode,
            resource_id: row.resource_id.as_deref(),
            account_id: row.account_id.as_deref(),
            merchant_ref_num: row.merchant_ref_num.as_deref(),
            status_time: crate::shown::time(row.status_time),
        }
    }
}

/// Writes the columns of the slice's webhooks that are not as they would be written now.
pub(super) async fn write(context: &Context<'_>, work: &mut Work<'_>) -> Result<(), Error> {
    let mut changed = Vec::new();
    for event in &context.slice.events {
        let Some(now) = event.row_now().filter(|now| *now != event.row) else { continue };
        if let (Some(before), Some(after)) = (Mode::parse(&event.row.mode), Mode::parse(&now.mode))
            && before != after
        {
            work.recount(event.company(), now.received_at, before, after);
        }
        work.step.companies.insert(event.company());
        if context.is_dry {
            let (before, after) = (Shown::from(&event.row), Shown::from(&now));
            let id = now.resource_id.as_deref();
            work.step.changes.extend(differences(Subject::Event, now.id, id, Some(&before), Some(&after)));
        }
        changed.push(now);
    }
    if !context.is_dry {
        for page in changed.chunks(ROWS) {
            rows::insert(context.tx, vec![Insert::of(page, cell, Rest::Replace(&REPLACED))?]).await?;
        }
    }
    Ok(())
}

fn cell(row: &webhook_event::Model, column: webhook_event::Column) -> RowValue<'_> {
    use webhook_event::Column;
    match column {
        Column::Id => row.id.into(),
        Column::CompanyId => row.company_id.into(),
        Column::Identity => row.identity.as_str().into(),
        Column::Endpoint => row.endpoint.as_str().into(),
        Column::Name => row.name.as_str().into(),
        Column::Category => row.category.as_str().into(),
        Column::Kind => row.kind.as_deref().into(),
        Column::Mode => row.mode.as_str().into(),
        Column::ResourceId => row.resource_id.as_deref().into(),
        Column::AccountId => row.account_id.as_deref().into(),
        Column::MerchantRefNum => row.merchant_ref_num.as_deref().into(),
        Column::StatusTime => row.status_time.into(),
        Column::ReceivedAt => row.received_at.into(),
        Column::Payload => row.payload.as_str().into(),
    }
}

/// The webhooks of `ids`.
pub(super) async fn by_ids(tx: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<webhook_event::Model>, Error> {
    let mut rows = Vec::new();
    for page in ids.chunks(ROWS) {
        rows.extend(webhook_event::Entity::find().filter(webhook_event::Column::Id.is_in(page.iter().copied())).all(tx).await?);
    }
    Ok(rows)
}

/// The columns of a webhook's row, as statements list them.
pub(crate) fn columns() -> String {
    let names: Vec<String> = webhook_event::Column::iter().map(|column| format!("e.{}", column.unquoted())).collect();
    names.join(", ")
}
