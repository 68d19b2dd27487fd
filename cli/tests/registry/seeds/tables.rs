//! Layers and tables of contents that are damaged, or lie: the disk is right, or there is none.

use std::fs;
use std::io::Read as _;

use diskette_integration::disk::{MIB, sha256};
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::registry::{Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;
use serde_json::Value;
use snapbox::{IntoData, assert_data_eq, str};

use super::{CHUNKED, disks, extract};

/// Builds an image of a disk in the layout `out`; returns its manifest and its layer.
pub(super) fn build(scene: &Scene, disk: &[u8]) -> (Value, Vec<u8>) {
    scene.write("disk.raw", disk);
    scene.write_spec("amd64: { disk: disk.raw }");
    scene.build(&["--compression", CHUNKED]);
    let layout = Layout::open(&scene.path("out"));
    let image = layout.images("1").remove(0);
    let layer = layout.blob(&image.manifest.layers()[0]);
    (serde_json::to_value(&image.manifest).unwrap(), layer)
}

/// A layer that is damaged is an error with a seed as without, and nothing is written.
#[test]
fn damaged_layers_stay_an_error() {
    let scene = Scene::new();
    let (first, second) = disks(4 * MIB);
    let (manifest, sound) = build(&scene, &second);
    scene.write("old.raw", &first);
    let check = |at: usize, is_requested: bool| {
        let registry = Registry::start(Profile::DISTRIBUTION_3);
        let mut bytes = sound.clone();
        bytes[at] ^= 4;
        // The first blob with a digest stays.
        registry.put_blob("vm", manifest["layers"][0]["digest"].as_str().unwrap(), &bytes);
        registry.put_image("vm", "2", &scene.path("out"), "1");
        let image = registry.reference("vm:2");
        let extract = |output: &str| {
            scene.program(["extract", "-q", &image, "-o", output, "--seed", "old.raw"])
        };
        if !is_requested {
            assert_eq!(scene.run_command(extract("new")).status, 0, "{at}");
            assert!(scene.read("new") == second);
            fs::remove_file(scene.path("new")).unwrap();
            return;
        }
        let said = scene.run_refused(extract("new"));
        assert!(said.contains("layer 1 (sha256:"), "{said}");
        assert!(said.contains("its bytes have the digest sha256:"), "{said}");
        let parts = registry.take_requests();
        let parts = parts.iter().filter(|it| it.kinds.contains(&RequestKind::GetBlob));
        let parts = parts.filter_map(|it| it.header("range")).count();
        assert!(parts > 1, "{at}: parts were requested before");
        let outcome = scene.run_command(extract("-"));
        assert_eq!(outcome.status, 1, "{at}: {}", outcome.stderr);
    };
    // The headers of the tar, the new blocks of the disk, the table of contents; and what the seed has.
    check(40, true);
    check(9000, true);
    check(sound.len() / 4, false);
}

/// What was written to a pipe cannot be taken back.
#[test]
fn pipes_are_not_written_twice() {
    let scene = Scene::new();
    let (first, second) = disks(4 * MIB);
    let (manifest, sound) = build(&scene, &second);
    scene.write("old.raw", &first);
    let hostile = edit_table(&manifest, &sound, &|entries| {
        let last = entries.iter_mut().rev().find(|it| it["chunkType"] != "zeros").unwrap();
        last["chunkDigest"] = format!("sha256:{}", "0".repeat(64)).into();
    });
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let image = put(&registry, &scene, hostile);
    let args = ["extract", "-q", &image, "-o", "-", "--seed", "old.raw"];
    let outcome = scene.run(args);
    let said = outcome.stderr.replace(&registry.address(), "[REGISTRY]");
    assert_data_eq!(said, str![[r#"
error: cannot extract the disk of `[REGISTRY]/vm:2`: the chunk at byte 1489161 of the layer has another digest, and what was written before cannot be taken back
 |
 = help: extract it without `--seed`, or to a file

"#]].raw());
    assert_eq!(outcome.status, 1);
    // A file is begun again.
    let said = extract(&scene, &image, &["--seed", "old.raw", "-o", "new"], &second);
    assert!(said.contains("has another digest"), "{said}");
}

/// Returns the manifest and the layer with an edited table of contents.
fn edit_table(manifest: &Value, layer: &[u8], edit: &dyn Fn(&mut Vec<Value>)) -> (Value, Vec<u8>) {
    let (mut manifest, mut layer) = (manifest.clone(), layer.to_owned());
    let key = |name: &str| format!("io.github.containers.zstd-chunked.{name}");
    let annotations = &mut manifest["layers"][0]["annotations"];
    let position = annotations[key("manifest-position")].as_str().unwrap().to_owned();
    let numbers: Vec<usize> = position.split(':').map(|number| number.parse().unwrap()).collect();
    let text = zstd::stream::decode_all(&layer[numbers[0]..numbers[0] + numbers[1]]).unwrap();
    let mut toc: Value = serde_json::from_slice(&text).unwrap();
    edit(toc["entries"].as_array_mut().unwrap());
    let text = toc.to_string();
    let compressed = zstd::stream::encode_all(text.as_bytes(), 3).unwrap();
    let position = format!("{}:{}:{}:1", numbers[0], compressed.len(), text.len());
    annotations[key("manifest-position")] = position.into();
    annotations[key("manifest-checksum")] = format!("sha256:{}", sha256(&compressed)).into();
    layer.truncate(numbers[0] - 4);
    layer.extend(u32::try_from(compressed.len()).unwrap().to_le_bytes());
    layer.extend(&compressed);
    manifest["layers"][0]["size"] = layer.len().into();
    manifest["layers"][0]["digest"] = format!("sha256:{}", sha256(&layer)).into();
    (manifest, layer)
}

/// Puts an image into a registry that has the config of the one in the layout; returns its name.
fn put(registry: &Registry, scene: &Scene, (manifest, layer): (Value, Vec<u8>)) -> String {
    registry.put_image("vm", "1", &scene.path("out"), "1");
    registry.put_blob("vm", manifest["layers"][0]["digest"].as_str().unwrap(), &layer);
    registry.put_manifest("vm", "2", manifest.to_string().as_bytes());
    registry.reference("vm:2")
}

/// Whatever a table of contents says, the disk is the one that is extracted without a seed.
#[test]
fn tables_that_lie_do_no_harm() {
    let scene = Scene::new();
    let (first, second) = disks(4 * MIB);
    let (manifest, layer) = build(&scene, &second);
    scene.write("old.raw", &first);
    let check = |edit: &dyn Fn(&mut Vec<Value>), expected: &str| {
        let registry = Registry::start(Profile::DISTRIBUTION_3);
        let image = put(&registry, &scene, edit_table(&manifest, &layer, edit));
        let args = ["--seed", "old.raw", "--force", "-o", "new"];
        let said = extract(&scene, &image, &args, &second);
        assert!(said.contains(expected), "{expected}: {said}");
        fs::remove_file(scene.path("new")).unwrap();
    };
    let no_table = "its table of contents cannot be used";
    // The first two entries are the directory and the disk.
    let number = |value: &Value| value.as_u64().unwrap();
    check(&|_| {}, "reused ");
    check(&|all| all[1]["name"] = "disk/other.img".into(), "reused ");
    check(&|all| all[1]["size"] = (number(&all[1]["size"]) + 1).into(), no_table);
    check(&|all| all[1]["size"] = u64::MAX.into(), no_table);
    check(&|all| all[1]["endOffset"] = u64::MAX.into(), no_table);
    check(&|all| all[1]["endOffset"] = 10.into(), no_table);
    check(&|all| all[9]["offset"] = all[7]["offset"].clone(), no_table);
    check(&|all| all[9]["offset"] = u64::MAX.into(), no_table);
    check(&|all| all[9]["chunkOffset"] = 0.into(), no_table);
    check(&|all| all[9]["chunkSize"] = (1_u64 << 60).into(), no_table);
    check(&|all| all[9]["chunkDigest"] = "md5:1".into(), no_table);
    check(&|all| drop(all.remove(9)), no_table);
    check(&|all| all.truncate(1), "its table of contents lists no disk");
    check(&|all| all.clear(), "its table of contents lists no disk");
    // Chunks of the right form whose content is another one.
    let swap = |all: &mut Vec<Value>| {
        let digest = all[9]["chunkDigest"].clone();
        all[9]["chunkDigest"] = all[10]["chunkDigest"].clone();
        all[10]["chunkDigest"] = digest;
    };
    check(&swap, "the layer was read as a whole: ");
    check(
        &|all| all[9]["chunkType"] = "zeros".into(),
        "its table of contents, are not those of the layer",
    );
    // Two chunks as one, whose frame decompresses to more or to less than it says.
    let longer =
        |all: &mut Vec<Value>| all[1]["chunkSize"] = (number(&all[1]["chunkSize"]) - 1).into();
    check(&longer, no_table);
    let merge = |all: &mut Vec<Value>| {
        let mut whole = all[1].clone();
        whole["chunkSize"] = 4096.into();
        whole["chunkDigest"] = format!("sha256:{}", "1".repeat(64)).into();
        let mut rest = all[2].clone();
        rest["chunkOffset"] = 4096.into();
        let end = number(&all[2]["chunkOffset"]) + number(&all[2]["chunkSize"]);
        rest["chunkSize"] = (end - 4096).into();
        all.splice(1..3, [whole, rest]);
    };
    check(&merge, "has another digest");
}

/// A frame that decompresses to much more than it should, where only the table of contents leads to it.
#[test]
fn bombs_are_not_unpacked() {
    let Some(time) = peer::find("time") else { return };
    let scene = Scene::new();
    let (first, second) = disks(4 * MIB);
    let (manifest, mut layer) = build(&scene, &second);
    scene.write("old.raw", &first);
    let bomb = zstd::stream::encode_all(std::io::repeat(0).take(1 << 30), 3).unwrap();
    let key = "io.github.containers.zstd-chunked.manifest-position";
    let mut manifest = manifest;
    let position = manifest["layers"][0]["annotations"][key].as_str().unwrap().to_owned();
    let (offset, rest) = position.split_once(':').unwrap();
    let offset: usize = offset.parse().unwrap();
    // It lies in a skippable frame, so that the layer is what it was.
    let mut frame = [0x50, 0x2a, 0x4d, 0x18].to_vec();
    frame.extend(u32::try_from(bomb.len()).unwrap().to_le_bytes());
    frame.extend(&bomb);
    let frame_len = frame.len();
    layer.splice(offset - 8..offset - 8, frame);
    manifest["layers"][0]["annotations"][key] = format!("{}:{rest}", offset + frame_len).into();
    let end = offset - 8 + frame_len;
    let check = |edit: &dyn Fn(&mut Vec<Value>), expected: &str| {
        let registry = Registry::start(Profile::DISTRIBUTION_3);
        let image = put(&registry, &scene, edit_table(&manifest, &layer, edit));
        let mut outer = time.command();
        outer.args(["--format", "%M", "--output", "peak"]);
        let args = ["extract", "--progress", "plain", "--seed", "old.raw", "-o", "new", &image];
        let outcome = scene.run_command(scene.program_under(outer, args));
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
        assert!(scene.read("new") == second);
        fs::remove_file(scene.path("new")).unwrap();
        let peak: u64 = String::from_utf8(scene.read("peak")).unwrap().trim().parse().unwrap();
        assert!(peak < 96 << 10, "{peak} KiB of memory");
    };
    // As the frame of the last chunk, and behind the disk, as if it were a part of the tar.
    let last_chunk = |all: &mut Vec<Value>| {
        let count = all.len();
        all[count - 1]["chunkType"] = Value::Null;
        all[count - 1]["chunkSize"] = (1 << 20).into();
        all[1]["size"] = (all[count - 1]["chunkOffset"].as_u64().unwrap() + (1 << 20)).into();
        all[count - 1]["offset"] = (end - bomb.len()).into();
        all[1]["endOffset"] = end.into();
    };
    check(&last_chunk, "the layer was read as a whole: ");
    check(
        &|all| all[1]["endOffset"] = (end - bomb.len()).into(),
        "the layer was read as a whole: ",
    );
}
