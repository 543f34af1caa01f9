//! `/api/v1/account/password`: people change their own password.

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::Problem;
use serde::Deserialize;
use serde_json::json;
use store::users::{
    self,
    own::{self, NewPassword},
    sessions,
};
use utoipa::ToSchema;

use super::Person;
use crate::{
    Api, auth, begin, commit,
    http::{body, openapi::problems},
    query_failed,
};

/// A change of one's own password.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password so far.
    old_password: String,
    /// 12 to 200 characters, others than the password so far.
    new_password: String,
}

/// Change one's own password. Every other session of one's own ends at once, and other browsers are not known any more. A wrong
/// password counts as a failed sign-in.
#[utoipa::path(post, path = "/api/v1/account/password", tag = "account", request_body = PasswordChange,
    responses((status = 204, description = "Changed"), problems::Own))]
pub(crate) async fn change(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let person = Person::of(&api, &request).await?;
    let PasswordChange { old_password, new_password } = body::json(body).await?;
    person.has_password()?;
    if old_password.chars().count() > users::PASSWORD_MAX {
        return Err(Problem::parameter("oldPassword", "oldPassword is wrong"));
    }
    person.try_to_show(&api, &request).await?;
    if !own::has_password(&api.db, &person.user, &old_password).await.map_err(|e| query_failed(&e))? {
        return Err(person.showed_wrong(&api, &request, "user.password-wrong", "oldPassword").await);
    }
    person.showed_right(&api).await?;
    if users::same(&old_password, &new_password) {
        return Err(Problem::parameter("newPassword", "newPassword must be another than the password so far"));
    }
    let password = NewPassword::of(&new_password).await.map_err(|error| match error {
        store::Error::Invalid { reason, .. } => Problem::parameter("newPassword", reason),
        other => query_failed(&other),
    })?;
    let tx = begin(&api).await?;
    own::set_password(&tx, &person.user, password, &person.devices).await.map_err(|e| query_failed(&e))?;
    let ended = sessions::end_others(&tx, person.user.id, Some(person.cookie)).await.map_err(|e| query_failed(&e))?;
    person.author.note(&tx, "user.password", &json!({"user": person.user.id, "sessionsEnded": ended.len()})).await?;
    commit(tx).await?;
    for key in ended {
        auth::forget_session(&api, &key).await;
    }
    Ok(HttpResponse::NoContent().finish())
}
