//! *Secrets*: two with a registry's credential, and one with user data for cloud-init.
//!
//! Nodes pull with a credential in docker's format; CDI's importer needs user and password as
//! separate keys, and cannot read docker's format (`makeImportEnv`,
//! `pkg/controller/import-controller.go`).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use thiserror::Error;

use super::{KubernetesObject, ObjectMeta, object_metadata};
use crate::net::credential::Credential;

/// The key of Docker Hub, as `kubectl create secret docker-registry` writes it.
const DOCKER_HUB: (&str, &str) = ("docker.io", "https://index.docker.io/v1/");

/// Comment above a Secret without a credential, followed by the command that makes a complete one.
const REFUSED: &str = "No cluster takes it like this: fill it in, or make one that is whole with";

/// What a Secret contains.
#[derive(Debug, Clone, Copy)]
pub enum SecretContent<'a> {
    /// This credential.
    Credential(&'a Credential),
    /// A placeholder that clusters refuse, so that the user does not forget to fill it in.
    Placeholder,
}

/// The known credential is not one that CDI can use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is only an identity token for `{0}`, and CDI requires a user and a password")]
pub struct NoPassword(pub String);

/// Returns the Secret with which nodes pull from a registry.
pub fn pull_secret(
    meta: ObjectMeta<'_>,
    registry: &str,
    shown: SecretContent<'_>,
) -> KubernetesObject {
    let server = if registry == DOCKER_HUB.0 { DOCKER_HUB.1 } else { registry };
    let (data, comment) = match shown {
        SecretContent::Credential(credential) => {
            (BASE64_STANDARD.encode(docker_auths(server, credential).to_string()), Vec::new())
        }
        SecretContent::Placeholder => {
            let command = format!(
                "kubectl create secret docker-registry {} --docker-server={server} \
                 --docker-username=USER --docker-password=PASSWORD{}",
                meta.name,
                namespace_flag(meta)
            );
            ("<the base64 of an auth.json>".to_owned(), vec![REFUSED.to_owned(), command])
        }
    };
    let data = json!({ ".dockerconfigjson": data });
    KubernetesObject { comment, ..secret_object(meta, "kubernetes.io/dockerconfigjson", &data) }
}

/// Returns the Secret with which CDI's importer pulls from a registry.
pub fn import_secret(
    meta: ObjectMeta<'_>,
    registry: &str,
    shown: SecretContent<'_>,
) -> Result<KubernetesObject, NoPassword> {
    let (user, password, comment) = match shown {
        SecretContent::Credential(Credential::Basic { username, password }) => (
            BASE64_STANDARD.encode(username),
            BASE64_STANDARD.encode(password.expose()),
            Vec::new(),
        ),
        SecretContent::Credential(Credential::IdentityToken(_)) => {
            return Err(NoPassword(registry.into()));
        }
        SecretContent::Placeholder => {
            let command = format!(
                "kubectl create secret generic {} --from-literal=accessKeyId=USER \
                 --from-literal=secretKey=PASSWORD{}",
                meta.name,
                namespace_flag(meta)
            );
            let comment = vec![REFUSED.to_owned(), command];
            ("<the base64 of the user>".into(), "<the base64 of the password>".into(), comment)
        }
    };
    let data = json!({ "accessKeyId": user, "secretKey": password });
    Ok(KubernetesObject { comment, ..secret_object(meta, "Opaque", &data) })
}

/// Returns the Secret with user data for cloud-init. KubeVirt mounts it and reads the file
/// `userdata` (`resolveNoCloudSecrets`, `pkg/cloud-init/cloud-init.go`).
pub fn user_data_secret(meta: ObjectMeta<'_>, text: &str) -> KubernetesObject {
    let data = json!({ "userdata": BASE64_STANDARD.encode(text) });
    secret_object(meta, "Opaque", &data)
}

fn namespace_flag(meta: ObjectMeta<'_>) -> String {
    meta.namespace.map(|namespace| format!(" --namespace={namespace}")).unwrap_or_default()
}

fn secret_object(meta: ObjectMeta<'_>, kind: &str, data: &Value) -> KubernetesObject {
    let value = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": object_metadata(meta),
        "type": kind,
        "data": data,
    });
    value.into()
}

fn docker_auths(server: &str, credential: &Credential) -> Value {
    let entry = match credential {
        Credential::Basic { username, password } => {
            let password = password.expose();
            let auth = BASE64_STANDARD.encode(format!("{username}:{password}"));
            json!({ "username": username, "password": password, "auth": auth })
        }
        // Some readers ignore an entry whose `auth` is empty.
        Credential::IdentityToken(token) => {
            let auth = BASE64_STANDARD.encode("<token>:");
            json!({ "auth": auth, "identitytoken": token.expose() })
        }
    };
    json!({ "auths": { server: entry } })
}
