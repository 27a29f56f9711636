//! The `ciphers` option: OpenSSL's cipher strings, for the suites that rustls has.

use super::Unsupported;

/// A suite of TLS 1.2 that rustls has.
struct Suite {
    id: u16,
    openssl: &'static str,
    iana: &'static str,
    /// OpenSSL's classes with this suite, except those with all suites, see `EVERY`.
    classes: &'static [&'static str],
}

/// In OpenSSL's order of preference.
const SUITES: [Suite; 6] = [
    Suite {
        id: 0xc02c,
        openssl: "ECDHE-ECDSA-AES256-GCM-SHA384",
        iana: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        classes: &["ECDSA", "aECDSA", "AES", "AESGCM", "AES256"],
    },
    Suite {
        id: 0xc030,
        openssl: "ECDHE-RSA-AES256-GCM-SHA384",
        iana: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        classes: &["aRSA", "AES", "AESGCM", "AES256"],
    },
    Suite {
        id: 0xcca9,
        openssl: "ECDHE-ECDSA-CHACHA20-POLY1305",
        iana: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        classes: &["ECDSA", "aECDSA", "CHACHA20"],
    },
    Suite {
        id: 0xcca8,
        openssl: "ECDHE-RSA-CHACHA20-POLY1305",
        iana: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        classes: &["aRSA", "CHACHA20"],
    },
    Suite {
        id: 0xc02b,
        openssl: "ECDHE-ECDSA-AES128-GCM-SHA256",
        iana: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        classes: &["ECDSA", "aECDSA", "AES", "AESGCM", "AES128"],
    },
    Suite {
        id: 0xc02f,
        openssl: "ECDHE-RSA-AES128-GCM-SHA256",
        iana: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        classes: &["aRSA", "AES", "AESGCM", "AES128"],
    },
];

/// Suites of TLS 1.3, which have the same name in both and are selected by name only.
const SUITES_13: [(u16, &str); 3] = [
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0x1301, "TLS_AES_128_GCM_SHA256"),
];

/// Classes with all of these suites.
const EVERY: [&str; 8] = [
    "ALL", "HIGH", "DEFAULT", "ECDHE", "EECDH", "kECDHE", "kEECDH", "TLSv1.2",
];

/// Classes without any of these suites, which programs exclude.
#[rustfmt::skip]
const NONE: [&str; 46] = [
    "aNULL", "eNULL", "NULL", "COMPLEMENTOFALL", "LOW", "MEDIUM", "EXP", "EXPORT", "EXPORT40", "EXPORT56", "kRSA", "RSA", "kDHE", "kEDH",
    "DHE", "EDH", "DH", "ADH", "AECDH", "kDHr", "kDHd", "kDH", "aDH", "kECDHr", "kECDHe", "kECDH", "aECDH", "DSS", "aDSS", "PSK", "aPSK",
    "kPSK", "SRP", "aSRP", "DES", "3DES", "RC4", "RC2", "IDEA", "SEED", "CAMELLIA", "ARIA", "AESCCM", "MD5", "SHA1", "SHA",
];

/// The suites that a cipher string selects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CipherList {
    /// Of TLS 1.3, in their order.
    pub(super) tls13: Vec<u16>,
    /// Of TLS 1.2.
    pub(super) tls12: Vec<u16>,
}

impl CipherList {
    pub(super) fn suites(&self) -> impl Iterator<Item = u16> {
        self.tls13.iter().chain(&self.tls12).copied()
    }

    /// Parses a cipher string. `lenient`: ignores suites that rustls does not have, for Node's default string.
    ///
    /// # Errors
    /// The string selects a suite that rustls does not have, or uses an operator that is not supported.
    pub(super) fn parse(text: &str, lenient: bool) -> Result<Self, Unsupported> {
        let mut list = Self::default();
        let mut killed = Vec::new();
        for token in text
            .split([':', ',', ' '])
            .filter(|token| !token.is_empty())
        {
            if let Some(&(id, _)) = SUITES_13.iter().find(|(_, name)| *name == token) {
                list.tls13.push(id);
                continue;
            }
            // rustls always meets the requirements of level 2.
            if matches!(token, "@SECLEVEL=0" | "@SECLEVEL=1" | "@SECLEVEL=2") {
                continue;
            }
            let (operator, term) = match token.as_bytes()[0] {
                b'!' | b'-' | b'+' => token.split_at(1),
                _ => ("", token),
            };
            let removes = matches!(operator, "!" | "-");
            let selected = match select(term) {
                Some(selected) if removes || !selected.is_empty() || lenient => selected,
                None if lenient => continue,
                _ => return Err(Unsupported(format!("ciphers: {token}"))),
            };
            if operator.is_empty() {
                for id in selected {
                    if !killed.contains(&id) && !list.tls12.contains(&id) {
                        list.tls12.push(id);
                    }
                }
                continue;
            }
            let (moved, kept) = list.tls12.iter().partition(|id| selected.contains(id));
            list.tls12 = kept;
            match operator {
                "+" => list.tls12.extend::<Vec<u16>>(moved),
                "!" => killed.extend(selected),
                _ => {}
            }
        }
        // As with OpenSSL, a string without suites of TLS 1.3 leaves the default ones.
        if list.tls13.is_empty() {
            list.tls13 = SUITES_13.iter().map(|(id, _)| *id).collect();
        }
        Ok(list)
    }
}

