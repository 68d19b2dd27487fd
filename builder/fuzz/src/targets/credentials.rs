//! A credential is looked for in files whose text is the input, and in helpers that answer with it. What is
//! found was meant for the image: its key is the registry, or a path that the image is in. The first line is
//! an image, a key of `login` and the scopes of a token.

use std::io;
use std::path::Path;

use diskette_builder::fuzzing::join_scopes;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::registry::credentials::{
    AuthFileContent, AuthFileReaders, CredentialEnvironment, CredentialSystem, Credentials,
    HelperError, HelperExit, HelperOutput, LoginKey,
};

use super::valid_text;

/// All files have these bytes, and all helpers answer with them.
struct SameEverywhere<'a>(&'a [u8]);

impl CredentialSystem for SameEverywhere<'_> {
    fn read_auth_file(&self, _: &Path) -> io::Result<Option<AuthFileContent>> {
        let bytes = self.0.to_vec();
        Ok(Some(AuthFileContent { bytes, readers: AuthFileReaders::Owner }))
    }

    fn run_helper(&self, name: &str, server: &str) -> Result<HelperOutput, HelperError> {
        assert!(!name.contains(['/', '\0', ' ']) && !name.is_empty(), "{name:?} as a program");
        assert!(!server.contains(['\n', '\0']), "{server:?} for a helper");
        Ok(HelperOutput { exit: HelperExit::Success, stdout: self.0.to_vec() })
    }
}

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let line = valid_text(&bytes[..end]);
    check_login_key(line);
    check_scopes(line);
    let image =
        line.parse().unwrap_or_else(|_| "quay.io/me/fedora:42".parse().expect("a reference"));
    let environment = CredentialEnvironment {
        config_home: Some("/config".into()),
        docker_config: Some("/docker".into()),
        home: Some("/home".into()),
        ..CredentialEnvironment::default()
    };
    let named = CredentialEnvironment {
        registry_auth_file: Some("/auth.json".into()),
        ..environment.clone()
    };
    for environment in [environment, named] {
        check_search(&environment, &bytes[end..], &image);
    }
}

fn check_search(environment: &CredentialEnvironment, bytes: &[u8], image: &Reference) {
    let credentials = Credentials::new(environment.sources(), SameEverywhere(bytes));
    assert!(credentials.problems().iter().all(|problem| !problem.to_string().is_empty()));
    assert_eq!(credentials.explain(image).len(), environment.sources().len());
    match credentials.find(image) {
        Ok(Some(found)) => {
            if let Some(key) = &found.key {
                assert!(is_for(key, image), "the credential of {key:?} for {image}");
            }
        }
        Ok(None) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Returns whether a key of an auth file is for an image.
fn is_for(key: &str, image: &Reference) -> bool {
    let bare = key.strip_prefix("http://").unwrap_or(key);
    let bare = bare.strip_prefix("https://").unwrap_or(bare);
    let host = bare.split('/').next().unwrap_or(bare);
    let docker = ["docker.io", "index.docker.io", "registry-1.docker.io"];
    let full = format!("{}/{}/", image.registry(), image.repository());
    full.starts_with(&format!("{key}/"))
        || host == image.registry()
        || (docker.contains(&host) && docker.contains(&image.registry()))
}

fn check_login_key(text: &str) {
    match text.parse::<LoginKey>() {
        Ok(key) => assert_eq!(key.text().parse().as_ref(), Ok(&key)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_scopes(text: &str) {
    let scopes = join_scopes(text, "repository:me/fedora:pull");
    let written = scopes.join(" ");
    assert_eq!(join_scopes(&written, &written), scopes, "{text:?}");
    assert!(scopes.iter().any(|scope| scope.starts_with("repository:me/fedora:")));
}
