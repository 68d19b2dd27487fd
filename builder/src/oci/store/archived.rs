//! The images of an OCI archive, for *reading*. The headers of the tar are read once to find the
//! offsets of the blobs, which are then read from the file. An archive is untrusted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::Arc;

use serde_json::Value;

use super::docker::DOCKER_MANIFEST;
use super::entries::LayoutEntries;
use super::index::BUNDLE_BASE;
use super::joined::{ArchiveFile, ArchivePart};
use super::member::{FilePart, MemberSpan};
use super::{BLOBS, INDEX, parse_document};
use crate::compression::{CompressionFormat, MAGIC_LEN};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::ref_name::RefName;
use crate::oci::images::Images;
use crate::oci::tar::{TarEntry, TarEntryKind, TarLimits, TarReadError, TarReader};

/// Size of the read buffer in bytes: enough for the headers of a member, whose content is skipped.
const HEADERS: usize = 4096;

/// Limits of an archive, larger than images need. Its length is bounded by that of the file.
const LIMITS: TarLimits = TarLimits {
    entries: 100_000,
    path: 4096,
    names: 32 << 20,
    pax: 1 << 20,
    decompressed: u64::MAX / 2,
};

/// The images of an archive. Its clones read the same file.
#[derive(Debug, Clone)]
pub struct ArchiveImages {
    file: Arc<ArchiveFile>,
    path: String,
    /// Digest of the index.
    index: Digest,
    /// Digest of the index of the bundle that this one was made since.
    base: Option<Digest>,
    entries: Arc<LayoutEntries>,
    blobs: Arc<BTreeMap<Digest, MemberSpan>>,
}

/// The members of the tar that are used.
#[derive(Default)]
struct ArchiveContents {
    index: Option<MemberSpan>,
    blobs: BTreeMap<Digest, MemberSpan>,
    is_docker: bool,
}

impl ArchiveImages {
    /// Opens an archive. `path` is its path in messages.
    pub fn open(file: File, path: &str) -> Result<Self, StorageError> {
        let part = ArchivePart { file, listed: None };
        let file = ArchiveFile::join(vec![part]).map_err(StorageError::io("read", path))?;
        Self::open_parts(Arc::new(file), path)
    }

    /// Opens an archive that may be in parts. `path` is its path in messages.
    pub fn open_parts(file: Arc<ArchiveFile>, path: &str) -> Result<Self, StorageError> {
        let foreign = |problem: String| StorageError::Unexpected { path: path.into(), problem };
        if !file.is_regular().map_err(StorageError::io("read", path))? {
            return Err(foreign("is not a regular file: archives are read in any order".into()));
        }
        let mut magic = Vec::new();
        let start = FilePart { file: &*file, at: 0, left: MAGIC_LEN };
        { start }.read_to_end(&mut magic).map_err(StorageError::io("read", path))?;
        if let Some(compression) = CompressionFormat::detect(&magic) {
            let problem = "and archives are read without decompressing them; decompress it first";
            return Err(foreign(format!("is compressed with {compression}, {problem}")));
        }
        let contents = ArchiveContents::read(&file)
            .map_err(|error| foreign(format!("is not an OCI archive: {error}")))?;
        let index = contents.index.ok_or_else(|| foreign(contents.missing_index().into()))?;
        let index_path = format!("{path}/{INDEX}");
        let bytes = index.bytes(&*file).map_err(StorageError::io("read", index_path))?;
        let entries = Arc::new(LayoutEntries::parse(&bytes, path)?);
        let (blobs, index) = (Arc::new(contents.blobs), Digest::of_bytes(&bytes));
        Ok(Self { file, path: path.into(), index, base: find_base(&bytes), entries, blobs })
    }

    /// Returns whether the archive has a blob.
    pub(super) fn has_blob(&self, digest: Digest) -> bool {
        self.blobs.contains_key(&digest)
    }

    /// Returns the digest of the index.
    pub(super) fn index_digest(&self) -> Digest {
        self.index
    }

    /// Returns the digest of the index of the bundle whose blobs were left out of this one.
    pub fn base_digest(&self) -> Option<Digest> {
        self.base
    }

    /// Reads all parts that are listed with their checksums, and returns the names of the damaged ones.
    pub fn find_damaged_parts(&self) -> Result<Vec<String>, StorageError> {
        self.file.find_damaged().map_err(StorageError::io("read", self.path.as_str()))
    }

    fn blob_path(&self, digest: Digest) -> String {
        format!("{}/{BLOBS}/{}", self.path, digest.to_hex())
    }

    fn span(&self, digest: Digest) -> Result<MemberSpan, StorageError> {
        let missing = || StorageError::Unexpected {
            path: self.blob_path(digest),
            problem: "is not in the archive".into(),
        };
        self.blobs.get(&digest).copied().ok_or_else(missing)
    }

