//! A lock file keeps what the tags of bases meant.

use diskette_integration::disk::sha256;
use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::registry::stock::ImageStock;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};
use serde_json::{Value, json};
use snapbox::{IntoData as _, assert_data_eq, str};

/// A registry with `base:1`, and a scene with a Dockerfile that builds on it.
struct Play {
    registry: Registry,
    scene: Scene,
}

impl Play {
    fn new() -> Self {
        let registry = Registry::start(Profile::DISTRIBUTION_3);
        let scene = Scene::new();
        scene.write("c/Dockerfile", format!("FROM {}\n", registry.reference("base:1")));
        let play = Self { registry, scene };
        play.moves("old");
        play
    }

    /// Gives the tag to an image that has a file of this name.
    fn moves(&self, file: &str) -> String {
        let config = json!({ "architecture": "amd64", "os": "linux", "config": {} });
        let line = format!("file {file}");
        let image = ImageStock::new(&self.registry, "base").image("1", config, &[("gz", &line)]);
        image["digest"].as_str().unwrap().to_owned()
    }

    /// Builds and returns the name of the base's only file.
    fn build(&self, args: &[&str]) -> String {
        self.scene.build(&[&["--platform", "linux/amd64", "c"], args].concat());
        let image = Documents::only(&self.scene.path("out"));
        let name = &image.manifest["annotations"]["org.opencontainers.image.base.name"];
        assert_eq!(name, &Value::from(self.registry.reference("base:1")));
        image.layer(0).join("").replace("file ", "")
    }

    fn refused(&self, args: &[&str]) -> String {
        let head = ["build", "--platform", "linux/amd64", "-o", "out", "c"];
        let said = self.scene.run_refused(self.scene.program(head.iter().chain(args)));
        let said = said.replace(&self.registry.address(), "[REGISTRY]");
        said.lines().filter(|line| !line.contains('^')).collect::<Vec<_>>().join("\n")
    }

    fn lock(&self) -> String {
        let text = String::from_utf8(self.scene.read("c/Dockerfile.lock")).unwrap();
        text.replace(&self.registry.address(), "[REGISTRY]")
    }
}

#[test]
fn a_tag_that_moves() {
    let play = Play::new();
    assert_eq!(play.build(&[]), "old");
    assert!(!play.scene.path("c/Dockerfile.lock").exists(), "it was not asked for");
    let old = play.registry.manifest("base", "1").unwrap().digest;
    assert_eq!(play.build(&["--lock"]), "old");
    let lock = |digest: &str| {
        format!(
            "# Written by diskette: which image each name meant.\nversion = 1\n\n\
             [[image]]\nname = \"[REGISTRY]/base:1\"\ndigest = \"{digest}\"\n"
        )
    };
    assert_eq!(play.lock(), lock(&old));
    let new = play.moves("new");
    // Also where nothing is remembered of it.
    for args in [&[][..], &["--no-cache"], &["--locked"], &["--locked", "--pull"], &["--lock"]] {
        assert_eq!(play.build(args), "old", "{args:?}");
    }
    for args in [&["--pull"][..], &["--pull=always"], &["--pull=true"]] {
        assert_eq!(play.build(args), "new", "{args:?}");
    }
    assert_eq!(play.lock(), lock(&old), "--pull alone writes nothing");
    assert_eq!(play.build(&["--pull=missing"]), "old");
    assert_eq!(play.build(&["--pull", "--lock"]), "new");
    assert_eq!(play.lock(), lock(&new));
    assert_eq!(play.build(&[]), "new");
}

#[test]
fn what_is_known_is_not_asked() {
    let play = Play::new();
    play.build(&["--lock"]);
    play.registry.take_requests();
    play.build(&["--locked"]);
    let asked = play.registry.take_requests();
    assert!(asked.iter().all(|asked| !asked.path.contains("/manifests/")), "{asked:?}");
}

