//! Query parameters, each checked, each named when it is bad.

use std::collections::HashMap;

use actix_web::web::{Payload, Query};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{envelope, money};
use http_service::{Problem, ProblemKind};
use serde::de::DeserializeOwned;
use store::{
    companies,
    reads::{MAX_COUNT, Position, Scope, TransactionOrder, Window},
};
use uuid::Uuid;

use crate::{Api, auth, query_failed, reads::views::Pagination};

/// Longest body of a request, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// Characters of a text parameter at most.
const TEXT_LENGTH: usize = 255;
/// The deepest page that is counted off; beyond it cursors go on.
const MAX_OFFSET: u64 = 10_000;

/// The query string of a request.
#[derive(Debug, Default)]
pub(crate) struct Params(HashMap<String, String>);

impl Params {
    pub fn read(query: &str) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|_| Problem::parameter("query", "the query string is malformed"))?;
        let mut values = HashMap::new();
        for (name, value) in pairs.into_inner() {
            values.insert(name, value);
        }
        Ok(Self(values))
    }

    /// Parameters that came otherwise than by a query string.
    pub fn of(pairs: impl Iterator<Item = (&'static str, String)>) -> Self {
        Self(pairs.map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, if it is given and not empty.
    pub fn text(&self, name: &'static str) -> Result<Option<String>, Problem> {
        let Some(text) = self.0.get(name).map(|t| t.trim()).filter(|t| !t.is_empty()) else { return Ok(None) };
        if text.chars().count() > TEXT_LENGTH || text.chars().any(char::is_control) {
            return Err(Problem::parameter(
                name,
                format!("{name} may have {TEXT_LENGTH} characters, none of them control characters"),
            ));
        }
        Ok(Some(text.to_owned()))
    }

    pub fn number(&self, name: &'static str, default: u64, low: u64, high: u64) -> Result<u64, Problem> {
        let Some(text) = self.text(name)? else { return Ok(default) };
        text.parse()
            .ok()
            .filter(|n| (low..=high).contains(n))
            .ok_or_else(|| Problem::parameter(name, format!("{name} must be a whole number from {low} to {high}")))
    }

    /// One of a closed set of names.
    pub fn one_of(&self, name: &'static str, names: &[&'static str]) -> Result<Option<&'static str>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        names
            .iter()
            .copied()
            .find(|known| known.eq_ignore_ascii_case(&text))
            .map(Some)
            .ok_or_else(|| Problem::parameter(name, format!("{name} must be one of {}", names.join(", "))))
    }

    /// Some of a closed set of names, separated by commas.
    pub fn some_of(&self, name: &'static str, names: &[&'static str]) -> Result<Vec<&'static str>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(Vec::new()) };
        let known = |part: &str| names.iter().copied().find(|known| known.eq_ignore_ascii_case(part.trim()));
        let all: Option<Vec<&'static str>> = text.split(',').map(known).collect();
        all.ok_or_else(|| Problem::parameter(name, format!("{name} must be some of {}", names.join(", "))))
    }

    /// Some texts, separated by commas, twenty at most.
    pub fn texts(&self, name: &'static str) -> Result<Vec<String>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(Vec::new()) };
        let all: Vec<String> = text.split(',').map(|part| part.trim().to_owned()).collect();
        if all.len() > 20 || all.iter().any(String::is_empty) {
            return Err(Problem::parameter(name, format!("{name} may be twenty values at most, separated by commas")));
        }
        Ok(all)
    }

    /// An amount in minor units.
    pub fn amount(&self, name: &'static str) -> Result<Option<i64>, Problem> {
        let amount = self.text(name)?.map(|text| text.parse::<i64>());
        amount.transpose().map_err(|_| Problem::parameter(name, format!("{name} must be a whole number of minor units")))
    }

    /// `live` unless asked otherwise.
    pub fn mode(&self) -> Result<&'static str, Problem> {
        Ok(self.one_of("mode", &["live", "test"])?.unwrap_or("live"))
    }

    pub fn flag(&self, name: &'static str) -> Result<bool, Problem> {
        Ok(self.one_of(name, &["true", "false"])? == Some("true"))
    }

    pub fn currencies(&self) -> Result<Vec<String>, Problem> {
        let codes: Vec<String> = self.texts("currency")?.iter().map(|code| code.to_ascii_uppercase()).collect();
        if codes.iter().all(|code| money::is_currency(code)) {
            Ok(codes)
        } else {
            Err(Problem::parameter("currency", "currency must be an ISO 4217 code such as EUR; several, separated by commas"))
        }
    }

    /// `startDate` (inclusive) and `endDate` (exclusive; a plain date includes its whole day), in
    /// milliseconds.
    pub fn span(&self) -> Result<(Option<i64>, Option<i64>), Problem> {
        let from = self.time("startDate", 0)?;
        let until = self.time("endDate", 86_400_000)?;
        if let (Some(from), Some(until)) = (from, until)
            && from >= until
        {
            return Err(Problem::parameter("endDate", "endDate must be after startDate"));
        }
        Ok((from, until))
    }

    fn time(&self, name: &'static str, whole_day: i64) -> Result<Option<i64>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        // A '+' of a zone that was not escaped arrives as a blank.
        let zoned = text.replace(' ', "+");
        envelope::time(&text)
            .or_else(|| envelope::time(&zoned))
            .map(|t| t.timestamp_millis())
            .or_else(|| envelope::time(&format!("{text}T00:00:00Z")).map(|t| t.timestamp_millis() + whole_day))
            .map(Some)
            .ok_or_else(|| {
                Problem::parameter(name, format!("{name} must be a date (2025-01-31) or a time (2025-01-31T12:00:00Z)"))
            })
    }

    /// The company asked for, by slug or id. Only an administrator learns which there are.
    pub async fn company(&self, api: &Api, scope: Scope) -> Result<Option<Uuid>, Problem> {
        let Some(text) = self.text("company")? else { return Ok(None) };
        if let Ok(id) = text.parse::<Uuid>() {
            return Ok(Some(id));
        }
        let look_up =
            async { Ok(store::deadline::within(auth::LOOK_UP, companies::find(&api.db, &text)).await?.map(|row| row.id)) };
        let found = api.companies.try_get_with_by_ref(&text, look_up).await;
        let found = found.map_err(|e: std::sync::Arc<store::Error>| query_failed(&e))?;
        match (found, scope) {
            (Some(id), _) => Ok(Some(id)),
            (None, Scope::All) => Err(Problem::parameter("company", "there is no such company")),
            (None, Scope::Company(_)) => Err(auth::other_company()),
        }
    }

    /// The `cursor` of a list in the order of ids: go on behind that row.
    pub fn after_id(&self) -> Result<Option<Uuid>, Problem> {
        let id = self.text("cursor")?.map(|text| text.parse()).transpose();
        id.map_err(|_| Problem::parameter("cursor", "cursor must be a nextCursor of an earlier page"))
    }

    /// `page` and `limit`, or `cursor` and `limit`, and the order by `column`: descending where `sort`
    /// says nothing or has a `-` before it.
    pub fn paging(&self, column: &'static str) -> Result<Paging, Problem> {
        self.paging_by(&[(column, TransactionOrder::default())])
    }

    /// The same by one of several columns, the first of them unless `sort` names another.
    pub fn paging_by(&self, columns: &[(&'static str, TransactionOrder)]) -> Result<Paging, Problem> {
        let (ascending, order) = match self.text("sort")? {
            None => (false, columns.first().map(|(_, order)| *order).unwrap_or_default()),
            Some(sort) => {
                let (ascending, name) = sort.strip_prefix('-').map_or((true, sort.as_str()), |name| (false, name));
                let known = columns.iter().find(|(column, _)| *column == name);
                let names = || columns.iter().map(|(column, _)| format!("{column}, -{column}")).collect::<Vec<_>>().join(", ");
                let (_, order) = known.ok_or_else(|| Problem::parameter("sort", format!("sort must be one of {}", names())))?;
                (ascending, *order)
            }
        };
        let limit = self.number("limit", 20, 1, 100)?;
        let page = self.number("page", 1, 1, u64::from(u32::MAX))?;
        let after = self.text("cursor")?.map(|text| decode(&text)).transpose()?;
        let offset = (page - 1) * limit;
        if after.is_none() && offset > MAX_OFFSET {
            return Err(Problem::parameter("page", format!("page × limit may reach {MAX_OFFSET}; go on with cursor")));
        }
        Ok(Paging { page, limit, window: Window { limit, offset, after, ascending, order } })
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
            next_cursor: last.filter(|_| more).map(encode),
        }
    }
}

