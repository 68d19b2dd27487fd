//! The *description* of an image that follows a release.

use crate::frontend::spec::catalogue::CataloguePlatform;
use crate::frontend::spec::located::LocatedText;
use crate::frontend::spec::release::DocsSpec;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Contents of an image's description.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageDocs {
    /// Path of a Markdown file, relative to the catalogue.
    pub description: Option<String>,
    /// User that cloud-init creates.
    pub user: Option<String>,
    /// Whether the example of a virtual machine starts with UEFI and secure boot.
    pub secure_boot: bool,
}

impl ImageDocs {
    /// Architecture of machines that can have secure boot: it needs SMM (`validateDomainSpec` in
    /// `vmi-create-admitter.go` in KubeVirt), which only PCs have.
    pub const SECURE_ARCHITECTURE: &str = "amd64";
}

/// Returns the contents of a description.
pub(super) fn lower_docs(
    docs: &DocsSpec,
    is_artifact: bool,
    platforms: &[CataloguePlatform],
    problems: &mut Vec<Diagnostic>,
) -> ImageDocs {
    let text = |text: &Option<LocatedText>| text.as_ref().map(|text| text.value.clone());
    let switch = docs.secure_boot.as_ref().filter(|switch| switch.value.0);
    problems.extend(switch.and_then(|switch| check_secure(&switch.span, is_artifact, platforms)));
    ImageDocs {
        description: text(&docs.description),
        user: text(&docs.user),
        secure_boot: switch.is_some(),
    }
}

/// Returns the problem of an example with secure boot that the page cannot have.
fn check_secure(
    span: &Span,
    is_artifact: bool,
    platforms: &[CataloguePlatform],
) -> Option<Diagnostic> {
    let mut all = platforms.iter().map(|it| it.platform.architecture.as_str());
    let (message, help) = if is_artifact {
        (
            "`secureBoot` is for images; this is a disk artifact",
            "remove it: the page of an artifact has no machine, but `diskette manifests vm`",
        )
    } else if !all.any(|it| it == ImageDocs::SECURE_ARCHITECTURE) {
        (
            "only machines for amd64 start with secure boot",
            "remove `secureBoot`: the image has no platform `linux/amd64`",
        )
    } else {
        return None;
    };
    Some(Diagnostic::new(message).at(span.clone()).help(help))
}
