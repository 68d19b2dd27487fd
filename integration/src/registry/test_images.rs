//! **Test images**: small images, built once and pushed many times.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::{Profile, Registry};
use crate::disk::mixed_bytes;
use crate::image::Layout;
use crate::peer;
use crate::scene::{ProgramOutcome, Scene};

/// The repository that images are pushed to.
pub const NAME: &str = "team/vm";

/// Length of the disks, in bytes.
const DISK: usize = 300 << 10;

/// Layouts to push from.
#[derive(Debug)]
pub struct TestImages {
    /// The layouts `old`, `new` and `multi` (of two platforms), and their disks.
    scene: Scene,
    /// Digest of `old`.
    pub old: String,
    /// Digest of `new`.
    pub new: String,
    /// Bytes of all blobs of `new`.
    pub len: u64,
    /// Bytes of the layer of `new`.
    pub layer: u64,
    before: BTreeMap<String, String>,
}

impl TestImages {
    /// Builds the layouts; `None`, after a message, if the program cannot push.
    pub fn new() -> Option<Self> {
        let scene = Scene::new();
        if scene.run(["push", "--help"]).status != 0 {
            peer::skip_test("the program has no `push`");
            return None;
        }
        scene.write("disk.raw", mixed_bytes(11, DISK));
        scene.write("arm.raw", mixed_bytes(12, DISK / 2));
        scene.write_spec("amd64: { disk: disk.raw }");
        let old = scene.build_to("old", &[]);
        scene.write("disk.raw", mixed_bytes(13, DISK));
        let new = scene.build_to("new", &["--no-cache"]);
        scene.write_spec("linux/amd64: { disk: disk.raw }\n  linux/arm64: { disk: arm.raw }");
        scene.build_to("multi", &["--no-cache"]);
        let layout = Layout::open(&scene.path("new"));
        let [image] = &layout.images("1")[..] else { panic!("one image") };
        let layer = image.manifest.layers()[0].size();
        let len = layer + image.manifest.config().size();
        let before = scene.file_digests("");
        Some(Self { scene, old, new, len, layer, before })
    }

    /// Returns the path of a layout.
    pub fn layout(&self, name: &str) -> String {
        self.scene.path(name).to_str().unwrap().to_owned()
    }

    /// Returns the digest of a layout's image.
    pub fn digest(&self, layout: &str) -> String {
        Layout::open(&self.scene.path(layout)).find_tag("1").digest().to_string()
    }

    /// Starts a registry that has the old image, with the tag `1`.
    pub fn registry(&self, profile: Profile) -> Registry {
        let registry = Registry::start(profile);
        registry.put_image(NAME, "1", &self.scene.path("old"), "1");
        registry
    }

    /// Makes a scene to run the program in, with the user's credentials in `auth.json`.
    pub fn scene(registry: &Registry) -> Scene {
        let scene = Scene::new();
        let user = BASE64_STANDARD.encode(registry.profile().credentials());
        let auths = json!({ "auths": { registry.address(): { "auth": user } } });
        scene.write("auth.json", auths.to_string());
        scene
    }

    /// Pushes the image of a layout.
    pub fn push(&self, scene: &Scene, layout: &str, args: &[&str]) -> ProgramOutcome {
        let layout = self.layout(layout);
        let push = ["push", "-l", &layout, "1", "--authfile", "auth.json"];
        scene.run(push.iter().chain(args))
    }

    /// Checks that a registry serves an image with the tag `1`, with all that belongs to it.
    pub fn assert_served(&self, registry: &Registry, digest: &str) {
        let served = registry.manifest(NAME, "1").map(|image| image.digest);
        assert_eq!(served.as_deref(), Some(digest), "old is {}, new is {}", self.old, self.new);
        assert_eq!(registry.verify_image(NAME, "1"), Ok(()));
    }

    /// Checks that the layouts are as they were.
    pub fn assert_untouched(&self) {
        assert_eq!(self.scene.file_digests(""), self.before, "a layout was changed");
    }
}
