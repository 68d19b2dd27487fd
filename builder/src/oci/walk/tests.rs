use serde_json::{Value, json};

use super::*;
use crate::oci::image::digest::Digest;
use crate::oci::image::format::{OCI_INDEX, OCI_MANIFEST};
use crate::oci::image::json::Document;
use crate::oci::image_documents::read_documents;
use crate::oci::images::Images;
use crate::oci::images::testing::MemoryImages;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Puts a document, and returns how an index names it.
fn put(memory: &mut MemoryImages, media_type: &str, value: &Value) -> Value {
    let bytes = value.to_string();
    let size = bytes.len();
    json!({ "mediaType": media_type, "digest": memory.put(bytes).to_string(), "size": size })
}

/// Puts an image without layers whose config has these fields.
fn put_image(memory: &mut MemoryImages, config: &Value) -> Value {
    let config = put(memory, CONFIG, config);
    put(memory, OCI_MANIFEST, &json!({ "config": config, "layers": [] }))
}

fn put_index(memory: &mut MemoryImages, entries: &[Value]) -> Value {
    put(memory, OCI_INDEX, &json!({ "mediaType": OCI_INDEX, "manifests": entries }))
}

fn amd64() -> Value {
    json!({ "os": "linux", "architecture": "amd64" })
}

/// Returns what a descriptor names, which is not counted as read.
fn root(memory: &MemoryImages, descriptor: &Value) -> Document {
    let digest: Digest = descriptor["digest"].as_str().unwrap().parse().unwrap();
    Document::parse("", memory.blobs[&digest].clone()).unwrap()
}

/// Reads the documents of an image; returns how many images there are, or what is wrong, and how
/// often something was read.
fn read(memory: &MemoryImages, descriptor: &Value) -> (Result<usize, String>, usize) {
    let before = memory.asked();
    let found = read_documents(&memory, root(memory, descriptor));
    (found.map(|found| found.images.len()).map_err(shown), memory.asked() - before)
}

/// Returns the documents and blobs of an image, or what is wrong, and how often something was read.
fn enclose(memory: &MemoryImages, descriptor: &Value) -> (Result<(usize, usize), String>, usize) {
    let (before, images) = (memory.asked(), &memory as &dyn Images);
    let mut walk = DocumentWalk::new(&images, DocumentLimits::default());
    let found = walk.read_closure(&root(memory, descriptor));
    let found = found.map(|found| (found.documents.len(), found.blobs.len())).map_err(shown);
    (found, memory.asked() - before)
}

/// Shows an error without the digest of the document, which follows from the test.
fn shown(error: WalkError) -> String {
    match error {
        WalkError::Unusable(_, why) => why,
        error => error.to_string(),
    }
}

#[test]
fn each_document_is_read_once() {
    let mut memory = MemoryImages::default();
    let image = put_image(&mut memory, &amd64());
    let index = put_index(&mut memory, &vec![image.clone(); 500]);
    // The manifest and the config.
    assert_eq!(read(&memory, &index), (Ok(500), 2));
    assert_eq!(enclose(&memory, &index), (Ok((2, 1)), 1));
    let index = put_index(&mut memory, &vec![image; 20_000]);
    assert_eq!(
        read(&memory, &index),
        (Err("the indexes of the image have more than 1000 entries".into()), 1)
    );
    assert_eq!(enclose(&memory, &index), (Ok((2, 1)), 1));
}

#[test]
fn indexes_that_name_one_another_often_are_cheap() {
    let mut memory = MemoryImages::default();
    let image = put_image(&mut memory, &amd64());
    let inner = put_index(&mut memory, &vec![image; 300]);
    let outer = put_index(&mut memory, &vec![inner; 300]);
    let (found, asked) = read(&memory, &outer);
    assert_eq!(found, Err("the indexes of the image have more than 1000 entries".into()));
    assert!(asked <= 2, "{asked}");
    assert_eq!(enclose(&memory, &outer), (Ok((3, 1)), 2));
    // Without any image there is nothing but indexes to count.
    let empty = put_index(&mut memory, &[]);
    let wide = put_index(&mut memory, &vec![empty; 900]);
    let wide = put_index(&mut memory, &vec![wide; 900]);
    assert_eq!(
        read(&memory, &wide),
        (Err("the indexes of the image have more than 1000 entries".into()), 2)
    );
    assert_eq!(enclose(&memory, &wide), (Ok((3, 0)), 2));
}

