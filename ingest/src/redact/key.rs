//! The key that secrets become fingerprints with.
//!
//! In: 32 bytes that never leave the installation. Out: [`FingerprintKey`].
//! A keyed hash, since a plain one of a weak password can be guessed.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The key that fingerprints are made with: one per installation.
#[derive(Clone)]
pub struct FingerprintKey {
    mac: Hmac<Sha256>,
}

impl FingerprintKey {
    /// Takes the 32 bytes of the key.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        let mac = Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length");
        Self { mac }
    }

    /// A fixed key, so that tests give the same fingerprints everywhere.
    #[must_use]
    pub fn for_tests() -> Self {
        Self::new(&[7; 32])
    }

    /// The fingerprint of a secret: 32 lower-case hex digits (HMAC-SHA-256, cut to 128 bits).
    #[must_use]
    pub fn fingerprint(&self, secret: &[u8]) -> String {
        let mut mac = self.mac.clone();
        mac.update(secret);
        let digest = mac.finalize().into_bytes();
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(…)")
    }
}
