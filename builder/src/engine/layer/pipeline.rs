//! The *pipeline* moves blocks from the sources to the blob on several threads. Every queue in it
//! has a bound, and blocks leave in the order they came.

use std::collections::HashMap;
use std::io::{self, IoSlice, Write};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use thiserror::Error;

use super::blocks::{BlockError, BlockReader};
use super::buffers::BlockBuffers;
use super::compression::{block_count, block_len};
use super::digests::{LayerDigests, hash_blocks};
use super::encode::{BlockEncoders, EncodedBlock};
use super::known_frames::KnownFrames;
use super::metadata::ChunkedFiles;
use super::plan::LayerPlan;
use super::tar::TarError;
use crate::compression::LayerCompression;
use crate::engine::source::{ContentError, SourceContent, SourceError};
use crate::oci::image::layer::{ChunkedMetadata, FinishedLayer};
use crate::oci::sink::write_slices;
use crate::recipe::LayerContent;

/// Why a layer could not be written.
#[derive(Debug, Error)]
pub enum LayerError {
    /// A source could not be read, or breaks what is expected of it.
    #[error("{error}")]
    Source {
        /// Number of its content among those of the layer.
        content: usize,
        /// What is wrong with it.
        #[source]
        error: SourceError,
    },
    /// The size of a content has to be measured first.
    #[error("the size has to be measured first")]
    Unmeasured {
        /// Number of the content among those of the layer.
        content: usize,
    },
    /// The entries cannot be put into a tar.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// The blob could not be written.
    #[error("cannot write the layer")]
    Write(#[source] io::Error),
    /// A compressor failed.
    #[error("cannot compress the layer")]
    Compress(#[source] io::Error),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A compressing thread ended without a result.
    #[error("a compressing thread failed")]
    Worker,
}

impl LayerError {
    /// Returns the error of a content by its number.
    pub(crate) fn from_content(content: usize, error: ContentError) -> Self {
        match error {
            ContentError::Unmeasured => Self::Unmeasured { content },
            ContentError::Source(error) => Self::Source { content, error },
        }
    }
}

impl From<BlockError> for LayerError {
    fn from(BlockError { content, error }: BlockError) -> Self {
        Self::from_content(content, error)
    }
}

/// Threads and memory that layers are built with. Layers that are built at one time share them.
#[derive(Debug)]
pub struct LayerWorkers {
    pool: Arc<ThreadPool>,
    lines: Mutex<HashMap<LayerCompression, Arc<CompressionLine>>>,
}

/// The memory and the encoders of one compression.
#[derive(Debug)]
struct CompressionLine {
    buffers: Arc<BlockBuffers>,
    encoders: Arc<BlockEncoders>,
    depth: usize,
}

impl LayerWorkers {
    /// Starts `jobs` compressing threads.
    pub fn start(jobs: usize) -> Result<Self, ThreadPoolBuildError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(jobs)
            .thread_name(|index| format!("compress-{index}"))
            // The writer notices that a block was lost; the program need not abort.
            .panic_handler(|_| ())
            .build()?;
        Ok(Self { pool: Arc::new(pool), lines: Mutex::default() })
    }

    /// Returns the number of compressing threads.
    pub(crate) fn jobs(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Returns the compressing threads, for other data that has to be compressed.
    pub(crate) fn pool(&self) -> &Arc<ThreadPool> {
        &self.pool
    }

    fn line(&self, compression: LayerCompression) -> Arc<CompressionLine> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.entry(compression).or_insert_with(|| {
            let depth = block_count(compression, self.jobs());
            let buffers = BlockBuffers::new(depth, block_len(compression));
            let encoders = Arc::new(BlockEncoders::new(compression, depth));
            Arc::new(CompressionLine { buffers, encoders, depth })
        });
        Arc::clone(line)
    }
}

/// What a layer is made from.
pub(crate) struct LayerInput<'a> {
    /// Content of the recipe's layer.
    pub(crate) content: &'a LayerContent,
    /// Contents of its files, in order; nothing of them has been read.
    pub(crate) contents: Vec<Box<dyn SourceContent + 'a>>,
    /// Modification time of every entry, in seconds since 1970.
    pub(crate) mtime: u64,
    /// Compression of the blob.
    pub(crate) compression: LayerCompression,
    /// Frames that need not be made.
    pub(crate) known: Option<Arc<KnownFrames>>,
}

impl LayerInput<'_> {
    /// Returns the length of the layer in bytes, before it is compressed.
    pub(crate) fn plain_len(&self) -> Result<u64, TarError> {
        Ok(self.plan()?.len())
    }

    fn plan(&self) -> Result<LayerPlan, TarError> {
        let sizes: Vec<u64> = self.contents.iter().map(|content| content.size()).collect();
        match self.content {
            LayerContent::Tar(entries) => LayerPlan::of_tar(entries, &sizes, self.mtime),
            LayerContent::Blob(_) => Ok(LayerPlan::of_blob(sizes.iter().sum())),
        }
    }

    /// Returns the size of the content in bytes, if the layer is one in no tar.
    fn blob_len(&self) -> Option<u64> {
        match self.content {
            LayerContent::Tar(_) => None,
            LayerContent::Blob(_) => Some(self.contents.iter().map(|content| content.size()).sum()),
        }
    }
}

