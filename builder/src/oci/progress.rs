//! *Progress* is what the engine tells while it works, and how it is told to stop. The library
//! shows nothing itself.

use crate::oci::image::digest::Digest;
use crate::oci::image::layer::Layer;
use crate::oci::image::platform::Platform;
use crate::oci::sink::Moved;

/// Listens to a build or a copy; called from several threads.
pub trait Progress: Sync {
    /// Something happened.
    fn event(&self, event: Event<'_>);

    /// Tells whether the user wants the build to end; it is asked often.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// One thing that happened. Layers are numbered within a build, from 0.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A disk that a layer will hold is looked at, to know what it is converted to. It advances as the
    /// layer will.
    Surveying {
        /// Number of the layer.
        layer: usize,
        /// The first platform that needs it.
        platform: &'a Platform,
        /// What the layer holds.
        name: &'a str,
        /// Of the disk, in bytes.
        len: u64,
    },
    /// A layer is being made.
    Started {
        /// Its number.
        layer: usize,
        /// The first platform that needs it.
        platform: &'a Platform,
        /// What it holds.
        name: &'a str,
        /// Length of its tar in bytes.
        len: u64,
    },
    /// More of a layer's tar, or of the survey for it, is done.
    Advanced {
        /// Its number.
        layer: usize,
        /// How many bytes more.
        len: u64,
    },
    /// A layer is there.
    Finished {
        /// Its number.
        layer: usize,
        /// The first platform that needs it.
        platform: &'a Platform,
        /// What it holds.
        name: &'a str,
        /// What it came to.
        result: &'a Layer,
        /// How it came about.
        how: Made,
    },
    /// A blob that lies somewhere is being moved. Blobs are numbered within a copy, from 0, and
    /// advance as layers do.
    Moving {
        /// Its number.
        blob: usize,
        /// Of the blob.
        digest: Digest,
        /// In bytes.
        len: u64,
    },
    /// A blob is where it should be.
    Moved {
        /// Its number.
        blob: usize,
        /// Of the blob.
        digest: Digest,
        /// In bytes.
        len: u64,
        /// How it came there.
        how: Moved,
    },
    /// A blob that lies somewhere is being read, to be looked at. Blobs are numbered and advance as
    /// those do that are moved.
    Reading {
        /// Its number.
        blob: usize,
        /// Of the blob.
        digest: Digest,
        /// In bytes.
        len: u64,
    },
    /// A blob has been read.
    Read {
        /// Its number.
        blob: usize,
        /// Of the blob.
        digest: Digest,
        /// In bytes.
        len: u64,
    },
    /// Something that the user may want to know, and that changes nothing.
    Note(&'a str),
}

/// How a layer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// Its sources were read.
    Built,
    /// It was there, and its input is unchanged.
    Reused,
}

/// Hears nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _event: Event<'_>) {}
}
