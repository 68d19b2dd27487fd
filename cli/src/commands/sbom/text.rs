//! An inventory as a table for people.

use diskette_builder::sbom::inventory::{Inventory, Package};

use crate::ui::visible::visible_line;

/// Widest column, in characters: what is longer moves the others.
const WIDTH_MAX: usize = 48;

/// Returns an inventory as text.
pub(super) fn inventory_text(inventory: &Inventory) -> String {
    let mut text = visible_line(&inventory.system.name).clone();
    text.push('\n');
    let mut row = |name: &str, value: &str| {
        text.extend([&format!("  {name:14}"), &visible_line(value), "\n"]);
    };
    row("volume", &inventory.volume);
    if let Some(architecture) = inventory.architecture {
        row("architecture", architecture);
    }
    for path in &inventory.databases {
        row("database", path);
    }
    row("packages", &inventory.packages.len().to_string());
    for note in &inventory.notes {
        row("note", note);
    }
    text + &package_rows(&inventory.packages)
}

/// Returns the packages in columns.
fn package_rows(packages: &[Package]) -> String {
    if packages.is_empty() {
        return String::new();
    }
    let head = ["PACKAGE", "VERSION", "ARCHITECTURE", "SOURCE", "LICENSE"].map(str::to_owned);
    let rows = packages.iter().map(|package| {
        let source = package.source.as_ref().map(|source| match &source.version {
            Some(version) => format!("{} {version}", source.name),
            None => source.name.clone(),
        });
        let optional = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        let version = package.full_version();
        let (architecture, license) = (optional(&package.architecture), optional(&package.license));
        [package.name.clone(), version, architecture, optional(&source), license]
    });
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.filter(|width| *width <= WIDTH_MAX).max().unwrap_or(0)
    };
    let widths = [0, 1, 2, 3, 4].map(width);
    let mut text = "\n".to_owned();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let cell = visible_line(cell);
            format!("{cell:width$}  ")
        });
        text.push_str(cells.collect::<String>().trim_end());
        text.push('\n');
    }
    text
}
