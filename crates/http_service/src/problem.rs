//! RFC 9457 problem documents: the one place where an HTTP error is made.

use std::{borrow::Cow, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde_json::json;

/// Every kind of problem there is. The name is part of the contract: `urn:netbanx:problem:NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each name says it; title and status stand in `ProblemKind::parts`")]
pub enum ProblemKind {
    NotJson,
    NotAnObject,
    TooDeep,
    NoEventName,
    BadEventName,
    BadNumber,
    BadParameter,
    SignatureMissing,
    SignatureInvalid,
    NoSecret,
    Unauthenticated,
    SignInFailed,
    SecondFactorRequired,
    SecondFactorWrong,
    SecondFactorDemanded,
    ProviderRefused,
    ProviderUnavailable,
    CsrfMissing,
    Forbidden,
    Conflict,
    UnknownEndpoint,
    UnknownCompany,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    BodyUnreadable,
    BodyTimeout,
    UnsupportedEncoding,
    TooManyFailures,
    TooManyRequests,
    UnsupportedMediaType,
    CrossSite,
    Unavailable,
    Internal,
}

impl ProblemKind {
    /// The name in `urn:netbanx:problem:NAME`.
    pub const fn name(self) -> &'static str {
        self.parts().0
    }

    /// Name, status and title.
    const fn parts(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::NotJson => ("not-json", S::BAD_REQUEST, "The body is not JSON"),
            Self::NotAnObject => ("not-an-object", S::BAD_REQUEST, "The body is not a JSON object"),
            Self::TooDeep => ("too-deep", S::BAD_REQUEST, "The body is nested too deeply"),
            Self::NoEventName => ("no-event-name", S::BAD_REQUEST, "The event has no name"),
            Self::BadEventName => ("bad-event-name", S::BAD_REQUEST, "The event name is malformed"),
            Self::BadNumber => ("number-out-of-range", S::BAD_REQUEST, "A number is out of range"),
            Self::BadParameter => ("bad-parameter", S::BAD_REQUEST, "A parameter is not valid"),
            Self::SignatureMissing => ("signature-missing", S::UNAUTHORIZED, "The signature is missing"),
            Self::SignatureInvalid => ("signature-invalid", S::UNAUTHORIZED, "The signature is wrong"),
            Self::NoSecret => ("no-secret", S::UNAUTHORIZED, "The receiver has no secret"),
            Self::Unauthenticated => ("unauthenticated", S::UNAUTHORIZED, "Sign-in is needed"),
            Self::SignInFailed => ("sign-in-failed", S::UNAUTHORIZED, "The sign-in failed"),
            Self::SecondFactorRequired => ("second-factor-required", S::UNAUTHORIZED, "A code of the second factor is needed"),
            Self::SecondFactorWrong => ("second-factor-wrong", S::UNAUTHORIZED, "The code of the second factor is wrong"),
            Self::SecondFactorDemanded => ("second-factor-demanded", S::FORBIDDEN, "A second factor has to be set up first"),
            Self::ProviderRefused => ("provider-refused", S::FORBIDDEN, "The sign-in by the provider was refused"),
            Self::ProviderUnavailable => ("provider-unavailable", S::BAD_GATEWAY, "The sign-in provider cannot be reached"),
            Self::CsrfMissing => ("csrf-missing", S::FORBIDDEN, "The CSRF token is missing or wrong"),
            Self::Conflict => ("conflict", S::CONFLICT, "Conflicts with the current state"),
            Self::Forbidden => ("forbidden", S::FORBIDDEN, "Not permitted"),
            Self::UnknownEndpoint => ("unknown-endpoint", S::NOT_FOUND, "No such endpoint"),
            Self::UnknownCompany => ("unknown-company", S::NOT_FOUND, "No such company"),
            Self::NotFound => ("not-found", S::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => ("method-not-allowed", S::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::TooLarge => ("too-large", S::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::BodyUnreadable => ("body-unreadable", S::BAD_REQUEST, "The body could not be read"),
            Self::BodyTimeout => ("body-timeout", S::REQUEST_TIMEOUT, "The body took too long"),
            Self::UnsupportedEncoding => ("unsupported-encoding", S::UNSUPPORTED_MEDIA_TYPE, "The content encoding is not known"),
            Self::TooManyFailures => ("too-many-failures", S::TOO_MANY_REQUESTS, "Too many failures"),
            Self::TooManyRequests => ("too-many-requests", S::TOO_MANY_REQUESTS, "Too many requests"),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", S::UNSUPPORTED_MEDIA_TYPE, "The content type is not accepted")
            }
            Self::CrossSite => ("cross-site", S::FORBIDDEN, "The request comes from another site"),
            Self::Unavailable => ("unavailable", S::SERVICE_UNAVAILABLE, "Temporarily unavailable"),
            Self::Internal => ("internal", S::INTERNAL_SERVER_ERROR, "Something went wrong here"),
        }
    }
}

/// A problem on its way to the caller.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    retry_after: Option<Duration>,
    parameter: Option<Cow<'static, str>>,
}

impl Problem {
    /// A problem with a sentence for the caller; no secrets, no internals.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after: None, parameter: None }
    }

    /// The parameter `name` is bad.
    pub fn parameter(name: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { kind: ProblemKind::BadParameter, detail: detail.into(), retry_after: None, parameter: Some(name.into()) }
    }

    /// The same, worth another try after `wait`.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Which kind it is.
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.parts().0, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.parts().1
    }

    fn error_response(&self) -> HttpResponse {
        let (name, status, title) = self.kind.parts();
        let mut body = json!({
            "type": format!("urn:netbanx:problem:{name}"), "title": title, "status": status.as_u16(), "detail": self.detail,
        });
        if let (Some(parameter), Some(fields)) = (self.parameter.as_deref(), body.as_object_mut()) {
            fields.insert("parameter".to_owned(), parameter.into());
        }
        let mut response = HttpResponse::build(status);
        response
            .insert_header((header::CONTENT_TYPE, "application/problem+json"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
        match status {
            StatusCode::UNSUPPORTED_MEDIA_TYPE if self.kind == ProblemKind::UnsupportedEncoding => {
                response.insert_header((header::ACCEPT_ENCODING, "gzip, deflate"));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                let wait = self.retry_after.unwrap_or_default().as_millis().div_ceil(1000).max(1);
                response.insert_header((header::RETRY_AFTER, wait.to_string()));
            }
            StatusCode::UNAUTHORIZED => drop(response.insert_header((header::WWW_AUTHENTICATE, self.challenge()))),
            _ => {}
        }
        response.body(body.to_string())
    }
}

impl Problem {
    const fn challenge(&self) -> &'static str {
        match self.kind {
            ProblemKind::Unauthenticated
            | ProblemKind::SignInFailed
            | ProblemKind::SecondFactorRequired
            | ProblemKind::SecondFactorWrong => "Bearer",
            _ => "Signature",
        }
    }
}

impl actix_web::Responder for Problem {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &actix_web::HttpRequest) -> HttpResponse {
        self.error_response()
    }
}
