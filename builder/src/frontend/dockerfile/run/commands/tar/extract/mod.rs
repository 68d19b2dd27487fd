//! `tar -x` unpacks an archive: its files become members of the archive, or what they were before
//! `tar -c` archived them. They are read when the layer is made.

mod location;
mod member;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::super::archive::ArchiveMember;
use super::super::super::options::CommandArguments;
use super::super::super::process::Process;
use super::super::super::status::{CommandRefusal, CommandStatus, escaped};
use super::enter_directory;
use super::exclusion::Exclusion;
use super::members::archive_members;
use crate::oci::tar::{NamePrefix, TarEntry};
use crate::recipe::path::is_below;

pub(super) fn extract(
    process: &mut Process<'_>,
    arguments: &CommandArguments,
) -> Result<CommandStatus, CommandRefusal> {
    let refused = ["owner", "group", "mtime", "sort", "format", "no-recursion"];
    if let Some(name) = refused.iter().find(|name| arguments.has(name)) {
        return Err(CommandRefusal::new(format!("`--{name}` of `tar -x` is not evaluated")));
    }
    let mut status = CommandStatus::default();
    let content = match arguments.value("file") {
        None | Some("-") => Some(std::mem::take(&mut process.input)),
        Some(path) => {
            let attempt = if process.is_directory(path) { "Cannot read" } else { "Cannot open" };
            status.record(process.read(path), || format!("{}: {attempt}", escaped(path)))?
        }
    };
    let Some(content) = content else { return Ok(status) };
    let Some(members) = archive_members(process, content, arguments)? else {
        status.fail("This does not look like a tar archive");
        return Ok(status);
    };
    if !enter_directory(process, arguments, &mut status)? {
        return Ok(status);
    }
    let mut extraction = Extraction::new(process, arguments)?;
    extraction.extract(process, &members, &arguments.operands, &mut status)?;
    extraction.create_links(process)?;
    Ok(status)
}

/// How an archive is unpacked.
struct Extraction<'e> {
    /// Directory that it is unpacked in, resolved.
    directory: String,
    /// How many directories at the start of names are left out.
    stripped: usize,
    exclusions: Vec<Exclusion<'e>>,
    metadata: KeptMetadata,
    /// Whether a directory does not replace a link to a directory.
    keeps_links: bool,
    is_printed: bool,
    /// Links that lead out of their directory, which are created last, so that nothing is unpacked
    /// through them: their targets, by path.
    delayed: BTreeMap<String, String>,
}

/// What members keep of the archive's metadata.
struct KeptMetadata {
    owners: bool,
    modes: bool,
}

impl<'e> Extraction<'e> {
    fn new(process: &Process<'_>, arguments: &'e CommandArguments) -> Result<Self, CommandRefusal> {
        let stripped = match arguments.value("strip-components").map(str::parse) {
            None => 0,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                return Err(CommandRefusal::new("this `--strip-components` is no number"));
            }
        };
        let is_root = process.identity.is_root();
        let modes = ["preserve-permissions", "same-permissions"];
        let asks_for_modes = is_root || modes.iter().any(|name| arguments.has(name));
        Ok(Self {
            directory: process.directory.clone(),
            stripped,
            exclusions: Exclusion::parse_all(arguments)?,
            metadata: KeptMetadata {
                owners: is_root && !arguments.has("no-same-owner"),
                modes: asks_for_modes && !arguments.has("no-same-permissions"),
            },
            keeps_links: arguments.has("keep-directory-symlink"),
            is_printed: arguments.has("to-stdout"),
            delayed: BTreeMap::new(),
        })
    }

    /// Unpacks the members with these names, or all.
    fn extract(
        &mut self,
        process: &mut Process<'_>,
        members: &[ArchiveMember],
        names: &[String],
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        let names: Vec<&str> = names.iter().map(|name| name.trim_end_matches('/')).collect();
        let mut unseen: Vec<&str> = names.clone();
        for member in members {
            let path = &member.entry.path;
            let written = written_name(&member.entry);
            let is_named = |name: &&str| written == *name || is_below(&written, name);
            if !names.is_empty() && !names.iter().any(is_named) || self.is_left_out(path) {
                continue;
            }
            unseen.retain(|name| !is_named(name));
            self.extract_member(process, member, status)?;
        }
        if let Some(name) = unseen.first() {
            status.fail(format!("{}: Not found in archive", escaped(name)));
        }
        Ok(())
    }

    fn is_left_out(&self, path: &str) -> bool {
        let names = path.match_indices('/').map(|(end, _)| &path[..end]).chain([path]);
        let matches = |name: &str| self.exclusions.iter().any(|exclusion| exclusion.matches(name));
        !self.exclusions.is_empty() && names.into_iter().any(matches)
    }
}

/// Returns the name of an entry as the archive has it, without a slash at its end.
fn written_name(entry: &TarEntry) -> Cow<'_, str> {
    match entry.lead {
        NamePrefix::Plain => Cow::Borrowed(&entry.path),
        NamePrefix::Slash => Cow::Owned(format!("/{}", entry.path)),
        NamePrefix::Dot | NamePrefix::Other if entry.path.is_empty() => Cow::Borrowed("."),
        NamePrefix::Dot | NamePrefix::Other => Cow::Owned(format!("./{}", entry.path)),
    }
}
