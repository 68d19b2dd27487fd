//! Which *kinds* of objects are written.

use diskette_builder::recipe::diagnostic::Diagnostic;

use super::usage;
use crate::error::CommandError;

/// A kind of object, in the order in which a cluster needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Secret,
    ConfigMap,
    DataVolume,
    DataImportCron,
    DataSource,
    Vm,
    HelmValues,
}

const NAMES: [(&str, Kind); 7] = [
    ("vm", Kind::Vm),
    ("datavolume", Kind::DataVolume),
    ("datasource", Kind::DataSource),
    ("dataimportcron", Kind::DataImportCron),
    ("secret", Kind::Secret),
    ("configmap", Kind::ConfigMap),
    ("helm-values", Kind::HelmValues),
];

/// Kinds, each once, in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kinds(Vec<Kind>);

/// Parses a list with commas.
pub(super) fn parse_kinds(text: &str) -> Result<Kinds, String> {
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
    Ok(Kinds(kinds))
}

impl Kinds {
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.0.contains(&kind)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Kind> {
        self.0.iter().copied()
    }

    /// Tells whether one of them says something of the image itself.
    pub(super) fn need_image(&self) -> bool {
        self.iter().any(|kind| !matches!(kind, Kind::Secret | Kind::ConfigMap))
    }

    /// Refuses what cannot stand together.
    pub(super) fn check(&self, namespace: Namespace) -> Result<(), CommandError> {
        if self.has(Kind::HelmValues) && self.0.len() > 1 {
            let diagnostic = Diagnostic::new("`helm-values` are no object of a cluster");
            return Err(CommandError::Usage(diagnostic.help("write them by themselves")));
        }
        if self.has(Kind::DataSource) && self.has(Kind::DataImportCron) {
            let message = "a DataImportCron makes the DataSource itself".to_owned();
            return Err(usage(message, "leave out `datasource`"));
        }
        if self.has(Kind::DataSource) && namespace == Namespace::Unknown {
            let message = "a DataSource names its volume with the namespace".to_owned();
            return Err(usage(message, "say `--namespace NAME`"));
        }
        Ok(())
    }
}

/// Whether the user said which namespace the objects are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    Known,
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_in_the_order_of_need() {
        let check = |text: &str, expected: Result<&[Kind], &str>| {
            let found = parse_kinds(text).map(|kinds| kinds.0);
            let expected = expected.map(<[Kind]>::to_vec).map_err(str::to_owned);
            assert_eq!(found, expected, "{text}");
        };
        check("vm", Ok(&[Kind::Vm]));
        check("vm,secret,vm", Ok(&[Kind::Secret, Kind::Vm]));
        check(
            "vm,dataimportcron,configmap",
            Ok(&[Kind::ConfigMap, Kind::DataImportCron, Kind::Vm]),
        );
        let known =
            "is none of vm, datavolume, datasource, dataimportcron, secret, configmap, helm-values";
        check("VM", Err(&format!("`VM` {known}")));
        check("vm,", Err(&format!("`` {known}")));
    }
}
