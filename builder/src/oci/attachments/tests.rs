use serde_json::{Value, json};

use super::AttachmentSelector;
use super::union::{Union, unite};
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::tag::{CosignTag, Tag};

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
        let found = unite(&manifest(old), &manifest(new), || Some(copied.into())).unwrap();
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
    assert_eq!(unite(&index, &manifest("a"), || None), why);
    assert_eq!(unite(&manifest("a"), &index, || None), why);
}
