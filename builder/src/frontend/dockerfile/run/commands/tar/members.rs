//! *Members* of an archive that `tar -x` reads: a file of the context, a download, the output of
//! `tar -c`, or bytes that are known.

use std::io::Read as _;
use std::rc::Rc;
use std::sync::Arc;

use super::super::super::archive::ArchiveMember;
use super::super::super::budget::Exhausted;
use super::super::super::content::Content;
use super::super::super::options::CommandArguments;
use super::super::super::process::Process;
use super::super::super::status::CommandRefusal;
use crate::frontend::dockerfile::tree::{FileNode, Inode};
use crate::oci::tar::{self, TarDetection, TarEntry, TarEntryKind, TarLimits, TarReadError};
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole, TarMember, TarOrigin};

/// Maximum length of an archive whose bytes are known, decompressed.
const WRITTEN_MAX: u64 = 4 << 20;

/// Returns the members of an archive, `None` if a content is none.
pub(super) fn archive_members(
    process: &Process<'_>,
    content: Content,
    arguments: &CommandArguments,
) -> Result<Option<Rc<[ArchiveMember]>>, CommandRefusal> {
    match content {
        Content::Source(mut source, _) => {
            // What an archive is compressed with is found out when it is read.
            source.compression = None;
            let entries = process.inputs.list_archive(&source).map_err(CommandRefusal::new)?;
            Ok(entries.map(|entries| stored_members(*source, entries)))
        }
        Content::Archive(archive) if archive.compression == arguments.compression() => {
            Ok(Some(archive.members))
        }
        Content::Archive(_) => Err(compression_refusal()),
        Content::Text(text) => {
            process.budget.spend(text.len()).map_err(refusal)?;
            let compression = match tar::detect_tar(&text[..]) {
                TarDetection::Tar(compression) => compression,
                TarDetection::Other => return Ok(None),
            };
            let named = arguments.compression();
            // GNU tar detects the compression of files alone.
            let is_detected = named.is_none() && arguments.has_file();
            if named != compression && !is_detected {
                return Err(compression_refusal());
            }
            written_members(&text, process).map(Some)
        }
    }
}

/// Returns the members of an archive that is a file or a download.
fn stored_members(source: SourceRecipe, entries: Vec<TarEntry>) -> Rc<[ArchiveMember]> {
    let archive = Arc::new(TarOrigin::File(Box::new(source)));
    let number = Arc::as_ptr(&archive).addr() as u64;
    let members = entries.into_iter().map(|entry| {
        let file = (entry.kind == TarEntryKind::File).then(|| {
            let (offset, size) = (entry.offset, entry.size);
            let archive = Arc::clone(&archive);
            let location = SourceLocation::Member(TarMember { archive, offset, size });
            let source = SourceRecipe::new(location, SourceRole::File);
            FileNode { source, size: Some(size), inode: Some(Inode(number, offset)) }
        });
        ArchiveMember { entry, file }
    });
    members.collect()
}

/// Returns the members of an archive whose bytes are known.
fn written_members(
    text: &[u8],
    process: &Process<'_>,
) -> Result<Rc<[ArchiveMember]>, CommandRefusal> {
    let broken = |error: TarReadError| {
        CommandRefusal::new(format!("the archive that `tar -x` reads is damaged: {error}"))
    };
    let limits = TarLimits { decompressed: WRITTEN_MAX, ..TarLimits::default() };
    let (_, mut reader) = tar::decompress(text).map_err(broken)?;
    let mut bytes = Vec::new();
    let read = reader.by_ref().take(WRITTEN_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| broken(TarReadError::Read(error)))?;
    process.budget.spend(bytes.len()).map_err(refusal)?;
    let entries = tar::read_entries(&bytes[..], limits).map_err(broken)?;
    let members = entries.map(|entry| {
        let entry = entry.map_err(broken)?;
        let file = (entry.kind == TarEntryKind::File).then(|| {
            let end = entry.offset.saturating_add(entry.size);
            let range = usize::try_from(entry.offset).ok().zip(usize::try_from(end).ok());
            let content = range.and_then(|(start, end)| bytes.get(start..end));
            let location = SourceLocation::Inline(content.unwrap_or_default().into());
            let source = SourceRecipe::new(location, SourceRole::File);
            FileNode { source, size: Some(entry.size), inode: None }
        });
        Ok(ArchiveMember { entry, file })
    });
    members.collect()
}

fn compression_refusal() -> CommandRefusal {
    CommandRefusal::new(
        "`tar -x` is evaluated with the option of the compression that the archive has",
    )
}

fn refusal(problem: Exhausted) -> CommandRefusal {
    CommandRefusal::new(problem.to_string())
}
