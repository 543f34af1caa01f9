//! The provider's answers: no redirect is followed, each takes seconds at most, and no more is read than such an answer has.

use std::time::Duration;

use http_service::{Problem, ProblemKind};
use openidconnect::{HttpRequest, HttpResponse, http};
use reqwest::{Client, redirect};

/// Longest wait for a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest time for one answer.
const WHOLE: Duration = Duration::from_secs(5);
/// Bytes of an answer at most; a configuration or a set of keys has some ten thousand.
const ANSWER: usize = 512 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It cannot be reached, or not in time.
    #[error("no answer: {0}")]
    Silent(#[from] reqwest::Error),
    /// More was sent than such an answer has.
    #[error("the answer is too large")]
    TooLarge,
    /// It cannot be read.
    #[error("the answer is malformed: {0}")]
    Malformed(#[from] http::Error),
}

/// A client that asks the provider. Variables such as `HTTP_PROXY` do not count.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .referer(false)
        .user_agent("netbanx-api/1")
        .no_proxy()
        .build()
}

/// Asks.
pub(super) async fn answer(client: Client, request: HttpRequest) -> Result<HttpResponse, Error> {
    let mut response = client.execute(request.try_into()?).await.map_err(reqwest::Error::without_url)?;
    let mut answer = http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > ANSWER {
            return Err(Error::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(answer.body(body)?)
}

/// The provider's answer is missing or useless; the log says why.
pub(super) fn unavailable() -> Problem {
    Problem::new(ProblemKind::ProviderUnavailable, "the sign-in provider does not answer as it should; try again in a moment")
}
