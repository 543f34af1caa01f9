//! The master keys.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{Error, bad};

/// The keys of 32 bytes that encrypt secrets at rest, the current one first. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKeys(pub Vec<[u8; 32]>);

impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKeys(***)")
    }
}

impl MasterKeys {
    /// Reads one or several keys of 32 bytes in base64, separated by commas.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let key = |text: &str| STANDARD.decode(text.trim()).ok()?.try_into().ok();
        let keys: Option<Vec<[u8; 32]>> = text.split(',').map(key).collect();
        let reason = "must be 32 bytes in base64; several, separated by commas, while one is replaced: the new one first";
        keys.map(Self).ok_or_else(|| bad("MASTER_KEY", reason))
    }
}