pub(crate) fn encode((time, id): Position) -> String {
    URL_SAFE_NO_PAD.encode(format!("{time}.{}", id.simple()))
}

pub(crate) fn decode(text: &str) -> Result<Position, Problem> {
    let bad = || Problem::parameter("cursor", "cursor must be a nextCursor of an earlier page");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
    let text = String::from_utf8(bytes).map_err(|_| bad())?;
    let (time, id) = text.split_once('.').ok_or_else(bad)?;
    Ok((time.parse().map_err(|_| bad())?, id.parse().map_err(|_| bad())?))
}

/// The bytes of a request's body.
pub(crate) async fn bytes(body: Payload) -> Result<actix_web::web::Bytes, Problem> {
    body.to_bytes_limited(BODY_LIMIT)
        .await
        .map_err(|_| Problem::new(ProblemKind::TooLarge, "a request's body has 64 KiB at most"))?
        .map_err(|_| Problem::new(ProblemKind::BodyUnreadable, "the body ended early or is badly framed"))
}

/// The JSON of a request's body. What does not fit is named, never repeated: it may be a secret.
pub(crate) async fn body<T: DeserializeOwned>(body: Payload) -> Result<T, Problem> {
    let bytes = bytes(body).await?;
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|_| Problem::new(ProblemKind::NotJson, "the body must be JSON"))?;
    if !value.is_object() {
        return Err(Problem::new(ProblemKind::NotAnObject, "the body must be a JSON object"));
    }
    if let Some(name) = field_with_nul(&value) {
        return Err(Problem::parameter(name, "a text must not hold the character U+0000"));
    }
    serde_json::from_value(value).map_err(|error| Problem::parameter("body", error.to_string()))
}