/// Downloads without a checksum have the one that was recorded.
#[test]
fn downloads_are_recorded() {
    let answer = |text: &[u8]| ServerAnswer::Content(text.to_vec());
    let server = Server::start([("/d/a", answer(b"one")), ("/d/a?token=secret", answer(b"one"))]);
    let scene = Scene::new();
    let url = server.url("/d/a");
    let dockerfile = format!("FROM scratch\nADD {url}?token=secret /b\nRUN curl -so /a {url}\n");
    scene.write("c/Dockerfile", dockerfile);
    let refuse = |args: &[&str], expected: &str| {
        let head = ["build", "--no-cache", "-o", "oci-archive:out.tar", "c"];
        let said = scene.run_refused(scene.program(head.iter().chain(args)));
        assert!(said.contains(expected), "{said}");
    };
    refuse(&[], "has no checksum");
    scene.build(&["--lock", "c"]);
    let lock = String::from_utf8(scene.read("c/Dockerfile.lock")).unwrap();
    let expected = format!(
        "# Written by diskette: which image each name meant.\nversion = 1\n\n[[download]]\n\
         url = \"{url}\"\ndigest = \"sha256:{}\"\n",
        sha256(b"one")
    );
    assert_eq!(lock, expected);
    scene.build(&["--locked", "c"]);
    let image = Documents::only(&scene.path("out"));
    assert_eq!(
        (image.layer(0), image.layer(1)),
        (vec!["file 600 b = one".into()], vec!["file a = one".into()])
    );
    server.set_answer("/d/a", answer(b"two"));
    server.set_answer("/d/a?token=secret", answer(b"two"));
    refuse(&[], "the checksum is wrong");
    scene.build(&["--lock", "--pull", "--no-cache", "c"]);
    assert!(scene.read("c/Dockerfile.lock") != lock.as_bytes());
    scene.write("c/Dockerfile.lock", "version = 1\n");
    refuse(&["--locked"], "/d/a` is not in the lock file");
}

#[test]
fn nothing_is_recorded() {
    let play = Play::new();
    assert_data_eq!(
        play.refused(&["--locked"]),
        str![[r#"
status: 1
stdout:
stderr:
error: there is no lock file `c/Dockerfile.lock`
 |
 = help: build once with `--lock`, and keep the file with the Dockerfile
"#]]
        .raw()
    );
    play.scene.write("c/Dockerfile.lock", "version = 1\n");
    assert_data_eq!(
        play.refused(&["--locked", "--no-cache"]),
        str![[r#"
status: 1
stdout:
stderr:
error: `[REGISTRY]/base:1` is not in the lock file
 --> c/Dockerfile:1:6
  |
1 | FROM [REGISTRY]/base:1
  |
  = help: build once with `--lock` to record it, or write `[REGISTRY]/base:1@sha256:…`
"#]]
        .raw()
    );
}

#[test]
fn a_lock_file_that_is_none() {
    let play = Play::new();
    play.scene.write("c/Dockerfile.lock", "version = 2\n");
    assert_data_eq!(
        play.refused(&[]),
        str![[r#"
status: 1
stdout:
stderr:
error: this lock file is of version 2
 --> c/Dockerfile.lock:1:11
  |
1 | version = 2
  |
  = help: remove it, and build with `--lock` to create it again
"#]]
        .raw()
    );
}

#[test]
fn a_digest_needs_no_lock() {
    let play = Play::new();
    let digest = play.registry.manifest("base", "1").unwrap().digest;
    let base = play.registry.reference(&format!("base@{digest}"));
    play.scene.write("c/Dockerfile", format!("FROM {base}\n"));
    play.scene.build(&["--platform", "linux/amd64", "--lock", "c"]);
    assert!(!play.scene.path("c/Dockerfile.lock").exists());
}

#[test]
fn it_lies_beside_the_dockerfile() {
    let play = Play::new();
    let dockerfile = play.scene.read("c/Dockerfile");
    play.scene.write("elsewhere/vm.Dockerfile", dockerfile);
    play.build(&["--lock", "-f", "elsewhere/vm.Dockerfile"]);
    assert!(play.scene.path("elsewhere/vm.Dockerfile.lock").exists());
    assert!(!play.scene.path("c/Dockerfile.lock").exists());
}
