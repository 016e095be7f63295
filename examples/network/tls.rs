//! Certificates for both ends of a connection over a network, from a folder with `ca.pem`, `cert.pem` and `key.pem`.
//!
//! Each side shows its own certificate, and accepts those that the authority has signed.

use go_plugin::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use std::{error::Error, path::Path};

/// Why there is no TLS.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What is in the folder.
pub struct Files {
    /// Who signs certificates.
    pub authority: RootCertStore,
    /// Our own certificate.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

impl Files {
    /// Reads the three files.
    pub fn read(dir: &Path) -> Result<Self, Failure> {
        let certificates = |name: &str| -> Result<Vec<_>, Failure> {
            let path = dir.join(name);
            let read = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect);
            read.map_err(|error| format!("{}: {error}", path.display()).into())
        };
        let mut authority = RootCertStore::empty();
        for certificate in certificates("ca.pem")? {
            authority.add(certificate)?;
        }
        let key = dir.join("key.pem");
        let key =
            PrivateKeyDer::from_pem_file(&key).map_err(|error| format!("{}: {error}", key.display()))?;
        Ok(Self { authority, chain: certificates("cert.pem")?, key })
    }
}
