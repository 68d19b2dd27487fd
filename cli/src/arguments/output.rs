//! The *outputs* of a build: where its images are written, and what the fields of an output say of
//! how they are made.

use std::fmt;

use diskette_builder::oci::image::location::{ImageLocation, LocalImage, NameUse, StoreKind};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::PublishedNames;

use self::fields::{is_field_list, parse_field_list};
use super::annotation::Annotation;
use super::compression::CompressionKind;
use super::image_format::FormatKind;
use super::image_name::find_path;
use crate::error::CommandError;

mod fields;

/// One output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuildOutput {
    pub(crate) target: OutputTarget,
    pub(crate) image: ImageFields,
}

/// Where an output is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputTarget {
    /// A layout or an archive.
    Local(LocalImage),
    /// The registries of these names; without any, those of the names of the image.
    Registries(Vec<Reference>),
}

/// What an output says of the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageFields {
    /// Whether no tag is written.
    pub(crate) by_digest: bool,
    pub(crate) compression: Option<CompressionKind>,
    pub(crate) level: Option<u8>,
    pub(crate) format: Option<FormatKind>,
    pub(crate) annotations: Vec<Annotation>,
}

/// Parses a value of `-o`: the name of an image, or the fields of docker buildx and buildah.
pub(crate) fn parse_output(text: &str) -> Result<BuildOutput, String> {
    if is_field_list(text) {
        return parse_field_list(text);
    }
    let target = match ImageLocation::parse(text, NameUse::Output, &find_path)? {
        ImageLocation::Local(local) => OutputTarget::Local(local),
        ImageLocation::Registry(name) => OutputTarget::Registries(vec![name]),
    };
    Ok(BuildOutput { target, image: ImageFields::default() })
}

/// All outputs of a build.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BuildOutputs<'a>(pub(crate) &'a [BuildOutput]);

impl<'a> BuildOutputs<'a> {
    /// Returns the layout or archive, if there is one.
    pub(crate) fn local(self) -> Option<&'a LocalImage> {
        self.locals().next()
    }

    fn locals(self) -> impl Iterator<Item = &'a LocalImage> {
        self.0.iter().filter_map(|output| match &output.target {
            OutputTarget::Local(local) => Some(local),
            OutputTarget::Registries(_) => None,
        })
    }

    /// Returns whether an output is an archive.
    pub(crate) fn has_archive(self) -> bool {
        self.locals().any(|local| local.store != StoreKind::Layout)
    }

    /// Returns the names in registries that outputs have.
    pub(crate) fn names(self) -> impl Iterator<Item = &'a Reference> {
        self.0.iter().flat_map(|output| match &output.target {
            OutputTarget::Registries(names) => names.as_slice(),
            OutputTarget::Local(_) => &[],
        })
    }

    /// Returns whether an output is in a registry.
    pub(crate) fn is_pushed(self) -> bool {
        self.0.iter().any(|output| matches!(output.target, OutputTarget::Registries(_)))
    }

    /// Returns the names that images get in registries.
    pub(crate) fn published_names(self) -> PublishedNames {
        if self.0.iter().any(|output| output.image.by_digest) {
            PublishedNames::Digests
        } else {
            PublishedNames::Tags
        }
    }

    /// Returns the annotations of all outputs.
    pub(crate) fn annotations(self) -> impl Iterator<Item = &'a Annotation> {
        self.0.iter().flat_map(|output| &output.image.annotations)
    }

    /// Returns the value of an option that the fields of outputs set too. All must be the same: the
    /// image is made once.
    pub(crate) fn agreed<T: Copy + PartialEq>(
        self,
        option: &str,
        given: Option<T>,
        field: impl Fn(&ImageFields) -> Option<T>,
    ) -> Result<Option<T>, CommandError> {
        let mut values = given.into_iter().chain(self.0.iter().filter_map(|it| field(&it.image)));
        let first = values.next();
        if values.all(|value| Some(value) == first) {
            return Ok(first);
        }
        let diagnostic = Diagnostic::new(format!("`{option}` and the fields of `-o` disagree"));
        Err(CommandError::Usage(diagnostic.help("leave one of them out; an image is made once")))
    }

    /// Refuses outputs that cannot be written together.
    pub(crate) fn check(self) -> Result<(), CommandError> {
        let usage = |message: String, help: &str| {
            Err(CommandError::Usage(Diagnostic::new(message).help(help)))
        };
        let mut locals = self.locals();
        if let (Some(first), Some(second)) = (locals.next(), locals.next()) {
            let message =
                format!("`-o` names two outputs on this machine, `{first}` and `{second}`");
            return usage(message, "write one of them, and `diskette copy` it");
        }
        let is_by_digest = |output: &BuildOutput| output.image.by_digest;
        let registries = || {
            let outputs = self.0.iter();
            outputs.filter(|output| matches!(output.target, OutputTarget::Registries(_)))
        };
        if registries().any(is_by_digest) && !registries().all(is_by_digest) {
            let message = "`push-by-digest` is for all outputs in registries, or for none";
            return usage(message.into(), "build twice: unchanged layers are not built again");
        }
        Ok(())
    }
}

