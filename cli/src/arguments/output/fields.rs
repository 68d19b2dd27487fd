//! *Fields* of an output in the words of docker buildx and buildah: `type=oci,dest=FILE`
//! (<https://docs.docker.com/reference/cli/docker/buildx/build/#output>).

use clap::ValueEnum as _;
use diskette_builder::oci::image::location::{LocalImage, StoreKind};

use super::{BuildOutput, ImageFields, OutputTarget};
use crate::arguments::annotation::{Annotation, LEVELS, is_level_name};
use crate::arguments::compression::CompressionKind;
use crate::arguments::image_format::FormatKind;
use crate::arguments::image_name::parse_reference;

/// Returns whether the text is a list of fields.
pub(super) fn is_field_list(text: &str) -> bool {
    text.split(',').any(|field| field.trim().starts_with("type="))
}

/// The fields of an output.
#[derive(Debug, Default)]
struct OutputFields {
    kind: String,
    dest: Option<String>,
    name: Option<String>,
    is_layout: bool,
    push: bool,
    image: ImageFields,
}

/// Parses a list of fields.
pub(super) fn parse_field_list(text: &str) -> Result<BuildOutput, String> {
    let mut fields = OutputFields::default();
    for field in split_fields(text) {
        fields.set(&field)?;
    }
    let target = fields.target()?;
    let image = fields.image;
    if image.by_digest && matches!(target, OutputTarget::Local(_)) {
        return Err("`push-by-digest` is for `type=image` and `type=registry`".into());
    }
    Ok(BuildOutput { target, image })
}

/// Splits a record of CSV: a field in quotes may have commas.
fn split_fields(text: &str) -> Vec<String> {
    let (mut fields, mut is_quoted) = (vec![String::new()], false);
    for letter in text.chars() {
        match (letter, fields.last_mut()) {
            ('"', _) => is_quoted = !is_quoted,
            (',', _) if !is_quoted => fields.push(String::new()),
            (letter, Some(field)) => field.push(letter),
            (_, None) => {}
        }
    }
    fields.into_iter().map(|field| field.trim().to_owned()).collect()
}

impl OutputFields {
    fn set(&mut self, field: &str) -> Result<(), String> {
        let (key, value) = field.split_once('=').unwrap_or((field, "true"));
        match (key, value) {
            ("type", _) => value.clone_into(&mut self.kind),
            ("dest", "") => return Err("a path is missing".into()),
            ("dest", _) => self.dest = Some(value.to_owned()),
            ("name", _) => self.name = Some(value.to_owned()),
            ("tar", _) => self.is_layout = !parse_bool(key, value)?,
            ("push", _) => self.push = parse_bool(key, value)?,
            ("push-by-digest", _) => self.image.by_digest = parse_bool(key, value)?,
            ("oci-mediatypes", _) => {
                let is_oci = parse_bool(key, value)?;
                self.set_format(if is_oci { FormatKind::Oci } else { FormatKind::Docker })?;
            }
            ("format", _) => self.set_format(parse_format(value)?)?,
            ("compression", _) => self.image.compression = Some(parse_compression(value)?),
            ("compression-level", _) => {
                let level = value.parse();
                let level = level.map_err(|_| format!("`{value}` is not a compression level"))?;
                self.image.level = Some(level);
            }
            // What the image has anyway: the digest is always printed, and files have one time.
            (
                "force-compression" | "unpack" | "store" | "name-canonical" | "rewrite-timestamp",
                _,
            ) => {
                parse_bool(key, value)?;
            }
            _ if key.starts_with("annotation") => {
                self.image.annotations.push(parse_annotation(field)?);
            }
            _ => {
                return Err(format!(
                    "`{field}` is not supported; `type`, `dest`, `name`, `tar`, `push`, \
                     `push-by-digest`, `compression`, `compression-level`, `format`, \
                     `oci-mediatypes` and `annotation.KEY` are"
                ));
            }
        }
        Ok(())
    }

