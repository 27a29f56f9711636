//! The tickets of a server with keys that the program knows (`ticketKeys`, `setTicketKeys`), so that servers in several processes
//! resume each other's sessions. Other servers have the tickets of rustls, whose keys change by themselves.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use rustls::server::ProducesTickets;

use super::Unsupported;

/// Bytes of `ticketKeys`: a name, and a key. OpenSSL uses its two halves separately.
const TICKET_KEYS: usize = 48;
const NAME: usize = 16;
const NONCE: usize = 12;
const TIME: usize = 8;

/// OpenSSL's default.
const LIFETIME: Duration = Duration::from_secs(7200);

/// A ticket is the name of the keys, a nonce, and the encrypted time at which it was issued with the session.
pub(super) struct KeyedTickets {
    name: [u8; NAME],
    key: RandomizedNonceKey,
    lifetime: Duration,
}

opaque_debug!(KeyedTickets);

impl KeyedTickets {
    /// `lifetime`: `sessionTimeout`.
    pub(super) fn new(keys: &[u8], lifetime: Option<Duration>) -> Result<Self, Unsupported> {
        let unsupported = || Unsupported("ticketKeys: not 48 bytes".into());
        let (name, key) = keys
            .split_first_chunk::<NAME>()
            .filter(|_| keys.len() == TICKET_KEYS)
            .ok_or_else(unsupported)?;
        Ok(Self {
            name: *name,
            key: RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| unsupported())?,
            lifetime: lifetime.unwrap_or(LIFETIME),
        })
    }

    fn decrypt_at(&self, ticket: &[u8], now: u64) -> Option<Vec<u8>> {
        let rest = ticket.strip_prefix(&self.name)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
        let mut bytes = sealed.to_vec();
        let opened = self
            .key
            .open_in_place(Nonce::from(nonce), Aad::from(self.name), &mut bytes)
            .ok()?;
        let (issued, session) = opened.split_first_chunk::<TIME>()?;
        let age = now.checked_sub(u64::from_be_bytes(*issued))?;
        (age < self.lifetime.as_secs()).then(|| session.to_vec())
    }

    fn encrypt_at(&self, session: &[u8], now: u64) -> Option<Vec<u8>> {
        let mut sealed = [&now.to_be_bytes(), session].concat();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(self.name), &mut sealed)
            .ok()?;
        Some([&self.name, &nonce.as_ref()[..], &sealed].concat())
    }
}

impl ProducesTickets for KeyedTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.lifetime.as_secs().try_into().unwrap_or(u32::MAX)
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        self.encrypt_at(session, seconds())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.decrypt_at(ticket, seconds())
    }
}

fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets(first: u8) -> KeyedTickets {
        let keys: Vec<u8> = (first..).take(TICKET_KEYS).collect();
        KeyedTickets::new(&keys, Some(Duration::from_secs(100))).expect("48 bytes")
    }

    #[test]
    fn tickets_are_opened_with_the_same_keys_and_in_time() {
        let ticket = tickets(0).encrypt_at(b"session", 1000).expect("a ticket");
        let other = tickets(0);
        assert_eq!(
            other.decrypt_at(&ticket, 1000).as_deref(),
            Some(&b"session"[..])
        );
        assert_eq!(
            other.decrypt_at(&ticket, 1099).as_deref(),
            Some(&b"session"[..])
        );
        assert_eq!(other.decrypt_at(&ticket, 1100), None);
        // A process whose clock is ahead has issued it: the client makes a full handshake.
        assert_eq!(other.decrypt_at(&ticket, 999), None);
        assert_eq!(tickets(1).decrypt_at(&ticket, 1000), None);
    }

    #[test]
    fn changed_and_cut_tickets_are_not_opened() {
        let tickets = tickets(0);
        let ticket = tickets.encrypt_at(b"session", 1000).expect("a ticket");
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert_eq!(tickets.decrypt_at(&changed, 1000), None, "{at}");
            assert_eq!(tickets.decrypt_at(&ticket[..at], 1000), None, "{at}");
        }
        assert!(KeyedTickets::new(&[0; 47], None).is_err());
    }
}
