//! *Labels* are what CDI writes on a volume it imports from an image, e.g. which instance type
//! suits the disk. An image cannot carry them as they are: CDI makes them from the image's
//! environment variables, by a rule that cannot produce every label.
//!
//! The rule is `envsToLabels` in CDI's `pkg/importer/util.go` (1.66).

use thiserror::Error;

/// Maximum length in bytes of CDI's report of a finished import, labels included. A longer report
/// fails the import: `TerminationMessage.String` in CDI's `pkg/common/common.go`; the number is the
/// kubelet's bound on termination messages.
pub(crate) const REPORT_LEN_MAX: usize = 4096;

/// Maximum length in bytes of the name of a label and of its value; Kubernetes,
/// `staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go`.
const NAME_LEN_MAX: usize = 63;

/// Maximum length in bytes of the prefix of a label, the part before the slash; same source.
const PREFIX_LEN_MAX: usize = 253;

/// Marks a variable that CDI makes a label from; separates prefix and name.
const ENV_MARK: &str = "KUBEVIRT_IO_";

/// Why a label cannot be put on an imported volume.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum LabelError {
    /// Kubernetes does not accept the key.
    #[error("`{key}` is not a label key: {reason}")]
    Key {
        /// What was written.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Kubernetes does not accept the value.
    #[error("`{value}` is not a label value: {reason}")]
    Value {
        /// What was written.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The key is valid, but CDI's rule cannot produce it.
    #[error("no environment variable can express the label `{key}`: {reason}")]
    Inexpressible {
        /// What was written.
        key: String,
        /// Why no variable produces it.
        reason: &'static str,
    },
}

impl LabelError {
    /// Returns what to write instead.
    #[must_use]
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Key { .. } => {
                "a label key looks like `kubevirt.io/dynamic-credentials-support`; \
                 its name has at most 63 letters, digits, `-`, `_` and `.`"
                    .into()
            }
            Self::Value { .. } => "a label value is empty or up to 63 letters, digits, `-`, `_` \
                 and `.`, with a letter or digit at both ends"
                .into(),
            Self::Inexpressible { key, .. } => match nearest_label(key) {
                Some(near) => format!("the nearest label that CDI can set is `{near}`"),
                None => "CDI sets only labels like `kubevirt.io/name` and \
                     `something.kubevirt.io/name`"
                    .into(),
            },
        }
    }
}

/// Returns the label that CDI makes from the variable `name`, if it makes one.
///
/// The label may be one that Kubernetes refuses; see [`check_key`].
#[must_use]
pub(crate) fn label_for_env(name: &str) -> Option<String> {
    let (before, after) = name.split_once(ENV_MARK)?;
    let before = before.strip_suffix('_').unwrap_or(before);
    let mut label = before.replace('_', ".");
    if !label.is_empty() {
        label.push('.');
    }
    label.push_str("kubevirt.io/");
    label.push_str(&after.replace('_', "-"));
    Some(label.to_lowercase())
}

/// Returns the variable that CDI makes the label `key` from.
pub(crate) fn env_for_label(key: &str) -> Result<String, LabelError> {
    check_key(key)?;
    let refuse = |reason| LabelError::Inexpressible { key: key.into(), reason };
    let (prefix, name) = key.split_once('/').unwrap_or(("", key));
    let Some(before) = prefix.strip_suffix("kubevirt.io") else {
        return Err(refuse("its prefix does not end in `kubevirt.io`"));
    };
    if name.contains(|c: char| c.is_ascii_uppercase()) {
        return Err(refuse("its name has an upper-case letter"));
    }
    if name.contains('.') {
        return Err(refuse("its name has a dot"));
    }
    if name.contains('_') {
        return Err(refuse("its name has an underscore"));
    }
    if before.contains('-') {
        // CDI would make the label, but copies to the final volume only labels that match
        // `^([\w.]+\.kubevirt.io|kubevirt.io)/[\w.-]+$` (CopyAllowedLabels, common/util.go).
        return Err(refuse("its prefix has a dash, and CDI drops such labels"));
    }
    let env = format!("{before}{ENV_MARK}{name}").replace(['.', '-'], "_").to_ascii_uppercase();
    match label_for_env(&env) {
        Some(label) if label == key => Ok(env),
        _ => Err(refuse("CDI would read it as another label")),
    }
}

