//! Requests within limits: to the configured host alone, without redirects; answers up to 256 kB; so many a minute; and tried again
//! where that may help, a few times, after a pause that grows, has jitter, and is as long as Netbanx asks for.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, SecondsFormat, Utc};
use outbound::{Policy, breaker::Breaker, client as guarded, schedule};
use reqwest::{
    Response,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER},
};
use serde_json::Value;
use settings::{LookupSettings, OutboundSettings};
use store::lookups::Credentials;
use url::Url;

use crate::{Error, Told, What, pace::Pace};

/// Bytes of an answer at most.
pub const LARGEST: usize = 256 * 1024;
/// How often a request is made at most.
const TRIES: u32 = 4;
/// The pause after the first try; doubled after each.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause that is waited for; who asks for more is asked later.
const PATIENCE: Duration = Duration::from_secs(20);
/// Records of a page: the most that Paysafe's documentation allows.
const PAGE: usize = 50;
/// Pages of a reference at most.
const PAGES: usize = 20;

/// Asks for one company. Its rate and what it learnt of Netbanx' state last as long as it.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    username: String,
    password: Password,
    pace: Mutex<Pace>,
    breaker: Mutex<Breaker>,
}

/// A text that no log shows.
struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// One failed try.
enum Failed {
    /// Nothing will change by trying again.
    ForGood(Error),
    /// It may go better after a pause, of that length where Netbanx says so.
    ForNow(Error, Option<Duration>),
}

impl Client {
    /// A client with these credentials, within those limits.
    pub fn new(credentials: Credentials, outbound: &OutboundSettings, limits: &LookupSettings) -> Result<Self, Error> {
        let Credentials { url, username, password } = credentials;
        let base = check(&Policy::of(outbound), &url)?;
        Ok(Self {
            http: guarded::guarded(outbound, limits.timeout)?,
            base,
            username,
            password: Password(password),
            pace: Mutex::new(Pace::new(limits.per_minute)),
            breaker: Mutex::new(Breaker::new(Instant::now())),
        })
    }

    /// What Netbanx says of that id; none: it knows nothing of it.
    pub async fn by_id(&self, what: What, id: &str) -> Result<Option<Told>, Error> {
        let answer = self.ask(self.url(what, Some(id))?).await?;
        answer.map(|answer| Told::read(what, Some(id), &answer)).transpose()
    }

    /// What Netbanx has of the merchant's reference, made from `since_ms`, milliseconds since 1970 UTC, on.
    pub async fn by_reference(&self, what: What, reference: &str, since_ms: i64) -> Result<Vec<Told>, Error> {
        if what == What::Account || !is_subject(reference) {
            return Err(Error::Subject);
        }
        let since = DateTime::<Utc>::from_timestamp_millis(since_ms).ok_or(Error::Subject)?;
        let mut all: Vec<Told> = Vec::new();
        for page in 0..PAGES {
            let mut url = self.url(what, None)?;
            url.query_pairs_mut()
                .append_pair("merchantRefNum", reference)
                .append_pair("limit", &PAGE.to_string())
                .append_pair("offset", &(page * PAGE).to_string())
                .append_pair("startDate", &since.to_rfc3339_opts(SecondsFormat::Secs, true));
            let Some(answer) = self.ask(url).await? else { return Ok(all) };
            let (more, total) = Told::read_list(what, &answer)?;
            let is_last = more.len() < PAGE || total.is_some_and(|total| (page + 1) * PAGE >= total);
            // What is made meanwhile moves the pages: the same may come twice.
            all.extend(more.into_iter().filter(|one| one.merchant_ref_num.as_deref().is_none_or(|own| own == reference)));
            if is_last {
                let mut known = std::collections::HashSet::new();
                all.retain(|one| known.insert(one.id.clone()));
                return Ok(all);
            }
        }
        Err(Error::TooMany(PAGE * PAGES))
    }

