//! The engine for streams of JavaScript.

use ferrohttp_net::{Session, request_kind, with_validation};
use ferrohttp_proto::{Limits, RequestKind};
use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Result, Uint8Array};
use napi_derive::napi;

/// The limits for a stream's peer.
#[napi(object)]
pub struct BindingSessionConfig {
    /// maxHeaderSize in bytes.
    pub max_header_size: u32,
    /// Fields in a head, 0 for any number. For a client always 0.
    pub max_headers_count: u32,
    /// One of VALIDATION_STRICT and the others.
    pub validation: u32,
}

/// See `ferrohttp_net::Session`. Methods that parse return the new records, or null.
#[napi]
pub struct BindingSession(Session);

#[napi]
impl BindingSession {
    /// A session of a `client`, or of a server.
    #[napi(constructor, catch_unwind)]
    pub fn new(client: bool, config: BindingSessionConfig) -> Self {
        let limits = Limits {
            max_header_size: config.max_header_size as usize,
            max_headers_count: config.max_headers_count as usize,
            ..Limits::default()
        };
        let limits = with_validation(limits, config.validation);
        Self(if client {
            Session::client(limits)
        } else {
            Session::server(limits)
        })
    }

    /// Parses `data`, which the stream has received. After an upgrade head nothing is parsed until the upgrade is declined.
    #[napi(catch_unwind)]
    pub fn feed<'env>(
        &mut self,
        env: &'env Env,
        data: Uint8Array,
    ) -> Result<Option<BufferSlice<'env>>> {
        self.0.feed(&data);
        self.records(env)
    }

    /// The stream has ended.
    #[napi(catch_unwind)]
    pub fn eof<'env>(&mut self, env: &'env Env) -> Result<Option<BufferSlice<'env>>> {
        self.0.eof();
        self.records(env)
    }

    /// Server: the response to the oldest unanswered request has been written. Requests that waited for it are parsed.
    #[napi(catch_unwind)]
    pub fn answered<'env>(
        &mut self,
        env: &'env Env,
        close: bool,
    ) -> Result<Option<BufferSlice<'env>>> {
        self.0.answered(close);
        self.records(env)
    }

    /// Server: the upgrade has no listener.
    #[napi(catch_unwind)]
    pub fn decline_upgrade<'env>(&mut self, env: &'env Env) -> Result<Option<BufferSlice<'env>>> {
        self.0.decline_upgrade();
        self.records(env)
    }

    /// Client: a request's head is written. `kind` is one of REQUEST_IS_ORDINARY and the others. Returns false out of turn.
    #[napi(catch_unwind)]
    pub fn begin(&mut self, kind: u32) -> bool {
        self.0.begin(match kind {
            request_kind::HEAD => RequestKind::Head,
            request_kind::CONNECT => RequestKind::Connect,
            _ => RequestKind::Ordinary,
        })
    }

    /// Client: the request has been written.
    #[napi(catch_unwind)]
    pub fn finished(&mut self, close: bool) {
        self.0.finished(close);
    }

    /// Whether a message has begun and not ended.
    #[napi(catch_unwind)]
    pub fn receiving(&self) -> bool {
        self.0.is_receiving()
    }

    /// Whether no exchange is in progress.
    #[napi(catch_unwind)]
    pub fn idle(&self) -> bool {
        self.0.is_idle()
    }

    fn records<'env>(&mut self, env: &'env Env) -> Result<Option<BufferSlice<'env>>> {
        self.0
            .records(|records| BufferSlice::copy_from(env, records))
            .transpose()
    }
}
