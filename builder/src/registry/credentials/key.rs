//! A *key* of an auth file names the images of an entry: a registry, or a path in one. Old files
//! have URLs as keys. The rules are those of podman and skopeo
//! (`pkg/docker/config/config.go` of containers/image).

use std::str::FromStr;

use thiserror::Error;

use crate::oci::image::reference::Reference;

/// The registry that has several names.
const DOCKER: &str = "docker.io";

/// Its key in docker's files and for helpers.
const DOCKER_URL: &str = "https://index.docker.io/v1/";

/// The form of the keys in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum KeyForm {
    /// Registries and paths in them.
    #[default]
    Scoped,
    /// Registries only, often as URLs.
    Hosts,
}

/// Returns the keys that the entry of an image can have, the most specific first.
pub(super) fn candidate_keys(image: &Reference, keys: KeyForm) -> Vec<String> {
    let registry = image.registry();
    let mut all = Vec::new();
    if keys == KeyForm::Scoped {
        let mut path = image.repository();
        all.push(format!("{registry}/{path}"));
        while let Some((parent, _)) = path.rsplit_once('/') {
            all.push(format!("{registry}/{parent}"));
            path = parent;
        }
    }
    all.push(registry.into());
    all
}

/// Returns whether a key is another name of a registry, such as its URL.
pub(super) fn is_alias(key: &str, registry: &str, keys: KeyForm) -> bool {
    key_host(key, keys) == canonical_registry(registry)
}

/// Returns the server name that helpers get for a registry.
pub(super) fn helper_server(registry: &str) -> &str {
    if canonical_registry(registry) == DOCKER { DOCKER_URL } else { registry }
}

fn key_host(key: &str, keys: KeyForm) -> &str {
    let bare = key.strip_prefix("http://").unwrap_or(key);
    let bare = bare.strip_prefix("https://").unwrap_or(bare);
    // A key that is no URL keeps its path: the entry is not for the whole registry.
    let whole = keys == KeyForm::Scoped && bare == key;
    canonical_registry(if whole { bare } else { bare.split('/').next().unwrap_or(bare) })
}

fn canonical_registry(registry: &str) -> &str {
    match registry {
        "index.docker.io" | "registry-1.docker.io" => DOCKER,
        other => other,
    }
}

/// The argument of `login` and `logout`: a registry, or a path in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginKey {
    registry: String,
    path: Option<String>,
}

/// Why a text is not a [`LoginKey`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginKeyError {
    /// It is a URL; holds the name of its registry.
    #[error("a registry is named without `http://` and `https://`: `{0}`")]
    Scheme(String),
    /// It has a tag or a digest.
    #[error("`{0}` has a tag or a digest; a login is for a registry or a repository")]
    Tagged(String),
    /// It is something else.
    #[error("`{0}` is not a registry like `quay.io`, nor a repository in one")]
    Other(String),
}

impl LoginKey {
    /// Returns the host, perhaps with a port.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the path in the registry, if the login is not for the whole registry.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Returns the key of its entry in an auth file.
    pub fn text(&self) -> String {
        match &self.path {
            Some(path) => format!("{}/{path}", self.registry),
            None => self.registry.clone(),
        }
    }
}

impl FromStr for LoginKey {
    type Err = LoginKeyError;

