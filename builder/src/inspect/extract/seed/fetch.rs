//! The *fetcher* requests ranges of a blob, some at a time, and hands out their bytes in order.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::slice::Iter;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use crate::oci::image::descriptor::Descriptor;
use crate::oci::images::Images;
use crate::oci::progress::Progress;

/// How many requests run at a time.
const REQUESTS: usize = 4;

/// Length in bytes of what is read of a response at a time, and how many such pieces of each wait to be used.
const PIECE: usize = 64 * 1024;
const WAITING: usize = 16;

type Piece = io::Result<Vec<u8>>;

/// A range, and the one who waits for its bytes.
type Request = (Range<u64>, SyncSender<Piece>);

/// Images, the layer that ranges are requested of, and its number in progress events.
pub(super) type LayerSource<'a> = (&'a dyn Images, &'a Descriptor, usize);

/// Requests ranges.
pub(super) struct RangeFetcher<'p> {
    /// The ranges that nobody has been told to request.
    waiting: Iter<'p, Range<u64>>,
    requests: Sender<Request>,
    /// The ranges that are requested, in order.
    requested: VecDeque<RangeReader>,
    /// The range that is being read.
    current: Option<RangeReader>,
}

impl<'p> RangeFetcher<'p> {
    /// Returns a fetcher of these ranges, which begins at once.
    pub(super) fn new<'scope, 'a: 'scope>(
        ranges: &'p [Range<u64>],
        source: LayerSource<'a>,
        progress: &'a dyn Progress,
        scope: &'scope Scope<'scope, '_>,
    ) -> Self {
        let (requests, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..REQUESTS.min(ranges.len()) {
            let receiver = Arc::clone(&receiver);
            scope.spawn(move || serve(&receiver, source, progress));
        }
        let waiting = ranges.iter();
        let mut fetcher = Self { waiting, requests, requested: VecDeque::new(), current: None };
        fetcher.request();
        fetcher
    }

    /// Has as many ranges requested as run at a time.
    fn request(&mut self) {
        while self.requested.len() < REQUESTS
            && let Some(range) = self.waiting.next()
        {
            let (sender, receiver) = sync_channel(WAITING);
            // Without a thread that requests it, reading it fails.
            self.requests.send((range.clone(), sender)).unwrap_or_default();
            let reader = RangeReader { rest: range.clone(), receiver, piece: Vec::new(), at: 0 };
            self.requested.push_back(reader);
        }
    }

    /// Reads a frame, which lies in one of the ranges, behind the one that was read last.
    pub(super) fn read(&mut self, frame: &Range<u64>, bytes: &mut Vec<u8>) -> io::Result<()> {
        let is_in = |it: &RangeReader| it.rest.start <= frame.start && frame.end <= it.rest.end;
        loop {
            if let Some(reader) = self.current.as_mut().filter(|it| is_in(it)) {
                return reader.read_frame(frame, bytes);
            }
            let next = self.requested.pop_front();
            self.current = Some(next.ok_or(io::ErrorKind::UnexpectedEof)?);
            self.request();
        }
    }
}

/// Requests what is asked for, until nobody asks any more.
fn serve(requests: &Mutex<Receiver<Request>>, source: LayerSource<'_>, progress: &dyn Progress) {
    loop {
        let request = requests.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((range, sender)) = request else { return };
        if let Err(error) = send_range(range, source, progress, &sender) {
            // Nobody may wait for it any more.
            sender.send(Err(error)).unwrap_or_default();
        }
    }
}

fn send_range(
    range: Range<u64>,
    (images, layer, number): LayerSource<'_>,
    progress: &dyn Progress,
    sender: &SyncSender<Piece>,
) -> io::Result<()> {
    let len = range.end - range.start;
    let reader = images.open_exact_part(layer.digest, layer.size, range);
    let mut reader = reader.map_err(io::Error::other)?.take(len);
    loop {
        let mut piece = vec![0; PIECE];
        let count = reader.read(&mut piece)?;
        piece.truncate(count);
        if count == 0 || progress.advance(number, count as u64).is_break() {
            return Ok(());
        }
        if sender.send(Ok(piece)).is_err() {
            return Ok(());
        }
    }
}

/// Reads the bytes of a range, which another thread requests.
struct RangeReader {
    /// What is left to be read.
    rest: Range<u64>,
    receiver: Receiver<Piece>,
    piece: Vec<u8>,
    at: usize,
}

impl RangeReader {
    fn read_frame(&mut self, frame: &Range<u64>, bytes: &mut Vec<u8>) -> io::Result<()> {
        let gap = frame.start - self.rest.start;
        let skipped = io::copy(&mut self.take(gap), &mut io::sink())?;
        let len = usize::try_from(frame.end - frame.start).map_err(io::Error::other)?;
        bytes.resize(len, 0);
        self.read_exact(bytes)?;
        if skipped == gap { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Read for RangeReader {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            (self.piece, self.at) = (self.receiver.recv().unwrap_or_else(|_| Ok(Vec::new()))?, 0);
        }
        let piece = self.piece.get(self.at..).unwrap_or_default();
        let count = piece.len().min(space.len());
        space[..count].copy_from_slice(&piece[..count]);
        self.at += count;
        self.rest.start += count as u64;
        Ok(count)
    }
}
