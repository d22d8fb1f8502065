//! The certificates of brokers: which are trusted, and why one is not.

use crate::error::{Error, Result, Stage};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// Returns the configuration of TLS with the authorities in the PEM file at `authorities`, or the public ones.
///
/// # Errors
/// Returns an error if the file cannot be used.
pub(super) fn client_config(authorities: Option<&Path>) -> Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |e: rustls::Error| Error::caused(Stage::Sink, "TLS for MQTT", e, "use mqtt:// in a trusted network");
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let verifier = Arc::new(BrokerVerifier::new(authorities, provider)?);
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Verifies certificates as web browsers do, with one exception: a certificate that is in the user's file itself is
/// trusted although it is one of an authority, as most that are made by hand are. Its name and its time count.
#[derive(Debug)]
struct BrokerVerifier {
    webpki: Arc<WebPkiServerVerifier>,
    /// The certificates of the user's file.
    listed: Vec<CertificateDer<'static>>,
}

/// Why a certificate is refused, and what to do.
#[derive(Debug)]
struct Refusal(String);

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Refusal {}

/// Returns why the certificate of a broker was refused, if `error` is of that and says no more than a code.
pub(super) fn refusal(error: &(dyn core::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(cause)))) = tls {
            return cause.downcast_ref::<Refusal>().map(Refusal::to_string);
        }
        next = error.source();
    }
    None
}

impl BrokerVerifier {
    fn new(authorities: Option<&Path>, provider: Arc<CryptoProvider>) -> Result<Self> {
        let (mut roots, mut listed) = (RootCertStore::empty(), Vec::new());
        match authorities {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                let refused = |got: &dyn core::fmt::Display| {
                    let next = "use a PEM file with the certificates of the broker's authorities";
                    Error::new(Stage::Sink, "certificates for the MQTT broker", got, next).at(path.display())
                };
                for certificate in CertificateDer::pem_file_iter(path).map_err(|e| refused(&e).with_source(e))? {
                    let certificate = certificate.map_err(|e| refused(&e).with_source(e))?;
                    roots.add(certificate.clone()).map_err(|e| refused(&e).with_source(e))?;
                    listed.push(certificate);
                }
                if listed.is_empty() {
                    return Err(refused(&"none"));
                }
            }
        }
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(|e| {
            Error::caused(Stage::Sink, "certificates for the MQTT broker", e, "use another file of authorities")
        })?;
        Ok(Self { webpki, listed })
    }

    /// Verifies a certificate that is in the user's file, and was refused for nothing but being one of an authority:
    /// its time was checked before that.
    fn verify_listed(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> core::result::Result<(), rustls::Error> {
        rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
    }
}

impl ServerCertVerifier for BrokerVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> core::result::Result<ServerCertVerified, rustls::Error> {
        let verified = self.webpki.verify_server_cert(certificate, intermediates, name, ocsp, now);
        let is_listed = || self.listed.iter().any(|listed| listed.as_ref() == certificate.as_ref());
        let verified = match verified {
            Err(error) if is_authority(&error) && is_listed() => {
                self.verify_listed(certificate, name).map(|()| ServerCertVerified::assertion())
            }
            verified => verified,
        };
        verified.map_err(|error| explained(error, name))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> core::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> core::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// Returns whether a certificate was refused because it is one of an authority.
fn is_authority(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::Other(_)))
        && format!("{error:?}").contains("CaUsedAsEndEntity")
}

/// Returns `error` with words for the causes that certificates made by hand have.
fn explained(error: rustls::Error, name: &ServerName<'_>) -> rustls::Error {
    let name = name.to_str();
    let kind = if name.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
    let names = format!("make one with `-addext subjectAltName={kind}:{name}`");
    let text = match &error {
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => {
            match presented.as_slice() {
                [] => format!("the broker's certificate has no subjectAltName, and its CN does not count: {names}"),
                presented => {
                    let presented: Vec<&str> = presented.iter().map(|name| plain(name)).collect();
                    format!("the broker's certificate is for {}, not for {name}: use such a host", presented.join(", "))
                }
            }
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidForName) => {
            format!("the broker's certificate is not for {name}: {names}")
        }
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "no authority in use has signed the broker's certificate: pass the certificate of the one that has"
                .to_owned()
        }
        error if is_authority(error) => {
            "the broker's certificate is one of an authority: pass that same certificate as the \
                                         authority, or sign another one for the broker"
                .to_owned()
        }
        error if format!("{error:?}").contains("UnsupportedCertVersion") => {
            format!("the broker's certificate is of X.509 version 1, which has no subjectAltName: {names}")
        }
        _ => return error,
    };
    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Refusal(text)))))
}

/// Returns the name in a text such as `DnsName("broker.lan")`.
fn plain(presented: &str) -> &str {
    presented.split_once('(').map_or(presented, |(_, name)| name.trim_end_matches(')').trim_matches('"'))
}
