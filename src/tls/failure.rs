//! What a failure of TLS means.

use std::{error::Error as StdError, io};

use rustls::{AlertDescription, CertificateError, Error as Tls};

use super::pinned::NotAnnounced;
use crate::{Error, ErrorKind};

/// Why no TLS connection came about.
pub(super) fn handshake_failed(error: io::Error) -> Error {
    if let Some(known) = cause_of(&error) {
        return known;
    }
    if ended(&error) {
        let text = "the other side closed the connection during the TLS handshake: it may not expect TLS";
        return Error::new(ErrorKind::Disconnected, text).with_source(error);
    }
    Error::new(ErrorKind::Disconnected, format!("the TLS handshake failed: {error}")).with_source(error)
}

/// The failure of TLS among the causes of an error, or an error of ours from the layer below it.
pub(crate) fn cause_of(error: &(dyn StdError + 'static)) -> Option<Error> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref::<Tls>() {
            return Some(Error::new(ErrorKind::Security, meaning(tls)).with_source(tls.clone()));
        }
        if let Some(ours) = cause.downcast_ref::<Error>() {
            return Some(Error::new(ours.kind(), ours.to_string()).with_status(ours.exit_status()));
        }
        // What an I/O error carries is not among its sources.
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => cause.source(),
        };
    }
    None
}

/// Whether the peer is gone.
pub(super) fn ended(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn meaning(error: &Tls) -> String {
    match error {
        Tls::InvalidCertificate(CertificateError::Other(other)) if other.0.is::<NotAnnounced>() => {
            "the other side's certificate is not the one that it announced".into()
        }
        Tls::InvalidCertificate(CertificateError::BadSignature) => {
            "a signature of the other side is bad: it does not have the key of its certificate, or the certificate is \
             not signed by whom it says"
                .into()
        }
        Tls::InvalidCertificate(_) => format!("the other side's certificate is not accepted: {error}"),
        Tls::NoCertificatesPresented => "the other side presents no certificate".into(),
        Tls::AlertReceived(AlertDescription::CertificateRequired) => {
            "the other side demands a certificate, and this side has none".into()
        }
        Tls::AlertReceived(alert) if about_certificate(*alert) => {
            format!("the other side does not accept the certificate of this side: alert {alert:?}")
        }
        Tls::AlertReceived(alert) => format!("the other side ended TLS: alert {alert:?}"),
        Tls::InvalidMessage(_) => format!("the other side does not speak TLS: {error}"),
        _ => format!("TLS failed: {error}"),
    }
}

fn about_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::DecryptError
    )
}
