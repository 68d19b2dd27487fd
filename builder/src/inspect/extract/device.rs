//! A *block device* that receives a disk. Zeros are discarded where the device can do that, and all is
//! read again at the end: an error of a device may show only then.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate};
use sha2::{Digest as _, Sha256};

use super::output::DiskOutput;

/// Length of a write of zeros, and of a read, in bytes.
const STEP: usize = 1 << 20;

/// Zeros are discarded in multiples of this many bytes, which no logical block exceeds.
const BLOCK: u64 = 4096;

/// A block device, or any file that is written in place.
#[derive(Debug)]
pub struct DeviceOutput {
    file: File,
    at: u64,
    /// End of what was written before a restart.
    discarded: u64,
    hash: Sha256,
}

impl DeviceOutput {
    /// Returns an output that writes to a device, which is open for writing and reading.
    pub fn new(file: File) -> Self {
        Self { file, at: 0, discarded: 0, hash: Sha256::new() }
    }

    fn zero(&self, mut at: u64, end: u64) -> io::Result<()> {
        let (start, stop) = (at.next_multiple_of(BLOCK), end - end % BLOCK);
        if start < stop {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            if fallocate(&self.file, flags, start, stop - start).is_ok() {
                self.write_zeros_at(at, start)?;
                at = stop;
            }
        }
        self.write_zeros_at(at, end)
    }

    fn write_zeros_at(&self, mut at: u64, end: u64) -> io::Result<()> {
        let zeros = vec![0; STEP.min(usize::try_from(end - at).unwrap_or(STEP))];
        while at < end {
            let count = usize::try_from(end - at).map_or(STEP, |left| left.min(STEP));
            self.file.write_all_at(&zeros[..count], at)?;
            at += count as u64;
        }
        Ok(())
    }

    /// Reads what was written from the device.
    fn verify(&self) -> io::Result<()> {
        // What the system still has in memory says nothing about the device.
        fadvise(&self.file, 0, None, Advice::DontNeed)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; STEP];
        let mut at = 0;
        while at < self.at {
            let count = usize::try_from(self.at - at).map_or(STEP, |left| left.min(STEP));
            self.file.read_exact_at(&mut buffer[..count], at)?;
            hash.update(&buffer[..count]);
            at += count as u64;
        }
        if hash.finalize() == self.hash.clone().finalize() {
            return Ok(());
        }
        Err(io::Error::other("the device does not have what was written to it"))
    }
}

impl DiskOutput for DeviceOutput {
    fn begin(&mut self, _path: &str, size: u64) -> io::Result<()> {
        let len = self.file.seek(SeekFrom::End(0))?;
        if len < size {
            let text = format!("the device has {len} bytes, and the disk {size}");
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        Ok(())
    }

    fn write_data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.file.write_all_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn write_zeros(&mut self, len: u64) -> io::Result<()> {
        let zeros = vec![0; STEP.min(usize::try_from(len).unwrap_or(STEP))];
        let mut left = len;
        while left > 0 {
            let count = usize::try_from(left).map_or(STEP, |left| left.min(STEP));
            self.hash.update(&zeros[..count]);
            left -= count as u64;
        }
        self.zero(self.at, self.at + len)?;
        self.at += len;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        // What was discarded is not left behind a shorter disk.
        if self.at < self.discarded {
            self.zero(self.at, self.discarded)?;
        }
        self.file.sync_all()?;
        self.verify()
    }

    fn restart(&mut self) -> io::Result<()> {
        self.discarded = self.discarded.max(self.at);
        (self.at, self.hash) = (0, Sha256::new());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_written_over_what_was_there() {
        let check = |parts: &[(u8, usize)]| {
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(&vec![0xff; 40_000], 0).unwrap();
            let len: usize = parts.iter().map(|part| part.1).sum();
            let mut output = DeviceOutput::new(file.try_clone().unwrap());
            output.begin("disk/x", len as u64).unwrap();
            let mut expected = Vec::new();
            for (byte, count) in parts {
                expected.extend(vec![*byte; *count]);
                match byte {
                    0 => output.write_zeros(*count as u64).unwrap(),
                    byte => output.write_data(&vec![*byte; *count]).unwrap(),
                }
            }
            output.finish().unwrap();
            expected.resize(40_000, 0xff);
            let mut found = vec![0; 40_000];
            file.read_exact_at(&mut found, 0).unwrap();
            assert!(found == expected, "{parts:?}");
        };
        check(&[]);
        check(&[(1, 40_000)]);
        check(&[(0, 40_000)]);
        check(&[(1, 100), (0, 30_000), (2, 5)]);
        check(&[(0, 10), (1, 1), (0, 4090), (3, 8192), (0, 1)]);
    }

    #[test]
    fn discarded_disks_leave_nothing() {
        let check = |discarded: usize, len: usize| {
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(&vec![0xff; 20_000], 0).unwrap();
            let mut output = DeviceOutput::new(file.try_clone().unwrap());
            output.begin("disk/x", 0).unwrap();
            output.write_data(&vec![1; discarded]).unwrap();
            output.restart().unwrap();
            output.begin("disk/y", 0).unwrap();
            output.write_data(&vec![2; len]).unwrap();
            output.finish().unwrap();
            let mut expected = vec![2; len];
            expected.resize(len.max(discarded), 0);
            expected.resize(20_000, 0xff);
            let mut found = vec![0; 20_000];
            file.read_exact_at(&mut found, 0).unwrap();
            assert!(found == expected, "{discarded} {len}");
        };
        check(10_000, 3);
        check(3, 10_000);
        check(20_000, 0);
        check(0, 20_000);
        check(8192, 8192);
    }

    #[test]
    fn devices_that_are_small_or_forget_are_refused() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(100).unwrap();
        let mut output = DeviceOutput::new(file.try_clone().unwrap());
        let refused = output.begin("disk/x", 101).unwrap_err().to_string();
        assert_eq!(refused, "the device has 100 bytes, and the disk 101");
        output.write_data(&[1; 100]).unwrap();
        file.write_all_at(&[2], 50).unwrap();
        let refused = output.finish().unwrap_err().to_string();
        assert_eq!(refused, "the device does not have what was written to it");
    }
}
