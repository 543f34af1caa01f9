//! What people change of their own account: they show their password or a code of their second factor for it, and wrong ones
//! count as failed attempts to sign in.

use sea_orm::{ColumnTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    attempts, check_form,
    passwords::{check_password, hash_password},
};
use crate::{
    Error, credential,
    entity::{known_device, user},
};

/// A password that was checked against the rules, and hashed.
pub struct NewPassword(String);

impl NewPassword {
    /// Hashes `password`; [`Error::Invalid`] tells what is wrong with it.
    pub async fn of(password: &str) -> Result<Self, Error> {
        check_form(password)?;
        Ok(Self(hash_password(password.to_owned()).await?))
    }
}

/// Whether another attempt of `user`, from a browser with the cookies `devices`, is looked at. It counts as failed until
/// [`succeeded`].
pub async fn may_try(db: &DatabaseConnection, user: &user::Model, devices: &[&str]) -> Result<bool, Error> {
    attempts::count(db, &attempts::counted_on(db, Some(user.id), devices).await?).await
}

/// Takes the failures back.
pub async fn succeeded(db: &DatabaseConnection, user: &user::Model, devices: &[&str]) -> Result<(), Error> {
    attempts::forget(db, &attempts::counted_on(db, Some(user.id), devices).await?).await
}

/// Whether `password` is that of `user` now.
pub async fn has_password(db: &DatabaseConnection, user: &user::Model, password: &str) -> Result<bool, Error> {
    // What the caller knows of the user may be half a second old.
    let known = user::Entity::find_by_id(user.id).one(db).await?.map(|user| user.password_hash);
    check_password(password.to_owned(), known).await
}

/// Sets the password of `user`. Browsers are known no more but those with the cookies `devices`.
pub async fn set_password(
    tx: &DatabaseTransaction,
    user: &user::Model,
    password: NewPassword,
    devices: &[&str],
) -> Result<(), Error> {
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(password.0))
        .filter(user::Column::Id.eq(user.id))
        .exec(tx)
        .await?;
    let kept = devices.iter().map(|device| credential::hash(device));
    known_device::Entity::delete_many()
        .filter(known_device::Column::UserId.eq(user.id))
        .filter(known_device::Column::TokenHash.is_not_in(kept))
        .exec(tx)
        .await?;
    Ok(())
}
