//! The cryptography of AutoMTLS.
//!
//! AWS-LC verifies signatures: Go's certificates have P-521 keys, which *ring* does not know. But AWS-LC collects entropy from the
//! jitter of the processor's clock before its first random number, 10 to 100 ms in every process anew, and only whoever compiles it
//! can turn that off. A plugin is a new process: that was most of what its launch cost. So all that needs random
//! numbers is done by *ring*, with the kernel's: keys, key exchanges, signatures.
//!
//! rustls has a provider on *ring* too. Its feature is not turned on, since with both an application that relies on rustls
//! to find a default would not get one any more.

use std::sync::Arc;

use ring::{
    agreement::{self, EphemeralPrivateKey, UnparsedPublicKey},
    rand::{SecureRandom as _, SystemRandom},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};
use rustls::{
    Error, NamedGroup, PeerMisbehaved, SignatureAlgorithm, SignatureScheme,
    crypto::{
        ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup,
        aws_lc_rs,
    },
    ffdhe_groups::FfdheGroup,
    sign::{Signer, SigningKey},
};

/// Not the process's default provider, which may be one without P-521.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![&X25519, &SECP256R1],
        secure_random: &Random,
        ..aws_lc_rs::default_provider()
    }
}

#[derive(Debug)]
struct Random;

impl SecureRandom for Random {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        SystemRandom::new().fill(buffer).map_err(|_| GetRandomFailed)
    }
}

#[derive(Debug)]
struct Group {
    name: NamedGroup,
    algorithm: &'static agreement::Algorithm,
    /// Bytes of a public key.
    len: usize,
}

static X25519: Group = Group { name: NamedGroup::X25519, algorithm: &agreement::X25519, len: 32 };
/// For peers restricted to NIST's curves.
static SECP256R1: Group =
    Group { name: NamedGroup::secp256r1, algorithm: &agreement::ECDH_P256, len: UNCOMPRESSED_P256 };
/// A byte that says so, and two coordinates: the only form of a point that TLS allows (RFC 8446, 4.2.8.2).
const UNCOMPRESSED_P256: usize = 65;

impl SupportedKxGroup for Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let own = EphemeralPrivateKey::generate(self.algorithm, &SystemRandom::new());
        let own = own.map_err(|_| GetRandomFailed)?;
        let public = own.compute_public_key().map_err(|_| GetRandomFailed)?;
        Ok(Box::new(Exchange { group: Group { ..*self }, own, public }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        self.name
    }
}

struct Exchange {
    group: Group,
    own: EphemeralPrivateKey,
    public: agreement::PublicKey,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let bad = || Error::from(PeerMisbehaved::InvalidKeyShare);
        if peer.len() != self.group.len {
            return Err(bad());
        }
        // Checks that a point is on the curve, and that the secret is not zero.
        let peer = UnparsedPublicKey::new(self.group.algorithm, peer);
        agreement::agree_ephemeral(self.own, &peer, |secret| SharedSecret::from(secret)).map_err(|_| bad())
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_ref()
    }

    fn group(&self) -> NamedGroup {
        self.group.name
    }
}

/// A P-256 key, for signatures.
#[derive(Clone, Debug)]
pub(super) struct Key(Arc<EcdsaKeyPair>);

impl Key {
    /// # Errors
    ///
    /// If that is no such key.
    pub(super) fn from_pkcs8(bytes: &[u8]) -> Result<Self, ring::error::KeyRejected> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, bytes, &SystemRandom::new());
        Ok(Self(Arc::new(key?)))
    }
}

const SCHEME: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SCHEME).then(|| Box::new(self.clone()) as _)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = self.0.sign(&SystemRandom::new(), message);
        Ok(signature.map_err(|_| Error::General("signing failed".into()))?.as_ref().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SCHEME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_an_exchange_arrive_at_the_same_secret() {
        for group in [&X25519, &SECP256R1] {
            let (near, far) = (group.start().unwrap(), group.start().unwrap());
            let (to_near, to_far) = (far.pub_key().to_vec(), near.pub_key().to_vec());
            let secrets = (near.complete(&to_near).unwrap(), far.complete(&to_far).unwrap());
            assert_eq!(secrets.0.secret_bytes(), secrets.1.secret_bytes());
        }
    }

    #[test]
    fn public_keys_that_are_none_are_refused() {
        let compressed = [&[2][..], &[7; 32]].concat();
        let off_the_curve = [&[4][..], &[7; 64]].concat();
        let table: [(&Group, &[u8]); 6] = [
            (&X25519, &[]),
            (&X25519, &[9; 33]),
            (&X25519, &[0; 32]), // a point of low order
            (&SECP256R1, &[]),
            (&SECP256R1, &compressed),
            (&SECP256R1, &off_the_curve),
        ];
        for (group, bytes) in table {
            let failed = group.start().unwrap().complete(bytes).err();
            assert_eq!(failed, Some(PeerMisbehaved::InvalidKeyShare.into()), "{group:?} {bytes:?}");
        }
    }
}
