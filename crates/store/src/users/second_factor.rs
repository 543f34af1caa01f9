//! A second factor: codes of six digits that an app computes each 30 seconds from a secret (TOTP, RFC 6238), and recovery codes
//! for when the app is lost.
//!
//! The secret is sealed under the master keys and bound to its user. A code of the step before and of the step after is taken,
//! for clocks that differ; each step once, also by requests side by side, since the step is written by a conditional UPDATE. A
//! factor counts once its first code was right.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set, sea_query::Expr,
};
use totp_rs::{Builder, Totp};
use uuid::Uuid;

use crate::{
    Error, Vault, credential,
    entity::{
        recovery_code,
        second_factor::{self, Column, Entity, Model},
        user,
    },
};
use clock::now_ms;

/// Recovery codes that somebody gets at once.
pub const RECOVERY_CODES: usize = 10;
/// Letters of recovery codes: none that are read as another.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// Letters of a recovery code: 80 bits, so that a plain digest of it gives nothing away.
const CODE_LENGTH: usize = 16;
/// Secrets that are sealed again in one look.
const REWRAPPED_AT_ONCE: u64 = 500;
/// Who asks for the codes, as apps show it.
const ISSUER: &str = "Netbanx webhooks";

/// How many steps ahead of the code that is shown a used one may be while clocks are right: two, for hosts that differ by a
/// minute; and those around it.
const AHEAD: i64 = 4;

/// What somebody's app needs; told once.
#[derive(Clone)]
pub struct Enrolment {
    /// To be typed: base32.
    pub secret: String,
    /// The same as `otpauth://totp/…`, for a QR code.
    pub uri: String,
}

/// What was shown in place of a second factor, and is used up with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// A code of the app.
    App,
    /// A recovery code.
    RecoveryCode {
        /// How many there are still.
        left: u64,
    },
}

/// How somebody's second factor stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// Since when it counts, milliseconds since 1970 UTC; none: it is off.
    pub since: Option<i64>,
    /// Recovery codes that are unused.
    pub recovery_codes: u64,
}

/// A new secret for `user`, which counts once [`confirm`] has seen a code of it. One that was not confirmed is replaced.
pub async fn begin(tx: &DatabaseTransaction, vault: &Vault, user: &user::Model) -> Result<Enrolment, Error> {
    let secret = credential::random::<20>()?;
    let totp = totp(secret.to_vec(), &user.email)?;
    let row = second_factor::ActiveModel {
        user_id: Set(user.id),
        secret: Set(vault.seal_bytes(&purpose(user.id), &secret)?),
        last_step: Set(0),
        created_at: Set(now_ms()),
        confirmed_at: Set(None),
    };
    Entity::delete_many().filter(Column::UserId.eq(user.id)).filter(Column::ConfirmedAt.is_null()).exec(tx).await?;
    if find(tx, user.id).await?.is_some() {
        return Err(Error::Conflict("the second factor is on already; turn it off first".to_owned()));
    }
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(Enrolment { secret: totp.secret().to_base32(), uri: totp.to_url().map_err(|_| Error::Crypto)? })
}

/// Turns the factor on if `code` is right; answers the recovery codes, which are told once.
pub async fn confirm(tx: &DatabaseTransaction, vault: &Vault, pending: &Model, code: &str) -> Result<Option<Vec<String>>, Error> {
    let Some(step) = step_of(vault, pending, code)? else { return Ok(None) };
    let turned_on = Entity::update_many()
        .col_expr(Column::ConfirmedAt, Expr::value(now_ms()))
        .col_expr(Column::LastStep, Expr::value(step))
        .filter(Column::UserId.eq(pending.user_id))
        .filter(Column::ConfirmedAt.is_null())
        .filter(Column::Secret.eq(pending.secret.as_str()))
        .exec(tx)
        .await?;
    if turned_on.rows_affected == 0 {
        return Err(Error::Conflict("the second factor was changed meanwhile".to_owned()));
    }
    Ok(Some(renew_recovery_codes(tx, pending.user_id).await?))
}

