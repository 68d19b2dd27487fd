//! *Extended attributes* of files, as pax records carry them (star's manual, `SCHILY.xattr`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Prefix of the pax records of extended attributes; the name of the attribute follows.
pub(crate) const PAX_PREFIX: &str = "SCHILY.xattr.";

/// File capabilities, e.g. `cap_net_bind_service` of a web server.
const CAPABILITY: &str = "security.capability";

/// Extended attributes of a file by name, as far as they belong into an image.
///
/// These are file capabilities, which containerd writes (`pkg/archive/tar.go`), and beside them IMA
/// signatures and the attributes of users, which buildah writes (containers/storage
/// `pkg/archive/archive_linux.go`). Labels of `SELinux`, access control lists and what an overlay
/// file system stores describe the machine that the file was on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExtendedAttributes {
    /// Boxed and not empty: hardly any file has one, and there are many files.
    values: Option<Box<AttributeMap>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct AttributeMap(BTreeMap<String, Vec<u8>>);

impl ExtendedAttributes {
    /// Returns whether an attribute belongs into an image, and a pax record can have its name.
    pub fn is_kept(name: &str) -> bool {
        let is_user = name.starts_with("user.") && !name.starts_with("user.overlay.");
        let belongs = is_user || matches!(name, CAPABILITY | "security.ima");
        belongs && !name.contains(['=', '\0'])
    }

    /// Adds an attribute, if it is kept.
    pub fn insert(&mut self, name: &str, value: &[u8]) {
        if Self::is_kept(name) {
            self.values.get_or_insert_default().0.insert(name.to_owned(), value.to_vec());
        }
    }

    /// Adds the attributes of `others`, which take precedence.
    pub(crate) fn extend(&mut self, others: &Self) {
        others.iter().for_each(|(name, value)| self.insert(name, value));
    }

    /// Removes what Linux removes from a file whose owner is set.
    pub(crate) fn remove_capability(&mut self) {
        if let Some(values) = &mut self.values {
            values.0.remove(CAPABILITY);
        }
        self.values.take_if(|values| values.0.is_empty());
    }

    /// Returns whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_none()
    }

    /// Returns the length of all names and values together, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Returns names and values in the order of the names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let values = self.values.iter().flat_map(|values| values.0.iter());
        values.map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// Returns ` NAME=VALUE` for each, for tests.
    #[cfg(test)]
    pub(crate) fn show(&self) -> String {
        let all = self.iter();
        let shown = all.map(|(name, value)| format!(" {name}={}", String::from_utf8_lossy(value)));
        shown.collect::<Vec<_>>().concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_the_machine_are_left_out() {
        let check = |name: &str, kept: bool| {
            let mut attributes = ExtendedAttributes::default();
            attributes.insert(name, b"\0\xff");
            let expected: &[(&str, &[u8])] = if kept { &[(name, b"\0\xff")] } else { &[] };
            assert_eq!(attributes.iter().collect::<Vec<_>>(), expected, "{name}");
        };
        check("security.capability", true);
        check("security.ima", true);
        check("user.a", true);
        check("user.mime_type", true);
        check("security.selinux", false);
        check("system.posix_acl_access", false);
        check("trusted.overlay.opaque", false);
        check("user.overlay.opaque", false);
        check("user.a=b", false);
    }
}
