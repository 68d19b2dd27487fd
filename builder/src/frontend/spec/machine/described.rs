//! The machine that an OVA *describes*, and the sources of its disks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::LocatedMachine;
use crate::cluster::vm::{MachineDocument, described_machine, described_volumes};
use crate::disk::ReadAt;
use crate::disk::convert::Conversion;
use crate::disk::ovf::Ovf;
use crate::engine::source::{InputFiles, read_description};
use crate::frontend::spec::located::LocatedText;
use crate::frontend::spec::location::parse_path;
use crate::frontend::spec::node::{Node, NodeValue};
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{
    ArchivedDisk, DiskRequest, InputFile, SourceLocation, SourceRecipe, SourceRole,
};

/// Reads the virtual machine of an OVA.
pub(super) fn load_described_machine(
    path: &LocatedText,
    files: &dyn InputFiles,
    problems: &mut Vec<Diagnostic>,
) -> Option<LocatedMachine> {
    let loaded = load(path, files);
    let machine = loaded.map_err(|problem| problems.push(*problem)).ok()?;
    machine.check(problems);
    Some(machine)
}

fn load(path: &LocatedText, files: &dyn InputFiles) -> Result<LocatedMachine, Box<Diagnostic>> {
    let refused = |why: String, help: &str| {
        let message = format!("cannot use `{}`: {why}", path.value.escape_debug());
        Box::new(Diagnostic::new(message).at(path.span.clone()).help(help))
    };
    let location = parse_path(path)?.value;
    let SourceLocation::File(file) = &location else {
        return Err(refused("it is no file".into(), "name an OVA beside the spec"));
    };
    let help = "check that it is an OVA, not compressed, and that its path is relative to the spec";
    let ovf = read_ovf(files, file).map_err(|why| refused(why, help))?;
    let name = file.path.file_stem().unwrap_or_default().to_string_lossy();
    let Some(object) = described_machine(&ovf, &name) else {
        let why = "its description is not that of one virtual machine".into();
        return Err(refused(why, "write the VirtualMachine, and name the disks with `ova:`"));
    };
    let Some(document) = MachineDocument::new(object) else {
        return Err(refused("its machine cannot be used".into(), help));
    };
    let described = described_volumes(&ovf).into_iter().zip(1..);
    let described = described.map(|(volume, number)| (volume, disk(&location, path, number)));
    let node = Node { span: path.span.clone(), value: NodeValue::Null };
    Ok(LocatedMachine { document, node, described: Some(described.collect::<BTreeMap<_, _>>()) })
}

fn read_ovf(files: &dyn InputFiles, file: &InputFile) -> Result<Ovf, String> {
    let opened = files.open(file).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (len, file) = opened.map_err(|error| error.to_string())?;
    read_description(&ArchiveFile { file, len }).map_err(|error| error.to_string())
}

/// Returns the source of the disk with this number.
fn disk(location: &SourceLocation, path: &LocatedText, number: usize) -> SourceRecipe {
    let archived = Some(ArchivedDisk::Number(number));
    let request = DiskRequest { archived, may_be_blank: true, ..DiskRequest::default() };
    SourceRecipe {
        origin: Some(path.span.clone()),
        convert: Some(Conversion::Raw),
        disk: Some(Box::new(request)),
        ..SourceRecipe::new(location.clone(), SourceRole::Disk)
    }
}

/// An OVA that was opened.
struct ArchiveFile {
    file: File,
    len: u64,
}

impl ReadAt for ArchiveFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(space, at)
    }
}