    /// Returns the location of a blob in the file, and fails unless it has this size.
    fn sized_span(&self, digest: Digest, size: u64) -> Result<MemberSpan, StorageError> {
        let span = self.span(digest)?;
        if span.len == size {
            return Ok(span);
        }
        let problem = format!("has {} bytes, not {size} as its manifest says", span.len);
        Err(StorageError::Unexpected { path: self.blob_path(digest), problem })
    }

    fn read_blob_document(&self, digest: Digest, declared: &str) -> Result<Document, StorageError> {
        let path = self.blob_path(digest);
        let bytes = self.span(digest)?.bytes(&*self.file);
        let bytes = bytes.map_err(StorageError::io("read", path.as_str()))?;
        parse_document(declared, bytes, digest, &path)
    }
}

impl ArchiveContents {
    fn read(file: &ArchiveFile) -> Result<Self, TarReadError> {
        let (mut contents, len) = (Self::default(), file.len());
        let tar = BufReader::with_capacity(HEADERS, file.reader());
        let mut members = TarReader::new(tar, None, LIMITS);
        while let Some(found) = members.next().transpose()? {
            if found.offset.checked_add(found.size).is_none_or(|end| end > len) {
                return Err(TarReadError::Truncated(len));
            }
            members.seek_over()?;
            contents.add(&found);
        }
        Ok(contents)
    }

    /// Adds a member. Of several with the same name the last counts, as when the archive is
    /// unpacked.
    fn add(&mut self, found: &TarEntry) {
        let span = (found.kind == TarEntryKind::File)
            .then_some(MemberSpan { at: found.offset, len: found.size });
        match found.path.as_str() {
            INDEX => self.index = span,
            DOCKER_MANIFEST => self.is_docker = true,
            path => {
                let name = path.strip_prefix(BLOBS).and_then(|rest| rest.strip_prefix('/'));
                let digest = name.and_then(|name| format!("sha256:{name}").parse().ok());
                let Some(digest) = digest else { return };
                match span {
                    Some(span) => self.blobs.insert(digest, span),
                    None => self.blobs.remove(&digest),
                };
            }
        }
    }

    /// Returns the message for a tar without an index.
    fn missing_index(&self) -> &'static str {
        if self.is_docker {
            return "is an archive of Docker's format, not an OCI archive; \
                    `skopeo copy docker-archive:FILE oci-archive:FILE` makes one of it";
        }
        "is not an OCI archive: there is no index.json in it"
    }
}

/// Returns the digest of the index of the bundle that another one was made since.
fn find_base(index: &[u8]) -> Option<Digest> {
    let fields: Value = serde_json::from_slice(index).ok()?;
    fields.get("annotations")?.get(BUNDLE_BASE)?.as_str()?.parse().ok()
}

