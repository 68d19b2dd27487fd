//! Any bytes are read as a tar, and as the layers of a base. They are refused with a message, or
//! become a tree in which every path is plain and every parent a directory.

use diskette_builder::frontend::dockerfile::base::{BaseLoader, BaseResolver};
use diskette_builder::frontend::dockerfile::tree::{Tree, TreeNodeKind};
use diskette_builder::oci::progress::NoProgress;
use diskette_builder::oci::tar::{self, TarLimits};

use crate::images::MemoryImages;
use crate::tars;

const LIMITS: TarLimits =
    TarLimits { entries: 1000, path: 4096, names: 1 << 20, pax: 1 << 16, decompressed: 1 << 24 };

/// Puts an image of these layers, and returns its name.
fn put(memory: &mut MemoryImages, layers: Vec<Vec<u8>>) -> String {
    let (mut diff_ids, mut blobs) = (Vec::new(), Vec::new());
    for layer in layers {
        let len = layer.len();
        let digest = memory.put(layer);
        diff_ids.push(format!("\"{digest}\""));
        let kind = "application/vnd.oci.image.layer.v1.tar";
        blobs.push(format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{len}}}"#));
    }
    let config = format!(r#"{{"rootfs":{{"diff_ids":[{}]}}}}"#, diff_ids.join(","));
    let len = config.len();
    let digest = memory.put(config.into_bytes());
    let kind = "application/vnd.oci.image.config.v1+json";
    let config = format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{len}}}"#);
    let manifest = format!(r#"{{"config":{config},"layers":[{}]}}"#, blobs.join(","));
    format!("q.io/a@{}", memory.put(manifest.into_bytes()))
}

fn check(tree: &Tree) {
    for (path, _) in tree.below("") {
        assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path:?}");
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let parent = tree.get(parent).expect("a parent");
        assert_eq!(parent.kind, TreeNodeKind::Directory, "{path:?}");
    }
}

/// Runs the target.
pub fn run(bytes: &[u8]) {
    for member in tar::read_entries(bytes, LIMITS).into_iter().flatten() {
        match member {
            Ok(found) => assert!(found.path.len() <= LIMITS.path),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let Some((at, rest)) = bytes.split_first() else { return };
    let (lower, upper) = rest.split_at(usize::from(*at).min(rest.len()));
    let mut memory = MemoryImages::default();
    let name = put(&mut memory, vec![tars::tar(lower), tars::tar(upper)]);
    let (resolver, cache) = (BaseResolver::default(), None);
    let bases = BaseLoader {
        opener: &memory,
        cache,
        resolver: &resolver,
        limits: LIMITS,
        progress: &NoProgress,
    };
    let place = name.parse().expect("a place");
    match bases.load(&place, &"linux/amd64".parse().expect("a platform")) {
        Ok(loaded) => check(&loaded.tree),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
