//! Writes `js/native/records.ts` and `js/native/record-fields.ts`, or fails when they are stale.

use std::fmt::Write;
use std::path::Path;

use super::layout::{Description, FieldDescription, HEADER_BYTES, HEADER_WORDS, LAYOUTS};
use super::numbers::GROUPS;
use super::{KIND_BITS, kind_of};

const NOTICE: &str = "\
// Written by the tests of crates/net/src/crossing, where the command is documented. Do not edit.
";

/// The environment variable with which the test writes the files.
const WRITE: &str = "FERROHTTP_WRITE_RECORDS";

fn doc(text: &mut String, lines: &[&str]) {
    let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
    let _ = match lines[..] {
        [line] => writeln!(text, "/** {line} */"),
        _ => writeln!(text, "/**\n * {}\n */", lines.join("\n * ")),
    };
}

fn numbers() -> String {
    let mut text = String::from(NOTICE);
    for group in GROUPS {
        let _ = writeln!(text, "\n// {}\n", group.doc.join(" ").trim());
        for number in group.numbers {
            doc(&mut text, number.doc);
            let (prefix, name, value) = (group.prefix, number.name, number.value);
            let _ = writeln!(text, "export const {prefix}{name} = {value}");
        }
    }
    text
}

/// `target_length` is `TargetLength`.
fn pascal(name: &str) -> String {
    let capitalize = |part: &str| part[..1].to_ascii_uppercase() + &part[1..];
    name.split('_').map(capitalize).collect()
}

/// `LargeBody` is `largeBody`.
fn camel(name: &str) -> String {
    name[..1].to_ascii_lowercase() + &name[1..]
}

/// `LargeBody` is `LARGE_BODY`.
fn constant(name: &str) -> String {
    let mut text = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

fn function(text: &mut String, head: &str, body: &str) {
    let _ = writeln!(text, "export function {head} {{\n  {body}\n}}\n");
}

fn reader(text: &mut String, layout: &Description, field: &FieldDescription, header: usize) {
    doc(text, field.doc);
    let word = |at: usize| format!("words[word + {}]!", header + at / 4);
    let value = match field.bytes {
        4 => word(field.offset),
        8 => format!(
            "{} + {} * 2 ** 32",
            word(field.offset),
            word(field.offset + 4)
        ),
        bytes => panic!("a field of {bytes} bytes"),
    };
    let name = camel(layout.name) + &pascal(field.name);
    let head = format!("{name}(words: Uint32Array, word: number): number");
    function(
        text,
        &head,
        &format!("return {}", value.replace(" + 0]", "]")),
    );
}

fn writer(text: &mut String, layout: &Description, field: &FieldDescription) {
    doc(text, field.doc);
    assert_eq!(field.bytes, 4, "{}.{}", layout.name, field.name);
    let (name, field_name) = (layout.name, pascal(field.name));
    let head =
        format!("set{name}{field_name}(words: Uint32Array, word: number, value: number): void");
    let at = HEADER_WORDS + field.offset / 4;
    function(text, &head, &format!("words[word + {at}] = value"));
}

fn fields() -> String {
    let mut text = String::from(NOTICE);
    text.push_str(
        "//
// `words` is the memory of the records, `word` the word at which a record begins. Constants are in bytes from there.

",
    );
    let of_record = "(words: Uint32Array, word: number): number";
    let kind_mask = kind_of(u32::MAX);
    let header = [
        ("kind", format!("words[word]! & {kind_mask}")),
        ("flags", format!("words[word]! >>> {KIND_BITS}")),
        ("length", "words[word + 1]!".to_owned()),
        ("slot", "words[word + 2]!".to_owned()),
        ("generation", "words[word + 3]!".to_owned()),
    ];
    for (name, value) in header {
        function(
            &mut text,
            &format!("{name}{of_record}"),
            &format!("return {value}"),
        );
    }
    let head = "firstWord(kind: number, flags: number): number";
    let body = format!("return kind | (flags << {KIND_BITS})");
    function(&mut text, head, &body);
    doc(
        &mut text,
        &["Writes all of a record's header but the length. `first`: see `firstWord`."],
    );
    text.push_str(
        "export function setHeader(
  words: Uint32Array,
  word: number,
  first: number,
  slot: number,
  generation: number,
): void {
  words[word] = first
  words[word + 2] = slot
  words[word + 3] = generation
}

",
    );
    let head = "setLength(words: Uint32Array, word: number, length: number): void";
    function(&mut text, head, "words[word + 1] = length");
    doc(
        &mut text,
        &["The length of a payload that begins at the byte `payload` is the word before it."],
    );
    let head = "setPayloadLength(words: Uint32Array, payload: number, length: number): void";
    function(&mut text, head, "words[(payload >> 2) - 1] = length");
    for layout in LAYOUTS {
        let _ = writeln!(text, "// {}\n", layout.doc.join(" ").trim());
        // One of a list within a record: it has no header of its own.
        let is_part = layout.name == "Failure";
        let header_words = if is_part { 0 } else { HEADER_WORDS };
        for field in layout.fields {
            if layout.is_inbound {
                reader(&mut text, layout, field, header_words);
            } else {
                writer(&mut text, layout, field);
            }
        }
        let name = constant(layout.name);
        let _ = if is_part {
            doc(&mut text, &["Bytes of one."]);
            writeln!(text, "export const {name}_BYTES = {}\n", layout.bytes)
        } else {
            doc(&mut text, &["Where the fields end and the payload begins."]);
            let end = HEADER_BYTES + layout.bytes;
            writeln!(text, "export const {name}_PAYLOAD = {end}\n")
        };
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[test]
fn typescript_has_the_same_numbers_and_layouts() {
    let native = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../js/native");
    for (name, text) in [("records.ts", numbers()), ("record-fields.ts", fields())] {
        let file = native.join(name);
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&file, &text).expect("the file can be written");
        }
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == text,
            "js/native/{name} is stale: {WRITE}=1 cargo test -p ferrohttp-net crossing"
        );
    }
}