/// Checks that Kubernetes accepts `key` as the key of a label.
pub(crate) fn check_key(key: &str) -> Result<(), LabelError> {
    let refuse = |reason| Err(LabelError::Key { key: key.into(), reason });
    let name = match key.split_once('/') {
        Some(("", _)) => return refuse("nothing stands before the slash"),
        Some((prefix, _)) if prefix.len() > PREFIX_LEN_MAX => {
            return refuse("its prefix is longer than 253 bytes");
        }
        Some((prefix, _)) if !prefix.split('.').all(is_dns_label) => {
            return refuse("its prefix is not a lower-case domain name");
        }
        Some((_, name)) => name,
        None => key,
    };
    if name.is_empty() {
        return refuse("its name is empty");
    }
    if name.contains('/') {
        return refuse("it has more than one slash");
    }
    if let Err(reason) = check_name(name) {
        return refuse(reason);
    }
    Ok(())
}

/// Checks that Kubernetes accepts `value` as the value of a label.
pub(crate) fn check_value(value: &str) -> Result<(), LabelError> {
    if value.is_empty() {
        return Ok(());
    }
    check_name(value).map_err(|reason| LabelError::Value { value: value.into(), reason })
}

/// Returns whether a label is one of CDI's own.
#[must_use]
pub(crate) fn is_reserved(key: &str) -> bool {
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    prefix == "cdi.kubevirt.io" || prefix.ends_with(".cdi.kubevirt.io")
}

/// Returns whether CDI copies a label that it made to the final volume: whether it matches
/// `^([\w.]+\.kubevirt.io|kubevirt.io)/[\w.-]+$` (`CopyAllowedLabels`, `common/util.go`).
#[must_use]
pub(crate) fn is_copied_to_volume(key: &str) -> bool {
    let Some((prefix, _)) = key.split_once('/') else { return false };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    match prefix.strip_suffix("kubevirt.io") {
        Some("") => true,
        Some(before) => before.len() > 1 && before.ends_with('.') && before.chars().all(word),
        None => false,
    }
}

/// Returns the length in bytes of CDI's report of a finished import with `labels`. If it is more
/// than [`REPORT_LEN_MAX`], the import fails.
pub(crate) fn report_len<'l>(labels: impl IntoIterator<Item = (&'l str, &'l str)>) -> usize {
    import_report(labels).len()
}

/// Returns CDI's report of a finished import with `labels`: the fields that `handleImport` in its
/// `cmd/cdi-importer/importer.go` sets after every import, in the order of `TerminationMessage`.
fn import_report<'l>(labels: impl IntoIterator<Item = (&'l str, &'l str)>) -> String {
    let member = |(key, value): (&str, &str)| format!("{}:{}", go_json(key), go_json(value));
    let labels = labels.into_iter().map(member).collect::<Vec<_>>().join(",");
    let labels = if labels.is_empty() { labels } else { format!(r#""labels":{{{labels}}},"#) };
    // `false` is the longer value of the field that depends on the volume.
    format!(
        r#"{{"scratchSpaceRequired":false,"preallocationApplied":false,{labels}"message":"Import Complete"}}"#
    )
}

/// Returns a text as Go's `encoding/json` writes it, which also escapes what HTML and JavaScript
/// treat specially.
fn go_json(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let escapes = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    escapes.into_iter().fold(json, |json, (plain, escape)| json.replace(plain, escape))
}

/// Checks the rule for names of keys and for values; returns what is wrong.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.len() > NAME_LEN_MAX {
        return Err("it is longer than 63 bytes");
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err("only letters, digits, `-`, `_` and `.` are allowed");
    }
    let ends = [name.bytes().next(), name.bytes().next_back()];
    if !ends.iter().flatten().all(u8::is_ascii_alphanumeric) {
        return Err("it must begin and end with a letter or digit");
    }
    Ok(())
}

