//! The part of a verification that rustls asks for during the handshake: that the peer has the private key of its certificate.
//!
//! The certificate itself is judged when the handshake is complete, because an invalid one does not end a handshake of Node's.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::{RawPublicKeyEntity, anchor_from_trusted_cert, spki_for_anchor};

use super::certificate::has_certificate_form;
use super::provider::provider;

type Verified = Result<HandshakeSignatureValid, Error>;

/// As with OpenSSL, bytes that are no certificate end the handshake, wherever in the chain they are.
fn have_form(own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
    if has_certificate_form(own) && others.iter().all(|der| has_certificate_form(der)) {
        Ok(())
    } else {
        Err(Error::InvalidCertificate(CertificateError::BadEncoding))
    }
}

/// See the module. Accepts every certificate, and no signature that does not fit the certificate's key.
pub(super) struct KeyVerifier(WebPkiSupportedAlgorithms);

opaque_debug!(KeyVerifier);

impl KeyVerifier {
    pub(super) fn new() -> Self {
        Self(provider().signature_verification_algorithms)
    }
}

impl ServerCertVerifier for KeyVerifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        have_form(own, others).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verified {
        let verified = verify_tls12_signature(message, certificate, signed, &self.0);
        or_by_key(verified, certificate, |key| {
            self.verify_by_key(message, key, signed)
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verified {
        let verified = verify_tls13_signature(message, certificate, signed, &self.0);
        or_by_key(verified, certificate, |key| {
            verify_tls13_signature_with_raw_key(message, key, signed, &self.0)
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

impl KeyVerifier {
    fn verify_by_key(
        &self,
        message: &[u8],
        key: &SubjectPublicKeyInfoDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verified {
        let invalid = || Error::InvalidCertificate(CertificateError::BadSignature);
        let key = RawPublicKeyEntity::try_from(key).map_err(|_| invalid())?;
        self.0
            .mapping
            .iter()
            .filter(|(scheme, _)| *scheme == signed.scheme)
            .flat_map(|(_, algorithms)| algorithms.iter())
            .find(|algorithm| {
                key.verify_signature(**algorithm, message, signed.signature())
                    .is_ok()
            })
            .map(|_| HandshakeSignatureValid::assertion())
            .ok_or_else(invalid)
    }
}

/// As `KeyVerifier`, for a server that asks its clients for certificates.
pub(super) struct ClientKeyVerifier {
    keys: KeyVerifier,
    /// The authorities that the server names to its clients.
    authorities: Vec<DistinguishedName>,
    /// Whether a client without a certificate is refused.
    is_mandatory: bool,
}

opaque_debug!(ClientKeyVerifier);

impl ClientKeyVerifier {
    /// `authorities`: names in DER.
    pub(super) fn new(authorities: Vec<Vec<u8>>, is_mandatory: bool) -> Self {
        Self {
            keys: KeyVerifier::new(),
            authorities: authorities
                .into_iter()
                .map(DistinguishedName::from)
                .collect(),
            is_mandatory,
        }
    }
}

impl ClientCertVerifier for ClientKeyVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.authorities
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        have_form(own, others).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verified {
        ServerCertVerifier::verify_tls12_signature(&self.keys, message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verified {
        ServerCertVerifier::verify_tls13_signature(&self.keys, message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.keys.supported_verify_schemes()
    }
}

/// rustls parses no certificates of version 1 and none with unknown critical extensions. Their key is verified alone, and
/// JavaScript judges the certificate.
fn or_by_key(
    verified: Verified,
    certificate: &CertificateDer<'_>,
    verify: impl FnOnce(&SubjectPublicKeyInfoDer<'_>) -> Verified,
) -> Verified {
    match verified {
        Err(Error::InvalidCertificate(error)) if error != CertificateError::BadSignature => {
            // The function only takes the certificate apart. Nothing becomes trusted by it.
            let parts = anchor_from_trusted_cert(certificate)
                .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
            verify(&spki_for_anchor(&parts))
        }
        verified => verified,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::certificate;
    use super::*;

    #[test]
    fn bytes_that_are_no_certificate_end_the_handshake() {
        let own = CertificateDer::from(certificate!("direct"));
        let name = ServerName::try_from("localhost").expect("a name");
        let accepts = |own: &CertificateDer<'_>, other: &[u8]| {
            let others = [CertificateDer::from(other)];
            let now = UnixTime::now();
            let server = KeyVerifier::new().verify_server_cert(own, &others, &name, &[], now);
            let client = ClientKeyVerifier::new(Vec::new(), true);
            let client = client.verify_client_cert(own, &others, now);
            assert_eq!(server.is_ok(), client.is_ok());
            client.is_ok()
        };
        assert!(accepts(&own, &certificate!("inter")));
        let followed = [&certificate!("inter")[..], &[0x30, 3]].concat();
        for other in [
            &[][..],
            &[0x30, 0],
            &[0x30, 3],
            b"no certificate",
            &followed,
        ] {
            assert!(!accepts(&own, other), "{other:?}");
            assert!(!accepts(&other.into(), &own));
        }
    }
}
