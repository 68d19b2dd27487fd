//! `diskette attest`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use diskette_builder::attestation::attach::attach_attestation;
use diskette_builder::attestation::packages::compose_package_list;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::image_documents::{PlatformImage, read_documents};
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::sbom::document::{DocumentFormat, DocumentSubject};
use diskette_builder::signature::key::PrivateKey;
use diskette_builder::signature::statement::Predicate;
use serde_json::Value;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::predicate_type::parse_predicate_type;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::signing::SignFormat;
use crate::assembly::creation_time;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::{open_file, read_at_most};
use crate::images::beside::BesideImage;
use crate::images::inventory::{Spool, read_checked_inventory};
use crate::images::subject::choose_platform;
use crate::keys::read_private_key;
use crate::ui::Ui;
use crate::ui::progress::{ProgressMode, ProgressView};

/// The longest predicate in bytes.
const PREDICATE_LEN_MAX: usize = 16 << 20;

/// Attach an attestation to an image in a registry or a layout: a list of its packages, or what a
/// file says.
///
/// With `--key` it is signed, as `cosign attest` does; without, it is a referrer of the image. What
/// is attached to the image already stays.
#[derive(Debug, Args)]
pub(crate) struct AttestArguments {
    /// The image: quay.io/me/fedora:42, or oci:DIR:TAG
    #[arg(value_name = "IMAGE", value_parser = parse_source)]
    image: ImageLocation,

    /// List the packages in the disk of each platform, in this format
    #[arg(long, value_name = "FORMAT", required_unless_present = "predicate")]
    sbom: Option<SbomFormat>,

    /// Attach what this JSON file says; - for standard input
    #[arg(long, value_name = "FILE", requires = "kind", conflicts_with = "sbom")]
    predicate: Option<PathBuf>,

    /// Type of what the file says: slsaprovenance1, spdxjson, cyclonedx, openvex, vuln, or a URI
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_predicate_type)]
    #[arg(requires = "predicate")]
    kind: Option<String>,

    /// Attach it to the image of this platform, e.g. linux/arm64 [default: with --sbom all, else
    /// the index]
    #[arg(long)]
    platform: Option<Platform>,

    /// The disk of an artifact, by the name of its volume or file [default: its only disk]
    #[arg(long, value_name = "NAME", requires = "sbom")]
    disk: Option<String>,

    /// The private key: a PEM file (PKCS #8, EC, RSA, Ed25519, or encrypted by cosign), or
    /// `env://VARIABLE`
    #[arg(long, value_name = "FILE")]
    key: Option<String>,

    /// Read the password of the key from this file [default: `COSIGN_PASSWORD` of the environment]
    #[arg(long, value_name = "FILE", requires = "key")]
    key_password_file: Option<PathBuf>,

    /// Where a signed attestation is kept
    #[arg(long, value_name = "FORMAT", default_value = "tag", requires = "key")]
    sign_format: SignFormat,

    /// Directory for the temporary file of a disk that can be read only from front to back
    /// [default: $TMPDIR, else /tmp]
    #[arg(long, value_name = "DIR", requires = "sbom")]
    spool: Option<PathBuf>,

    /// Print only the digest
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    registry: RegistryArguments,
}

/// A format of a list of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SbomFormat {
    /// SPDX 2.3
    Spdx,
    /// CycloneDX 1.6
    #[value(name = "cyclonedx")]
    CycloneDx,
}

impl From<SbomFormat> for DocumentFormat {
    fn from(format: SbomFormat) -> Self {
        match format {
            SbomFormat::Spdx => Self::Spdx,
            SbomFormat::CycloneDx => Self::CycloneDx,
        }
    }
}

pub(crate) fn run(
    arguments: &AttestArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let password = arguments.key_password_file.as_deref();
    let key = arguments.key.as_ref();
    let key = key.map(|key| read_private_key(key, password, environment)).transpose()?;
    let file = arguments.read_predicate()?;
    let mode = if arguments.quiet { ProgressMode::None } else { ProgressMode::Plain };
    let progress = ui.progress(mode)?;
    let uses = RegistryUse::default().reads_from(&arguments.image).writes_to(&arguments.image);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let beside = BesideImage::find(&arguments.image, &registry, "attested")?;
    let attester = Attester { arguments, beside: &beside, key: key.as_ref(), ui };
    match file {
        Some(predicate) => attester.attach_file(&predicate)?,
        None => attester.attach_packages(environment, &progress)?,
    }
    progress.end();
    Ok(ui.print_result(format!("{}\n", beside.subject.root.digest).as_bytes())?)
}

