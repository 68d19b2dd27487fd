//! A *source* is one place that can hold credentials. Which there are, and in which order, follows
//! from the options, variables and directories of the user who runs the program.

use std::fmt;
use std::path::{Path, PathBuf};

use super::file::AuthFileFormat;
use crate::net::credential::Credential;
use crate::net::secret::Secret;

/// One place that can hold credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// An option holds the credential itself, for every image.
    Direct {
        /// The option, e.g. `--creds`.
        option: String,
        /// What it was given.
        credential: Credential,
    },
    /// An auth file.
    File {
        /// Where it lies.
        path: PathBuf,
        /// How it is laid out.
        format: AuthFileFormat,
        /// What to do if it is not there.
        presence: AuthFilePresence,
    },
    /// A variable holds the text of an auth file.
    Variable {
        /// The variable.
        name: &'static str,
        /// Its value.
        text: Secret,
    },
}

/// Whether a file has to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthFilePresence {
    /// It was named, by this option or variable.
    Required(String),
    /// It is one of those that are looked for.
    Optional,
    /// Nor must it be readable: its directory belongs to the system.
    OptionalUnreadable,
}

/// What a person calls a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialLocation {
    /// An option.
    Option(String),
    /// A file.
    File(PathBuf),
    /// A variable.
    Variable(&'static str),
}

/// What the list of sources follows from. Values that are empty are left out.
#[derive(Debug, Clone, Default)]
pub struct CredentialEnvironment {
    /// An option that names an auth file, and what it was given.
    pub authfile: Option<(String, PathBuf)>,
    /// `$REGISTRY_AUTH_FILE`.
    pub registry_auth_file: Option<PathBuf>,
    /// `$DOCKER_AUTH_CONFIG`: the text of a file, as GitLab hands it to jobs.
    pub docker_auth_config: Option<Secret>,
    /// `$XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// `$DOCKER_CONFIG`, a directory.
    pub docker_config: Option<PathBuf>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The number of the user.
    pub uid: u32,
}

impl CredentialEnvironment {
    /// Returns the sources in the order in which they are asked. A file that is named is the only
    /// one.
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

    /// Returns the file that a login is written to; nothing without a home.
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
    /// Returns what a person calls it.
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
