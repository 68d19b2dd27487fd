//! A *resource* is something with a digest: a file, a download or an image
//! (<https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md>).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::oci::image::digest::Digest;
use crate::oci::image::location::ImageLocation;
use crate::recipe::{Checksum, ReadList};

/// What an image was built from, or what a statement is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResourceDescriptor {
    /// Name where there is no URI: the path of a file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where the resource is, without secrets.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// Digests by algorithm, in hexadecimal digits; none of a download that nobody has a checksum of.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
    /// What else is known of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, Value>,
}

impl ResourceDescriptor {
    /// Describes a file of this machine.
    pub fn file(name: String, checksum: &Checksum) -> Self {
        Self { name, digest: digest_set(checksum), ..Self::empty() }
    }

    /// Describes a download.
    pub fn download(uri: &str, checksum: Option<&Checksum>) -> Self {
        let digest = checksum.map(digest_set).unwrap_or_default();
        Self { uri: without_query(uri), digest, ..Self::empty() }
    }

    /// Describes a list that the disk of a release was found in.
    pub fn list(list: &ReadList) -> Self {
        let mut resource = Self { uri: without_query(&list.url), ..Self::empty() };
        resource.digest.insert("sha256".into(), list.digest.to_hex());
        if let Some(key) = &list.signed_by {
            resource.annotations.insert("signedBy".into(), key.as_str().into());
        }
        resource
    }

    /// Describes an image by the digest of its index or manifest. One in a registry has a purl of the type `oci`
    /// (<https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md>).
    pub fn image(location: &ImageLocation, digest: Digest) -> Self {
        let mut resource = match location {
            ImageLocation::Local(local) => {
                let name = local.path.file_name().unwrap_or_default().to_string_lossy();
                Self { name: name.into_owned(), ..Self::empty() }
            }
            ImageLocation::Registry(name) => {
                let repository = name.full_repository();
                let last = repository.rsplit('/').next().unwrap_or_default();
                let tag = name.tag().map(|tag| format!("&tag={tag}")).unwrap_or_default();
                let hex = digest.to_hex();
                let uri = format!("pkg:oci/{last}@sha256%3A{hex}?repository_url={repository}{tag}");
                Self { uri, ..Self::empty() }
            }
        };
        resource.digest.insert("sha256".into(), digest.to_hex());
        resource
    }

    /// Adds what is known of the resource, unless it is empty.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.annotations.insert(key.to_owned(), value.into());
        }
        self
    }

    fn empty() -> Self {
        let (name, uri) = (String::new(), String::new());
        Self { name, uri, digest: BTreeMap::new(), annotations: BTreeMap::new() }
    }
}

/// Returns a URL without its query, which often is a token.
fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn digest_set(checksum: &Checksum) -> BTreeMap<String, String> {
    let (algorithm, digits) = match checksum {
        Checksum::Sha256(digits) => ("sha256", digits),
        Checksum::Sha512(digits) => ("sha512", digits),
    };
    BTreeMap::from([(algorithm.to_owned(), digits.clone())])
}

/// Sorts resources by their names and URIs, and leaves out those that are there twice.
pub(crate) fn sort_resources(resources: &mut Vec<ResourceDescriptor>) {
    let key = |it: &ResourceDescriptor| (it.uri.clone(), it.name.clone(), it.digest.clone());
    resources.sort_by_key(key);
    resources.dedup();
}