    /// Sets the format. An artifact has the media types of OCI.
    fn set_format(&mut self, format: FormatKind) -> Result<(), String> {
        self.image.format = Some(match self.image.format {
            Some(old) if old != format => match (old, format) {
                (FormatKind::Docker, _) | (_, FormatKind::Docker) => {
                    return Err("`format` and `oci-mediatypes` disagree".into());
                }
                _ => FormatKind::Artifact,
            },
            _ => format,
        });
        Ok(())
    }

    fn target(&self) -> Result<OutputTarget, String> {
        let stream = self.dest.as_deref().unwrap_or("-");
        let local = |store, path: &str| {
            let name = self.name.clone();
            Ok(OutputTarget::Local(LocalImage { store, path: path.into(), name }))
        };
        match (self.kind.as_str(), self.dest.as_deref()) {
            ("oci", Some(path)) if self.is_layout => local(StoreKind::Layout, path),
            ("oci", None) if self.is_layout => Err("a layout needs `dest=DIR`".into()),
            ("oci", _) => local(StoreKind::OciArchive, stream),
            ("docker", _) => local(StoreKind::DockerArchive, stream),
            ("image", _) if !self.push => {
                Err("`type=image` needs `push=true`: there is no local store".into())
            }
            ("image" | "registry", _) => {
                let names = self.name.as_deref().unwrap_or_default().split(',').map(str::trim);
                let names = names.filter(|name| !name.is_empty()).map(parse_reference);
                names.collect::<Result<_, _>>().map(OutputTarget::Registries)
            }
            (kind @ ("local" | "tar"), _) => Err(format!(
                "`type={kind}` writes files, not an image; use `type=oci`, or `diskette extract`"
            )),
            (kind, _) => Err(format!(
                "`type={kind}` is not supported; `oci`, `docker`, `image` and `registry` are"
            )),
        }
    }
}

fn parse_bool(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("`{key}` is `true` or `false`, not `{value}`")),
    }
}

fn parse_compression(value: &str) -> Result<CompressionKind, String> {
    let name = if value == "uncompressed" { "none" } else { value };
    CompressionKind::from_str(name, false).map_err(|_| {
        format!("`compression={value}` is not supported; `gzip`, `zstd`, `zstd:chunked` and `uncompressed` are")
    })
}

fn parse_format(value: &str) -> Result<FormatKind, String> {
    FormatKind::from_str(value, false).map_err(|_| {
        format!("`format={value}` is not supported; `oci`, `docker` and `artifact` are")
    })
}