/// The name of a field whose text holds NUL, which no database keeps. As deep as bodies of requests go.
fn field_with_nul(value: &serde_json::Value) -> Option<String> {
    fn holds(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => text.contains('\0'),
            serde_json::Value::Array(items) => items.iter().any(holds),
            serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds(value)),
            _ => false,
        }
    }
    let fields = value.as_object()?;
    fields.iter().find(|(name, value)| name.contains('\0') || holds(value)).map(|(name, _)| name.replace('\0', "\u{fffd}"))
}

/// The id in a path.
pub(crate) fn id(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| Problem::parameter("id", "id must be a UUID"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refused(query: &str) -> String {
        let params = Params::read(query).unwrap();
        let problem = params
            .paging("transactionTime")
            .err()
            .or_else(|| params.span().err())
            .or_else(|| params.currencies().err())
            .or_else(|| params.mode().err())
            .or_else(|| params.text("q").err());
        problem.map(|p| p.to_string()).unwrap_or_default()
    }

    #[test]
    fn each_bad_parameter_is_refused() {
        for (query, name) in [
            ("limit=101", "limit"),
            ("limit=0", "limit"),
            ("page=0", "page"),
            ("page=-1", "page"),
            ("page=x", "page"),
            ("cursor=!!", "cursor"),
            ("startDate=2025-02-01&endDate=2025-01-01", "endDate"),
            ("startDate=soon", "startDate"),
            ("currency=EURO", "currency"),
            ("mode=both", "mode"),
            ("page=1000000&limit=100", "page"),
            ("sort=amount", "sort"),
        ] {
            assert!(refused(query).contains(name), "{query}: {}", refused(query));
        }
        assert!(refused(&format!("q={}", "x".repeat(10_000))).contains("q may have"));
        assert_eq!(refused("limit=100&page=2&mode=TEST&currency=eur&startDate=2025-01-01&endDate=2025-01-01"), "");
    }

    #[test]
    fn cursors_round_trip() {
        let position = (1_700_000_000_123, Uuid::now_v7());
        assert_eq!(decode(&encode(position)).unwrap(), position);
    }
}
