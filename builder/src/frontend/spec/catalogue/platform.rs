//! One *platform* of an image that follows a release: where its disk is published, and the rest of its image.

use std::collections::BTreeMap;

use crate::cluster::disk_artifact::ArtifactKind;
use crate::cluster::kubernetes::labels_from_env;
use crate::disk::archived_disk_name;
use crate::frontend::artifact;
use crate::frontend::spec::content::{PlatformSpec, SpecPlatforms};
use crate::frontend::spec::disk_name::DiskName;
use crate::frontend::spec::located::{Located, LocatedText};
use crate::frontend::spec::lower::{layer_of_disk, lower_without_disk, parse_platform};
use crate::frontend::spec::release::ReleaseSpec;
use crate::frontend::spec::types::Spec;
use crate::frontend::spec::upstream::lower_release;
use crate::oci::image::config::ImageConfig;
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{
    ArchivedDisk, DiskRequest, DownloadDetails, PlatformRecipe, RecipeStep, SourceLocation,
    SourceRecipe, SourceRole,
};
use crate::upstream::{UpstreamDisk, UpstreamSource, UrlRewrite};

/// One platform of an image that follows a release.
#[derive(Debug, Clone)]
pub struct CataloguePlatform {
    /// The platform.
    pub platform: Platform,
    /// Where the disk is published.
    pub release: UpstreamSource,
    /// Recipe of the image, without its disk.
    pub recipe_without_disk: PlatformRecipe,
    /// Span of the release's definition, for messages.
    pub origin: Span,
}

impl CataloguePlatform {
    /// Returns the labels that CDI makes of the image's environment: the instance type, the preference.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let config = self.recipe_without_disk.config.image();
        let env = config.into_iter().flat_map(ImageConfig::env);
        let env: Vec<String> = env.map(|(name, value)| format!("{name}={value}")).collect();
        labels_from_env(env.iter().map(String::as_str))
    }

    /// Returns the recipe of the image with this disk. Adds a warning if the disk is renamed.
    pub(crate) fn recipe_with_disk(
        &self,
        disk: &UpstreamDisk,
        rewrites: &[UrlRewrite],
        warnings: &mut Vec<Diagnostic>,
    ) -> PlatformRecipe {
        let at = |url: &str| UrlRewrite::rewrite_url(rewrites, url);
        let location = SourceLocation::Url(at(&disk.url));
        let file = location.file_name();
        // A compressed archive is recognized when it is opened.
        let archived = archived_disk_name(file);
        let compression = disk.compression.filter(|_| archived.is_none());
        let stem = compression.map_or(file, |format| format.strip_suffix(file));
        let name = archived.as_deref().unwrap_or(stem);
        let path = DiskName::of_release(name, self.origin.clone()).choose_path(warnings);
        let source = SourceRecipe {
            compression,
            disk: archived.as_ref().map(|_| {
                let archived = Some(ArchivedDisk::Default);
                Box::new(DiskRequest { archived, ..DiskRequest::default() })
            }),
            checksum: Some(disk.checksum.clone()),
            origin: Some(self.origin.clone()),
            download: Some(Box::new(DownloadDetails {
                mirrors: disk.mirrors.iter().map(|mirror| at(mirror)).collect(),
                size: disk.size,
                decompressed: disk.uncompressed_checksum.clone(),
                release: Some(disk.release()),
                ..DownloadDetails::default()
            })),
            ..SourceRecipe::new(location, SourceRole::Disk)
        };
        let mut recipe = self.recipe_without_disk.clone();
        let layer = match ArtifactKind::of(&recipe) {
            None => layer_of_disk(path, source),
            Some(_) => artifact::layer_of_disk(&path, source),
        };
        recipe.steps.insert(0, RecipeStep::Layer(layer));
        recipe
    }
}

/// Returns the names of the groups that are in the patterns of all platforms.
pub(super) fn common_groups(platforms: &[CataloguePlatform]) -> Vec<String> {
    let names = |entry: &CataloguePlatform| {
        let pattern = entry.release.file.as_ref()?.to_regex(&entry.platform).ok()?;
        Some(pattern.capture_names().flatten().map(str::to_owned).collect::<Vec<_>>())
    };
    let mut all = platforms.iter().map(|entry| names(entry).unwrap_or_default());
    let first = all.next().unwrap_or_default();
    let rest: Vec<Vec<String>> = all.collect();
    first.into_iter().filter(|name| rest.iter().all(|other| other.contains(name))).collect()
}

/// Returns the platforms with the sources of their disks.
pub(super) fn lower_platforms(
    spec: &Spec,
    release: &Located<ReleaseSpec>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<CataloguePlatform> {
    let listed: Vec<(&LocatedText, Option<&PlatformSpec>)> = match &spec.platforms {
        None => Vec::new(),
        Some(SpecPlatforms::Names(names)) => names.value.iter().map(|name| (name, None)).collect(),
        Some(SpecPlatforms::Each(each)) => {
            each.value.0.iter().map(|(name, own)| (name, Some(own))).collect()
        }
    };
    let mut found: Vec<CataloguePlatform> = Vec::new();
    for (name, own) in listed {
        if let Some(path) = own.and_then(|own| own.path.as_ref()) {
            problems.push(
                Diagnostic::new("the disk of an image that follows a release is in `/disk`")
                    .at(path.span.clone())
                    .help("remove `path`"),
            );
        }
        if own.is_some_and(|own| own.disk.is_some()) {
            problems.push(
                Diagnostic::new("an image that follows a release has no disks of its own")
                    .at(name.span.clone())
                    .help("list the platforms alone: `platforms: [linux/amd64, linux/arm64]`"),
            );
        }
        let Some(platform) = parse_platform(name, problems) else { continue };
        if found.iter().any(|other| other.platform == platform) {
            problems.push(
                Diagnostic::new(format!("the platform `{platform}` is given twice"))
                    .at(name.span.clone())
                    .help("remove one"),
            );
            continue;
        }
        let changes = own.and_then(|own| own.release.as_ref());
        let Some(source) = lower_release(&release.value, changes, problems) else { continue };
        let mut rest = lower_without_disk(platform.clone(), spec, own, problems);
        if spec.is_disk_artifact() {
            // The settings of an image were reported.
            let own =
                own.iter().flat_map(|own| own.for_containers.iter().chain(&own.for_compressed));
            problems.extend(own.cloned());
            artifact::make_artifact(&mut rest);
        }
        let origin = changes.map_or(&release.span, |changes| &changes.span).clone();
        found.push(CataloguePlatform {
            platform,
            release: source,
            recipe_without_disk: rest,
            origin,
        });
    }
    found
}
