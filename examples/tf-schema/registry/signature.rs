//! Whether a list of checksums comes from who the registry says.

use anyhow::{Context as _, Result, bail, ensure};
use pgp::{
    composed::{Deserializable as _, DetachedSignature, SignedPublicKey, SignedPublicSubKey},
    crypto::hash::HashAlgorithm,
    packet::{PublicKey, Signature, SignatureType},
};
use serde::Deserialize;

use super::null_is_empty;

/// The keys that a registry names for a package.
#[derive(Deserialize)]
pub(super) struct SigningKeys {
    #[serde(default, deserialize_with = "null_is_empty")]
    gpg_public_keys: Vec<SigningKey>,
}

#[derive(Deserialize)]
struct SigningKey {
    #[serde(default)]
    key_id: String,
    ascii_armor: String,
}

impl SigningKeys {
    /// Checks that one of them made `signature` over `sums`. As for Terraform, an expired key will do: packages live longer.
    pub(super) fn verify(&self, sums: &[u8], signature: &[u8]) -> Result<()> {
        ensure!(
            !self.gpg_public_keys.is_empty(),
            "the registry names no key that could have signed SHA256SUMS"
        );
        let signatures =
            DetachedSignature::from_bytes_many(signature).context("the signature of SHA256SUMS")?;
        let signatures: Vec<_> = signatures.flatten().filter(strong).collect();
        for key in &self.gpg_public_keys {
            let (keys, _) = SignedPublicKey::from_string_many(&key.ascii_armor)
                .with_context(|| format!("the registry's key {}", key.key_id))?;
            if keys.flatten().any(|key| signatures.iter().any(|signature| made_by(&key, signature, sums))) {
                return Ok(());
            }
        }
        let names: Vec<_> = self.gpg_public_keys.iter().map(|key| key.key_id.as_str()).collect();
        bail!("SHA256SUMS has no good signature by a key that the registry names ({})", names.join(", "));
    }
}

/// Over bytes as they are, and with a hash that nobody can find collisions for.
fn strong(signature: &DetachedSignature) -> bool {
    let hash = signature.signature.hash_alg();
    signature.signature.typ() == Some(SignatureType::Binary)
        && hash.is_some_and(|hash| {
            ![HashAlgorithm::Md5, HashAlgorithm::Sha1, HashAlgorithm::Ripemd160].contains(&hash)
        })
}

/// By the key itself, or by one that it has made its own for signing.
fn made_by(key: &SignedPublicKey, signature: &DetachedSignature, sums: &[u8]) -> bool {
    let by_subkey = |subkey: &&SignedPublicSubKey| signature.verify(&subkey.key, sums).is_ok();
    signature.verify(&key.primary_key, sums).is_ok()
        || key.public_subkeys.iter().filter(by_subkey).any(|subkey| signs_for(subkey, &key.primary_key))
}

/// Each has to say so of the other, and not to have taken it back. One good word will do: keys that are old have many, and
/// some with hashes that are no longer believed.
fn signs_for(subkey: &SignedPublicSubKey, primary: &PublicKey) -> bool {
    let says = |kind| subkey.signatures.iter().filter(move |said| said.typ() == Some(kind));
    let bound = |binding: &Signature| {
        let back = binding.embedded_signature();
        binding.key_flags().sign()
            && binding.verify_subkey_binding(primary, &subkey.key).is_ok()
            && back.is_some_and(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok())
    };
    says(SignatureType::SubkeyRevocation).next().is_none() && says(SignatureType::SubkeyBinding).any(bound)
}

/// The checksum of a file, from lines of `HEX  NAME`.
pub(super) fn checksum(sums: &[u8], file: &str) -> Result<String> {
    let sums = str::from_utf8(sums).context("SHA256SUMS")?;
    let mut lines = sums.lines().filter_map(|line| line.split_once(char::is_whitespace));
    let found = lines.find(|(_, name)| name.trim_start().trim_start_matches('*') == file);
    let (sum, _) = found.with_context(|| format!("SHA256SUMS has no checksum for {file}"))?;
    ensure!(
        sum.len() == 64 && sum.bytes().all(|c| c.is_ascii_hexdigit()),
        "{sum:?} in SHA256SUMS is no checksum"
    );
    Ok(sum.to_owned())
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn checksums_are_found_by_name() {
        let (a, b) = ("a".repeat(64), "B".repeat(64));
        let sums = format!("{a}  a.zip\n{b} *b.zip\nshort  c.zip\n");
        for (file, sum) in [
            ("a.zip", Ok(a)),
            ("b.zip", Ok(b)),
            ("c.zip", Err("\"short\" in SHA256SUMS is no checksum")),
            ("d.zip", Err("SHA256SUMS has no checksum for d.zip")),
            ("zip", Err("SHA256SUMS has no checksum for zip")),
            ("", Err("SHA256SUMS has no checksum for ")),
        ] {
            let found = checksum(sums.as_bytes(), file).map_err(|error| error.to_string());
            assert_eq!(found, sum.map_err(str::to_owned), "{file}");
        }
    }
}
