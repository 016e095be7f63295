//! Certificates that live as long as a process.

use std::sync::Arc;

use rcgen::{
    Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    pki_types::{CertificateDer, pem::PemObject as _},
    server::ParsedCertificate,
    sign::CertifiedKey,
};

use super::provider::Key;
use crate::{Error, ErrorKind, Result};

/// Go verifies this name, on Unix sockets too.
pub(super) const NAME: &str = "localhost";

/// The certificate of one side, made for one pair of processes, and its key.
pub(crate) struct Identity {
    pub(super) pem: String,
    /// One certificate.
    pub(super) certified: Arc<CertifiedKey>,
}

impl Identity {
    /// P-256 where Go has P-521: the other side accepts any, and TLS stacks without P-521 (BoringSSL, and with it grpcio)
    /// can verify it. Not a CA, which Go's is: no chain needs it, and some stacks refuse a CA as the end of one. Its time never
    /// comes to an end, since it is void with the process; so no clock matters.
    pub(super) fn generate() -> Result<Self> {
        let failed = |cause: Box<dyn std::error::Error + Send + Sync>| {
            let text = format!("cannot make a certificate for AutoMTLS: {cause}");
            Error::new(ErrorKind::Io, text).with_source(cause)
        };
        let (certificate, key) = certify().map_err(|cause| failed(cause.into()))?;
        let signing =
            Key::from_pkcs8(key.serialized_der()).map_err(|cause| failed(cause.to_string().into()))?;
        let chain = vec![certificate.der().clone()];
        Ok(Self { pem: certificate.pem(), certified: Arc::new(CertifiedKey::new(chain, Arc::new(signing))) })
    }

    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certified.cert[0]
    }
}

fn certify() -> Result<(Certificate, KeyPair), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new([NAME.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    Ok((params.self_signed(&key)?, key))
}

/// The certificate in the bytes that a plugin announced. The text is Go's.
pub(super) fn from_der(der: &[u8]) -> Result<CertificateDer<'static>> {
    let certificate = CertificateDer::from(der).into_owned();
    match ParsedCertificate::try_from(&certificate) {
        Ok(_) => Ok(certificate),
        Err(cause) => {
            Err(Error::new(ErrorKind::Security, format!("error parsing server cert: {cause}"))
                .with_source(cause))
        }
    }
}

/// The certificate in what a host put into the environment.
pub(super) fn from_pem(pem: &[u8]) -> Result<CertificateDer<'static>> {
    let failed = |cause: String| {
        let text = format!(
            "the host asks for AutoMTLS, but {} holds no certificate: {cause}",
            crate::env::CLIENT_CERT
        );
        Error::new(ErrorKind::Security, text)
    };
    let certificate = CertificateDer::from_pem_slice(pem).map_err(|cause| failed(cause.to_string()))?;
    ParsedCertificate::try_from(&certificate).map_err(|cause| failed(cause.to_string()))?;
    Ok(certificate)
}
