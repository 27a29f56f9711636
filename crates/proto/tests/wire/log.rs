//! The events of a connection, one on each line.

use ferrohttp_proto::Fields;

/// Above this, data and values are written as a length.
const LONG: usize = 64;

/// Above this, fields are only counted.
const MANY: usize = 20;

/// See the module. Consecutive data is one line.
#[derive(Default)]
pub(crate) struct Log {
    lines: Vec<String>,
    data: Vec<u8>,
}

impl Log {
    pub(crate) fn line(&mut self, line: impl Into<String>) {
        self.end_data();
        self.lines.push(line.into());
    }

    pub(crate) fn data(&mut self, data: &[u8]) {
        assert!(!data.is_empty(), "data without bytes");
        self.data.extend_from_slice(data);
    }

    /// A line each, which begins with `word`.
    pub(crate) fn fields(&mut self, word: &str, fields: Fields<'_>) {
        let count = fields.len();
        if count > MANY {
            return self.line(format!("{word}s {count}"));
        }
        for (name, value) in fields {
            let line = format!("{word} {}: {}", shown(name), shown(value));
            self.line(line.trim_end());
        }
    }

    /// The bytes after an upgrade.
    pub(crate) fn taken(&mut self, bytes: &[u8]) {
        self.line(format!("taken {}", shown(bytes)).trim_end());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn finish(mut self) -> Vec<String> {
        self.end_data();
        self.lines
    }

    fn end_data(&mut self) {
        if !self.data.is_empty() {
            let data = shown(&std::mem::take(&mut self.data));
            self.lines.push(format!("data {data}"));
        }
    }
}

pub(crate) fn shown(bytes: &[u8]) -> String {
    if bytes.len() > LONG {
        format!("({} bytes)", bytes.len())
    } else {
        bytes.escape_ascii().to_string()
    }
}
