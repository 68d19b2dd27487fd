//! The *kinds* of objects that are written.

use diskette_builder::cluster::disk_artifact::ArtifactKind;
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::usage_error;
use crate::error::CommandError;

/// A kind of object, in the order in which a cluster needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ObjectKind {
    Secret,
    ConfigMap,
    Claim,
    DataVolume,
    DataImportCron,
    DataSource,
    Vm,
    HelmValues,
}

const NAMES: [(&str, ObjectKind); 8] = [
    ("vm", ObjectKind::Vm),
    ("datavolume", ObjectKind::DataVolume),
    ("pvc", ObjectKind::Claim),
    ("datasource", ObjectKind::DataSource),
    ("dataimportcron", ObjectKind::DataImportCron),
    ("secret", ObjectKind::Secret),
    ("configmap", ObjectKind::ConfigMap),
    ("helm-values", ObjectKind::HelmValues),
];

/// Kinds, each once, in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObjectKinds(Vec<ObjectKind>);

/// Parses a comma-separated list.
pub(super) fn parse_kinds(text: &str) -> Result<ObjectKinds, String> {
    let kind = |name: &str| {
        let found = NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
        found.ok_or_else(|| {
            let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("`{name}` is none of {}", known.join(", "))
        })
    };
    let mut kinds = text.split(',').map(kind).collect::<Result<Vec<_>, _>>()?;
    kinds.sort_unstable();
    kinds.dedup();
    Ok(ObjectKinds(kinds))
}

impl ObjectKinds {
    pub(super) fn has(&self, kind: ObjectKind) -> bool {
        self.0.contains(&kind)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ObjectKind> {
        self.0.iter().copied()
    }

    /// Returns whether a kind needs facts of the image.
    pub(super) fn need_image(&self) -> bool {
        self.iter().any(|kind| !matches!(kind, ObjectKind::Secret | ObjectKind::ConfigMap))
    }

    /// Refuses kinds that do not exist for a VM artifact, or for an image.
    pub(super) fn check_subject(&self, artifact: Option<ArtifactKind>) -> Result<(), CommandError> {
        let is_misplaced = |kind: &ObjectKind| match kind {
            ObjectKind::Secret | ObjectKind::ConfigMap | ObjectKind::Vm => false,
            ObjectKind::DataVolume => artifact == Some(ArtifactKind::Disk),
            ObjectKind::Claim => artifact != Some(ArtifactKind::Vm),
            ObjectKind::DataImportCron | ObjectKind::DataSource | ObjectKind::HelmValues => {
                artifact.is_some()
            }
        };
        let Some(kind) = self.iter().find(is_misplaced) else { return Ok(()) };
        let name = NAMES.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| name);
        if let Some(artifact) = artifact {
            let help = match artifact {
                ArtifactKind::Vm => "write `vm`, `datavolume` or `pvc`",
                ArtifactKind::Disk => "write `vm`: CDI imports no artifacts",
            };
            let message = format!("`{name}` is for images, and this is {}", artifact.noun());
            return Err(usage_error(message, help));
        }
        let message = format!("`{name}` is for the disks of VM artifacts, and this is an image");
        Err(usage_error(message, "use `datavolume`"))
    }

    /// Refuses kinds that cannot be combined.
    pub(super) fn check(&self, namespace: NamespaceChoice) -> Result<(), CommandError> {
        if self.has(ObjectKind::HelmValues) && self.0.len() > 1 {
            let diagnostic = Diagnostic::new("`helm-values` are no object of a cluster");
            return Err(CommandError::Usage(diagnostic.help("write them by themselves")));
        }
        if self.has(ObjectKind::DataSource) && self.has(ObjectKind::DataImportCron) {
            let message = "a DataImportCron makes the DataSource itself".to_owned();
            return Err(usage_error(message, "leave out `datasource`"));
        }
        if self.has(ObjectKind::DataSource) && namespace == NamespaceChoice::Unknown {
            let message = "a DataSource names its volume with the namespace".to_owned();
            return Err(usage_error(message, "use `--namespace NAME`"));
        }
        Ok(())
    }
}

/// Whether the user gave a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamespaceChoice {
    Known,
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_in_the_order_of_need() {
        let check = |text: &str, expected: Result<&[ObjectKind], &str>| {
            let found = parse_kinds(text).map(|kinds| kinds.0);
            let expected = expected.map(<[ObjectKind]>::to_vec).map_err(str::to_owned);
            assert_eq!(found, expected, "{text}");
        };
        check("vm", Ok(&[ObjectKind::Vm]));
        check("vm,secret,vm", Ok(&[ObjectKind::Secret, ObjectKind::Vm]));
        check(
            "vm,dataimportcron,configmap",
            Ok(&[ObjectKind::ConfigMap, ObjectKind::DataImportCron, ObjectKind::Vm]),
        );
        let known = "is none of vm, datavolume, pvc, datasource, dataimportcron, secret, configmap, helm-values";
        check("VM", Err(&format!("`VM` {known}")));
        check("vm,", Err(&format!("`` {known}")));
    }
}