/// The suites that one term selects, in OpenSSL's order. `+` intersects classes. None when a name is unknown.
fn select(term: &str) -> Option<Vec<u16>> {
    let mut selected: Vec<&Suite> = SUITES.iter().collect();
    for name in term.split('+') {
        let is_class =
            EVERY.contains(&name) || SUITES.iter().any(|suite| suite.classes.contains(&name));
        let is_suite = |suite: &Suite| suite.openssl == name || suite.iana == name;
        if !is_class && !NONE.contains(&name) && !SUITES.iter().any(is_suite) {
            return None;
        }
        selected.retain(|suite| {
            EVERY.contains(&name) || suite.classes.contains(&name) || is_suite(suite)
        });
    }
    Some(selected.iter().map(|suite| suite.id).collect())
}

/// OpenSSL's name of a suite, for `getCipher()`.
pub(super) fn openssl_name(id: u16) -> Option<&'static str> {
    let of_13 = SUITES_13.iter().find(|suite| suite.0 == id);
    let of_12 = SUITES.iter().find(|suite| suite.id == id);
    of_13
        .map(|suite| suite.1)
        .or_else(|| of_12.map(|suite| suite.openssl))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<&'static str>, Unsupported> {
        let list = CipherList::parse(text, false)?;
        Ok(list.suites().filter_map(openssl_name).collect())
    }

    /// Without those of TLS 1.3, of which `text` names none.
    fn older(text: &str) -> Result<Vec<&'static str>, Unsupported> {
        names(text).map(|names| names[SUITES_13.len()..].to_vec())
    }

    #[test]
    fn a_string_without_suites_of_tls_1_3_leaves_the_default_ones() {
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256").unwrap(),
            [
                "TLS_AES_256_GCM_SHA384",
                "TLS_CHACHA20_POLY1305_SHA256",
                "TLS_AES_128_GCM_SHA256",
                "ECDHE-RSA-AES128-GCM-SHA256",
            ]
        );
        assert_eq!(
            names("TLS_AES_128_GCM_SHA256").unwrap(),
            ["TLS_AES_128_GCM_SHA256"]
        );
    }

    #[test]
    fn names_of_both_kinds_in_the_order_given() {
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256:TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384").unwrap(),
            [
                "TLS_AES_128_GCM_SHA256",
                "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES256-GCM-SHA384"
            ]
        );
    }

    #[test]
    fn classes_and_operators() {
        assert_eq!(older("HIGH:!aNULL:!MD5").unwrap().len(), 6);
        assert_eq!(
            older("ECDHE+AESGCM:!aRSA").unwrap(),
            [
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "ECDHE-ECDSA-AES128-GCM-SHA256"
            ]
        );
        assert_eq!(
            older("AES256:AES128:+AES256:-aECDSA").unwrap(),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
        );
        // What is killed does not come back, what is removed does.
        assert_eq!(older("!aECDSA:ALL").unwrap().len(), 3);
        assert_eq!(older("ALL:-aECDSA:ALL").unwrap().len(), 6);
    }

    #[test]
    fn what_rustls_does_not_have() {
        for text in [
            "AES128-SHA",
            "DHE",
            "RSA",
            "HIGH:@STRENGTH",
            "PSK",
            "!no-such-name:ALL",
            "@SECLEVEL=3:ALL",
        ] {
            assert!(names(text).is_err(), "{text}");
        }
        let node = "TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:HIGH:!aNULL:!eNULL:!CAMELLIA";
        let list = CipherList::parse(node, true).unwrap();
        assert_eq!((list.tls13.len(), list.tls12.len()), (1, 6));
        assert_eq!(list.tls12[0], 0xc02f);
    }
}
