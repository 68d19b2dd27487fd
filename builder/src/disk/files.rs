//! The other *files* of a disk that consists of several.

use std::sync::Arc;

use super::{Fault, ReadAt};

/// Opens the other files of a disk by the names that the disk has for them.
pub(crate) trait DiskFiles<'a> {
    /// Opens a file. A name that leads out of the directory of the disk is a flaw, as is a file that
    /// does not exist.
    fn open(&mut self, name: &str) -> Result<Arc<dyn ReadAt + 'a>, Fault>;
}