/// Parses `annotation.KEY=VALUE`, `annotation-LEVEL.KEY=VALUE` or `annotation-LEVEL[PLATFORM].KEY=VALUE`;
/// without a level it is the manifest.
fn parse_annotation(field: &str) -> Result<Annotation, String> {
    let (level, rest) = field.split_once('.').ok_or("`annotation.KEY=VALUE` is expected")?;
    let level = level.strip_prefix("annotation").unwrap_or(level);
    let level = match level.strip_prefix('-') {
        Some(level) => level.to_owned(),
        None => format!("manifest{level}"),
    };
    if !is_level_name(level.split('[').next().unwrap_or_default()) {
        return Err(format!("`{level}` is not a level; {LEVELS} are"));
    }
    format!("{level}:{rest}").parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        assert!(is_field_list(text), "{text}");
        let found = parse_field_list(text).map(|output| output.target.to_string());
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn fields_are_read_as_buildx_reads_them() {
        check("type=oci,dest=a.tar", Ok("oci-archive:a.tar"));
        check("type=oci", Ok("oci-archive:-"));
        check("dest=a,tar=false,type=oci", Ok("oci:a"));
        check(
            "type=oci, dest=a.tar ,oci-mediatypes=true,compression=gzip",
            Ok("oci-archive:a.tar"),
        );
        check("type=oci,\"dest=a,b.tar\"", Ok("oci-archive:a,b.tar"));
        check("type=docker,dest=a.tar", Ok("docker-archive:a.tar"));
        check("type=registry,name=q.io/me/a:1", Ok("q.io/me/a:1"));
        check("type=image,name=q.io/me/a:1,push=true", Ok("q.io/me/a:1"));
        check("type=registry", Ok("registry"));
        check("type=image,push,\"name=q.io/a,q.io/b\"", Ok("q.io/a:latest,q.io/b:latest"));
        check(
            "type=image,name=q.io/me/a:1",
            Err("`type=image` needs `push=true`: there is no local store"),
        );
        check(
            "type=local,dest=x",
            Err("`type=local` writes files, not an image; use `type=oci`, or `diskette extract`"),
        );
        check("type=oci,dest=", Err("a path is missing"));
        check("type=oci,tar=false", Err("a layout needs `dest=DIR`"));
        check(
            "type=containerd",
            Err("`type=containerd` is not supported; `oci`, `docker`, `image` and `registry` are"),
        );
    }

    #[test]
    fn fields_that_are_wrong_are_errors() {
        check(
            "type=registry,name=q.io/A",
            Err("the repository `A` has upper-case letters; it looks like `quay.io/me/fedora:42`"),
        );
        check(
            "type=oci,push-by-digest=yes",
            Err("`push-by-digest` is `true` or `false`, not `yes`"),
        );
        check(
            "type=oci,push-by-digest=true",
            Err("`push-by-digest` is for `type=image` and `type=registry`"),
        );
        check(
            "type=oci,compression=estargz",
            Err(
                "`compression=estargz` is not supported; `gzip`, `zstd`, `zstd:chunked` and `uncompressed` are",
            ),
        );
        check(
            "type=oci,format=squashfs",
            Err("`format=squashfs` is not supported; `oci`, `docker` and `artifact` are"),
        );
        check(
            "type=oci,format=artifact,oci-mediatypes=false",
            Err("`format` and `oci-mediatypes` disagree"),
        );
        check("type=oci,compression-level=x", Err("`x` is not a compression level"));
        check("type=oci,annotation=x", Err("`annotation.KEY=VALUE` is expected"));
        check(
            "type=oci,annotation-layer.a=b",
            Err("`layer` is not a level; `index`, `manifest` and `manifest-descriptor` are"),
        );
        check(
            "type=oci,tarball=x",
            Err("`tarball=x` is not supported; `type`, `dest`, `name`, `tar`, `push`, \
                 `push-by-digest`, `compression`, `compression-level`, `format`, \
                 `oci-mediatypes` and `annotation.KEY` are"),
        );
    }

    #[test]
    fn fields_say_how_the_image_is_made() {
        let check = |text: &str, expected: ImageFields| {
            assert_eq!(parse_field_list(text).map(|it| it.image), Ok(expected), "{text}");
        };
        check("type=oci", ImageFields::default());
        check("type=oci,name-canonical=true,force-compression=true", ImageFields::default());
        check(
            "type=image,push=true,push-by-digest=true,name-canonical=true",
            ImageFields { by_digest: true, ..ImageFields::default() },
        );
        check(
            "type=oci,compression=uncompressed",
            ImageFields { compression: Some(CompressionKind::None), ..ImageFields::default() },
        );
        check(
            "type=oci,compression=zstd,compression-level=9,oci-mediatypes=false",
            ImageFields {
                compression: Some(CompressionKind::Zstd),
                level: Some(9),
                format: Some(FormatKind::Docker),
                ..ImageFields::default()
            },
        );
        let formatted = |format| ImageFields { format: Some(format), ..ImageFields::default() };
        check("type=oci,format=artifact", formatted(FormatKind::Artifact));
        check("type=oci,format=docker,oci-mediatypes=false", formatted(FormatKind::Docker));
        check("type=oci,oci-mediatypes=true,format=artifact", formatted(FormatKind::Artifact));
        let annotated = |text: &str| ImageFields {
            annotations: vec![text.parse().unwrap()],
            ..ImageFields::default()
        };
        check("type=oci,annotation.org.example.a=b", annotated("manifest:org.example.a=b"));
        check("type=oci,annotation-index.a=b=c", annotated("index:a=b=c"));
        check(
            "type=oci,annotation-manifest-descriptor[linux/arm64].a=b",
            annotated("manifest-descriptor[linux/arm64]:a=b"),
        );
        check("type=oci,annotation[linux/arm64].a=b", annotated("manifest[linux/arm64]:a=b"));
    }
}
