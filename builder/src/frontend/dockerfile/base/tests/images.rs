//! Tests of which image is found, what it may be, and what is cached of it.

use std::path::Path;

use cap_std::ambient_authority;

use super::*;
use crate::oci::progress::Progress;
use crate::oci::tar::testing::TarBuilder;

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

fn layer() -> Vec<u8> {
    TarBuilder::new().file("a", "content").end()
}

/// Adds an image of one layer for each platform, and an index of them.
fn index(memory: &mut MemoryImages, media_type: &str, platforms: &[&str]) -> Value {
    let manifests: Vec<Value> = platforms
        .iter()
        .map(|name| {
            let parts: Vec<&str> = name.split('/').collect();
            let content = TarBuilder::new().file(name, "").end();
            memory.put(content.clone());
            let mut manifest = Image::new(&[content]).put(memory);
            let mut platform = json!({ "os": parts[0], "architecture": parts[1] });
            if let Some(variant) = parts.get(2) {
                platform["variant"] = json!(variant);
            }
            manifest["platform"] = platform;
            manifest
        })
        .collect();
    put_index(memory, media_type, &manifests)
}

fn put_index(memory: &mut MemoryImages, media_type: &str, manifests: &[Value]) -> Value {
    let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
    memory.put(bytes(&index));
    descriptor(media_type, &bytes(&index))
}

/// Loads the image of a descriptor. Digests in errors are not compared.
fn load_it(memory: &MemoryImages, image: &Value, platform: &str) -> Result<LoadedBase, String> {
    let name = format!("q.io/a@{}", digest(image));
    load(memory, &name, platform).map_err(|error| {
        let mut text = error.to_string();
        let start = |text: &str| {
            let is_digest =
                |at: &usize| text[*at..].len() > 70 && text[*at..][..71].parse::<Digest>().is_ok();
            text.match_indices("sha256:").map(|(at, _)| at).find(is_digest)
        };
        while let Some(at) = start(&text) {
            text.replace_range(at..at + 71, "…");
        }
        text
    })
}

#[track_caller]
fn refuse(memory: &MemoryImages, image: &Value, expected: &str) {
    let error = load_it(memory, image, "linux/amd64").map(|loaded| listed(&loaded.tree));
    assert_eq!(error, Err(expected.to_owned()));
}

#[test]
fn the_image_of_a_platform_is_chosen() {
    let check = |platforms: &[&str], wanted: &str, expected: Result<&str, &str>| {
        for media_type in [OCI_INDEX, DOCKER_LIST] {
            let mut memory = MemoryImages::default();
            let image = index(&mut memory, media_type, platforms);
            let nested = put_index(&mut memory, OCI_INDEX, std::slice::from_ref(&image));
            for image in [image, nested] {
                let found = load_it(&memory, &image, wanted);
                let found = found.map(|loaded| {
                    assert_eq!(loaded.root, digest(&image));
                    listed(&loaded.tree).pop().unwrap().split(' ').next().unwrap().to_owned()
                });
                assert_eq!(found.as_deref().map_err(String::as_str), expected);
            }
        }
    };
    let all = ["unknown/unknown", "linux/arm64/v8", "linux/amd64", "linux/arm/v6", "linux/arm/v7"];
    check(&all, "linux/amd64", Ok("linux/amd64"));
    check(&all, "linux/arm64", Ok("linux/arm64/v8"));
    check(&all, "linux/arm", Ok("linux/arm/v7"));
    check(&all, "linux/arm/v6", Ok("linux/arm/v6"));
    let none = "`q.io/a@…` has no image for linux/s390x; it has linux/arm64/v8, linux/amd64, linux/arm/v6, linux/arm/v7";
    check(&all, "linux/s390x", Err(none));
    check(&[], "linux/amd64", Err("`q.io/a@…` has no image for linux/amd64; it has none"));
    check(
        &["unknown/unknown"],
        "linux/amd64",
        Err("`q.io/a@…` has no image for linux/amd64; it has none"),
    );
}

