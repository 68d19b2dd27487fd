//! Images go to a real registry and come back, byte for byte.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use diskette_integration::disk::{MIB, mixed_bytes, sha256};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::{ProgramOutcome, Scene};
use serde_json::{Value, json};
use snapbox::{IntoData, assert_data_eq, str};

/// Returns the blobs that a tag needs.
fn blobs(scene: &Scene, layout: &str, tag: &str) -> BTreeSet<String> {
    let layout = Layout::open(&scene.path(layout));
    layout.verify_blobs(tag).unwrap();
    layout.reachable_blobs(tag).iter().map(|blob| blob.digest().to_string()).collect()
}

/// Runs the program, which must succeed, and returns all that it said.
fn run(scene: &Scene, args: &[&str]) -> ProgramOutcome {
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
    outcome
}

/// Pushes an image of two platforms, pulls it and compares.
fn round_trip(settings: &[(&str, Value)], build: &[&str], push: &[&str]) {
    let scene = Scene::with_two_disks();
    let Some(registry) = DockerRegistry::start(&scene, "registry", settings) else { return };
    let digest = scene.build(build);
    let name = registry.reference("team/vm:1");
    let pushed = scene.run(["push", "-q", "-l", "out", "1", &name].iter().chain(push));
    assert_eq!(pushed.digest(), digest, "{settings:?} {build:?} {push:?}");
    let pulled = scene.run(["pull", "-q", &name, "-o", "back"]);
    assert_eq!(pulled.digest(), digest, "{settings:?} {build:?} {push:?}");
    assert_eq!(blobs(&scene, "back", "1"), blobs(&scene, "out", "1"), "{build:?} {push:?}");
}

#[test]
fn images_go_there_and_come_back() {
    round_trip(&[], &[], &[]);
    round_trip(&[], &["--compression", "zstd"], &["--jobs", "1"]);
    round_trip(&[], &["--compression", "none"], &["--chunk-size", "1M"]);
    round_trip(&[], &["--compression", "none"], &["--chunk-size", "64K"]);
    round_trip(&[("/http/relativeurls", json!(true))], &[], &[]);
    round_trip(&[("/http/relativeurls", json!(true))], &[], &["--chunk-size", "64K"]);
    round_trip(&[], &[], &["--plain-http"]);
}

/// Returns how often a method is in a trace.
fn count(trace: &str, method: &str) -> usize {
    trace.lines().filter(|line| line.contains(&format!("> {method} "))).count()
}

#[test]
fn what_is_there_is_not_sent() {
    let scene = Scene::with_two_disks();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    scene.build(&[]);
    let check = |args: &[&str], expected: [usize; 3]| {
        let trace = run(&scene, &[args, &["--debug"]].concat()).stderr;
        let counts = ["POST", "PATCH", "PUT"].map(|method| count(&trace, method));
        assert_eq!(counts, expected, "{args:?}\n{trace}");
    };
    let (one, two) = (registry.reference("a/vm:1"), registry.reference("a/vm:2"));
    // Two layers, two configs; two manifests, an index and its tag.
    check(&["push", "-l", "out", "1", &one], [4, 0, 8]);
    check(&["push", "-l", "out", "1", &one], [0, 0, 0]);
    check(&["push", "-l", "out", "1", &two], [0, 0, 1]);
    scene.wait_until_old();
    // Until the layers are compressed nobody knows whether they are there.
    check(&["build", "--push", "-t", &one], [2, 2, 2]);
    check(&["build", "--push", "-t", &one], [0, 0, 0]);
    check(&["build", "--push", "--no-cache", "-t", &one], [2, 2, 2]);
    // Beside it they are mounted; the manifests are put again.
    check(&["copy", &one, &registry.reference("b/vm:1")], [4, 0, 4]);
    check(&["copy", &one, &registry.reference("b/vm:1")], [0, 0, 0]);
}

#[test]
fn layers_are_sent_while_they_are_made() {
    let scene = Scene::with_two_disks();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let digest = scene.build(&[]);
    let (streamed, both) = (registry.reference("streamed:1"), registry.reference("both:1"));
    let check = |args: &[&str], name: &str| {
        let built =
            scene.run(["build", "-q", "--no-cache", "--push", "-t", name].iter().chain(args));
        assert_eq!(built.digest(), digest, "{args:?}");
        assert_eq!(scene.run(["pull", "-q", name, "-o", "back"]).digest(), digest, "{args:?}");
        blobs(&scene, "back", "1");
        fs::remove_dir_all(scene.path("back")).unwrap();
    };
    check(&[], &streamed);
    check(&["-o", "tee"], &both);
    assert_eq!(blobs(&scene, "tee", "1"), blobs(&scene, "out", "1"));
    check(&["--chunk-size", "64K"], &registry.reference("parts:1"));
    let names =
        [registry.reference("c/vm:1"), registry.reference("d/vm:1"), registry.reference("d/vm:2")];
    let more = ["-t", &names[1], "-t", &names[2]];
    check(&more, &names[0]);
    for name in names {
        assert_eq!(scene.run(["pull", "-q", &name, "-o", "names"]).digest(), digest, "{name}");
    }
}

