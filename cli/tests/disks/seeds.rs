//! The Dockerfiles that people have: those of the documents of `KubeVirt` and CDI, of image-builder and of
//! Forklift, unchanged.

use diskette_integration::disk::{qcow2_disk, sha256};
use diskette_integration::dockerfile::base::{Base, TAG};
use diskette_integration::dockerfile::context;
use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::scene::Scene;
use serde_json::json;
use snapbox::{IntoData as _, assert_data_eq, str};

/// The name of the disk in all of them.
const DISK: &str = "fedora28.qcow2";

/// A scene with a disk and a Dockerfile in `c`.
fn scene(dockerfile: &str) -> Scene {
    let scene = Scene::new();
    scene.write(&format!("c/{DISK}"), disk());
    scene.write("c/Dockerfile", dockerfile);
    scene
}

fn disk() -> Vec<u8> {
    qcow2_disk(28, 100_000)
}

/// Builds twice, without any memory, into two places; returns the image and what was said.
fn build(scene: &Scene, args: &[&str]) -> (Documents, String) {
    let build = |output: &str| {
        let head = ["build", "--no-cache", "--progress", "none", "-o", output, "c"];
        let outcome = scene.run(head.iter().chain(args));
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        (outcome.stdout.clone(), outcome.stderr)
    };
    let (first, second) = (build("out"), build("again"));
    assert_eq!(first, second);
    assert_eq!(scene.file_digests("out"), scene.file_digests("again"));
    (Documents::only(&scene.path("out")), first.1)
}

/// What every stage has that has no other.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a disk is in a layer.
fn disk_lines() -> [String; 2] {
    let directory = "dir 555 107:107 disk".to_owned();
    [directory, format!("file 444 107:107 disk/{DISK} = sha256:{}", sha256(&disk()))]
}

/// Builds what comes to a disk in a layer of its own, and the same from a spec.
fn check_disk(dockerfile: &str, args: &[&str], env: &[&str]) -> String {
    let scene = scene(dockerfile);
    let (image, said) = build(&scene, args);
    assert_eq!(image.layer(0), disk_lines(), "{dockerfile}");
    let env: Vec<&str> = std::iter::once(PATH).chain(env.iter().copied()).collect();
    assert_eq!(image.config["config"]["Env"], json!(env), "{dockerfile}");
    scene.write_spec(&format!("amd64: {{ disk: c/{DISK} }}"));
    scene.build_to("spec", &["--platform", "linux/amd64"]);
    let spec = Documents::only(&scene.path("spec"));
    assert_eq!(image.layers(), spec.layers(), "{dockerfile}");
    assert_eq!(image.config["rootfs"], spec.config["rootfs"], "{dockerfile}");
    said
}

