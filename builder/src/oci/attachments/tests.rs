use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::union::{Union, unite};
use super::{AttachmentSelector, TagUpdate, update_tags};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::{CosignTag, Tag};
use crate::oci::sink::{
    AttachedImage, BlobWriter, NamedImage, ReportBytes, Sink, SourceBlob, TransferOutcome,
};

#[test]
fn selectors_are_parsed() {
    let types = |all: &[&str]| {
        Ok(AttachmentSelector::Types(all.iter().map(|it| (*it).to_owned()).collect()))
    };
    let check = |text: &str, expected: Result<AttachmentSelector, &str>| {
        let found = text.parse::<AttachmentSelector>().map_err(|error| error.to_string());
        let why = "is no type of attachments: use `all`, `none`, `sig`, `att`, `sbom` or an artifact type such as `application/spdx+json`";
        assert_eq!(found, expected.map_err(|wrong| format!("`{wrong}` {why}")), "{text}");
    };
    check("all", Ok(AttachmentSelector::All));
    check("none", Ok(AttachmentSelector::None));
    check("sig", types(&["sig"]));
    check("sig, application/spdx+json", types(&["application/spdx+json", "sig"]));
    for wrong in ["", "ALL", "signature", "a/b/c", "/b", "a/", "a b/c"] {
        check(wrong, Err(wrong));
    }
    check("sig,all", Err("all"));
    check("sig,", Err(""));
}

#[test]
fn tags_of_attachments_have_a_subject() {
    let digest = Digest::of_bytes(b"x");
    let hex = digest.to_hex();
    let check = |tag: &str, expected: bool| {
        let found = tag.parse::<Tag>().unwrap().subject();
        assert_eq!(found, expected.then_some(digest), "{tag}");
    };
    for kind in CosignTag::ALL {
        check(kind.of_image(digest).as_str(), true);
    }
    check(&format!("sha256-{hex}"), true);
    for other in ["", ".", ".other", ".sig.", "0", "0.sig"] {
        check(&format!("sha256-{hex}{other}"), other.is_empty());
    }
    check(&format!("sha256-{}", hex.to_uppercase()), false);
    check(&format!("sha512-{hex}.sig"), false);
    check("sha256-.sig", false);
    check("1", false);
}

/// A manifest with layers of one letter each; an upper-case letter is another signature of the same payload.
fn manifest(layers: &str) -> Document {
    let layer = |letter: char| {
        let digest = Digest::of_bytes(letter.to_ascii_lowercase().to_string().as_bytes());
        json!({ "digest": digest.to_string(), "size": 1, "annotations": { "signature": letter } })
    };
    let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest::of_bytes(b"{}").to_string(), "size": 2 });
    let layers: Vec<Value> = layers.chars().map(layer).collect();
    let fields = json!({ "schemaVersion": 2, "config": config, "layers": layers });
    Document::parse("", fields.to_string().into_bytes()).unwrap()
}

fn layers_of(document: &Document) -> String {
    let fields: Value = serde_json::from_slice(&document.bytes).unwrap();
    let layers = fields["layers"].as_array().unwrap();
    layers.iter().map(|layer| layer["annotations"]["signature"].as_str().unwrap()).collect()
}

