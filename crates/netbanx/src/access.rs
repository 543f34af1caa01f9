//! Who may use the API: tokens and users.

use std::io::Read;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::CompanyId;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use store::{
    Scope,
    entity::user,
    tokens,
    users::{self, Role, second_factor},
};
use uuid::Uuid;

use crate::{
    Error,
    admin::{AdminContext, commit, note},
    sources::{PasswordSource, read_named},
};

impl AdminContext {
    pub async fn add_token(
        &self,
        company: Option<&str>,
        admin: bool,
        mut permissions: Vec<String>,
        name: &str,
        days: u16,
    ) -> Result<(), Error> {
        if admin && !permissions.iter().any(|p| p == "admin") {
            permissions.push("admin".to_owned());
        }
        if permissions.is_empty() {
            permissions = tokens::PERMISSIONS.iter().filter(|p| p.starts_with("read:")).map(|p| (*p).to_owned()).collect();
        }
        let company = self.company(company).await?;
        let expires_at = Some(clock::now_ms() + i64::from(days) * 86_400_000);
        let (id, token) = tokens::add(&self.db, company, name, &permissions, expires_at, "command").await?;
        self.note(company, "token.add", &json!({"token": id, "permissions": permissions})).await?;
        self.say(&token, &json!({"id": id, "token": token, "permissions": permissions, "expiresAtMs": expires_at}));
        Ok(())
    }

    pub async fn list_tokens(&self) -> Result<(), Error> {
        let (rows, now) = (tokens::list(&self.db, Scope::All).await?, clock::now_ms());
        let state = |row: &store::entity::api_token::Model| match (row.revoked_at, row.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(until)) if until <= now => "expired",
            _ => "active",
        };
        let text: Vec<String> = rows.iter().map(|r| format!("{}\t{}\t{}\t{}", r.id, r.name, state(r), r.permissions)).collect();
        let value: Value = rows
            .iter()
            .map(|r| {
                json!({"id": r.id, "name": r.name, "state": state(r), "companyId": r.company_id, "permissions": r.permissions})
            })
            .collect();
        self.say(&text.join("\n"), &value);
        Ok(())
    }

    pub async fn revoke_token(&self, id: Uuid) -> Result<(), Error> {
        if !tokens::revoke(&self.db, Scope::All, id).await? {
            return Err(Error::Refused(format!("there is no active token {id}")));
        }
        self.note(CompanyId::NONE, "token.revoke", &json!({"token": id})).await?;
        self.tell_revoked(&format!("token:{id}")).await;
        self.say("revoked", &json!({"revoked": id}));
        Ok(())
    }

    pub async fn add_user(&self, email: &str, role: &str, company: Option<&str>, source: &PasswordSource) -> Result<(), Error> {
        let role = Role::parse(role).ok_or_else(|| Error::Refused("there is no such role".to_owned()))?;
        let company = self.company(company).await?;
        let password = password(source)?;
        let user = users::add(&self.db, email, role, company, &password).await?;
        self.note(company, "user.add", &json!({"user": user.id, "role": role.as_str()})).await?;
        let shown = source.generate.then_some(password);
        let text = shown.clone().unwrap_or_else(|| format!("{} may sign in", user.email));
        self.say(&text, &json!({"id": user.id, "email": user.email, "role": user.role, "password": shown}));
        Ok(())
    }

    pub async fn list_users(&self) -> Result<(), Error> {
        let rows = users::list(&self.db, Scope::All).await?;
        let enrolled = second_factor::who_has_one(&self.db, &rows.iter().map(|r| r.id).collect::<Vec<_>>()).await?;
        let factor = |id| if enrolled.contains(id) { "second factor" } else { "-" };
        let text: Vec<String> = rows.iter().map(|r| format!("{}\t{}\t{}\t{}", r.email, r.role, r.id, factor(&r.id))).collect();
        let value: Value = rows
            .iter()
            .map(|r| {
                json!({"id": r.id, "email": r.email, "role": r.role, "companyId": r.company_id, "lockedUntilMs": r.locked_until,
                    "provider": r.issuer, "secondFactor": enrolled.contains(&r.id)})
            })
            .collect();
        self.say(&text.join("\n"), &value);
        Ok(())
    }

    pub async fn set_password(&self, email: &str, source: &PasswordSource) -> Result<(), Error> {
        let password = password(source)?;
        let user = users::set_password(&self.db, email, &password).await?;
        self.note(CompanyId(user.company_id), "user.password", &json!({"user": user.id})).await?;
        self.tell_revoked(&format!("user:{}", user.id)).await;
        let shown = source.generate.then_some(password);
        let text = shown.clone().unwrap_or_else(|| format!("{} has a new password", user.email));
        self.say(&text, &json!({"id": user.id, "password": shown}));
        Ok(())
    }

    pub async fn reset_second_factor(&self, email: &str) -> Result<(), Error> {
        let user = self.user(email).await?;
        let tx = self.begin().await?;
        if !users::reset_second_factor(&tx, user.id).await? {
            return Err(Error::Refused(format!("{} has no second factor", user.email)));
        }
        note(&tx, CompanyId(user.company_id), "second-factor.reset", &json!({"user": user.id})).await?;
        commit(tx).await?;
        self.tell_revoked(&format!("user:{}", user.id)).await;
        self.say("the second factor is off", &json!({"id": user.id}));
        Ok(())
    }

    pub async fn remove_user(&self, email: &str) -> Result<(), Error> {
        let user = self.user(email).await?;
        users::remove(&self.db, Scope::All, user.id).await?;
        self.note(CompanyId(user.company_id), "user.remove", &json!({"user": user.id})).await?;
        self.tell_revoked(&format!("user:{}", user.id)).await;
        self.say("removed", &json!({"removed": user.id}));
        Ok(())
    }
}

impl AdminContext {
    /// The user with that address: who has a password, else the only one whom a provider calls so.
    async fn user(&self, email: &str) -> Result<user::Model, Error> {
        let email = email.trim().to_lowercase();
        let known = users::list(&self.db, Scope::All).await?.into_iter().filter(|row| row.email == email);
        let (own, mut others): (Vec<_>, Vec<_>) = known.partition(|row| row.issuer.is_none());
        match (own.into_iter().next(), others.pop()) {
            (Some(own), _) => Ok(own),
            (None, Some(only)) if others.is_empty() => Ok(only),
            (None, Some(_)) => Err(Error::Refused(format!("several are called '{email}' by their provider; use the dashboard"))),
            (None, None) => Err(Error::Refused(format!("there is no user '{email}'"))),
        }
    }

    /// Tells replicas of the API, which may not reach the database when it counts, who is out.
    async fn tell_revoked(&self, subject: &str) {
        if let Ok(redis) = redis_client::connect(&self.settings.cache_redis_url) {
            api::Revocations::new(redis, &self.settings.queue_name).note(subject).await;
        }
    }
}

fn password(source: &PasswordSource) -> Result<String, Error> {
    let text = match &source.password_file {
        Some(path) if path.as_os_str() == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
        Some(path) => read_named(path)?,
        None => return generate_password(),
    };
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A new password of 24 characters.
pub(crate) fn generate_password() -> Result<String, Error> {
    let mut bytes = [0; 18];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Refused("no randomness".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
