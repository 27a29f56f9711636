//! The cryptographic algorithms, selected by OpenSSL's names.

use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::{NamedGroup, SupportedCipherSuite};

use super::Unsupported;
use super::ciphers::CipherList;

/// The provider of aws-lc-rs, made once in a process.
pub(super) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider()))
}

/// The provider with the suites of `ciphers` in their order, and the groups that `curves` names.
pub(super) fn provider_with(
    ciphers: &CipherList,
    curves: &str,
) -> Result<Arc<CryptoProvider>, Unsupported> {
    let all = provider();
    let cipher_suites: Vec<SupportedCipherSuite> = ciphers
        .suites()
        .filter_map(|id| {
            all.cipher_suites
                .iter()
                .find(|suite| u16::from(suite.suite()) == id)
                .copied()
        })
        .collect();
    if cipher_suites.is_empty() {
        return Err(Unsupported("ciphers: none is left".into()));
    }
    Ok(Arc::new(CryptoProvider {
        cipher_suites,
        kx_groups: groups(curves)?,
        ..CryptoProvider::clone(all)
    }))
}

/// The value of `ecdhCurve`: `auto`, or names with colons between them.
fn groups(curves: &str) -> Result<Vec<&'static dyn SupportedKxGroup>, Unsupported> {
    let all = &provider().kx_groups;
    if curves == "auto" {
        return Ok(all.clone());
    }
    curves
        .split(':')
        .map(|name| {
            let group = match name {
                "X25519MLKEM768" => NamedGroup::X25519MLKEM768,
                "X25519" | "x25519" => NamedGroup::X25519,
                "P-256" | "prime256v1" | "secp256r1" => NamedGroup::secp256r1,
                "P-384" | "secp384r1" => NamedGroup::secp384r1,
                _ => return Err(Unsupported(format!("ecdhCurve: {name}"))),
            };
            all.iter()
                .find(|known| known.name() == group)
                .copied()
                .ok_or_else(|| Unsupported(format!("ecdhCurve: {name}")))
        })
        .collect()
}
