//! What can be seen of an image without reading its layers.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use diskette_integration::disk::{MIB, noise_bytes};
use diskette_integration::peer;
use diskette_integration::registry::stock::{ImageStock, MediaTypeFamily};
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use serde_json::{Value, json};
use snapbox::{IntoData, assert_data_eq, str};

fn inspect(scene: &Scene, args: &[&str]) -> Value {
    let outcome = scene.run(["inspect", "--format", "json"].iter().chain(args));
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{args:?}");
    serde_json::from_slice(&outcome.stdout).unwrap()
}

fn check(scene: &Scene, args: &[&str], expected: impl IntoData) {
    assert_data_eq!(scene.run(["inspect"].iter().chain(args)).transcript(), expected.raw());
}

/// A scene with an image of two platforms and labels.
fn scene() -> Scene {
    let scene = Scene::with_two_disks();
    let spec = String::from_utf8(scene.read("diskette.yaml")).unwrap();
    let more = "kubevirt: { instancetype: u1.medium, preference: fedora }\n\
                annotations: { org.opencontainers.image.source: 'https://example.com/' }\n";
    scene.write("diskette.yaml", spec + more);
    scene
}

#[test]
fn a_layout_for_people() {
    let scene = scene();
    scene.build(&[]);
    check(
        &scene,
        &["out"],
        str![[r#"
status: 0
stdout:
oci:out
  digest      sha256:d31d84002ee8e90f9d65b2ff5a34eade3caa1e3775e612ad5bac630d658674b6
  type        application/vnd.oci.image.index.v1+json
  annotation  source: https://example.com/

linux/amd64
  manifest    sha256:fbce60c085497e6a6bc4b4725933d8538e2939ae8cdeac3167130e1650cf588d
  config      sha256:6893e53ad96dc7752932d16e459c52af18cffedc489722f181e4e67e59d48240  created 1970-01-01T00:00:00Z
  disk        /disk/x.raw  0444 107:107
  format      raw
  size        2.00 MiB
  file        2.00 MiB
  layer       sha256:5c29b400945328376c1f0c4d0643d04a8b7c08829586d897b0c5ff65e2788c58  782.81 KiB  gzip  38.2 % of the disk's file
  label       instancetype.kubevirt.io/default-instancetype=u1.medium
  label       instancetype.kubevirt.io/default-preference=fedora
  annotation  source: https://example.com/

linux/arm64
  manifest    sha256:095d30c254d79f0e7375d395d8ae5a7b7c956c71c7414015cb24b9b981e1d10f
  config      sha256:7dc1e9f4264075c5925020465fc7fb2bc6acf0265aa4cf10ece0a77045a86bcd  created 1970-01-01T00:00:00Z
  disk        /disk/a.raw  0444 107:107
  format      raw
  size        1.00 MiB
  file        1.00 MiB
  layer       sha256:c8ba30d08010776907de38019d75e16c11ab263ed78b98b16df83dc5556a245d  401.62 KiB  gzip  39.0 % of the disk's file
  label       instancetype.kubevirt.io/default-instancetype=u1.medium
  label       instancetype.kubevirt.io/default-preference=fedora
  annotation  source: https://example.com/
stderr:

"#]],
    );
    scene.build_to("oci-archive:vm.tar", &["--compression", "zstd"]);
    check(
        &scene,
        &["vm.tar", "--platform", "arm64"],
        str![[r#"
status: 0
stdout:
oci-archive:vm.tar
  digest      sha256:c3688d9bcf68f824d0aa8ec97fed6c6fc92caab95908af708a9cefa7d93c1814
  type        application/vnd.oci.image.index.v1+json
  annotation  source: https://example.com/

linux/arm64
  manifest    sha256:c39a66dba493c005f0ee7170eb805f4beec1254ab1715d4c54c54aad19c67eff
  config      sha256:7dc1e9f4264075c5925020465fc7fb2bc6acf0265aa4cf10ece0a77045a86bcd  created 1970-01-01T00:00:00Z
  disk        /disk/a.raw  0444 107:107
  format      raw
  size        1.00 MiB
  file        1.00 MiB
  layer       sha256:08772fb649e8756c22ec2259bb452eac29c0b90b61e09117479460e375dc2f0a  352.00 KiB  zstd  34.2 % of the disk's file
  label       instancetype.kubevirt.io/default-instancetype=u1.medium
  label       instancetype.kubevirt.io/default-preference=fedora
  annotation  source: https://example.com/
stderr:

"#]],
    );
}

#[test]
fn a_layout_for_programs() {
    let scene = Scene::with_disk();
    scene.build(&["--compression", "none"]);
    check(
        &scene,
        &["oci:out:1", "--format", "json"],
        str![[r#"
status: 0
stdout:
{
  "annotations": {},
  "attachments": [],
  "attestations": 0,
  "digest": "sha256:3375a5c6fd513a9c7026f1f0b3126990cb9d118060ee27af5e80a61dd5367403",
  "image": "oci:out:1",
  "media_type": "application/vnd.oci.image.index.v1+json",
  "platforms": [
    {
      "annotations": {},
      "base": {
        "digest": null,
        "name": null
      },
      "config": "sha256:58ce8bb5b17c0df65765a11daae5938cc2a5189dcea02d71ef4a67d39b8c6648",
      "created": "1970-01-01T00:00:00Z",
      "digest": "sha256:1a4ab89f5ac8cb93f7e4c58c33c17a9afcfb4c01fb3374cba03ff3e56ee0adb9",
      "disk": {
        "allocated": null,
        "boot": [],
        "cluster_compression": null,
        "file_size": 3145805,
        "flaws": [],
        "format": "raw",
        "gid": 107,
        "layer": 0,
        "mode": "0444",
        "partitions": null,
        "path": "/disk/disk.raw",
        "uid": 107,
        "virtual_size": 3146240
      },
      "findings": [],
      "labels": {},
      "layers": [
        {
          "compression": "none",
          "digest": "sha256:d9f47ac3e3c5783c988d56185bdb3afd54849a8fd3e9b8617081a6a55df965fc",
          "media_type": "application/vnd.oci.image.layer.v1.tar",
          "size": 3148288
        }
      ],
      "media_type": "application/vnd.oci.image.manifest.v1+json",
      "platform": "linux/amd64",
      "problems": []
    }
  ]
}
stderr:

"#]],
    );
}

#[test]
fn a_disk() {
    let scene = Scene::with_disk();
    check(
        &scene,
        &["disk.raw"],
        str![[r#"
status: 0
stdout:
disk.raw
  format      raw
  size        3.00 MiB
  file        3.00 MiB
stderr:

"#]],
    );
    check(
        &scene,
        &["disk.raw", "--format", "json"],
        str![[r#"
status: 0
stdout:
{
  "disk": {
    "allocated": null,
    "boot": [],
    "cluster_compression": null,
    "file_size": 3145805,
    "flaws": [],
    "format": "raw",
    "partitions": null,
    "virtual_size": 3146240
  },
  "file": "disk.raw"
}
stderr:

"#]],
    );
    let Some(qemu) = peer::find("qemu-img") else { return };
    let path = scene.path("d.qcow2");
    qemu.run(["create", "-q", "-f", "qcow2", path.to_str().unwrap(), "3G"]);
    let seen = inspect(&scene, &["d.qcow2"]);
    assert_eq!(seen["disk"]["format"], "qcow2");
    assert_eq!(seen["disk"]["virtual_size"], json!(3_u64 << 30));
}

/// However large the layer is: the first bytes of it are asked for, and the documents.
#[test]
fn little_of_a_large_layer_is_read() {
    let scene = Scene::new();
    scene.write("disk.raw", noise_bytes(1, 24 * MIB));
    scene.write_spec("linux/amd64: { disk: disk.raw }");
    for kind in ["gzip", "zstd", "none"] {
        scene.build(&["--compression", kind]);
        for profile in [Profile::DISTRIBUTION_3, Profile::DISTRIBUTION_2_8] {
            let registry = Registry::start(profile);
            registry.put_image("vm", "1", &scene.path("out"), "1");
            let seen = inspect(&scene, &[&registry.reference("vm:1")]);
            let disk = &seen["platforms"][0]["disk"];
            assert_eq!(disk["file_size"], json!(24 * MIB), "{seen:#}");
            assert_eq!(disk["path"], "/disk/disk.raw");
            let large = &seen["platforms"][0]["layers"][0];
            assert!(large["size"].as_u64().unwrap() > 20 << 20, "{large}");
            let digest = large["digest"].as_str().unwrap();
            let asked = registry.take_requests();
            let asked: Vec<Option<&str>> = asked
                .iter()
                .filter(|asked| asked.method == "GET" && asked.path.contains(digest))
                .map(|asked| asked.header("range"))
                .collect();
            assert_eq!(asked, [Some("bytes=0-4194303")], "{kind}");
        }
    }
}

#[test]
fn images_of_others() {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Env": ["INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE=u1.small", "PATH=/"] },
    });
    let scene = Scene::new();
    let disk = "dir disk\nfile 444 107:107 disk/disk.img = d";
    for family in [MediaTypeFamily::Oci, MediaTypeFamily::Docker] {
        for packing in ["gz", "zst", "none"] {
            let layers = [("gz", "file etc/a = a"), (packing, disk), ("none", "file etc/b = b")];
            ImageStock { family, ..ImageStock::new(&registry, "vm") }.image(
                "1",
                config.clone(),
                &layers,
            );
            let seen = inspect(&scene, &[&registry.reference("vm:1")]);
            let image = &seen["platforms"][0];
            assert_eq!(image["disk"]["path"], "/disk/disk.img", "{image:#}");
            assert_eq!(image["disk"]["layer"], 1);
            assert_eq!(image["disk"]["mode"], "0444");
            let label = &image["labels"]["instancetype.kubevirt.io/default-instancetype"];
            assert_eq!(*label, "u1.small", "{image:#}");
        }
    }
    ImageStock::new(&registry, "vm").image("none", config.clone(), &[("gz", "file etc/a = a")]);
    let seen = inspect(&scene, &[&registry.reference("vm:none")]);
    assert_eq!(seen["platforms"][0]["disk"], Value::Null);
    // A layer that cannot be read keeps nobody from seeing the rest.
    let index = [ImageStock::new(&registry, "vm").for_platform("arm64")];
    ImageStock::new(&registry, "vm").index("index", &index);
    let seen = inspect(&scene, &[&registry.reference("vm:index")]);
    assert_eq!(seen["platforms"][0]["platform"], "linux/arm64");
}

#[test]
fn what_is_not_there() {
    let scene = scene();
    scene.build(&[]);
    check(
        &scene,
        &["oci:out:2"],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no image `oci:out:2`

"#]],
    );
    check(
        &scene,
        &["out", "--platform", "s390x"],
        str![[r#"
status: 2
stdout:
stderr:
error: `oci:out` has no image for linux/s390x; it has linux/amd64, linux/arm64
 |
 = help: choose one of them with `--platform`

"#]],
    );
    check(
        &scene,
        &["./nowhere"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot open the layout `./nowhere`: No such file or directory (os error 2)

"#]],
    );
    check(
        &scene,
        &["x.raw", "--platform", "amd64"],
        str![[r#"
status: 2
stdout:
stderr:
error: `x.raw` is a disk, and has no platforms

"#]],
    );
}
