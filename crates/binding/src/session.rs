//! The engine for streams that JavaScript owns.

use ferrohttp_net::{Session, request_kind, with_validation};
use ferrohttp_proto::{Limits, RequestKind};
use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Result, Uint8Array};
use napi_derive::napi;

/// How much a peer may send on a stream.
#[napi(object)]
pub struct BindingSessionConfig {
    /// maxHeaderSize in bytes.
    pub max_header_size: u32,
    /// Fields in a head, 0 for any number. For a client always 0.
    pub max_headers_count: u32,
    /// One of VALIDATION_STRICT and the others.
    pub validation: u32,
}

/// See `ferrohttp_net::Session`. Methods that read return the records that came of it, or null.
#[napi]
pub struct BindingSession(Session);

#[napi]
impl BindingSession {
    /// The side of a `client`, or of a server.
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

    /// The stream brought `data`. Behind an upgrade head nothing is read until the upgrade is declined.
    #[napi(catch_unwind)]
    pub fn feed<'env>(
        &mut self,
        env: &'env Env,
        data: Uint8Array,
    ) -> Result<Option<BufferSlice<'env>>> {
        self.0.feed(&data);
        self.records(env)
    }

    /// The stream ended.
    #[napi(catch_unwind)]
    pub fn eof<'env>(&mut self, env: &'env Env) -> Result<Option<BufferSlice<'env>>> {
        self.0.eof();
        self.records(env)
    }

    /// Server: the oldest unanswered request's response is out; requests that waited for it are read.
    #[napi(catch_unwind)]
    pub fn answered<'env>(
        &mut self,
        env: &'env Env,
        close: bool,
    ) -> Result<Option<BufferSlice<'env>>> {
        self.0.answered(close);
        self.records(env)
    }

    /// Server: nobody takes the upgrade.
    #[napi(catch_unwind)]
    pub fn decline_upgrade<'env>(&mut self, env: &'env Env) -> Result<Option<BufferSlice<'env>>> {
        self.0.decline_upgrade();
        self.records(env)
    }

    /// Client: a request's head goes out; `kind` is one of REQUEST_IS_ORDINARY and the others. False out of turn.
    #[napi(catch_unwind)]
    pub fn begin(&mut self, kind: u32) -> bool {
        self.0.begin(match kind {
            request_kind::HEAD => RequestKind::Head,
            request_kind::CONNECT => RequestKind::Connect,
            _ => RequestKind::Ordinary,
        })
    }

    /// Client: the request is out.
    #[napi(catch_unwind)]
    pub fn finished(&mut self, close: bool) {
        self.0.finished(close);
    }

    /// Whether a message has begun and not ended.
    #[napi(catch_unwind)]
    pub fn receiving(&self) -> bool {
        self.0.is_receiving()
    }

    /// Whether nothing of an exchange is under way.
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
