//! `/api/v1/account/second-factor`: people set up a second factor, renew its recovery codes, and turn it off.

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::{Problem, ProblemKind, uncached};
use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::shown::time;
use store::users::{
    self, own,
    second_factor::{self, Used},
    sessions,
};
use utoipa::ToSchema;

use super::Person;
use crate::{
    Api,
    auth::{self, demand, session::CODE_LENGTH},
    begin, commit,
    http::{body, openapi::problems},
    query_failed,
    reads::views::Success,
    refused, rollback,
};

/// How one's own second factor stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecondFactorState {
    enabled: bool,
    /// Since when.
    since: Option<String>,
    /// Recovery codes that are unused.
    recovery_codes_left: u64,
    /// Whether it is demanded of oneself.
    demanded: bool,
    /// Whether one has a password here: who signs in by a provider has neither.
    has_password: bool,
}

/// One's own password, to show that one is oneself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShownPassword {
    password: String,
}

/// What an app needs to compute codes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecondFactorSecret {
    /// To be typed, base32; shown this once.
    secret: String,
    /// The same as `otpauth://totp/…`, to be shown as a QR code.
    otpauth_uri: String,
}

/// A code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShownCode {
    /// The code that one's app shows, or an unused recovery code.
    code: String,
}

/// Codes that stand in once each for an app that was lost.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecoveryCodes {
    /// Ten, shown this once.
    recovery_codes: Vec<String>,
}

/// How does my second factor stand?
#[utoipa::path(get, path = "/api/v1/account/second-factor", tag = "account",
    responses((status = 200, body = Success<SecondFactorState>, description = "One's own"), problems::Known))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let person = Person::enrolling(&api, &request).await?;
    let state = second_factor::state(&api.db, person.user.id).await.map_err(|e| query_failed(&e))?;
    let told = SecondFactorState {
        enabled: state.since.is_some(),
        since: state.since.and_then(time),
        recovery_codes_left: state.recovery_codes,
        demanded: demand::is_made(&api, &person.user),
        has_password: person.user.issuer.is_none(),
    };
    Ok(uncached(HttpResponse::Ok(), told))
}

/// Begin to set up a second factor: a new secret for one's app. It counts once a code of it was confirmed.
#[utoipa::path(post, path = "/api/v1/account/second-factor", tag = "account", request_body = ShownPassword,
    responses((status = 201, body = Success<SecondFactorSecret>, description = "To be confirmed"), problems::Own))]
pub(crate) async fn begin_enrolment(
    api: web::Data<Api>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let person = Person::enrolling(&api, &request).await?;
    let ShownPassword { password } = body::json(body).await?;
    person.has_password()?;
    let vault = demand::vault(&api)?;
    if password.chars().count() > users::PASSWORD_MAX {
        return Err(Problem::parameter("password", "password is wrong"));
    }
    person.try_to_show(&api, &request).await?;
    if !own::has_password(&api.db, &person.user, &password).await.map_err(|e| query_failed(&e))? {
        return Err(person.showed_wrong(&api, &request, "user.password-wrong", "password").await);
    }
    person.showed_right(&api).await?;
    let tx = begin(&api).await?;
    let enrolment = second_factor::begin(&tx, vault, &person.user).await.map_err(|e| refused(&e))?;
    person.author.note(&tx, "second-factor.begin", &json!({"user": person.user.id})).await?;
    commit(tx).await?;
    let secret = SecondFactorSecret { secret: enrolment.secret, otpauth_uri: enrolment.uri };
    Ok(uncached(HttpResponse::Created(), secret))
}

/// Turn the second factor on with the first code of one's app. Every other session of one's own ends: they were opened without.
#[utoipa::path(post, path = "/api/v1/account/second-factor/confirm", tag = "account", request_body = ShownCode,
    responses((status = 200, body = Success<RecoveryCodes>, description = "It is on; ten recovery codes"), problems::Own))]