/// The row of `user`, whether it counts already or not.
pub async fn find(db: &impl ConnectionTrait, user: Uuid) -> Result<Option<Model>, Error> {
    Ok(Entity::find_by_id(user).one(db).await?)
}

/// The row of `user` if it counts.
pub async fn confirmed(db: &impl ConnectionTrait, user: Uuid) -> Result<Option<Model>, Error> {
    Ok(find(db, user).await?.filter(|row| row.confirmed_at.is_some()))
}

/// How the factor of `user` stands.
pub async fn state(db: &DatabaseConnection, user: Uuid) -> Result<State, Error> {
    let Some(row) = confirmed(db, user).await? else { return Ok(State::default()) };
    Ok(State { since: row.confirmed_at, recovery_codes: recovery_codes_left(db, user).await? })
}

/// Those of `users` who have one.
pub async fn who_has_one(db: &DatabaseConnection, users: &[Uuid]) -> Result<HashSet<Uuid>, Error> {
    let counting = Entity::find().filter(Column::UserId.is_in(users.iter().copied())).filter(Column::ConfirmedAt.is_not_null());
    Ok(counting.select_only().column(Column::UserId).into_tuple::<Uuid>().all(db).await?.into_iter().collect())
}

/// Uses up `code` of the app or of the recovery codes, if it is right and unused. It is used when the transaction is committed.
/// `row` was read before the transaction, whose first statement this writes.
pub async fn use_code(tx: &DatabaseTransaction, vault: &Vault, row: &Model, code: &str) -> Result<Option<Used>, Error> {
    let Some(step) = step_of(vault, row, code)? else { return use_recovery_code(tx, row.user_id, code).await };
    let taken = Entity::update_many()
        .col_expr(Column::LastStep, Expr::value(step))
        .filter(Column::UserId.eq(row.user_id))
        .filter(Column::Secret.eq(row.secret.as_str()))
        .filter(Column::ConfirmedAt.is_not_null())
        // One that is far ahead was used before the clock was set back: whoever uses the code of now is not shut out for as long.
        .filter(Column::LastStep.lt(step).or(Column::LastStep.gt(step + AHEAD)))
        .exec(tx)
        .await?;
    Ok((taken.rows_affected > 0).then_some(Used::App))
}

async fn use_recovery_code(tx: &DatabaseTransaction, user: Uuid, code: &str) -> Result<Option<Used>, Error> {
    let used = recovery_code::Entity::delete_by_id((user, code_hash(user, code))).exec(tx).await?;
    if used.rows_affected == 0 {
        return Ok(None);
    }
    Ok(Some(Used::RecoveryCode { left: recovery_codes_left(tx, user).await? }))
}

/// New recovery codes for `user`, told once; those before do not count any more.
pub async fn renew_recovery_codes(tx: &DatabaseTransaction, user: Uuid) -> Result<Vec<String>, Error> {
    recovery_code::Entity::delete_many().filter(recovery_code::Column::UserId.eq(user)).exec(tx).await?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| new_recovery_code()).collect::<Result<_, _>>()?;
    let rows = codes.iter().map(|code| recovery_code::ActiveModel { user_id: Set(user), code_hash: Set(code_hash(user, code)) });
    recovery_code::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(codes)
}

/// Turns the factor of `user` off, with its recovery codes. Answers whether it was on.
pub async fn off(db: &impl ConnectionTrait, user: Uuid) -> Result<bool, Error> {
    let on = Entity::delete_many().filter(Column::UserId.eq(user)).filter(Column::ConfirmedAt.is_not_null()).exec(db).await?;
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    recovery_code::Entity::delete_many().filter(recovery_code::Column::UserId.eq(user)).exec(db).await?;
    Ok(on.rows_affected > 0)
}

