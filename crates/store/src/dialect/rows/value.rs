//! A value of a row, whichever database it goes to.

use std::borrow::Cow;

use sea_orm::Value;
use uuid::Uuid;

/// A value of a row. `None` is NULL.
#[derive(Debug, Clone)]
pub(crate) enum RowValue<'r> {
    Uuid(Uuid),
    Number(Option<i64>),
    Text(Option<Cow<'r, str>>),
}

impl RowValue<'_> {
    /// The id that it is.
    pub fn uuid(&self) -> Option<Uuid> {
        if let Self::Uuid(id) = self { Some(*id) } else { None }
    }
}

impl From<Uuid> for RowValue<'_> {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl From<i64> for RowValue<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl<'r> From<&'r str> for RowValue<'r> {
    fn from(text: &'r str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<String> for RowValue<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl<'r> From<Option<&'r str>> for RowValue<'r> {
    fn from(text: Option<&'r str>) -> Self {
        Self::Text(text.map(Cow::from))
    }
}

impl From<RowValue<'_>> for Value {
    fn from(cell: RowValue<'_>) -> Self {
        match cell {
            RowValue::Uuid(id) => id.into(),
            RowValue::Number(number) => number.into(),
            RowValue::Text(text) => text.map(Cow::into_owned).into(),
        }
    }
}
