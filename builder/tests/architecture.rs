//! Holds the sources against the map in ARCHITECTURE.md: a wing uses only wings on lower floors, and no
//! modules that stand side by side use each other in a circle.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test opens its files")]
#![expect(clippy::print_stdout, reason = "figures are printed when asked for")]

mod architecture {
    pub(super) mod modules;
    pub(super) mod paths;
}

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use architecture::modules::Modules;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the floor of each wing, as the table of ARCHITECTURE.md gives it.
fn floors() -> BTreeMap<String, u32> {
    let page = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let rows =
        rows.filter_map(|(floor, rest)| Some((floor.parse().ok()?, rest.split_once(" | ")?.0)));
    let wings = rows.flat_map(|(floor, wings)| wings.split(", ").map(move |wing| (wing, floor)));
    wings.map(|(wing, floor)| (wing.trim_matches('`').to_owned(), floor)).collect()
}

#[test]
fn every_wing_uses_only_lower_floors() {
    let (modules, floors) = (Modules::read(&repository().join("builder/src")), floors());
    let wings: BTreeSet<&str> = modules.children(&[]);
    let known: BTreeSet<&str> =
        floors.keys().map(String::as_str).filter(|wing| *wing != "cli").collect();
    assert_eq!(wings, known, "the wings of builder/src, and those of ARCHITECTURE.md");
    let arrows = modules.arrows();
    let between =
        arrows.iter().filter(|(from, to)| !from.is_empty() && !to.is_empty() && from[0] != to[0]);
    let upward: Vec<String> = between
        .filter(|(from, to)| floors[&from[0]] <= floors[&to[0]])
        .map(|(from, to)| format!("{} uses {}", from.join("::"), to.join("::")))
        .collect();
    assert!(upward.is_empty(), "arrows that do not run down:\n{}", upward.join("\n"));
}

#[test]
fn no_siblings_use_each_other_in_a_circle() {
    let sources = ["builder/src", "cli/src", "copier/src", "integration/src"];
    let circles = sources.iter().flat_map(|sources| {
        let circles = Modules::read(&repository().join(sources)).circles();
        circles.into_iter().map(move |circle| format!("{sources}: {circle}"))
    });
    let circles: Vec<String> = circles.collect();
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), circles.join("\n"));
}

/// `cargo test -p diskette-builder --test architecture -- --nocapture count` prints the figures.
#[test]
fn rooms_and_arrows_can_be_counted() {
    let sources = Modules::read(&repository().join("builder/src"));
    let rooms = sources.children(&[]);
    let arrows: BTreeSet<(String, String)> = sources
        .arrows()
        .into_iter()
        .filter_map(|(from, to)| Some((from.first()?.clone(), to.first()?.clone())))
        .filter(|(from, to)| from != to)
        .collect();
    let mut floor: BTreeMap<&str, usize> = rooms.iter().map(|room| (*room, 0)).collect();
    for _ in &rooms {
        for (from, to) in &arrows {
            let above = floor[to.as_str()] + 1;
            let own = floor.get_mut(from.as_str()).unwrap();
            *own = above.max(*own).min(rooms.len());
        }
    }
    let floors = floor.values().max().unwrap() + 1;
    println!(
        "{} modules, {} rooms at the top on {floors} floors, {} arrows between them",
        sources.all().count(),
        rooms.len(),
        arrows.len()
    );
    assert!(floors <= rooms.len(), "the rooms at the top use each other in a circle");
}
