//! Options that give *credentials*, and the registries that each of them is for.

use std::path::PathBuf;

use clap::Args;
use diskette_builder::net::credential::Credential;
use diskette_builder::net::secret::Secret;
use diskette_builder::registry::credentials::CredentialSource;

use self::text::{parse_credential, read_credential};
pub(crate) use self::uses::{BaseRegistry, RegistryUse};
use crate::error::CommandError;

mod text;
mod uses;

/// One credential for the registry of a command.
#[derive(Debug, Clone, Args)]
pub(crate) struct CredentialArguments {
    /// Credential for the registry; visible to other users of this machine while the command runs
    #[arg(long, value_name = "USER:PASSWORD", value_parser = parse_secret)]
    creds: Option<Secret>,

    /// Read USER:PASSWORD from this file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "creds")]
    creds_file: Option<PathBuf>,
}

/// Credentials of commands that read from one registry and write to another.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Registry options")]
pub(crate) struct PairCredentials {
    /// Credential for the source registry; see --creds
    #[arg(long, value_name = "USER:PASSWORD", value_parser = parse_secret)]
    src_creds: Option<Secret>,

    /// Credential for the destination registry; see --creds
    #[arg(long, value_name = "USER:PASSWORD", value_parser = parse_secret)]
    dest_creds: Option<Secret>,
}

/// Parses a value that no message may repeat. What is wrong with it is reported later, without it.
#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
pub(crate) fn parse_secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

impl PairCredentials {
    /// Returns whether there is a credential for the registry that is read from.
    pub(crate) fn has_source(&self) -> bool {
        self.src_creds.is_some()
    }
}

impl CredentialArguments {
    /// Returns whether an option gives a credential.
    pub(crate) fn is_given(&self) -> bool {
        self.creds.is_some() || self.creds_file.is_some()
    }

    /// Returns the credentials of the options, each with its scope.
    pub(crate) fn sources(
        &self,
        uses: &RegistryUse<'_>,
    ) -> Result<Vec<CredentialSource>, CommandError> {
        let mut sources = Vec::new();
        let mut add = |option: &'static str, credential: Credential, scopes| {
            let source = |scope| {
                let (option, credential) = (option.into(), credential.clone());
                CredentialSource::Direct { option, credential, scope }
            };
            sources.extend(Vec::into_iter(scopes).map(source));
        };
        if let Some((option, credential)) = self.credential()? {
            let scope = uses.scope(option)?;
            add(option, credential, scope.into_iter().collect());
        }
        let Some(pair) = uses.pair else { return Ok(sources) };
        if let Some(text) = &pair.dest_creds {
            let option = "--dest-creds";
            add(option, parse_credential(option, text)?, uses.write_scopes(option)?);
        }
        if let Some(text) = &pair.src_creds {
            let option = "--src-creds";
            add(option, parse_credential(option, text)?, uses.read_scopes(option)?);
        }
        Ok(sources)
    }

    /// Returns the credential of `--creds` or `--creds-file`, and the option.
    pub(crate) fn credential(&self) -> Result<Option<(&'static str, Credential)>, CommandError> {
        if let Some(text) = &self.creds {
            return Ok(Some(("--creds", parse_credential("--creds", text)?)));
        }
        let Some(path) = &self.creds_file else { return Ok(None) };
        Ok(Some(("--creds-file", read_credential(path)?)))
    }
}

#[cfg(test)]
mod tests {
    use diskette_builder::oci::image::reference::Reference;
    use diskette_builder::registry::credentials::CredentialScope;

    use super::*;

    fn names(texts: &[&str]) -> Vec<Reference> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn secret(text: &str) -> Option<Secret> {
        (!text.is_empty()).then(|| Secret::new(text))
    }

    /// Returns each credential as `USER>SCOPE`.
    fn shown(
        options: [&str; 3],
        reads: &[&str],
        writes: &[&str],
    ) -> Result<Vec<String>, CommandError> {
        let [creds, src, dest] = options;
        let pair = PairCredentials { src_creds: secret(src), dest_creds: secret(dest) };
        let arguments = CredentialArguments { creds: secret(creds), creds_file: None };
        let (reads, writes) = (names(reads), names(writes));
        let uses = RegistryUse::default().reads(&reads).writes(&writes).pair(&pair);
        let show = |source: CredentialSource| match source {
            CredentialSource::Direct {
                credential: Credential::Basic { username, .. },
                scope: CredentialScope::Registry(it) | CredentialScope::Repository(it),
                ..
            } => format!("{username}>{it}"),
            other => format!("{other:?}"),
        };
        Ok(arguments.sources(&uses)?.into_iter().map(show).collect())
    }

    #[test]
    fn a_credential_has_a_scope() {
        let check = |options: [&str; 3], reads: &[&str], writes: &[&str], expected: &[&str]| {
            assert_eq!(shown(options, reads, writes).unwrap(), expected, "{options:?}");
        };
        check(["u:p", "", ""], &[], &[], &[]);
        check(["u:p", "", ""], &["q.io/a"], &[], &["u>q.io"]);
        check(["u:p", "", ""], &["q.io/a"], &["q.io/b"], &["u>q.io"]);
        check(["u:p", "", ""], &["q.io:1/a"], &[], &["u>q.io:1"]);
        check(["", "s:p", "d:p"], &["q.io/a"], &["r.io/a"], &["d>r.io", "s>q.io"]);
        check(["", "s:p", ""], &["q.io/a"], &["r.io/a"], &["s>q.io"]);
        check(["", "s:p", ""], &[], &["r.io/a"], &[]);
        check(["", "s:p", "d:p"], &["q.io/a"], &["q.io/b"], &["d>q.io/b", "s>q.io/a"]);
    }

    #[test]
    fn a_wrong_credential_is_not_repeated() {
        let check = |options: [&str; 3], reads: &[&str], writes: &[&str], expected: &str| {
            let error = shown(options, reads, writes).unwrap_err();
            let [diagnostic] = error.diagnostics() else { panic!("{error:?}") };
            assert_eq!(diagnostic.message, expected);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        };
        let several = "is a credential for one registry, not for `q.io` and `r.io`";
        let two: &[&str] = &["q.io/a", "r.io/b"];
        check(["u:hunter2", "", ""], &["q.io/a"], &["r.io/a"], &format!("`--creds` {several}"));
        check(["u:hunter2", "", ""], &[], two, &format!("`--creds` {several}"));
        check(["", "u:hunter2", ""], two, &[], &format!("`--src-creds` {several}"));
        check(["", "", "u:hunter2"], &[], two, &format!("`--dest-creds` {several}"));
        check([":hunter2", "", ""], &[], &[], "`--creds` has no user");
        check(["hunter2:", "", ""], &[], &[], "`--creds` has no password");
        check(["hunter2", "", ""], &[], &[], "`--creds` has no password");
        check(["", "hunter2", ""], &[], &[], "`--src-creds` has no password");
        check(["-", "", ""], &[], &[], "`--creds` takes `USER:PASSWORD`, not a file");
    }
}
