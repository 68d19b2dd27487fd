//! **QEMU**'s view of a disk: both KubeVirt and CDI run `qemu-img info`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::disk::sha256;
use crate::peer;

/// Results in this process by digest of the disk: all readers ask, and many tests have the same
/// disk.
static KNOWN: Mutex<BTreeMap<String, Result<QemuInfo, String>>> = Mutex::new(BTreeMap::new());

/// Output of `qemu-img info`.
#[derive(Debug, Clone)]
pub(super) struct QemuInfo {
    /// QEMU's name of the format.
    pub(super) format: String,
    /// Backing file in the header of the disk.
    pub(super) backing: Option<String>,
}

/// Returns QEMU's view of a disk. Without QEMU, only disks without a magic number are known.
pub(super) fn qemu_info(bytes: &[u8]) -> Result<QemuInfo, String> {
    let digest = sha256(bytes);
    if let Some(said) = known().get(&digest) {
        return said.clone();
    }
    let opinion = run_qemu_img(bytes);
    known().insert(digest, opinion.clone());
    opinion
}

fn known() -> MutexGuard<'static, BTreeMap<String, Result<QemuInfo, String>>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run_qemu_img(bytes: &[u8]) -> Result<QemuInfo, String> {
    let Some(qemu) = peer::find_optional("qemu-img") else {
        let format = if bytes.starts_with(b"QFI\xfb") { "qcow2" } else { "raw" };
        return Ok(QemuInfo { format: format.into(), backing: None });
    };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let mut command = qemu.command();
    command.args(["info", "--output", "json"]).arg(file.path()).stderr(Stdio::piped());
    let output = command.output().unwrap();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("qemu-img: {}", stderr.trim()));
    }
    let info: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |name: &str| info[name].as_str().map(str::to_owned);
    Ok(QemuInfo {
        format: text("format").unwrap_or_default(),
        backing: text("backing-filename").filter(|name| !name.is_empty()),
    })
}
