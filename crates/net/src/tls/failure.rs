//! The causes of TLS failures as OpenSSL's numbers, from which JavaScript makes Node's errors.

use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible, PeerMisbehaved};

use crate::crossing::tls_failure;

/// A reason of OpenSSL's library `SSL routines` (`SSL_R_…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) u16);

/// See `tls_failure`.
const ALERT: u16 = tls_failure::ALERT as u16;

impl Failure {
    /// The peer speaks another protocol, or another version.
    pub(crate) const WRONG_VERSION_NUMBER: Self = Self(267);
    /// The peer speaks HTTP.
    pub(crate) const HTTP_REQUEST: Self = Self(156);
    /// … to a proxy.
    pub(crate) const HTTPS_PROXY_REQUEST: Self = Self(155);
    pub(crate) const NO_SHARED_CIPHER: Self = Self(193);
    const UNSUPPORTED_PROTOCOL: Self = Self(258);
    const NO_SUITABLE_KEY_SHARE: Self = Self(101);
    pub(crate) const NO_SUITABLE_SIGNATURE_ALGORITHM: Self = Self(118);
    const NO_APPLICATION_PROTOCOL: Self = Self(235);
    const BAD_RECORD_MAC: Self = Self(281);
    pub(super) const UNEXPECTED_MESSAGE: Self = Self(244);
    const PACKET_LENGTH_TOO_LONG: Self = Self(198);
    pub(crate) const EXCESSIVE_MESSAGE_SIZE: Self = Self(152);
    const LENGTH_MISMATCH: Self = Self(159);
    const BAD_EXTENSION: Self = Self(110);
    /// The peer does not have the private key of its certificate.
    pub(crate) const BAD_SIGNATURE: Self = Self(123);
    const NO_PEER_CERTIFICATE: Self = Self(199);
    const TOO_MANY_KEY_UPDATES: Self = Self(132);
    const TOO_MANY_WARN_ALERTS: Self = Self(409);
    const RECORD_TOO_SMALL: Self = Self(298);
    pub(super) const INTERNAL_ERROR: Self = Self(68);

    /// There is no certificate for this name, or none that the client can verify.
    pub(super) const fn without_certificate(is_tls13: bool) -> Self {
        if is_tls13 {
            Self::NO_SUITABLE_SIGNATURE_ALGORITHM
        } else {
            Self::NO_SHARED_CIPHER
        }
    }

    /// The failure for a peer whose first bytes are not a record of TLS. None while there are too few bytes to decide, and for TLS.
    pub(super) fn of_first_bytes(bytes: &[u8]) -> Option<Self> {
        const CHANGE_CIPHER_SPEC: u8 = 20;
        const HEARTBEAT: u8 = 24;
        // A record's header is complete.
        let [kind, major, _, _, _] = *bytes.first_chunk::<5>()?;
        if matches!(kind, CHANGE_CIPHER_SPEC..=HEARTBEAT) && major == 3 {
            return None;
        }
        let methods: [&[u8]; 4] = [b"GET ", b"POST ", b"HEAD ", b"PUT "];
        Some(if methods.iter().any(|method| bytes.starts_with(method)) {
            Self::HTTP_REQUEST
        } else if bytes.starts_with(b"CONNE") {
            Self::HTTPS_PROXY_REQUEST
        } else {
            Self::WRONG_VERSION_NUMBER
        })
    }
}

/// Whether OpenSSL may be able to serve a client whose hello rustls refuses with this error: it has more suites, groups and signature
/// algorithms, and takes any text for a name. Versions are not the reason: rustls has all that a server on an I/O thread may have.
pub(super) const fn is_for_openssl(error: &Error) -> bool {
    match error {
        Error::PeerIncompatible(reason) => !matches!(
            reason,
            // Of clients before TLS 1.2, which node:tls refuses, too.
            PeerIncompatible::SignatureAlgorithmsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        ),
        Error::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName) => true,
        _ => false,
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        match error {
            Error::AlertReceived(alert) => Self::from(*alert),
            Error::PeerIncompatible(reason) => match reason {
                PeerIncompatible::NoCipherSuitesInCommon => Self::NO_SHARED_CIPHER,
                PeerIncompatible::NoKxGroupsInCommon
                | PeerIncompatible::KeyShareExtensionRequired => Self::NO_SUITABLE_KEY_SHARE,
                PeerIncompatible::NoSignatureSchemesInCommon => {
                    Self::NO_SUITABLE_SIGNATURE_ALGORITHM
                }
                // Among others a client before TLS 1.2, which has no extension for signature algorithms.
                _ => Self::UNSUPPORTED_PROTOCOL,
            },
            Error::NoApplicationProtocol => Self::NO_APPLICATION_PROTOCOL,
            Error::DecryptError => Self::BAD_RECORD_MAC,
            Error::NoCertificatesPresented => Self::NO_PEER_CERTIFICATE,
            Error::PeerSentOversizedRecord
            | Error::InvalidMessage(InvalidMessage::MessageTooLarge) => {
                Self::PACKET_LENGTH_TOO_LONG
            }
            Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Self::WRONG_VERSION_NUMBER,
            Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge) => {
                Self::EXCESSIVE_MESSAGE_SIZE
            }
            Error::InvalidMessage(_) => Self::LENGTH_MISMATCH,
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
                Self::UNEXPECTED_MESSAGE
            }
            Error::PeerMisbehaved(reason) => match reason {
                PeerMisbehaved::TooManyKeyUpdateRequests => Self::TOO_MANY_KEY_UPDATES,
                PeerMisbehaved::TooManyWarningAlertsReceived => Self::TOO_MANY_WARN_ALERTS,
                PeerMisbehaved::TooManyEmptyFragments => Self::RECORD_TOO_SMALL,
                _ => Self::BAD_EXTENSION,
            },
            _ => Self::INTERNAL_ERROR,
        }
    }
}

impl From<AlertDescription> for Failure {
    fn from(alert: AlertDescription) -> Self {
        Self(ALERT + u16::from(u8::from(alert)))
    }
}
