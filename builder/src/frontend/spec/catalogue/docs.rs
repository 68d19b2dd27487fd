//! The *description* of an image that follows a release.

use crate::frontend::spec::catalogue::CataloguePlatform;
use crate::frontend::spec::located::LocatedText;
use crate::frontend::spec::release::DocsSpec;
use crate::recipe::diagnostic::Diagnostic;

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

/// Architecture of machines that can have secure boot: it needs SMM (`validateDomainSpec` in
/// `vmi-create-admitter.go` in KubeVirt), which only PCs have.
const SECURE: &str = "amd64";

/// Returns the contents of a description.
pub(super) fn lower_docs(
    docs: &DocsSpec,
    platforms: &[CataloguePlatform],
    problems: &mut Vec<Diagnostic>,
) -> ImageDocs {
    let text = |text: &Option<LocatedText>| text.as_ref().map(|text| text.value.clone());
    let switch = docs.secure_boot.as_ref().filter(|switch| switch.value.0);
    if let Some(switch) = switch
        && !platforms.iter().any(|it| it.platform.architecture == SECURE)
    {
        problems.push(
            Diagnostic::new("only machines for amd64 start with secure boot")
                .at(switch.span.clone())
                .help("remove `secureBoot`: the image has no platform `linux/amd64`"),
        );
    }
    ImageDocs {
        description: text(&docs.description),
        user: text(&docs.user),
        secure_boot: switch.is_some(),
    }
}
