//! Whether what is sealed can be opened by the master keys that are set: what the doctor asks.

use sea_orm::{DatabaseConnection, EntityTrait, QueryOrder, QuerySelect};

use crate::{
    Error, Vault,
    alerting::channels,
    entity::{alert_channel, endpoint, lookup_configuration, receiver_secret, second_factor as factor},
    lookups,
    outbound::endpoints,
    users::second_factor,
};

/// Rows of a kind that are tried, the newest.
const TRIED: u64 = 1_000;

/// What is sealed of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// What it is, for people.
    pub what: &'static str,
    /// How many were tried.
    pub tried: usize,
    /// How many of them cannot be opened.
    pub shut: usize,
}

impl Opened {
    fn of<R>(what: &'static str, rows: &[R], is_open: impl Fn(&R) -> bool) -> Self {
        Self { what, tried: rows.len(), shut: rows.iter().filter(|row| !is_open(row)).count() }
    }
}

/// Tries the newest 1,000 of each kind; the texts themselves go nowhere.
pub async fn opened(db: &DatabaseConnection, vault: &Vault) -> Result<[Opened; 5], Error> {
    let receivers = receiver_secret::Entity::find().order_by_desc(receiver_secret::Column::Id).limit(TRIED).all(db).await?;
    let ends = endpoint::Entity::find().order_by_desc(endpoint::Column::Id).limit(TRIED).all(db).await?;
    let alerts = alert_channel::Entity::find().order_by_desc(alert_channel::Column::Id).limit(TRIED).all(db).await?;
    let factors = factor::Entity::find().order_by_desc(factor::Column::CreatedAt).limit(TRIED).all(db).await?;
    let asked = lookup_configuration::Entity::find().order_by_desc(lookup_configuration::Column::Id).limit(TRIED).all(db).await?;
    let now = clock::now_ms();
    Ok([
        Opened::of("receivers' keys", &receivers, |row| vault.open(row).is_ok()),
        Opened::of("endpoints' keys", &ends, |row| row.secret.is_empty() || endpoints::keys(vault, row, now).is_ok()),
        Opened::of("alert channels", &alerts, |row| channels::open(vault, row).is_ok()),
        Opened::of("second factors", &factors, |row| second_factor::is_open(vault, row)),
        Opened::of("passwords of look-ups", &asked, |row| lookups::open(vault, row).is_ok()),
    ])
}
