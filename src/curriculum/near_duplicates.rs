//! Which text is nearly one that came before: signatures in bands (Leskovec et al., "Mining of Massive Datasets", 3.4), kept on disk, so
//! that a later set is held against earlier ones.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;

use fs_err as fs;

use crate::CurriculumError;
use crate::signature::{SIZE, Signature};

/// Bands of a signature, and the numbers of each: two texts of likeness 0.8 share a band with probability 0.9998.
const BANDS: usize = 16;
const ROWS: usize = SIZE / BANDS;
/// Signatures of one band's bucket that are looked at, the newest first: a bucket of everything must not make the search quadratic.
const LOOKS_MAX: usize = 256;
const MAGIC: &[u8; 8] = b"minhash1";
const NONE: u32 = u32::MAX;

/// A band's key is a hash already.
#[derive(Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// Signatures that are known, by their bands.
#[derive(Default)]
pub struct NearDuplicates {
    signatures: Vec<Signature>,
    /// Of every band: the newest signature in each bucket.
    newest: [HashMap<u64, u32, BuildHasherDefault<Plain>>; BANDS],
    /// Of every band: the one before in the same bucket.
    before: [Vec<u32>; BANDS],
}

impl NearDuplicates {
    #[must_use]
    pub fn len(&self) -> usize {
        self.signatures.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.signatures.is_empty()
    }

    /// Place of a known text whose likeness is at least `least`; the newest of the first band that has one.
    #[must_use]
    pub fn find(&self, signature: &Signature, least: f64) -> Option<usize> {
        for ((band, newest), before) in bands(signature).into_iter().zip(&self.newest).zip(&self.before) {
            let mut at = newest.get(&band).copied().unwrap_or(NONE);
            for _ in 0..LOOKS_MAX {
                let Some(known) = self.signatures.get(at as usize) else { break };
                if known.likeness(signature) >= least {
                    return Some(at as usize);
                }
                at = before.get(at as usize).copied().unwrap_or(NONE);
            }
        }
        None
    }

    /// Makes a text known.
    pub fn insert(&mut self, signature: Signature) {
        let place = u32::try_from(self.signatures.len()).unwrap_or(NONE);
        for ((band, newest), before) in bands(&signature).into_iter().zip(&mut self.newest).zip(&mut self.before) {
            before.push(newest.insert(band, place).unwrap_or(NONE));
        }
        self.signatures.push(signature);
    }

    /// Makes known what `other` knows.
    pub fn extend(&mut self, other: Self) {
        other.signatures.into_iter().for_each(|signature| self.insert(signature));
    }

    /// Writes all signatures, with a hash over them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), CurriculumError> {
        files::replace_with(path, |file| {
            let mut hasher = blake3::Hasher::new();
            file.write_all(MAGIC)?;
            for signature in &self.signatures {
                let bytes: Vec<u8> = signature.0.iter().flat_map(|number| number.to_le_bytes()).collect();
                hasher.update(&bytes);
                file.write_all(&bytes)?;
            }
            file.write_all(hasher.finalize().as_bytes())
        })?;
        Ok(())
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the file cannot be read, or is damaged.
    pub fn load(path: &Path) -> Result<Self, CurriculumError> {
        let bytes = fs::read(path)?;
        let damaged = || CurriculumError::Signatures(path.to_owned());
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let (numbers, hash) = rest.split_last_chunk::<32>().ok_or_else(damaged)?;
        if blake3::hash(numbers).as_bytes() != hash || !numbers.len().is_multiple_of(SIZE * 4) {
            return Err(damaged());
        }
        let mut all = Self::default();
        for signature in numbers.chunks_exact(SIZE * 4) {
            let mut read = [0; SIZE];
            for (number, bytes) in read.iter_mut().zip(signature.chunks_exact(4)) {
                *number = bytes.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            }
            all.insert(Signature(read));
        }
        Ok(all)
    }
}

/// The key of every band.
fn bands(signature: &Signature) -> [u64; BANDS] {
    let mut keys = [0_u64; BANDS];
    for (key, rows) in keys.iter_mut().zip(signature.0.chunks_exact(ROWS)) {
        *key = rows.iter().fold(0xcbf2_9ce4_8422_2325, |key, row| {
            (key ^ u64::from(*row)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        });
    }
    keys
}
