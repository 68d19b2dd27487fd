//! Container engines load archives: by docker's `manifest.json`, or by the index of OCI.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use diskette_integration::peer::{self, Peer};
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::{Scene, is_root};
use serde_json::{Value, json};

/// Archives, the options that they are built with, and the names that are in them.
const ARCHIVES: [(&str, &[&str], &[&str]); 5] = [
    ("plain.tar", &[], &["quay.io/me/vm:1"]),
    (
        "two.tar",
        &["-t", "quay.io/me/a:1", "-t", "quay.io/me/b:2"],
        &["quay.io/me/a:1", "quay.io/me/b:2"],
    ),
    (
        "arch.tar",
        &["--per-arch-tags"],
        &["quay.io/me/vm:1", "quay.io/me/vm:1-amd64", "quay.io/me/vm:1-arm64"],
    ),
    ("docker.tar", &["--format", "docker"], &["quay.io/me/vm:1"]),
    ("none.tar", &["--compression", "none"], &["quay.io/me/vm:1"]),
];

/// A scene with the archives.
fn scene() -> Scene {
    let scene = Scene::with_two_disks();
    for (archive, options, _) in ARCHIVES {
        scene.build_to(&format!("oci-archive:{archive}"), options);
    }
    scene.write("policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
    scene
}

/// Returns a file of an archive.
fn member(scene: &Scene, archive: &str, path: &str) -> Option<Vec<u8>> {
    let bytes = scene.read(archive);
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut entry = entries.find(|entry| entry.path().unwrap() == Path::new(path))?;
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
    Some(content)
}

fn docker_manifest(scene: &Scene, archive: &str) -> Value {
    serde_json::from_slice(&member(scene, archive, "manifest.json").unwrap()).unwrap()
}

#[test]
fn docker_manifests_list_the_image_of_this_machine() {
    let scene = scene();
    for (archive, _, names) in ARCHIVES {
        let listed = docker_manifest(&scene, archive);
        let tags =
            listed.as_array().unwrap().iter().filter_map(|image| image["RepoTags"].as_array());
        let mut tags: Vec<&str> = tags.flatten().map(|tag| tag.as_str().unwrap()).collect();
        tags.sort_unstable();
        assert_eq!(tags, names, "{archive}");
        let config = listed[0]["Config"].as_str().unwrap();
        let config: Value =
            serde_json::from_slice(&member(&scene, archive, config).unwrap()).unwrap();
        let host = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        assert_eq!(config["architecture"], json!(host), "{archive}");
        for layer in listed[0]["Layers"].as_array().unwrap() {
            assert!(member(&scene, archive, layer.as_str().unwrap()).is_some(), "{archive}");
        }
    }
}

#[test]
fn without_an_image_of_this_machine_the_first_is_listed() {
    let scene = Scene::with_two_disks();
    scene.write_spec("linux/s390x: { disk: x.raw }\n  linux/ppc64le: { disk: a.raw }");
    scene.build_to("oci-archive:a.tar", &[]);
    let listed = docker_manifest(&scene, "a.tar");
    let config = listed[0]["Config"].as_str().unwrap().to_owned();
    let config: Value = serde_json::from_slice(&member(&scene, "a.tar", &config).unwrap()).unwrap();
    assert_eq!(config["architecture"], json!("s390x"));
}

#[test]
fn skopeo_reads_them_as_dockers() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    let scene = scene();
    for (archive, _, names) in ARCHIVES {
        for name in names {
            let image = format!("docker-archive:{}:{name}", scene.path(archive).display());
            let text = skopeo.run(["inspect", &image]);
            let found: Value = serde_json::from_str(&text).unwrap();
            let is_arm = name.ends_with("arm64") || cfg!(target_arch = "aarch64");
            let is_arm = is_arm && !name.ends_with("amd64");
            let expected = if is_arm { "arm64" } else { "amd64" };
            assert_eq!(found["Architecture"], json!(expected), "{archive} {name}");
        }
    }
}

#[test]
fn podman_loads_all_names() {
    let (Some(podman), Some(_)) = (peer::find("podman"), peer::find("crun")) else { return };
    let scene = scene();
    let (root, run) = (scene.path("podman"), scene.path("podman-run"));
    let policy = scene.path("policy.json");
    let start = ["--root", root.to_str().unwrap(), "--runroot", run.to_str().unwrap()];
    let quiet =
        ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
    let podman = |args: &[&str]| podman.run(start.iter().chain(&quiet).chain(args));
    for (archive, _, names) in ARCHIVES {
        let path = scene.path(archive);
        let load = ["load", "-q", "--signature-policy", policy.to_str().unwrap()];
        podman(&[&load[..], &["-i", path.to_str().unwrap()]].concat());
        assert_eq!(sorted_lines(&podman(&IMAGES)), names, "{archive}");
        podman(&["rmi", "-a", "-f"]);
    }
}

