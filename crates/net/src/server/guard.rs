//! Requests that I/O threads answer themselves, so that they are answered while JavaScript's thread is blocked or busy: probes of a
//! server's health, and requests that an overloaded server refuses.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::server::overload::{Overload, OverloadOptions};

/// Options of a server's guard.
#[derive(Clone, Debug, Default)]
pub struct GuardOptions {
    /// None if no path is a probe.
    pub health: Option<HealthOptions>,
    /// None if no request is refused.
    pub overload: Option<OverloadOptions>,
}

/// Paths that report a server's health.
#[derive(Clone, Debug)]
pub struct HealthOptions {
    /// Path that says whether JavaScript's thread turns its event loop.
    pub live: Option<Vec<u8>>,
    /// Path that says whether, besides, the server is not being drained.
    pub ready: Option<Vec<u8>>,
    /// Largest age of the pulse of a thread that is not blocked.
    pub max_delay: Duration,
    /// Status code and reason phrase for a server that is not healthy.
    pub failure: String,
}

/// The kinds of probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    Live,
    Ready,
}

/// See the module.
pub(crate) struct Guard {
    health: Option<HealthOptions>,
    pub(crate) overload: Option<Overload>,
    is_draining: AtomicBool,
}

impl Guard {
    pub(crate) fn new(options: GuardOptions) -> Self {
        Self {
            health: options.health,
            overload: options.overload.map(Overload::new),
            is_draining: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    pub(crate) fn set_draining(&self, on: bool) {
        self.is_draining.store(on, Ordering::Relaxed);
    }

    pub(crate) const fn has_probes(&self) -> bool {
        self.health.is_some()
    }

    /// The probe that a request for `target` is, if it is one.
    pub(crate) fn probe(&self, target: &[u8]) -> Option<Probe> {
        let health = self.health.as_ref()?;
        let path = target.split(|&byte| byte == b'?').next();
        if path == health.live.as_deref() {
            Some(Probe::Live)
        } else if path == health.ready.as_deref() {
            Some(Probe::Ready)
        } else {
            None
        }
    }

    /// Whether bytes of a peer begin with the request line of a probe, as far as its target.
    pub(crate) fn begins_with_probe(&self, bytes: &[u8]) -> bool {
        let target = bytes
            .strip_prefix(b"GET ")
            .or_else(|| bytes.strip_prefix(b"HEAD "));
        let end = |target: &[u8]| target.iter().position(|&byte| byte == b' ');
        target.is_some_and(|target| {
            end(target).is_some_and(|end| self.probe(&target[..end]).is_some())
        })
    }

    /// The state that a probe reports: the status line's end and the body. `age` is that of the pulse, and `queue` the number of
    /// requests that wait for JavaScript's thread.
    fn state(&self, probe: Probe, age: Duration, queue: usize) -> (&str, String) {
        let (max_delay, failure) = match &self.health {
            Some(health) => (health.max_delay, health.failure.as_str()),
            None => (Duration::MAX, "503 Service Unavailable"),
        };
        let (status, state) = if age > max_delay {
            (failure, "blocked")
        } else if probe == Probe::Ready && self.is_draining() {
            (failure, "draining")
        } else {
            ("200 OK", "ok")
        };
        let age = age.as_millis();
        let body = format!("{{\"status\":\"{state}\",\"age\":{age},\"queue\":{queue}}}\n");
        (status, body)
    }

    /// The complete response to a probe, and whether it says that the connection is closed.
    pub(crate) fn answer_probe(
        &self,
        probe: Probe,
        (age, queue): (Duration, usize),
        form: Form,
    ) -> (String, bool) {
        let (status, body) = self.state(probe, age, queue);
        let form = Form {
            keep_alive: form.keep_alive && !self.is_draining(),
            ..form
        };
        let fields = "Content-Type: application/json\r\nCache-Control: no-store\r\n";
        (response(status, fields, &body, form), !form.keep_alive)
    }
}

impl Guard {
    /// The complete response to a request that is refused, and whether it says that the connection is closed.
    pub(crate) fn refuse(&self, form: Form) -> (String, bool) {
        let form = Form {
            keep_alive: form.keep_alive && !self.is_draining(),
            ..form
        };
        let after = self.overload.as_ref().map_or(1, Overload::retry_after);
        let fields = format!("Retry-After: {after}\r\n");
        let text = response("503 Service Unavailable", &fields, "", form);
        (text, !form.keep_alive)
    }
}

/// The properties of a request on which its response depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// The response has no body.
    pub(crate) is_head: bool,
    /// The connection may be kept.
    pub(crate) keep_alive: bool,
}

/// A response's text. `fields` are complete lines.
fn response(status: &str, fields: &str, body: &str, form: Form) -> String {
    let connection = if form.keep_alive {
        "keep-alive"
    } else {
        "close"
    };
    let date = httpdate::fmt_http_date(SystemTime::now());
    let length = body.len();
    let body = if form.is_head { "" } else { body };
    format!(
        "HTTP/1.1 {status}\r\n{fields}Date: {date}\r\nConnection: {connection}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Form = Form {
        is_head: false,
        keep_alive: true,
    };

    fn guard() -> Guard {
        Guard::new(GuardOptions {
            health: Some(HealthOptions {
                live: Some(b"/livez".to_vec()),
                ready: Some(b"/readyz".to_vec()),
                max_delay: Duration::from_secs(5),
                failure: "503 Service Unavailable".to_owned(),
            }),
            overload: None,
        })
    }

    #[test]
    fn a_probe_is_an_exact_path_with_any_query() {
        let guard = guard();
        assert_eq!(guard.probe(b"/livez"), Some(Probe::Live));
        assert_eq!(guard.probe(b"/readyz?verbose"), Some(Probe::Ready));
        for other in ["/", "/livez/", "/livezz", "/Livez", "*", "http://a/livez"] {
            assert_eq!(guard.probe(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_request_line_of_a_probe_is_known_by_its_beginning() {
        let guard = guard();
        assert!(guard.begins_with_probe(b"GET /livez HTTP/1.1\r\n"));
        assert!(guard.begins_with_probe(b"HEAD /readyz?a HTTP"));
        for other in [
            "",
            "GET /live",
            "GET /livez",
            "POST /livez HTTP/1.1",
            "GET /a",
        ] {
            assert!(!guard.begins_with_probe(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn the_state_depends_on_age_and_drain() {
        let guard = guard();
        let ask = |probe, millis| {
            let (text, close) = guard.answer_probe(probe, (Duration::from_millis(millis), 3), KEPT);
            let line = text.lines().next().unwrap_or_default().to_owned();
            (line, text.contains("\"queue\":3"), close)
        };
        let ok = ("HTTP/1.1 200 OK".to_owned(), true, false);
        let bad = "HTTP/1.1 503 Service Unavailable".to_owned();
        assert_eq!(ask(Probe::Live, 5000), ok);
        assert_eq!(ask(Probe::Ready, 0), ok);
        assert_eq!(ask(Probe::Live, 5001), (bad.clone(), true, false));
        guard.set_draining(true);
        assert_eq!(ask(Probe::Live, 0), (ok.0, true, true));
        assert_eq!(ask(Probe::Ready, 0), (bad, true, true));
    }

    #[test]
    fn the_response_to_head_has_the_length_and_no_body() {
        let form = Form {
            is_head: true,
            ..KEPT
        };
        let (text, _) = guard().answer_probe(Probe::Live, (Duration::ZERO, 0), form);
        assert!(text.contains("Content-Length: 34\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n"));
    }
}
