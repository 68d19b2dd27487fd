//! A *source* is an option, file or variable that can hold credentials. The list of sources and its
//! order follow from the options, variables and directories of the user who runs the program.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::file::AuthFileFormat;
use crate::net::credential::Credential;
use crate::net::secret::Secret;
use crate::oci::image::reference::Reference;

/// An option, file or variable that can hold credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// An option that holds the credential itself.
    Direct {
        /// The option, e.g. `--creds`.
        option: String,
        /// Its value.
        credential: Credential,
        /// The images it is for.
        scope: CredentialScope,
    },
    /// An auth file.
    File {
        /// Its path.
        path: PathBuf,
        /// Its format.
        format: AuthFileFormat,
        /// Whether it has to exist.
        presence: AuthFilePresence,
    },
    /// A variable that holds the text of an auth file.
    Variable {
        /// The variable.
        name: &'static str,
        /// Its value.
        text: Secret,
    },
}

/// The images that a credential is for. It is sent for no others, mirrors included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialScope {
    /// All images of a registry.
    Registry(String),
    /// The images of one repository, with its registry.
    Repository(String),
    /// All images of a registry that becomes known while the command runs.
    Later(Arc<OnceLock<String>>),
}

impl CredentialScope {
    /// Returns whether the credential is for the image.
    pub(crate) fn contains(&self, image: &Reference) -> bool {
        match self {
            Self::Registry(registry) => image.registry() == registry,
            Self::Repository(repository) => image.full_repository() == *repository,
            Self::Later(registry) => registry.get().is_some_and(|it| it == image.registry()),
        }
    }
}

/// Whether a file has to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthFilePresence {
    /// It must exist, because this option or variable names it.
    Required(String),
    /// It may be missing.
    Optional,
    /// It may be missing or unreadable, because its directory belongs to the system.
    OptionalUnreadable,
}

/// The location of a source, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialLocation {
    /// An option.
    Option(String),
    /// A file.
    File(PathBuf),
    /// A variable.
    Variable(&'static str),
}

/// The options and variables that determine the list of sources. Empty values are left out.
#[derive(Debug, Clone, Default)]
pub struct CredentialEnvironment {
    /// An option that names an auth file, and its value.
    pub authfile: Option<(String, PathBuf)>,
    /// `$REGISTRY_AUTH_FILE`.
    pub registry_auth_file: Option<PathBuf>,
    /// `$DOCKER_AUTH_CONFIG`: the text of an auth file, as GitLab sets it for jobs.
    pub docker_auth_config: Option<Secret>,
    /// `$XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// `$DOCKER_CONFIG`, a directory.
    pub docker_config: Option<PathBuf>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// The user's id.
    pub uid: u32,
}

impl CredentialEnvironment {
    /// Returns the sources in the order in which they are queried. A file that an option or variable
    /// names is the only one.
    pub fn sources(&self) -> Vec<CredentialSource> {
        let named = self.authfile.as_ref().map(|(option, path)| (option.as_str(), path));
        let variable =
            || self.registry_auth_file.as_ref().map(|path| ("$REGISTRY_AUTH_FILE", path));
        if let Some((by, path)) = named.or_else(variable) {
            let presence = AuthFilePresence::Required(by.into());
            return vec![CredentialSource::File {
                path: path.clone(),
                format: AuthFileFormat::Any,
                presence,
            }];
        }
        let variable = self.docker_auth_config.clone();
        let variable =
            variable.map(|text| CredentialSource::Variable { name: "DOCKER_AUTH_CONFIG", text });
        variable.into_iter().chain(self.files()).collect()
    }

    fn files(&self) -> impl Iterator<Item = CredentialSource> {
        let file = |path, format, presence| CredentialSource::File { path, format, presence };
        let guess = format!("/run/containers/{}/auth.json", self.uid);
        let (runtime, presence) = self
            .runtime_file()
            .map_or((guess.into(), AuthFilePresence::OptionalUnreadable), |path| {
                (path, AuthFilePresence::Optional)
            });
        let runtime = file(runtime, AuthFileFormat::Containers, presence);
        let docker =
            self.docker_config.clone().or_else(|| Some(self.home.as_ref()?.join(".docker")));
        let docker = docker.map(|dir| dir.join("config.json"));
        let old = self.home.as_ref().map(|home| home.join(".dockercfg"));
        let rest = [
            (self.config_file(), AuthFileFormat::Containers),
            (docker, AuthFileFormat::Docker),
            (old, AuthFileFormat::Flat),
        ];
        let rest = rest.into_iter().filter_map(move |(path, format)| {
            Some(file(path?, format, AuthFilePresence::Optional))
        });
        std::iter::once(runtime).chain(rest)
    }

    /// Returns the file that a login is written to; nothing without a home directory.
    pub fn login_file(&self) -> Option<PathBuf> {
        let named = self.authfile.as_ref().map(|(_, path)| path.clone());
        named
            .or_else(|| self.registry_auth_file.clone())
            .or_else(|| self.runtime_file())
            .or_else(|| self.config_file())
    }

    fn runtime_file(&self) -> Option<PathBuf> {
        self.runtime_dir.as_deref().map(auth_json_path)
    }

    fn config_file(&self) -> Option<PathBuf> {
        let home = || Some(self.home.as_ref()?.join(".config"));
        self.config_home.clone().or_else(home).as_deref().map(auth_json_path)
    }
}

fn auth_json_path(dir: &Path) -> PathBuf {
    dir.join("containers").join("auth.json")
}

impl CredentialSource {
    /// Returns its location for messages.
    pub(crate) fn location(&self) -> CredentialLocation {
        match self {
            Self::Direct { option, .. } => CredentialLocation::Option(option.clone()),
            Self::File { path, .. } => CredentialLocation::File(path.clone()),
            Self::Variable { name, .. } => CredentialLocation::Variable(name),
        }
    }
}

impl fmt::Display for CredentialLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(option) => f.write_str(option),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "${name}"),
        }
    }
}
