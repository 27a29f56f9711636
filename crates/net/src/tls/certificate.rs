//! Reads the parts of certificates in DER (RFC 5280 section 4) that webpki does not check.

use rustls::pki_types::SubjectPublicKeyInfoDer;
use webpki::{KeyUsage, RawPublicKeyEntity};

use super::provider::provider;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UNIQUE_IDENTIFIERS: [u8; 2] = [0x81, 0x82];
const EXTENSIONS: u8 = 0xa3;
/// Of a name in subjectAltName.
const DNS_NAME: u8 = 0x82;
/// Of authorityKeyIdentifier.
const KEY_IDENTIFIER: u8 = 0x80;
const SERIAL: u8 = 0x82;

/// Identifiers of extensions.
const SUBJECT_KEY: &[u8] = &[0x55, 0x1d, 14];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 35];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
/// Of Netscape, before extendedKeyUsage. OpenSSL still obeys it.
const CERTIFICATE_TYPE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 1, 1];
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

/// In the first byte of keyUsage.
const DIGITAL_SIGNATURE: u8 = 0x80;
const KEY_ENCIPHERMENT: u8 = 0x20;
const KEY_AGREEMENT: u8 = 0x08;
const KEY_CERT_SIGN: u8 = 0x04;

/// In the first byte of Netscape's certificate type.
const TYPE_CLIENT: u8 = 0x80;
const TYPE_SERVER: u8 = 0x40;

/// Whose certificates are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Those of TLS servers.
    Servers,
    /// Those of TLS clients.
    Clients,
}

impl Purpose {
    /// The key usages one of which a certificate needs.
    const fn key_usages(self) -> u8 {
        match self {
            Self::Servers => DIGITAL_SIGNATURE | KEY_ENCIPHERMENT | KEY_AGREEMENT,
            Self::Clients => DIGITAL_SIGNATURE | KEY_AGREEMENT,
        }
    }

    /// The bit in Netscape's certificate type.
    const fn certificate_type(self) -> u8 {
        match self {
            Self::Servers => TYPE_SERVER,
            Self::Clients => TYPE_CLIENT,
        }
    }

    /// The extended key usage.
    pub(super) fn extended(self) -> KeyUsage {
        match self {
            Self::Servers => KeyUsage::server_auth(),
            Self::Clients => KeyUsage::client_auth(),
        }
    }
}

/// The parts of a certificate that decide about its use.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    signed: &'a [u8],
    /// The contents of the signature's AlgorithmIdentifier.
    algorithm: &'a [u8],
    signature: &'a [u8],
    serial: &'a [u8],
    is_version_1: bool,
    is_self_issued: bool,
    /// The first and the last second of its validity, since 1970.
    valid: (u64, u64),
    key: &'a [u8],
    /// Whether it is an authority's, and how many authorities may follow it. None without basicConstraints.
    authority: Option<(bool, Option<usize>)>,
    /// The first byte.
    key_usage: Option<u8>,
    /// The first byte of Netscape's certificate type.
    certificate_type: Option<u8>,
    /// Whether extendedKeyUsage names servers, and clients.
    purposes: Option<(bool, bool)>,
    has_name_constraints: bool,
    has_dns_name: bool,
    subject_key: Option<&'a [u8]>,
    authority_key: Option<&'a [u8]>,
    authority_serial: Option<&'a [u8]>,
}

