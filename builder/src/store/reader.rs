//! The images of a layout, for *reading*. Blobs may be neither links nor anything else than files:
//! a layout can come from anywhere.

use std::io::{self, Read, Seek, SeekFrom};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt as _};
use serde_json::Value;

use super::index::{IMAGE_NAME, REF_NAME};
use super::{BLOBS, INDEX};
use crate::image::digest::Digest;
use crate::image::json::Document;
use crate::images::Images;
use crate::sink::SinkError;

/// The longest document, in bytes.
const DOCUMENT_MAX: u64 = 4 << 20;

/// The images of a layout.
#[derive(Debug)]
pub struct LayoutImages {
    dir: Dir,
    place: String,
    entries: Vec<Entry>,
}

/// An image that `index.json` names.
#[derive(Debug, Clone)]
struct Entry {
    digest: String,
    media_type: String,
    tag: Option<String>,
    name: Option<String>,
}

impl LayoutImages {
    /// Opens the layout in a directory. `place` is what messages call it.
    pub fn open(dir: Dir, place: &str) -> Result<Self, SinkError> {
        let foreign =
            |problem: &str| SinkError::Foreign { place: place.into(), problem: problem.into() };
        let is_layout = dir.try_exists("oci-layout").map_err(SinkError::io("open", place))?;
        if !is_layout {
            return Err(foreign("is not an OCI layout"));
        }
        let bytes = match open_file(&dir, INDEX).and_then(read_all) {
            Ok(bytes) => bytes,
            // A layout that is only being made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { dir, place: place.into(), entries: Vec::new() });
            }
            Err(error) => return Err(SinkError::io("read", format!("{place}/{INDEX}"))(error)),
        };
        let index: Value = serde_json::from_slice(&bytes)
            .map_err(|error| foreign(&format!("has an {INDEX} that is not JSON: {error}")))?;
        let entries = index.get("manifests").and_then(Value::as_array);
        let entries = entries.ok_or_else(|| foreign("has an index without a list of manifests"))?;
        let entries = entries.iter().filter_map(entry).collect();
        Ok(Self { dir, place: place.into(), entries })
    }

    /// Returns the names of all images, for messages: whole ones where they are known.
    pub fn names(&self) -> Vec<&str> {
        let name = |entry: &'_ Entry| -> bool { entry.name.is_some() || entry.tag.is_some() };
        let named = self.entries.iter().filter(|entry| name(entry));
        named.filter_map(|entry| entry.name.as_deref().or(entry.tag.as_deref())).collect()
    }

    /// Returns the whole names that an image has.
    pub fn names_of(&self, digest: Digest) -> Vec<&str> {
        let digest = digest.to_string();
        let same = self.entries.iter().filter(|entry| entry.digest == digest);
        same.filter_map(|entry| entry.name.as_deref()).collect()
    }

    fn blob_place(&self, digest: Digest) -> String {
        format!("{}/{BLOBS}/{}", self.place, digest.hex())
    }

    fn open_blob(&self, digest: Digest) -> Result<File, SinkError> {
        open_file(&self.dir, &format!("{BLOBS}/{}", digest.hex()))
            .map_err(SinkError::io("read", self.blob_place(digest)))
    }

    /// Opens a blob that has the size that is told of it.
    fn sized_blob(&self, digest: Digest, size: u64) -> Result<File, SinkError> {
        let file = self.open_blob(digest)?;
        let place = self.blob_place(digest);
        let len = file.metadata().map_err(SinkError::io("read", place.as_str()))?.len();
        if len == size {
            return Ok(file);
        }
        let problem = format!("has {len} bytes, not {size} as its manifest says");
        Err(SinkError::Foreign { place, problem })
    }

    fn read_document(&self, digest: Digest, told: &str) -> Result<Document, SinkError> {
        let place = self.blob_place(digest);
        let bytes = self
            .open_blob(digest)
            .and_then(|file| read_all(file).map_err(SinkError::io("read", place.as_str())))?;
        let foreign = |problem: String| SinkError::Foreign { place: place.clone(), problem };
        let document = Document::read(told, bytes)
            .map_err(|problem| foreign(format!("cannot be used: {problem}")))?;
        if document.digest != digest {
            return Err(foreign("is damaged: its bytes have another digest".into()));
        }
        Ok(document)
    }
}

fn entry(value: &Value) -> Option<Entry> {
    let annotation = |name: &str| value.get("annotations")?.get(name)?.as_str().map(str::to_owned);
    Some(Entry {
        digest: value.get("digest")?.as_str()?.to_owned(),
        media_type: value.get("mediaType").and_then(Value::as_str).unwrap_or_default().to_owned(),
        tag: annotation(REF_NAME),
        name: annotation(IMAGE_NAME),
    })
}

fn open_file(dir: &Dir, name: &str) -> io::Result<File> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let options = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).clone();
    let file = dir.open_with(name, &options)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

fn read_all(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(DOCUMENT_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > DOCUMENT_MAX {
        return Err(io::Error::other("too long for a document"));
    }
    Ok(bytes)
}

impl Images for LayoutImages {
    fn find(&self, name: &str) -> Result<Option<Document>, SinkError> {
        let is = |entry: &&Entry| {
            entry.name.as_deref() == Some(name)
                || entry.tag.as_deref() == Some(name)
                || entry.digest == name
        };
        let Some(entry) = self.entries.iter().find(is) else { return Ok(None) };
        let digest = entry.digest.parse().map_err(|error| SinkError::Foreign {
            place: format!("{}/{INDEX}", self.place),
            problem: format!("names `{}`, which is {error}", entry.digest),
        })?;
        self.read_document(digest, &entry.media_type).map(Some)
    }

    fn document(&self, digest: Digest) -> Result<Option<Document>, SinkError> {
        self.read_document(digest, "").map(Some)
    }

    fn blob(&self, digest: Digest, size: u64, at: u64) -> Result<Box<dyn Read + '_>, SinkError> {
        let mut file = self.sized_blob(digest, size)?;
        let place = self.blob_place(digest);
        file.seek(SeekFrom::Start(at)).map_err(SinkError::io("read", place))?;
        Ok(Box::new(file))
    }

    fn into_blob<'s>(
        self: Box<Self>,
        digest: Digest,
        size: u64,
    ) -> Result<Box<dyn Read + Send + 's>, SinkError>
    where
        Self: 's,
    {
        Ok(Box::new(self.sized_blob(digest, size)?))
    }

    fn only(&self) -> Result<Option<Document>, SinkError> {
        let mut digests: Vec<&str> =
            self.entries.iter().map(|entry| entry.digest.as_str()).collect();
        digests.sort_unstable();
        digests.dedup();
        match digests[..] {
            [digest] => self.find(digest),
            _ => Ok(None),
        }
    }

    fn tags(&self) -> Result<Vec<String>, SinkError> {
        Ok(self.entries.iter().filter_map(|entry| entry.tag.clone()).collect())
    }
}
