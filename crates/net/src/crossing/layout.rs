//! The fields of records. Their offsets follow from their order.

use std::mem::offset_of;

/// Words before the fields of a record: kind and flags, length, slot, generation.
pub(crate) const HEADER_WORDS: usize = 4;
/// The size of these words in bytes.
pub(crate) const HEADER_BYTES: usize = HEADER_WORDS * 4;

/// Rounds up to the alignment of records.
pub(crate) const fn padded(len: usize) -> usize {
    (len + 3) & !3
}

/// A type that a field may have.
pub(crate) trait Field: Sized {
    /// Writes it at `at`.
    fn write(self, bytes: &mut [u8], at: usize);
    /// Reads it at `at`. None if `bytes` ends before it does.
    fn read(bytes: &[u8], at: usize) -> Option<Self>;
}

macro_rules! field {
    ($($type:ty)*) => {
        $(impl Field for $type {
            fn write(self, bytes: &mut [u8], at: usize) {
                bytes[at..at + size_of::<Self>()].copy_from_slice(&self.to_le_bytes());
            }

            fn read(bytes: &[u8], at: usize) -> Option<Self> {
                let bytes = bytes.get(at..at + size_of::<Self>())?;
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }
        })*
    };
}

field! { u32 u64 }

/// The fields of one kind of record, or of several.
pub(crate) trait Layout: Sized {
    /// Bytes of all fields.
    const BYTES: usize = size_of::<Self>();
    /// Appends the fields to `bytes`.
    fn append(self, bytes: &mut Vec<u8>);
    /// Reads the fields of `record`. None if it ends before they do.
    fn read(record: &[u8]) -> Option<Self>;
}

/// Of records without fields: IN_EOF, IN_LISTENER_CLOSED, IN_SESSION.
impl Layout for () {
    fn append(self, _: &mut Vec<u8>) {}

    fn read(_: &[u8]) -> Option<Self> {
        Some(())
    }
}

/// A layout, as the generator of TypeScript sees it.
#[cfg(test)]
pub(super) struct Description {
    /// Lines of its doc comment.
    pub(super) doc: &'static [&'static str],
    pub(super) name: &'static str,
    /// Whether TypeScript reads it; otherwise it writes it.
    pub(super) is_inbound: bool,
    /// Bytes of all fields.
    pub(super) bytes: usize,
    pub(super) fields: &'static [FieldDescription],
}

#[cfg(test)]
pub(super) struct FieldDescription {
    /// Lines of its doc comment.
    pub(super) doc: &'static [&'static str],
    pub(super) name: &'static str,
    /// From the first field.
    pub(super) offset: usize,
    pub(super) bytes: usize,
}

