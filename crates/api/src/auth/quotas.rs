//! How much one sender, and one company, may ask: requests in a minute, each replica by itself.
//!
//! Counted in the process: a counter in Redis would cost every cached answer a call. So a company has its quota from each
//! replica, and a sender whose requests are spread over several may have up to as many times the quota.

use std::time::Duration;

use actix_web::{HttpRequest, http::header::HeaderValue};
use http_service::{Problem, Quota, Rate, RateLimit, quota};
use store::Scope;
use uuid::Uuid;

use crate::auth::Caller;

const WINDOW: Duration = Duration::from_secs(60);
/// Senders and companies that are remembered at most: each takes about 100 bytes.
const REMEMBERED: usize = 20_000;
const SENDER: &str = "default";
const COMPANY: &str = "company";

/// The counts of senders and companies.
#[derive(Debug)]
pub(crate) struct Quotas {
    /// By `token:ID` or `user:ID`: the sessions of one person count together.
    senders: RateLimit<String>,
    companies: RateLimit<Uuid>,
    /// What answers name: of those who have no company, and of those who have.
    of_sender: HeaderValue,
    of_both: HeaderValue,
}

impl Quotas {
    /// So many requests in a minute from one sender, and from all of a company.
    pub fn new(sender: u32, company: u32) -> Self {
        let quota = |name, count| Quota { name, count, window: WINDOW };
        let rate = |count: u32| Rate { burst: count, each: WINDOW / count.max(1) };
        let (of_sender, of_company) = (quota(SENDER, sender), quota(COMPANY, company));
        Self {
            senders: RateLimit::new(rate(sender), REMEMBERED),
            companies: RateLimit::new(rate(company), REMEMBERED),
            of_sender: quota::policy(&[of_sender]),
            of_both: quota::policy(&[of_sender, of_company]),
        }
    }

    /// Counts `request` of `caller`, whose answer tells what is left; refuses it where nothing is.
    pub fn count(&self, request: &HttpRequest, caller: &Caller) -> Result<(), Problem> {
        // A stream asks who its sender is again and again, and is one request.
        if quota::is_told(request) {
            return Ok(());
        }
        let sender = (SENDER, self.senders.count(caller.actor.as_str()));
        match caller.scope() {
            Scope::All => quota::tell(request, &self.of_sender, &[sender]),
            // What one sender was refused does not count for the others of the company.
            Scope::Company(_) if sender.1.wait.is_some() => quota::tell(request, &self.of_sender, &[sender]),
            Scope::Company(id) => quota::tell(request, &self.of_both, &[sender, (COMPANY, self.companies.count(&id))]),
        }
    }
}
