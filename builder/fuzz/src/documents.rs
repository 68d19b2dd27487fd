//! Documents that refer to each other with right digests and sizes, which no fuzzer finds.

use std::fmt::Write as _;

use diskette_builder::oci::image::digest::Digest;

use crate::images::MemoryImages;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Media types that a descriptor declares, right or wrong.
const KINDS: [&str; 6] = [
    INDEX,
    MANIFEST,
    CONFIG,
    LAYER,
    "application/vnd.docker.distribution.manifest.v2+json",
    "text/plain",
];

/// Platforms of descriptors.
const PLATFORMS: [&str; 5] = [
    "",
    r#","platform":{"os":"linux","architecture":"amd64"}"#,
    r#","platform":{"os":"linux","architecture":"arm64","variant":"v8"}"#,
    r#","platform":{"os":"unknown","architecture":"unknown"}"#,
    r#","platform":{"os":"","architecture":""}"#,
];

/// What was made of an input.
#[derive(Default)]
pub(crate) struct Documents {
    pub(crate) images: MemoryImages,
    /// Digest, size and kind of all blobs in the order in which they were made. Each refers only to earlier
    /// ones.
    pub(crate) all: Vec<(Digest, usize, &'static str)>,
}

impl Documents {
    /// Makes documents of an input. A step is a byte, and what belongs to it: the length of a text and the
    /// text, or the number of references and these.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut documents = Self::default();
        let mut input = Input(bytes);
        while let Some(step) = input.next() {
            documents.make(step, &mut input);
        }
        documents
    }

    fn make(&mut self, step: u8, input: &mut Input<'_>) {
        let count = input.next().unwrap_or(0);
        let (text, kind) = match step % 4 {
            // Any text as a blob.
            0 => (input.take(usize::from(count)).to_vec(), LAYER),
            1 => {
                let list = self.references(count, input);
                (format!(r#"{{"mediaType":"{INDEX}","manifests":[{list}]}}"#).into_bytes(), INDEX)
            }
            2 => {
                let config = self.references(1, input);
                let config = if config.is_empty() { "null" } else { &config };
                let layers = self.references(count, input);
                (format!(r#"{{"config":{config},"layers":[{layers}]}}"#).into_bytes(), MANIFEST)
            }
            _ => {
                let architecture = ["amd64", "arm64", "", "s390x"][usize::from(count % 4)];
                let config = format!(r#"{{"os":"linux","architecture":"{architecture}"}}"#);
                (config.into_bytes(), CONFIG)
            }
        };
        let len = text.len();
        self.all.push((self.images.put(text), len, kind));
    }

    /// Returns descriptors of earlier blobs. One is chosen by a byte, and what is wrong about it by another.
    fn references(&self, count: u8, input: &mut Input<'_>) -> String {
        let mut list = String::new();
        for _ in 0..count {
            let (Some(which), Some(how)) = (input.next(), input.next()) else { break };
            let Some((digest, len, kind)) = self.all.iter().rev().nth(usize::from(which)) else {
                continue;
            };
            let platform = PLATFORMS[usize::from(how) % PLATFORMS.len()];
            let kind = if how < 200 { kind } else { KINDS[usize::from(how) % KINDS.len()] };
            let len = if how == 255 { len + 1 } else { *len };
            let comma = if list.is_empty() { "" } else { "," };
            let media = format!(r#""mediaType":"{kind}","digest":"{digest}","size":{len}"#);
            // A String can always be written to.
            let _ = write!(list, "{comma}{{{media}{platform}}}");
        }
        list
    }
}

/// The rest of an input.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
