//! **libdeflate itself** compresses the same members that a layer is made of, on two threads, and does
//! nothing else: no hashing, no tar, no output, no order; the checksum in each member is part of gzip.
//! It is the limit of what a build with the same size of layer can reach.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use libdeflater::{CompressionLvl, Compressor};

const MEMBER_BYTES: u64 = 1 << 20;
const THREADS: usize = 2;

/// Time and compressed size of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    pub(crate) wall_s: f64,
    pub(crate) bytes: u64,
}

/// Compresses the file at `path` from the page cache, and discards the result.
pub(crate) fn compress(path: &Path, level: i32) -> io::Result<Pace> {
    let level = CompressionLvl::new(level)
        .map_err(|error| io::Error::other(format!("level {level}: {error:?}")))?;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let next = AtomicU64::new(0);
    let start = Instant::now();
    let sizes = thread::scope(|scope| {
        let work = || members(&file, length, &next, level);
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a compressing thread died")))
        };
        threads.into_iter().map(join).collect::<io::Result<Vec<u64>>>()
    })?;
    Ok(Pace { wall_s: start.elapsed().as_secs_f64(), bytes: sizes.iter().sum() })
}

/// Compresses members until none is left, and returns the sum of their compressed sizes.
fn members(file: &File, length: u64, next: &AtomicU64, level: CompressionLvl) -> io::Result<u64> {
    let mut compressor = Compressor::new(level);
    let member_bytes = usize::try_from(MEMBER_BYTES).map_err(io::Error::other)?;
    let mut input = vec![0; member_bytes];
    let mut output = vec![0; compressor.gzip_compress_bound(member_bytes)];
    let mut total = 0;
    loop {
        let offset = next.fetch_add(MEMBER_BYTES, Ordering::Relaxed);
        if offset >= length {
            return Ok(total);
        }
        let size = (length - offset).min(MEMBER_BYTES);
        let input = &mut input[..usize::try_from(size).map_err(io::Error::other)?];
        file.read_exact_at(input, offset)?;
        let compressed = compressor.gzip_compress(input, &mut output).map_err(io::Error::other)?;
        total += compressed as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_compressed_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("disk");
        let text: Vec<u8> = (0..2_500_000_u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &text).unwrap();
        let mut compressor = Compressor::new(CompressionLvl::new(6).unwrap());
        let mut output = vec![0; 2 << 20];
        let expected: usize = text
            .chunks(1 << 20)
            .map(|member| compressor.gzip_compress(member, &mut output).unwrap())
            .sum();
        assert_eq!(compress(&path, 6).unwrap().bytes, expected as u64);
        assert!(compress(&path, 99).is_err());
    }
}
