//! *gpgv* verifies the signatures of lists with the keys of a keyring only, and contacts no
//! keyserver.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diskette_builder::upstream::{ListKeyring, SignedText, VerifySignature};
use tempfile::TempDir;

use crate::files::open_file;

/// Verifies signatures with keyrings, whose paths are relative to a directory.
#[derive(Debug)]
pub(crate) struct Gpgv {
    pub(crate) base: PathBuf,
}

/// Maximum length of a keyring in bytes.
const KEYRING_MAX: u64 = 16 << 20;

impl VerifySignature for Gpgv {
    fn verify(
        &self,
        keyring: &ListKeyring,
        signed: &[u8],
        detached: Option<&[u8]>,
    ) -> Result<SignedText, String> {
        let keys = read_dearmoured(&self.base.join(&keyring.path))?;
        let work =
            tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
        let file = |name: &str, bytes: &[u8]| write_file(&work, name, bytes);
        let (keys, text) = (file("keys", &keys)?, file("signed", signed)?);
        let mut command = Command::new("gpgv");
        command.arg("--homedir").arg(work.path()).arg("--keyring").arg(keys);
        command.args(["--status-fd", "1"]);
        let output = work.path().join("text");
        match detached {
            Some(signature) => command.arg(file("signature", signature)?).arg(text),
            None => command.arg("--output").arg(&output).arg(text),
        };
        let answer = command.stdin(Stdio::null()).output();
        let answer = answer.map_err(|error| format!("cannot run gpgv: {error}"))?;
        let status = String::from_utf8_lossy(&answer.stdout);
        let key = check_status(&status, answer.status.success(), keyring)?;
        // Only the text that gpgv writes is signed; a message may have other text around it.
        let text = if detached.is_some() { signed.to_vec() } else { read_dearmoured(&output)? };
        Ok(SignedText { text, key })
    }

    fn missing_program(&self) -> Option<String> {
        let mut command = Command::new("gpgv");
        let tried = command.arg("--version").stdin(Stdio::null()).output();
        let is_missing = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        tried.err().filter(is_missing).map(|_| "gpgv is not installed (package gpgv)".to_owned())
    }
}

/// Checks gpgv's status output ("Format of the `--status-fd` output" in `doc/DETAILS` of its
/// sources). Returns the fingerprint of the key that signed.
fn check_status(status: &str, succeeded: bool, keyring: &ListKeyring) -> Result<String, String> {
    let lines = status.lines().filter_map(|line| line.strip_prefix("[GNUPG:] "));
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(' ').collect()).collect();
    let says = |word: &str| lines.iter().find(|line| line.first() == Some(&word));
    let bad = [
        ("BADSIG", "it is not the signature of this text"),
        ("EXPSIG", "it has expired"),
        ("EXPKEYSIG", "the key had expired"),
        ("REVKEYSIG", "the key was revoked"),
    ];
    if let Some((_, why)) = bad.iter().find(|(word, _)| says(word).is_some()) {
        return Err((*why).to_owned());
    }
    if let Some(line) = says("NO_PUBKEY") {
        let key = line.get(1).copied().unwrap_or_default();
        return Err(format!("the key {key} that made it is not in `{}`", keyring.path));
    }
    let Some(valid) = says("VALIDSIG").filter(|_| succeeded) else {
        return Err("there is no signature that gpgv can read".into());
    };
    // The first field is the fingerprint of the subkey that signed, the last that of its primary
    // key.
    let made_by = [valid.get(1), valid.last()];
    let is_known = |made: &&str| keyring.fingerprints.iter().any(|known| known == made);
    let key = valid.last().copied().unwrap_or_default();
    if keyring.fingerprints.is_empty() || made_by.into_iter().flatten().any(is_known) {
        return Ok(key.to_owned());
    }
    Err(format!("it was made by {key}, which is not among the `fingerprints`"))
}

/// Reads a file and removes ASCII armour, which gpgv does not read in keyrings.
fn read_dearmoured(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
    let mut bytes = Vec::new();
    open_file(path).map_err(cannot)?.take(KEYRING_MAX).read_to_end(&mut bytes).map_err(cannot)?;
    if !bytes.starts_with(b"-----BEGIN PGP PUBLIC KEY BLOCK-----") {
        return Ok(bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    dearmour(&text).ok_or_else(|| format!("the armour of `{}` is damaged", path.display()))
}

/// Removes ASCII armour (RFC 9580, 6.2): headers, an empty line, base64, and an optional checksum
/// after `=`.
fn dearmour(text: &str) -> Option<Vec<u8>> {
    let mut keys = Vec::new();
    let text = text.replace('\r', "");
    for block in text.split("-----BEGIN PGP PUBLIC KEY BLOCK-----").skip(1) {
        let (block, _) = block.split_once("-----END PGP PUBLIC KEY BLOCK-----")?;
        let (_, body) = block.split_once("\n\n")?;
        let lines = body.lines().take_while(|line| !line.starts_with('='));
        let encoded: String = lines.flat_map(str::split_whitespace).collect();
        keys.extend(STANDARD.decode(encoded).ok()?);
    }
    Some(keys)
}

fn write_file(work: &TempDir, name: &str, bytes: &[u8]) -> Result<PathBuf, String> {
    let path = work.path().join(name);
    let made = cap_std::fs::File::create_ambient(&path, cap_std::ambient_authority())
        .and_then(|mut file| file.write_all(bytes));
    made.map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gpgv_says_is_judged() {
        let valid = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 1 me\n[GNUPG:] VALIDSIG AA 2026 0 BB";
        let check =
            |status: &str, succeeded: bool, known: &[&str], expected: Result<&str, &str>| {
                let fingerprints = known.iter().map(|&known| known.to_owned()).collect();
                let keyring = ListKeyring { path: "k.asc".into(), fingerprints };
                let found = check_status(status, succeeded, &keyring);
                assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{status}");
            };
        check(valid, true, &[], Ok("BB"));
        check(valid, true, &["AA"], Ok("BB"));
        check(valid, true, &["CC", "BB"], Ok("BB"));
        let other = "it was made by BB, which is not among the `fingerprints`";
        check(valid, true, &["CC"], Err(other));
        let unreadable = Err("there is no signature that gpgv can read");
        check(valid, false, &[], unreadable);
        check("", true, &[], unreadable);
        check("VALIDSIG AA", true, &[], unreadable);
        check("[GNUPG:] BADSIG 1 me", false, &[], Err("it is not the signature of this text"));
        check("[GNUPG:] EXPSIG 1 me", false, &[], Err("it has expired"));
        let expired = "[GNUPG:] EXPKEYSIG 1 me\n[GNUPG:] VALIDSIG AA BB";
        check(expired, true, &[], Err("the key had expired"));
        check("[GNUPG:] REVKEYSIG 1 me", true, &[], Err("the key was revoked"));
        let missing = "the key 77 that made it is not in `k.asc`";
        check("[GNUPG:] NO_PUBKEY 77", false, &[], Err(missing));
    }

    #[test]
    fn armour_is_taken_off() {
        let check = |text: &str, expected: Option<&[u8]>| {
            assert_eq!(dearmour(text).as_deref(), expected, "{text}");
        };
        let (begin, end) =
            ("-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----");
        check(&format!("{begin}\nVersion: 1\n\nYW\r\nJj\n=abcd\n{end}\n"), Some(b"abc"));
        check(&format!("{begin}\n\nYQ==\n{end}\n{begin}\n\nYg==\n{end}"), Some(b"ab"));
        check(&format!("{begin}\n\nYWJj"), None);
        check(&format!("{begin}\n\nYW*j\n{end}"), None);
    }
}