impl fmt::Display for OutputTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(local) => local.fmt(f),
            Self::Registries(names) if names.is_empty() => f.write_str("registry"),
            Self::Registries(names) => {
                let names: Vec<_> = names.iter().map(ToString::to_string).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(texts: &[&str]) -> Vec<BuildOutput> {
        texts.iter().map(|text| parse_output(text).unwrap()).collect()
    }

    #[test]
    fn outputs_parse() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let found = parse_output(text).map(|output| output.target.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        };
        check("out", Ok("oci:out"));
        check("oci:out:mytag", Ok("oci:out:mytag"));
        check("z.tar.gz", Ok("oci-archive:z.tar.gz"));
        check("-", Ok("oci-archive:-"));
        check("docker-archive:-", Ok("docker-archive:-"));
        check("quay.io/me/a:1", Ok("quay.io/me/a:1"));
        check("type=oci,dest=a.tar", Ok("oci-archive:a.tar"));
        check("dest=a,tar=true,type=oci", Ok("oci-archive:a"));
        check("type=oci,dest=a,tar=false", Ok("oci:a"));
        check("type=oci,dest=-", Ok("oci-archive:-"));
        check("type=oci", Ok("oci-archive:-"));
        check("type=oci,dest=", Err("a path is missing"));
        check("type=oci,tar=false", Err("a layout needs `dest=DIR`"));
    }

    #[test]
    fn outputs_are_written_together() {
        let check = |texts: &[&str], expected: Result<&str, &str>| {
            let outputs = outputs(texts);
            let outputs = BuildOutputs(&outputs);
            let found = outputs.check().map(|()| {
                let names: Vec<_> = outputs.names().map(ToString::to_string).collect();
                let local = outputs.local().map(ToString::to_string).unwrap_or_default();
                format!("{local} {} {:?}", names.join(","), outputs.published_names())
            });
            let found = found.map_err(|error| error.diagnostics()[0].message.clone());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{texts:?}");
        };
        check(&[], Ok("  Tags"));
        check(&["oci:a", "q.io/a:1", "q.io/b:1"], Ok("oci:a q.io/a:1,q.io/b:1 Tags"));
        check(
            &["a.tar", "type=image,push=true,push-by-digest=true,name=q.io/a"],
            Ok("oci-archive:a.tar q.io/a:latest Digests"),
        );
        check(
            &["oci:a", "b.tar"],
            Err("`-o` names two outputs on this machine, `oci:a` and `oci-archive:b.tar`"),
        );
        check(
            &["q.io/a:1", "type=registry,push-by-digest=true"],
            Err("`push-by-digest` is for all outputs in registries, or for none"),
        );
    }

    #[test]
    fn options_and_fields_agree() {
        let check = |given: Option<u8>, texts: &[&str], expected: Result<Option<u8>, &str>| {
            let outputs = outputs(texts);
            let found = BuildOutputs(&outputs).agreed("--compression-level", given, |it| it.level);
            let found = found.map_err(|error| error.diagnostics()[0].message.clone());
            assert_eq!(found, expected.map_err(str::to_owned), "{given:?} {texts:?}");
        };
        check(None, &["a.tar"], Ok(None));
        check(Some(3), &["a.tar"], Ok(Some(3)));
        check(None, &["type=oci,compression-level=4"], Ok(Some(4)));
        check(Some(4), &["type=oci,compression-level=4"], Ok(Some(4)));
        check(
            Some(3),
            &["type=oci,compression-level=4"],
            Err("`--compression-level` and the fields of `-o` disagree"),
        );
    }
}