/// Arguments of podman and docker that list the names of all images.
const IMAGES: [&str; 3] = ["images", "--format", "{{.Repository}}:{{.Tag}}"];

fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// A daemon that listens on a socket in its directory.
struct SocketDaemon(Child);

impl SocketDaemon {
    /// Starts a daemon, and waits until `is_ready`; none if it does not run on this machine.
    fn start(mut command: Command, is_ready: impl Fn() -> bool) -> Option<Self> {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut daemon = Self(command.spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(20);
        while daemon.0.try_wait().unwrap().is_none() && Instant::now() < deadline {
            if is_ready() {
                return Some(daemon);
            }
            thread::sleep(Duration::from_millis(100));
        }
        None
    }
}

impl Drop for SocketDaemon {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap_or_default();
        self.0.wait().unwrap();
    }
}

/// Returns whether a client of a daemon succeeds.
fn succeeds(peer: &Peer, args: &[&str]) -> bool {
    let mut command = peer.command();
    let command = command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

/// Finds a daemon and its client, which a test can do without.
fn find_engine(daemon: &'static str, client: &'static str) -> Option<(Peer, Peer)> {
    let found = peer::find_optional(daemon).zip(peer::find_optional(client));
    if found.is_none() || !is_root() {
        peer::note_skipped(&format!("{daemon} is not installed, or this is not root"));
        return None;
    }
    found
}

#[test]
fn containerd_imports_all_names() {
    let Some((containerd, ctr)) = find_engine("containerd", "ctr") else { return };
    let scene = scene();
    let (root, state) = (scene.path("containerd"), scene.path("containerd-run"));
    let socket = scene.path("c.sock");
    let address = ["--address", socket.to_str().unwrap()];
    let mut command = containerd.command();
    command.args(["--root", root.to_str().unwrap(), "--state", state.to_str().unwrap()]);
    command.args(address);
    let is_ready = || succeeds(&ctr, &[&address[..], &["version"]].concat());
    let Some(_daemon) = SocketDaemon::start(command, is_ready) else {
        return peer::note_skipped("containerd does not run here");
    };
    for (archive, _, names) in ARCHIVES {
        let ctr = |args: &[&str]| ctr.run(address.iter().chain(args));
        let path = scene.path(archive);
        ctr(&["images", "import", "--no-unpack", "--all-platforms", path.to_str().unwrap()]);
        let listed = ctr(&["images", "ls", "-q"]);
        assert_eq!(sorted_lines(&listed), names, "{archive}");
        for name in names {
            ctr(&["images", "rm", name]);
        }
    }
}

#[test]
fn docker_loads_all_names() {
    let Some((dockerd, docker)) = find_engine("dockerd", "docker") else { return };
    let scene = scene();
    let path = |name: &str| scene.path(name).to_str().unwrap().to_owned();
    let host = format!("unix://{}", path("d.sock"));
    let mut command = dockerd.command();
    command.args(["--data-root", &path("docker"), "--exec-root", &path("docker-run")]);
    command.args(["--pidfile", &path("d.pid"), "--host", &host, "--storage-driver", "vfs"]);
    command.args(["--iptables=false", "--ip6tables=false", "--bridge=none"]);
    let is_ready = || succeeds(&docker, &["--host", &host, "version"]);
    let Some(_daemon) = SocketDaemon::start(command, is_ready) else {
        return peer::note_skipped("docker does not run here");
    };
    for (archive, _, names) in ARCHIVES {
        let docker = |args: &[&str]| docker.run(["--host", &host].iter().chain(args));
        docker(&["load", "-i", &path(archive)]);
        assert_eq!(sorted_lines(&docker(&IMAGES)), names, "{archive}");
        docker(&[&["rmi", "-f"], names].concat());
    }
}

/// Writes a program that notes what it is asked, and keeps its standard input.
fn fake_engine(scene: &Scene, name: &str, answers: bool) {
    let status = if answers { "exit 0" } else { "exit 1" };
    let log = scene.path(&format!("{name}.log"));
    let tar = scene.path(&format!("{name}.tar"));
    let script = format!(
        "#!/bin/sh\necho \"$1\" >>{}\n[ \"$1\" = load ] || {status}\n/bin/cat >{}\necho loaded\n",
        log.display(),
        tar.display()
    );
    scene.write_program(&format!("bin/{name}"), script);
}

/// Runs the program with the fake engines, and returns how it ended and what they were asked.
fn run_with_engines(scene: &Scene, args: &[&str]) -> (String, String) {
    let mut command = scene.program(args);
    command.env("PATH", scene.path("bin"));
    let outcome = scene.run_command(command).transcript();
    let log = |name: &str| {
        let text = std::fs::read_to_string(scene.path(&format!("{name}.log"))).unwrap_or_default();
        std::fs::remove_file(scene.path(&format!("{name}.log"))).unwrap_or_default();
        text.lines().fold(String::new(), |all, line| all + name + " " + line + "; ")
    };
    (outcome, log("docker") + &log("podman"))
}

#[test]
fn the_engine_that_answers_loads_the_image() {
    let scene = Scene::with_two_disks();
    let digest = scene.build(&[]);
    let check = |docker: bool, podman: bool, option: &str, engine: &str, expected: &str| {
        fake_engine(&scene, "docker", docker);
        fake_engine(&scene, "podman", podman);
        let (said, asked) = run_with_engines(&scene, &["build", "-q", option]);
        assert_eq!(asked, expected, "{option}");
        if engine.is_empty() {
            return said;
        }
        assert_eq!(said, format!("status: 0\nstdout:\n{digest}\nstderr:\nloaded\n"), "{option}");
        let tar = format!("{engine}.tar");
        assert_eq!(docker_manifest(&scene, &tar)[0]["RepoTags"], json!(["quay.io/me/vm:1"]));
        said
    };
    check(true, true, "--load", "docker", "docker version; docker load; ");
    check(false, true, "--load", "podman", "docker version; podman info; podman load; ");
    check(true, true, "--load=podman", "podman", "podman info; podman load; ");
    let said = check(false, false, "--load", "", "docker version; podman info; ");
    let expected = "error: cannot load the image: docker or podman does not answer\n";
    assert!(said.contains(expected), "{said}");
    let said = check(false, true, "--load=docker", "", "docker version; ");
    assert!(said.contains("error: cannot load the image: docker does not answer\n"), "{said}");
    let said = check(true, true, "--load=false", "", "");
    assert!(said.contains("error: no destination"), "{said}");
}

#[test]
fn a_pulled_image_is_loaded() {
    let scene = Scene::with_two_disks();
    let digest = scene.build(&[]);
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let name = registry.reference("team/vm:1");
    assert_eq!(scene.run(["push", "-q", "-l", "out", "1", &name]).status, 0);
    for (option, engine, expected) in [
        ("--load", "docker", "docker version; docker load; "),
        ("--load=podman", "podman", "podman info; podman load; "),
    ] {
        fake_engine(&scene, "docker", true);
        fake_engine(&scene, "podman", true);
        let (said, asked) = run_with_engines(&scene, &["pull", "-q", &name, option]);
        assert_eq!(asked, expected, "{option}");
        assert_eq!(said, format!("status: 0\nstdout:\n{digest}\nstderr:\nloaded\n"), "{option}");
        let listed = docker_manifest(&scene, &format!("{engine}.tar"));
        assert_eq!(listed[0]["RepoTags"], json!([name]));
    }
    assert!(!scene.path("vm").exists(), "there is no layout beside it");
    let both = scene.run(["pull", &name, "--load", "-o", "oci:x"]);
    assert_eq!(both.status, 2, "{}", both.stderr);
}

#[test]
fn an_archive_of_docker_is_piped_into_it() {
    let scene = Scene::with_two_disks();
    let piped = scene.run(["build", "-q", "-o", "docker-archive:-"]).stdout;
    scene.build_to("oci-archive:a.tar", &[]);
    assert_eq!(piped, scene.read("a.tar"));
}

#[test]
fn an_engine_that_fails_is_an_error() {
    let scene = Scene::with_disk();
    scene.write_program("bin/podman", "#!/bin/sh\n[ \"$1\" != load ] || exit 3\n");
    let (said, _) = run_with_engines(&scene, &["build", "-q", "--load"]);
    // It may end before it has read everything.
    let failed = said.contains("`podman load` failed with exit status: 3");
    assert!(failed || said.contains("cannot write to `podman load`: Broken pipe"), "{said}");
}
