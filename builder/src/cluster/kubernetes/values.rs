//! *Values* for a user's Helm chart, which describe the image. A chart refers to them as
//! `.Values.image.pullSecret` and so on.

use serde_json::json;

use super::volume::{ImageAccess, PullMethod, VolumeStorage};
use super::{ImageSubject, KubernetesObject};

/// Returns the values. Unknown names are empty strings, so that a chart can test for them, and
/// users see which values can be set.
pub fn helm_values(
    subject: &ImageSubject,
    tag: Option<&str>,
    access: ImageAccess<'_>,
    storage: &VolumeStorage<'_>,
) -> KubernetesObject {
    let image = &subject.reference;
    let pull_method = match access.pull_method {
        PullMethod::Pod => "pod",
        PullMethod::Node => "node",
    };
    let value = json!({
        "image": {
            "repository": image.full_repository(),
            "tag": tag.unwrap_or_default(),
            "digest": image.digest().unwrap_or_default(),
            "reference": image.to_string(),
            "url": subject.url(),
            "architecture": subject.architecture.as_deref().unwrap_or_default(),
            "pullSecret": access.pull_secret.unwrap_or_default(),
            "importSecret": access.import_secret.unwrap_or_default(),
            "certConfigMap": access.authorities.unwrap_or_default(),
            "pullMethod": pull_method,
        },
        "instancetype": subject.instancetype_label("default-instancetype").unwrap_or_default(),
        "preference": subject.instancetype_label("default-preference").unwrap_or_default(),
        "storage": {
            "size": storage.size.as_ref().map(ToString::to_string).unwrap_or_default(),
            "className": storage.class.unwrap_or_default(),
        },
    });
    value.into()
}
