//! The certificates that a client or a server trusts, and the verdict on its peer's chain.
//!
//! The I/O thread only decides whether the chain is valid. For a chain that is not, JavaScript finds OpenSSL's reason, because only
//! Node's own classes read certificates as OpenSSL does.

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, OwnedCertRevocationList,
    RevocationOptionsBuilder, VerifiedPath, anchor_from_trusted_cert,
};

use super::Unsupported;
use super::certificate::{Certificate, Purpose};
use super::provider::provider;
use crate::crossing::verdict;

/// Trusted certificates, shared by the clients or servers that trust the same ones.
#[derive(Clone, Debug)]
pub struct TlsTrust(Arc<Trusted>);

#[derive(Debug)]
struct Trusted {
    purpose: Purpose,
    anchors: Vec<TrustAnchor<'static>>,
    /// What holds for the anchor of the same index. webpki checks nothing of it.
    limits: Vec<Limits>,
    others: Vec<CertificateDer<'static>>,
    /// Roots that may sign no certificates. Each is trusted as a peer's own.
    themselves: Vec<CertificateDer<'static>>,
    /// Of revoked certificates. If there is one, each certificate below a root needs the list of its authority.
    lists: Vec<CertRevocationList<'static>>,
}

#[derive(Debug)]
struct Limits {
    /// In seconds since 1970.
    validity: (u64, u64),
    path_length: Option<usize>,
    has_name_constraints: bool,
    der: CertificateDer<'static>,
    /// Whether the certificate has signed itself, which is verified when a path ends with it for the first time.
    is_signed: OnceLock<bool>,
}

impl TlsTrust {
    /// Certificates in DER. Those that cannot be parsed are trusted for nothing. A path has to end with one of `roots`, and may lead
    /// through `others`.
    #[must_use]
    pub fn new(
        purpose: Purpose,
        roots: impl IntoIterator<Item = Vec<u8>>,
        others: impl IntoIterator<Item = Vec<u8>>,
    ) -> Self {
        let mut trusted = Trusted {
            purpose,
            anchors: Vec::new(),
            limits: Vec::new(),
            others: others.into_iter().map(CertificateDer::from).collect(),
            themselves: Vec::new(),
            lists: Vec::new(),
        };
        for root in roots {
            trusted.add(root.into());
        }
        Self(Arc::new(trusted))
    }

    /// Adds lists of revoked certificates in DER, at most one of each authority.
    ///
    /// # Errors
    /// webpki does not support a list.
    pub fn with_lists(
        mut self,
        lists: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<Self, Unsupported> {
        if let Some(trusted) = Arc::get_mut(&mut self.0) {
            for list in lists {
                let list = OwnedCertRevocationList::from_der(&list)
                    .map_err(|_| Unsupported("crl: version, extensions or form".into()))?;
                trusted.lists.push(list.into());
            }
        }
        Ok(self)
    }

    /// Whose certificates are judged.
    pub(crate) fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    /// The verdict on a peer's certificates, its own first. The peer's name is not part of it.
    pub(crate) fn verdict(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> u32 {
        let Some((own, others)) = chain.split_first() else {
            return verdict::OTHER;
        };
        match self.0.verify(own, others, now) {
            Ok(()) => verdict::TRUSTED,
            // JavaScript decides about a peer whose own certificate is trusted.
            Err(verdict::OTHER) if self.0.themselves.contains(own) => verdict::UNUSUAL,
            Err(verdict) => verdict,
        }
    }
}

impl Trusted {
    fn add(&mut self, der: CertificateDer<'static>) {
        let Some(certificate) = Certificate::parse(&der).filter(Certificate::names_itself) else {
            return;
        };
        if !certificate.is_authority(self.purpose) {
            self.themselves.push(der);
        } else if let Ok(anchor) = anchor_from_trusted_cert(&der) {
            self.anchors.push(anchor.to_owned());
            self.limits.push(Limits {
                validity: certificate.validity(),
                path_length: certificate.path_length(),
                has_name_constraints: certificate.has_name_constraints(),
                der: der.clone(),
                is_signed: OnceLock::new(),
            });
        }
    }

    /// The error is a verdict.
    fn verify(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), u32> {
        let lists: Vec<_> = self.lists.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&lists)
            .ok()
            .map(|options| options.with_expiration_policy(ExpirationPolicy::Enforce))
            .map(RevocationOptionsBuilder::build);
        let algorithms = provider().signature_verification_algorithms.all;
        let joined;
        let others = if self.others.is_empty() {
            others
        } else {
            joined = [others, &self.others].concat();
            &joined
        };
        let refused = Cell::new(None);
        let check = |path: &VerifiedPath<'_>| {
            self.check(own, path, now).map_err(|verdict| {
                refused.set(Some(verdict));
                Error::UnknownIssuer
            })
        };
        let verified = EndEntityCert::try_from(own).and_then(|certificate| {
            certificate
                .verify_for_usage(
                    algorithms,
                    &self.anchors,
                    others,
                    now,
                    self.purpose.extended(),
                    revocation,
                    Some(&check),
                )
                .map(drop)
        });
        verified.map_err(|error| refused.get().unwrap_or_else(|| number(&error)))
    }