    fn from_str(text: &str) -> Result<Self, LoginKeyError> {
        for scheme in ["http://", "https://"] {
            if let Some(rest) = text.strip_prefix(scheme) {
                let host = rest.split('/').next().unwrap_or(rest);
                return Err(LoginKeyError::Scheme(host.into()));
            }
        }
        let (registry, path) = match text.split_once('/') {
            Some((registry, path)) => (registry, Some(path)),
            None => (text, None),
        };
        let registry = canonical_registry(registry);
        if path.is_some_and(|path| path.contains([':', '@'])) {
            return Err(LoginKeyError::Tagged(text.into()));
        }
        // Without a registry in front, the text would be a repository of Docker Hub.
        let probe = format!("{registry}/{}/x", path.unwrap_or("x"));
        let image = probe.parse::<Reference>();
        if !image.is_ok_and(|image| image.registry() == registry) {
            return Err(LoginKeyError::Other(text.into()));
        }
        Ok(Self { registry: registry.into(), path: path.map(Into::into) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_keys_from_its_repository_to_its_registry() {
        let check = |image: &str, keys: KeyForm, expected: &[&str]| {
            assert_eq!(candidate_keys(&image.parse().unwrap(), keys), expected, "{image}");
        };
        check("q.io/a", KeyForm::Scoped, &["q.io/a", "q.io"]);
        check("q.io/a/b/c:1", KeyForm::Scoped, &["q.io/a/b/c", "q.io/a/b", "q.io/a", "q.io"]);
        check("q.io:80/a/b", KeyForm::Scoped, &["q.io:80/a/b", "q.io:80/a", "q.io:80"]);
        check("q.io/a/b/c", KeyForm::Hosts, &["q.io"]);
        check(
            "fedora",
            KeyForm::Scoped,
            &["docker.io/library/fedora", "docker.io/library", "docker.io"],
        );
    }

    #[test]
    fn a_registry_has_aliases() {
        let check = |key: &str, registry: &str, keys: KeyForm, expected: bool| {
            assert_eq!(is_alias(key, registry, keys), expected, "{key} {registry}");
        };
        check("https://index.docker.io/v1/", "docker.io", KeyForm::Scoped, true);
        check("https://registry-1.docker.io/v2/", "docker.io", KeyForm::Scoped, true);
        check("index.docker.io", "docker.io", KeyForm::Scoped, true);
        check("registry-1.docker.io", "docker.io", KeyForm::Scoped, true);
        check("docker.io", "index.docker.io", KeyForm::Scoped, true);
        check("https://q.io", "q.io", KeyForm::Scoped, true);
        check("http://q.io:80/v2/", "q.io:80", KeyForm::Scoped, true);
        check("https://q.io/v2/", "q.io:443", KeyForm::Scoped, false);
        check("q.io/v2/", "q.io", KeyForm::Scoped, false);
        check("q.io/v2/", "q.io", KeyForm::Hosts, true);
        check("https://q.io.evil.org/", "q.io", KeyForm::Scoped, false);
        check("https://evil.org/q.io", "q.io", KeyForm::Scoped, false);
        check("", "q.io", KeyForm::Scoped, false);
    }

    #[test]
    fn helpers_are_asked_for_a_host() {
        let check = |registry: &str, expected: &str| assert_eq!(helper_server(registry), expected);
        check("quay.io", "quay.io");
        check("localhost:5000", "localhost:5000");
        check("docker.io", "https://index.docker.io/v1/");
        check("registry-1.docker.io", "https://index.docker.io/v1/");
    }

    #[test]
    fn a_login_is_for_a_registry_or_a_path_in_one() {
        let check = |text: &str, expected: &str| {
            let key = text.parse::<LoginKey>();
            let key = key.map_or_else(|error| error.to_string(), |key| key.text());
            assert_eq!(key, expected, "{text}");
        };
        check("quay.io", "quay.io");
        check("quay.io/me", "quay.io/me");
        check("quay.io/me/fedora", "quay.io/me/fedora");
        check("localhost", "localhost");
        check("localhost:5000", "localhost:5000");
        check("[::1]:5000/a", "[::1]:5000/a");
        check("docker.io", "docker.io");
        check("index.docker.io", "docker.io");
        check("registry-1.docker.io/me", "docker.io/me");
        let scheme = "a registry is named without `http://` and `https://`: `q.io`";
        check("https://q.io", scheme);
        check("http://q.io/v2/", scheme);
        let tagged = "has a tag or a digest; a login is for a registry or a repository";
        check("q.io/a:1", &format!("`q.io/a:1` {tagged}"));
        check("q.io/a@b", &format!("`q.io/a@b` {tagged}"));
        let other = "is not a registry like `quay.io`, nor a repository in one";
        check("", &format!("`` {other}"));
        check("quay", &format!("`quay` {other}"));
        check("me/fedora", &format!("`me/fedora` {other}"));
        check("q.io/", &format!("`q.io/` {other}"));
        check("q.io:x", &format!("`q.io:x` {other}"));
        check("q.io/A", &format!("`q.io/A` {other}"));
    }
}
