//! `diskette sign`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::signature::identity::signed_name;
use diskette_builder::signature::sign::{SignOutcome, SigningRequest, sign_image};

use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::registry::RegistryArguments;
use crate::arguments::signing::{SignFormat, parse_identity, signed_identity};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::images::beside::BesideImage;
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

    /// Where the signatures are kept
    #[arg(long, value_name = "FORMAT", default_value = "tag")]
    sign_format: SignFormat,

    /// Name that the image is signed for: a repository, or an image in it [default: the name of
    /// the image]
    #[arg(long, value_name = "NAME", value_parser = parse_identity)]
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
    let beside = BesideImage::find(&arguments.image, &registry, "signed")?;
    let name = match &arguments.identity {
        Some(given) => signed_identity(given),
        None => signed_name(&beside.reference(&arguments.image).ok_or_else(|| {
            let message = format!("the name that `{}` is signed for is missing", arguments.image);
            let help = "name it with `--identity`, e.g. `--identity quay.io/me/fedora:42`";
            CommandError::Usage(Diagnostic::new(message).help(help))
        })?),
    };
    let request = SigningRequest {
        key: &key,
        identities: &BTreeSet::from([name]),
        repository: beside.repository.as_ref(),
        format: arguments.sign_format.into(),
    };
    arguments.sign(&beside, &request, ui)
}

impl SignArguments {
    fn sign(
        &self,
        beside: &BesideImage<'_>,
        request: &SigningRequest<'_>,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let BesideImage { subject, sink, .. } = beside;
        let root = &subject.root;
        for (subject, outcome) in sign_image(root, &*subject.images, &**sink, request)? {
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
