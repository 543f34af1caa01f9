//! Names in fewer bytes: a UUID is stored in Redis as 16 bytes and a SHA-256 in hex as 32, each behind a
//! zero byte; any other text is there as it is. A million waiting jobs name each other three times.

use std::fmt;

use redis_client::fred::{bytes::Bytes, types::Value};
use uuid::Uuid;

/// A job's id, as it is stored in Redis. Cheap to clone; its text is made when it is asked for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct JobId(Bytes);

impl JobId {
    /// As it was read.
    pub(crate) fn of(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// As an argument of a command.
    pub(crate) fn value(&self) -> Value {
        Value::Bytes(self.0.clone())
    }
}

impl From<&str> for JobId {
    fn from(id: &str) -> Self {
        Self(pack(id))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&unpack(&self.0))
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({self})")
    }
}

/// Adds `name` to `bytes` as it is stored in Redis.
pub(crate) fn add(name: &str, bytes: &mut Vec<u8>) {
    // Capitals would not come back.
    let is_lower = || !name.bytes().any(|byte| byte.is_ascii_uppercase());
    match name.len() {
        36 if is_lower() && name.as_bytes().get(8) == Some(&b'-') => {
            if let Ok(id) = Uuid::try_parse(name) {
                bytes.push(0);
                return bytes.extend_from_slice(id.as_bytes());
            }
        }
        64 if is_lower() => {
            let mut hash = [0; 32];
            if hex::decode_to_slice(name, &mut hash).is_ok() {
                bytes.push(0);
                return bytes.extend_from_slice(&hash);
            }
        }
        _ => {}
    }
    bytes.extend_from_slice(name.as_bytes());
}

/// `name` as it is stored in Redis.
pub(crate) fn pack(name: &str) -> Bytes {
    let mut bytes = Vec::new();
    add(name, &mut bytes);
    bytes.into()
}

/// The same as an argument of a command.
pub(crate) fn packed(name: &str) -> Value {
    Value::Bytes(pack(name))
}

/// The name that is stored in Redis as `bytes`.
pub(crate) fn unpack(bytes: &[u8]) -> String {
    match bytes {
        [0, id @ ..] if id.len() == 16 => Uuid::from_slice(id).unwrap_or_default().to_string(),
        [0, hash @ ..] if hash.len() == 32 => hex::encode(hash),
        text => String::from_utf8_lossy(text).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back_as_it_was() {
        let id = Uuid::now_v7().to_string();
        let hash = "0123456789abcdef".repeat(4);
        for (name, length) in [
            (id.as_str(), 17),
            (hash.as_str(), 33),
            (&id.to_uppercase(), 36),
            (&hash.to_uppercase(), 64),
            ("a job", 5),
            ("", 0),
            (&"z".repeat(64), 64),
        ] {
            assert_eq!((unpack(&pack(name)).as_str(), pack(name).len()), (name, length));
            assert_eq!(JobId::from(name).to_string(), name);
        }
    }
}