#[test]
fn every_exceeded_limit_is_named() {
    let mut memory = MemoryImages::default();
    let image = put_image(&mut memory, &amd64());
    let check = |memory: &MemoryImages, descriptor: &Value, expected: &str| {
        assert_eq!(read(memory, descriptor).0, Err(expected.into()));
        assert_eq!(enclose(memory, descriptor).0.map(drop), Err(expected.into()));
    };
    let deep = (0..4).fold(image.clone(), |inner, _| put_index(&mut memory, &[inner]));
    check(&memory, &deep, "more than 3 indexes are nested");
    let deep = (0..3).fold(image, |inner, _| put_index(&mut memory, &[inner]));
    assert_eq!(read(&memory, &deep).0, Ok(1));
    assert_eq!(enclose(&memory, &deep).0, Ok((4, 1)));

    let layer = json!({ "digest": Digest::of_bytes(b"").to_string(), "size": 0 });
    let config = put(&mut memory, CONFIG, &amd64());
    let manifest = |count| json!({ "config": config, "layers": vec![&layer; count] });
    let most = put(&mut memory, OCI_MANIFEST, &manifest(10_000));
    assert_eq!(read(&memory, &most).0, Ok(1));
    assert_eq!(enclose(&memory, &most).0, Ok((1, 2)));
    let many = put(&mut memory, OCI_MANIFEST, &manifest(20_000));
    check(&memory, &many, "it has more than 10000 layers");

    let many: Vec<Value> =
        (0..1000).map(|number| put_image(&mut memory, &json!({ "x": number }))).collect();
    let many = put_index(&mut memory, &many);
    check(&memory, &many, "the image has more than 1000 manifests and indexes");

    let long = |number: usize| json!({ "x": "x".repeat(3 << 20), "y": number, "layers": [] });
    let long: Vec<Value> =
        (0..6).map(|number| put(&mut memory, OCI_MANIFEST, &long(number))).collect();
    let long = put_index(&mut memory, &long);
    let expected = Err("the image's documents are longer than 16 MiB together".to_owned());
    assert_eq!(enclose(&memory, &long).0.map(drop), expected);

    // Configs count too, and documents that are kept several times.
    let long = put_image(&mut memory, &json!({ "x": "x".repeat(3 << 20) }));
    assert_eq!(read(&memory, &long).0, Ok(1));
    let often = put_index(&mut memory, &vec![long; 6]);
    assert_eq!(read(&memory, &often).0.map(drop), expected);
    let huge = put_image(&mut memory, &json!({ "x": "x".repeat(5 << 20) }));
    assert_eq!(read(&memory, &huge).0, Err("a config is not longer than 4 MiB".into()));
}

/// An index entry of an image whose config says `config`, for which the index declares `declared`.
fn entry(memory: &mut MemoryImages, declared: Option<&str>, config: &Value) -> Value {
    let mut entry = put_image(memory, config);
    if let Some(declared) = declared {
        let parts: Vec<&str> = declared.split('/').collect();
        entry["platform"] = json!({ "os": parts[0], "architecture": parts[1] });
        if let Some(variant) = parts.get(2) {
            entry["platform"]["variant"] = json!(variant);
        }
    }
    entry
}

/// Returns the number of the image that is chosen, in both ways.
fn choose(memory: &MemoryImages, index: &Value, images: &[Value], wanted: &str) -> Option<usize> {
    let (wanted, root) = (wanted.parse().unwrap(), root(memory, index));
    let dynamic = &memory as &dyn Images;
    let mut walk = DocumentWalk::new(&dynamic, DocumentLimits::default());
    let lazily = walk.choose_platform(&root, &wanted, "a").unwrap().map(|manifest| manifest.digest);
    let documents = read_documents(&memory, root).unwrap();
    let eagerly = documents.choose_platform(&wanted, "a");
    let eagerly = eagerly.map(|number| documents.images[number].manifest.digest);
    assert_eq!(lazily, eagerly);
    let digest = lazily.ok()?.to_string();
    images.iter().position(|image| image["digest"] == digest.as_str())
}