#[test]
fn cdi_s_documents() {
    let plain = "FROM kubevirt/container-disk-v1alpha\nADD fedora28.qcow2 /disk\n";
    let said = check_disk(plain, &[], &[]);
    assert_data_eq!(
        said,
        str![[r#"
warning: `kubevirt/container-disk-v1alpha` is taken for `scratch` with a directory /disk
 --> c/Dockerfile:1:6
  |
1 | FROM kubevirt/container-disk-v1alpha
  |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write `FROM scratch` and `ADD --chown=107:107 DISK /disk/`; KubeVirt needs nothing else

"#]]
        .raw()
    );
    let labels = format!(
        "{plain}\nENV INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE u1.small\n\
         ENV INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE fedora\n"
    );
    let env = [
        "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE=u1.small",
        "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE=fedora",
    ];
    check_disk(&labels, &[], &env);
}

#[test]
fn kubevirt_s_documents() {
    let said = check_disk("FROM kubevirt.io:disk\nADD fedora28.qcow2 /disk\n", &[], &[]);
    assert!(said.starts_with("warning: `kubevirt.io:disk` is taken for `scratch` "), "{said}");
    for dockerfile in [
        "FROM scratch\nADD --chown=107:107 fedora28.qcow2 /disk/\n",
        "FROM scratch\nADD fedora28.qcow2 /disk/\n",
        "FROM scratch\nCOPY --chown=107:107 fedora28.qcow2 /disk/\n",
    ] {
        assert_eq!(check_disk(dockerfile, &[], &[]), "", "{dockerfile}");
    }
}

#[test]
fn image_builder_s() {
    let base = "registry.access.redhat.com/ubi8/ubi:latest";
    let dockerfile = format!(
        "FROM {base} AS builder\nADD --chown=107:107 fedora28.qcow2 /disk/\n\
         FROM scratch\nCOPY --from=builder /disk/* /disk/\n"
    );
    let scene = scene(&dockerfile);
    let (image, said) = build(&scene, &["--build-context", &ubi(&scene, base, UBI)]);
    assert_eq!((&image.layer(0)[..], &said[..]), (&disk_lines()[..], ""));
    assert_eq!((image.layers().len(), &image.config["config"]["Env"]), (1, &json!([PATH])));
}

/// What there is of ubi-minimal.
const UBI: &str = "\
=== ubi
--- layer gz
link bin = usr/bin
dir usr/bin
file 755 usr/bin/cp = cp
dir opt
--- config
{\"Env\": [\"PATH=/usr/bin\", \"container=oci\"], \"Cmd\": [\"/bin/bash\"], \"User\": \"0\"}
";

/// Makes a base in the scene and returns what makes a name mean it.
fn ubi(scene: &Scene, name: &str, text: &str) -> String {
    let bases = Base::make_all(text, &scene.path("bases")).unwrap();
    format!("{name}=oci-layout://{}:{TAG}", bases[0].layout.display())
}

/// As VMware's archive has them: chains of links, and files that only the owner can write.
const LIBRARIES: &str = "\
dir bin64
file 755 bin64/vmware-vdiskmanager = elf
file 444 include/vixDiskLib.h = c
dir lib64
file 555 lib64/libvixDiskLib.so.8.0.1 = elf
link lib64/libvixDiskLib.so.8 = libvixDiskLib.so.8.0.1
link lib64/libvixDiskLib.so = libvixDiskLib.so.8
link lib64/absolute = /opt/nowhere
";

const VDDK: &str = "\
FROM registry.access.redhat.com/ubi8/ubi-minimal
USER 1001
COPY vmware-vix-disklib-distrib /vmware-vix-disklib-distrib
RUN mkdir -p /opt
ENTRYPOINT [\"cp\", \"-r\", \"/vmware-vix-disklib-distrib\", \"/opt\"]
";

/// A scene with the Dockerfile, a tree that looks like VMware's, and what makes the base's name mean
/// one with these layers.
fn vddk(base: &str) -> (Scene, String) {
    let scene = scene(VDDK);
    context::make(&scene.path("c/vmware-vix-disklib-distrib"), LIBRARIES);
    let context = ubi(&scene, "registry.access.redhat.com/ubi8/ubi-minimal", base);
    (scene, context)
}

#[test]
fn forklift_s() {
    let (scene, context) = vddk(UBI);
    let (image, said) = build(&scene, &["--build-context", &context]);
    assert_eq!(said, "");
    assert_eq!(image.layer(0)[0], "link bin = usr/bin");
    assert_data_eq!(
        image.layer(1).join("\n"),
        str![[r#"
dir vmware-vix-disklib-distrib
dir vmware-vix-disklib-distrib/bin64
file 755 vmware-vix-disklib-distrib/bin64/vmware-vdiskmanager = elf
dir vmware-vix-disklib-distrib/include
file 444 vmware-vix-disklib-distrib/include/vixDiskLib.h = c
dir vmware-vix-disklib-distrib/lib64
link vmware-vix-disklib-distrib/lib64/absolute = /opt/nowhere
link vmware-vix-disklib-distrib/lib64/libvixDiskLib.so = libvixDiskLib.so.8
link vmware-vix-disklib-distrib/lib64/libvixDiskLib.so.8 = libvixDiskLib.so.8.0.1
file 555 vmware-vix-disklib-distrib/lib64/libvixDiskLib.so.8.0.1 = elf
"#]]
        .raw()
    );
    // None for RUN: the base has the directory.
    assert_eq!(image.layers().len(), 2);
    let entrypoint = ["cp", "-r", "/vmware-vix-disklib-distrib", "/opt"];
    // Without the base's Cmd, which is not for this entrypoint.
    let expected = json!({
        "Entrypoint": entrypoint, "Env": ["PATH=/usr/bin", "container=oci"], "User": "1001",
    });
    assert_eq!(image.config["config"], expected);
}

#[test]
fn forklift_s_without_a_directory_opt() {
    let (scene, context) = vddk(&UBI.replace("dir opt\n", ""));
    let args = ["build", "--no-cache", "-o", "out", "--build-context", &context, "c"];
    let command = scene.program(args);
    assert_data_eq!(
        scene.run_refused(command),
        str![[r#"
status: 1
stdout:
stderr:
error: `mkdir` fails: cannot create directory '/opt': Permission denied
 --> c/Dockerfile:4:5
  |
4 | RUN mkdir -p /opt
  |     ^^^^^^^^^^^^^

"#]]
        .raw()
    );
}

#[test]
fn a_mode_that_was_given_is_kept() {
    let dockerfile = "FROM scratch AS b\nADD --chmod=0440 fedora28.qcow2 /disk/\n\
                      FROM scratch\nCOPY --from=b /disk/* /disk/\n";
    let (image, said) = build(&scene(dockerfile), &[]);
    assert_eq!(image.layer(0)[1], disk_lines()[1].replace("444", "440"));
    assert_eq!(said, "");
    let dockerfile = "FROM scratch\nADD fedora28.qcow2 /disk/\nRUN chmod 0440 /disk/*\n";
    let (_, said) = build(&scene(dockerfile), &[]);
    let expected = "warning[disk-repeated]: /disk/fedora28.qcow2: it is in layer 1 and, as far as can be seen the same, in 2";
    assert!(said.starts_with(expected), "{said}");
}
