//! *Foreign* options: those of docker and buildah that mean nothing here. They are refused with a
//! reason, since scripts may rely on their effects.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use diskette_builder::recipe::diagnostic::Diagnostic;

/// Names of options, and the help line for them.
const OPTIONS: &[(&[&str], &str)] = &[
    (&["--squash", "--squash-all"], "leave it out: each layer has only what its instruction adds"),
    (
        &["--secret", "--ssh", "--network", "--add-host", "--dns", "--shm-size", "--ulimit"],
        "leave it out: nothing is executed that could use it",
    ),
    (
        &[
            "--isolation",
            "--security-opt",
            "--cap-add",
            "--cap-drop",
            "--userns",
            "--device",
            "--memory",
        ],
        "leave it out: nothing is executed that it could confine",
    ),
    (
        &["--cache-from", "--cache-to", "--layers", "--rm", "--force-rm", "--layer-label"],
        "leave it out: what did not change is not built again, and nothing is left over",
    ),
    (
        &["--load"],
        "there is no local store: write a layout with `-o oci:DIR`, which podman and skopeo read",
    ),
    (
        &["--sbom", "--provenance", "--attest", "--sign-by"],
        "leave it out; sign and attest the digest that is printed",
    ),
    (&["--volume", "--mount"], "COPY what is needed, or use `--build-context`"),
    (&["--ignorefile"], "name it like the Dockerfile, with `.dockerignore` behind it"),
    (
        &["--root", "--runroot", "--storage-driver", "--storage-opt"],
        "leave it out: there is no local store",
    ),
];

/// Returns the message about an option of another program, if the error is about one.
pub(crate) fn explain_option(error: &clap::Error) -> Option<Diagnostic> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let name = option.split('=').next().unwrap_or(option);
    let (_, help) = OPTIONS.iter().find(|(names, _)| names.contains(&name))?;
    Some(Diagnostic::new(format!("`{name}` has no meaning here")).help(*help))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::commands::Arguments;

    #[test]
    fn options_of_others_are_explained() {
        let check = |option: &str, expected: Option<&str>| {
            let error = Arguments::try_parse_from(["diskette", "build", option]).unwrap_err();
            let found = explain_option(&error).map(|diagnostic| diagnostic.message);
            assert_eq!(found.as_deref(), expected, "{option}");
        };
        for (names, _) in OPTIONS {
            for name in *names {
                check(name, Some(&format!("`{name}` has no meaning here")));
                check(&format!("{name}=x"), Some(&format!("`{name}` has no meaning here")));
            }
        }
        check("--outptu", None);
        check("--retry", None);
    }
}
