//! Which page of a list is asked for, in which order, and how the answer describes it.

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http_service::Problem;
use serde::Deserialize;
use store::reads::{self, MAX_COUNT, Position, TransactionOrder, Window};
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

/// The order that a page is in: a column's name, which no other list has, and which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Order {
    column: &'static str,
    /// What it is for the database.
    by: TransactionOrder,
    is_ascending: bool,
}

impl Order {
    fn of<T: OrderedBy>(sort: Option<Sort<T>>) -> Self {
        let column = sort.map(|sort| sort.column).or_else(|| T::ALL.first().copied());
        Self {
            column: column.map(T::name).unwrap_or_default(),
            by: column.map(T::order).unwrap_or_default(),
            is_ascending: sort.is_some_and(|sort| sort.is_ascending),
        }
    }

    /// As `sort` asks for it.
    fn text(self) -> String {
        format!("{}{}", if self.is_ascending { "" } else { "-" }, self.column)
    }
}

/// Where a page ends: its order and the position of its last row in it, opaque to callers. In another list, or another order, it
/// would be the position of something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    order: String,
    position: Position,
}

/// What is no cursor, or is one of something else.
const NO_CURSOR: &str = "must be a nextCursor of an earlier page of this list in this order";

impl FromStr for Cursor {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        let read = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            let (rest, id) = text.rsplit_once('.')?;
            let (order, time) = rest.rsplit_once('.')?;
            Some(Self { order: order.to_owned(), position: (time.parse().ok()?, id.parse().ok()?) })
        };
        read().ok_or_else(|| Bad(NO_CURSOR.to_owned()))
    }
}

form!(Cursor, string());

impl Cursor {
    fn of(order: Order, position: Position) -> Self {
        Self { order: order.text(), position }
    }

    /// What callers are given.
    pub fn text(&self) -> String {
        let Self { order, position: (time, id) } = self;
        URL_SAFE_NO_PAD.encode(format!("{order}.{time}.{}", id.simple()))
    }

    /// The position, if it is one in `order`.
    fn within(self, order: Order) -> Result<Position, Problem> {
        if self.order == order.text() {
            Ok(self.position)
        } else {
            Err(Problem::parameter("cursor", format!("cursor {NO_CURSOR}")))
        }
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
        let order = Order::of(sort);
        let after = self.cursor.map(|cursor| cursor.within(order)).transpose()?;
        let offset = (page - 1) * limit;
        if after.is_some() && page > 1 {
            return Err(Problem::parameter("page", "use page or cursor, not both: a cursor continues after its own page"));
        }
        if after.is_none() && offset > MAX_OFFSET {
            return Err(Problem::parameter("page", format!("page × limit may reach {MAX_OFFSET}; go on with cursor")));
        }
        let window = Window { limit, offset, after, ascending: order.is_ascending, order: order.by };
        Ok(Paging { page, limit, order, window })
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
    order: Order,
    pub window: Window,
}

impl Paging {
    /// The first page of transactions, of so many rows.
    pub fn first(limit: u64) -> Self {
        let order = Order::of::<ByTransaction>(None);
        let window = Window { limit, offset: 0, after: None, ascending: order.is_ascending, order: order.by };
        Self { page: 1, limit, order, window }
    }

    /// The contract's `pagination` of `page`, whose last row is at `last`.
    pub fn describe(&self, page: &reads::Page<impl Sized>, last: Option<Position>) -> Pagination {
        let total = page.total;
        let (is_counted, full) = (total < MAX_COUNT, page.rows.len() as u64 == self.limit);
        let more = full && (self.window.after.is_some() || !is_counted || self.window.offset + self.limit < total);
        // Where looking was left off it goes on from there, behind a row of a full page.
        let next = if page.end.is_some() { last.filter(|_| full).or(page.end) } else { last.filter(|_| more) };
        Pagination {
            page: self.page,
            limit: self.limit,
            total,
            total_is_exact: is_counted && page.is_whole,
            pages: total.div_ceil(self.limit),
            next_cursor: next.map(|position| Cursor::of(self.order, position).text()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn order<T: OrderedBy>(sort: &str) -> Order {
        Order::of(Some(sort.parse::<Sort<T>>().unwrap()))
    }

    #[test]
    fn a_cursor_goes_on_in_its_own_list_and_order_alone() {
        let (newest, position) = (Order::of::<ByTransaction>(None), (1_700_000_000_123, Uuid::now_v7()));
        let text = Cursor::of(newest, position).text();
        let within = |order| text.parse::<Cursor>().unwrap().within(order);
        assert_eq!(within(newest).unwrap(), position);
        assert_eq!(within(order::<ByTransaction>("-transactionTime")).unwrap(), position);
        for other in [
            order::<ByTransaction>("transactionTime"),
            order::<ByTransaction>("-amount"),
            order::<ByTransaction>("-statusTime"),
            Order::of::<ByUpdate>(None),
            Order::of::<ByReceipt>(None),
        ] {
            assert!(within(other).is_err(), "{other:?}");
        }
        for text in ["", "e30", &URL_SAFE_NO_PAD.encode("17.x"), &URL_SAFE_NO_PAD.encode("-amount.17.x")] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn each_order_of_each_list_has_a_name_of_its_own() {
        let names = [ByTransaction::names("."), ByUpdate::names("."), ByReceipt::names(".")].join(".");
        let names: Vec<&str> = names.split('.').collect();
        let unique: std::collections::BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(unique.len(), names.len(), "{names:?}");
    }
}
