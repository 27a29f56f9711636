//! Modules depend on lower layers only, so there are no circles between them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up. A module may use those of lower layers, and not those beside it.
const LAYERS: [&[&str]; 9] = [
    &["crossing", "id", "measure", "sync", "time"],
    &["pool", "settings", "socket", "table", "tls"],
    &["handoff", "server"],
    &["messages"],
    &["threads"],
    &["connection"],
    &["registry", "session"],
    &["listen"],
    &["environment"],
];

fn layer_of(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
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
        let layer = layer_of(&module);
        for used in used_modules(&fs::read_to_string(&path).expect("a text")) {
            assert!(
                used == module || layer_of(&used) < layer,
                "{} uses {used}, which is not in a lower layer",
                inside.display()
            );
        }
        seen.insert(module);
    }
    let listed: BTreeSet<_> = LAYERS.concat().into_iter().map(str::to_owned).collect();
    assert_eq!(seen, listed, "modules that exist, and modules in LAYERS");
}

#[test]
fn the_names_of_modules_are_found() {
    let text = "use crate::id::X;\n// crate::comment\nfn f(a: crate::b_c::D, e: crate::f::G) {}\n#[cfg(test)]\nmod tests {\nuse crate::g;";
    let found: Vec<_> = used_modules(text).into_iter().collect();
    assert_eq!(found, ["b_c", "f", "id"]);
}
