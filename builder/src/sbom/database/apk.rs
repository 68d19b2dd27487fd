//! apk's database: a text with a paragraph for each package, and letters as names of fields
//! (<https://wiki.alpinelinux.org/wiki/Apk_spec>).

use super::lines::read_lines;
use crate::disk::ReadAt;
use crate::disk::file_system::FileTree;
use crate::sbom::error::{FileProblem, InventoryError};
use crate::sbom::inventory::{Package, PackageKind, PackageList, PackageSource};

/// Where the database is, in older and in newer versions. Where `/lib` is a link both are the same.
const PATHS: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

/// Length in bytes of the longest value that is kept.
const VALUE_MAX: usize = 1024;

/// Adds the packages, and returns the path of the database.
pub(super) fn read_database(
    tree: &FileTree<'_>,
    packages: &mut PackageList,
) -> Result<Vec<String>, InventoryError> {
    for path in PATHS {
        let wrong = |problem: FileProblem| problem.in_file(path);
        let Some(file) = tree.open(path).map_err(|fault| wrong(fault.into()))? else { continue };
        read_installed(&file, packages).map_err(wrong)?;
        return Ok(vec![path.to_owned()]);
    }
    Ok(Vec::new())
}

/// Adds the packages of a text.
fn read_installed(file: &dyn ReadAt, packages: &mut PackageList) -> Result<(), FileProblem> {
    let mut fields: [Option<String>; 5] = Default::default();
    read_lines(file, &mut |line| {
        if line.is_empty() {
            return finish(std::mem::take(&mut fields), packages);
        }
        let Some((key, value)) = line.split_once(':') else { return Ok(()) };
        let number = ["P", "V", "A", "o", "L"].iter().position(|known| *known == key);
        if let Some(field) = number.and_then(|number| fields.get_mut(number)) {
            *field = (!value.is_empty() && value.len() <= VALUE_MAX).then(|| value.to_owned());
        }
        Ok(())
    })
}

/// Adds the package of a paragraph: name, version, architecture, source package and license.
fn finish(
    [name, version, architecture, origin, license]: [Option<String>; 5],
    packages: &mut PackageList,
) -> Result<(), FileProblem> {
    let Some(name) = name else { return Ok(()) };
    let version = version
        .ok_or_else(|| FileProblem::damaged(format!("its package `{name}` has no version")))?;
    let origin = origin.filter(|origin| *origin != name);
    let source = origin.map(|name| PackageSource { name, version: None });
    let kind = PackageKind::Apk;
    packages.push(Package { name, version, epoch: None, architecture, kind, source, license })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_packages() {
        // As apk of Alpine 3.19 writes it.
        let text = "C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=\nP:alpine-baselayout\nV:3.4.3-r2\nA:x86_64\n\
                    S:8911\nI:315392\nT:Alpine base dir structure\nU:https://git.alpinelinux.org\n\
                    L:GPL-2.0-only\no:alpine-baselayout\nm:Natanael Copa <ncopa@alpinelinux.org>\n\
                    F:dev\nF:etc\nR:motd\na:0:0:644\n\nP:libcrypto3\nV:3.1.4-r5\nA:x86_64\n\
                    L:Apache-2.0\no:openssl\n\n";
        let mut packages = PackageList::default();
        read_installed(&text.as_bytes().to_vec(), &mut packages).unwrap();
        let found = packages.finish();
        let [base, crypto] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&*base.name, &*base.version), ("alpine-baselayout", "3.4.3-r2"));
        assert_eq!((&base.source, base.license.as_deref()), (&None, Some("GPL-2.0-only")));
        assert_eq!(crypto.source.as_ref().unwrap().name, "openssl");
        let mut packages = PackageList::default();
        let cut = read_installed(&b"P:cut\n".to_vec(), &mut packages).unwrap_err();
        assert!(
            matches!(cut, FileProblem::Damaged(it) if it == "its package `cut` has no version")
        );
    }
}
