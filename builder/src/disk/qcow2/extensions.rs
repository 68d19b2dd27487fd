//! The *extensions* of a qcow2 header: later additions to the format.

use std::ops::Range;

use crate::disk::bytes::{be32, fill_part, read_part};
use crate::disk::{Fault, ReadAt};

const END: u32 = 0;
const BACKING_FORMAT: u32 = 0xe279_2aca;
const DATA_FILE: u32 = 0x4441_5441;
const FEATURE_NAMES: u32 = 0x6803_f857;

/// Maximum number of extensions; real files have a few.
const COUNT_MAX: usize = 64;
const FORMAT_MAX: usize = 15;
const NAME_MAX: usize = 1023;

/// Length in bytes of a feature's entry: the kind of the feature, its bit, 46 bytes of name.
const FEATURE_LEN: usize = 48;
const FEATURES_MAX: usize = 64 * 3;

/// The kind of features that a reader must know.
const INCOMPATIBLE: u8 = 0;

/// Contents of the extensions.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) backing_format: Option<String>,
    pub(super) data_file: Option<String>,
    /// Names of the incompatible features that are set and not supported.
    pub(super) unknown_features: Vec<String>,
}

/// Reads the extensions in this range of the file; `unknown` are the incompatible features whose names
/// are needed, as bits.
pub(super) fn read_extensions(
    bytes: &dyn ReadAt,
    place: Range<u64>,
    unknown: u64,
) -> Result<Extensions, Fault> {
    let mut found = Extensions::default();
    let Range { start: mut at, end } = place;
    for _ in 0..COUNT_MAX {
        // Version 2 allows a file of one short cluster to end here.
        if at + 8 > end || at + 8 > bytes.len() {
            return Ok(found);
        }
        let head: [u8; 8] = read_part(bytes, at, "a header extension")?;
        let (kind, len) = (be32(&head, 0), u64::from(be32(&head, 4)));
        if kind == END {
            return Ok(found);
        }
        at += 8;
        if len > end - at {
            return Err(Fault::malformed(format!(
                "a header extension of {len} bytes at byte {at} is too long"
            )));
        }
        let content =
            ExtensionContent { bytes, at, len: usize::try_from(len).unwrap_or(usize::MAX) };
        found.record_extension(kind, &content, unknown)?;
        at = (at + len).next_multiple_of(8);
    }
    Err(Fault::malformed(format!("it has more than {COUNT_MAX} header extensions")))
}

/// Content of an extension.
struct ExtensionContent<'a> {
    bytes: &'a dyn ReadAt,
    /// Offset in the file, in bytes.
    at: u64,
    /// Length in bytes.
    len: usize,
}

impl Extensions {
    fn record_extension(
        &mut self,
        kind: u32,
        content: &ExtensionContent<'_>,
        unknown: u64,
    ) -> Result<(), Fault> {
        match kind {
            BACKING_FORMAT => self.backing_format = Some(content.read_text(FORMAT_MAX)?),
            DATA_FILE => self.data_file = Some(content.read_text(NAME_MAX)?),
            FEATURE_NAMES if unknown != 0 => {
                self.unknown_features.extend(content.read_feature_names(unknown)?);
            }
            _ => {}
        }
        Ok(())
    }
}

impl ExtensionContent<'_> {
    /// Returns the names of some of the incompatible features.
    fn read_feature_names(&self, features: u64) -> Result<Vec<String>, Fault> {
        let mut names = Vec::new();
        for number in 0..(self.len / FEATURE_LEN).min(FEATURES_MAX) {
            let at = self.at + (number * FEATURE_LEN) as u64;
            let feature: [u8; FEATURE_LEN] =
                read_part(self.bytes, at, "the names of its features")?;
            let bit = 1_u64.checked_shl(feature[1].into()).unwrap_or(0);
            if feature[0] == INCOMPATIBLE && features & bit != 0 {
                let name = feature[2..].split(|byte| *byte == 0).next().unwrap_or_default();
                let name = String::from_utf8_lossy(name);
                names.push(name.escape_default().to_string());
            }
        }
        Ok(names)
    }

    fn read_text(&self, max: usize) -> Result<String, Fault> {
        let len = self.len;
        if len > max {
            return Err(Fault::malformed(format!(
                "a name of {len} bytes in its header is too long"
            )));
        }
        let mut space = [0; NAME_MAX];
        let space = &mut space[..len];
        fill_part(self.bytes, space, self.at, "a header extension")?;
        Ok(String::from_utf8_lossy(space).into_owned())
    }
}
