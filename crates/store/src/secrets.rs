//! Receivers' HMAC keys, AES-256-GCM under the master key, bound to their receiver.

use base64::{Engine, engine::general_purpose::STANDARD};
use common::{CompanyId, Endpoint, signature::KeyEncoding};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    TransactionTrait, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    Error,
    entity::receiver_secret::{self, Column, Entity, Model},
    now_ms,
    reads::Scope,
    receiver_changes,
};

/// Active keys of one receiver at most: the new one and the one that it replaces.
pub const MAX_ACTIVE: u64 = 2;

/// Encrypts and decrypts secrets.
#[derive(Debug)]
pub struct Vault(LessSafeKey);

impl Vault {
    /// A vault under that master key.
    pub fn new(master_key: &[u8; 32]) -> Result<Self, Error> {
        UnboundKey::new(&AES_256_GCM, master_key).map(|key| Self(LessSafeKey::new(key))).map_err(|_| Error::Crypto)
    }

    fn seal(&self, receiver: &str, text: &str) -> Result<String, Error> {
        self.seal_bytes(receiver, text.as_bytes())
    }

    /// Encrypts `bytes`, bound to `purpose`; base64.
    pub fn seal_bytes(&self, purpose: &str, bytes: &[u8]) -> Result<String, Error> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| Error::Crypto)?;
        let mut sealed = bytes.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose.as_bytes()), &mut sealed)
            .map_err(|_| Error::Crypto)?;
        Ok(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Decrypts what was encrypted for `purpose`.
    pub fn open_bytes(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = STANDARD.decode(sealed).map_err(|_| Error::Crypto)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(Error::Crypto)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Crypto)?;
        let plain = self.0.open_in_place(nonce, Aad::from(purpose.as_bytes()), sealed).map_err(|_| Error::Crypto)?;
        Ok(plain.to_vec())
    }

    /// The prepared HMAC key of a stored secret.
    pub fn open(&self, row: &Model) -> Result<hmac::Key, Error> {
        let plain = self.open_bytes(&receiver_of(&row.endpoint, row.company_id), &row.ciphertext)?;
        let text = std::str::from_utf8(&plain).map_err(|_| Error::Crypto)?;
        KeyEncoding::parse(&row.encoding).and_then(|encoding| encoding.key(text).ok()).ok_or(Error::Crypto)
    }
}

fn receiver_of(endpoint: &str, company: Uuid) -> String {
    format!("{endpoint}:{company}")
}

fn of_receiver(endpoint: Endpoint, company: CompanyId) -> Condition {
    Condition::all().add(Column::Endpoint.eq(endpoint.as_str())).add(Column::CompanyId.eq(company.0))
}

/// A new key of 32 random bytes, as text of that encoding.
pub fn generate(encoding: KeyEncoding) -> Result<String, Error> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Crypto)?;
    Ok(match encoding {
        KeyEncoding::Hex => bytes.iter().fold(String::new(), |text, b| text + &format!("{b:02x}")),
        KeyEncoding::Utf8 | KeyEncoding::Base64 => STANDARD.encode(bytes),
    })
}

/// Adds a secret. Those active before stay so until `grace_ms` from now; 0 ends them at once.
pub async fn add(
    db: &DatabaseConnection,
    vault: &Vault,
    endpoint: Endpoint,
    company: CompanyId,
    text: &str,
    encoding: KeyEncoding,
    grace_ms: i64,
) -> Result<i32, Error> {
    encoding.key(text).map_err(|e| Error::Conflict(e.to_string()))?;
    let ciphertext = vault.seal(&receiver_of(endpoint.as_str(), company.0), text)?;
    let now = now_ms();
    let tx = db.begin().await?;
    Entity::update_many()
        .col_expr(Column::ActiveUntil, Expr::value(now + grace_ms))
        .filter(of_receiver(endpoint, company))
        .filter(Condition::any().add(Column::ActiveUntil.is_null()).add(Column::ActiveUntil.gt(now + grace_ms)))
        .exec(&tx)
        .await?;
    let last: Option<i32> = Entity::find()
        .select_only()
        .column_as(Column::Version.max(), "last")
        .filter(of_receiver(endpoint, company))
        .into_tuple::<Option<i32>>()
        .one(&tx)
        .await?
        .flatten();
    let version = last.unwrap_or(0) + 1;
    let row = receiver_secret::ActiveModel {
        id: Set(Uuid::now_v7()),
        endpoint: Set(endpoint.as_str().to_owned()),
        company_id: Set(company.0),
        version: Set(version),
        encoding: Set(encoding.as_str().to_owned()),
        ciphertext: Set(ciphertext),
        active_from: Set(now),
        active_until: Set(None),
        created_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(&tx).await?;
    receiver_changes::note(&tx).await?;
    tx.commit().await?;
    Ok(version)
}

/// The active secrets of a receiver, newest first.
pub async fn active(db: &DatabaseConnection, endpoint: Endpoint, company: CompanyId) -> Result<Vec<Model>, Error> {
    let now = now_ms();
    Ok(Entity::find()
        .filter(of_receiver(endpoint, company))
        .filter(Column::ActiveFrom.lte(now))
        .filter(Condition::any().add(Column::ActiveUntil.is_null()).add(Column::ActiveUntil.gt(now)))
        .order_by_desc(Column::Version)
        .limit(MAX_ACTIVE)
        .all(db)
        .await?)
}

/// The secrets within `scope` by receiver and version, at most 1,000. Ciphertext included: do not print it.
pub async fn list(db: &DatabaseConnection, scope: Scope) -> Result<Vec<Model>, Error> {
    let own = match scope {
        Scope::All => None,
        Scope::Company(id) => Some(Column::CompanyId.eq(id)),
    };
    Ok(Entity::find()
        .filter(Condition::all().add_option(own))
        .order_by_asc(Column::Endpoint)
        .order_by_asc(Column::CompanyId)
        .order_by_asc(Column::Version)
        .paginate(db, 1000)
        .fetch_page(0)
        .await?)
}

/// Ends a secret now. Answers whether there was such a one, still active.
pub async fn revoke(db: &DatabaseConnection, endpoint: Endpoint, company: CompanyId, version: i32) -> Result<bool, Error> {
    let now = now_ms();
    let tx = db.begin().await?;
    let done = Entity::update_many()
        .col_expr(Column::ActiveUntil, Expr::value(now))
        .filter(of_receiver(endpoint, company))
        .filter(Column::Version.eq(version))
        .filter(Condition::any().add(Column::ActiveUntil.is_null()).add(Column::ActiveUntil.gt(now)))
        .exec(&tx)
        .await?;
    receiver_changes::note(&tx).await?;
    tx.commit().await?;
    Ok(done.rows_affected > 0)
}
