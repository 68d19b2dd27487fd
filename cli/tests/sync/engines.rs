//! What is in `deploy/`, run as its engines would: their variables are filled in, and every step is a
//! process of this program, with what is mounted in place of it.

mod argo;
mod github;
mod gitlab;
mod helm;
mod kubernetes;
mod objects;
mod tekton;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use diskette_integration::docker_registry::{DockerRegistry, USER, htpasswd_settings};
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use diskette_integration::upstream::{KINDS, Upstream};
use serde_json::{Value, json};

/// Returns the objects of a file of `deploy/`.
fn objects(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(deploy(path)).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn deploy(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy")).join(path)
}

/// Fills in the names between two marks; all of them must be known.
fn fill(text: &str, [open, close]: [&str; 2], known: &BTreeMap<String, String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        let (name, after) = after.split_once(close).unwrap_or_else(|| panic!("{text}"));
        let value = known.get(name.trim()).unwrap_or_else(|| panic!("{name} of {text} is unknown"));
        filled.extend([before, value]);
        rest = after;
    }
    filled + rest
}

fn map<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("{list} is no list"));
    list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// A catalogue, the registry that it is published to, and the credential for it.
struct Site {
    scene: Scene,
    registry: DockerRegistry,
    upstream: Upstream,
}

impl Site {
    fn new() -> Option<Self> {
        let scene = Scene::new();
        let registry = DockerRegistry::start(&scene, "store", &[htpasswd_settings(&scene)])?;
        let upstream = Upstream::start();
        let catalogue = upstream.catalogue(&registry.address(), &KINDS);
        scene.write("catalogue/diskette.yaml", catalogue);
        // As `kubectl create secret docker-registry` writes it.
        let (user, password) = USER.split_once(':').unwrap();
        let auth = "bWU6c2VzYW1l";
        let login = json!({ "username": user, "password": password, "auth": auth });
        let config = json!({ "auths": { registry.address(): login } });
        scene.write("registry/config.json", config.to_string());
        for directory in ["results", "tmp", "source"] {
            std::fs::create_dir_all(scene.path(directory)).unwrap();
        }
        Some(Self { scene, registry, upstream })
    }

    /// Returns the command of a container: what is mounted at a path is a directory of the scene, and
    /// there is no other variable than its own.
    fn container(
        &self,
        args: &[String],
        variables: &BTreeMap<String, String>,
        mounts: &[(&str, &str)],
    ) -> Command {
        let mounted = |arg: &String| {
            let (option, value) = match arg.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (format!("{option}="), value),
                _ => (String::new(), arg.as_str()),
            };
            let mount = mounts.iter().find(|(path, _)| Path::new(value).starts_with(path));
            let value = mount.map_or_else(
                || value.to_owned(),
                |(path, name)| value.replacen(path, self.scene.path(name).to_str().unwrap(), 1),
            );
            format!("{option}{value}")
        };
        let mut command = self.scene.program(args.iter().map(mounted));
        command.env_remove("XDG_CACHE_HOME").env("HOME", "/nonexistent").envs(variables);
        command
    }

    /// Returns the digest of an image.
    fn digest(&self, image: &str) -> Option<String> {
        Some(format!("sha256:{}", diskette_integration::disk::sha256(&self.index(image)?)))
    }

    /// Returns the index of an image, as skopeo reads it.
    fn index(&self, image: &str) -> Option<Vec<u8>> {
        let skopeo = peer::find("skopeo")?;
        let name = format!("docker://{}", self.registry.reference(image));
        let args = ["inspect", "--raw", "--tls-verify=false", "--creds", USER, &name];
        let output = skopeo.command().args(args).output().unwrap();
        output.status.success().then_some(output.stdout)
    }

    fn check_all_published(&self) {
        for kind in KINDS {
            assert!(self.digest(&format!("disks/{kind}:1")).is_some(), "{kind}");
        }
    }

    /// Returns a part that has images.
    fn busy_part(&self, count: usize) -> usize {
        let count = count.to_string();
        let list = ["sync", "catalogue", "--list", "--format", "tekton", "--list-shards", &count];
        let listed = self.scene.run(list);
        let parts: Vec<String> = serde_json::from_slice(&listed.stdout).unwrap();
        parts[0].split('/').next().unwrap().parse().unwrap()
    }
}

/// Starts a part, and kills it while it works. Returns whether that was in time.
fn kill(mut command: Command) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(30));
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn succeed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    said(&output)
}
