//! The latest changes of receivers, so that the directory beside the queue can follow the database.
//!
//! Each change of a company, key or account assignment notes itself here in its own transaction. Whoever publishes
//! compares the directory's stamp with these: what came after it is published one by one, and a stamp that is not
//! among them asks for a full rebuild.

use common::CompanyId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set,
    sea_query::{Expr, OnConflict},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Error,
    entity::platform_state::{ActiveModel, Column, Entity},
    state,
};

/// The row of `platform_state`.
const NAME: &str = "receivers.changes";
/// Changes that are kept: as many may be published one by one.
const KEPT: usize = 32;
/// The stamp of a database in which nothing was changed since it has stamps.
const FIRST: &str = "0";

/// What a change was of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Changed {
    /// The company of that slug.
    Company(String),
    /// The keys of a receiver: endpoint and company.
    Keys(String, Uuid),
    /// The assignment of an account.
    Account(String),
}

impl Changed {
    /// The keys of that receiver.
    pub fn keys(endpoint: common::Endpoint, company: CompanyId) -> Self {
        Self::Keys(endpoint.as_str().to_owned(), company.0)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Change {
    stamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<Changed>,
}

/// The latest changes, oldest first; never empty.
#[derive(Debug, Clone)]
pub struct Changes(Vec<Change>);

impl Changes {
    fn parse(text: Option<&str>) -> Self {
        // A value that cannot be read makes a stamp that no directory has: it is rebuilt.
        let changes = text.and_then(|text| serde_json::from_str::<Vec<Change>>(text).ok()).unwrap_or_default();
        if changes.is_empty() { Self(vec![Change { stamp: FIRST.to_owned(), of: None }]) } else { Self(changes) }
    }

    /// The stamp of the latest change.
    pub fn stamp(&self) -> &str {
        self.0.last().map_or(FIRST, |change| &change.stamp)
    }

    /// What changed after `stamp`, in order; none where these changes do not reach back as far.
    pub fn since(&self, stamp: &str) -> Option<Vec<&Changed>> {
        let at = self.0.iter().position(|change| change.stamp == stamp)?;
        Some(self.0.iter().skip(at + 1).filter_map(|change| change.of.as_ref()).collect())
    }
}

/// Returns the latest changes.
pub async fn read(db: &impl ConnectionTrait) -> Result<Changes, Error> {
    Ok(Changes::parse(state::get(db, NAME).await?.as_deref()))
}

/// Notes a change. It comes first in the change's transaction: the row's lock puts all changes in one order, and a SQLite
/// transaction that begins by writing is never refused when it writes later.
pub(crate) async fn note(tx: &DatabaseTransaction, of: Changed) -> Result<(), Error> {
    let lock = OnConflict::column(Column::Name).value(Column::Name, Expr::col((Entity, Column::Name))).to_owned();
    let row = ActiveModel { name: Set(NAME.to_owned()), value: Set("[]".to_owned()) };
    Entity::insert(row).on_conflict(lock).exec_without_returning(tx).await?;
    let mut changes = read(tx).await?.0;
    changes.push(Change { stamp: Uuid::now_v7().simple().to_string(), of: Some(of) });
    changes.drain(..changes.len().saturating_sub(KEPT));
    let value = serde_json::to_string(&changes).map_err(|e| Error::Refused(e.to_string()))?;
    Entity::update_many().col_expr(Column::Value, Expr::value(value)).filter(Column::Name.eq(NAME)).exec(tx).await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_came_after_a_stamp_is_told_and_an_unknown_stamp_asks_for_everything() {
        let text = r#"[{"stamp":"0"},{"stamp":"a","of":{"company":"acme"}},{"stamp":"b","of":{"account":"7"}}]"#;
        let changes = Changes::parse(Some(text));
        assert_eq!(changes.stamp(), "b");
        assert_eq!(changes.since("a").unwrap(), [&Changed::Account("7".to_owned())]);
        assert_eq!(changes.since("0").unwrap().len(), 2);
        assert!(changes.since("b").unwrap().is_empty() && changes.since("c").is_none());
        assert_eq!(Changes::parse(None).stamp(), FIRST);
    }
}
