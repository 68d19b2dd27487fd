//! The names that the images of a bundle get in a registry.

use std::str::FromStr;

use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::arguments::image_name::parse_reference;
use crate::error::CommandError;

/// A line of the table by which names are rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NameRewrite {
    from: String,
    to: String,
}

impl FromStr for NameRewrite {
    type Err = String;

    /// Parses `FROM=TO`: the beginning of a full name, and what stands for it below the registry.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((from, to)) if from.contains('/') && !to.starts_with('/') => {
                Ok(Self { from: from.into(), to: to.into() })
            }
            _ => Err("write it like `quay.io/containerdisks/=vms/`: the beginning of a full name, and what stands for it below the registry".into()),
        }
    }
}

/// Returns the name that an image gets below a registry: the first rewrite that applies to its full name counts; without
/// one, it keeps its repository and tag.
pub(super) fn target_name(
    source: &Reference,
    registry: &str,
    rewrites: &[NameRewrite],
) -> Result<Reference, CommandError> {
    let full = source.to_string();
    let rewritten = rewrites
        .iter()
        .find_map(|rewrite| Some(format!("{}{}", rewrite.to, full.strip_prefix(&rewrite.from)?)));
    let own =
        || full.strip_prefix(source.registry()).unwrap_or(&full).trim_start_matches('/').to_owned();
    let name = format!("{}/{}", registry.trim_end_matches('/'), rewritten.unwrap_or_else(own));
    parse_reference(&name).map_err(|problem| {
        let message = format!("`{full}` would become `{name}`, which is no name: {problem}");
        let help = "name a registry like `registry.example.com` or `registry.example.com/mirror`, and rewrite the beginnings of full names";
        CommandError::Usage(Diagnostic::new(message).help(help))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_rewritten_by_their_beginnings() {
        let check = |source: &str, rewrites: &[&str], expected: &str| {
            let rewrites: Vec<NameRewrite> =
                rewrites.iter().map(|text| text.parse().unwrap()).collect();
            let found = target_name(&source.parse().unwrap(), "registry.lan:5000/m", &rewrites);
            assert_eq!(found.unwrap().to_string(), expected, "{source}");
        };
        check("quay.io/me/vm:1", &[], "registry.lan:5000/m/me/vm:1");
        check("localhost:5000/me/vm:1", &[], "registry.lan:5000/m/me/vm:1");
        check("quay.io/me/vm:1", &["quay.io/me/=vms/"], "registry.lan:5000/m/vms/vm:1");
        check(
            "quay.io/me/vm:1",
            &["quay.io/me/vm:1=vm:stable", "quay.io/=x/"],
            "registry.lan:5000/m/vm:stable",
        );
        check("quay.io/you/vm:1", &["quay.io/me/=vms/"], "registry.lan:5000/m/you/vm:1");
        let refused = |text: &str| assert!(text.parse::<NameRewrite>().is_err(), "{text}");
        ["quay.io/me/", "me=you", "quay.io/=/x"].into_iter().for_each(refused);
        let upper = ["quay.io/me/=VMs/".parse().unwrap()];
        assert!(target_name(&"quay.io/me/vm:1".parse().unwrap(), "r.lan", &upper).is_err());
    }
}