#[test]
fn an_image_of_one_platform_is_for_that() {
    let check = |change: &dyn Fn(&mut Value), wanted: &str, expected: &str| {
        let mut memory = MemoryImages::default();
        memory.put(layer());
        let mut image = Image::new(&[layer()]);
        change(&mut image.config);
        let image = image.put(&mut memory);
        // An index without the platform of its only image leaves it to the config.
        let index = put_index(&mut memory, OCI_INDEX, std::slice::from_ref(&image));
        for image in [image, index] {
            let found = load_it(&memory, &image, wanted);
            assert_eq!(found.map_or_else(|error| error, |_| "loaded".into()), expected);
        }
    };
    check(&|_| {}, "linux/amd64", "loaded");
    let other = "`q.io/a@…` has no image for linux/arm64; it has linux/amd64";
    check(&|_| {}, "linux/arm64", other);
    check(&|config| config["os"] = Value::Null, "linux/arm64", "loaded");
    check(&|config| config["architecture"] = json!(""), "linux/arm64", "loaded");
    let other = "`q.io/a@…` has no image for linux/amd64; it has windows/amd64";
    check(&|config| config["os"] = json!("windows"), "linux/amd64", other);
}

#[test]
fn a_base_is_what_its_documents_say() {
    let mut memory = MemoryImages::default();
    let packed = [layer(), gzip(&layer()), zstd::encode_all(&layer()[..], 1).unwrap()];
    let types = [
        ("application/vnd.docker.image.rootfs.diff.tar", ""),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "+gzip"),
        ("application/vnd.oci.image.layer.v1.tar+zstd", "+zstd"),
    ];
    let mut image = Image::new(&[layer(), layer(), layer()]);
    image.manifest["mediaType"] = json!(DOCKER_MANIFEST);
    for (number, blob) in packed.iter().enumerate() {
        memory.put(blob.clone());
        image.manifest["layers"][number] = descriptor(types[number].0, blob);
    }
    let image = image.put(&mut memory);
    memory.names.insert("1".into(), digest(&image));
    let loaded = load(&memory, "q.io/a:1", "linux/amd64").unwrap();
    let pinned = format!("q.io/a@{}", digest(&image));
    assert_eq!(loaded.recipe.location.to_string(), pinned);
    assert_eq!((loaded.recipe.manifest, loaded.root), (digest(&image), digest(&image)));
    assert_eq!(loaded.name.as_deref(), Some("q.io/a:1"));
    assert_eq!(loaded.config.get("User"), Some(&json!("1001")));
    for ((layer, blob), (_, packing)) in loaded.recipe.layers.iter().zip(&packed).zip(types) {
        assert_eq!(layer.media_type, format!("{LAYER}{packing}"));
        assert_eq!((layer.digest, layer.size), (Digest::of_bytes(blob), blob.len() as u64));
    }
    assert_eq!(listed(&loaded.tree), ["a at 512 + 7 644 0:0"]);
    let layout = load(&memory, "oci:dir:1", "linux/amd64").unwrap();
    let pinned = layout.recipe.location.to_string();
    assert_eq!(pinned, format!("oci:dir@{}", digest(&image)));
    assert_eq!(pinned.parse::<ImageLocation>().as_ref(), Ok(&layout.recipe.location));
    assert_eq!(layout.name, None);
}

#[test]
fn what_is_not_there_is_told() {
    let check = |place: &str, expected: &str| {
        let error = load(&MemoryImages::default(), place, "linux/amd64").unwrap_err();
        let help = error.help().map_or(String::new(), |help| format!("; {help}"));
        assert_eq!(format!("{error}{help}"), expected);
    };
    let zeros = "0".repeat(64);
    let spelled = "is its name spelled as where it comes from?";
    check("q.io/a:1", &format!("there is no image `q.io/a:1`; {spelled}"));
    let pinned = format!("q.io/a@sha256:{zeros}");
    check(&pinned, &format!("there is no image `{pinned}`; {spelled}"));
    check("oci:dir:x", &format!("there is no image `oci:dir:x`; {spelled}"));
    check(
        "oci:dir",
        "`oci:dir` does not have exactly one image; name one of its images: `oci:dir:TAG`",
    );
    let sha512 = format!("sha512:{zeros}{zeros}");
    check(&format!("q.io/a@{sha512}"), &format!("`{sha512}` is not a sha256 digest"));
}

