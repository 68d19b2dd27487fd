//! Any image name is refused with a message, or means the same when it is written out.

#![no_main]

use diskette_builder::oci::image::reference::Reference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<Reference>() {
        let written = name.to_string();
        let again = written.parse::<Reference>().map(|name| name.to_string());
        assert_eq!(again.as_ref(), Ok(&written));
    }
});