    /// Checks what webpki does not check of a path that it has found.
    fn check(
        &self,
        own: &CertificateDer<'_>,
        path: &VerifiedPath<'_>,
        now: UnixTime,
    ) -> Result<(), u32> {
        let at = self
            .anchors
            .iter()
            .position(|anchor| std::ptr::eq(anchor, path.anchor()));
        let limits = at
            .and_then(|at| self.limits.get(at))
            .ok_or(verdict::OTHER)?;
        let own = Certificate::parse(own).ok_or(verdict::OTHER)?;
        let mut authorities = 0;
        let mut has_name_constraints = limits.has_name_constraints;
        for authority in path.intermediate_certificates() {
            let der = authority.der();
            let authority = Certificate::parse(&der).ok_or(verdict::OTHER)?;
            if !authority.may_sign_certificates() {
                return Err(verdict::INVALID_CA);
            }
            has_name_constraints |= authority.has_name_constraints();
            authorities += 1;
        }
        if !own.may_be_used(self.purpose) {
            return Err(verdict::PURPOSE);
        }
        if limits
            .path_length
            .is_some_and(|longest| authorities > longest)
        {
            return Err(verdict::PATH_LENGTH);
        }
        // Without names in subjectAltName the common name is the server's, which webpki does not compare with the constraints.
        if has_name_constraints && !own.has_dns_name() {
            return Err(verdict::NAME_CONSTRAINTS);
        }
        let (from, to) = limits.validity;
        let is_valid = (from..=to).contains(&now.as_secs());
        let is_signed = || {
            *limits.is_signed.get_or_init(|| {
                Certificate::parse(&limits.der).is_some_and(|root| root.has_signed_itself())
            })
        };
        // JavaScript finds the reason.
        if is_valid && is_signed() {
            Ok(())
        } else {
            Err(verdict::OTHER)
        }
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
        Error::CertRevoked => verdict::REVOKED,
        Error::UnknownRevocationStatus => verdict::NO_LIST,
        Error::CrlExpired { .. } => verdict::LIST_EXPIRED,
        Error::InvalidCrlSignatureForPublicKey => verdict::LIST_SIGNATURE,
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
        let roots = [certificate!("root"), b"no certificate".to_vec()];
        let trust = TlsTrust::new(Purpose::Servers, roots, []);
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
    fn a_trusted_authority_has_to_be_valid_itself() {
        let verdict = |root: Vec<u8>, chain: &[Vec<u8>]| {
            let chain: Vec<_> = chain.iter().cloned().map(CertificateDer::from).collect();
            // March 2030.
            let now = UnixTime::since_unix_epoch(Duration::from_secs(1_900_000_000));
            TlsTrust::new(Purpose::Servers, [root], []).verdict(&chain, now)
        };
        // All have the same name and, but for the forged one, the same key.
        let direct = [certificate!("limits-direct")];
        let behind = [certificate!("limits-behind"), certificate!("limits-inter")];
        for chain in [&direct[..], &behind[..]] {
            let root = certificate!("limits-root");
            assert_eq!(verdict(root, chain), verdict::TRUSTED);
            for root in [
                certificate!("limits-expired"),
                certificate!("limits-no-authority"),
                certificate!("limits-no-signing"),
                certificate!("limits-clients"),
                certificate!("limits-forged"),
            ] {
                assert_ne!(verdict(root, chain), verdict::TRUSTED);
            }
        }
        let root = || certificate!("limits-path-length");
        assert_eq!(verdict(root(), &direct), verdict::TRUSTED);
        assert_eq!(verdict(root(), &behind), verdict::PATH_LENGTH);
        let no_server = [certificate!("limits-no-server")];
        assert_eq!(
            verdict(certificate!("limits-root"), &no_server),
            verdict::PURPOSE
        );
        let common_name = [certificate!("limits-common-name")];
        assert_eq!(
            verdict(certificate!("limits-root"), &common_name),
            verdict::TRUSTED
        );
        assert_eq!(
            verdict(certificate!("limits-names"), &common_name),
            verdict::NAME_CONSTRAINTS
        );
    }

    #[test]
    fn lists_of_revoked_certificates() {
        let verdict = |lists: &[Vec<u8>], chain: &[Vec<u8>]| {
            let chain: Vec<_> = chain.iter().cloned().map(CertificateDer::from).collect();
            // March 2030.
            let now = UnixTime::since_unix_epoch(Duration::from_secs(1_900_000_000));
            TlsTrust::new(Purpose::Servers, [certificate!("crl-root")], [])
                .with_lists(lists.iter().cloned())
                .expect("lists")
                .verdict(&chain, now)
        };
        let good = [certificate!("crl-good")];
        let revoked = [certificate!("crl-revoked")];
        let behind = [certificate!("crl-behind"), certificate!("crl-inter")];
        let behind_revoked = [certificate!("crl-behind-revoked"), behind[1].clone()];
        let of_root = certificate!("crl-of-root");
        let of_inter = certificate!("crl-of-inter");
        assert_eq!(verdict(&[], &revoked), verdict::TRUSTED);
        let both = [of_root.clone(), of_inter.clone()];
        for (chain, expected) in [
            (&good[..], verdict::TRUSTED),
            (&behind, verdict::TRUSTED),
            (&revoked, verdict::REVOKED),
            (&behind_revoked, verdict::REVOKED),
        ] {
            assert_eq!(verdict(&both, chain), expected);
        }
        assert_eq!(verdict(&[of_root], &behind), verdict::NO_LIST);
        assert_eq!(
            verdict(std::slice::from_ref(&of_inter), &behind),
            verdict::NO_LIST
        );
        assert_eq!(
            verdict(std::slice::from_ref(&of_inter), &good),
            verdict::NO_LIST
        );
        let revokes_inter = [certificate!("crl-of-root-inter"), of_inter];
        assert_eq!(verdict(&revokes_inter, &behind), verdict::REVOKED);
        let expired = [certificate!("crl-of-root-expired")];
        assert_eq!(verdict(&expired, &good), verdict::LIST_EXPIRED);
        assert_eq!(verdict(&expired, &revoked), verdict::LIST_EXPIRED);
        // A list of the same authority by its name, with another one's signature.
        let mut changed = certificate!("crl-of-root");
        *changed.last_mut().expect("bytes") ^= 1;
        assert_eq!(verdict(&[changed], &good), verdict::LIST_SIGNATURE);
        let broken = TlsTrust::new(Purpose::Servers, [], []).with_lists([b"no list".to_vec()]);
        assert!(broken.is_err_and(|error| error.0.starts_with("crl: ")));
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
