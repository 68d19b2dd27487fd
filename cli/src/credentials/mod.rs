//! *Credentials* of this user, and this user's settings of registries. The files and helpers that
//! the library asks for are opened and run here, with the user's authority.

mod edit;
mod helper;
mod system;

use std::path::{Path, PathBuf};

use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::credentials::{
    CredentialEnvironment, CredentialSource, Credentials,
};
use diskette_builder::registry::settings::{RegistrySettings, SettingsLoader};

pub(crate) use self::edit::{edit_auth_file, write_private};
pub(crate) use self::system::System;
use crate::environment::Environment;
use crate::error::CommandError;

/// Returns the credentials of this user: those of options first, then those of a named auth file,
/// else those of the default files.
pub(crate) fn user_credentials(
    environment: &Environment,
    given: Vec<CredentialSource>,
    authfile: Option<PathBuf>,
) -> Credentials<System> {
    let authfile = authfile.map(|path| ("--authfile".to_owned(), path));
    let around = CredentialEnvironment { authfile, ..environment.auth.clone() };
    Credentials::new(given.into_iter().chain(around.sources()).collect(), System)
}

/// Returns what reads this user's settings of registries when one is needed.
pub(crate) fn settings_loader(environment: &Environment) -> SettingsLoader {
    let around = environment.registries.clone();
    Box::new(move || RegistrySettings::load(&around, &System))
}

/// Returns the file that `login` writes to.
pub(crate) fn login_file(
    environment: &Environment,
    named: Option<&Path>,
) -> Result<PathBuf, CommandError> {
    let mut around = environment.auth.clone();
    if let Some(path) = named {
        around.authfile = Some(("--authfile".into(), path.to_owned()));
    }
    around.login_file().ok_or_else(|| {
        Diagnostic::new("there is no file for credentials").help("use `--authfile FILE`").into()
    })
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    use diskette_builder::net::credential::Credential;
    use diskette_builder::registry::credentials::CredentialScope;
    use diskette_builder::registry::settings::{RegistryPurpose, RegistryResolution};

    use super::*;

    fn login(path: &Path) {
        let credential = Credential::basic("u", "p");
        edit_auth_file(path, |edit| edit.set(&"q.io".parse().unwrap(), &credential)).unwrap();
    }

    #[test]
    fn the_files_of_a_user_are_found() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |name: &str| temporary.path().join(name);
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        let mut environment = Environment::read();
        environment.auth = CredentialEnvironment {
            config_home: Some(at("config")),
            uid: u32::MAX,
            ..CredentialEnvironment::default()
        };
        environment.registries.registries_conf = Some(at("registries.conf"));
        dir.write("registries.conf", "[[registry]]\nlocation = \"q.io\"\nblocked = true\n")
            .unwrap();
        login(&at("config/containers/auth.json"));
        login(&at("named.json"));

        let image = "q.io/a".parse().unwrap();
        let check = |scope: Option<&str>, authfile: Option<&str>, expected: &str| {
            let given = scope.map(|registry| CredentialSource::Direct {
                option: "--creds".into(),
                credential: Credential::basic("u", "p"),
                scope: CredentialScope::Registry(registry.into()),
            });
            let given = given.into_iter().collect();
            let credentials = user_credentials(&environment, given, authfile.map(at));
            let found = credentials.find(&image).unwrap().unwrap();
            assert!(found.location.to_string().ends_with(expected), "{found:?}");
        };
        check(None, None, "config/containers/auth.json");
        check(None, Some("named.json"), "named.json");
        check(Some("q.io"), Some("named.json"), "--creds");
        check(Some("r.io"), Some("named.json"), "named.json");
        let config = settings_loader(&environment)().unwrap();
        let resolution = config.resolve(&image, RegistryPurpose::Write).unwrap();
        assert!(matches!(resolution, RegistryResolution::Blocked { .. }));
    }
}
