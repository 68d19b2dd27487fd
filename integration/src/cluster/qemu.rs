//! What **QEMU** takes a disk for: both KubeVirt and CDI ask `qemu-img info`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::disk::sha256;
use crate::peer;

/// What it said in this process, by the disks' digests: all readers ask, and many tests have the same
/// disk.
static SAID: Mutex<BTreeMap<String, Result<Opinion, String>>> = Mutex::new(BTreeMap::new());

/// What it says of a disk.
#[derive(Debug, Clone)]
pub(super) struct Opinion {
    /// As QEMU calls it.
    pub(super) format: String,
    /// What the disk stands on, as its header has it.
    pub(super) backing: Option<String>,
}

/// Returns what it says of a disk. Without it, only what has no magic number is told.
pub(super) fn opinion(bytes: &[u8]) -> Result<Opinion, String> {
    let digest = sha256(bytes);
    if let Some(said) = said().get(&digest) {
        return said.clone();
    }
    let opinion = ask(bytes);
    said().insert(digest, opinion.clone());
    opinion
}

fn said() -> MutexGuard<'static, BTreeMap<String, Result<Opinion, String>>> {
    SAID.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ask(bytes: &[u8]) -> Result<Opinion, String> {
    let Some(qemu) = peer::look("qemu-img") else {
        let format = if bytes.starts_with(b"QFI\xfb") { "qcow2" } else { "raw" };
        return Ok(Opinion { format: format.into(), backing: None });
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
    Ok(Opinion {
        format: text("format").unwrap_or_default(),
        backing: text("backing-filename").filter(|name| !name.is_empty()),
    })
}