impl<'a> Certificate<'a> {
    /// None for what is not a certificate.
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let mut whole = Reader(Reader(der).expect(SEQUENCE)?);
        let signed = whole.0;
        let mut fields = Reader(whole.expect(SEQUENCE)?);
        let signed = &signed[..signed.len() - whole.0.len()];
        let algorithm = whole.expect(SEQUENCE)?;
        let signature = whole.expect(BIT_STRING)?.strip_prefix(&[0])?;
        let is_version_1 = fields.optional(VERSION).is_none();
        let serial = fields.expect(INTEGER)?;
        fields.expect(SEQUENCE)?;
        let issuer = fields.expect(SEQUENCE)?;
        let mut validity = Reader(fields.expect(SEQUENCE)?);
        let valid = (validity.time()?, validity.time()?);
        let subject = fields.expect(SEQUENCE)?;
        let key = fields.0;
        fields.expect(SEQUENCE)?;
        let key = &key[..key.len() - fields.0.len()];
        for tag in UNIQUE_IDENTIFIERS {
            fields.optional(tag);
        }
        let mut parts = Self {
            signed,
            algorithm,
            signature,
            serial,
            is_version_1,
            is_self_issued: issuer == subject,
            valid,
            key,
            authority: None,
            key_usage: None,
            certificate_type: None,
            purposes: None,
            has_name_constraints: false,
            has_dns_name: false,
            subject_key: None,
            authority_key: None,
            authority_serial: None,
        };
        if let Some(extensions) = fields.optional(EXTENSIONS) {
            let mut extensions = Reader(Reader(extensions).expect(SEQUENCE)?);
            while !extensions.0.is_empty() {
                let mut extension = Reader(extensions.expect(SEQUENCE)?);
                let id = extension.expect(OBJECT_IDENTIFIER)?;
                extension.optional(BOOLEAN);
                parts.add(id, Reader(extension.expect(OCTET_STRING)?))?;
            }
        }
        Some(parts)
    }

    fn add(&mut self, id: &[u8], mut value: Reader<'a>) -> Option<()> {
        match id {
            SUBJECT_KEY => self.subject_key = Some(value.expect(OCTET_STRING)?),
            KEY_USAGE => self.key_usage = Some(value.first_bits()?),
            CERTIFICATE_TYPE => self.certificate_type = Some(value.first_bits()?),
            SUBJECT_ALT_NAME => {
                let mut names = Reader(value.expect(SEQUENCE)?);
                while !names.0.is_empty() {
                    self.has_dns_name |= names.next()?.0 == DNS_NAME;
                }
            }
            BASIC_CONSTRAINTS => {
                let mut fields = Reader(value.expect(SEQUENCE)?);
                let is_authority = fields.optional(BOOLEAN).is_some_and(|value| value != [0]);
                let length = fields.optional(INTEGER).map(|bytes| match bytes {
                    &[length @ 0..=0x7f] => length.into(),
                    // A negative one is invalid.
                    [0x80..=0xff, ..] | [] => 0,
                    _ => usize::MAX,
                });
                self.authority = Some((is_authority, length));
            }
            NAME_CONSTRAINTS => self.has_name_constraints = true,
            AUTHORITY_KEY => {
                let mut fields = Reader(value.expect(SEQUENCE)?);
                while !fields.0.is_empty() {
                    match fields.next()? {
                        (KEY_IDENTIFIER, id) => self.authority_key = Some(id),
                        (SERIAL, serial) => self.authority_serial = Some(serial),
                        _ => {}
                    }
                }
            }
            EXTENDED_KEY_USAGE => {
                let mut purposes = Reader(value.expect(SEQUENCE)?);
                let (mut servers, mut clients) = (false, false);
                while !purposes.0.is_empty() {
                    let id = purposes.expect(OBJECT_IDENTIFIER)?;
                    servers |= id == SERVER_AUTH;
                    clients |= id == CLIENT_AUTH;
                }
                self.purposes = Some((servers, clients));
            }
            _ => {}
        }
        Some(())
    }

    /// Whether it may sign certificates for a purpose. One of version 1 may, if it is trusted.
    pub(super) fn is_authority(&self, purpose: Purpose) -> bool {
        let is_authority = match self.authority {
            Some((is_authority, _)) => is_authority,
            None => self.is_version_1 && self.is_self_issued,
        };
        let is_for = self
            .purposes
            .is_none_or(|(servers, clients)| match purpose {
                Purpose::Servers => servers,
                Purpose::Clients => clients,
            });
        is_authority && self.may_sign_certificates() && is_for
    }

    /// By its key usage.
    pub(super) fn may_sign_certificates(&self) -> bool {
        self.key_usage
            .is_none_or(|usage| usage & KEY_CERT_SIGN != 0)
    }

    /// By its key usage and by Netscape's certificate type.
    pub(super) fn may_be_used(&self, purpose: Purpose) -> bool {
        self.key_usage
            .is_none_or(|usage| usage & purpose.key_usages() != 0)
            && self
                .certificate_type
                .is_none_or(|bits| bits & purpose.certificate_type() != 0)
    }

    /// Largest number of authorities that may follow it.
    pub(super) fn path_length(&self) -> Option<usize> {
        self.authority.and_then(|(_, length)| length)
    }

    pub(super) const fn validity(&self) -> (u64, u64) {
        self.valid
    }

    pub(super) const fn has_name_constraints(&self) -> bool {
        self.has_name_constraints
    }

    pub(super) const fn has_dns_name(&self) -> bool {
        self.has_dns_name
    }

    /// Whether it names itself as its issuer. OpenSSL trusts no other one as the end of a path.
    pub(super) fn names_itself(&self) -> bool {
        let same_key = match (self.authority_key, self.subject_key) {
            (Some(authority), Some(subject)) => authority == subject,
            _ => true,
        };
        self.is_self_issued
            && same_key
            && self
                .authority_serial
                .is_none_or(|serial| serial == self.serial)
    }

    /// Whether its key has signed it. Old authorities have signed with algorithms that rustls does not have, as SHA-1. OpenSSL does
    /// not verify these signatures at all, so `names_itself` has to do for them.
    pub(super) fn has_signed_itself(&self) -> bool {
        let key = SubjectPublicKeyInfoDer::from(self.key);
        let Ok(key) = RawPublicKeyEntity::try_from(&key) else {
            return false;
        };
        let mut is_known = false;
        let algorithms = provider().signature_verification_algorithms.all;
        for algorithm in algorithms {
            if algorithm.signature_alg_id().as_ref() != self.algorithm {
                continue;
            }
            is_known = true;
            if key
                .verify_signature(*algorithm, self.signed, self.signature)
                .is_ok()
            {
                return true;
            }
        }
        !is_known
    }
}

