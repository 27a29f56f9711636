//! Modules depend on lower layers of the diagram in docs/ARCHITECTURE.md only, so there are no circles between them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The first line of the diagram in docs/ARCHITECTURE.md.
const DIAGRAM: &str = "\ncrates/net/src/\n";

/// The modules of each layer of the diagram, from the top down. A module may use those of lower layers, and not those beside it.
fn layers(architecture: &str) -> Vec<Vec<String>> {
    let (_, rest) = architecture.split_once(DIAGRAM).expect("the diagram");
    let (diagram, _) = rest.split_once("\n```").expect("the end of the diagram");
    let names = |line: &str| -> Vec<String> {
        // A description follows the names after at least three spaces.
        let line = line.trim();
        let names = line.split_once("   ").map_or(line, |(names, _)| names);
        names
            .split(", ")
            .map(|name| name.trim_end_matches('/').to_owned())
            .collect()
    };
    diagram
        .lines()
        .filter(|line| line.trim() != "↓")
        .map(names)
        .collect()
}

fn layer_of(layers: &[Vec<String>], module: &str) -> usize {
    layers
        .iter()
        .position(|layer| layer.iter().any(|name| name == module))
        .unwrap_or_else(|| panic!("{module} is in no layer"))
}

/// The Rust files under `folder`, without those of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The modules of this crate that `text` names, comments and unit tests apart.
fn used_modules(text: &str) -> BTreeSet<String> {
    let text = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            rest.chars()
                .take_while(|&c| c.is_ascii_alphanumeric() || c == '_')
                .collect()
        })
        .collect()
}

#[test]
fn modules_use_lower_layers_only() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(package.join("../../docs/ARCHITECTURE.md")).expect("a text");
    let layers = layers(&text);
    let root = package.join("src");
    let mut seen = BTreeSet::new();
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).expect("a file of the crate");
        let module = inside
            .iter()
            .next()
            .map(|first| Path::new(first).with_extension(""))
            .and_then(|name| name.to_str().map(str::to_owned))
            .expect("a name");
        if module == "lib" {
            continue;
        }
        let layer = layer_of(&layers, &module);
        for used in used_modules(&fs::read_to_string(&path).expect("a text")) {
            assert!(
                used == module || layer_of(&layers, &used) > layer,
                "{} uses {used}, which is not in a lower layer",
                inside.display()
            );
        }
        seen.insert(module);
    }
    let drawn: BTreeSet<_> = layers.concat().into_iter().collect();
    assert_eq!(
        seen, drawn,
        "modules that exist, and modules in the diagram"
    );
}

#[test]
fn the_names_of_modules_are_found() {
    let text = "use crate::id::X;\n// crate::comment\nfn f(a: crate::b_c::D, e: crate::f::G) {}\n#[cfg(test)]\nmod tests {\nuse crate::g;";
    let found: Vec<_> = used_modules(text).into_iter().collect();
    assert_eq!(found, ["b_c", "f", "id"]);
}

#[test]
fn diagrams_are_read_in_all_their_forms() {
    let text = "```\ncrates/net/src/\n  a          words, and more\n    ↓\n  b/, c\n```\n";
    assert_eq!(layers(text), [vec!["a"], vec!["b", "c"]]);
}
