//! A description of a virtual machine names disks, each once, or is refused.

use std::collections::HashSet;

use diskette_builder::disk::ovf::Ovf;

use super::valid_text;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    match Ovf::parse(valid_text(bytes)) {
        Ok(ovf) => {
            let ids: HashSet<&str> = ovf.disks.iter().map(|disk| disk.id.as_str()).collect();
            assert_eq!(ids.len(), ovf.disks.len(), "{ovf:?}");
            assert!(!ids.is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
