//! The headers of a tar as *tar-split* stores them: a line of JSON for what is between the contents,
//! byte for byte, and one for each content with its CRC-64, so that the same tar can be made of the files
//! (<https://github.com/vbatts/tar-split>).

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::contents::ChunkedFile;
use super::tar::{END_LEN, entry_headers, padding_len, tar_names};
use crate::recipe::LayerEntry;

/// What a line is: a content of a file, or bytes of the tar.
const CONTENT: u8 = 1;
const SEGMENT: u8 = 2;

#[derive(Debug, Serialize)]
struct TarSplitLine<'a> {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    payload: Option<String>,
    position: usize,
}

/// The lines so far.
#[derive(Debug)]
pub(super) struct TarSplit {
    text: Vec<u8>,
    position: usize,
    /// Length of the padding after the last content, in bytes: it belongs to the next segment.
    padding: usize,
}

impl TarSplit {
    pub(super) fn new() -> Self {
        Self { text: Vec::new(), position: 0, padding: 0 }
    }

    /// Adds an entry of the tar: its headers, and its content.
    pub(super) fn add(
        &mut self,
        entry: &LayerEntry,
        content: Option<&ChunkedFile>,
        mtime: u64,
    ) -> io::Result<()> {
        let size = content.map_or(0, |content| content.chunks.iter().map(|it| it.len).sum());
        self.add_segment(&entry_headers(entry, size, mtime).map_err(io::Error::other)?)?;
        let (_, name, _) = tar_names(entry);
        let crc = content.filter(|_| size > 0).map(|it| STANDARD.encode(it.crc.to_be_bytes()));
        self.padding = padding_len(size);
        self.add_line(CONTENT, Some(&name), (size > 0).then_some(size), crc)
    }

    /// Returns all lines, after that of the tar's end.
    pub(super) fn finish(mut self) -> io::Result<Vec<u8>> {
        self.add_segment(&[0; END_LEN])?;
        Ok(self.text)
    }

    fn add_segment(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut segment = vec![0; std::mem::take(&mut self.padding)];
        segment.extend(bytes);
        self.add_line(SEGMENT, None, None, Some(STANDARD.encode(segment)))
    }

    fn add_line(
        &mut self,
        kind: u8,
        name: Option<&str>,
        size: Option<u64>,
        payload: Option<String>,
    ) -> io::Result<()> {
        let line = TarSplitLine { kind, name, size, payload, position: self.position };
        serde_json::to_writer(&mut self.text, &line)?;
        self.text.push(b'\n');
        self.position += 1;
        Ok(())
    }
}
