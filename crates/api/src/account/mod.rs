//! `/api/v1/account`: what people see and change of their own account.
//!
//! | module | part |
//! | --- | --- |
//! | [`password`] | a new password |
//! | [`sessions`] | where one is signed in |
//! | [`second_factor`] | codes of an app, and recovery codes |
//!
//! What is shown for a change, a password or a code, is limited and counted like a sign-in.

pub(crate) mod password;
pub(crate) mod second_factor;
pub(crate) mod sessions;

use std::sync::Arc;

use actix_web::HttpRequest;
use common::CompanyId;
use http_service::{Problem, ProblemKind};
use serde_json::json;
use store::{
    entity::user,
    users::{self, own},
};

use crate::{
    Api,
    admin::audit::Author,
    auth::{self, Caller, credentials, session::DEVICE_COOKIE},
    query_failed,
};

/// A person with the session by which they ask.
pub(crate) struct Person<'r> {
    pub user: user::Model,
    /// The session's cookie.
    pub cookie: &'r str,
    /// Cookies of browsers that are known.
    pub devices: Vec<&'r str>,
    /// Who they are in the audit log.
    pub author: Author,
}

impl<'r> Person<'r> {
    /// The sender of `request`, who must be a person.
    pub async fn of(api: &Api, request: &'r HttpRequest) -> Result<Self, Problem> {
        Self::known(api, request, auth::anyone(api, request).await?).await
    }

    /// The same, also of somebody who has to set up a second factor first.
    pub async fn enrolling(api: &Api, request: &'r HttpRequest) -> Result<Self, Problem> {
        Self::known(api, request, auth::anyone_enrolling(api, request).await?).await
    }

    async fn known(api: &Api, request: &'r HttpRequest, caller: Arc<Caller>) -> Result<Self, Problem> {
        let Some(user) = caller.user.clone() else {
            return Err(Problem::new(ProblemKind::Forbidden, "this is for people who signed in, not for tokens"));
        };
        let (_, cookie) = auth::of_cookies(api, request).await?;
        let author = Author::of(api, request, &caller).about(CompanyId(user.company_id));
        let devices = credentials::cookies(request.headers(), &[DEVICE_COOKIE]);
        Ok(Self { user, cookie, devices, author })
    }

    /// Refuses whoever a provider signs in.
    pub fn has_password(&self) -> Result<(), Problem> {
        if self.user.issuer.is_some() {
            return Err(Problem::new(ProblemKind::Conflict, "your provider signs you in: password and second factor are there"));
        }
        Ok(())
    }

    /// Counts an attempt to show a password or a code, where not too many failed.
    pub async fn try_to_show(&self, api: &Api, request: &HttpRequest) -> Result<(), Problem> {
        api.sign_ins.check(api.addresses.of(request), &self.user.email)?;
        if own::may_try(&api.db, &self.user, &self.devices).await.map_err(|e| query_failed(&e))? {
            return Ok(());
        }
        Err(Problem::new(ProblemKind::TooManyRequests, "too many attempts failed; try again in 15 minutes")
            .retry_after(std::time::Duration::from_millis(users::LOCKED_MS.unsigned_abs())))
    }

    /// What was shown is wrong: `action` tells what that was, `parameter` where.
    pub async fn showed_wrong(&self, api: &Api, request: &HttpRequest, action: &str, parameter: &'static str) -> Problem {
        api.sign_ins.failed(api.addresses.of(request), &self.user.email);
        match self.author.note_alone(api, action, &json!({"user": self.user.id})).await {
            Ok(()) => Problem::parameter(parameter, format!("{parameter} is wrong")),
            Err(problem) => problem,
        }
    }

    /// What was shown is right: failures before it are forgotten.
    pub async fn showed_right(&self, api: &Api) -> Result<(), Problem> {
        own::succeeded(&api.db, &self.user, &self.devices).await.map_err(|e| query_failed(&e))
    }
}