impl Images for ArchiveImages {
    fn find_image(&self, name: &str) -> Result<Option<Document>, StorageError> {
        if let Some(artifact) = self.entries.find_artifact(name) {
            return Ok(Some(artifact.clone()));
        }
        let found = self.entries.find_image(name)?;
        found.map(|(digest, declared)| self.read_blob_document(digest, declared)).transpose()
    }

    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
        if let Some(artifact) = self.entries.find_artifact(&digest.to_string()) {
            return Ok(Some(artifact.clone()));
        }
        self.read_blob_document(digest, "").map(Some)
    }

    fn open_blob(
        &self,
        digest: Digest,
        size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        let span = self.sized_span(digest, size)?;
        let skipped = at.min(span.len);
        Ok(Box::new(FilePart {
            file: &*self.file,
            at: span.at + skipped,
            left: span.len - skipped,
        }))
    }

    fn into_blob_reader<'s>(
        self: Box<Self>,
        digest: Digest,
        size: u64,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        Self: 's,
    {
        let span = self.sized_span(digest, size)?;
        Ok(Box::new(FilePart { file: self.file, at: span.at, left: span.len }))
    }

    fn only_image(&self) -> Result<Option<Document>, StorageError> {
        self.entries.only_image(|digest, declared| self.read_blob_document(digest, declared))
    }

    fn names(&self) -> Vec<&str> {
        self.entries.names()
    }

    fn names_of(&self, digest: Digest) -> Vec<&str> {
        self.entries.names_of(digest)
    }

    fn tags(&self) -> Result<Vec<RefName>, StorageError> {
        self.entries.tags()
    }

    fn list_referrers(&self, subject: Digest) -> Result<Vec<Descriptor>, StorageError> {
        let has = |digest: Digest| self.blobs.contains_key(&digest);
        let read = |digest: Digest, declared: &str| self.read_blob_document(digest, declared);
        self.entries.list_referrers(subject, has, read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::oci::tar::testing::{RawHeader, TarBuilder};

    const MANIFEST: &str = r#"{"schemaVersion":2,"layers":[]}"#;

    fn open(tar: &[u8]) -> Result<ArchiveImages, StorageError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(tar).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        ArchiveImages::open(file, "a.tar")
    }

    fn index(digest: Digest) -> String {
        let name = r#"{"org.opencontainers.image.ref.name":"1"}"#;
        format!(r#"{{"manifests":[{{"digest":"{digest}","size":31,"annotations":{name}}}]}}"#)
    }

    fn blob(digest: Digest) -> String {
        format!("{BLOBS}/{}", digest.to_hex())
    }

    #[test]
    fn blobs_are_read_where_they_lie() {
        let digest = Digest::of_bytes(MANIFEST.as_bytes());
        let tar = TarBuilder::new().dir("./blobs/").file("./index.json", "{}");
        let tar = tar.file(&format!("./{}", blob(digest)), "replaced by what comes later");
        let tar = tar.file(&blob(digest), MANIFEST).file("index.json", &index(digest));
        let images = Box::new(open(&tar.end()).unwrap());
        assert_eq!(images.names(), ["1"]);
        assert_eq!(images.find_image("1").unwrap().unwrap().digest, digest);
        assert_eq!(images.only_image().unwrap().unwrap().digest, digest);
        assert_eq!(images.find_image("2").unwrap(), None);
        let mut parts = Vec::new();
        for at in [0, 20, 31, 99] {
            let mut text = String::new();
            images.open_blob(digest, 31, at).unwrap().read_to_string(&mut text).unwrap();
            parts.push(text);
        }
        assert_eq!(parts, [MANIFEST, &MANIFEST[20..], "", ""]);
        let mut text = String::new();
        images.into_blob_reader(digest, 31).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, MANIFEST);
    }

    #[test]
    fn what_is_no_archive_is_told_from_one() {
        let check = |tar: &[u8], expected: &str| {
            assert_eq!(open(tar).unwrap_err().full_message(), expected);
        };
        check(b"", "a.tar is not an OCI archive: there is no index.json in it");
        check(b"text", "a.tar is not an OCI archive: the tar is cut off at byte 4");
        check(&[b'x'; 1024], "a.tar is not an OCI archive: there is no valid tar header at byte 0");
        check(
            &[0x1f, 0x8b, 8, 0, 0, 0],
            "a.tar is compressed with gzip, and archives are read without decompressing them; \
             decompress it first",
        );
        check(
            &TarBuilder::new().file("manifest.json", "[]").end(),
            "a.tar is an archive of Docker's format, not an OCI archive; \
             `skopeo copy docker-archive:FILE oci-archive:FILE` makes one of it",
        );
        check(
            &TarBuilder::new().symlink("index.json", "/etc/passwd").end(),
            "a.tar is not an OCI archive: there is no index.json in it",
        );
        check(
            &TarBuilder::new().file("index.json", "[").end(),
            "a.tar has an index.json that is not JSON: EOF while parsing a list at line 1 column 1",
        );
        let long = RawHeader::new(b"index.json", b'0', 8 << 20);
        check(
            &TarBuilder::new().member(long.clone(), b"").end(),
            "a.tar is not an OCI archive: the tar is cut off at byte 1536",
        );
        check(
            &TarBuilder::new().member(long, &vec![b' '; 8 << 20]).end(),
            "cannot read a.tar/index.json: too long for a document",
        );
        let endless = RawHeader::new(b"x", b'0', 0).binary(124, 12, u64::MAX / 2);
        check(
            &TarBuilder::new().member(endless, b"").end(),
            "a.tar is not an OCI archive: the tar is cut off at byte 1536",
        );
        let file = TarBuilder::new().file("x", "");
        let many = (0..100_001).fold(TarBuilder::new(), |tar, _| tar.raw(&file.0));
        check(
            &many.end(),
            "a.tar is not an OCI archive: the tar has too many members at byte 51200000",
        );
    }

    #[test]
    fn blobs_are_what_they_are_called() {
        let digest = Digest::of_bytes(MANIFEST.as_bytes());
        let check = |tar: TarBuilder, expected: &str| {
            let images = open(&tar.file("index.json", &index(digest)).end()).unwrap();
            let found = images.find_image("1").and_then(|_| {
                let mut blob = images.open_blob(digest, 30, 0)?;
                Ok(blob.read_to_end(&mut Vec::new()).map(drop))
            });
            assert_eq!(found.unwrap_err().full_message(), expected.replace("BLOB", &blob(digest)));
        };
        check(TarBuilder::new(), "a.tar/BLOB is not in the archive");
        check(TarBuilder::new().symlink(&blob(digest), "/x"), "a.tar/BLOB is not in the archive");
        check(
            TarBuilder::new().file(&blob(digest), "{}"),
            "a.tar/BLOB is damaged: its bytes have another digest",
        );
        check(
            TarBuilder::new().file(&blob(digest), MANIFEST),
            "a.tar/BLOB has 31 bytes, not 30 as its manifest says",
        );
    }
}
