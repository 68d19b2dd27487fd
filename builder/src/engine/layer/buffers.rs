//! A *block* is a fixed-size piece of a layer's tar on its way through the pipeline. Blocks live in
//! a fixed set of *buffers* that are reused: this bounds the memory of a build, and spares the page
//! faults that fresh allocations of this size would cost.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::disk::is_zero;

/// A fixed number of equally large buffers, shared by the layers that are built at one time.
#[derive(Debug)]
pub(crate) struct BlockBuffers {
    size: usize,
    zeros: Arc<Vec<u8>>,
    free: Mutex<FreeBuffers>,
    returned: Condvar,
}

#[derive(Debug)]
struct FreeBuffers {
    buffers: Vec<Vec<u8>>,
    /// Number of buffers that may still be allocated.
    unallocated: usize,
}

impl BlockBuffers {
    /// Returns a set of at most `count` buffers, which are allocated when first needed.
    pub(crate) fn new(count: usize, size: usize) -> Arc<Self> {
        Arc::new(Self {
            size,
            // Never written to, so the system maps one page of zeros for all of it.
            zeros: Arc::new(vec![0; size]),
            free: Mutex::new(FreeBuffers { buffers: Vec::new(), unallocated: count }),
            returned: Condvar::new(),
        })
    }

    /// Returns a buffer of `size` bytes of unspecified content, waiting until one is free.
    pub(crate) fn take(self: &Arc<Self>) -> BlockBuffer {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(bytes) = free.buffers.pop() {
                return self.buffer(bytes);
            }
            if free.unallocated > 0 {
                free.unallocated -= 1;
                drop(free);
                return self.buffer(vec![0; self.size + ALIGNMENT]);
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn buffer(self: &Arc<Self>, bytes: Vec<u8>) -> BlockBuffer {
        let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        BlockBuffer { bytes, start, home: Arc::clone(self) }
    }

    /// Returns a block of `len` zeros, at most one buffer long, that needs no buffer.
    pub(crate) fn zero_block(&self, len: usize) -> TarBlock {
        TarBlock { content: BlockBytes::Zeros(Arc::clone(&self.zeros)), len }
    }
}

/// Alignment of buffers in memory, in bytes. The system copies files page by page; some processors
/// (AMD's among them) do so at a quarter of the speed if the target begins a few bytes further into
/// its page than the source, which is where allocators put large buffers.
const ALIGNMENT: usize = 4096;

/// One buffer, which returns to its set when dropped.
#[derive(Debug)]
pub(crate) struct BlockBuffer {
    bytes: Vec<u8>,
    start: usize,
    home: Arc<BlockBuffers>,
}

impl BlockBuffer {
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.home.size]
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.home.size]
    }

    /// Returns the block of the first `len` bytes.
    pub(crate) fn into_block(self, len: usize) -> TarBlock {
        TarBlock { content: BlockBytes::Read(self), len }
    }
}

impl Drop for BlockBuffer {
    fn drop(&mut self) {
        let mut free = self.home.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.buffers.push(std::mem::take(&mut self.bytes));
        self.home.returned.notify_one();
    }
}

/// A piece of the tar, at most one buffer long.
#[derive(Debug)]
pub(crate) struct TarBlock {
    content: BlockBytes,
    len: usize,
}

#[derive(Debug)]
enum BlockBytes {
    Read(BlockBuffer),
    /// Known to be zeros without having been read.
    Zeros(Arc<Vec<u8>>),
}

impl TarBlock {
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.content {
            BlockBytes::Read(buffer) => &buffer.bytes()[..self.len],
            BlockBytes::Zeros(zeros) => &zeros[..self.len],
        }
    }

    /// Returns whether every byte is zero; looks at the bytes only if that is not known already.
    pub(crate) fn is_zero(&self) -> bool {
        match &self.content {
            BlockBytes::Zeros(_) => true,
            BlockBytes::Read(_) => is_zero(self.bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_made_once_and_go_round() {
        let buffers = BlockBuffers::new(2, 16);
        let first = buffers.take().into_block(3);
        let second = buffers.take();
        let waiting = std::thread::spawn({
            let buffers = Arc::clone(&buffers);
            move || buffers.take().into_block(16).bytes().len()
        });
        drop(first);
        assert_eq!(waiting.join().unwrap(), 16);
        drop(second);
        assert_eq!(buffers.free.lock().unwrap().buffers.len(), 2);
        assert_eq!(buffers.free.lock().unwrap().unallocated, 0);
        assert!(buffers.zero_block(7).is_zero());
    }
}
