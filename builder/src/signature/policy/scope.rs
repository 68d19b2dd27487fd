//! The *scope* of an image in a policy: the names under which requirements for it are looked up, the closest first
//! (containers/image, `docker/policyconfiguration/naming.go` and `oci/layout/oci_transport.go`).

use crate::oci::image::location::StoreKind;
use crate::oci::image::reference::Reference;

/// Fails if a policy has a scope that no image of the transport has (containers/image,
/// `directory/explicitfilepath` and `internal/pkg/platform`; `docker/archive/transport.go`).
pub(super) fn check_scope(transport: &str, scope: &str) -> Result<(), String> {
    let is_path = || {
        let parts = scope.strip_prefix('/').map(|rest| rest.split('/'));
        parts.is_some_and(|mut parts| !parts.any(|part| matches!(part, "" | "." | "..")))
    };
    let problem = match transport {
        _ if scope.is_empty() => return Ok(()),
        "docker-archive" => "archives of docker have no scopes except the empty one",
        "oci" | "oci-archive" | "dir" if !is_path() => {
            "it is not an absolute path without `.`, `..` and empty parts"
        }
        _ => return Ok(()),
    };
    Err(format!("`{transport}` has the scope `{}`: {problem}", scope.escape_debug()))
}

/// Where an image is, as a policy names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyScope {
    transport: &'static str,
    names: Vec<String>,
}

impl PolicyScope {
    /// Returns the scope of an image in a registry.
    pub fn registry(image: &Reference) -> Self {
        let repository = image.full_repository();
        let own = match (image.digest(), image.tag()) {
            (Some(digest), _) => format!("{repository}@{digest}"),
            (None, tag) => format!("{repository}:{}", tag.unwrap_or("latest")),
        };
        let mut names = vec![own];
        let mut rest = repository.as_str();
        loop {
            names.push(rest.to_owned());
            let Some((parent, _)) = rest.rsplit_once('/') else { break };
            rest = parent;
        }
        let mut host = rest.split_once(':').map_or(rest, |(host, _)| host);
        while let Some((_, parent)) = host.split_once('.') {
            names.push(format!("*.{parent}"));
            host = parent;
        }
        Self { transport: "docker", names }
    }

    /// Returns the scope of a layout or an archive. `path` is its absolute path without links.
    pub fn local(store: StoreKind, path: &str) -> Self {
        let mut names = Vec::new();
        let mut rest = path;
        while !rest.is_empty() && rest != "/" {
            names.push(rest.to_owned());
            let Some((parent, _)) = rest.rsplit_once('/') else { break };
            rest = parent;
        }
        Self { transport: store.scheme(), names }
    }

    /// Returns the transport, as a policy calls it.
    pub(super) fn transport(&self) -> &'static str {
        self.transport
    }

    /// Returns the names, the closest first; the last is that of the whole transport.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.names.iter().cloned().chain([String::new()])
    }
}
