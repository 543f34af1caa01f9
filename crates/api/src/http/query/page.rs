//! Which page of a list is asked for, in which order, and how the answer describes it.

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http_service::Problem;
use serde::Deserialize;
use store::reads::{MAX_COUNT, Position, TransactionOrder, Window};
use utoipa::IntoParams;
use uuid::Uuid;

use super::{
    choice::{Named, names},
    value::{Bad, Number, form, string},
};
use crate::reads::views::Pagination;

/// The deepest page that is counted off; beyond it cursors go on.
const MAX_OFFSET: u64 = 10_000;

type PageNumber = Number<1, 1, { u32::MAX as u64 }>;
/// Rows on a page.
pub(crate) type Rows = Number<20, 1, 100>;
type Entries = Number<50, 1, 100>;

/// What a list may be put in order by.
pub(crate) trait OrderedBy: Named {
    /// What it is for the database.
    fn order(self) -> TransactionOrder {
        TransactionOrder::default()
    }
}

names! {
    /// The order of transactions.
    ByTransaction { TransactionTime = "transactionTime", StatusTime = "statusTime", Amount = "amount" }
}

impl OrderedBy for ByTransaction {
    fn order(self) -> TransactionOrder {
        match self {
            Self::TransactionTime => TransactionOrder::TransactionTime,
            Self::StatusTime => TransactionOrder::StatusTime,
            Self::Amount => TransactionOrder::Amount,
        }
    }
}

names! {
    /// The order of accounts.
    ByUpdate { UpdatedAt = "updatedAt" }
}
names! {
    /// The order of stored webhooks.
    ByReceipt { ReceivedAt = "receivedAt" }
}

impl OrderedBy for ByUpdate {}
impl OrderedBy for ByReceipt {}

/// A column, and which end comes first. The first column, descending, where it is absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sort<T> {
    column: T,
    is_ascending: bool,
}

impl<T: OrderedBy> FromStr for Sort<T> {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        let (is_ascending, name) = text.strip_prefix('-').map_or((true, text), |name| (false, name));
        let column = T::ALL.iter().copied().find(|column| column.name() == name);
        let names = || T::ALL.iter().map(|column| format!("{0}, -{0}", column.name())).collect::<Vec<_>>().join(", ");
        column.map(|column| Self { column, is_ascending }).ok_or_else(|| Bad(format!("must be one of {}", names())))
    }
}

form!(impl[T: OrderedBy] Sort<T>, string().pattern(Some(format!("^-?({})$", T::names("|")))));

pub(crate) type TransactionSort = Sort<ByTransaction>;
pub(crate) type AccountSort = Sort<ByUpdate>;
pub(crate) type EventSort = Sort<ByReceipt>;

/// Where a page ends: the position of its last row, opaque to callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor(pub Position);

impl FromStr for Cursor {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        let bad = || Bad("must be a nextCursor of an earlier page".to_owned());
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
        let text = String::from_utf8(bytes).map_err(|_| bad())?;
        let (time, id) = text.split_once('.').ok_or_else(bad)?;
        Ok(Self((time.parse().map_err(|_| bad())?, id.parse().map_err(|_| bad())?)))
    }
}

form!(Cursor, string());

impl Cursor {
    /// What callers are given.
    pub fn text(self) -> String {
        let (time, id) = self.0;
        URL_SAFE_NO_PAD.encode(format!("{time}.{}", id.simple()))
    }
}

/// Where a list of transactions, accounts or webhooks begins, and how long it is.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// The page's number. Behind 10,000 rows `cursor` goes on.
    #[param(inline)]
    page: PageNumber,
    /// Rows on a page.
    #[param(inline)]
    limit: Rows,
    /// The `nextCursor` of another page: go on behind it.
    #[param(inline)]
    cursor: Option<Cursor>,
}

impl Page {
    /// The rows that are asked for, in the order of `sort`.
    pub fn paging<T: OrderedBy>(self, sort: Option<Sort<T>>) -> Result<Paging, Problem> {
        let (Number(page), Number(limit)) = (self.page, self.limit);
        let after = self.cursor.map(|Cursor(position)| position);
        let offset = (page - 1) * limit;
        if after.is_none() && offset > MAX_OFFSET {
            return Err(Problem::parameter("page", format!("page × limit may reach {MAX_OFFSET}; go on with cursor")));
        }
        let ascending = sort.is_some_and(|sort| sort.is_ascending);
        let column = sort.map(|sort| sort.column).or_else(|| T::ALL.first().copied());
        let order = column.map(OrderedBy::order).unwrap_or_default();
        Ok(Paging { page, limit, window: Window { limit, offset, after, ascending, order } })
    }
}

/// Where a list in the order of its ids goes on, and how long it is.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct After {
    /// Entries on a page.
    #[param(inline)]
    limit: Entries,
    /// The `nextCursor` of another page: go on behind it.
    #[param(inline)]
    cursor: Option<IdCursor>,
}

/// The id of a page's last row.
#[derive(Debug, Clone, Copy)]
struct IdCursor(Uuid);

impl FromStr for IdCursor {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        text.parse().map(Self).map_err(|_| Bad("must be a nextCursor of an earlier page".to_owned()))
    }
}

form!(IdCursor, string());

impl After {
    /// The id to go on behind.
    pub fn id(&self) -> Option<Uuid> {
        self.cursor.map(|IdCursor(id)| id)
    }

    /// Rows on the page.
    pub fn limit(&self) -> u64 {
        self.limit.0
    }

    /// The cursor of the page behind one of `ids`.
    pub fn next(&self, mut ids: impl ExactSizeIterator<Item = Uuid> + DoubleEndedIterator) -> Option<String> {
        let is_full = ids.len() as u64 == self.limit();
        ids.next_back().filter(|_| is_full).map(|id| id.to_string())
    }
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging {
    page: u64,
    limit: u64,
    pub window: Window,
}

impl Paging {
    /// The first page, of so many rows.
    pub const fn first(limit: u64) -> Self {
        Self {
            page: 1,
            limit,
            window: Window { limit, offset: 0, after: None, ascending: false, order: TransactionOrder::TransactionTime },
        }
    }

    /// The contract's `pagination`; `last` is the last row's position on a page of `rows` rows.
    pub fn describe(&self, rows: usize, total: u64, last: Option<Position>) -> Pagination {
        let total_is_exact = total < MAX_COUNT;
        let full = rows as u64 == self.limit;
        let more = full && (self.window.after.is_some() || !total_is_exact || self.window.offset + self.limit < total);
        Pagination {
            page: self.page,
            limit: self.limit,
            total,
            total_is_exact,
            pages: total.div_ceil(self.limit),
            next_cursor: last.filter(|_| more).map(|position| Cursor(position).text()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip() {
        let cursor = Cursor((1_700_000_000_123, Uuid::now_v7()));
        assert_eq!(cursor.text().parse::<Cursor>().unwrap(), cursor);
    }
}
