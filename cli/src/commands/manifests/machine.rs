//! The options of the virtual machine.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use diskette_builder::cluster::kubernetes::{
    MachineOptions, Quantity, RootDisk, USER_DATA_MAX, VolumeStorage, cloud_config,
    parse_subdomain_name,
};
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::image::ManifestImage;
use crate::error::{CommandError, cannot};
use crate::files::read_if_exists;

/// End of the first line of a private key in PEM.
const PRIVATE: &str = "PRIVATE KEY-----";

/// The virtual machine.
#[derive(Debug, Args)]
#[command(next_help_heading = "Machine options")]
pub(super) struct MachineArguments {
    /// Where its disk is: in the image, and forgotten when it stops; imported into a volume of its
    /// own; or cloned into one from the data source
    #[arg(long, value_name = "HOW", default_value = "image")]
    disk: RootPlace,

    /// Its instance type [default: what the image says]
    #[arg(long, value_name = "NAME", value_parser = parse_subdomain_name)]
    #[arg(conflicts_with_all = ["memory", "cpus"])]
    instancetype: Option<String>,

    /// What its system prefers [default: what the image says]
    #[arg(long, value_name = "NAME", value_parser = parse_subdomain_name)]
    preference: Option<String>,

    /// Its memory, without an instance type [default: 2Gi]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Quantity>,

    /// Its processors, without an instance type [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cpus: Option<u32>,

    /// Let in who has the private key of this public one, by way of cloud-init
    #[arg(long, value_name = "FILE", conflicts_with = "user_data")]
    ssh_key: Option<PathBuf>,

    /// What cloud-init reads in the machine
    #[arg(long, value_name = "FILE")]
    user_data: Option<PathBuf>,
}

/// Where a machine's disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RootPlace {
    Image,
    Import,
    Clone,
}

impl MachineArguments {
    pub(super) fn root_place(&self) -> RootPlace {
        self.disk
    }

    /// Returns the machine, with the volume that its disk is cloned or imported into, if any.
    pub(super) fn machine<'a>(
        &'a self,
        seen: &'a ManifestImage,
        user_data: Option<&'a str>,
        clone: VolumeStorage<'a>,
        import: impl FnOnce() -> Result<VolumeStorage<'a>, CommandError>,
    ) -> Result<MachineOptions<'a>, CommandError> {
        let told = |name: &str| seen.labels.get(&format!("instancetype.kubevirt.io/{name}"));
        let is_sized = self.memory.is_some() || self.cpus.is_some();
        let own = told("default-instancetype").filter(|_| !is_sized);
        Ok(MachineOptions {
            root: match self.disk {
                RootPlace::Image => RootDisk::Image,
                RootPlace::Import => RootDisk::Import(import()?),
                RootPlace::Clone => RootDisk::Clone(clone),
            },
            instancetype: self.instancetype.as_ref().or(own).map(String::as_str),
            preference: self.preference.as_ref().or(told("default-preference")).map(String::as_str),
            memory: self.memory.clone().unwrap_or_else(|| Quantity::fitting(2 << 30)),
            cpus: self.cpus,
            user_data,
        })
    }

    /// Returns the configuration for cloud-init, if any.
    pub(super) fn user_data(&self) -> Result<Option<String>, CommandError> {
        let (path, text) = match (&self.user_data, &self.ssh_key) {
            (Some(path), _) => (path, read_text(path)?),
            (None, Some(path)) => (path, ssh_user_data(path)?),
            (None, None) => return Ok(None),
        };
        if text.len() > USER_DATA_MAX {
            let message = format!(
                "cannot use `{}`: it comes to {} bytes, and a machine takes {USER_DATA_MAX} for cloud-init",
                path.display(),
                text.len()
            );
            let help = "put it into a secret, and name that as `secretRef` in place of `userData`";
            return Err(Diagnostic::new(message).help(help).into());
        }
        Ok(Some(text))
    }
}

fn read_text(path: &Path) -> Result<String, Diagnostic> {
    let found = read_if_exists(path)?;
    let found = found.ok_or_else(|| cannot("read", path.display())("there is no such file"))?;
    Ok(found.text.clone())
}

/// Returns a configuration for cloud-init with the SSH keys of a file.
fn ssh_user_data(path: &Path) -> Result<String, Diagnostic> {
    let refuse = |why: &str| cannot("use", path.display())(why);
    let text = read_text(path)?;
    if text.contains(PRIVATE) {
        let help = format!("name the public one, `{}.pub`", path.display());
        return Err(refuse("it is a private key, which nobody else may see").help(help));
    }
    let lines = text.lines().map(str::trim);
    let keys: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    if keys.is_empty() || !keys.iter().all(|key| is_key(key)) {
        let help = "a public key is a line such as `ssh-ed25519 AAAA… me`";
        return Err(refuse("it is no public key of ssh").help(help));
    }
    cloud_config(&keys).map_err(|error| refuse(&error.to_string()))
}

/// Returns whether a line is a public key: `TYPE BASE64 [COMMENT]`, the encoded data starting with
/// the type (sshd(8), `AUTHORIZED_KEYS FILE FORMAT`).
fn is_key(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let is_kind = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| kind.starts_with(start));
    is_kind && words.next().is_some_and(|key| key.starts_with("AAAA"))
}