impl AttestArguments {
    /// Reads what the file says, if there is one.
    fn read_predicate(&self) -> Result<Option<Predicate>, CommandError> {
        let Some((path, kind)) = self.predicate.as_deref().zip(self.kind.as_deref()) else {
            return Ok(None);
        };
        let shown = path.display();
        let path = if path.as_os_str() == "-" { "/dev/stdin".as_ref() } else { path };
        let bytes = open_file(path).and_then(|file| read_at_most(file, PREDICATE_LEN_MAX));
        let bytes = bytes.map_err(cannot("read", &shown))?;
        if bytes.len() > PREDICATE_LEN_MAX {
            let limit = PREDICATE_LEN_MAX >> 20;
            return Err(Diagnostic::new(format!("`{shown}` is longer than {limit} MiB")).into());
        }
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| Diagnostic::new(format!("`{shown}` is not JSON: {error}")))?;
        if !value.is_object() {
            let message = format!("`{shown}` is not a JSON object, as what an attestation says is");
            return Err(Diagnostic::new(message).into());
        }
        Ok(Some(Predicate { kind: kind.to_owned(), value }))
    }
}

/// Attaches attestations to an image.
struct Attester<'a> {
    arguments: &'a AttestArguments,
    beside: &'a BesideImage<'a>,
    key: Option<&'a PrivateKey>,
    ui: &'a Ui,
}

impl Attester<'_> {
    fn attach_file(&self, predicate: &Predicate) -> Result<(), CommandError> {
        let subject = &self.beside.subject;
        if self.arguments.platform.is_none() {
            return self.attach(&subject.root, "the image", predicate);
        }
        let documents = read_documents(&*subject.images, subject.root.clone())?;
        let platform = self.arguments.platform.as_ref();
        let image = choose_platform(&documents, platform, &self.arguments.image)?;
        self.attach(&image.manifest, &part_name(image), predicate)
    }

    /// Attaches lists of the packages in the disks of all platforms, or of one.
    fn attach_packages(
        &self,
        environment: &Environment,
        progress: &ProgressView,
    ) -> Result<(), CommandError> {
        let Some(format) = self.arguments.sbom else { return Ok(()) };
        let created = creation_time(environment, None, None)?;
        let spool = self.arguments.spool.as_deref().unwrap_or(&environment.temporary);
        let spool = Spool::open(spool)?;
        let subject = &self.beside.subject;
        let documents = read_documents(&*subject.images, subject.root.clone())?;
        let chosen: Vec<&PlatformImage> = match &self.arguments.platform {
            None => documents.without_attestations().collect(),
            wanted => vec![choose_platform(&documents, wanted.as_ref(), &self.arguments.image)?],
        };
        let name = self.arguments.image.to_string();
        // All are read before the first is written.
        let mut all = Vec::new();
        for image in chosen {
            let read = read_checked_inventory(
                image,
                (&*subject.images, &name),
                self.arguments.disk.as_deref(),
                &spool,
                progress,
            )?;
            let digest = image.manifest.digest.to_string();
            let about = DocumentSubject {
                name: &name,
                disk: read.disk.as_deref(),
                version: Some(&digest),
                created: Some(created),
            };
            let list = compose_package_list(&read.inventory, format.into(), &about);
            all.push((image, list.map_err(cannot("describe", &name))?));
        }
        all.iter().try_for_each(|(image, predicate)| {
            self.attach(&image.manifest, &part_name(image), predicate)
        })
    }

    fn attach(
        &self,
        image: &Document,
        part: &str,
        predicate: &Predicate,
    ) -> Result<(), CommandError> {
        let names: Vec<Reference> =
            self.beside.reference(&self.arguments.image).into_iter().collect();
        let key = self.key.map(|key| (key, self.arguments.sign_format.into()));
        attach_attestation(image, predicate, &*self.beside.sink, &names, key)?;
        if !self.arguments.quiet {
            let kind = predicate.kind.escape_debug();
            self.ui.print_line(&format!("attested: {part} {}, {kind}", image.digest));
        }
        Ok(())
    }
}

/// Returns what the image of a platform is called in messages.
fn part_name(image: &PlatformImage) -> String {
    image.declared.as_ref().map_or_else(|| "the image".into(), ToString::to_string)
}
