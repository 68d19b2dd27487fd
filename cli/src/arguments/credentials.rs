//! Options that give *credentials*, and the registries that each of them is for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use clap::Args;
use diskette_builder::net::credential::Credential;
use diskette_builder::net::secret::Secret;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::credentials::{CredentialScope, CredentialSource};

use crate::error::CommandError;
use crate::files::read_secret;
use crate::ui::prompt;

/// One credential for the registry of a command.
#[derive(Debug, Args)]
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

/// The images in registries that a command reads and writes. A credential of an option is sent to
/// their registries only.
#[derive(Debug, Default)]
pub(crate) struct RegistryUse<'a> {
    reads: Vec<Reference>,
    writes: Vec<Reference>,
    bases: Option<BaseRegistry>,
    pair: Option<&'a PairCredentials>,
}

/// The registry of the bases of a Dockerfile, which are known only after it was read.
#[derive(Debug, Clone, Default)]
pub(crate) struct BaseRegistry(Arc<OnceLock<String>>);

/// Parses a value that no message may repeat. What is wrong with it is reported later, without it.
#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
pub(crate) fn parse_secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

impl<'a> RegistryUse<'a> {
    /// Adds images that are read.
    pub(crate) fn reads<'r>(mut self, names: impl IntoIterator<Item = &'r Reference>) -> Self {
        self.reads.extend(names.into_iter().cloned());
        self
    }

    /// Adds images that are written.
    pub(crate) fn writes<'r>(mut self, names: impl IntoIterator<Item = &'r Reference>) -> Self {
        self.writes.extend(names.into_iter().cloned());
        self
    }

    /// Adds the image of a location that is read, if it is in a registry.
    pub(crate) fn reads_from(self, location: &ImageLocation) -> Self {
        self.reads(reference(location))
    }

    /// Adds the image of a location that is written, if it is in a registry.
    pub(crate) fn writes_to(self, location: &ImageLocation) -> Self {
        self.writes(reference(location))
    }

    /// Adds bases that become known later.
    pub(crate) fn bases(mut self, registry: &BaseRegistry) -> Self {
        self.bases = Some(registry.clone());
        self
    }

    /// Sets `--src-creds` and `--dest-creds`.
    pub(crate) fn pair(mut self, pair: &'a PairCredentials) -> Self {
        self.pair = Some(pair);
        self
    }
}

fn reference(location: &ImageLocation) -> Option<&Reference> {
    match location {
        ImageLocation::Registry(name) => Some(name),
        ImageLocation::Local(_) => None,
    }
}

impl BaseRegistry {
    /// Returns whether the image is in the registry of the first base.
    pub(crate) fn admit(&self, name: &Reference) -> bool {
        self.0.get_or_init(|| name.registry().to_owned()) == name.registry()
    }
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
        let source = |option: &str, credential, scope| CredentialSource::Direct {
            option: option.into(),
            credential,
            scope,
        };
        let mut sources = Vec::new();
        if let Some((option, credential)) = self.credential()? {
            let all = uses.reads.iter().chain(&uses.writes);
            let scope = match (one_registry(option, all)?, &uses.bases) {
                (Some(registry), _) => Some(CredentialScope::Registry(registry)),
                (None, bases) => bases.as_ref().map(|it| CredentialScope::Later(it.0.clone())),
            };
            sources.extend(scope.map(|scope| source(option, credential, scope)));
        }
        let Some(pair) = uses.pair else { return Ok(sources) };
        if let Some(text) = &pair.dest_creds {
            let credential = parse_credential("--dest-creds", text)?;
            let scopes = scopes("--dest-creds", &uses.writes, &uses.reads)?;
            let all = scopes.into_iter();
            sources.extend(all.map(|it| source("--dest-creds", credential.clone(), it)));
        }
        if let Some(text) = &pair.src_creds {
            let credential = parse_credential("--src-creds", text)?;
            let mut scopes = scopes("--src-creds", &uses.reads, &uses.writes)?;
            scopes.extend(uses.bases.iter().map(|it| CredentialScope::Later(it.0.clone())));
            let all = scopes.into_iter();
            sources.extend(all.map(|it| source("--src-creds", credential.clone(), it)));
        }
        Ok(sources)
    }

    /// Returns the credential of `--creds` or `--creds-file`, and the option.
    fn credential(&self) -> Result<Option<(&'static str, Credential)>, CommandError> {
        if let Some(text) = &self.creds {
            return Ok(Some(("--creds", parse_credential("--creds", text)?)));
        }
        let Some(path) = &self.creds_file else { return Ok(None) };
        Ok(Some(("--creds-file", read_credential(path)?)))
    }
}