#[track_caller]
fn refuse_changed(change: &dyn Fn(&mut Image), expected: &str) {
    let mut memory = MemoryImages::default();
    memory.put(layer());
    let mut image = Image::new(&[layer()]);
    change(&mut image);
    let image = image.put(&mut memory);
    refuse(&memory, &image, expected);
}

#[test]
fn layers_of_other_kinds_are_refused() {
    let check = refuse_changed;
    let typed = |name: &'static str| {
        move |image: &mut Image| image.manifest["layers"][0]["mediaType"] = json!(name)
    };
    let foreign = "its bytes are not distributed with the image";
    for (name, why) in [
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", foreign),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", foreign),
        ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "it is encrypted"),
        ("application/vnd.oci.image.layer.v1.tar+xz", "its type is not known"),
        ("text/plain", "its type is not known"),
        ("", "its type is not known"),
    ] {
        check(&typed(name), &format!("the layer … cannot be used: {why} (`{name}`)"));
    }
}

#[test]
fn documents_that_cannot_be_used_are_refused() {
    let check = refuse_changed;
    check(
        &|image| image.config["rootfs"]["diff_ids"] = json!([]),
        "the manifest has 1 layers, the config 0",
    );
    check(
        &|image| image.config["rootfs"]["diff_ids"] = json!(["sha256:0"]),
        "the layer … cannot be used: decompressed, its digest is …, not sha256:0 as the config says",
    );
    check(
        &|image| image.config["rootfs"]["diff_ids"] = json!([7]),
        "the layer … cannot be used: decompressed, its digest is …, not  as the config says",
    );
    check(
        &|image| image.config["config"] = json!([]),
        "`config` in the image config is not an object",
    );
    check(
        &|image| image.manifest["layers"][0]["size"] = json!(9),
        "the layer … cannot be used: it has 10 bytes, not 9 as its manifest says",
    );
    check(
        &|image| image.manifest["layers"][0]["size"] = json!(9999),
        "the layer … cannot be used: it has 2048 bytes, not 9999 as its manifest says",
    );
    check(
        &|image| image.manifest["layers"][0]["digest"] = json!("sha256:xyz"),
        "the document … cannot be used: `sha256:xyz` is not a sha256 digest",
    );
    let many = vec![descriptor(LAYER, &layer()); 501];
    check(
        &|image| image.manifest["layers"] = json!(many),
        "the document … cannot be used: it has more than 500 layers",
    );
    let helm = "application/vnd.cncf.helm.config.v1+json";
    check(
        &|image| image.manifest["config"] = descriptor(helm, b"{}"),
        &format!(
            "the document … cannot be used: it is no image, but has a config of type `{helm}`"
        ),
    );
    check(&|image| image.manifest["config"] = descriptor(CONFIG, b"nowhere"), "there is no …");
    let mut long = descriptor(CONFIG, b"{}");
    long["size"] = json!(5 << 20);
    check(
        &|image| image.manifest["config"] = long.clone(),
        "the document … cannot be used: a config is not longer than 4 MiB",
    );
    check(
        &|image| image.manifest["config"]["size"] = json!(-1),
        "the document … cannot be used: invalid value: integer `-1`, expected u64 at line 1 column 20",
    );
}