/// Whether the bytes are one value with the three parts of a certificate, and nothing else. JavaScript splits a chain at the ends of
/// these values.
pub(super) fn has_certificate_form(der: &[u8]) -> bool {
    let mut bytes = Reader(der);
    let Some(contents) = bytes.expect(SEQUENCE) else {
        return false;
    };
    let mut parts = Reader(contents);
    let has_parts = [SEQUENCE, SEQUENCE, BIT_STRING]
        .into_iter()
        .all(|tag| parts.expect(tag).is_some());
    has_parts && parts.0.is_empty() && bytes.0.is_empty()
}

/// Values of DER that follow each other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The tag and the contents of the next value.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let bytes;
            let count = usize::from(first & 0x7f);
            if !(1..=4).contains(&count) {
                return None;
            }
            (bytes, rest) = rest.split_at_checked(count)?;
            length = bytes
                .iter()
                .fold(0, |length, &byte| (length << 8) | usize::from(byte));
        }
        let contents;
        (contents, self.0) = rest.split_at_checked(length)?;
        Some((tag, contents))
    }

    fn expect(&mut self, expected: u8) -> Option<&'a [u8]> {
        self.next()
            .filter(|(tag, _)| *tag == expected)
            .map(|(_, contents)| contents)
    }

    /// The first byte of a bit string.
    fn first_bits(&mut self) -> Option<u8> {
        let bits = self.expect(BIT_STRING)?;
        // The first byte is the number of unused bits.
        Some(bits.get(1).copied().unwrap_or(0))
    }

    fn optional(&mut self, expected: u8) -> Option<&'a [u8]> {
        if self.0.first() == Some(&expected) {
            self.expect(expected)
        } else {
            None
        }
    }

    /// In seconds since 1970.
    fn time(&mut self) -> Option<u64> {
        let (tag, text) = self.next()?;
        let digits = text.strip_suffix(b"Z")?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = |digits: &[u8]| {
            digits
                .iter()
                .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
        };
        let (year, rest) = match (tag, digits.len()) {
            (UTC_TIME, 12) => {
                let year = number(&digits[..2]);
                (
                    if year < 50 { 2000 + year } else { 1900 + year },
                    &digits[2..],
                )
            }
            (GENERALIZED_TIME, 14) => (number(&digits[..4]), &digits[4..]),
            _ => return None,
        };
        let part = |at: usize| number(&rest[at..at + 2]);
        seconds(year, [part(0), part(2), part(4), part(6), part(8)])
    }
}

/// @param rest month, day, hour, minute and second. Years before 1970 count as 1970.
fn seconds(year: u64, [month, day, hour, minute, second]: [u64; 5]) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    if year < 1970 {
        return Some(0);
    }
    // The year begins with March, so that the leap day is its last one.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    // Days from 1 March of the year 0 to 1970.
    let days = days.checked_sub(719_468)?;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::super::testing::certificate;
    use super::*;

    #[test]
    fn times_are_seconds_since_1970() {
        let time = |tag: u8, text: &str| {
            let der = [&[tag, text.len() as u8], text.as_bytes()].concat();
            Reader(&der).time()
        };
        assert_eq!(time(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, "000229235959Z"), Some(951_868_799));
        assert_eq!(time(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(time(UTC_TIME, "500101000000Z"), Some(0));
        assert_eq!(
            time(GENERALIZED_TIME, "20261130044102Z"),
            Some(1_796_013_662)
        );
        assert_eq!(time(GENERALIZED_TIME, "261130044102Z"), None);
        assert_eq!(time(UTC_TIME, "261330044102Z"), None);
        assert_eq!(time(UTC_TIME, "2611300441020"), None);
    }

    #[test]
    fn truncated_certificates_are_none() {
        let der = certificate!("inter");
        let whole = Certificate::parse(&der).expect("a certificate");
        assert!(whole.is_authority(Purpose::Servers) && whole.is_authority(Purpose::Clients));
        assert!(whole.may_sign_certificates() && !whole.may_be_used(Purpose::Servers));
        assert_eq!(whole.path_length(), Some(0));
        assert!(!whole.names_itself() && !whole.has_signed_itself());
        for length in 0..der.len() {
            assert!(Certificate::parse(&der[..length]).is_none(), "{length}");
        }
    }

    #[test]
    fn a_certificate_is_one_value_with_three_parts() {
        let der = certificate!("inter");
        assert!(has_certificate_form(&der));
        assert!(!has_certificate_form(&[&der[..], &[0]].concat()));
        assert!(!has_certificate_form(&der[..der.len() - 1]));
        for other in [&[][..], &[0x30, 0], &[0x30, 3], &[0x30, 2, 0x30, 0]] {
            assert!(!has_certificate_form(other), "{other:?}");
        }
    }

    #[test]
    fn an_authority_that_has_signed_itself() {
        let mut der = certificate!("root");
        let root = Certificate::parse(&der).expect("a certificate");
        assert!(root.is_authority(Purpose::Servers));
        assert!(root.names_itself() && root.has_signed_itself());
        *der.last_mut().expect("a byte") ^= 1;
        let root = Certificate::parse(&der).expect("a certificate");
        assert!(root.names_itself() && !root.has_signed_itself());
    }
}
