//! Where the content of a source comes from.

use super::types::SourceDetails;
use crate::compression::CompressionFormat;
use crate::frontend::spec::located::{Located, LocatedText};
use crate::frontend::spec::location::{parse_image, parse_path, parse_url};
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{Checksum, ImageDisk, SourceLocation, SourceRecipe, SourceRole};

/// Returns where the content comes from; `None` if nothing says it, which was reported.
pub(super) fn details_location(
    details: &SourceDetails,
    platform: &Platform,
) -> Option<Result<Located<SourceLocation>, Diagnostic>> {
    let keys = [
        ("path", details.path.as_ref()),
        ("ova", details.ova.as_ref().and_then(|ova| ova.path.as_ref())),
        ("url", details.url.as_ref()),
        ("image", details.image.as_ref()),
    ];
    let mut given = keys.into_iter().filter_map(|(key, text)| Some((key, text?)));
    let (key, text) = given.next()?;
    if let Some((other, span)) = given.next().map(|(other, text)| (other, text.span.clone())) {
        let problem = Diagnostic::new(format!("both `{key}` and `{other}` are given")).at(span);
        let help = "content comes from one place; remove one of the two";
        return Some(Err(problem.help(help)));
    }
    Some(match key {
        "url" => parse_url(text),
        "image" => parse_image_disk(text, details.disk.as_ref(), platform),
        _ => parse_path(text),
    })
}

/// Parses the image that a disk is taken out of.
fn parse_image_disk(
    text: &LocatedText,
    disk: Option<&LocatedText>,
    platform: &Platform,
) -> Result<Located<SourceLocation>, Diagnostic> {
    let location = parse_image(text)?;
    let disk = disk.map(|disk| disk.value.clone());
    let image = ImageDisk { location, disk, platform: platform.clone() };
    Ok(Located { value: SourceLocation::Image(Box::new(image)), span: text.span.clone() })
}

impl Located<SourceLocation> {
    pub(super) fn into_recipe(
        self,
        compression: Option<CompressionFormat>,
        checksum: Option<Checksum>,
        role: SourceRole,
    ) -> SourceRecipe {
        let (location, origin) = (self.value, Some(self.span));
        SourceRecipe { compression, checksum, origin, ..SourceRecipe::new(location, role) }
    }
}