    fn url(&self, what: What, id: Option<&str>) -> Result<Url, Error> {
        let mut url = self.base.clone();
        {
            let mut path = url.path_segments_mut().map_err(|()| Error::Subject)?;
            path.pop_if_empty().extend(what.path());
            if let Some(id) = id {
                // These two mean something else in a path.
                if !is_subject(id) || matches!(id, "." | "..") {
                    return Err(Error::Subject);
                }
                path.push(id);
            }
        }
        Ok(url)
    }

    /// The answer; none where Netbanx says 404.
    async fn ask(&self, url: Url) -> Result<Option<Value>, Error> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            self.turn().await?;
            let (error, asked) = match self.try_once(url.clone()).await {
                Ok(answer) => {
                    lock(&self.breaker).succeeded(Instant::now());
                    return Ok(answer);
                }
                Err(Failed::ForGood(error)) => return Err(error),
                Err(Failed::ForNow(error, asked)) => (error, asked),
            };
            lock(&self.breaker).failed(Instant::now(), asked);
            if let Some(asked) = asked.filter(|asked| *asked > PATIENCE) {
                return Err(Error::Later(asked));
            }
            if attempt >= TRIES {
                return Err(error);
            }
            let jittered = pause.mul_f64(rand::random_range(0.5..1.5));
            tokio::time::sleep(asked.unwrap_or(jittered)).await;
            pause *= 2;
        }
        Err(Error::NoAnswer("no answer".to_owned()))
    }

    /// Waits for a turn: by the rate, and by what is known of Netbanx' state.
    async fn turn(&self) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            let now = Instant::now();
            let pause = lock(&self.breaker).pause(now);
            let wait = if pause.is_zero() { lock(&self.pace).take(now).err() } else { Some(pause) };
            match wait {
                None => return Ok(()),
                Some(wait) if begun.elapsed() + wait > PATIENCE => return Err(Error::Later(wait)),
                Some(wait) => tokio::time::sleep(wait.max(Duration::from_millis(1))).await,
            }
        }
    }

    async fn try_once(&self, url: Url) -> Result<Option<Value>, Failed> {
        let request = self.http.get(url).basic_auth(&self.username, Some(&self.password.0)).header(ACCEPT, "application/json");
        let no_answer = |error: &reqwest::Error| Failed::ForNow(Error::NoAnswer(guarded::reason(error)), None);
        let answer = request.send().await.map_err(|error| no_answer(&error))?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            status @ (401 | 403) => return Err(Failed::ForGood(Error::Unauthorized(status))),
            status @ 300..=399 => return Err(Failed::ForGood(Error::Redirect(status))),
            status @ (408 | 429 | 500..=599) => return Err(Failed::ForNow(Error::Status(status), asked(&answer))),
            status => return Err(Failed::ForGood(Error::Status(status))),
        }
        let is_json = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(is_json);
        if !is_json {
            return Err(Failed::ForGood(Error::Content("it is no JSON by its content type".to_owned())));
        }
        let body = read(answer).await.map_err(|error| match error {
            Error::Http(error) => no_answer(&error),
            error => Failed::ForGood(error),
        })?;
        let parsed = serde_json::from_slice(&body);
        parsed.map(Some).map_err(|_| Failed::ForGood(Error::Content("it is no JSON".to_owned())))
    }
}

/// The address to configure: refused by the rules of `policy`, and where it has a query.
pub fn check(policy: &Policy, url: &str) -> Result<Url, Error> {
    let url = policy.read(url)?;
    if url.query().is_some() {
        return Err(outbound::Refused("url must have no query").into());
    }
    Ok(url)
}

fn is_subject(text: &str) -> bool {
    (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn asked(answer: &Response) -> Option<Duration> {
    schedule::retry_after(answer.headers().get(RETRY_AFTER)?.to_str().ok()?, clock::now_ms())
}

async fn read(mut answer: Response) -> Result<Vec<u8>, Error> {
    let told = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|told| told > LARGEST) {
        return Err(Error::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > LARGEST {
            return Err(Error::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
