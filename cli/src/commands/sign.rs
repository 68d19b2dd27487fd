//! `diskette sign`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use diskette_builder::oci::image::location::{ImageLocation, LocalImage, StoreKind};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::sink::Sink;
use diskette_builder::oci::store::LayoutSink;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{RegistryClient, RegistryImages, RegistrySink};
use diskette_builder::signature::identity::signed_name;
use diskette_builder::signature::key::PrivateKey;
use diskette_builder::signature::sign::{SignOutcome, SigningRequest, sign_image};

use super::tag::archive_error;
use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::{parse_reference, parse_source};
use crate::arguments::registry::RegistryArguments;
use crate::arguments::signing::signed_identity;
use crate::environment::Environment;
use crate::error::{CommandError, cannot, storage_error};
use crate::files::open_dir;
use crate::images::subject::ImageSubject;
use crate::keys::read_private_key;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Sign an image in a registry or a layout, as cosign does.
///
/// Signs the index and the image of each platform: nodes check only the image of their platform. A
/// signature is added to those that exist; one of the same name by the same key is not added again.
#[derive(Debug, Args)]
pub(crate) struct SignArguments {
    /// The image: quay.io/me/fedora:42, or oci:DIR:TAG
    #[arg(value_name = "IMAGE", value_parser = parse_source)]
    image: ImageLocation,

    /// The private key: a PEM file (PKCS #8, EC, RSA, Ed25519, or encrypted by cosign), or
    /// `env://VARIABLE`
    #[arg(long, value_name = "FILE")]
    key: String,

    /// Read the password of the key from this file [default: `COSIGN_PASSWORD` of the environment]
    #[arg(long, value_name = "FILE")]
    key_password_file: Option<PathBuf>,

    /// Name that the image is signed for: a repository, or an image in it [default: the name of
    /// the image]
    #[arg(long, value_name = "NAME", value_parser = parse_reference)]
    identity: Option<Reference>,

    /// Print only the digest
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &SignArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let password = arguments.key_password_file.as_deref();
    let key = read_private_key(&arguments.key, password, environment)?;
    let progress = ui.progress(ProgressMode::Plain)?;
    let uses = RegistryUse::default().reads_from(&arguments.image).writes_to(&arguments.image);
    let registry = arguments.registry.registry(environment, progress, &uses)?;
    match &arguments.image {
        ImageLocation::Registry(name) => arguments.sign_in_registry(name, &registry, &key, ui),
        ImageLocation::Local(local) if local.store != StoreKind::Layout => {
            Err(archive_error("signed"))
        }
        ImageLocation::Local(local) => arguments.sign_in_layout(local, &registry, &key, ui),
    }
}

impl SignArguments {
    fn sign_in_registry(
        &self,
        name: &Reference,
        registry: &RegistryClient,
        key: &PrivateKey,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        // Mirrors are not asked: a signature belongs beside the image that it was made for.
        let repository = registry.target_repository(name).map_err(storage_error)?;
        let subject =
            ImageSubject::find_among(Box::new(RegistryImages::new(vec![repository])), &self.image)?;
        let identity = self.identity.as_ref().unwrap_or(name);
        let identities = BTreeSet::from([self.signed_identity(identity)]);
        let request = SigningRequest { key, identities: &identities, repository: Some(name) };
        self.sign(&subject, &RegistrySink::new(registry, 1), &request, ui)
    }

    fn sign_in_layout(
        &self,
        local: &LocalImage,
        registry: &RegistryClient,
        key: &PrivateKey,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let subject = ImageSubject::find(&self.image, registry)?;
        let of_layout =
            || subject.images.names_of(subject.root.digest).first()?.parse::<Reference>().ok();
        let identity = self.identity.clone().or_else(|| self.image.reference());
        let identity = identity.or_else(of_layout).ok_or_else(|| {
            let message = format!("the name that `{}` is signed for is missing", self.image);
            let help = "name it with `--identity`, e.g. `--identity quay.io/me/fedora:42`";
            CommandError::Usage(Diagnostic::new(message).help(help))
        })?;
        let path = local.path.display().to_string();
        let dir = open_dir(&local.path).map_err(cannot("open the layout", &path))?;
        let sink = LayoutSink::open(dir, &path)?;
        let identities = BTreeSet::from([self.signed_identity(&identity)]);
        let request = SigningRequest { key, identities: &identities, repository: None };
        self.sign(&subject, &sink, &request, ui)
    }

    /// Returns the name that the image is signed for. One of `--identity` may be a repository.
    fn signed_identity(&self, name: &Reference) -> String {
        self.identity.as_ref().map_or_else(|| signed_name(name), signed_identity)
    }

    fn sign(
        &self,
        subject: &ImageSubject<'_>,
        sink: &dyn Sink,
        request: &SigningRequest<'_>,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let (root, name) = (&subject.root, self.image.to_string());
        for (subject, outcome) in sign_image(root, &name, &*subject.images, sink, request)? {
            let what = match outcome {
                SignOutcome::Added => "signed",
                SignOutcome::Existed => "already signed",
            };
            if !self.quiet {
                ui.print_line(&format!("{what}: {subject} {}", subject.digest));
            }
        }
        Ok(ui.print_result(format!("{}\n", root.digest).as_bytes())?)
    }
}