/// Returns the images that a credential of one side is for: all of the registry, or only the named
/// repositories if the other side uses the registry too.
fn scopes(
    option: &'static str,
    own: &[Reference],
    other: &[Reference],
) -> Result<Vec<CredentialScope>, CommandError> {
    let Some(registry) = one_registry(option, own)? else { return Ok(Vec::new()) };
    if other.iter().all(|name| name.registry() != registry) {
        return Ok(vec![CredentialScope::Registry(registry)]);
    }
    let repositories = own.iter().map(Reference::full_repository).collect::<BTreeSet<_>>();
    Ok(repositories.into_iter().map(CredentialScope::Repository).collect())
}

/// Returns the registry of the images; an error if they are in several.
fn one_registry<'r>(
    option: &'static str,
    names: impl IntoIterator<Item = &'r Reference>,
) -> Result<Option<String>, CommandError> {
    let mut registries: BTreeSet<&str> = names.into_iter().map(Reference::registry).collect();
    let first = registries.pop_first().map(str::to_owned);
    let (Some(first), Some(second)) = (&first, registries.pop_first()) else { return Ok(first) };
    let message =
        format!("`{option}` is a credential for one registry, not for `{first}` and `{second}`");
    let help = match option {
        "--creds" | "--creds-file" => {
            "use `--src-creds` and `--dest-creds`, or `diskette login` for each registry"
        }
        _ => "use `diskette login` for each registry",
    };
    Err(CommandError::Usage(Diagnostic::new(message).help(help)))
}

/// Parses `USER:PASSWORD`. A password that is missing is asked for on a terminal.
fn parse_credential(option: &'static str, text: &Secret) -> Result<Credential, CommandError> {
    let usage =
        |message: String, help: &str| Err(CommandError::Usage(Diagnostic::new(message).help(help)));
    let help = "write it as `USER:PASSWORD`, or use `--creds-file FILE` or `diskette login`";
    let (user, password) = match text.expose().split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (text.expose(), None),
    };
    match password {
        _ if user.is_empty() => usage(format!("`{option}` has no user"), help),
        Some("") => usage(format!("`{option}` has no password"), help),
        Some(password) => Ok(Credential::basic(user, password)),
        None if option == "--creds" && (user == "-" || Path::new(user).is_file()) => usage(
            "`--creds` takes `USER:PASSWORD`, not a file".into(),
            "use `--creds-file` to read it from a file, or from standard input with `-`",
        ),
        None => match prompt::ask_password("Password: ")? {
            Some(password) => Ok(Credential::Basic { username: user.into(), password }),
            None => usage(format!("`{option}` has no password"), help),
        },
    }
}

/// Reads `USER:PASSWORD` from a file or, where it is `-`, from standard input.
fn read_credential(path: &Path) -> Result<Credential, CommandError> {
    // The credential itself may have been given by mistake, and no message may repeat that.
    if path.to_string_lossy().contains(':') && !path.exists() {
        return Err(CommandError::Usage(
            Diagnostic::new("`--creds-file` takes a file, and this one does not exist")
                .help("use `--creds USER:PASSWORD` for the credential itself"),
        ));
    }
    let text = read_secret(path)?;
    match text.expose().split_once(':') {
        Some((user, password)) if !user.is_empty() => Ok(Credential::basic(user, password)),
        _ => {
            let message = format!("there is no `USER:PASSWORD` in `{}`", path.display());
            Err(Diagnostic::new(message).into())
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn the_first_base_decides_the_registry() {
        let registry = BaseRegistry::default();
        let all = names(&["q.io/a", "q.io/b", "r.io/a", "q.io:1/a"]);
        let admitted: Vec<bool> = all.iter().map(|name| registry.admit(name)).collect();
        assert_eq!(admitted, [true, true, false, false]);
    }
}
