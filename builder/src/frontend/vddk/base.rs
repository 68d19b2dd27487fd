//! The *base* of the image of a kit, which decides what copies the kit.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::frontend::dockerfile::base::LoadedBase;
use crate::frontend::dockerfile::tree::{FollowLast, Tree, TreeNodeKind};
use crate::oci::image::config::ImageConfig;
use crate::oci::image::location::ImageLocation;
use crate::recipe::BaseImage;
use crate::recipe::diagnostic::Diagnostic;

/// Search path for programs if the config of an image sets none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Keys of annotations, <https://github.com/opencontainers/image-spec/blob/main/annotations.md>.
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
const BASE_NAME: &str = "org.opencontainers.image.base.name";

/// Base of the image of a kit.
#[derive(Debug)]
pub enum VddkBase {
    /// No base; this statically linked program does what `cp -r` does.
    Scratch(Arc<[u8]>),
    /// A base image with a `cp`.
    Image(Box<VddkBaseImage>),
}

/// A base image that has a `cp`.
#[derive(Debug)]
pub struct VddkBaseImage(LoadedBase);

impl VddkBaseImage {
    /// Accepts an image if it has a `cp`; `place` names the image in the error.
    pub fn new(image: LoadedBase, place: &ImageLocation) -> Result<Self, Diagnostic> {
        if has_cp(&image.tree, &image.config) {
            return Ok(Self(image));
        }
        let message = format!("`{place}` has no `cp`");
        Err(Diagnostic::new(message).help("use `--base scratch`, or name another image"))
    }

    /// Returns the base for the recipe, its config, and the annotations that name it.
    pub(super) fn into_parts(self) -> (BaseImage, ImageConfig, BTreeMap<String, String>) {
        let LoadedBase { recipe, config, name, root, .. } = self.0;
        let name = name.map(|name| (BASE_NAME.to_owned(), name));
        let annotations = name.into_iter().chain([(BASE_DIGEST.to_owned(), root.to_string())]);
        (recipe, config, annotations.collect())
    }
}

fn has_cp(tree: &Tree, config: &ImageConfig) -> bool {
    let path =
        config.env().find(|(name, _)| *name == "PATH").map_or(DEFAULT_PATH, |(_, path)| path);
    path.split(':').any(|directory| {
        let found = tree.resolve("", &format!("{directory}/cp"), FollowLast::Yes);
        let node = found.ok().and_then(|found| tree.get(&found.path));
        node.is_some_and(|node| {
            matches!(node.kind, TreeNodeKind::File(_)) && node.mode & 0o111 != 0
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::dockerfile::tree::{FileNode, TreeNode};
    use crate::oci::tar::Owner;
    use crate::recipe::{SourceLocation, SourceRecipe, SourceRole};

    const ROOT: Owner = Owner { uid: 0, gid: 0 };

    fn file() -> TreeNodeKind {
        let location = SourceLocation::Inline(Arc::default());
        let source = SourceRecipe::new(location, SourceRole::File);
        TreeNodeKind::File(FileNode { source, size: Some(0), inode: None })
    }

    /// Returns an image with these files and links, and this environment.
    fn image(nodes: &[(&str, TreeNodeKind, u32)], env: &str) -> LoadedBase {
        let mut tree = Tree::new();
        for (path, kind, mode) in nodes {
            tree.make_parents(path, 0o755, ROOT).unwrap();
            tree.put(path, TreeNode::new(kind.clone(), *mode, ROOT)).unwrap();
        }
        let config = format!(r#"{{"config":{{"Env":{env}}}}}"#);
        let digest = |number: u8| format!("sha256:{number:064}").parse().unwrap();
        let place = ImageLocation::layout("base", None);
        LoadedBase {
            recipe: BaseImage { location: place, manifest: digest(1), layers: Vec::new() },
            config: ImageConfig::parse(config.as_bytes()).unwrap(),
            tree,
            name: Some("q.io/ubi:9".into()),
            root: digest(2),
        }
    }

    #[test]
    fn a_base_must_have_a_cp() {
        let place = ImageLocation::layout("base", Some("1"));
        let check = |nodes: &[(&str, TreeNodeKind, u32)], env: &str, expected: Result<(), &str>| {
            let found = VddkBaseImage::new(image(nodes, env), &place);
            let found = found.map(drop).map_err(|error| error.message);
            assert_eq!(found, expected.map_err(str::to_owned), "{nodes:?} {env}");
        };
        let none = Err("`oci:base:1` has no `cp`");
        let link = |target: &str| TreeNodeKind::Symlink(target.into());
        check(&[], "[]", none);
        check(&[("bin/cp", file(), 0o755)], "[]", Ok(()));
        check(&[("usr/bin/cp", file(), 0o755), ("bin", link("usr/bin"), 0o777)], "[]", Ok(()));
        check(&[("bin/box", file(), 0o755), ("bin/cp", link("box"), 0o777)], "[]", Ok(()));
        check(&[("bin/cp", link("/bin/gone"), 0o777)], "[]", none);
        check(&[("bin/cp", file(), 0o644)], "[]", none);
        check(&[("bin/cp", TreeNodeKind::Directory, 0o755)], "[]", none);
        check(&[("bin/cp", file(), 0o755)], r#"["PATH=/tools:/usr/bin"]"#, none);
        check(&[("tools/cp", file(), 0o755)], r#"["PATH=/usr/bin:/tools"]"#, Ok(()));
    }

    #[test]
    fn the_base_is_named() {
        let check = |name: Option<&str>, expected: &[(&str, &str)]| {
            let mut image = image(&[], "[]");
            image.name = name.map(str::to_owned);
            let (_, _, annotations) = VddkBaseImage(image).into_parts();
            let found = annotations.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            assert_eq!(found.collect::<Vec<_>>(), expected);
        };
        let digest = format!("sha256:{:064}", 2);
        check(Some("q.io/ubi:9"), &[(BASE_DIGEST, &digest), (BASE_NAME, "q.io/ubi:9")]);
        check(None, &[(BASE_DIGEST, &digest)]);
    }
}
