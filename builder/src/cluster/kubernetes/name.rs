//! *Names* of objects.

use thiserror::Error;

use crate::oci::image::reference::Reference;

/// Maximum length of a name that is used as the value of a label or as part of a host name: RFC
/// 1123 (Kubernetes, "Object Names and IDs"). KubeVirt uses a machine's name for both, and CDI
/// refuses longer names of a `DataImportCron`
/// (`pkg/apiserver/webhooks/dataimportcron-validate.go`).
const LABEL_LEN_MAX: usize = 63;

const SUBDOMAIN_LEN_MAX: usize = 253;

/// Why a text is not the name of an object.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "a name has at most {max} lower-case letters, digits{others}, and begins and ends with a letter or digit"
)]
pub struct NameError {
    max: usize,
    others: &'static str,
}

/// Checks a name that may have no dots.
pub fn parse_label_name(text: &str) -> Result<String, NameError> {
    let good = text.len() <= LABEL_LEN_MAX && is_label(text);
    if good { Ok(text.into()) } else { Err(NameError { max: LABEL_LEN_MAX, others: " and `-`" }) }
}

/// Checks a name that may have dots, such as that of a Secret.
pub fn parse_subdomain_name(text: &str) -> Result<String, NameError> {
    let good = text.len() <= SUBDOMAIN_LEN_MAX && text.split('.').all(is_label);
    if good {
        Ok(text.into())
    } else {
        Err(NameError { max: SUBDOMAIN_LEN_MAX, others: ", `-` and `.`" })
    }
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Returns the valid name of an object that is most like a text; empty if there is none.
pub(crate) fn label_name_of(text: &str) -> String {
    let valid = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String =
        text.trim_matches(|c: char| !c.is_ascii_alphanumeric()).chars().map(valid).collect();
    let name: String = name.chars().take(LABEL_LEN_MAX).collect();
    name.trim_matches('-').to_owned()
}

/// Returns the last part of an image's name as a valid name of an object.
pub fn default_name(image: &Reference) -> String {
    let last = image.repository().rsplit('/').next().unwrap_or_default();
    let name: String = last.replace(['.', '_'], "-").chars().take(LABEL_LEN_MAX).collect();
    name.trim_matches('-').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_a_cluster_takes() {
        let check = |text: &str, label: bool, subdomain: bool| {
            assert_eq!(parse_label_name(text).is_ok(), label, "{text}");
            assert_eq!(parse_subdomain_name(text).is_ok(), subdomain, "{text}");
        };
        check("fedora", true, true);
        check("4-2", true, true);
        check("quay.io", false, true);
        check("a..b", false, false);
        check("", false, false);
        check("-a", false, false);
        check("a-", false, false);
        check("A", false, false);
        check("a_b", false, false);
        check("ä", false, false);
        check(&"a".repeat(63), true, true);
        check(&"a".repeat(64), false, true);
        check(&"a".repeat(254), false, false);
        assert_eq!(
            parse_label_name("A").unwrap_err().to_string(),
            "a name has at most 63 lower-case letters, digits and `-`, and begins and ends with a \
             letter or digit"
        );
    }

    #[test]
    fn names_are_made_of_texts() {
        let check =
            |text: &str, expected: &str| assert_eq!(label_name_of(text), expected, "{text}");
        check("vmdisk1", "vmdisk1");
        check(" My VM_1. ", "my-vm-1");
        check("ä", "");
        check("a\u{e4}b", "a-b");
        check(&format!("{}-b", "a".repeat(62)), &"a".repeat(62));
    }

    #[test]
    fn an_image_has_a_name() {
        let check = |image: &str, expected: &str| {
            let name = default_name(&image.parse().unwrap());
            assert_eq!(name, expected, "{image}");
            assert!(parse_label_name(&name).is_ok(), "{name}");
        };
        check("quay.io/containerdisks/fedora:42", "fedora");
        check("fedora", "fedora");
        check("q.io/a/rhel_9.4", "rhel-9-4");
        check("q.io/a__b", "a--b");
        check(&format!("q.io/{}-b", "a".repeat(62)), &"a".repeat(62));
    }
}
