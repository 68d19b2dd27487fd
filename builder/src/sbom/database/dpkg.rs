//! dpkg's database: a text with a paragraph for each package (deb-control(5), `dpkg-query(1)`); images without
//! a package manager have a file for each package in `status.d` instead.

use super::lines::read_lines;
use crate::disk::ReadAt;
use crate::disk::file_system::FileTree;
use crate::sbom::error::{FileProblem, InventoryError};
use crate::sbom::inventory::{Package, PackageKind, PackageList, PackageSource};

const STATUS: &str = "/var/lib/dpkg/status";
const DIRECTORY: &str = "/var/lib/dpkg/status.d";

/// States of packages whose files are not there.
const ABSENT: [&str; 2] = ["not-installed", "config-files"];

/// Length in bytes of the longest value that is kept.
const VALUE_MAX: usize = 1024;

/// Adds the packages, and returns the paths of the databases.
pub(super) fn read_database(
    tree: &FileTree<'_>,
    packages: &mut PackageList,
) -> Result<Vec<String>, InventoryError> {
    let mut paths = Vec::new();
    let opened = tree.open(STATUS).map_err(|fault| FileProblem::from(fault).in_file(STATUS))?;
    if let Some(file) = opened {
        read_status(&file, packages).map_err(|problem| problem.in_file(STATUS))?;
        paths.push(STATUS.to_owned());
    }
    let names = tree.list_names(DIRECTORY);
    let names = names.map_err(|fault| FileProblem::from(fault).in_file(DIRECTORY))?;
    for name in names.iter().filter(|name| !name.ends_with(".md5sums")) {
        let path = format!("{DIRECTORY}/{name}");
        let wrong = |problem: FileProblem| problem.in_file(&path);
        let Some(file) = tree.open(&path).map_err(|fault| wrong(fault.into()))? else { continue };
        read_status(&file, packages).map_err(wrong)?;
    }
    paths.extend((!names.is_empty()).then(|| DIRECTORY.to_owned()));
    Ok(paths)
}

/// Adds the packages of a text.
fn read_status(file: &dyn ReadAt, packages: &mut PackageList) -> Result<(), FileProblem> {
    let mut paragraph = Paragraph::default();
    read_lines(file, &mut |line| {
        if line.trim().is_empty() {
            return std::mem::take(&mut paragraph).finish(packages);
        }
        paragraph.add_line(line);
        Ok(())
    })
}

/// The fields of a paragraph that are kept.
#[derive(Default)]
struct Paragraph {
    package: Option<String>,
    version: Option<String>,
    architecture: Option<String>,
    source: Option<String>,
    status: Option<String>,
}

impl Paragraph {
    fn add_line(&mut self, line: &str) {
        // Others continue the field before.
        let Some((key, value)) = line.split_once(':').filter(|_| !line.starts_with([' ', '\t']))
        else {
            return;
        };
        let field = match key {
            _ if key.eq_ignore_ascii_case("Package") => &mut self.package,
            _ if key.eq_ignore_ascii_case("Version") => &mut self.version,
            _ if key.eq_ignore_ascii_case("Architecture") => &mut self.architecture,
            _ if key.eq_ignore_ascii_case("Source") => &mut self.source,
            _ if key.eq_ignore_ascii_case("Status") => &mut self.status,
            _ => return,
        };
        let value = value.trim();
        *field = (!value.is_empty() && value.len() <= VALUE_MAX).then(|| value.to_owned());
    }

    fn finish(self, packages: &mut PackageList) -> Result<(), FileProblem> {
        let Some(name) = self.package else { return Ok(()) };
        let state = self.status.as_deref().and_then(|status| status.split_whitespace().nth(2));
        if state.is_some_and(|state| ABSENT.contains(&state)) {
            return Ok(());
        }
        let version = self
            .version
            .ok_or_else(|| FileProblem::damaged(format!("its package `{name}` has no version")))?;
        let source = self.source.map(|source| parse_source(&source));
        let source = source.filter(|it| it.name != name || it.version.is_some());
        packages.push(Package {
            name,
            version,
            epoch: None,
            architecture: self.architecture,
            kind: PackageKind::Deb,
            source,
            license: None,
        })
    }
}

/// Parses `NAME` or `NAME (VERSION)`.
fn parse_source(text: &str) -> PackageSource {
    let with_version = text.split_once(" (").and_then(|(name, rest)| {
        let version = rest.strip_suffix(')')?.to_owned();
        Some(PackageSource { name: name.to_owned(), version: Some(version) })
    });
    with_version.unwrap_or_else(|| PackageSource { name: text.to_owned(), version: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_packages() {
        let check = |text: &str, expected: Result<&[&str], &str>| {
            let mut packages = PackageList::default();
            let read = read_status(&text.as_bytes().to_vec(), &mut packages);
            let found: Vec<String> = packages
                .finish()
                .iter()
                .map(|it| {
                    let source = it.source.as_ref().map(|it| {
                        format!(" of {} {}", it.name, it.version.as_deref().unwrap_or("-"))
                    });
                    let architecture = it.architecture.as_deref().unwrap_or("-");
                    format!(
                        "{} {} {architecture}{}",
                        it.name,
                        it.version,
                        source.unwrap_or_default()
                    )
                })
                .collect();
            match (read, expected) {
                (Ok(()), Ok(expected)) => assert_eq!(found, expected),
                (Err(FileProblem::Damaged(problem)), Err(expected)) => {
                    assert_eq!(problem, expected);
                }
                (read, expected) => panic!("{read:?}, not {expected:?}"),
            }
        };
        check("", Ok(&[]));
        let installed = "Status: install ok installed\n";
        check(
            &format!(
                "Package: b\n{installed}Version: 1:2-3\nArchitecture: all\nDescription: x\n Version: 9\n\nPackage: a\nVersion: 1\n"
            ),
            Ok(&["a 1 -", "b 1:2-3 all"]),
        );
        check("Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n", Ok(&[]));
        check("Package: gone\nStatus: purge ok not-installed\n", Ok(&[]));
        check(
            "Package: half\nStatus: install reinstreq half-installed\nVersion: 1\n",
            Ok(&["half 1 -"]),
        );
        let sources =
            "Package: a\nVersion: 1\nSource: a\n\nPackage: b\nVersion: 1\nSource: s (2)\n";
        check(sources, Ok(&["a 1 -", "b 1 - of s 2"]));
        check(&format!("Package: cut\n{installed}"), Err("its package `cut` has no version"));
        let long = "x".repeat(2 << 20);
        check(&long, Err("it has a line that is too long"));
        let many: String = "Package: p\nVersion: 1\n\n".repeat(50_001);
        check(&many, Err("it has more packages than any system"));
    }
}
