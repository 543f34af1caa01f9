//! People whom an OpenID Connect provider knows. They are known by issuer and subject, never by their e-mail address: that may
//! be anybody's. They have no password and no second factor here; what they may do is written anew at each sign-in.

use common::CompanyId;
use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, TransactionTrait, sea_query::Expr,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    NewSession,
    sessions::{self, Origin},
};
use crate::{
    Error,
    audit::{self, Note},
    entity::user::{self, Column, Entity},
};
use clock::now_ms;

/// The role of people whose permissions their provider tells.
pub const ROLE: &str = "by-provider";
/// Longest issuer, subject or e-mail address, in bytes.
const LENGTH: usize = 255;

/// Somebody as their provider tells of them.
#[derive(Debug, Clone, Copy)]
pub struct Person<'p> {
    /// The provider.
    pub issuer: &'p str,
    /// What it calls them; never another.
    pub subject: &'p str,
    /// Their e-mail address, to be shown; the subject is where there is none.
    pub email: Option<&'p str>,
}

/// What somebody may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Some of [`crate::tokens::PERMISSIONS`].
    pub permissions: Vec<String>,
    /// Whose data; [`CompanyId::NONE`]: all companies'.
    pub company: CompanyId,
}

/// Opens a session for `person`, who is made if they never signed in before, with `rights` from now on.
pub async fn sign_in(
    db: &DatabaseConnection,
    person: Person<'_>,
    rights: &Rights,
    origin: Origin<'_>,
) -> Result<(user::Model, NewSession), Error> {
    let known = find(db, person).await?;
    let tx = db.begin().await?;
    let is_new = known.is_none();
    let user = match known {
        Some(user) => renewed(&tx, user, person, rights).await?,
        None => made(&tx, person, rights).await?,
    };
    let session = sessions::open(&tx, user.id, origin).await?;
    let actor = format!("user:{}", user.id);
    let note = |action, detail| Note { actor: &actor, company: rights.company, action, detail, address: origin.address };
    let detail = json!({"user": user.id, "issuer": person.issuer, "permissions": rights.permissions}).to_string();
    if is_new {
        audit::record(&tx, note("user.add", &detail)).await?;
    }
    audit::record(&tx, note("session.oidc-sign-in", &detail)).await?;
    tx.commit().await?;
    Ok((user, session))
}

/// Notes that `person` was not let in, and why. If they were before, their sessions end; answers who that was.
pub async fn refuse(
    db: &DatabaseConnection,
    person: Option<Person<'_>>,
    reason: &str,
    origin: Origin<'_>,
) -> Result<Option<Uuid>, Error> {
    let known = match person {
        Some(person) => find(db, person).await?,
        None => None,
    };
    let tx = db.begin().await?;
    if let Some(user) = &known {
        sessions::end_all(&tx, user.id).await?;
    }
    let actor = known.as_ref().map_or_else(|| "unknown".to_owned(), |user| format!("user:{}", user.id));
    let company = CompanyId(known.as_ref().map_or(Uuid::nil(), |user| user.company_id));
    let detail = json!({
        "reason": reason, "issuer": person.map(|person| person.issuer), "subject": person.map(|person| person.subject),
    });
    let detail = detail.to_string();
    let note = Note { actor: &actor, company, action: "session.oidc-refused", detail: &detail, address: origin.address };
    audit::record(&tx, note).await?;
    tx.commit().await?;
    Ok(known.map(|user| user.id))
}

/// Whether issuer and subject are texts that can be kept.
pub fn can_be_kept(person: Person<'_>) -> bool {
    let is_kept = |text: &str| !text.is_empty() && text.len() <= LENGTH && !text.chars().any(char::is_control);
    is_kept(person.issuer) && is_kept(person.subject)
}

async fn find(db: &DatabaseConnection, person: Person<'_>) -> Result<Option<user::Model>, Error> {
    let own = Column::Issuer.eq(person.issuer).and(Column::Subject.eq(person.subject));
    Ok(Entity::find().filter(own).one(db).await?)
}

async fn renewed(tx: &DatabaseTransaction, user: user::Model, person: Person<'_>, rights: &Rights) -> Result<user::Model, Error> {
    let (email, permissions) = (shown(person), rights.permissions.join(" "));
    Entity::update_many()
        .col_expr(Column::Email, Expr::value(email.as_str()))
        .col_expr(Column::CompanyId, Expr::value(rights.company.0))
        .col_expr(Column::Permissions, Expr::value(permissions.as_str()))
        .filter(Column::Id.eq(user.id))
        .exec(tx)
        .await?;
    Ok(user::Model { email, company_id: rights.company.0, permissions: Some(permissions), ..user })
}

async fn made(tx: &DatabaseTransaction, person: Person<'_>, rights: &Rights) -> Result<user::Model, Error> {
    let row = user::Model {
        id: Uuid::now_v7(),
        company_id: rights.company.0,
        email: shown(person),
        role: ROLE.to_owned(),
        // No password has this digest.
        password_hash: String::new(),
        failed_sign_ins: 0,
        locked_until: None,
        created_at: now_ms(),
        issuer: Some(person.issuer.to_owned()),
        subject: Some(person.subject.to_owned()),
        permissions: Some(rights.permissions.join(" ")),
    };
    Entity::insert(user::ActiveModel::from(row.clone())).exec_without_returning(tx).await?;
    Ok(row)
}

/// The name under which somebody is shown.
fn shown(person: Person<'_>) -> String {
    let email = person.email.map(|email| email.trim().to_lowercase());
    email
        .filter(|email| !email.is_empty() && email.len() <= LENGTH && !email.chars().any(char::is_control))
        .unwrap_or_else(|| person.subject.to_owned())
}
