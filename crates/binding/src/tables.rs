//! Constants of the engine for JavaScript.

use ferrohttp_proto::{ErrorKind, METHODS, encode_error_response};
use napi_derive::napi;

/// One cause for which a message is refused. ERROR records have its index.
#[napi(object)]
pub struct BindingParserError {
    /// Node's `err.code`.
    pub code: String,
    /// Node's `err.reason`.
    pub reason: String,
    /// The status of the default answer.
    pub status: u16,
}

/// The version of the addon. JavaScript refuses an addon whose version is not its own.
#[napi]
#[must_use]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// All causes, by index.
#[napi]
#[must_use]
pub fn parser_errors() -> Vec<BindingParserError> {
    ErrorKind::ALL
        .iter()
        .map(|kind| BindingParserError {
            code: kind.code().to_owned(),
            reason: kind.reason().to_owned(),
            status: kind.status(),
        })
        .collect()
}

/// The complete response to a message that was refused with `status`.
#[napi]
#[must_use]
pub fn default_answer(status: u16) -> String {
    // ASCII.
    String::from_utf8_lossy(encode_error_response(status)).into_owned()
}

/// The methods that requests may have, by the index in HEAD records.
#[napi]
#[must_use]
pub fn methods() -> Vec<String> {
    METHODS.iter().map(|&method| method.to_owned()).collect()
}