#[test]
fn without_an_output_nothing_is_written() {
    let scene = Scene::with_two_disks();
    let Some(registry) = DockerRegistry::start(&scene, "home/registry", &[]) else { return };
    let name = registry.reference("vm:1");
    let Some(strace) = peer::find("strace") else { return };
    let mut outer = strace.command();
    let calls = "trace=creat,open,openat,openat2,mkdir,mkdirat,rename,renameat,renameat2";
    outer.args(["-f", "-qq", "-o"]).arg(scene.path("tmp/calls")).args(["-e", calls]);
    let args = ["build", "-q", "--no-cache", "--push", "-t", &name];
    scene.run_command(scene.program_under(outer, args)).digest();
    let calls = String::from_utf8(scene.read("tmp/calls")).unwrap();
    let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TMPFILE", "mkdir", "rename", "creat("];
    let written: Vec<&str> =
        calls.lines().filter(|call| writes.iter().any(|word| call.contains(word))).collect();
    assert_eq!(written, [""; 0]);
    assert!(calls.contains("x.raw"), "the trace is of another program: {calls}");
}

#[test]
fn tags() {
    let scene = Scene::with_disk();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    scene.build(&[]);
    run(&scene, &["push", "-l", "out", "1", &registry.reference("vm:1")]);
    // More than registries have on a page; this is how distribution keeps them.
    let tags = "registry/data/docker/registry/v2/repositories/vm/_manifests/tags";
    let link = scene.read(&format!("{tags}/1/current/link"));
    for number in 0..250 {
        scene.write(&format!("{tags}/many-{number:03}/current/link"), &link);
    }
    let listed =
        String::from_utf8(run(&scene, &["tags", &registry.reference("vm")]).stdout).unwrap();
    let expected = (0..250).map(|number| format!("many-{number:03}")).chain(["1".into()]);
    // It has an order of its own.
    let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    assert_eq!(listed, expected.collect());
}

#[test]
fn copies() {
    let scene = Scene::with_two_disks();
    let (Some(here), Some(there)) =
        (DockerRegistry::start(&scene, "here", &[]), DockerRegistry::start(&scene, "there", &[]))
    else {
        return;
    };
    let digest = scene.build(&["--per-arch-tags"]);
    let tags = ["1", "1-amd64", "1-arm64"];
    for tag in tags {
        run(&scene, &["push", "-l", "out", tag, &here.reference(&format!("vm:{tag}"))]);
    }
    let copied = scene.run(["copy", "-q", &here.reference("vm:1"), &there.reference("one/vm:x")]);
    assert_eq!(copied.digest(), digest);
    run(&scene, &["copy", "--all-tags", &here.reference("vm"), &there.reference("all/vm")]);
    let listed =
        String::from_utf8(run(&scene, &["tags", &there.reference("all/vm")]).stdout).unwrap();
    assert_eq!(listed.lines().collect::<BTreeSet<_>>(), tags.into());
    for (name, tag) in [("one/vm:x", "x"), ("all/vm:1", "1")] {
        assert_eq!(
            scene.run(["pull", "-q", &there.reference(name), "-o", "back"]).digest(),
            digest
        );
        assert_eq!(blobs(&scene, "back", tag), blobs(&scene, "out", "1"));
    }
    // By digest, and to a layout.
    let by_digest = there.reference(&format!("all/vm@{digest}"));
    assert_eq!(scene.run(["copy", "-q", &by_digest, "oci:layout:y"]).digest(), digest);
    assert_eq!(blobs(&scene, "layout", "y"), blobs(&scene, "out", "1"));
    let arm = Layout::open(&scene.path("out")).find_tag("1-arm64").digest().to_string();
    let one = ["pull", "-q", "--platform", "linux/arm64", "-o", "arm"];
    assert_eq!(scene.run(one.into_iter().chain([&there.reference("all/vm:1")[..]])).digest(), arm);
}

/// Pushes to a registry, which must fail, and compares all that is said.
fn refused(scene: &Scene, registry: &DockerRegistry, args: &[&str], expected: impl IntoData) {
    let outcome = scene.run(args);
    let said = outcome.transcript().replace(&registry.address(), "[REGISTRY]");
    assert_data_eq!(said, expected.raw());
}

#[test]
fn a_registry_that_is_read_only() {
    let scene = Scene::with_disk();
    let readonly = [("/storage/maintenance/readonly", json!({ "enabled": true }))];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &readonly) else { return };
    scene.build(&[]);
    let name = registry.reference("vm:1");
    refused(
        &scene,
        &registry,
        &["push", "-l", "out", "1", &name, "--progress", "none"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot upload a blob to [REGISTRY]/vm: the server answered 405
 |
 = help: is the registry read-only for a while, or the mirror of another one?

"#]],
    );
    refused(
        &scene,
        &registry,
        &["build", "--push", "-t", &name, "--progress", "none"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot upload a blob to [REGISTRY]/vm: the server answered 405
 |
 = help: is the registry read-only for a while, or the mirror of another one?

"#]],
    );
}

#[test]
fn what_is_not_there() {
    let scene = Scene::with_disk();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    scene.build(&[]);
    refused(
        &scene,
        &registry,
        &["pull", &registry.reference("vm:2")],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no image `[REGISTRY]/vm:2`

"#]],
    );
    refused(
        &scene,
        &registry,
        &["tags", &registry.reference("vm")],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: the server answered 404: NAME_UNKNOWN, repository name not known to registry
 |
 = help: does the repository exist? some registries want it to be made first

"#]],
    );
    refused(
        &scene,
        &registry,
        &["copy", "--all-tags", &registry.reference("vm"), "oci:x"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: the server answered 404: NAME_UNKNOWN, repository name not known to registry
 |
 = help: does the repository exist? some registries want it to be made first

"#]],
    );
    let name = registry.reference("vm:1");
    run(&scene, &["push", "-l", "out", "1", &name]);
    refused(
        &scene,
        &registry,
        &["pull", &name, "--platform", "linux/s390x"],
        str![[r#"
status: 2
stdout:
stderr:
error: `[REGISTRY]/vm:1` has no image for linux/s390x; it has linux/amd64
 |
 = help: choose one of them with `--platform`

"#]],
    );
    refused(
        &scene,
        &registry,
        &["push", "-l", "out", "7", &name],
        str![[r#"
status: 2
stdout:
stderr:
error: `out` has no image `7`
 |
 = help: it has quay.io/me/vm:1

"#]],
    );
}

/// Changes the layer's file in a layout, pushes, which must fail, and finds no tag afterwards.
fn damaged(damage: impl FnOnce(&Scene, &str), expected: impl IntoData) {
    let scene = Scene::with_disk();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    scene.build(&[]);
    let layout = Layout::open(&scene.path("out"));
    let image = layout.images("1").remove(0);
    let blob = format!("out/blobs/sha256/{}", image.manifest.layers()[0].digest().digest());
    damage(&scene, &blob);
    let name = registry.reference("vm:1");
    refused(&scene, &registry, &["push", "-l", "out", "1", &name, "--progress", "none"], expected);
    assert_ne!(scene.run(["pull", "-q", &name, "-o", "back"]).status, 0);
    let has = |directory: &str| scene.path(directory).join("link").exists();
    let layers = "registry/data/docker/registry/v2/repositories/vm/_layers/sha256";
    let layer = image.manifest.layers()[0].digest().digest();
    assert!(!has(&format!("{layers}/{layer}")), "the blob was published");
}

#[test]
fn layouts_that_are_damaged() {
    let change = |scene: &Scene, blob: &str| {
        let mut bytes = scene.read(blob);
        *bytes.last_mut().unwrap() ^= 1;
        scene.write(blob, bytes);
    };
    damaged(
        change,
        str![[r#"
status: 1
stdout:
stderr:
error: cannot upload a blob to [REGISTRY]/vm: the blob sha256:abbd4b69a4d8e7d46bcca8e37ac959cf19b71e16fe16bf7a932cbb4050978e6d is damaged where it comes from

"#]],
    );
    let cut = |scene: &Scene, blob: &str| {
        let bytes = scene.read(blob);
        scene.write(blob, &bytes[..bytes.len() / 2]);
    };
    damaged(
        cut,
        str![[r#"
status: 1
stdout:
stderr:
error: cannot upload a blob to [REGISTRY]/vm: out/blobs/sha256/abbd4b69a4d8e7d46bcca8e37ac959cf19b71e16fe16bf7a932cbb4050978e6d has 602055 bytes, not 1204111 as its manifest says

"#]],
    );
    damaged(
        |scene, blob| fs::remove_file(scene.path(blob)).unwrap(),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot upload a blob to [REGISTRY]/vm: cannot read out/blobs/sha256/abbd4b69a4d8e7d46bcca8e37ac959cf19b71e16fe16bf7a932cbb4050978e6d: No such file or directory (os error 2)

"#]],
    );
    let link = |scene: &Scene, blob: &str| {
        fs::rename(scene.path(blob), scene.path("elsewhere")).unwrap();
        std::os::unix::fs::symlink(scene.path("elsewhere"), scene.path(blob)).unwrap();
    };
    damaged(
        link,
        str![[r#"
status: 1
stdout:
stderr:
error: cannot upload a blob to [REGISTRY]/vm: cannot read out/blobs/sha256/abbd4b69a4d8e7d46bcca8e37ac959cf19b71e16fe16bf7a932cbb4050978e6d: Too many levels of symbolic links (os error 40)

"#]],
    );
}

#[test]
fn blobs_without_bytes() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let put = |bytes: &[u8], media_type: &str| {
        let digest = sha256(bytes);
        scene.write(&format!("out/blobs/sha256/{digest}"), bytes);
        json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() })
    };
    let config = put(b"{}", "application/vnd.oci.empty.v1+json");
    let layer = put(b"", "application/octet-stream");
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer],
    });
    let mut manifest = put(manifest.to_string().as_bytes(), media_type);
    let digest = manifest["digest"].as_str().unwrap().to_owned();
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": "1" });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    scene.write("out/index.json", index.to_string());
    scene.write("out/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    let name = registry.reference("vm:1");
    assert_eq!(scene.run(["push", "-q", "-l", "out", "1", &name]).digest(), digest);
    assert_eq!(scene.run(["pull", "-q", &name, "-o", "back"]).digest(), digest);
    assert_eq!(scene.read(&format!("back/blobs/sha256/{}", sha256(b""))), b"");
}

/// A file system in memory, for a test that runs as root and may mount.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn mount(path: &'a Path, size: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let options = format!("size={size}");
        let args = ["-t", "tmpfs", "-o", &options, "tmpfs", path.to_str().unwrap()];
        let mounted = Command::new("mount").args(args).stderr(Stdio::null()).status();
        if !mounted.is_ok_and(|status| status.success()) {
            peer::note_skipped("this user cannot mount: no disk is full");
            return None;
        }
        Some(Self(path))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // The registry may still have files open.
        Command::new("umount").arg("--lazy").arg(self.0).status().unwrap();
    }
}

#[test]
fn a_registry_whose_disk_is_full() {
    let scene = Scene::with_disk();
    let data = scene.path("registry/data");
    let Some(_small) = Small::mount(&data, "8m") else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let old = scene.build(&[]);
    let name = registry.reference("vm:1");
    run(&scene, &["push", "-l", "out", "1", &name]);
    scene.write("disk.raw", mixed_bytes(8, 48 * MIB));
    scene.build_to("large", &[]);
    let few = ["--retry", "1", "--progress", "none"];
    refused(
        &scene,
        &registry,
        &[&["push", "-l", "large", "1", &name], &few[..]].concat(),
        str![[r#"
status: 75
stdout:
stderr:
error: cannot upload a blob to [REGISTRY]/vm: the server answered 500: UNKNOWN, unknown error
 |
 = help: the registry itself failed, and its log tells why; is its disk full?

"#]],
    );
    refused(
        &scene,
        &registry,
        &[&["build", "--push", "-t", &name], &few[..]].concat(),
        str![[r#"
status: 75
stdout:
stderr:
error: cannot upload a blob to [REGISTRY]/vm: the server answered 500: UNKNOWN, unknown error
 |
 = help: the registry itself failed, and its log tells why; is its disk full?

"#]],
    );
    assert_eq!(scene.run(["pull", "-q", &name, "-o", "back"]).digest(), old);
}

/// Waits until a registry has some bytes of an upload.
fn wait_for_bytes(registry: &DockerRegistry) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while registry.pending_upload_bytes() == 0 {
        assert!(Instant::now() < deadline, "no upload begins");
    }
}

/// Kills a registry in the middle of an upload and starts it again.
fn killed(args: &[&str]) {
    let scene = Scene::new();
    let Some(mut registry) = DockerRegistry::start_open(&scene) else { return };
    scene.write("disk.raw", mixed_bytes(8, 96 * MIB));
    scene.write_spec("amd64: { disk: disk.raw }");
    let slow = ["--compression", "none"];
    let digest = scene.build(&slow);
    let name = registry.reference("vm:1");
    let mut command = scene.program(args.iter().chain(&[&name, "-q"]));
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    wait_for_bytes(&registry);
    registry.kill();
    registry.restart();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), digest, "{args:?}");
    assert_eq!(scene.run(["pull", "-q", &name, "-o", "back"]).digest(), digest);
    blobs(&scene, "back", "1");
    assert!(registry.pending_upload_bytes() > 0, "the registry was killed too late");
}

#[test]
fn a_registry_that_is_killed_in_the_middle() {
    killed(&["push", "-l", "out", "1"]);
    killed(&["build", "--push", "--no-cache", "--compression", "none", "-t"]);
}