#[test]
fn lies_are_noticed() {
    let check = |change: &dyn Fn(&mut MemoryImages, &Value), expected: &str| {
        let mut memory = MemoryImages::default();
        memory.put(layer());
        let image = Image::new(&[layer()]).put(&mut memory);
        let index = put_index(&mut memory, OCI_INDEX, std::slice::from_ref(&image));
        change(&mut memory, &image);
        refuse(&memory, &index, expected);
    };
    let serve = |memory: &mut MemoryImages, digest: Digest, bytes: &[u8]| {
        memory.blobs.insert(digest, bytes.to_vec());
    };
    check(
        &|memory, image| {
            let other = bytes(&json!({ "config": {}, "layers": [] }));
            serve(memory, digest(image), &other);
        },
        "what came for … has the digest …",
    );
    check(
        &|memory, image| drop(memory.blobs.remove(&digest(image))),
        "the image names …, which is not there",
    );
    let config = |memory: &MemoryImages, image: &Value| -> Digest {
        let manifest: Value = serde_json::from_slice(&memory.blobs[&digest(image)]).unwrap();
        digest(&manifest["config"])
    };
    check(
        &|memory, image| {
            let config = config(memory, image);
            let mut bytes = memory.blobs[&config].clone();
            bytes[10] ^= 1;
            serve(memory, config, &bytes);
        },
        "what came for … has the digest …",
    );
    check(
        &|memory, image| serve(memory, config(memory, image), b"{}"),
        "the document … cannot be used: it has not the size that its manifest gives",
    );
    let mut other = layer();
    other[512] ^= 1;
    check(
        &|memory, _| serve(memory, Digest::of_bytes(&layer()), &other),
        "the layer … cannot be used: its bytes have the digest …",
    );
    // That it is no longer a tar is not what is reported.
    check(
        &|memory, _| serve(memory, Digest::of_bytes(&layer()), &[7; 2048]),
        "the layer … cannot be used: its bytes have the digest …",
    );
    check(
        &|memory, _| serve(memory, Digest::of_bytes(&layer()), &layer()[..1000]),
        "the layer … cannot be used: it has 1000 bytes, not 2048 as its manifest says",
    );
}

