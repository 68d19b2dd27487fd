//! Tests of specs and their recipes.

mod disks;
mod hostile;
mod recipes;
mod schema;
mod vm;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use snapbox::{IntoData, assert_data_eq};

use super::*;
use crate::engine::source::NoInputFiles;
use crate::oci::tar::Owner;
use crate::recipe::{LayerEntry, LayerEntryKind, SourceRecipe};

const EXAMPLES: [(&str, &str); 5] = [
    ("catalogue.yaml", include_str!("../../../../../spec-files/catalogue.yaml")),
    ("demo.yaml", include_str!("../../../../../spec-files/demo.yaml")),
    ("fedora.yaml", include_str!("../../../../../spec-files/fedora.yaml")),
    ("kernel-boot.yaml", include_str!("../../../../../spec-files/kernel-boot.yaml")),
    ("vm.yaml", include_str!("../../../../../spec-files/vm.yaml")),
];

/// Loads a spec that names no file.
fn load_recipes(source: &Arc<SourceText>) -> Result<Vec<Recipe>, Vec<Diagnostic>> {
    super::load_recipes(source, &NoInputFiles, None)
}

fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { name: "diskette.yaml".into(), text: text.into() })
}

/// Compares all that the recipes of a good spec hold.
fn check(text: &str, expected: impl IntoData) {
    let recipes = load_recipes(&source(text)).unwrap();
    let shown: String = recipes.iter().map(show).collect();
    assert_data_eq!(shown, expected.raw());
}

fn show(recipe: &Recipe) -> String {
    let mut shown = String::from("image");
    recipe.names.iter().for_each(|name| write!(shown, " {name}").unwrap());
    writeln!(shown, " {:?}", recipe.annotations).unwrap();
    for Diagnostic { message, span, .. } in &recipe.warnings {
        writeln!(shown, "warning {}: {message}", span.as_ref().unwrap()).unwrap();
    }
    for platform in &recipe.platforms {
        let config = platform.config.image().unwrap();
        let env: BTreeMap<&str, &str> = config.env().collect();
        let labels = config.labels();
        writeln!(shown, "{}\n  env {env:?} labels {labels:?}", platform.platform).unwrap();
        for layer in platform.layers() {
            writeln!(shown, "  layer {}", layer.history).unwrap();
            layer.entries().iter().for_each(|entry| show_entry(entry, &mut shown));
        }
    }
    shown
}

fn show_entry(entry: &LayerEntry, shown: &mut String) {
    let LayerEntry { path, kind, mode, owner: Owner { uid, gid }, .. } = entry;
    write!(shown, "    {mode:o} {uid}:{gid} {path}").unwrap();
    if let LayerEntryKind::File(SourceRecipe {
        location,
        compression,
        checksum,
        origin,
        convert,
        role,
        ..
    }) = kind
    {
        let origin = origin.as_ref().unwrap();
        write!(shown, " <- {role:?} {location:?} {compression:?} {checksum:?} at {origin}")
            .unwrap();
        if let Some(convert) = convert {
            write!(shown, " as {convert}").unwrap();
        }
    }
    shown.push('\n');
}
