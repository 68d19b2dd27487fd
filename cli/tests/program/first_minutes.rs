//! The first ten minutes of a new user, and the pipelines of those who come from docker, buildah
//! and skopeo: what they type is run as it stands.

use std::process::Command;

use diskette_integration::disk::qcow2_disk;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::scene::{self, Scene};
use snapbox::{IntoData, assert_data_eq, str};

/// Runs a script of the shell, which ends at the first command that fails; returns its status and
/// what it printed.
fn run(scene: &Scene, registry: &DockerRegistry, script: &str) -> String {
    let program = scene::program_path();
    let paths = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut shell = Command::new("sh");
    shell.args(["-euc", &format!("exec 2>&1\n{script}")]).current_dir(scene.path("work"));
    shell.env_clear().env("PATH", paths).env("HOME", scene.path("home"));
    shell.env("REGISTRY", registry.address()).env("TOKEN", "sesame");
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).replace(&registry.address(), "[REGISTRY]");
    format!("{}\n{said}", output.status)
}

#[test]
fn from_a_disk_to_a_virtual_machine_in_two_commands() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    scene.write("work/Fedora-Cloud-42.x86_64.qcow2", qcow2_disk(1, 300_000));
    let build = "diskette build *.qcow2 -t $REGISTRY/me/fedora:42 --push --progress none";
    assert_data_eq!(
        run(&scene, &registry, build),
        str![[r#"
exit status: 0
[REGISTRY]/me/fedora@sha256:00e446a74e9a7d97a23405e1775f17be52e1ebc8cb4aea102c7a7bbb0543bbd0

"#]]
        .raw()
    );
    let manifest = "diskette manifests vm $REGISTRY/me/fedora:42";
    assert_data_eq!(run(&scene, &registry, manifest), str![[r#"
exit status: 0
# [REGISTRY]/me/fedora:42 for linux/amd64
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: fedora
spec:
  instancetype:
    name: u1.medium
  preference:
    name: fedora
  runStrategy: Always
  template:
    metadata:
      labels:
        vm.kubevirt.io/name: fedora
    spec:
      architecture: amd64
      domain:
        devices:
          disks:
          - disk: {}
            name: root
          interfaces:
          - masquerade: {}
            name: default
          rng: {}
      networks:
      - name: default
        pod: {}
      volumes:
      - containerDisk:
          image: [REGISTRY]/me/fedora@sha256:00e446a74e9a7d97a23405e1775f17be52e1ebc8cb4aea102c7a7bbb0543bbd0
        name: root

"#]].raw());
    let files: Vec<_> = std::fs::read_dir(scene.path("work")).unwrap().collect();
    assert_eq!(files.len(), 1, "nothing but the disk is in the directory");
}

/// A pipeline as CI systems write it, for Debian's programs.
const PIPELINE: &str = r#"
IMAGE=$REGISTRY/team/fedora
COMMIT=0123abc
printf '%s\n' 'ARG DISK' 'FROM scratch' 'ARG DISK' 'ADD --chown=107:107 ${DISK} /disk/' >Dockerfile
echo 'FROM scratch
COPY --chown=107:107 Fedora-Cloud-42.aarch64.qcow2 /disk/' >Containerfile.arm64
echo "$TOKEN" | docker login -u ci --password-stdin $REGISTRY
docker buildx build --pull --provenance=false --sbom=false --platform linux/amd64 \
    --build-arg DISK=Fedora-Cloud-42.x86_64.qcow2 --label org.opencontainers.image.revision=$COMMIT \
    --cache-from type=registry,ref=$IMAGE:cache --cache-to type=inline --progress plain \
    --metadata-file metadata.json --push -t $IMAGE:$COMMIT-amd64 .
docker build --rm --force-rm --network host --quiet --build-arg DISK=Fedora-Cloud-42.x86_64.qcow2 \
    --output type=oci,dest=image.tar -t $IMAGE:$COMMIT .
buildah bud --layers --isolation chroot --format oci --platform linux/arm64 \
    -f Containerfile.arm64 -t $IMAGE:$COMMIT-arm64 .
buildah push $IMAGE:$COMMIT-arm64
skopeo copy --all docker://$IMAGE:$COMMIT-amd64 docker://$IMAGE:latest
skopeo copy --quiet docker://$IMAGE:$COMMIT-arm64 oci:mirror:arm64
skopeo copy -a oci-archive:image.tar docker://$REGISTRY/mirror/fedora:$COMMIT
skopeo inspect docker://$IMAGE:latest >inspected
skopeo list-tags docker://$IMAGE
test -s metadata.json && test -s inspected
docker logout $REGISTRY
"#;

/// What is written in place of other programs: docs/pipelines.md.
const REPLACED: [(&str, &str); 9] = [
    ("docker buildx build", "diskette build"),
    ("docker build", "diskette build"),
    ("buildah bud", "diskette build --push"),
    ("buildah push", ": the build has pushed"),
    ("docker login", "diskette login"),
    ("docker logout", "diskette logout"),
    ("skopeo copy", "diskette copy"),
    ("skopeo inspect", "diskette inspect"),
    ("skopeo list-tags", "diskette tags"),
];

#[test]
fn a_pipeline_of_docker_buildah_and_skopeo() {
    if peer::find("docker-registry").is_none() {
        return;
    }
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    for (uname, seed) in [("x86_64", 1), ("aarch64", 2)] {
        scene.write(&format!("work/Fedora-Cloud-42.{uname}.qcow2"), qcow2_disk(seed, 300_000));
    }
    let replace = |text: String, (from, to): &(&str, &str)| text.replace(from, to);
    let script = REPLACED.iter().fold(PIPELINE.to_owned(), replace);
    assert!(!script.contains("docker ") && !script.contains("skopeo "), "{script}");
    let said = run(&scene, &registry, &script);
    assert!(said.starts_with("exit status: 0\n"), "{said}");
    for tag in ["0123abc-amd64", "0123abc-arm64", "latest"] {
        assert!(said.lines().any(|line| line == tag), "{tag}: {said}");
    }
    let digest = |name: &str| {
        let mut program = scene.program(["digest", &registry.reference(name)]);
        program.current_dir(scene.path("work"));
        scene.run_command(program).transcript()
    };
    assert_eq!(digest("team/fedora:latest"), digest("team/fedora:0123abc-amd64"));
    assert!(digest("mirror/fedora:0123abc").starts_with("status: 0\n"));
}