#[test]
fn a_platform_is_what_the_index_declares_or_the_config_says() {
    let mut memory = MemoryImages::default();
    let mut check = |declared: &[(Option<&str>, Value)], wanted: &str, expected: Option<usize>| {
        let entries = declared.iter().enumerate().map(|(number, (declared, config))| {
            let mut config = config.clone();
            config["number"] = json!(number);
            entry(&mut memory, *declared, &config)
        });
        let entries: Vec<Value> = entries.collect();
        let index = put_index(&mut memory, &entries);
        let nested = put_index(&mut memory, std::slice::from_ref(&index));
        for index in [index, nested] {
            assert_eq!(choose(&memory, &index, &entries, wanted), expected, "{wanted}");
        }
    };
    let arm64 = || json!({ "os": "linux", "architecture": "arm64", "variant": "v8" });
    let nothing = || json!({});
    check(&[(None, amd64()), (None, arm64())], "linux/arm64", Some(1));
    check(&[(None, amd64()), (Some("linux/arm64"), nothing())], "linux/arm64/v8", Some(1));
    // What the index declares counts, as it does for containerd.
    check(&[(Some("linux/amd64"), arm64()), (None, arm64())], "linux/arm64", Some(1));
    check(&[(Some("linux/amd64"), arm64())], "linux/arm64", None);
    // The nearest counts, then the first.
    check(&[(Some("linux/arm64/v8"), arm64()), (None, arm64())], "linux/arm64", Some(0));
    check(&[(None, arm64()), (Some("linux/arm64"), arm64())], "linux/arm64/v8", Some(0));
    // What says nothing is taken if there is nothing else, but attestations.
    check(&[(Some("unknown/unknown"), nothing()), (None, nothing())], "linux/arm64", Some(1));
    check(&[(None, nothing()), (None, nothing())], "linux/arm64", None);
    check(&[(Some("unknown/unknown"), nothing())], "linux/arm64", None);
    check(&[], "linux/arm64", None);
}

#[test]
fn the_platform_of_an_outer_index_holds_for_the_images_of_an_inner_one() {
    let mut memory = MemoryImages::default();
    let image = entry(&mut memory, None, &json!({}));
    let mut inner = put_index(&mut memory, std::slice::from_ref(&image));
    inner["platform"] = json!({ "os": "linux", "architecture": "arm64" });
    let other = entry(&mut memory, Some("linux/amd64"), &json!({ "x": 1 }));
    let index = put_index(&mut memory, &[other.clone(), inner]);
    let images = [other, image];
    assert_eq!(choose(&memory, &index, &images, "linux/arm64"), Some(1));
    assert_eq!(choose(&memory, &index, &images, "linux/amd64"), Some(0));
    assert_eq!(choose(&memory, &index, &images, "linux/s390x"), None);
}

#[test]
fn nothing_is_read_that_is_not_needed_to_choose() {
    let mut memory = MemoryImages::default();
    let (declared, silent) =
        (Some("linux/amd64"), json!({ "os": "linux", "architecture": "arm64" }));
    let entries = [
        entry(&mut memory, Some("linux/s390x"), &json!({})),
        entry(&mut memory, declared, &json!({ "x": 1 })),
        entry(&mut memory, None, &silent),
    ];
    let index = put_index(&mut memory, &entries);
    let root = root(&memory, &index);
    let asked = |wanted: &str| {
        let (before, images) = (memory.asked(), &&memory as &dyn Images);
        let mut walk = DocumentWalk::new(&images, DocumentLimits::default());
        walk.choose_platform(&root, &wanted.parse().unwrap(), "a").unwrap().unwrap();
        memory.asked() - before
    };
    // The manifest alone.
    assert_eq!(asked("linux/amd64"), 1);
    // The manifest and the config that says what it is for.
    assert_eq!(asked("linux/arm64"), 2);
}