/// Declares layouts and, for the generator, the list of them.
macro_rules! layouts {
    ($(
        $(#[doc = $doc:literal])*
        $direction:ident $name:ident {
            $( $(#[doc = $field_doc:literal])* $field:ident: $type:ty, )*
        }
    )*) => {
        $(
            $(#[doc = $doc])*
            // Fields begin where the one before ends, as in the record.
            #[derive(Clone, Copy)]
            #[repr(C, packed(4))]
            pub(crate) struct $name {
                $( $(#[doc = $field_doc])* pub(crate) $field: $type, )*
            }

            impl Layout for $name {
                fn append(self, bytes: &mut Vec<u8>) {
                    // Together, because each append to a vector checks its capacity.
                    let mut fields = [0; size_of::<Self>()];
                    $( self.$field.write(&mut fields, offset_of!(Self, $field)); )*
                    bytes.extend_from_slice(&fields);
                }

                fn read(record: &[u8]) -> Option<Self> {
                    Some(Self {
                        $( $field: Field::read(record, HEADER_BYTES + offset_of!(Self, $field))?, )*
                    })
                }
            }
        )*

        /// All layouts, in the order of their declaration.
        #[cfg(test)]
        pub(super) const LAYOUTS: &[Description] = &[$(
            Description {
                doc: &[$($doc),*],
                name: stringify!($name),
                is_inbound: layouts!(@is_inbound $direction),
                bytes: size_of::<$name>(),
                fields: &[$(
                    FieldDescription {
                        doc: &[$($field_doc),*],
                        name: stringify!($field),
                        offset: offset_of!($name, $field),
                        bytes: size_of::<$type>(),
                    },
                )*],
            },
        )*];
    };
    (@is_inbound inbound) => { true };
    (@is_inbound outbound) => { false };
}

layouts! {
    /// IN_OPEN, IN_CONNECTED, IN_DROPPED. Payload: both addresses.
    inbound Endpoints {
        /// IN_OPEN: id of the server. IN_CONNECTED: position of the address in the list that `connect` was given, 0 for a path.
        number: u32,
        /// Bytes of `address LF port LF address LF port`, local first. 0 when they are not known.
        addresses_length: u32,
    }

    /// IN_HEAD. Payload: the block `target LF name LF value …`, then the bytes after an upgrade head.
    inbound Head {
        /// Method and version, see LINE_METHOD_BITS and the others.
        line: u32,
        /// Bytes of the target.
        target_length: u32,
        /// Fields of the head.
        field_count: u32,
        /// Bytes of the block.
        block_length: u32,
        /// Bytes of the stream that follow an upgrade head.
        after_length: u32,
    }

    /// IN_RESPONSE. Payload: the block `reason LF name LF value …`, then the bytes after an upgrade head.
    inbound Response {
        /// Status and version, see LINE_STATUS_BITS and the others.
        line: u32,
        /// Bytes of the reason phrase.
        reason_length: u32,
        /// Fields of the head.
        field_count: u32,
        /// The server's `Keep-Alive: timeout` in seconds, plus 1. 0 when there is none.
        keep_alive_hint: u32,
        /// Bytes of the block.
        block_length: u32,
        /// Bytes of the stream that follow an upgrade head.
        after_length: u32,
    }

    /// IN_BODY without BODY_TAKE. Payload: the bytes.
    inbound Body {
        /// Bytes of the part.
        length: u32,
        /// Always 0: `LargeBody` has its chunk here.
        reserved: u32,
    }

    /// IN_BODY with BODY_TAKE.
    inbound LargeBody {
        /// Bytes of the part.
        length: u32,
        /// Position of its chunk in the batch. JavaScript takes a chunk with its first part.
        chunk: u32,
        /// Where in the chunk the part begins. Only the first part of a chunk begins at 0.
        offset: u32,
    }

    /// IN_END. Payload: the trailers, `name LF value LF name …`.
    inbound End {
        /// Bytes of the trailers.
        trailers_length: u32,
    }

    /// IN_ERROR. Payload: the bytes that were being parsed.
    inbound Error {
        /// Index into the list of parser errors.
        kind: u32,
        /// Number of valid bytes at the beginning of the packet.
        bytes_parsed: u32,
        /// Bytes of the packet.
        packet_length: u32,
    }

    /// IN_CLOSED.
    inbound Closed {
        /// The operating system's error number, 0 for an orderly end.
        errno: u32,
        /// Bytes received.
        received: u64,
        /// Bytes that the kernel has accepted.
        sent: u64,
        /// Number of a client's requests of which the kernel may have accepted a byte.
        requests: u32,
    }

    /// IN_CONNECT_FAILED. `Failure` follows once for each attempt, in the order in which they began.
    inbound ConnectFailed {
        /// Number of attempts.
        attempts: u32,
    }

    /// One attempt of IN_CONNECT_FAILED. Its offsets count from its own beginning.
    inbound Failure {
        /// The operating system's error number, 0 when it gave none.
        errno: u32,
        /// FAILED_CONNECT or FAILED_BIND.
        step: u32,
        /// Position of the address in the list that `connect` was given.
        index: u32,
    }

    /// IN_SECURED. Payload: `protocol LF cipher LF group LF 1 or 0 LF server name LF protocol by ALPN`. The digit says whether a
    /// session was resumed. The peer's certificates in DER follow, if it was asked for any.
    inbound Secured {
        /// The verdict on the certificates, VERDICT_TRUSTED or another; 0 for a client that was not asked for any.
        verdict: u32,
        /// Bytes of the certificates.
        chain_length: u32,
        /// Bytes of the payload up to the certificates.
        details_length: u32,
    }

    /// IN_HELLO. Payload: the server name, then the protocols that the client offers, each after its length in one byte.
    inbound Hello {
        /// Bytes of the protocols, 0 if it offers none.
        protocols_length: u32,
        /// Bytes of the name, 0 if the client has asked for none.
        name_length: u32,
    }

    /// IN_KEY_LOG. Payload: the lines, each with its line end.
    inbound KeyLog {
        /// Bytes of the lines.
        length: u32,
    }

    /// IN_TLS_FAILED.
    inbound TlsFailed {
        /// TLS_HANG_UP, TLS_TIMEOUT, or a reason of OpenSSL's library for SSL.
        reason: u32,
    }

    /// IN_OVERLOAD.
    inbound Overload {
        /// The time in microseconds that the oldest request has waited for JavaScript.
        delay: u64,
        /// Number of requests that the server has refused.
        refused: u64,
    }

    /// IN_ACK.
    inbound Ack {
        /// Number of the oldest unacknowledged writes that the kernel has accepted.
        count: u32,
    }

    /// IN_TIMEOUT.
    inbound Timeout {
        /// TIMEOUT_REQUEST or another.
        deadline: u32,
    }

    /// OUT_HEAD, OUT_REQUEST. The head is in the text of the flush. Payload: the first part of the body.
    outbound Message {
        /// Bytes of the head.
        head_length: u32,
        /// Bytes of the body part.
        body_length: u32,
    }

    /// OUT_BODY, OUT_RAW, OUT_FEED. Payload: the bytes.
    outbound Bytes {
        /// Number of the bytes.
        length: u32,
    }

    /// OUT_END, OUT_INTERIM. The text is in the text of the flush.
    outbound Text {
        /// Bytes of the text.
        length: u32,
    }

    /// All other outbound records. The kind decides what the numbers are. JavaScript always writes both.
    outbound Command {
        /// The first number, 0 when the kind has none.
        first: u32,
        /// The second number, 0 when the kind has none.
        second: u32,
    }
}

// The word before a payload is its length, in whichever record.
const _: () = {
    assert!(offset_of!(Message, body_length) + 4 == size_of::<Message>());
    assert!(offset_of!(Bytes, length) + 4 == size_of::<Bytes>());
};
