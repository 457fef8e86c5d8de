//! Who asked, so that it can be found again and by nobody else: a hash keyed by a random salt of this installation.

use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::CaptureError;

const SALT_FILE: &str = "user-salt";

/// The hash of a user's name under an installation's salt; 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserHash(u128);

impl Serialize for UserHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for UserHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = (text.len() == 32).then(|| u128::from_str_radix(&text, 16).ok()).flatten();
        number.map(Self).ok_or_else(|| de::Error::custom("a user's hash is 32 hex digits"))
    }
}

/// Hashes users' names.
#[derive(Clone)]
pub(crate) struct Users {
    salt: [u8; 32],
}

impl Users {
    /// The salt of the log in `dir`; a random one is made where there is none, for its owner's eyes only.
    pub(crate) fn open(dir: &Path) -> Result<Self, CaptureError> {
        let path = dir.join(SALT_FILE);
        match fs::read(&path) {
            Ok(bytes) => {
                let salt = bytes.try_into().map_err(|_| {
                    let what = "is not 32 bytes: without the salt that was there no user can be found in the log again";
                    std::io::Error::other(format!("{} {what}; restore it, or remove it for a new one", path.display()))
                })?;
                Ok(Self { salt })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut salt = [0; 32];
                getrandom::fill(&mut salt).map_err(|error| std::io::Error::other(error.to_string()))?;
                files::replace(&path, &salt)?;
                Ok(Self { salt })
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn hash(&self, user: &str) -> UserHash {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] =
            *blake3::keyed_hash(&self.salt, user.as_bytes()).as_bytes();
        UserHash(u128::from_le_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]))
    }
}

impl std::fmt::Debug for Users {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Users")
    }
}
