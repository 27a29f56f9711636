//! The certificates that a client trusts, and the verdict on a server's chain.
//!
//! The I/O thread only decides whether the chain is valid. For a chain that is not, JavaScript finds OpenSSL's reason, because only
//! Node's own classes read certificates as OpenSSL does.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use super::provider::provider;
use crate::crossing::verdict;

/// Trusted certificates, shared by the clients that trust the same ones.
#[derive(Clone, Debug)]
pub struct TlsTrust(Arc<Trusted>);

#[derive(Debug)]
struct Trusted {
    anchors: Vec<TrustAnchor<'static>>,
    others: Vec<CertificateDer<'static>>,
}

impl TlsTrust {
    /// Certificates in DER. Those that cannot be parsed are trusted for nothing. A path has to end with one of `roots`, and may lead
    /// through `others`.
    #[must_use]
    pub fn new(
        roots: impl IntoIterator<Item = Vec<u8>>,
        others: impl IntoIterator<Item = Vec<u8>>,
    ) -> Self {
        let anchor = |der| {
            let certificate = CertificateDer::from(der);
            anchor_from_trusted_cert(&certificate)
                .ok()
                .map(|anchor| anchor.to_owned())
        };
        Self(Arc::new(Trusted {
            anchors: roots.into_iter().filter_map(anchor).collect(),
            others: others.into_iter().map(CertificateDer::from).collect(),
        }))
    }

    /// The verdict on a server's certificates, its own first. The server's name is not part of it.
    pub(crate) fn verdict(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> u32 {
        match self.verify(chain, now) {
            Ok(()) => verdict::TRUSTED,
            Err(error) => number(&error),
        }
    }

    fn verify(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let (own, others) = chain.split_first().ok_or(Error::UnknownIssuer)?;
        let algorithms = provider().signature_verification_algorithms.all;
        let Trusted {
            anchors,
            others: trusted,
        } = &*self.0;
        let joined;
        let others = if trusted.is_empty() {
            others
        } else {
            joined = [others, trusted].concat();
            &joined
        };
        EndEntityCert::try_from(own)?
            .verify_for_usage(
                algorithms,
                anchors,
                others,
                now,
                KeyUsage::server_auth(),
                None,
                None,
            )
            .map(drop)
    }
}

/// Errors that JavaScript cannot find by itself have numbers of their own.
const fn number(error: &Error) -> u32 {
    match error {
        // OpenSSL accepts both.
        Error::CaUsedAsEndEntity | Error::UnsupportedCertVersion => verdict::UNUSUAL,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => verdict::PURPOSE,
        Error::NameConstraintViolation => verdict::NAME_CONSTRAINTS,
        Error::PathLenConstraintViolated => verdict::PATH_LENGTH,
        Error::EndEntityUsedAsCa => verdict::INVALID_CA,
        Error::UnsupportedCriticalExtension => verdict::CRITICAL_EXTENSION,
        Error::InvalidSignatureForPublicKey => verdict::SIGNATURE,
        _ => verdict::OTHER,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::certificate;
    use super::*;

    fn verdict(chain: &[Vec<u8>]) -> u32 {
        let chain: Vec<_> = chain.iter().cloned().map(CertificateDer::from).collect();
        let trust = TlsTrust::new([certificate!("root"), b"no certificate".to_vec()], []);
        // November 2026.
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_796_000_000));
        trust.verdict(&chain, now)
    }

    #[test]
    fn a_trusted_authority_signs_directly_or_by_another_one() {
        assert_eq!(verdict(&[certificate!("direct")]), verdict::TRUSTED);
        let behind = [certificate!("behind"), certificate!("inter")];
        assert_eq!(verdict(&behind), verdict::TRUSTED);
        assert_eq!(verdict(&behind[..1]), verdict::OTHER);
    }

    #[test]
    fn whatever_is_not_valid_is_left_to_javascript() {
        assert_eq!(verdict(&[]), verdict::OTHER);
        assert_eq!(verdict(&[b"no certificate".to_vec()]), verdict::OTHER);
        assert_eq!(verdict(&[certificate!("expired")]), verdict::OTHER);
        assert_eq!(verdict(&[certificate!("root")]), verdict::UNUSUAL);
        assert_eq!(verdict(&[certificate!("cert")]), verdict::UNUSUAL);
    }
}
