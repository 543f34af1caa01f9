//! Quotas as answers tell them: the `RateLimit` fields of draft-ietf-httpapi-ratelimit-headers.

use std::{fmt::Write, time::Duration};

use actix_web::{
    HttpMessage, HttpRequest,
    dev::ServiceResponse,
    http::header::{HeaderName, HeaderValue},
};

use crate::{Problem, ProblemKind, Standing};

static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// A quota's name and size.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// Its name in the fields.
    pub name: &'static str,
    /// So many.
    pub count: u32,
    /// In so long.
    pub window: Duration,
}

/// The policies that an answer names: `"default";q=100;w=60`.
pub fn policy(quotas: &[Quota]) -> HeaderValue {
    let parts: Vec<String> =
        quotas.iter().map(|quota| format!("\"{}\";q={};w={}", quota.name, quota.count, quota.window.as_secs())).collect();
    HeaderValue::from_str(&parts.join(", ")).unwrap_or(HeaderValue::from_static(""))
}

/// The two fields of one answer.
#[derive(Debug, Clone)]
struct Told {
    policy: HeaderValue,
    limit: HeaderValue,
}

/// Has the answer to `request` tell how its sender stands with each quota, and refuses it where one is used up.
pub fn tell(request: &HttpRequest, policy: &HeaderValue, standings: &[(&'static str, Standing)]) -> Result<(), Problem> {
    let mut limit = String::with_capacity(96);
    for (name, standing) in standings {
        let separator = if limit.is_empty() { "" } else { ", " };
        let reset = standing.reset.as_micros().div_ceil(1_000_000);
        // Writing to a text does not fail.
        let _ = write!(limit, "{separator}\"{name}\";r={};t={reset}", standing.remaining);
    }
    let limit = HeaderValue::try_from(limit).unwrap_or(HeaderValue::from_static(""));
    request.extensions_mut().insert(Told { policy: policy.clone(), limit });
    match standings.iter().filter_map(|(name, standing)| Some((standing.wait?, name))).max() {
        Some((wait, name)) => {
            let detail = format!("the quota \"{name}\" of requests is used up; RateLimit-Policy tells how many there may be");
            Err(Problem::new(ProblemKind::TooManyRequests, detail).retry_after(wait))
        }
        None => Ok(()),
    }
}

/// Whether `request` was counted already: whoever asks on its behalf is not counted again.
pub fn is_told(request: &HttpRequest) -> bool {
    request.extensions().contains::<Told>()
}

/// Adds the fields to the answer.
pub(crate) fn add_to<B>(response: &mut ServiceResponse<B>) {
    let Some(Told { policy, limit }) = response.request().extensions().get::<Told>().cloned() else { return };
    let headers = response.headers_mut();
    headers.insert(POLICY.clone(), policy);
    headers.insert(LIMIT.clone(), limit);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::{HttpResponse, test::TestRequest};

    use super::*;

    fn standing(remaining: u32, millis: u64, wait: Option<u64>) -> Standing {
        Standing { remaining, reset: Duration::from_millis(millis), wait: wait.map(Duration::from_secs) }
    }

    #[test]
    fn the_fields_are_those_of_the_draft() {
        let window = Duration::from_secs(60);
        let policy = policy(&[Quota { name: "default", count: 100, window }, Quota { name: "company", count: 500, window }]);
        let request = TestRequest::get().to_http_request();
        assert!(!is_told(&request));
        tell(&request, &policy, &[("default", standing(99, 600, None)), ("company", standing(7, 59_001, None))]).unwrap();
        assert!(is_told(&request));
        let mut answer = ServiceResponse::new(request, HttpResponse::Ok().finish());
        add_to(&mut answer);
        assert_eq!(answer.headers().get(&POLICY).unwrap(), "\"default\";q=100;w=60, \"company\";q=500;w=60");
        assert_eq!(answer.headers().get(&LIMIT).unwrap(), "\"default\";r=99;t=1, \"company\";r=7;t=60");
    }

    #[test]
    fn a_quota_that_is_used_up_refuses() {
        let request = TestRequest::get().to_http_request();
        let policy = policy(&[]);
        let refused = tell(&request, &policy, &[("default", standing(3, 1, None)), ("company", standing(0, 1, Some(2)))]);
        assert_eq!(refused.unwrap_err().kind(), ProblemKind::TooManyRequests);
        assert!(is_told(&request), "the refusal tells it as well");
    }
}
