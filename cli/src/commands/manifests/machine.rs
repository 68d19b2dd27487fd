//! The options of the virtual machine.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use diskette_builder::cluster::kubernetes::{
    MachineOptions, PreferenceRequirements, Quantity, RootDisk, UserData, VolumeStorage,
    cloud_config, parse_subdomain_name,
};
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::image::ManifestImage;
use super::usage_error;
use crate::error::{CommandError, cannot};
use crate::files::read_if_exists;

/// End of the first line of a private key in PEM.
const PRIVATE: &str = "PRIVATE KEY-----";

/// Memory of a machine in bytes, unless something says more.
const MEMORY: u64 = 2 << 30;

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

    /// Its memory, without an instance type [default: 2Gi, or what its preference requires]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Quantity>,

    /// Its processors, without an instance type [default: 1, or what its preference requires]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cpus: Option<u32>,

    /// Let in who has the private key of this public one, by way of cloud-init
    #[arg(long, value_name = "FILE", conflicts_with = "user_data")]
    ssh_key: Option<PathBuf>,

    /// What cloud-init reads in the machine; a secret is written too if it is long
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

/// Memory and processors of a machine.
struct MachineSize {
    memory: Quantity,
    cpus: Option<u32>,
}

impl Default for MachineSize {
    fn default() -> Self {
        Self { memory: Quantity::fitting(MEMORY), cpus: None }
    }
}

impl MachineArguments {
    pub(super) fn root_place(&self) -> RootPlace {
        self.disk
    }

    /// Returns the machine, with the volume that its disk is cloned or imported into, if any.
    pub(super) fn machine<'a>(
        &'a self,
        seen: &'a ManifestImage,
        user_data: Option<&'a UserData>,
        clone: VolumeStorage<'a>,
        import: impl FnOnce() -> Result<VolumeStorage<'a>, CommandError>,
    ) -> Result<MachineOptions<'a>, CommandError> {
        let told = |name: &str| seen.labels.get(&format!("instancetype.kubevirt.io/{name}"));
        let is_sized = self.memory.is_some() || self.cpus.is_some();
        let own = told("default-instancetype").filter(|_| !is_sized);
        let instancetype = self.instancetype.as_ref().or(own).map(String::as_str);
        let preference =
            self.preference.as_ref().or(told("default-preference")).map(String::as_str);
        let size = match instancetype {
            Some(_) => MachineSize::default(),
            None => self.size(preference)?,
        };
        Ok(MachineOptions {
            root: match self.disk {
                RootPlace::Image => RootDisk::Image,
                RootPlace::Import => RootDisk::Import(import()?),
                RootPlace::Clone => RootDisk::Clone(clone),
            },
            instancetype,
            preference,
            memory: size.memory,
            cpus: size.cpus,
            user_data,
        })
    }

    /// Returns the size of a machine without an instance type, which KubeVirt refuses if it is less
    /// than its preference requires.
    fn size(&self, preference: Option<&str>) -> Result<MachineSize, CommandError> {
        let mut size = MachineSize {
            memory: self.memory.clone().unwrap_or_else(|| Quantity::fitting(MEMORY)),
            cpus: self.cpus,
        };
        let Some(name) = preference else { return Ok(size) };
        let least = PreferenceRequirements::of_preference(name);
        let refuse = |what: &str, option: &str| {
            let message =
                format!("the preference `{name}` requires {what}, and a cluster refuses less");
            usage_error(message, &format!("say at least `{option}`, or leave it out"))
        };
        match self.cpus {
            Some(cpus) if cpus < least.cpus => {
                let what = format!("{} processors", least.cpus);
                return Err(refuse(&what, &format!("--cpus {}", least.cpus)));
            }
            None if least.cpus > 1 => size.cpus = Some(least.cpus),
            _ => {}
        }
        if size.memory.bytes() < least.memory {
            let memory = Quantity::fitting(least.memory);
            if self.memory.is_some() {
                return Err(refuse(&format!("{memory} of memory"), &format!("--memory {memory}")));
            }
            size.memory = memory;
        }
        Ok(size)
    }

    /// Returns the configuration for cloud-init, if any. A long one is in a Secret named after the
    /// machine.
    pub(super) fn user_data(&self, machine: &str) -> Result<Option<UserData>, CommandError> {
        let (path, text) = match (&self.user_data, &self.ssh_key) {
            (Some(path), _) => (path, read_text(path)?),
            (None, Some(path)) => (path, ssh_user_data(path)?),
            (None, None) => return Ok(None),
        };
        let user_data = UserData::new(text, || format!("{machine}-cloudinit"));
        Ok(Some(user_data.map_err(cannot("use", path.display()))?))
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
