//! The vector files: Markdown, one case for each heading.
//!
//! ````markdown
//! ## What is shown
//!
//! Why it is so.
//!
//! Options: lenient, eof
//!
//! ```http
//! GET / HTTP/1.1\r\n
//! \r\n
//! ```
//!
//! ```events
//! request GET / 1.1
//! end
//! ```
//! ````
//!
//! In files called `response-…` the input is the response to a request: GET, or the method in `Options: request HEAD`.
//!
//! Line breaks in an `http` block are for the reader. `\r \n \t \0 \\ \xHH` are bytes, and
//! `\{16384:x}` is a repeated text.

use std::fs;
use std::path::Path;

use ferrohttp_proto::{Limits, RequestKind};

/// One case of a vector file.
#[derive(Debug)]
pub(crate) struct Vector {
    /// File and heading.
    pub(crate) name: String,
    pub(crate) options: Options,
    pub(crate) input: Vec<u8>,
    pub(crate) events: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    pub(crate) limits: Limits,
    /// The peer half-closes after the input.
    pub(crate) eof: bool,
    /// Upgrades are declined instead of accepted.
    pub(crate) decline: bool,
    /// The input is the response to a request of this kind. `None`: the input is requests.
    pub(crate) request: Option<RequestKind>,
}

/// The cases of requests.
pub(crate) fn vectors() -> Vec<Vector> {
    let mut vectors = all_vectors();
    vectors.retain(|vector| vector.options.request.is_none());
    vectors
}

/// The cases of responses: those in files called `response-…`.
pub(crate) fn response_vectors() -> Vec<Vector> {
    let mut vectors = all_vectors();
    vectors.retain(|vector| vector.options.request.is_some());
    vectors
}

fn all_vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    let mut vectors = Vec::new();
    for path in files {
        let file = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        vectors.extend(parse_file(
            &file,
            &fs::read_to_string(&path).expect("readable"),
        ));
    }
    vectors
}

/// The cases of one file.
fn parse_file(file: &str, text: &str) -> Vec<Vector> {
    let mut vectors = Vec::new();
    for section in text.split("\n## ").skip(1) {
        let heading = section.lines().next().unwrap_or_default().trim();
        let name = format!("{file}: {heading}");
        let input = block(section, "http").unwrap_or_else(|| panic!("{name}: no input"));
        let events = block(section, "events").unwrap_or_else(|| panic!("{name}: no expectation"));
        let events: Vec<String> = events.lines().map(str::to_owned).collect();
        assert!(!events.is_empty(), "{name}: no expectation");
        let options = section
            .lines()
            .find_map(|line| line.strip_prefix("Options: "))
            .unwrap_or_default();
        let mut options = parse_options(&name, options);
        if file.starts_with("response-") {
            options.request.get_or_insert(RequestKind::Ordinary);
        }
        vectors.push(Vector {
            options,
            input: unescape(&name, input),
            name,
            events,
        });
    }
    vectors
}

fn block<'t>(section: &'t str, language: &str) -> Option<&'t str> {
    let (_, rest) = section.split_once(&format!("\n```{language}\n"))?;
    rest.split_once("\n```").map(|(block, _)| block)
}

fn parse_options(name: &str, text: &str) -> Options {
    let mut options = Options::default();
    for option in text.split(", ").filter(|option| !option.is_empty()) {
        let (key, value) = option.split_once(' ').unwrap_or((option, ""));
        let number = || {
            value
                .parse::<usize>()
                .unwrap_or_else(|_| panic!("{name}: {option} is no number"))
        };
        match key {
            "lenient" => options.limits.lenient = true,
            "eof" => options.eof = true,
            "decline" => options.decline = true,
            "request" => options.request = Some(RequestKind::of(value.as_bytes())),
            "max_header_size" => options.limits.max_header_size = number(),
            "max_headers_count" => options.limits.max_headers_count = number(),
            "max_chunk_extensions" => options.limits.max_chunk_extensions = number(),
            _ => panic!("{name}: unknown option {option}"),
        }
    }
    options
}

fn unescape(name: &str, text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(byte) = rest.bytes().next() {
        assert!(byte.is_ascii(), "{name}: write {byte:#x} as an escape");
        rest = &rest[1..];
        match byte {
            b'\n' => {}
            b'\\' => rest = unescape_one(name, rest, &mut bytes),
            _ => bytes.push(byte),
        }
    }
    bytes
}

/// Reads one escape, after its backslash. Returns the text after it.
fn unescape_one<'t>(name: &str, rest: &'t str, bytes: &mut Vec<u8>) -> &'t str {
    let (kind, rest) = rest.split_at(1);
    let byte = match kind {
        "r" => b'\r',
        "n" => b'\n',
        "t" => b'\t',
        "0" => 0,
        "\\" => b'\\',
        "x" => {
            bytes.push(
                u8::from_str_radix(&rest[..2], 16).unwrap_or_else(|_| panic!("{name}: bad \\x")),
            );
            return &rest[2..];
        }
        "{" => {
            let (times, rest) = rest
                .split_once(':')
                .unwrap_or_else(|| panic!("{name}: bad \\{{"));
            let (piece, rest) = rest
                .split_once('}')
                .unwrap_or_else(|| panic!("{name}: bad \\{{"));
            let times: usize = times.parse().unwrap_or_else(|_| panic!("{name}: bad \\{{"));
            bytes.extend(unescape(name, piece).repeat(times));
            return rest;
        }
        _ => panic!("{name}: unknown escape \\{kind}"),
    };
    bytes.push(byte);
    rest
}
