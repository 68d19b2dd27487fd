//! **Referrers**: the API that lists the manifests with a subject, as zot has it.

use serde_json::{Value, json};

use super::answer::RegistryAnswer;
use super::profile::ReferrersPolicy;
use super::route::Request;
use super::store::{RegistryStore, StoredManifest};
use super::{INDEX, Shared};

impl Shared {
    /// Lists the referrers of a digest, page by page.
    pub(super) fn referrers(
        &self,
        name: &str,
        subject: &str,
        request: &Request<'_>,
    ) -> RegistryAnswer {
        match self.profile.referrers {
            ReferrersPolicy::Listed => {}
            ReferrersPolicy::Unknown(status) => {
                return RegistryAnswer::new(status).body("text/plain", "404 page not found\n");
            }
            ReferrersPolicy::Page => {
                return RegistryAnswer::new(200)
                    .body("text/html", "<html>the registry's page</html>");
            }
        }
        let all = self.store.lock().unwrap().referrers(name, subject);
        let first = request.head.query("last").and_then(|last| last.parse().ok()).unwrap_or(0);
        let end = all.len().min(first + self.profile.page_size);
        let page = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": all[first..end] });
        let answer = RegistryAnswer::new(200).body(INDEX, page.to_string());
        if end == all.len() {
            return answer;
        }
        let next = format!("</v2/{name}/referrers/{subject}?last={end}>; rel=\"next\"");
        answer.with("Link", next)
    }

    /// Adds the header that says that a manifest with a subject is listed.
    pub(super) fn with_subject(
        &self,
        answer: RegistryAnswer,
        manifest: &StoredManifest,
    ) -> RegistryAnswer {
        let subject = manifest.json()["subject"]["digest"].as_str().map(str::to_owned);
        match subject.filter(|_| self.profile.referrers == ReferrersPolicy::Listed) {
            Some(subject) => answer.with("OCI-Subject", subject),
            None => answer,
        }
    }
}

impl RegistryStore {
    /// Returns the descriptors of the manifests of a repository with a subject.
    fn referrers(&self, name: &str, subject: &str) -> Vec<Value> {
        let manifests =
            self.repositories.get(name).into_iter().flat_map(|it| it.manifests.values());
        let referrers = manifests.filter(|it| it.json()["subject"]["digest"] == subject);
        referrers.map(descriptor).collect()
    }
}

fn descriptor(manifest: &StoredManifest) -> Value {
    let json = manifest.json();
    let mut descriptor = json!({
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.bytes.len(),
    });
    let config = json["config"].get("mediaType");
    if let Some(kind) = json.get("artifactType").or(config) {
        descriptor["artifactType"] = kind.clone();
    }
    if let Some(annotations) = json.get("annotations") {
        descriptor["annotations"] = annotations.clone();
    }
    descriptor
}