#[test]
fn no_signature_is_lost() {
    let check = |old: &str, new: &str, expected: &str| {
        let copied = r#"{"architecture":"","history":[{}],"os":"","rootfs":{"type":"layers","diff_ids":["sha256:0"]}}"#;
        let found = unite(&manifest(old), &manifest(new), Some(copied.as_bytes())).unwrap();
        let found = match found {
            Union::Old => old.to_owned(),
            Union::New => new.to_owned(),
            Union::Both { config, manifest } => {
                let config = config.unwrap();
                let (fields, digest) = (&config.bytes, &config.digest);
                let fields: Value = serde_json::from_slice(fields).unwrap();
                let whole: Value = serde_json::from_slice(&manifest.bytes).unwrap();
                assert_eq!(whole["config"]["digest"], digest.to_string());
                let diff_ids = fields["rootfs"]["diff_ids"].as_array().unwrap();
                let layers = whole["layers"].as_array().unwrap().iter();
                assert!(layers.map(|it| &it["digest"]).eq(diff_ids), "{fields}");
                assert_eq!(fields["history"], Value::Null);
                layers_of(&manifest)
            }
        };
        assert_eq!(found, expected, "{old} {new}");
    };
    check("a", "a", "a");
    check("ab", "a", "ab");
    check("a", "ab", "ab");
    check("", "ab", "ab");
    check("a", "", "a");
    check("ab", "bc", "abc");
    check("a", "A", "aA");
    check("ab", "ba", "ab");
    let index = Document::parse("", br#"{"manifests":[]}"#.to_vec()).unwrap();
    let why = Err("they are not manifests of signatures".to_owned());
    assert_eq!(unite(&index, &manifest("a"), None), why);
    assert_eq!(unite(&manifest("a"), &index, None), why);
}

/// A repository with one tag, which another signer writes after each write.
struct SharedTag {
    manifest: Mutex<Option<Document>>,
    /// What the other signer writes, in order.
    others: Mutex<VecDeque<Document>>,
    /// Whether a write fails after which the tag refers to what another signer has written.
    is_strict: bool,
}

impl Sink for SharedTag {
    fn has_blob(
        &self,
        _digest: Digest,
        _size: u64,
        _names: &[Reference],
        _poll: &ReportBytes<'_>,
    ) -> Result<bool, StorageError> {
        Ok(false)
    }

    fn start_blob(
        &self,
        _len: u64,
        _names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        Err(StorageError::remote("it has no blobs"))
    }

    fn put_blob(
        &self,
        _blob: &SourceBlob<'_>,
        _names: &[Reference],
        _advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError> {
        Ok(TransferOutcome::Existed)
    }

    fn put_document(&self, _document: &Document, _names: &[Reference]) -> Result<(), StorageError> {
        Ok(())
    }

    fn find_attachment(
        &self,
        _name: Option<&Reference>,
        _tag: &Tag,
    ) -> Result<Option<Document>, StorageError> {
        Ok(self.manifest.lock().unwrap().clone())
    }

    fn attach(&self, attached: &[AttachedImage]) -> Result<(), StorageError> {
        let Some(image) = attached.first() else { return Ok(()) };
        let mut manifest = self.manifest.lock().unwrap();
        *manifest = Some(Document::clone(&image.document));
        if let Some(other) = self.others.lock().unwrap().pop_front() {
            *manifest = Some(other);
            if self.is_strict {
                return Err(StorageError::remote("the tag points at another manifest now"));
            }
        }
        Ok(())
    }

    fn publish(&self, _images: &[NamedImage]) -> Result<(), StorageError> {
        Ok(())
    }

    fn max_parallel_blobs(&self) -> usize {
        1
    }
}

#[test]
fn a_signature_that_another_signer_overwrites_is_added_again() {
    let check = |old: &str, others: &[&str], expected: Result<&str, &str>| {
        for is_strict in [false, true] {
            let old = (!old.is_empty()).then(|| manifest(old));
            let others = others.iter().map(|layers| manifest(layers)).collect();
            let (manifest_of_tag, others) = (Mutex::new(old), Mutex::new(others));
            let sink = SharedTag { manifest: manifest_of_tag, others, is_strict };
            let tag = CosignTag::Signatures.of_image(Digest::of_bytes(b"image"));
            let updates = TagUpdate::of_image(&tag, &Arc::new(manifest("n")), None, &[]);
            let found = update_tags(&updates, &sink).map_err(|error| error.to_string());
            let found = found.map(|()| layers_of(&sink.manifest.lock().unwrap().clone().unwrap()));
            let expected = expected.map(str::to_owned);
            let expected = expected.map_err(|why| why.replace("TAG", tag.as_str()));
            assert_eq!(found, expected, "{others:?} {is_strict}", others = sink.others);
        }
    };
    check("", &[], Ok("n"));
    check("a", &[], Ok("an"));
    check("an", &["b"], Ok("an"));
    check("a", &["ab"], Ok("abn"));
    check("", &["b", "bc"], Ok("bcn"));
    check("a", &["nb"], Ok("nb"));
    let each_time = "the tag TAG was overwritten by other clients each time";
    check("a", &["b", "c", "d", "e", "f"], Err(each_time));
}
