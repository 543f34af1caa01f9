//! Signing in by password and, where the user has one, second factor. Each attempt is counted before its password is checked
//! (`attempts`). A right password without its code counts as well: whoever has the password gets no more guesses of the code by
//! leaving it out in between.

use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    TransactionTrait,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    NewSession, PASSWORD_MAX,
    attempts::{self, Counted},
    find,
    passwords::check_password,
    second_factor::{self, Used},
    sessions::{self, Origin},
};
use crate::{
    Error, Vault,
    audit::{self, Note},
    credential::{self, hash},
    entity::{known_device, user},
};
use clock::now_ms;

/// For how long a browser is known.
pub const DEVICE_MS: i64 = 90 * 86_400_000;
/// Browsers of one user that are known, the latest ones.
const DEVICES: u64 = 10;

/// An attempt to sign in.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// As it was typed.
    pub email: &'a str,
    /// As it was typed.
    pub password: &'a str,
    /// Of the app or of the recovery codes, as it was typed, if it was.
    pub code: Option<&'a str>,
    /// Cookies of browsers that were known before.
    pub devices: &'a [&'a str],
    /// Where it comes from.
    pub origin: Origin<'a>,
    /// Opens the secrets of second factors; without one nobody who has a factor gets in.
    pub vault: Option<&'a Vault>,
}

/// What came of it.
pub enum Outcome {
    /// A new session.
    SignedIn(Box<SignedIn>),
    /// The address or the password is wrong, or the user is locked out.
    Refused,
    /// The password is right; the code is missing.
    CodeMissing,
    /// The password is right; the code is wrong or was used before.
    CodeWrong,
}

/// Somebody who has signed in.
pub struct SignedIn {
    /// Who.
    pub user: user::Model,
    /// Their session.
    pub session: NewSession,
    /// The cookie by which the browser is known from now on; none if it was known before.
    pub device: Option<String>,
}

/// A new session for the user who has that address, password and, if they have a second factor, code; none for anybody else,
/// for who is locked out, and without the right password always after the same time.
pub async fn sign_in(db: &DatabaseConnection, attempt: Attempt<'_>) -> Result<Outcome, Error> {
    let Attempt { email, password, code, devices, origin, vault } = attempt;
    let email = email.trim().to_lowercase();
    let can_be_known = email.len() <= 255 && !email.chars().any(char::is_control) && password.chars().count() <= PASSWORD_MAX;
    let user = if can_be_known { find(db, &email).await? } else { None };
    let counted = attempts::counted_on(db, user.as_ref().map(|user| user.id), devices).await?;
    let is_admitted = attempts::count(db, &counted).await?;
    let known = user.as_ref().filter(|_| is_admitted).map(|user| user.password_hash.clone());
    // A text that is too long is not hashed; something of usual length is, so that the time tells nothing.
    let checked: String = password.chars().take(PASSWORD_MAX).collect();
    let is_right = check_password(checked, known).await? && can_be_known;
    let Some(user) = user else {
        noted(db, "session.sign-in-failed", None, origin).await?;
        return Ok(Outcome::Refused);
    };
    if !is_right {
        let action = if is_admitted { "session.sign-in-failed" } else { "session.locked-out" };
        noted(db, action, Some(&user), origin).await?;
        return Ok(Outcome::Refused);
    }
    let Some(factor) = second_factor::confirmed(db, user.id).await? else {
        let tx = db.begin().await?;
        return Ok(Outcome::SignedIn(welcome(tx, user, counted, origin, None).await?));
    };
    let Some(code) = code else {
        noted(db, "session.code-missing", Some(&user), origin).await?;
        return Ok(Outcome::CodeMissing);
    };
    let tx = db.begin().await?;
    if let Some(used) = second_factor::use_code(&tx, vault.ok_or(Error::Crypto)?, &factor, code).await? {
        return Ok(Outcome::SignedIn(welcome(tx, user, counted, origin, Some(used)).await?));
    }
    tx.rollback().await?;
    noted(db, "session.code-wrong", Some(&user), origin).await?;
    Ok(Outcome::CodeWrong)
}

async fn noted(db: &DatabaseConnection, action: &str, user: Option<&user::Model>, origin: Origin<'_>) -> Result<(), Error> {
    let actor = user.map_or_else(|| "unknown".to_owned(), |user| format!("user:{}", user.id));
    let company = common::CompanyId(user.map_or(Uuid::nil(), |user| user.company_id));
    audit::record_alone(db, Note { actor: &actor, company, action, detail: "{}", address: origin.address }).await
}

/// Opens the session, and knows the browser from now on.
async fn welcome(
    tx: DatabaseTransaction,
    user: user::Model,
    counted: Counted,
    origin: Origin<'_>,
    used: Option<Used>,
) -> Result<Box<SignedIn>, Error> {
    attempts::forget(&tx, &counted).await?;
    let session = sessions::open(&tx, user.id, origin).await?;
    let is_known = matches!(counted, Counted::Device(_));
    let device = if is_known { None } else { Some(know_device(&tx, user.id).await?) };
    let actor = format!("user:{}", user.id);
    let signed_in = "session.sign-in";
    let note = Note {
        actor: &actor,
        company: common::CompanyId(user.company_id),
        action: signed_in,
        detail: "{}",
        address: origin.address,
    };
    if let Some(Used::RecoveryCode { left }) = used {
        let detail = json!({"user": user.id, "left": left}).to_string();
        audit::record(&tx, Note { action: "second-factor.recovery-code", detail: &detail, ..note }).await?;
    }
    audit::record(&tx, note).await?;
    tx.commit().await?;
    Ok(Box::new(SignedIn { user, session, device }))
}

async fn know_device(tx: &DatabaseTransaction, user: Uuid) -> Result<String, Error> {
    use known_device::{ActiveModel, Column, Entity};
    let (token, now) = (credential::new()?, now_ms());
    let row = ActiveModel {
        token_hash: Set(hash(&token)),
        user_id: Set(user),
        failed_sign_ins: Set(0),
        locked_until: Set(None),
        created_at: Set(now),
        expires_at: Set(now + DEVICE_MS),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    let kept = Entity::find().filter(Column::UserId.eq(user)).order_by_desc(Column::CreatedAt).limit(DEVICES).all(tx).await?;
    let kept: Vec<String> = kept.into_iter().map(|row| row.token_hash).collect();
    Entity::delete_many().filter(Column::UserId.eq(user)).filter(Column::TokenHash.is_not_in(kept)).exec(tx).await?;
    Ok(token)
}
