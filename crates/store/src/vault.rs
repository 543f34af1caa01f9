//! Encryption at rest: AES-256-GCM under the master keys.
//!
//! What is sealed says under which key: `v2:KEY_ID:BASE64`, where the id is the beginning of the key's SHA-256 and the bytes are
//! nonce, ciphertext and tag. It is bound to its purpose: moved elsewhere it does not open. Versions before 1.0 wrote the base64
//! alone; each key is tried on those.

use base64::{Engine, engine::general_purpose::STANDARD};
use common::signature::KeyEncoding;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest, hmac,
};

use crate::{Error, credential, entity::receiver_secret::Model};

/// Marks what is sealed under a key that has an id.
const FORM: &str = "v2";

/// Encrypts under the first master key, decrypts under each.
#[derive(Debug)]
pub struct Vault(Vec<(String, LessSafeKey)>);

impl Vault {
    /// A vault under these master keys, the current one first.
    pub fn new(master_keys: &[[u8; 32]]) -> Result<Self, Error> {
        let named = master_keys.iter().map(|key| {
            let id = hex::encode(digest::digest(&digest::SHA256, key)).chars().take(8).collect();
            UnboundKey::new(&AES_256_GCM, key).map(|key| (id, LessSafeKey::new(key))).map_err(|_| Error::Crypto)
        });
        let keys: Vec<_> = named.collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(Error::Crypto) } else { Ok(Self(keys)) }
    }

    /// Encrypts `bytes`, bound to `purpose`.
    pub fn seal_bytes(&self, purpose: &str, bytes: &[u8]) -> Result<String, Error> {
        let (id, key) = self.0.first().ok_or(Error::Crypto)?;
        let nonce = credential::random::<NONCE_LEN>()?;
        let mut sealed = bytes.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound_to(purpose).as_bytes()), &mut sealed)
            .map_err(|_| Error::Crypto)?;
        Ok(format!("{FORM}:{id}:{}", STANDARD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// Decrypts what was encrypted for `purpose`.
    pub fn open_bytes(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, Error> {
        match parts(sealed) {
            Some((id, text)) => {
                let (_, key) = self.0.iter().find(|(known, _)| known == id).ok_or(Error::Crypto)?;
                open(key, &bound_to(purpose), text)
            }
            None => self.0.iter().find_map(|(_, key)| open(key, purpose, sealed).ok()).ok_or(Error::Crypto),
        }
    }

    /// Whether it is sealed under the first key, in today's form.
    pub fn is_current(&self, sealed: &str) -> bool {
        parts(sealed).zip(self.0.first()).is_some_and(|((id, _), (current, _))| id == current)
    }

    /// Encrypts the text of the key `row`, bound to its receiver and version.
    pub(crate) fn seal(&self, row: &Model, text: &str) -> Result<String, Error> {
        self.seal_bytes(&purpose_of(row, FORM), text.as_bytes())
    }

    /// The text of a stored key.
    pub(crate) fn open_text(&self, row: &Model) -> Result<String, Error> {
        let form = if parts(&row.ciphertext).is_some() { FORM } else { "" };
        String::from_utf8(self.open_bytes(&purpose_of(row, form), &row.ciphertext)?).map_err(|_| Error::Crypto)
    }

    /// The prepared HMAC key of a stored secret.
    pub fn open(&self, row: &Model) -> Result<hmac::Key, Error> {
        let text = self.open_text(row)?;
        KeyEncoding::parse(&row.encoding).and_then(|encoding| encoding.key(&text).ok()).ok_or(Error::Crypto)
    }
}

/// Key id and base64 of what is sealed in today's form.
fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(FORM)?.strip_prefix(':')?.split_once(':')
}

fn bound_to(purpose: &str) -> String {
    format!("{FORM}:{purpose}")
}

/// What a receiver's key is bound to; before 1.0 its version was not part of it.
fn purpose_of(row: &Model, form: &str) -> String {
    let receiver = format!("{}:{}", row.endpoint, row.company_id);
    if form == FORM { format!("{receiver}:{}:{}", row.version, row.encoding) } else { receiver }
}

fn open(key: &LessSafeKey, bound_to: &str, text: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = STANDARD.decode(text).map_err(|_| Error::Crypto)?;
    let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(Error::Crypto)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Crypto)?;
    let plain = key.open_in_place(nonce, Aad::from(bound_to.as_bytes()), sealed).map_err(|_| Error::Crypto)?;
    Ok(plain.to_vec())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_key_opens_what_it_sealed_and_nothing_else() {
        let (old, new) = (Vault::new(&[[7; 32]]).unwrap(), Vault::new(&[[8; 32], [7; 32]]).unwrap());
        let sealed = old.seal_bytes("letter", b"text").unwrap();
        assert_eq!(new.open_bytes("letter", &sealed).unwrap(), b"text");
        assert!(new.open_bytes("another", &sealed).is_err(), "it is bound to its purpose");
        assert!(old.is_current(&sealed) && !new.is_current(&sealed));
        let again = new.seal_bytes("letter", b"text").unwrap();
        assert!(new.is_current(&again) && old.open_bytes("letter", &again).is_err());
        assert!(Vault::new(&[]).is_err());
    }
}