#[test]
fn documents_of_two_minds_are_refused() {
    let refuse_text = |text: &str, expected: &str| {
        let mut memory = MemoryImages::default();
        let image = json!({ "digest": memory.put(text).to_string() });
        refuse(&memory, &image, expected);
    };
    let two = format!(
        r#"{{"mediaType":"{OCI_MANIFEST}","layers":[],"config":{{"mediaType":"{CONFIG}","digest":"","size":1}},"config":{{}}}}"#
    );
    let error = "the document … cannot be used: duplicate field `config` at line 1";
    refuse_text(&two, &format!("{error} column {}", two.len() - 4));
    refuse_text(r#"{"manifests":[],"config":{}}"#, "it is both a manifest and an index");
    refuse_text("[]", "the manifest is not a JSON object");
    let schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    refuse_text(
        &format!(r#"{{"schemaVersion":1,"mediaType":"{schema1}"}}"#),
        &format!("`{schema1}` is neither an image nor an index of images"),
    );
    let mut memory = MemoryImages::default();
    memory.put(layer());
    let image = Image::new(&[layer()]).put(&mut memory);
    let mut called = image.clone();
    called["mediaType"] = json!(OCI_INDEX);
    let index = put_index(&mut memory, OCI_INDEX, &[called]);
    refuse(
        &memory,
        &index,
        "the document … cannot be used: it calls something an index that is none",
    );
    let mut sized = image.clone();
    sized["size"] = json!(7);
    sized["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    let index = put_index(&mut memory, OCI_INDEX, &[sized]);
    let size = "the document … cannot be used: it gives another size than one of its manifests has";
    refuse(&memory, &index, size);
    // An index that is called a manifest.
    let inner = put_index(&mut memory, OCI_INDEX, &[]);
    let mut called = inner.clone();
    called["mediaType"] = json!(OCI_MANIFEST);
    called["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    let index = put_index(&mut memory, OCI_INDEX, &[called]);
    refuse(
        &memory,
        &index,
        "the document … cannot be used: an index stands where a manifest must be",
    );
}

#[test]
fn indexes_have_an_end() {
    let mut memory = MemoryImages::default();
    memory.put(layer());
    let image = Image::new(&[layer()]).put(&mut memory);
    let mut nested = image.clone();
    let mut depth = 0;
    while load_it(&memory, &nested, "linux/amd64").is_ok() {
        nested = put_index(&mut memory, OCI_INDEX, &[nested]);
        depth += 1;
    }
    assert_eq!(depth, 4);
    refuse(&memory, &nested, "the document … cannot be used: more than 3 indexes are nested");
    let many = put_index(&mut memory, OCI_INDEX, &vec![image; 1001]);
    refuse(
        &memory,
        &many,
        "the document … cannot be used: the indexes of the image have more than 1000 entries",
    );
    // Each names the next several times.
    let mut wide = put_index(&mut memory, OCI_INDEX, &[]);
    for _ in 0..2 {
        wide = put_index(&mut memory, OCI_INDEX, &vec![wide; 900]);
    }
    refuse(
        &memory,
        &wide,
        "the document … cannot be used: the indexes of the image have more than 1000 entries",
    );
    // One that leads back to itself cannot exist: its digest would be in it.
    let name: Digest = format!("sha256:{}", "1".repeat(64)).parse().unwrap();
    let ring = json!({ "mediaType": OCI_INDEX, "digest": name.to_string(), "size": 1 });
    let bytes = bytes(&json!({ "mediaType": OCI_INDEX, "manifests": [ring] }));
    memory.blobs.insert(name, bytes);
    refuse(&memory, &ring, "what came for … has the digest …");
}

fn open(dir: &Path) -> Dir {
    Dir::open_ambient_dir(dir, ambient_authority()).unwrap()
}

#[test]
fn what_was_seen_is_not_asked_for_again() {
    let mut memory = MemoryImages::default();
    let image = index(&mut memory, OCI_INDEX, &["linux/amd64", "linux/arm64"]);
    let place = format!("q.io/a@{}", digest(&image));
    let (dir, resolver) = (tempfile::tempdir().unwrap(), BaseResolver::default());
    let cache = open(dir.path());
    let load = || load_with(&memory, Some(&cache), &resolver, &place, "linux/amd64").unwrap();
    let first = load();
    // The index, the manifest, the config and the layer.
    assert_eq!(memory.asked(), 4);
    let second = load();
    assert_eq!(memory.asked(), 4);
    assert_eq!(listed(&first.tree), listed(&second.tree));
    assert_eq!((first.recipe, first.config), (second.recipe, second.config));
    // What is damaged is ignored.
    let names = cache.entries().unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.filter(|name| name != "key").collect();
    assert_eq!(names.len(), 4);
    for name in &names {
        let whole = cache.read(name).unwrap();
        for damaged in [&whole[..whole.len() - 1], b"", &[&whole[1..], b"x"].concat()] {
            let before = memory.asked();
            cache.write(name, damaged).unwrap();
            assert_eq!(listed(&load().tree), listed(&first.tree));
            assert_eq!(memory.asked(), before + 1, "{name:?}");
            assert_eq!(cache.read(name).unwrap(), whole);
        }
    }
    // The index of another layer is not one of this.
    let layer = names.iter().find(|name| name.to_string_lossy().ends_with(".index")).unwrap();
    let other = store::load_index(&cache, Digest::of_bytes(b"x"));
    assert_eq!(other, None);
    cache.copy(layer, &cache, format!("{}.1.index", Digest::of_bytes(b"x").to_hex())).unwrap();
    assert_eq!(store::load_index(&cache, Digest::of_bytes(b"x")), None);
}

struct Stopped;

impl Progress for Stopped {
    fn report(&self, _event: ProgressEvent<'_>) {}

    fn is_cancelled(&self) -> bool {
        true
    }
}

#[test]
fn it_can_be_stopped() {
    let mut memory = MemoryImages::default();
    memory.put(layer());
    let image = Image::new(&[layer()]).put(&mut memory);
    let resolver = BaseResolver::default();
    let (cache, limits, progress) = (None, LIMITS, &Stopped);
    let bases = BaseLoader { opener: &memory, cache, resolver: &resolver, limits, progress };
    let place = format!("q.io/a@{}", digest(&image)).parse().unwrap();
    let error = bases.load(&place, &"linux/amd64".parse().unwrap()).unwrap_err();
    assert!(matches!(error, BaseError::Cancelled), "{error}");
}
