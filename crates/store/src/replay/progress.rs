//! Where a run is: one row of `platform_state`, written in the transaction of each slice and removed with the last one.

use common::{CompanyId, RULES_VERSION};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Range;
use crate::{
    Error,
    entity::{
        platform_state::{Column, Entity},
        webhook_event,
    },
    state,
};

const NAME: &str = "replay.progress";

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Webhooks that were interpreted.
    pub events: u64,
    /// Transactions and accounts that are not what they were.
    pub changed: u64,
    /// Those that are.
    pub unchanged: u64,
    /// Those whose first webhooks may have been removed: they were only added to.
    pub kept: u64,
    /// Webhooks that the rules of now cannot interpret: they stay as they are.
    pub unreadable: u64,
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.kept += other.kept;
        self.unreadable += other.unreadable;
    }
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// By whose rules.
    rules: i64,
    company: Option<Uuid>,
    from_ms: Option<i64>,
    until_ms: Option<i64>,
    /// Tells this run from another one over the same range.
    run: Uuid,
    /// The webhook that the last slice ended with.
    pub after: Uuid,
    /// The webhook that the run ends with.
    pub last: Uuid,
    pub counts: Counts,
}

impl Progress {
    /// The start of a run over what is stored now.
    pub async fn new(db: &impl ConnectionTrait, range: Range) -> Result<Self, Error> {
        let Range { company, from_ms, until_ms } = range;
        let newest = webhook_event::Entity::find().select_only().column(webhook_event::Column::Id);
        let last = newest.order_by_desc(webhook_event::Column::Id).into_tuple().one(db).await?.unwrap_or_default();
        Ok(Self {
            rules: RULES_VERSION,
            company: company.map(|CompanyId(id)| id),
            from_ms,
            until_ms,
            run: Uuid::now_v7(),
            // A webhook's id tells when it was received, but for what clocks differ by.
            after: from_ms.map(|from| crate::first_id(from - DAY_MS)).unwrap_or_default(),
            last: until_ms.map_or(last, |until| Ord::min(last, crate::first_id(until + DAY_MS))),
            counts: Counts::default(),
        })
    }

    /// Where a run by the same rules over the same range was stopped, and whether there was one; else the start of a run, which
    /// is noted. A run over another range is given up.
    pub async fn begin(db: &DatabaseConnection, range: Range) -> Result<(Self, bool), Error> {
        let new = Self::new(db, range).await?;
        let noted = state::get(db, NAME).await?.and_then(|text| serde_json::from_str::<Self>(&text).ok());
        if let Some(noted) = noted.filter(|noted| noted.is_of(&new)) {
            // A name of its own: should the other run be alive after all, it notices.
            let own = Self { run: Uuid::now_v7(), ..noted };
            state::set(db, NAME, &own.text()?).await?;
            return Ok((own, true));
        }
        state::set(db, NAME, &new.text()?).await?;
        Ok((new, false))
    }

    fn is_of(&self, other: &Self) -> bool {
        (self.rules, self.company, self.from_ms, self.until_ms) == (other.rules, other.company, other.from_ms, other.until_ms)
    }

    fn text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::Refused(error.to_string()))
    }

    /// Notes that it went on to `next`, or that it is done.
    pub async fn replace(&self, tx: &DatabaseTransaction, next: Option<&Self>) -> Result<(), Error> {
        let own = Column::Name.eq(NAME).and(Column::Value.eq(self.text()?));
        let noted = match next {
            Some(next) => {
                let update = Entity::update_many().col_expr(Column::Value, Expr::val(next.text()?)).filter(own);
                update.exec(tx).await?.rows_affected
            }
            None => Entity::delete_many().filter(own).exec(tx).await?.rows_affected,
        };
        if noted == 0 {
            return Err(Error::Conflict("another replay was begun meanwhile: it goes on, this one ends".to_owned()));
        }
        Ok(())
    }
}

/// By how much a clock may be wrong, in milliseconds: generous, since it costs no more than a day's webhooks.
const DAY_MS: i64 = 86_400_000;
