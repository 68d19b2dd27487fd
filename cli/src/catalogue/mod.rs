//! A *catalogue* in files: specs whose images follow releases, with the keyrings and other files
//! that they name.

pub(crate) mod gpgv;
pub(crate) mod results;
pub(crate) mod versions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use diskette_builder::frontend::spec::{self, CatalogueEntry};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;
use walkdir::{DirEntry, WalkDir};

use self::gpgv::Gpgv;
use crate::arguments::image_name::parse_reference;
use crate::error::{CommandError, cannot};
use crate::files::dependencies::ReadFiles;
use crate::files::read_spec;
use crate::files::spec_files::SpecFiles;

/// The images of one catalogue file.
#[derive(Debug)]
pub(crate) struct Catalogue {
    /// Verifies signatures with keyrings relative to the file.
    pub(crate) gpgv: Gpgv,
    /// Opens files relative to the file.
    pub(crate) inputs: SpecFiles,
    pub(crate) entries: Vec<CatalogueEntry>,
}

/// Reads catalogues: files, and the `.yaml` and `.yml` files of directories. Keyrings and other
/// files are relative to the file that names them.
pub(crate) fn load_catalogues(paths: &[PathBuf]) -> Result<Vec<Catalogue>, CommandError> {
    let mut catalogues = Vec::new();
    let mut problems = Vec::new();
    for path in find_files(paths)? {
        match spec::load_catalogue(&read_spec(&path)?) {
            Ok(entries) => {
                let base = path.parent().unwrap_or(Path::new("")).to_owned();
                let (gpgv, inputs) =
                    (Gpgv { base: base.clone() }, SpecFiles { base, reads: ReadFiles::default() });
                catalogues.push(Catalogue { gpgv, inputs, entries });
            }
            Err(wrong) => problems.extend(wrong),
        }
    }
    problems.extend(duplicate_names(&catalogues));
    if problems.is_empty() { Ok(catalogues) } else { Err(CommandError::Failed(problems)) }
}

/// Reports images with the same name, which would replace each other at each sync.
fn duplicate_names(catalogues: &[Catalogue]) -> Vec<Diagnostic> {
    let mut known: BTreeMap<String, &CatalogueEntry> = BTreeMap::new();
    let mut problems = Vec::new();
    for entry in catalogues.iter().flat_map(|catalogue| &catalogue.entries) {
        for tag in entry.tags.iter().filter(|tag| tag.is_constant()) {
            let name = format!("{}:{tag}", entry.image);
            if let Some(other) = known.insert(name.clone(), entry) {
                let location = Diagnostic::new("").at(other.origin.clone()).to_string();
                let location = location.trim_end_matches([':', ' ']);
                problems.push(
                    Diagnostic::new(format!("two images are named `{name}`"))
                        .at(entry.origin.clone())
                        .help(format!("the other follows the release at {location}")),
                );
            }
        }
    }
    problems
}

fn find_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        // The files of a mounted ConfigMap are links into hidden directories, where they would be
        // found again.
        let walk = WalkDir::new(path).sort_by_file_name().into_iter();
        let is_shown = |found: &DirEntry| {
            found.depth() == 0 || !found.file_name().as_encoded_bytes().starts_with(b".")
        };
        for found in walk.filter_entry(is_shown) {
            let found = found.map_err(cannot("list", path.display()))?;
            let is_spec = found.path().extension().is_some_and(|end| end == "yaml" || end == "yml");
            if is_spec && found.path().is_file() {
                files.push(found.into_path());
            }
        }
        if files.len() == before {
            let message = format!("there is no catalogue in `{}`", path.display());
            return Err(Diagnostic::new(message).help("its files end in `.yaml`").into());
        }
    }
    Ok(files)
}

/// Returns the repository of an image. A given registry replaces all but the last part of the name,
/// as in medius.
pub(crate) fn target_repository(
    image: &str,
    registry: Option<&str>,
) -> Result<Reference, Diagnostic> {
    let Some(registry) = registry else {
        let invalid = |problem| Diagnostic::new(format!("`{image}`: {problem}"));
        return image.parse().map_err(invalid);
    };
    let last = image.rsplit('/').next().unwrap_or_default();
    let name = format!("{}/{last}", registry.trim_end_matches('/'));
    parse_reference(&name).map_err(|problem| {
        Diagnostic::new(format!("`{name}` is not a repository: {problem}"))
            .help("name a registry like `quay.io/me` or `docker://quay.io/me`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_replace_all_but_the_last_part() {
        let check = |image: &str, registry: Option<&str>, expected: &str| {
            let found = target_repository(image, registry).map(|name| name.full_repository());
            assert_eq!(found.unwrap(), expected, "{image}");
        };
        check("quay.io/containerdisks/fedora", None, "quay.io/containerdisks/fedora");
        check("quay.io/a/b/fedora", Some("localhost:5000/x"), "localhost:5000/x/fedora");
        check("quay.io/a/fedora", Some("localhost:5000/"), "localhost:5000/fedora");
        check("quay.io/a/fedora", Some("docker://quay.io/b"), "quay.io/b/fedora");
        assert!(target_repository("quay.io/A", None).is_err());
        let refused = |registry: &str, expected: &str| {
            let found = target_repository("quay.io/a/b", Some(registry)).unwrap_err().message;
            assert_eq!(found, expected, "{registry}");
        };
        refused(
            "https://x",
            "`https://x/b` is not a repository: `https:` is not supported; a registry is named \
             without `https://`, e.g. `quay.io/me/fedora:42`",
        );
        refused(
            "oci:x",
            "`oci:x/b` is not a repository: the name of an image in a registry is expected, e.g. \
             `quay.io/me/fedora:42`; `diskette copy` reads and writes `oci:x/b`",
        );
        refused(
            "quay.io/Me",
            "`quay.io/Me/b` is not a repository: the repository `Me/b` has upper-case letters; it \
             looks like `quay.io/me/fedora:42`",
        );
    }
}