pub(crate) async fn confirm(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let person = Person::enrolling(&api, &request).await?;
    let code = read_code(body).await?;
    let vault = demand::vault(&api)?;
    let pending = second_factor::find(&api.db, person.user.id).await.map_err(|e| query_failed(&e))?;
    let pending = pending
        .filter(|row| row.confirmed_at.is_none())
        .ok_or_else(|| Problem::new(ProblemKind::Conflict, "there is no second factor to confirm"))?;
    person.try_to_show(&api, &request).await?;
    let tx = begin(&api).await?;
    let Some(codes) = second_factor::confirm(&tx, vault, &pending, &code).await.map_err(|e| refused(&e))? else {
        rollback(tx).await?;
        return Err(person.showed_wrong(&api, &request, "second-factor.code-wrong", "code").await);
    };
    let ended = sessions::end_others(&tx, person.user.id, Some(person.cookie)).await.map_err(|e| query_failed(&e))?;
    person.author.note(&tx, "second-factor.on", &json!({"user": person.user.id, "sessionsEnded": ended.len()})).await?;
    commit(tx).await?;
    person.showed_right(&api).await?;
    for key in ended {
        auth::forget_session(&api, &key).await;
    }
    Ok(told_once(codes))
}

/// Renew one's recovery codes; those before do not count any more.
#[utoipa::path(post, path = "/api/v1/account/second-factor/recovery-codes", tag = "account", request_body = ShownCode,
    responses((status = 200, body = Success<RecoveryCodes>, description = "Ten new ones"), problems::Own))]
pub(crate) async fn renew(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let person = Person::of(&api, &request).await?;
    let tx = showed_code(&api, &request, &person, body).await?;
    let codes = second_factor::renew_recovery_codes(&tx, person.user.id).await.map_err(|e| query_failed(&e))?;
    person.author.note(&tx, "second-factor.recovery-codes", &json!({"user": person.user.id})).await?;
    commit(tx).await?;
    person.showed_right(&api).await?;
    Ok(told_once(codes))
}

/// Turn one's second factor off, for example to set it up on another device.
#[utoipa::path(post, path = "/api/v1/account/second-factor/off", tag = "account", request_body = ShownCode,
    responses((status = 204, description = "It is off"), problems::Own))]
pub(crate) async fn turn_off(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let person = Person::of(&api, &request).await?;
    let tx = showed_code(&api, &request, &person, body).await?;
    second_factor::off(&tx, person.user.id).await.map_err(|e| query_failed(&e))?;
    person.author.note(&tx, "second-factor.off", &json!({"user": person.user.id})).await?;
    commit(tx).await?;
    person.showed_right(&api).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The transaction in which the code of `body` is used up.
async fn showed_code(
    api: &Api,
    request: &HttpRequest,
    person: &Person<'_>,
    body: web::Payload,
) -> Result<DatabaseTransaction, Problem> {
    let code = read_code(body).await?;
    let vault = demand::vault(api)?;
    let row = second_factor::confirmed(&api.db, person.user.id).await.map_err(|e| query_failed(&e))?;
    let row = row.ok_or_else(|| Problem::new(ProblemKind::Conflict, "the second factor is off"))?;
    person.try_to_show(api, request).await?;
    let tx = begin(api).await?;
    let used = second_factor::use_code(&tx, vault, &row, &code).await.map_err(|e| query_failed(&e))?;
    if let Some(Used::RecoveryCode { left }) = used {
        let detail = json!({"user": person.user.id, "left": left});
        person.author.note(&tx, "second-factor.recovery-code", &detail).await?;
    }
    if used.is_none() {
        rollback(tx).await?;
        return Err(person.showed_wrong(api, request, "second-factor.code-wrong", "code").await);
    }
    Ok(tx)
}

async fn read_code(body: web::Payload) -> Result<String, Problem> {
    let ShownCode { code } = body::json(body).await?;
    if code.len() > CODE_LENGTH {
        return Err(Problem::parameter("code", format!("a code has {CODE_LENGTH} characters at most")));
    }
    Ok(code)
}

fn told_once(recovery_codes: Vec<String>) -> HttpResponse {
    uncached(HttpResponse::Ok(), RecoveryCodes { recovery_codes })
}
