//! The problems that operations answer with, by the kind of operation.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, response::Response},
};

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code, reason = "it describes what `http_service::Problem` writes")]
pub(crate) struct ProblemDocument {
    /// `urn:netbanx:problem:NAME`, stable.
    r#type: String,
    /// The same for every problem of this type.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What was wrong this time.
    detail: String,
    /// The parameter that was bad.
    #[schema(nullable = false)]
    parameter: Option<String>,
}

const MEANINGS: [(&str, &str); 12] = [
    ("400", "A parameter or the body is not valid; `parameter` names it"),
    ("401", "Not signed in, or no longer"),
    ("403", "Not permitted"),
    ("404", "There is no such thing, or not for you"),
    ("408", "The body took too long"),
    ("409", "Conflicts with the current state"),
    ("413", "The body is too large"),
    ("415", "The body is not declared as JSON"),
    ("429", "Too many requests; `Retry-After` says when to try again"),
    ("500", "Something went wrong here"),
    ("502", "The sign-in provider cannot be reached, or does not answer in time"),
    ("503", "Temporarily unavailable; `Retry-After` says for how long"),
];

fn of(statuses: &[&str]) -> BTreeMap<String, RefOr<Response>> {
    let known = MEANINGS.iter().filter(|(status, _)| statuses.contains(status));
    known
        .map(|(status, meaning)| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let response = ResponseBuilder::new().description(*meaning).content("application/problem+json", content).build();
            ((*status).to_owned(), RefOr::T(response))
        })
        .collect()
}

macro_rules! problems {
    ($($(#[$meta:meta])* $name:ident: $($status:literal)+;)+) => {
        $($(#[$meta])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                of(&[$($status),+])
            }
        })+
    };
}

problems! {
    /// Of what takes nothing but a known sender.
    Known: "401" "403" "429" "500" "503";
    /// Of a list.
    List: "400" "401" "403" "429" "500" "503";
    /// Of one thing by its id.
    Show: "400" "401" "403" "404" "429" "500" "503";
    /// Of a change.
    Change: "400" "401" "403" "408" "409" "413" "429" "500" "503";
    /// Of a change to one thing.
    ShowChange: "400" "401" "403" "404" "408" "409" "413" "429" "500" "503";
    /// Of a change to one's own account.
    Own: "400" "401" "403" "408" "409" "413" "429" "500" "503";
    /// Of a sign-in by a provider.
    Provider: "400" "403" "404" "429" "500" "502" "503";
    /// Of what is told to everybody.
    Public: "400" "500";
    /// Of a sign-in.
    SignIn: "400" "401" "403" "408" "413" "415" "429" "500" "503";
}
