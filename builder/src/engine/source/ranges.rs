//! Files on servers that are read in any *ranges*. At first the file is read from its beginning to its end, and
//! checked; every range that is read later must have the same bytes.

use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use url::Url;

use super::SourceErrorKind;
use super::download::DownloadError;
use super::http::{DownloadSource, status_error};
use super::raw::{RawStream, SharedStream, download_error};
use super::request_files::SecretHeaders;
use crate::disk::ReadAt;
use crate::net::http::{ContentRange, HttpClient, HttpError, HttpRequest};
use crate::recipe::Checksum;

/// Length of a block in bytes, which is requested and compared as a whole.
const BLOCK: usize = 1 << 20;

/// How many blocks are kept: conversion reads on several threads.
const KEPT: usize = 8;

/// How many blocks a file has at most: their hashes take 16 MiB.
const BLOCKS_MAX: usize = 512 << 10;

/// A file on a server that sends ranges.
#[derive(Debug)]
pub(super) struct RangedDownload<'a> {
    download: DownloadSource<'a>,
    address: RangeAddress,
    checksum: Option<Checksum>,
}

impl<'a> RangedDownload<'a> {
    /// Returns the file; nothing if its server sends no ranges of it.
    pub(super) fn find(
        download: DownloadSource<'a>,
        checksum: Option<Checksum>,
    ) -> Result<Option<Self>, DownloadError> {
        let DownloadSource { url, client, headers, .. } = &download;
        let (client, headers) = (client.clone(), Arc::clone(headers));
        let Ok(url) = Url::parse(url) else { return Ok(None) };
        let address = RangeAddress { client, url, headers };
        match address.request(0, 1) {
            Ok(_) => Ok(Some(Self { download, address, checksum })),
            // The whole file, or another part of it.
            Err(DownloadError::Status { status: 200..=299, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the whole file, and returns it for reading in any order. `progress` can cancel.
    pub(super) fn read_whole(
        &self,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), RangedFile>, SourceErrorKind> {
        let stream = RawStream::from_download(self.download.start()?);
        let mut stream = SharedStream::new(stream, self.checksum.as_ref());
        let (mut hashes, mut len, mut block) = (Vec::new(), 0, Vec::with_capacity(BLOCK));
        loop {
            if progress(0).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            block.clear();
            let read = stream.by_ref().take(BLOCK as u64).read_to_end(&mut block);
            read.map_err(download_error)?;
            if block.is_empty() {
                break;
            }
            if hashes.len() == BLOCKS_MAX {
                return Err(SourceErrorKind::TooLong);
            }
            len += block.len() as u64;
            hashes.push(hash(&block));
        }
        stream.check_rest(self.checksum.as_ref())?;
        let (address, kept) = (self.address.clone(), Mutex::default());
        Ok(ControlFlow::Continue(RangedFile { address, len, hashes, kept }))
    }
}

/// Where ranges are requested.
#[derive(Debug, Clone)]
struct RangeAddress {
    client: HttpClient,
    url: Url,
    headers: SecretHeaders,
}

impl RangeAddress {
    /// Returns a range, and the length of the whole file in bytes.
    fn request(&self, at: u64, len: usize) -> Result<(Vec<u8>, u64), DownloadError> {
        let range = format!("bytes={at}-{}", at + len as u64 - 1);
        let mut request = HttpRequest::new("GET", &self.url).header("Range", range);
        request.secret_headers = self.headers.to_vec();
        let mut response = self.client.send_following_redirects(&request)?;
        let found = ContentRange::of_response(&response.head).filter(|range| range.first == at);
        let Some(whole) = found.and_then(|range| range.len) else {
            return Err(status_error(&response.head));
        };
        let mut block = vec![0; len];
        let read = response.read_exact(&mut block);
        read.map_err(|error| HttpError::from_io(error, self.client.options().stall))?;
        Ok((block, whole))
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A block, and its number.
type KeptBlock = (usize, Arc<[u8]>);

/// A file on a server, of which every range must be as it was when the file was read as a whole.
pub(super) struct RangedFile {
    address: RangeAddress,
    len: u64,
    /// Hashes of all blocks.
    hashes: Vec<[u8; 32]>,
    /// The blocks that were read last.
    kept: Mutex<VecDeque<KeptBlock>>,
}

impl RangedFile {
    fn block(&self, number: usize) -> io::Result<Arc<[u8]>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, block)) = kept().iter().find(|(other, _)| *other == number) {
            return Ok(Arc::clone(block));
        }
        let block: Arc<[u8]> = self.fetch(number)?.into();
        if self.hashes.get(number) != Some(&hash(&block)) {
            return Err(io::Error::other(DownloadError::Changed));
        }
        let mut kept = kept();
        kept.truncate(KEPT - 1);
        kept.push_front((number, Arc::clone(&block)));
        Ok(block)
    }

    /// Requests a block until it comes, or the attempts end.
    fn fetch(&self, number: usize) -> io::Result<Vec<u8>> {
        let at = number as u64 * BLOCK as u64;
        let len = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX).min(BLOCK);
        let client = &self.address.client;
        let mut attempts = client.attempts();
        loop {
            let error = match self.address.request(at, len) {
                Ok((block, whole)) if whole == self.len => return Ok(block),
                Ok(_) => DownloadError::Changed,
                Err(error) => error,
            };
            let pause = attempts.next_pause(error.pause()).filter(|_| error.is_transient());
            let Some(pause) = pause else { return Err(io::Error::other(error)) };
            if client.sleep(pause).is_break() {
                return Err(io::Error::other(DownloadError::Cancelled));
            }
        }
    }
}

impl ReadAt for RangedFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, mut space: &mut [u8], mut at: u64) -> io::Result<()> {
        while !space.is_empty() {
            let number = usize::try_from(at / BLOCK as u64).unwrap_or(usize::MAX);
            if number >= self.hashes.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let block = self.block(number)?;
            let skip = usize::try_from(at % BLOCK as u64).unwrap_or(usize::MAX);
            let rest = block.get(skip..).filter(|rest| !rest.is_empty());
            let rest = rest.ok_or(io::ErrorKind::UnexpectedEof)?;
            let count = rest.len().min(space.len());
            let (now, later) = space.split_at_mut(count);
            now.copy_from_slice(&rest[..count]);
            (space, at) = (later, at + count as u64);
        }
        Ok(())
    }
}

impl std::fmt::Debug for RangedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RangedFile").field("len", &self.len).finish_non_exhaustive()
    }
}
