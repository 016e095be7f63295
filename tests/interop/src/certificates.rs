//! Certificates of a test's own, in files for both languages.

use std::{fs, io, path::Path, sync::Arc};

use go_plugin::{
    TlsConfig,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// Signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one of that name.
    ///
    /// # Errors
    ///
    /// Never here.
    pub fn new(name: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Writes what one side needs: `ca.pem`, and `cert.pem` for localhost with its `key.pem`.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub fn issue(&self, dir: &Path) -> io::Result<()> {
        let (cert, key) = self.leaf().map_err(io::Error::other)?;
        fs::create_dir_all(dir)?;
        fs::write(dir.join("ca.pem"), self.0.pem())?;
        fs::write(dir.join("cert.pem"), cert)?;
        fs::write(dir.join("key.pem"), key)
    }

    fn leaf(&self) -> Result<(String, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(["localhost".to_owned()])?;
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        Ok((params.signed_by(&key, &self.0)?.pem(), key.serialize_pem()))
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// TLS for both roles with the files in `dir`, the twin of `tests/interop/go/internal/tlsfiles`.
///
/// # Errors
///
/// If the files are not there or no good.
pub fn config(dir: &Path) -> Result<TlsConfig, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(dir.join("ca.pem"))?)?;
    let roots = Arc::new(roots);
    let chain = vec![CertificateDer::from_pem_file(dir.join("cert.pem"))?];
    let key = PrivateKeyDer::from_pem_file(dir.join("key.pem"))?;
    let client = ClientConfig::builder()
        .with_root_certificates(Arc::clone(&roots))
        .with_client_auth_cert(chain.clone(), key.clone_key())?;
    let server = ServerConfig::builder()
        .with_client_cert_verifier(WebPkiClientVerifier::builder(roots).build()?)
        .with_single_cert(chain, key)?;
    Ok(TlsConfig::client(client).and_server(server))
}

/// [`config`] as a plugin wants it.
pub fn provider(dir: Option<String>) -> impl FnOnce() -> Result<TlsConfig, Failure> + Send + 'static {
    move || config(Path::new(&dir.ok_or("which folder?")?))
}
