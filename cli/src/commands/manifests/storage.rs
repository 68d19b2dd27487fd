//! The options of volumes.

use clap::{Args, ValueEnum};
use diskette_builder::cluster::kubernetes::{
    AccessMode, ImportCron, ImportRetention, PullMethod, Quantity, QuantityError, VolumeStorage,
    parse_schedule, parse_subdomain_name,
};
use diskette_builder::recipe::diagnostic::Diagnostic;
use indicatif::HumanBytes;

use super::image::ManifestImage;
use crate::error::CommandError;

/// How many imported images can be kept: `importsToKeep` is an `int32`
/// (`staging/src/kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1/types.go`).
const KEEP_MAX: i64 = i32::MAX as i64;

/// Smallest volume in bytes.
const VOLUME_MIN: u64 = 1 << 20;

/// Volumes that the image is imported into.
#[derive(Debug, Args)]
#[command(next_help_heading = "Volume options")]
pub(super) struct StorageArguments {
    /// Size of the volume, e.g. 20Gi [default: the size of the image's disk]
    #[arg(long, value_name = "SIZE", value_parser = parse_volume_size)]
    storage: Option<Quantity>,

    /// Storage class of the volume [default: the cluster's]
    #[arg(long, value_name = "NAME", value_parser = parse_subdomain_name)]
    storage_class: Option<String>,

    /// Access mode of the volume: `ReadWriteOnce`, `ReadWriteMany` or `ReadWriteOncePod`
    /// [default: that of CDI for the storage class]
    #[arg(long, value_name = "MODE")]
    access_mode: Option<Mode>,

    /// Pull method of CDI: by the importer's pod, or by the node
    #[arg(long, value_name = "WHO", default_value = "pod")]
    pull_method: Puller,
}

/// When an image is imported again.
#[derive(Debug, Args)]
#[command(next_help_heading = "DataImportCron options")]
pub(super) struct CronArguments {
    /// Schedule of the imports, in cron format or e.g. `@every 6h`
    #[arg(long, value_name = "CRON", default_value = "0 3 * * *", value_parser = parse_schedule)]
    schedule: String,

    /// Number of imported images to keep
    #[arg(long, value_name = "N", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=KEEP_MAX))]
    keep: u32,

    /// Delete the imported images with the `DataImportCron`
    #[arg(long)]
    delete_imports: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Rwo,
    Rwx,
    Rwop,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Puller {
    Pod,
    Node,
}

/// Parses the size of a volume. CDI refuses less than one MiB (`validateStorageSize`,
/// `pkg/apiserver/webhooks/datavolume-validate.go`).
pub(super) fn parse_volume_size(text: &str) -> Result<Quantity, String> {
    let size: Quantity = text.parse().map_err(|error: QuantityError| error.to_string())?;
    if size.bytes() < VOLUME_MIN { Err("a volume has at least 1Mi".into()) } else { Ok(size) }
}

impl StorageArguments {
    pub(super) fn pull_method(&self) -> PullMethod {
        match self.pull_method {
            Puller::Pod => PullMethod::Pod,
            Puller::Node => PullMethod::Node,
        }
    }

    /// Returns the volume for the disk of the image.
    pub(super) fn storage(&self, seen: &ManifestImage) -> Result<VolumeStorage<'_>, CommandError> {
        self.storage_of(seen.virtual_size())
    }

    /// Returns the volume for a disk of this virtual size in bytes, or why the size is not known.
    pub(super) fn storage_of(
        &self,
        virtual_size: Result<u64, String>,
    ) -> Result<VolumeStorage<'_>, CommandError> {
        let size = match (&self.storage, virtual_size) {
            (Some(size), Ok(least)) if size.bytes() < least => {
                let message =
                    format!("the disk is of {}, and does not fit on {size}", HumanBytes(least));
                let help = format!(
                    "use at least `--storage {}`, or leave it out",
                    Quantity::fitting(least)
                );
                return Err(CommandError::Usage(Diagnostic::new(message).help(help)));
            }
            (Some(size), _) => size.clone(),
            (None, Ok(least)) => Quantity::fitting(least),
            (None, Err(error)) => {
                let help = "set the size of the volume, `--storage 20Gi`";
                return Err(Diagnostic::new(error).help(help).into());
            }
        };
        Ok(VolumeStorage { size: Some(size), ..self.clone_of() })
    }

    /// Returns the volume for a clone, as large as its source unless a size is given.
    pub(super) fn clone_of(&self) -> VolumeStorage<'_> {
        let access_mode = self.access_mode.map(|mode| match mode {
            Mode::Rwo => AccessMode::ReadWriteOnce,
            Mode::Rwx => AccessMode::ReadWriteMany,
            Mode::Rwop => AccessMode::ReadWriteOncePod,
        });
        VolumeStorage {
            size: self.storage.clone(),
            class: self.storage_class.as_deref(),
            access_mode,
        }
    }
}

impl CronArguments {
    pub(super) fn cron(&self) -> ImportCron<'_> {
        let retention =
            if self.delete_imports { ImportRetention::None } else { ImportRetention::All };
        ImportCron { schedule: &self.schedule, keep: self.keep, retention }
    }
}
