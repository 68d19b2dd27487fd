//! Reads any bytes as an auth file, looks an image up in it, and logs in and out. It must not
//! panic, what was set must be found, and what was removed must be gone.

use diskette_builder::net::credential::Credential;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::registry::credentials::{
    AuthFile, AuthFileEdit, AuthFileFormat, AuthFileLookup, LoginKey, LogoutOutcome,
};

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let image: Reference = "quay.io/me/fedora".parse().expect("a reference");
    for format in [
        AuthFileFormat::Containers,
        AuthFileFormat::Docker,
        AuthFileFormat::Flat,
        AuthFileFormat::Any,
    ] {
        if let Ok(file) = AuthFile::parse(bytes, format) {
            // The answer may be an error; only a panic is wrong.
            drop(file.lookup(&image));
        }
    }
    let key: LoginKey = "quay.io/me/fedora".parse().expect("a key");
    let credential = Credential::basic("me", "secret");
    let Ok(mut edit) = AuthFileEdit::parse(Some(bytes)) else { return };
    if edit.set(&key, &credential).is_err() {
        return;
    }
    let written = edit.to_bytes().expect("JSON");
    // What is kept of the file may be more than is read of one.
    let Ok(file) = AuthFile::parse(&written, AuthFileFormat::Containers) else { return };
    let expected = AuthFileLookup::Entry { key: key.text(), credential };
    assert_eq!(file.lookup(&image), Ok(expected));
    assert_eq!(edit.remove(&key), Ok(LogoutOutcome::Removed));
    assert_eq!(edit.remove(&key), Ok(LogoutOutcome::NotLoggedIn));
}
