//! A **context** is a build context with many small files beside a disk. It is the same every time, and
//! is made once and kept.

use std::fs;
use std::io;
use std::path::Path;

use crate::random::Random;

/// Number of files in each directory.
const IN_DIRECTORY: u32 = 200;
/// Maximum size of a file in bytes; sizes are evenly distributed, so that 20,000 files have 300 MB.
const LARGEST: u64 = 30_000;
/// Length in bytes of the pieces that contents are made of: three of four are repeated, so that deflate
/// compresses them to about a third, as programs and their texts.
const PIECE: usize = 16;
const KNOWN: usize = 256;

/// Makes the directory if it does not exist; an incomplete one is made again.
pub(crate) fn make(path: &Path, files: u32, disk: Option<&Path>) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let unfinished = path.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(&unfinished)?;
    let mut contents = Contents(Random::default());
    let known: Vec<_> = (0..KNOWN).map(|_| contents.piece()).collect();
    for number in 0..files {
        let directory = unfinished.join(format!("d{:03}", number / IN_DIRECTORY));
        if number % IN_DIRECTORY == 0 {
            fs::create_dir(&directory)?;
        }
        fs::write(directory.join(format!("f{number:05}")), contents.content(&known))?;
    }
    if let Some(disk) = disk {
        let copy = unfinished.join("disk.qcow2");
        fs::hard_link(disk, &copy).or_else(|_| fs::copy(disk, &copy).map(drop))?;
    }
    fs::rename(unfinished, path)
}

/// Makes the contents of files.
struct Contents(Random);

impl Contents {
    fn piece(&mut self) -> [u8; PIECE] {
        let (one, two) = (self.0.next().to_le_bytes(), self.0.next().to_le_bytes());
        // 64 characters, as in texts: bytes that use all 256 values evenly are stored, not compressed.
        std::array::from_fn(|at| b' ' + (if at < 8 { one[at] } else { two[at - 8] } & 63))
    }

    fn content(&mut self, known: &[[u8; PIECE]]) -> Vec<u8> {
        let len = self.0.below(LARGEST + 1);
        let mut content = Vec::with_capacity(len + PIECE);
        while content.len() < len {
            let piece = match self.0.below(4) {
                0 => self.piece(),
                _ => known[self.0.below(KNOWN as u64)],
            };
            content.extend(piece);
        }
        content.truncate(len);
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn contexts_are_the_same_every_time_and_are_made_once() {
        let scratch = tempfile::tempdir().unwrap();
        let (one, two) = (scratch.path().join("one"), scratch.path().join("two"));
        let disk = scratch.path().join("disk");
        fs::write(&disk, "disk").unwrap();
        make(&one, 201, Some(&disk)).unwrap();
        fs::create_dir(scratch.path().join("two.unfinished")).unwrap();
        make(&two, 201, None).unwrap();
        let read = |path: &Path, name: &str| fs::read(path.join(name)).unwrap();
        for name in ["d000/f00000", "d000/f00199", "d001/f00200"] {
            assert_eq!(read(&one, name), read(&two, name), "{name}");
        }
        assert_eq!(read(&one, "disk.qcow2"), b"disk");
        fs::remove_file(one.join("d000/f00000")).unwrap();
        make(&one, 201, None).unwrap();
        assert!(!one.join("d000/f00000").exists());
        assert!(!scratch.path().join("two.unfinished").exists());
    }

    #[test]
    fn sizes_and_compressibility_are_typical() {
        let mut contents = Contents(Random::new(1));
        let known: Vec<_> = (0..KNOWN).map(|_| contents.piece()).collect();
        let contents: Vec<_> = (0..200).flat_map(|_| contents.content(&known)).collect();
        assert!((2_600_000..3_400_000).contains(&contents.len()), "{}", contents.len());
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(&contents).unwrap();
        let percent = packed.finish().unwrap().len() * 100 / contents.len();
        assert!((30..50).contains(&percent), "{percent} %");
    }
}
