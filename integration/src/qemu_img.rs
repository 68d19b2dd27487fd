//! The program **qemu-img**, which makes disks of every format, and compares and checks what was made of them.

use std::path::Path;

use crate::peer::{self, Peer, text};

/// A file, and QEMU's name of its format.
pub type DiskFile<'a> = (&'a str, &'a Path);

/// The program, if it is installed.
#[derive(Debug)]
pub struct QemuImg(Peer);

impl QemuImg {
    /// Finds the program, as [`peer::find`] does.
    pub fn find() -> Option<Self> {
        peer::find("qemu-img").map(Self)
    }

    /// Makes `target`, with options as `-c`, from a raw disk.
    pub fn convert(&self, raw: &Path, options: &[&str], target: DiskFile<'_>) {
        let convert = ["convert", "-f", "raw", "-O", target.0];
        self.run([&convert[..], options, &[text(raw), text(target.1)]].concat());
    }

    /// Checks that both disks have the same size and content, and that a qcow2 has no fault.
    pub fn assert_equal(&self, source: DiskFile<'_>, built: DiskFile<'_>) {
        assert_eq!(self.compare(source, built), "Images are identical.\n", "{source:?}");
        self.assert_sound(built);
    }

    /// Checks that `built` is the disk `source` and then zeros, up to `size` bytes, and that a qcow2 has no fault.
    pub fn assert_enlarged(&self, source: DiskFile<'_>, built: DiskFile<'_>, size: u64) {
        let info = self.run(["info", "--output", "json", "-f", built.0, text(built.1)]);
        assert!(info.contains(&format!("\"virtual-size\": {size},")), "{source:?}: {info}");
        let expected = "Warning: Image size mismatch!\nImages are identical.\n";
        assert_eq!(self.compare(source, built), expected, "{source:?}");
        self.assert_sound(built);
    }

    fn compare(&self, one: DiskFile<'_>, other: DiskFile<'_>) -> String {
        self.run(["compare", "-f", one.0, "-F", other.0, text(one.1), text(other.1)])
    }

    /// Checks that a qcow2 has no fault, and returns what the program says of it.
    pub fn assert_sound(&self, disk: DiskFile<'_>) -> String {
        if disk.0 != "qcow2" {
            return String::new();
        }
        let said = self.run(["check", "-f", "qcow2", text(disk.1)]);
        assert!(said.starts_with("No errors were found on the image.\n"), "{disk:?}: {said}");
        said
    }
}

impl std::ops::Deref for QemuImg {
    type Target = Peer;

    fn deref(&self) -> &Peer {
        &self.0
    }
}