/// Seals again, under the current master key, every secret that is not. Returns how many there were.
pub(crate) async fn rewrap(db: &DatabaseConnection, vault: &Vault) -> Result<u64, Error> {
    let (mut last, mut done) = (Uuid::nil(), 0);
    loop {
        let after = Entity::find().filter(Column::UserId.gt(last)).order_by_asc(Column::UserId).limit(REWRAPPED_AT_ONCE);
        let page = after.all(db).await?;
        let Some(end) = page.last() else { return Ok(done) };
        last = end.user_id;
        for row in page.iter().filter(|row| !vault.is_current(&row.secret)) {
            let purpose = purpose(row.user_id);
            let again = vault.seal_bytes(&purpose, &vault.open_bytes(&purpose, &row.secret)?)?;
            let same = Column::UserId.eq(row.user_id).and(Column::Secret.eq(row.secret.as_str()));
            let replaced = Entity::update_many().col_expr(Column::Secret, Expr::value(again)).filter(same);
            done += replaced.exec(db).await?.rows_affected;
        }
    }
}

async fn recovery_codes_left(db: &impl ConnectionTrait, user: Uuid) -> Result<u64, Error> {
    Ok(recovery_code::Entity::find().filter(recovery_code::Column::UserId.eq(user)).count(db).await?)
}

/// The step of which `code` is the code now.
fn step_of(vault: &Vault, row: &Model, code: &str) -> Result<Option<i64>, Error> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    let secret = vault.open_bytes(&purpose(row.user_id), &row.secret)?;
    let seconds = u64::try_from(now_ms() / 1000).unwrap_or(0);
    Ok(totp(secret, "user")?.check(&digits, seconds).and_then(|step| i64::try_from(step).ok()))
}

/// SHA-1, six digits, 30 seconds and one step around: what every app takes.
fn totp(secret: Vec<u8>, account: &str) -> Result<Totp, Error> {
    let named = Builder::new().with_secret(secret).with_account_name(account.replace(':', " ")).with_issuer(Some(ISSUER));
    named.build().map_err(|_| Error::Crypto)
}

/// Whether the secret of `row` can be opened.
pub(crate) fn is_open(vault: &Vault, row: &Model) -> bool {
    vault.open_bytes(&purpose(row.user_id), &row.secret).is_ok()
}

/// What a secret is bound to.
fn purpose(user: Uuid) -> String {
    format!("second-factor:{user}")
}

fn new_recovery_code() -> Result<String, Error> {
    let random = credential::random::<CODE_LENGTH>()?;
    let letters = random.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32)));
    let letters: Vec<char> = letters.map(|letter| char::from(*letter)).collect();
    Ok(letters.chunks(4).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}

/// What is stored of a recovery code, however it is typed.
fn code_hash(user: Uuid, code: &str) -> String {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    credential::hash(&format!("{user}:{}", letters.to_ascii_lowercase()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B: the last six of its eight digits.
        let totp = totp(b"12345678901234567890".to_vec(), "a@b.example").unwrap();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(totp.check(code, seconds), Some(seconds / 30));
            assert_eq!(totp.check(code, seconds + 30), Some(seconds / 30), "one step late");
            assert_eq!(totp.check(code, seconds + 61), None);
        }
        let url = totp.to_url().unwrap();
        assert!(url.starts_with("otpauth://totp/Netbanx%20webhooks:a%40b.example?secret=GEZDGNBV"), "{url}");
    }

    #[test]
    fn recovery_codes_are_read_however_they_are_typed() {
        let (user, code) = (Uuid::now_v7(), new_recovery_code().unwrap());
        assert_eq!(code.len(), 19);
        assert_eq!(code_hash(user, &code), code_hash(user, &format!(" {} ", code.to_uppercase().replace('-', " "))));
        assert_ne!(code_hash(user, &code), code_hash(Uuid::now_v7(), &code));
    }
}
