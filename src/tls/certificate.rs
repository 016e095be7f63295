//! Certificates that live as long as a process.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    server::ParsedCertificate,
};

use crate::{Error, ErrorKind, Result};

/// Go verifies this name, on Unix sockets too.
pub(super) const NAME: &str = "localhost";

/// The certificate of one side, made for one pair of processes, and its key.
pub(crate) struct Identity {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) pem: String,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Identity {
    /// P-256 where Go has P-521: the other side accepts any, and TLS stacks without P-521 (BoringSSL, and with it grpcio)
    /// can verify it. Not a CA, which Go's is: no chain needs it, and some stacks refuse a CA as the end of one. Its time never
    /// comes to an end, since it is void with the process; so no clock matters.
    pub(super) fn generate() -> Result<Self> {
        let failed = |cause: rcgen::Error| {
            let text = format!("cannot make a certificate for AutoMTLS: {cause}");
            Error::new(ErrorKind::Io, text).with_source(cause)
        };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = CertificateParams::new([NAME.to_owned()]).map_err(failed)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
        })
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone_key())
    }
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
