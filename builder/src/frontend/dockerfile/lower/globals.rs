//! The *global variables*: the ARGs before the first stage.

use std::collections::BTreeMap;

use super::DockerfileRequest;
use super::variables::expand_word;
use crate::frontend::dockerfile::scope::GlobalScope;
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::Diagnostic;

/// Returns the scope with the ARGs before the first stage.
pub(super) fn global_scope(
    request: &DockerfileRequest<'_>,
    platform: &Platform,
    target: usize,
    build_args: &BTreeMap<String, String>,
) -> Result<GlobalScope, Diagnostic> {
    let dockerfile = request.dockerfile;
    let name = dockerfile.stages.get(target).and_then(|stage| stage.from.name.as_ref());
    let name = name.map_or("", |name| name.text.as_str());
    let mut scope = GlobalScope::new(platform, request.build_platform, name, build_args);
    for (name, default) in dockerfile.globals() {
        let lookup = |name: &str| scope.get(name);
        // A default that is not used may contain what cannot be expanded.
        let default = default.as_ref().filter(|_| !build_args.contains_key(&name.text));
        let default = default.map(|word| expand_word(dockerfile, &lookup, word));
        let default = default.transpose().map_err(|problem| *problem)?;
        scope.declare_global(&name.text, default);
    }
    Ok(scope)
}

/// Returns the warning about build arguments that no ARG declares.
pub(super) fn unused_args_warning(scope: &GlobalScope) -> Option<Diagnostic> {
    let unused = scope.unused_build_args();
    let all = unused.join("`, `");
    (!unused.is_empty()).then(|| {
        Diagnostic::new(format!("no ARG declares the build argument `{all}`"))
            .help("check its spelling; an undeclared build argument has no effect")
    })
}