/// Writes a layer's blob to `blob`. `progress` receives how many more bytes of the layer are done,
/// and can cancel.
pub(crate) fn write_layer(
    mut input: LayerInput<'_>,
    workers: &LayerWorkers,
    blob: &mut dyn Write,
    progress: &dyn Fn(u64) -> ControlFlow<()>,
) -> Result<FinishedLayer, LayerError> {
    let plan = input.plan()?;
    let line = workers.line(input.compression);
    let buffers = Arc::clone(&line.buffers);
    let files = matches!(input.compression, LayerCompression::ZstdChunked(_))
        .then(|| ChunkedFiles::new(input.contents.len()));
    let blocks =
        BlockReader::new(&plan, &mut input.contents, buffers, block_len(input.compression));
    let (mut digests, mut size) = thread::scope(|scope| {
        let (queue, pending) = sync_channel(line.depth);
        let (hash_queue, unhashed) = sync_channel(HASH_QUEUE_LEN);
        let (pool, encoders) = (&workers.pool, &line.encoders);
        let known = input.known.as_ref();
        let reader = scope.spawn(move || read_blocks(blocks, pool, (encoders, known), &queue));
        let hashing = scope.spawn(move || hash_blocks(unhashed, files));
        // This consumes both queues, so that the other threads end when writing fails.
        let written = write_blocks(pending, &hash_queue, blob, progress);
        drop(hash_queue);
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let digests = hashing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A source that failed is why the blob is short, so it is reported first.
        read?;
        Ok::<_, LayerError>((digests, written?))
    })?;
    let chunked = write_metadata(&mut digests, input.content, input.mtime, blob, &mut size)?;
    let (diff_id, digest) = digests.finish();
    Ok(FinishedLayer { digest, size, diff_id, chunked, content_size: input.blob_len() })
}

/// Writes the metadata at the end of the blob, if the layer is in zstd:chunked.
fn write_metadata(
    digests: &mut LayerDigests,
    content: &LayerContent,
    mtime: u64,
    blob: &mut dyn Write,
    size: &mut u64,
) -> Result<Option<ChunkedMetadata>, LayerError> {
    let LayerContent::Tar(entries) = content else { return Ok(None) };
    let Some(files) = digests.take_files() else { return Ok(None) };
    let (frames, metadata) = files.into_frames(entries, mtime).map_err(LayerError::Compress)?;
    digests.add_trailer(&frames);
    blob.write_all(&frames).map_err(LayerError::Write)?;
    *size += frames.len() as u64;
    Ok(Some(metadata))
}

/// Number of blocks that wait for being hashed while later ones are written.
const HASH_QUEUE_LEN: usize = 2;

/// A block that is being compressed.
type PendingBlock = Receiver<io::Result<EncodedBlock>>;

/// Reads all blocks.
fn read_blocks(
    mut blocks: BlockReader<'_, '_>,
    pool: &ThreadPool,
    (encoders, known): (&Arc<BlockEncoders>, Option<&Arc<KnownFrames>>),
    queue: &SyncSender<PendingBlock>,
) -> Result<(), BlockError> {
    while let Some(block) = blocks.next_block()? {
        let (done, pending) = sync_channel(1);
        if queue.send(pending).is_err() {
            // Writing has failed, and reports why.
            break;
        }
        let (encoders, known) = (Arc::clone(encoders), known.cloned());
        pool.spawn_fifo(move || {
            // There is no receiver if writing has failed.
            drop(done.send(encoders.encode(block, known.as_deref())));
        });
    }
    Ok(())
}

/// Writes all blocks in order, and passes them on to be hashed. Returns the size of the blob.
fn write_blocks(
    queue: Receiver<PendingBlock>,
    hash_queue: &SyncSender<Arc<EncodedBlock>>,
    blob: &mut dyn Write,
    progress: &dyn Fn(u64) -> ControlFlow<()>,
) -> Result<u64, LayerError> {
    let mut size = 0;
    for pending in queue {
        let encoded = pending.recv().map_err(|_| LayerError::Worker)?;
        let encoded = Arc::new(encoded.map_err(LayerError::Compress)?);
        hash_queue.send(Arc::clone(&encoded)).map_err(|_| LayerError::Worker)?;
        write_pieces(&encoded, blob).map_err(LayerError::Write)?;
        size += encoded.slices().map(|piece| piece.len() as u64).sum::<u64>();
        if progress(encoded.source().len() as u64).is_break() {
            return Err(LayerError::Cancelled);
        }
    }
    Ok(size)
}

fn write_pieces(encoded: &EncodedBlock, blob: &mut dyn Write) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = encoded.slices().map(IoSlice::new).collect();
    write_slices(blob, &mut slices)
}

impl std::fmt::Debug for LayerInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerInput").field("content", &self.content).finish_non_exhaustive()
    }
}
