//! Channels: where alerts are told. What they need for it is sealed by the vault and bound to its channel.

use common::CompanyId;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use super::{DISABLED, ENABLED};
use crate::{
    Error, Scope, Vault, dialect,
    entity::{
        alert_channel::{ActiveModel, Column, Entity, Model},
        alert_notice,
    },
};
use clock::now_ms;

/// Channels of one company, and of the platform, at most.
pub const MAX_PER_COMPANY: u64 = 20;
/// Channels of a list at most.
const LISTED: u64 = 1000;

/// What one sets of a channel; absent: left as it is.
#[derive(Clone, Default)]
pub struct Changes {
    /// For people.
    pub name: Option<String>,
    /// Where it leads as people may see it, and what is needed for it: JSON that is sealed here.
    pub configuration: Option<(String, String)>,
    /// The least severity that is told.
    pub min_severity: Option<String>,
    /// Names separated by blanks, or `*`.
    pub alerts: Option<String>,
    /// From, until (minutes of the day) and zone.
    pub quiet: Option<(i64, i64, String)>,
    /// Hours; 0: never.
    pub reminder_hours: Option<i64>,
    /// Whether it is told.
    pub is_enabled: Option<bool>,
}

fn own(scope: Scope, id: Uuid) -> Condition {
    let company = match scope {
        Scope::All => None,
        Scope::Company(company) => Some(Column::CompanyId.eq(company)),
    };
    Condition::all().add(Column::Id.eq(id)).add_option(company)
}

fn purpose(company: Uuid, id: Uuid) -> String {
    format!("alert-channel:{company}:{id}")
}

/// Adds a channel of that kind; [`CompanyId::NONE`]: the platform's.
pub async fn add(tx: &DatabaseTransaction, vault: &Vault, company: CompanyId, kind: &str, new: Changes) -> Result<Model, Error> {
    dialect::begin_writing(tx).await?;
    if Entity::find().filter(Column::CompanyId.eq(company.0)).count(tx).await? >= MAX_PER_COMPANY {
        return Err(Error::Conflict(format!("there may be {MAX_PER_COMPANY} channels")));
    }
    let (id, now) = (Uuid::now_v7(), now_ms());
    let (target, configuration) = new.configuration.unwrap_or_default();
    let (quiet_from, quiet_until, quiet_zone) = new.quiet.unwrap_or_else(|| (0, 0, "UTC".to_owned()));
    let row = Model {
        company_id: company.0,
        id,
        kind: kind.to_owned(),
        name: new.name.unwrap_or_default(),
        target,
        configuration: vault.seal_bytes(&purpose(company.0, id), configuration.as_bytes())?,
        min_severity: new.min_severity.unwrap_or_else(|| super::WARNING.to_owned()),
        alerts: new.alerts.unwrap_or_else(|| super::ALL_ALERTS.to_owned()),
        quiet_from,
        quiet_until,
        quiet_zone,
        reminder_hours: new.reminder_hours.unwrap_or(0),
        state: ENABLED.to_owned(),
        created_at: now,
        updated_at: now,
    };
    Entity::insert(ActiveModel::from(row.clone())).exec_without_returning(tx).await?;
    Ok(row)
}

/// The channels within `scope`, the oldest first, at most 1,000; of all companies and the platform with [`Scope::All`].
pub async fn list(db: &DatabaseConnection, scope: Scope) -> Result<Vec<Model>, Error> {
    let mut all = Entity::find();
    if let Scope::Company(company) = scope {
        all = all.filter(Column::CompanyId.eq(company));
    }
    Ok(all.order_by_asc(Column::Id).limit(LISTED).all(db).await?)
}

/// The channels that are told, the platform's first; at most `limit`.
pub async fn enabled(db: &DatabaseConnection, limit: u64) -> Result<Vec<Model>, Error> {
    let all = Entity::find().filter(Column::State.eq(ENABLED)).order_by_asc(Column::CompanyId).order_by_asc(Column::Id);
    Ok(all.limit(limit).all(db).await?)
}

