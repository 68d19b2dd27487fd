//! What cloud-init reads in the machine: a file of the user's, or public keys of SSH.

use std::path::Path;

use diskette_builder::cluster::kubernetes::{UserData, cloud_config};
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::machine::MachineArguments;
use crate::error::{CommandError, cannot};
use crate::files::read_if_exists;

/// End of the first line of a private key in PEM.
const PRIVATE: &str = "PRIVATE KEY-----";

impl MachineArguments {
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
