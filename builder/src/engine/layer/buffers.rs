//! A *block* is a fixed-size piece of a layer's tar on its way through the pipeline. Blocks live in
//! a fixed set of *buffers* that go round: this bounds the memory of a build, and spares the page
//! faults that fresh allocations of this size would cost.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::disk::is_zero;

/// A fixed number of equally large buffers, shared by the layers that are built at one time.
#[derive(Debug)]
pub(crate) struct Buffers {
    size: usize,
    zeros: Arc<Vec<u8>>,
    shelf: Mutex<Shelf>,
    returned: Condvar,
}

#[derive(Debug)]
struct Shelf {
    free: Vec<Vec<u8>>,
    /// How many may still be made.
    unmade: usize,
}

impl Buffers {
    /// Returns a set of at most `count` buffers, made when first needed.
    pub(crate) fn new(count: usize, size: usize) -> Arc<Self> {
        Arc::new(Self {
            size,
            // Never written to, so the system lends one page of zeros for all of it.
            zeros: Arc::new(vec![0; size]),
            shelf: Mutex::new(Shelf { free: Vec::new(), unmade: count }),
            returned: Condvar::new(),
        })
    }

    /// Returns a buffer of `size` bytes of unspecified content, waiting until one is free.
    pub(crate) fn take(self: &Arc<Self>) -> Buffer {
        let mut stock = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(bytes) = stock.free.pop() {
                return self.buffer(bytes);
            }
            if stock.unmade > 0 {
                stock.unmade -= 1;
                drop(stock);
                return self.buffer(vec![0; self.size + ALIGNMENT]);
            }
            stock = self.returned.wait(stock).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn buffer(self: &Arc<Self>, bytes: Vec<u8>) -> Buffer {
        let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Buffer { bytes, start, home: Arc::clone(self) }
    }

    /// Returns a block of `len` zeros, at most one buffer long, that needs no buffer.
    pub(crate) fn zeros(&self, len: usize) -> Block {
        Block { content: Content::Zeros(Arc::clone(&self.zeros)), len }
    }
}

/// Where in memory buffers begin. The system copies files page by page; on some processors (AMD's
/// among them) it does so at a quarter of the speed if the target lies a few bytes further into
/// its page than the source, which is just where allocators put large buffers.
const ALIGNMENT: usize = 4096;

/// One buffer; goes back to its set when dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    home: Arc<Buffers>,
}

impl Buffer {
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.home.size]
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.home.size]
    }

    /// Returns the block of the first `len` bytes.
    pub(crate) fn into_block(self, len: usize) -> Block {
        Block { content: Content::Read(self), len }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut stock = self.home.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        stock.free.push(std::mem::take(&mut self.bytes));
        self.home.returned.notify_one();
    }
}

/// A piece of the tar, at most one buffer long.
#[derive(Debug)]
pub(crate) struct Block {
    content: Content,
    len: usize,
}

#[derive(Debug)]
enum Content {
    Read(Buffer),
    /// Known to be zeros without having been read.
    Zeros(Arc<Vec<u8>>),
}

impl Block {
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Read(buffer) => &buffer.bytes()[..self.len],
            Content::Zeros(zeros) => &zeros[..self.len],
        }
    }

    /// Tells whether every byte is zero, looking at them only where that is not known already.
    pub(crate) fn is_zero(&self) -> bool {
        match &self.content {
            Content::Zeros(_) => true,
            Content::Read(_) => is_zero(self.bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_made_once_and_go_round() {
        let buffers = Buffers::new(2, 16);
        let first = buffers.take().into_block(3);
        let second = buffers.take();
        let waiting = std::thread::spawn({
            let buffers = Arc::clone(&buffers);
            move || buffers.take().into_block(16).bytes().len()
        });
        drop(first);
        assert_eq!(waiting.join().unwrap(), 16);
        drop(second);
        assert_eq!(buffers.shelf.lock().unwrap().free.len(), 2);
        assert_eq!(buffers.shelf.lock().unwrap().unmade, 0);
        assert!(buffers.zeros(7).is_zero());
    }
}