/// The channel of that id within `scope`.
pub async fn get(db: &impl ConnectionTrait, scope: Scope, id: Uuid) -> Result<Option<Model>, Error> {
    Ok(Entity::find().filter(own(scope, id)).one(db).await?)
}

/// What a channel needs, opened: JSON. Never print it.
pub fn open(vault: &Vault, row: &Model) -> Result<String, Error> {
    let bytes = vault.open_bytes(&purpose(row.company_id, row.id), &row.configuration)?;
    String::from_utf8(bytes).map_err(|_| Error::Crypto)
}

/// Changes a channel. Returns it as it is then; none where there is none.
pub async fn change(
    tx: &DatabaseTransaction,
    vault: &Vault,
    scope: Scope,
    id: Uuid,
    changes: Changes,
) -> Result<Option<Model>, Error> {
    dialect::begin_writing(tx).await?;
    let Some(row) = get(tx, scope, id).await? else { return Ok(None) };
    let mut update = Entity::update_many().filter(own(scope, id)).col_expr(Column::UpdatedAt, Expr::value(now_ms()));
    let texts = [(Column::Name, changes.name), (Column::MinSeverity, changes.min_severity), (Column::Alerts, changes.alerts)];
    for (column, text) in texts {
        if let Some(text) = text {
            update = update.col_expr(column, Expr::value(text));
        }
    }
    if let Some((target, configuration)) = changes.configuration {
        let sealed = vault.seal_bytes(&purpose(row.company_id, id), configuration.as_bytes())?;
        update = update.col_expr(Column::Target, Expr::value(target)).col_expr(Column::Configuration, Expr::value(sealed));
    }
    if let Some((from, until, zone)) = changes.quiet {
        update = update
            .col_expr(Column::QuietFrom, Expr::value(from))
            .col_expr(Column::QuietUntil, Expr::value(until))
            .col_expr(Column::QuietZone, Expr::value(zone));
    }
    if let Some(hours) = changes.reminder_hours {
        update = update.col_expr(Column::ReminderHours, Expr::value(hours));
    }
    if let Some(is_enabled) = changes.is_enabled {
        update = update.col_expr(Column::State, Expr::value(if is_enabled { ENABLED } else { DISABLED }));
    }
    update.exec(tx).await?;
    get(tx, scope, id).await
}

/// Removes a channel with what it was told. Returns what it was; none where there was none.
pub async fn remove(tx: &DatabaseTransaction, scope: Scope, id: Uuid) -> Result<Option<Model>, Error> {
    dialect::begin_writing(tx).await?;
    let Some(row) = get(tx, scope, id).await? else { return Ok(None) };
    Entity::delete_many().filter(own(scope, id)).exec(tx).await?;
    {
        use alert_notice::{Column, Entity};
        let told = Entity::delete_many().filter(Column::CompanyId.eq(row.company_id));
        told.filter(Column::ChannelId.eq(id)).exec(tx).await?;
    }
    Ok(Some(row))
}

/// Encrypts again, under the current master key, every configuration that is not. Returns how many there were.
pub(crate) async fn rewrap(db: &DatabaseConnection, vault: &Vault) -> Result<u64, Error> {
    let (mut last, mut done) = (Uuid::nil(), 0);
    loop {
        let page = Entity::find().filter(Column::Id.gt(last)).order_by_asc(Column::Id).limit(LISTED).all(db).await?;
        let Some(end) = page.last() else { return Ok(done) };
        last = end.id;
        for row in page.iter().filter(|row| !vault.is_current(&row.configuration)) {
            let again = vault.seal_bytes(&purpose(row.company_id, row.id), open(vault, row)?.as_bytes())?;
            // Not over a configuration that was set meanwhile.
            let same = own(Scope::Company(row.company_id), row.id).add(Column::Configuration.eq(row.configuration.as_str()));
            let replaced = Entity::update_many().col_expr(Column::Configuration, Expr::value(again)).filter(same);
            done += replaced.exec(db).await?.rows_affected;
        }
    }
}
