//! The *extensions* of a qcow2 header: what was added to the format later.

use super::header::{Header, malformed};
use crate::disk::ReadAt;
use crate::disk::bytes::{Fault, be32, fill, part};

const END: u32 = 0;
const BACKING_FORMAT: u32 = 0xe279_2aca;
const DATA_FILE: u32 = 0x4441_5441;
const FEATURE_NAMES: u32 = 0x6803_f857;

/// More than anybody writes.
const COUNT_MAX: usize = 64;
const FORMAT_MAX: usize = 15;
const NAME_MAX: usize = 1023;

/// Each names one bit: the kind of feature, its bit, 46 bytes of name.
const FEATURE_LEN: usize = 48;
const FEATURES_MAX: usize = 64 * 3;

/// What the extensions say.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) backing_format: Option<String>,
    pub(super) data_file: Option<String>,
    /// Names of incompatible features that are set and not known.
    pub(super) unknown_features: Vec<String>,
}

/// Reads the extensions, which follow the header.
pub(super) fn read(
    bytes: &dyn ReadAt,
    header: &Header,
    backing_at: u64,
) -> Result<Extensions, Fault> {
    let mut found = Extensions::default();
    let cluster = header.cluster_size();
    if backing_at > cluster {
        return Err(malformed("the name of its backing file lies behind the first cluster"));
    }
    let end = if backing_at == 0 { cluster } else { backing_at };
    let mut at = u64::from(header.len);
    for _ in 0..COUNT_MAX {
        // A file of one short cluster may end here, as version 2 lets it.
        if at + 8 > end || at + 8 > bytes.len() {
            return Ok(found);
        }
        let head: [u8; 8] = part(bytes, at, "a header extension")?;
        let (kind, len) = (be32(&head, 0), u64::from(be32(&head, 4)));
        if kind == END {
            return Ok(found);
        }
        at += 8;
        if len > end - at {
            return Err(malformed(format!(
                "a header extension of {len} bytes at byte {at} is too long"
            )));
        }
        found.take(bytes, header, kind, at, usize::try_from(len).unwrap_or(usize::MAX))?;
        at = (at + len).next_multiple_of(8);
    }
    Err(malformed(format!("it has more than {COUNT_MAX} header extensions")))
}

impl Extensions {
    fn take(
        &mut self,
        bytes: &dyn ReadAt,
        header: &Header,
        kind: u32,
        at: u64,
        len: usize,
    ) -> Result<(), Fault> {
        match kind {
            BACKING_FORMAT => {
                self.backing_format = Some(text(bytes, at, len, FORMAT_MAX)?);
            }
            DATA_FILE => self.data_file = Some(text(bytes, at, len, NAME_MAX)?),
            FEATURE_NAMES if header.unknown_incompatible() != 0 => {
                self.feature_names(bytes, header, at, len)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn feature_names(
        &mut self,
        bytes: &dyn ReadAt,
        header: &Header,
        at: u64,
        len: usize,
    ) -> Result<(), Fault> {
        for number in 0..(len / FEATURE_LEN).min(FEATURES_MAX) {
            let at = at + (number * FEATURE_LEN) as u64;
            let feature: [u8; FEATURE_LEN] = part(bytes, at, "the names of its features")?;
            let bit = 1_u64.checked_shl(feature[1].into()).unwrap_or(0);
            if feature[0] == 0 && header.unknown_incompatible() & bit != 0 {
                let name = feature[2..].split(|byte| *byte == 0).next().unwrap_or_default();
                let name = String::from_utf8_lossy(name);
                self.unknown_features.push(name.escape_default().to_string());
            }
        }
        Ok(())
    }
}

fn text(bytes: &dyn ReadAt, at: u64, len: usize, max: usize) -> Result<String, Fault> {
    if len > max {
        return Err(malformed(format!("a name of {len} bytes in its header is too long")));
    }
    let mut space = [0; NAME_MAX];
    let space = &mut space[..len];
    fill(bytes, space, at, "a header extension")?;
    Ok(String::from_utf8_lossy(space).into_owned())
}
