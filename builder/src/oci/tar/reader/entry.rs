//! Makes an entry of its header, and of the headers in front of it that describe it.

use std::io::Read;
use std::mem::take;

use super::{SparsePolicy, TarReader, padding};
use crate::oci::tar::header::UstarHeader;
use crate::oci::tar::pax::PaxHeader;
use crate::oci::tar::sparse::{EntryContent, SparseRecords};
use crate::oci::tar::{TarEntry, TarEntryKind, TarReadError, path};

/// Properties of an entry in the headers that precede it.
#[derive(Debug, Default)]
pub(super) struct EntryDescription {
    pub(super) pax: PaxHeader,
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
}

impl EntryDescription {
    /// Takes the name and the target of a link, from the header if nothing in front of it has them.
    fn take_names(&mut self, header: &mut UstarHeader) -> (Vec<u8>, Vec<u8>) {
        let pax = &mut self.pax;
        let name = self.name.take().or(pax.path.take()).unwrap_or_else(|| take(&mut header.name));
        let name = pax.sparse.as_ref().and_then(SparseRecords::name).map_or(name, <[u8]>::to_vec);
        let link = self.link.take().or(pax.link.take()).unwrap_or_else(|| take(&mut header.link));
        (name, link)
    }
}

impl<R: Read> TarReader<R> {
    /// Makes the entry at `at`, and begins to read its content.
    pub(super) fn make_entry(
        &mut self,
        mut header: UstarHeader,
        mut described: EntryDescription,
        at: u64,
    ) -> Result<TarEntry, TarReadError> {
        let (name, link) = described.take_names(&mut header);
        self.count_names(name.len(), link.len(), at)?;
        let xattrs = take(&mut described.pax.xattrs);
        self.names += xattrs.len() as u64;
        let path = path::clean_path(&name)?;
        let lead = path::name_prefix(&name, &path);
        let is_sparse = header.flag == b'S' || described.pax.sparse.is_some();
        if is_sparse && !self.reads_sparse(&described) {
            return Err(TarReadError::Sparse(path));
        }
        let kind = header.entry_kind(&name, &link, &path)?;
        if matches!(&kind, TarEntryKind::Symlink(target) if target.is_empty()) {
            return Err(TarReadError::NoTarget(path));
        }
        // Only files have content, whatever size the header declares.
        let stored = match kind {
            TarEntryKind::File => described.pax.size.unwrap_or(header.size),
            _ => 0,
        };
        let size = self.start_content(stored, &described, &kind, &path, at)?;
        let uid = check_id(described.pax.uid.unwrap_or(header.uid), "user id", at)?;
        let gid = check_id(described.pax.gid.unwrap_or(header.gid), "group id", at)?;
        let (mode, offset) = (header.mode, self.bytes.at);
        Ok(TarEntry { path, kind, mode, uid, gid, offset, size, lead, xattrs })
    }

    /// Counts the bytes of names, and fails if they are too many.
    fn count_names(&mut self, name: usize, link: usize, at: u64) -> Result<(), TarReadError> {
        if name.max(link) > self.limits.path {
            return Err(TarReadError::Limit("too long a name", at));
        }
        self.names += (name + link) as u64;
        if self.names > self.limits.names {
            return Err(TarReadError::Limit("too many long names", at));
        }
        Ok(())
    }

    /// Returns whether a sparse file is in a form that is read.
    fn reads_sparse(&self, described: &EntryDescription) -> bool {
        let version = described.pax.sparse.as_ref().and_then(SparseRecords::version);
        version.is_some() && self.sparse == SparsePolicy::Read
    }

    /// Sets the content of which the tar has `stored` bytes. Returns its size with its holes.
    fn start_content(
        &mut self,
        stored: u64,
        described: &EntryDescription,
        kind: &TarEntryKind,
        path: &str,
        at: u64,
    ) -> Result<u64, TarReadError> {
        self.padding = padding(stored);
        let records = described.pax.sparse.as_ref();
        self.content = match records.and_then(|records| Some((records, records.version()?))) {
            None => EntryContent::whole(stored),
            Some((records, version)) => {
                let (bytes, limits) = (&mut self.bytes, &self.limits);
                let content = EntryContent::sparse(records, version, stored, bytes, limits)?;
                let content = content.filter(|_| *kind == TarEntryKind::File);
                content.ok_or_else(|| TarReadError::SparseMap(path.to_owned()))?
            }
        };
        let size = self.content.left();
        self.holes = self.holes.saturating_add(size - self.content.stored());
        if size.max(self.holes) > self.limits.decompressed {
            return Err(TarReadError::Limit("more bytes than are read", at));
        }
        Ok(size)
    }
}

/// Checks a user or group id. The largest number means "no change" in system calls.
fn check_id(number: u64, field: &'static str, at: u64) -> Result<u32, TarReadError> {
    let id = u32::try_from(number).ok().filter(|id| *id != u32::MAX);
    id.ok_or(TarReadError::Number { field, at })
}
