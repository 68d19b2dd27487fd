//! Compares the *tars* of two layers, entry by entry.

use std::io::Read;
use std::ops::Range;

use super::contents::{DifferentBytes, STEP, compare_streams};
use super::{DiffContext, Difference, DifferenceKind};
use crate::oci::layer_tar::LayerTar;
use crate::oci::tar::{self, TarEntry, TarReadError, TarReader};

/// How many differences of one layer are reported.
const REPORTED_MAX: usize = 20;

/// Fields of a tar header that [`TarEntry`] does not have (POSIX.1-2024, `pax`, "ustar Interchange
/// Format").
const HEADER_FIELDS: [(&str, Range<usize>); 4] = [
    ("mtime", 136..148),
    ("user name", 265..297),
    ("group name", 297..329),
    ("tar format", 257..265),
];

/// Number of the tar that cannot be read further, 0 or 1, and why.
pub(super) type UnreadableTar = (usize, TarReadError);

/// Compares the tars of two layers.
pub(super) struct TarComparison<'w> {
    pub(super) subject: &'w str,
    pub(super) found: Vec<Difference>,
}

/// Shows one field of an entry.
type EntryField = fn(&TarEntry) -> String;

impl TarComparison<'_> {
    fn report(
        &mut self,
        place: &str,
        kind: DifferenceKind,
        a: impl Into<String>,
        b: impl Into<String>,
    ) {
        let (subject, place) = (self.subject.to_owned(), place.to_owned());
        self.found.push(Difference { subject, place, kind, a: a.into(), b: b.into() });
    }

    /// Reports a tar that cannot be read: a sound blob without a tar differs from one with a tar.
    pub(super) fn report_unreadable(&mut self, walked: Result<(), UnreadableTar>) {
        match walked {
            Ok(()) => {}
            Err((0, error)) => {
                self.report("", DifferenceKind::Tar, error.to_string(), "can be read so far");
            }
            Err((_, error)) => {
                self.report("", DifferenceKind::Tar, "can be read so far", error.to_string());
            }
        }
    }

    /// Compares the tars as long as their entries have the same names.
    pub(super) fn compare_tars(
        &mut self,
        a: &mut LayerTar<'_>,
        b: &mut LayerTar<'_>,
        context: &DiffContext<'_>,
    ) -> Result<(), UnreadableTar> {
        let compressions = [a.compression(), b.compression()];
        let mut a = TarReader::new(a, compressions[0], context.limits);
        let mut b = TarReader::new(b, compressions[1], context.limits);
        while self.found.len() < REPORTED_MAX {
            let ours = a.next().transpose().map_err(|error| (0, error))?;
            let theirs = b.next().transpose().map_err(|error| (1, error))?;
            let (ours, theirs) = match (ours, theirs) {
                (Some(ours), Some(theirs)) if ours.path == theirs.path => (ours, theirs),
                (None, None) => {
                    a.drain().map_err(|error| (0, error))?;
                    b.drain().map_err(|error| (1, error))?;
                    return Ok(());
                }
                (ours, theirs) => {
                    let name = |found: Option<TarEntry>| {
                        found.map_or_else(
                            || "no more entries".into(),
                            |found| show_path(&found.path),
                        )
                    };
                    self.report("", DifferenceKind::Entry, name(ours), name(theirs));
                    return Ok(());
                }
            };
            self.compare_entries(&ours, &theirs, [a.header(), b.header()]);
            self.compare_contents(&ours, &theirs, &mut a, &mut b)?;
        }
        Ok(())
    }

    /// Compares two layers that are no tars.
    pub(super) fn compare_blobs(
        &mut self,
        a: &mut LayerTar<'_>,
        b: &mut LayerTar<'_>,
    ) -> Result<(), UnreadableTar> {
        let compared = compare_streams(a, b);
        let compared = compared.map_err(|(side, error)| (side, TarReadError::Read(error)))?;
        if let Some([ours, theirs]) = compared {
            self.report("", DifferenceKind::Content, ours, theirs);
        }
        Ok(())
    }

    fn compare_entries(&mut self, a: &TarEntry, b: &TarEntry, headers: [&tar::TarHeader; 2]) {
        let before = self.found.len();
        let fields: [(&str, EntryField); 5] = [
            ("kind", |found| show_kind(&found.kind)),
            ("mode", |found| format!("{:04o}", found.mode)),
            ("owner", |found| format!("{}:{}", found.uid, found.gid)),
            ("size", |found| found.size.to_string()),
            ("name", |found| format!("{:?}", found.lead)),
        ];
        for (name, field) in fields {
            let (ours, theirs) = (field(a), field(b));
            if ours != theirs {
                let [ours, theirs] = [ours, theirs].map(|value| format!("{name} {value}"));
                self.report(&a.path, DifferenceKind::Entry, ours, theirs);
            }
        }
        for (name, range) in HEADER_FIELDS {
            let [ours, theirs] = headers
                .map(|raw| show_field(raw.block.get(range.clone()).unwrap_or_default(), name));
            if ours != theirs {
                self.report(&a.path, DifferenceKind::Entry, ours, theirs);
            }
        }
        if headers[0].pax != headers[1].pax {
            let [ours, theirs] =
                headers.map(|raw| format!("pax header of {} bytes", raw.pax.len()));
            self.report(&a.path, DifferenceKind::Entry, ours, theirs);
        }
        if self.found.len() == before && headers[0].block != headers[1].block {
            self.report(
                &a.path,
                DifferenceKind::Entry,
                "one tar header",
                "another that says the same",
            );
        }
    }

    /// Compares contents up to the end of the shorter one.
    fn compare_contents(
        &mut self,
        a: &TarEntry,
        b: &TarEntry,
        ours: &mut TarReader<impl Read>,
        theirs: &mut TarReader<impl Read>,
    ) -> Result<(), UnreadableTar> {
        let len = a.size.min(b.size);
        let mut spaces = [vec![0; STEP], vec![0; STEP]];
        let (mut at, mut different) = (0, DifferentBytes::default());
        while at < len {
            let step = usize::try_from(len - at).map_or(STEP, |left| left.min(STEP));
            let [x, y] = &mut spaces;
            let (x, y) = (&mut x[..step], &mut y[..step]);
            ours.read_content(x).map_err(|error| (0, error))?;
            theirs.read_content(y).map_err(|error| (1, error))?;
            different.compare(at, x, y);
            at += step as u64;
        }
        if let Some([ours, theirs]) = different.describe(a.size, b.size) {
            self.report(&a.path, DifferenceKind::Content, ours, theirs);
        }
        Ok(())
    }
}

fn show_kind(kind: &tar::TarEntryKind) -> String {
    use tar::TarEntryKind as Member;
    match kind {
        Member::Directory => "directory".into(),
        Member::File => "file".into(),
        Member::Symlink(to) => format!("symbolic link to {to}"),
        Member::Hardlink(to) => format!("hard link to {to}"),
        Member::Character { major, minor } => format!("character device {major},{minor}"),
        Member::Block { major, minor } => format!("block device {major},{minor}"),
        Member::Fifo => "pipe".into(),
    }
}

/// Returns a field of a header as text.
fn show_field(bytes: &[u8], name: &str) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let bytes = if name == "tar format" { bytes } else { &bytes[..end] };
    let text = bytes.escape_ascii().to_string();
    match u64::from_str_radix(text.trim(), 8) {
        Ok(number) if name == "mtime" => format!("{name} {number}"),
        _ => format!("{name} `{text}`"),
    }
}

fn show_path(path: &str) -> String {
    if path.is_empty() { "the root directory".into() } else { path.escape_debug().to_string() }
}
