//! Query strings, held against the document: a parameter that an operation does not have, or that comes twice, is refused
//! instead of ignored, since anyone who misspelt a filter would take everything for the filtered answer. Every handler of who is
//! known comes by here, so that it is also the place for what no operation takes.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use actix_web::{HttpRequest, http::Method};
use http_service::{Problem, RouteMetrics};
use url::form_urlencoded;
use utoipa::{
    OpenApi,
    openapi::{
        RefOr,
        path::{Operation, Parameter, ParameterIn},
    },
};

/// Characters of an unknown name that are repeated to anyone who sent it.
const ECHOED: usize = 64;
/// How alike two names are, at least, for one to be meant by the other (0 to 1, by Jaro and Winkler).
const ALIKE: f64 = 0.75;

/// The names of the query parameters of a path's operations, by method.
type Names = Vec<(Method, Vec<String>)>;

/// Every path of the document.
static KNOWN: LazyLock<HashMap<String, Names>> = LazyLock::new(|| {
    let paths = super::Api::openapi().paths.paths.into_iter();
    let paths = paths.map(|(path, item)| {
        let operations =
            [(Method::GET, item.get), (Method::POST, item.post), (Method::DELETE, item.delete), (Method::PATCH, item.patch)];
        let known = operations.into_iter().filter_map(|(method, operation)| Some((method, names(operation?))));
        (path, known.collect())
    });
    paths.collect()
});

fn names(operation: Operation) -> Vec<String> {
    let parameters = operation.parameters.into_iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    parameters.filter(|parameter| parameter.parameter_in == ParameterIn::Query).map(|parameter| parameter.name).collect()
}

/// Refuses a query string with a parameter that the operation does not have, or with one that comes twice; and a path or a query
/// string with the character U+0000, which PostgreSQL keeps in no text: what the rest of them mean is asked of it.
pub(crate) fn check(request: &HttpRequest) -> Result<(), Problem> {
    if let Some((name, _)) = request.match_info().iter().find(|(_, value)| value.contains('\0')) {
        return Err(nul(name));
    }
    if request.query_string().is_empty() {
        return Ok(());
    }
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let route = request.app_data::<RouteMetrics>().map(RouteMetrics::pattern);
    let operations = route.and_then(|pattern| KNOWN.get(pattern)).map(Vec::as_slice).unwrap_or_default();
    match operations.iter().find(|(known, _)| known == method) {
        Some((_, known)) => of_names(request.query_string(), known),
        // Not in the document: the document itself, pages.
        None => Ok(()),
    }
}

/// Refuses a field that none of the parameters has.
pub(crate) fn check_fields<'a>(known: Vec<Parameter>, mut names: impl Iterator<Item = &'a String>) -> Result<(), Problem> {
    let known: Vec<String> = known.into_iter().map(|parameter| parameter.name).collect();
    names.find(|name| !known.contains(name)).map_or(Ok(()), |name| Err(unknown(name, &known)))
}

fn of_names(query: &str, known: &[String]) -> Result<(), Problem> {
    // As many as there are names at most.
    let mut seen: Vec<Cow<'_, str>> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !known.iter().any(|known| *known == name) {
            return Err(unknown(&name, known));
        }
        if seen.contains(&name) {
            return Err(Problem::parameter(name.clone().into_owned(), format!("{name} may be given once")));
        }
        if value.contains('\0') {
            return Err(nul(&name));
        }
        seen.push(name);
    }
    Ok(())
}

fn nul(name: &str) -> Problem {
    Problem::parameter(name.to_owned(), format!("{name} must not hold the character U+0000"))
}

fn unknown(name: &str, known: &[String]) -> Problem {
    let likeness = |other: &str| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    let nearest = known.iter().map(|other| (likeness(other), other)).max_by(|a, b| a.0.total_cmp(&b.0));
    let name: String = name.chars().filter(|c| !c.is_control()).take(ECHOED).collect();
    let advice = match nearest {
        Some((likeness, other)) if likeness >= ALIKE => format!("; did you mean {other}?"),
        Some(_) => format!("; there are {}", known.join(", ")),
        None => "; this takes none".to_owned(),
    };
    let detail = format!("there is no parameter {name}{advice}");
    Problem::parameter(name, detail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn refused(query: &str) -> String {
        let known = ["page", "limit", "startDate", "amount", "q"].map(str::to_owned);
        of_names(query, &known).err().map(|problem| problem.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_is_misspelt_is_told_with_what_was_meant() {
        for (query, told) in [
            ("startdate=2026-01-01", "did you mean startDate?"),
            ("limt=5&page=1", "did you mean limit?"),
            ("xyzzy=1", "there are page, limit"),
            ("page=1&page=2", "page may be given once"),
            ("%00=1", "there is no parameter"),
            ("=1", "there is no parameter"),
            ("q=a%00b", "q must not hold the character U+0000"),
        ] {
            assert!(refused(query).contains(told), "{query}: {}", refused(query));
        }
        assert_eq!(refused("page=1&limit=&q=%20&startDate="), "");
    }

    #[test]
    fn no_part_of_a_path_holds_what_no_text_of_a_database_does() {
        let request = |name: &str| TestRequest::with_uri("/").param("name", name.to_owned()).to_http_request();
        assert!(check(&request("a\0b")).unwrap_err().to_string().contains("name must not hold the character U+0000"));
        assert!(check(&request("a%00b")).is_ok(), "as it is after it was read");
    }

    #[test]
    fn every_operation_of_the_document_is_known() {
        let transactions = KNOWN.get("/api/v1/transactions").unwrap();
        assert!(transactions.iter().any(|(method, names)| method == Method::GET && names.iter().any(|name| name == "q")));
        assert!(KNOWN.len() > 15, "{}", KNOWN.len());
    }
}
