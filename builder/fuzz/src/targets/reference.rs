//! Any image name is refused with a message, or means the same when it is written out.

use diskette_builder::oci::image::reference::Reference;

use super::valid_text;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let text = valid_text(bytes);
    if let Ok(name) = text.parse::<Reference>() {
        let written = name.to_string();
        let again = written.parse::<Reference>().map(|name| name.to_string());
        assert_eq!(again.as_ref(), Ok(&written));
    }
}
