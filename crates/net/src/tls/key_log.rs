//! The secrets of one connection, for programs that listen for 'keylog'.

use std::sync::Mutex;

use rustls::KeyLog;

use crate::sync::lock;

/// Collects lines as NSS has them in its key log: label, random number of the client, secret.
#[derive(Default)]
pub(crate) struct KeyLines(Mutex<Vec<u8>>);

impl KeyLines {
    /// The lines since the last call, each with its line end.
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.0))
    }
}

/// The secret of data within the hello of a resumed session. A server derives it from each such hello, and never accepts data there,
/// so nothing is encrypted with it. As OpenSSL, it is not reported.
const OF_EARLY_DATA: &str = "CLIENT_EARLY_TRAFFIC_SECRET";

impl KeyLog for KeyLines {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        if label == OF_EARLY_DATA {
            return;
        }
        let mut lines = lock(&self.0);
        lines.extend_from_slice(label.as_bytes());
        for bytes in [client_random, secret] {
            lines.push(b' ');
            for byte in bytes {
                for digit in [byte >> 4, byte & 15] {
                    lines.push(b"0123456789abcdef"[usize::from(digit)]);
                }
            }
        }
        lines.push(b'\n');
    }
}

opaque_debug!(KeyLines);
