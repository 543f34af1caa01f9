//! Query strings as typed structs. A struct says which parameters there are, of what form each is, and how the document
//! describes it; [`read`] gives its values or the problem that names the parameter.
//!
//! | module | part |
//! | --- | --- |
//! | `choice` | one or several of a closed set of names |
//! | `given` | a value as serde reads it |
//! | `page` | which page of a list, and in which order |
//! | `value` | texts, numbers, times and the like |
//!
//! A new filter is a field of its list's struct here in `api`, and one of the filter in `store::reads`. What a query string
//! has beyond its operation's parameters is refused by `openapi::queries`, which takes the names from the document.

pub(crate) mod choice;
mod given;
pub(crate) mod page;
pub(crate) mod value;

use actix_web::HttpRequest;
use http_service::{Problem, ProblemKind};
use serde::{
    Deserialize,
    de::{DeserializeOwned, value::MapDeserializer},
};
use serde_json::{Map, Value};
use store::{Scope, companies};
use url::form_urlencoded;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{Api, auth, query_failed};
use given::Given;
pub(crate) use page::Page;
pub(crate) use value::{Amount, Currencies, Day, Flag, Moment, Text, Texts};

/// The parameters of a request, as a struct has them. One that is empty is absent.
pub(crate) fn read<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    parse(request.query_string())
}

/// The same of a query string.
pub(crate) fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.trim().is_empty());
    let pairs = pairs.map(|(name, value)| (name, Given(value)));
    serde_path_to_error::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(pairs)).map_err(unread)
}

/// The same of fields that came otherwise.
pub(crate) fn of_fields<T: DeserializeOwned>(fields: impl Iterator<Item = (String, Value)>) -> Result<T, Problem> {
    let is_given = |value: &Value| value.as_str().is_none_or(|text| !text.trim().is_empty());
    let fields: Map<String, Value> = fields.filter(|(_, value)| !value.is_null() && is_given(value)).collect();
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(unread)
}

/// Names what could not be read.
fn unread(error: serde_path_to_error::Error<impl std::fmt::Display>) -> Problem {
    let name = error.path().to_string();
    let detail = format!("{name} {}", error.into_inner());
    Problem::parameter(name, detail)
}

/// Whose rows are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfCompany {
    /// For administrators: rows of this company alone, by slug or id; absent: of all companies.
    #[param(inline)]
    company: Option<Text>,
}

impl OfCompany {
    /// What of `caller`'s rows a request asks for.
    pub async fn scope(api: &Api, request: &HttpRequest, caller: &auth::Caller) -> Result<Scope, Problem> {
        let asked: Self = read(request)?;
        caller.narrowed(asked.id(api, caller.scope()).await?)
    }

    /// The company asked for. Only an administrator learns which there are.
    pub async fn id(self, api: &Api, scope: Scope) -> Result<Option<Uuid>, Problem> {
        let Some(Text(text)) = self.company else { return Ok(None) };
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
}

/// As of which moment.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AsOf {
    /// As it was known at that moment (`2026-01-31T12:00:00Z`): from the webhooks that had been received by then. 404 where nothing
    /// was known. Now where it is absent.
    #[param(inline)]
    pub as_of: Option<Moment>,
}

/// The thing that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "it describes what `id` reads")]
pub(crate) struct Id {
    id: Uuid,
}

/// The id in a path.
pub(crate) fn id(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| Problem::parameter("id", "id must be a UUID"))
}

/// That there is no such thing as `what`, or not for who asks.
pub(crate) fn not_found(what: &str) -> Problem {
    Problem::new(ProblemKind::NotFound, format!("there is no such {what}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::{
        analytics::AnalyticsQuery,
        reads::{accounts, events, transactions},
    };

    fn refused(query: &str) -> String {
        let request = TestRequest::with_uri(&format!("/?{query}")).to_http_request();
        let problems = [
            transactions::asked(&request).err(),
            accounts::asked(&request).err(),
            events::asked(&request).err(),
            parse::<AnalyticsQuery>(query).err(),
            parse::<AsOf>(query).err(),
        ];
        problems.into_iter().flatten().map(|problem| problem.to_string()).next().unwrap_or_default()
    }

    #[test]
    fn each_bad_parameter_is_named() {
        for (query, told) in [
            ("limit=101", "limit must be a whole number from 1 to 100"),
            ("limit=0", "limit must"),
            ("page=0", "page must"),
            ("page=-1", "page must"),
            ("page=x", "page must"),
            ("page=1000000&limit=100", "page × limit"),
            ("cursor=!!", "cursor must be a nextCursor"),
            ("startDate=2025-02-01&endDate=2025-01-01", "endDate must be after startDate"),
            ("startDate=soon", "startDate must be a date"),
            ("currency=EUR,", "currency must not have an empty value"),
            ("currency=EURO", "currency must be an ISO 4217 code"),
            ("mode=both", "mode must be one of live, test"),
            ("sort=height", "sort must be one of transactionTime, -transactionTime"),
            ("status=DONE", "status must be some of PENDING"),
            ("kind=PAYMENT,", "kind must be some of PAYMENT"),
            ("amountMin=1", "amountMin needs one currency"),
            ("amountMin=1.5&currency=EUR", "amountMin must be a whole number of minor units"),
            ("amountMin=9&amountMax=8&currency=EUR", "amountMax must not be less"),
            ("onboardingStage=Z", "onboardingStage must be one of SUBMITTED"),
            ("conflicting=perhaps", "conflicting must be one of true, false"),
            ("include=all", "include must be one of payload"),
            ("timeZone=Mars/Base", "timeZone must be a name of IANA's database"),
            ("groupBy=colour", "groupBy must be one of currency"),
            ("asOf=yesterday", "asOf must be a moment with its offset"),
            ("asOf=2999-01-01T00:00:00Z", "asOf must be a moment that has passed"),
            ("q=%00", "q may have 255 characters"),
        ] {
            assert!(refused(query).contains(told), "{query}: {}", refused(query));
        }
        assert!(refused(&format!("q={}", "x".repeat(10_000))).contains("q may have"));
    }

    #[test]
    fn what_is_empty_is_absent_and_names_have_any_case() {
        assert_eq!(refused("limit=100&page=2&mode=TEST&currency=eur&startDate=2025-01-01&endDate=2025-01-01"), "");
        assert_eq!(refused("limit=&page=%20&mode=&currency=&sort=&q=&includePaymentMethods="), "");
        assert_eq!(refused("startDate=2025-01-01T00:00:00+02:00"), "", "a plus that was not escaped");
    }
}
