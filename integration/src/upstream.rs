//! An **upstream** imitates a distribution: a server with disks, and lists of them in each form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::json;

use crate::disk::{qcow2_disk, sha256, sha512};
use crate::server::{Server, ServerAnswer};

/// The forms, each with the name of its image.
pub const KINDS: [&str; 7] = [
    "checksums",
    "fedora-releases",
    "debian-cloud",
    "simplestreams",
    "coreos-stream",
    "directory",
    "virt-builder",
];

/// A server with a disk for each form and platform.
#[derive(Debug)]
pub struct Upstream {
    /// The server.
    pub server: Server,
}

/// Names of architectures: OCI's, and the kernel's.
const NAMES: [(&str, &str); 2] = [("amd64", "x86_64"), ("arm64", "aarch64")];

impl Default for Upstream {
    fn default() -> Self {
        Self::start()
    }
}

impl Upstream {
    /// Starts an upstream that has version 1.1 of everything.
    pub fn start() -> Self {
        let none: [(String, ServerAnswer); 0] = [];
        let upstream = Self { server: Server::start(none) };
        for kind in KINDS {
            upstream.publish_release(kind, "1.1", 1);
        }
        upstream
    }

    /// Publishes a version of an image with new disks; the list has no other.
    pub fn publish_release(&self, kind: &str, version: &str, seed: u64) {
        let disk = |seed: u64| qcow2_disk(seed * 7 + kind.len() as u64, 300_000);
        self.publish_disks(kind, version, [disk(seed * 100), disk(seed * 100 + 1)]);
    }

    /// Publishes a version of an image with these disks, for amd64 and arm64; the list has no other.
    pub fn publish_disks(&self, kind: &str, version: &str, disks: [Vec<u8>; 2]) {
        let disks: Vec<(&str, &str, String, Vec<u8>)> = NAMES
            .iter()
            .zip(disks)
            .map(|((oci, uname), disk)| {
                let name = match kind {
                    // Its files are named alike from one release to the next.
                    "debian-cloud" => format!("debian-12-genericcloud-{oci}.qcow2"),
                    _ => format!("{kind}-{version}.{uname}.qcow2"),
                };
                (*oci, *uname, name, disk)
            })
            .collect();
        for (_, _, name, disk) in &disks {
            self.server.set_answer(format!("/{kind}/{name}"), ServerAnswer::Content(disk.clone()));
        }
        for (path, list) in release_lists(&self.server, kind, version, &disks) {
            self.server
                .set_answer(format!("/{kind}/{path}"), ServerAnswer::Content(list.into_bytes()));
        }
    }

    /// Returns the catalogue of all images, or of some.
    pub fn catalogue(&self, registry: &str, kinds: &[&str]) -> String {
        kinds.iter().map(|kind| self.catalogue_document(registry, kind, "")).collect()
    }

    /// Returns one document of the catalogue, with more lines at its end.
    pub fn catalogue_document(&self, registry: &str, kind: &str, more: &str) -> String {
        let (list, file) = match kind {
            "checksums" => ("SHA256SUMS", r"file: 'checksums-(?<version>.*)\.{arch.uname}\.qcow2'"),
            "fedora-releases" => {
                ("releases.json", r"file: '[a-z-]+-(?<version>[\d.]+)\..*\.qcow2'")
            }
            "debian-cloud" => ("debian-12-genericcloud-{arch}.json", "mirrors: []"),
            "simplestreams" => ("index.json", r"file: '.*\.qcow2'"),
            "coreos-stream" => ("stable.json", r"file: '.*\.qcow2'"),
            "directory" => ("", r"file: 'directory-(?<version>.*)\.{arch.uname}\.qcow2'"),
            "virt-builder" => ("index", "version: d-1"),
            other => panic!("{other}"),
        };
        let url = self.server.url(&format!("/{kind}/{list}"));
        format!(
            "---\napiVersion: diskette/v1\nimage: {registry}/disks/{kind}\n\
             platforms: [linux/amd64, linux/arm64]\ntags: ['{{version}}', '1', latest]\n\
             release:\n  from: {kind}\n  url: '{url}'\n  {file}\n{more}"
        )
    }
}

/// Returns the lists of a form, by path.
fn release_lists(
    server: &Server,
    kind: &str,
    version: &str,
    disks: &[(&str, &str, String, Vec<u8>)],
) -> Vec<(String, String)> {
    let sums: Vec<String> =
        disks.iter().map(|(_, _, name, disk)| format!("{}  {name}\n", sha256(disk))).collect();
    let sums = sums.concat();
    let at = |name: &str| server.url(&format!("/{kind}/{name}"));
    match kind {
        "checksums" => vec![("SHA256SUMS".into(), sums)],
        "directory" => {
            let links = disks.iter().map(|(_, _, name, _)| format!("<a href=\"{name}\">x</a>\n"));
            vec![(String::new(), links.collect()), ("SHA256SUMS".into(), sums)]
        }
        "fedora-releases" => {
            let all = disks.iter().map(|(_, uname, name, disk)| {
                json!({ "version": "44", "arch": uname, "link": at(name), "variant": "Cloud",
                    "subvariant": "Cloud_Base", "sha256": sha256(disk),
                    "size": disk.len().to_string() })
            });
            vec![("releases.json".into(), json!(all.collect::<Vec<_>>()).to_string())]
        }
        "debian-cloud" => disks
            .iter()
            .map(|(oci, _, name, disk)| {
                (name.replace(".qcow2", ".json"), debian_list(oci, version, name, disk))
            })
            .collect(),
        "simplestreams" => {
            let products: serde_json::Map<String, serde_json::Value> = disks
                .iter()
                .map(|(oci, _, name, disk)| {
                    let item = json!({ "path": name, "sha256": sha256(disk), "size": disk.len() });
                    let product = json!({ "arch": oci, "version": "d",
                        "versions": { version: { "items": { "disk": item } } } });
                    (format!("d:{oci}"), product)
                })
                .collect();
            vec![("index.json".into(), json!({ "products": products }).to_string())]
        }
        "coreos-stream" => {
            let all: serde_json::Map<String, serde_json::Value> = disks
                .iter()
                .map(|(_, uname, name, disk)| {
                    let file = json!({ "location": at(name), "sha256": sha256(disk) });
                    let qemu =
                        json!({ "release": version, "formats": { "qcow2": { "disk": file } } });
                    ((*uname).to_owned(), json!({ "artifacts": { "qemu": qemu } }))
                })
                .collect();
            vec![("stable.json".into(), json!({ "architectures": all }).to_string())]
        }
        _ => {
            let all = disks.iter().map(|(_, uname, name, disk)| {
                format!(
                    "[d-1]\nname=d\narch={uname}\nfile={name}\nrevision={version}\n\
                     checksum[sha512]={}\n\n",
                    sha512(disk)
                )
            });
            vec![("index".into(), all.collect())]
        }
    }
}

/// Returns the list beside one of Debian's disks, whose digest is base64 without padding.
pub fn debian_list(oci: &str, version: &str, name: &str, disk: &[u8]) -> String {
    let digits = sha512(disk);
    let bytes: Vec<u8> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect();
    let digest = STANDARD_NO_PAD.encode(bytes);
    json!({ "items": [{
        "kind": "Upload",
        "metadata": {
            "annotations": { "cloud.debian.org/digest": format!("sha512:{digest}") },
            "labels": {
                "cloud.debian.org/version": version,
                "debian.org/arch": oci,
                "upload.cloud.debian.org/image-format": "qcow2",
            },
        },
        "data": { "ref": name },
    }] })
    .to_string()
}
