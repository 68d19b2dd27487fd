//! `diskette referrers`.

use clap::Args;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::progress::Progress as _;
use diskette_builder::oci::referrers::{Referrer, find_subjects, list_referrers};
use serde_json::{Value, json};

use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::list_format::ListFormat;
use crate::arguments::registry::RegistryArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::subject::ImageSubject;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// List what refers to an image: signatures, SBOMs, disks.
///
/// Lists the manifests and indexes whose `subject` is the image or the image of one of its platforms, one per line: the
/// platform (or `index`, `manifest`), the artifact type and the digest. A registry without the referrers API is asked for the
/// tag sha256-DIGITS.
#[derive(Debug, Args)]
pub(crate) struct ReferrersArguments {
    /// The image: quay.io/me/fedora:42, oci:DIR:TAG, or oci-archive:FILE:TAG
    #[arg(value_name = "IMAGE", value_parser = parse_source)]
    image: ImageLocation,

    /// List only what refers to this platform's image, e.g. linux/arm64
    #[arg(long)]
    platform: Option<Platform>,

    /// List only referrers of this type, e.g. application/spdx+json
    #[arg(long, value_name = "TYPE")]
    artifact_type: Option<String>,

    /// Output format
    #[arg(long = "output-format", alias = "format")]
    #[arg(value_name = "FORMAT", default_value = "text")]
    format: ListFormat,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &ReferrersArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = ui.progress(ProgressMode::Plain)?;
    let uses = RegistryUse::default().reads_from(&arguments.image);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let ImageSubject { images, root } = ImageSubject::find(&arguments.image, &registry)?;
    let (platform, name) = (arguments.platform.as_ref(), arguments.image.to_string());
    let mut found = Vec::new();
    for subject in find_subjects(&*images, &root, platform, &name)? {
        if progress.is_cancelled() {
            return Err(CommandError::Interrupted);
        }
        let all = list_referrers(&*images, &subject)?.into_iter();
        let is_meant = |it: &Referrer| {
            arguments.artifact_type.as_ref().is_none_or(|kind| *kind == it.artifact_type())
        };
        found.extend(all.filter(is_meant));
    }
    match arguments.format {
        ListFormat::Text => ui.print_text(&found.iter().map(line).collect::<String>())?,
        ListFormat::Json => {
            let all = Value::Array(found.iter().map(object).collect());
            ui.print_json(&format!("{all:#}\n"))?;
        }
    }
    Ok(())
}

fn line(referrer: &Referrer) -> String {
    let kind = referrer.artifact_type();
    let kind = if kind.is_empty() { "-" } else { kind };
    let (kind, digest) = (kind.escape_debug(), referrer.descriptor.digest);
    format!("{}\t{kind}\t{digest}\n", referrer.subject)
}

fn object(referrer: &Referrer) -> Value {
    let Referrer { subject, descriptor } = referrer;
    json!({ "subject": subject.digest.to_string(), "platform": subject.platform.as_ref().map(Platform::to_string), "digest": descriptor.digest.to_string(), "media_type": descriptor.media_type, "size": descriptor.size, "artifact_type": descriptor.artifact_type, "annotations": descriptor.annotations, })
}
