//! What a plugin's file must hash to.

use crate::{Error, ErrorKind, Result};
use sha2::{Sha224, Sha256, Sha384, Sha512, digest::Digest};
use std::{any::type_name, fmt, io, str::FromStr};
use subtle::ConstantTimeEq as _;

/// Read at a time. Hashing is bound by the processor from a few KiB on.
const CHUNK: usize = 64 << 10;

/// The checksum that a plugin's executable must have: an algorithm and its result. Go's `SecureConfig`.
///
/// ```
/// use go_plugin::Checksum;
///
/// # fn main() -> Result<(), go_plugin::Error> {
/// // As `sha256sum` prints it, or with the algorithm before it.
/// let sum = Checksum::sha256_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")?;
/// let same: Checksum =
///     "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse()?;
/// # assert_eq!(sum.to_string(), same.to_string());
/// # Ok(())
/// # }
/// ```
///
/// It says the algorithm and holds no state, so that one checksum does for any number of starts; Go's holds a hasher.
#[derive(Clone)]
pub struct Checksum {
    algorithm: &'static str,
    length: usize,
    hash: fn(&mut dyn io::Read) -> io::Result<Vec<u8>>,
    expected: Vec<u8>,
}

impl Checksum {
    /// A result of any algorithm with the traits of the `digest` crate (0.11): SHA-2, SHA-3, BLAKE2, …
    ///
    /// `Checksum::new::<sha2::Sha256>(bytes)` is [`sha256`](Self::sha256).
    pub fn new<D: Digest>(expected: impl Into<Vec<u8>>) -> Self {
        Self {
            algorithm: type_name::<D>(),
            length: <D as Digest>::output_size(),
            hash: hash::<D>,
            expected: expected.into(),
        }
    }

    /// A SHA-256: 32 bytes.
    pub fn sha256(expected: impl Into<Vec<u8>>) -> Self {
        Self::named::<Sha256>("sha256", expected)
    }

    /// The SHA-256 of what `source` holds.
    #[cfg(feature = "fetch")]
    pub(crate) fn sha256_of(source: &mut dyn io::Read) -> io::Result<Self> {
        Ok(Self::sha256(hash::<Sha256>(source)?))
    }

    /// A SHA-512: 64 bytes.
    pub fn sha512(expected: impl Into<Vec<u8>>) -> Self {
        Self::named::<Sha512>("sha512", expected)
    }

    /// A SHA-256 in hexadecimal digits.
    ///
    /// # Errors
    /// If it is not 64 of them.
    pub fn sha256_hex(expected: &str) -> Result<Self> {
        format!("sha256:{expected}").parse()
    }

    fn named<D: Digest>(algorithm: &'static str, expected: impl Into<Vec<u8>>) -> Self {
        Self { algorithm, ..Self::new::<D>(expected) }
    }

    /// Compares with what `source` holds, in a time that does not tell where the two differ.
    ///
    /// The texts are Go's.
    pub(crate) fn verify(&self, source: &mut dyn io::Read) -> Result<()> {
        let security = |text: String| Err(Error::new(ErrorKind::Security, text));
        if self.expected.is_empty() {
            return security("error verifying checksum: no checksum provided".to_owned());
        }
        if self.expected.len() != self.length {
            return security(format!(
                "checksums did not match: {} has {} bytes, the one to compare with {}",
                self.algorithm,
                self.length,
                self.expected.len()
            ));
        }
        let found = (self.hash)(source).map_err(|cause| {
            Error::new(ErrorKind::Security, format!("error verifying checksum: {cause}")).with_source(cause)
        })?;
        if bool::from(found.ct_eq(&self.expected)) {
            return Ok(());
        }
        security("checksums did not match".to_owned())
    }
}

fn hash<D: Digest>(source: &mut dyn io::Read) -> io::Result<Vec<u8>> {
    let mut digest = D::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(digest.finalize().to_vec()),
            Ok(length) => digest.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads `ALGORITHM:DIGITS`, hexadecimal, with one of `sha224`, `sha256`, `sha384` and `sha512`.
impl FromStr for Checksum {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fault =
            |what: &str| Error::misuse(format!("{what} in the checksum {text:?}: write sha256:DIGITS"));
        let (algorithm, digits) = text.split_once(':').ok_or_else(|| fault("no algorithm"))?;
        let expected = unhex(digits.trim()).ok_or_else(|| fault("not hexadecimal digits"))?;
        let checksum = match algorithm.trim().to_ascii_lowercase().replace('-', "").as_str() {
            "sha224" => Self::named::<Sha224>("sha224", expected),
            "sha256" => Self::sha256(expected),
            "sha384" => Self::named::<Sha384>("sha384", expected),
            "sha512" => Self::sha512(expected),
            _ => return Err(fault("unknown algorithm")),
        };
        if checksum.expected.len() != checksum.length {
            return Err(fault(&format!("{} digits are wanted, not {}", 2 * checksum.length, digits.len())));
        }
        Ok(checksum)
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

/// `ALGORITHM:DIGITS`.
impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.algorithm)?;
        self.expected.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_texts_are_gos() {
        let empty = Checksum::sha256_hex(EMPTY).unwrap();
        empty.verify(&mut &b""[..]).unwrap();
        for (checksum, text) in [
            (empty.clone(), "checksums did not match"),
            (Checksum::sha256([]), "error verifying checksum: no checksum provided"),
            (
                Checksum::sha256([0; 20]),
                "checksums did not match: sha256 has 32 bytes, the one to compare with 20",
            ),
        ] {
            let error = checksum.verify(&mut &b"x"[..]).unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Security, text));
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_verified() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("disk on fire"))
            }
        }
        let error = Checksum::sha256([0; 32]).verify(&mut Broken).unwrap_err();
        assert_eq!(error.to_string(), "error verifying checksum: disk on fire");
    }

    #[test]
    fn algorithms_are_named_in_the_text_form() {
        for (text, sum_of_abc) in [
            ("sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            ("SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "sha384",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                "sha512",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            let checksum: Checksum = format!("{text}:{sum_of_abc}").parse().unwrap();
            checksum.verify(&mut &b"abc"[..]).unwrap();
        }
    }

    #[test]
    fn a_text_that_is_none_says_what_is_wrong() {
        for (text, part) in [
            (EMPTY, "no algorithm"),
            ("sha256:0", "not hexadecimal"),
            ("sha256:zz", "not hexadecimal"),
            ("sha256:00", "64 digits are wanted, not 2"),
            ("crc32:00", "unknown algorithm"),
        ] {
            let error = text.parse::<Checksum>().unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