/// Returns whether a text is a label of a subdomain (RFC 1123); Kubernetes does not limit its
/// length.
fn is_dns_label(part: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
}

/// Returns the label nearest to `key` that CDI can set.
fn nearest_label(key: &str) -> Option<String> {
    let (prefix, name) = key.split_once('/')?;
    let near = format!("{prefix}/{}", name.to_ascii_lowercase().replace(['.', '_'], "-"));
    env_for_label(&near).is_ok().then_some(near)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn variables_become_labels_as_cdi_does_it() {
        let check = |env: &str, expected: Option<&str>| {
            assert_eq!(label_for_env(env).as_deref(), expected, "{env}");
        };
        check("KUBEVIRT_IO_TEST_TEST", Some("kubevirt.io/test-test"));
        check("TEST_TEST_KUBEVIRT_IO_TEST", Some("test.test.kubevirt.io/test"));
        check("FOOKUBEVIRT_IO_X", Some("foo.kubevirt.io/x"));
        check("_KUBEVIRT_IO_X", Some("kubevirt.io/x"));
        check("A__KUBEVIRT_IO_B", Some("a..kubevirt.io/b"));
        check("KUBEVIRT_IO_", Some("kubevirt.io/"));
        check("KUBEVIRT_IO_A__B", Some("kubevirt.io/a--b"));
        check("KUBEVIRT_IO_A_", Some("kubevirt.io/a-"));
        check("KUBEVIRT_IO_KUBEVIRT_IO_X", Some("kubevirt.io/kubevirt-io-x"));
        check("kubevirt_io_x", None);
        check("KUBEVIRT_IO", None);
        check("PATH", None);
    }

    #[test]
    fn labels_become_variables_or_say_why_not() {
        let check = |label: &str, expected: &str| {
            let found = match env_for_label(label) {
                Ok(env) => env,
                Err(error) => format!("{error}; {}", error.help()),
            };
            assert!(found.ends_with(expected), "{label}: {found}");
        };
        check("kubevirt.io/test-test", "KUBEVIRT_IO_TEST_TEST");
        check("kubevirt.io/a--b", "KUBEVIRT_IO_A__B");
        check("test.test.kubevirt.io/test", "TEST_TEST_KUBEVIRT_IO_TEST");
        check(
            "instancetype.kubevirt.io/default-preference-kind",
            "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE_KIND",
        );
        check("kubevirt.io/dynamic-credentials-support", "KUBEVIRT_IO_DYNAMIC_CREDENTIALS_SUPPORT");
        check(
            "kubevirt.io/My_Label.x",
            "its name has an upper-case letter; \
             the nearest label that CDI can set is `kubevirt.io/my-label-x`",
        );
        check(
            "kubevirt.io/a.b",
            "its name has a dot; the nearest label that CDI can set is `kubevirt.io/a-b`",
        );
        check(
            "kubevirt.io/a_b",
            "its name has an underscore; the nearest label that CDI can set is `kubevirt.io/a-b`",
        );
        let outside =
            "CDI sets only labels like `kubevirt.io/name` and `something.kubevirt.io/name`";
        check("app", &format!("its prefix does not end in `kubevirt.io`; {outside}"));
        check("example.com/app", &format!("its prefix does not end in `kubevirt.io`; {outside}"));
        check("fookubevirt.io/x", &format!("CDI would read it as another label; {outside}"));
        check(
            "a.kubevirt.io.kubevirt.io/x",
            &format!("CDI would read it as another label; {outside}"),
        );
        check(
            "a-b.kubevirt.io/x",
            &format!("its prefix has a dash, and CDI drops such labels; {outside}"),
        );
    }

    #[test]
    fn keys_and_values_follow_kubernetes() {
        let long = "a".repeat(64);
        let key = |key: &str, expected: &str| {
            let found = check_key(key).map_or_else(|error| error.to_string(), |()| String::new());
            assert!(
                found.ends_with(expected) && found.is_empty() == expected.is_empty(),
                "{found}"
            );
        };
        key("a", "");
        key("kubevirt.io/A_b.c", "");
        key(&long[1..], "");
        key(&long, "it is longer than 63 bytes");
        key(&format!("{}/a", vec!["abc"; 64].join(".")), "its prefix is longer than 253 bytes");
        key("", "its name is empty");
        key("kubevirt.io/", "its name is empty");
        key("/a", "nothing stands before the slash");
        key("a/b/c", "it has more than one slash");
        key("a..kubevirt.io/b", "its prefix is not a lower-case domain name");
        key("Kubevirt.io/b", "its prefix is not a lower-case domain name");
        key("kubevirt.io/a-", "it must begin and end with a letter or digit");
        key("kubevirt.io/a b", "only letters, digits, `-`, `_` and `.` are allowed");

        let value = |value: &str, expected: &str| {
            let found =
                check_value(value).map_or_else(|error| error.to_string(), |()| String::new());
            assert!(
                found.ends_with(expected) && found.is_empty() == expected.is_empty(),
                "{found}"
            );
        };
        value("", "");
        value("u1.medium", "");
        value("A", "");
        value(&long, "it is longer than 63 bytes");
        value("-a", "it must begin and end with a letter or digit");
        value("a.", "it must begin and end with a letter or digit");
        value("ä", "only letters, digits, `-`, `_` and `.` are allowed");
    }

    #[test]
    fn labels_are_cdis_own_or_handed_on() {
        let check = |key: &str, reserved: bool, handed_on: bool| {
            assert_eq!(
                (is_reserved(key), is_copied_to_volume(key)),
                (reserved, handed_on),
                "{key}"
            );
        };
        check("kubevirt.io/a", false, true);
        check("instancetype.kubevirt.io/a", false, true);
        check("cdi.kubevirt.io/a", true, true);
        check("upload.cdi.kubevirt.io/a", true, true);
        check("notcdi.kubevirt.io/a", false, true);
        check("a-b.kubevirt.io/a", false, false);
        check(".kubevirt.io/a", false, false);
        check("example.com/a", false, false);
        check("a", false, false);
    }

    #[test]
    fn the_report_is_what_cdi_writes() {
        let check = |labels: &[(&str, &str)], middle: &str| {
            let (front, back) = (
                r#"{"scratchSpaceRequired":false,"preallocationApplied":false,"#,
                r#""message":"Import Complete"}"#,
            );
            let expected = format!("{front}{middle}{back}");
            assert_eq!(import_report(labels.iter().copied()), expected);
            assert_eq!(report_len(labels.iter().copied()), expected.len());
        };
        check(&[], "");
        check(&[("k", "v"), ("l", "")], r#""labels":{"k":"v","l":""},"#);
        check(
            &[("k", "<\"\\\n\u{2028}ä&>")],
            r#""labels":{"k":"\u003c\"\\\n\u2028ä\u0026\u003e"},"#,
        );
    }

    proptest! {
        #[test]
        fn a_variable_always_yields_its_label(key in "([a-z0-9]{1,3}\\.){0,2}kubevirt\\.io/[a-zA-Z0-9._-]{1,8}") {
            if let Ok(env) = env_for_label(&key) {
                prop_assert_eq!(label_for_env(&env), Some(key));
            }
        }

        #[test]
        fn a_good_label_always_has_a_variable(key in "([a-z0-9]{1,3}\\.){0,2}kubevirt\\.io/[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?") {
            let env = env_for_label(&key);
            prop_assert!(env.is_ok(), "{:?}", env);
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,80}") {
            let label = label_for_env(&text);
            prop_assert_eq!(label.is_some(), text.contains(ENV_MARK));
            if let Ok(env) = env_for_label(&text) {
                prop_assert_eq!(label_for_env(&env), Some(text));
            }
        }
    }
}
