//! The two *Secrets* that a registry can want. Nodes pull with one of docker's format; CDI's importer
//! wants a user and a password by themselves, and cannot read the other (`makeImportEnv`,
//! `pkg/controller/import-controller.go`).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use thiserror::Error;

use super::{KubernetesObject, ObjectMeta, metadata};
use crate::net::credential::Credential;

/// The key of Docker Hub, as `kubectl create secret docker-registry` writes it.
const DOCKER_HUB: (&str, &str) = ("docker.io", "https://index.docker.io/v1/");

/// What stands above a Secret without a secret, with the command that makes a whole one.
const REFUSED: &str = "No cluster takes it like this: fill it in, or make one that is whole with";

/// Whether a Secret has a secret in it.
#[derive(Debug, Clone, Copy)]
pub enum SecretContent<'a> {
    /// This one.
    Credential(&'a Credential),
    /// Something that no cluster takes, so that it is not forgotten to fill it in.
    Placeholder,
}

/// A registry wants something else of CDI than what is known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is only an identity token for `{0}`, and CDI wants a user and a password")]
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
            (BASE64_STANDARD.encode(auths(server, credential).to_string()), Vec::new())
        }
        SecretContent::Placeholder => {
            let command = format!(
                "kubectl create secret docker-registry {} --docker-server={server} \
                 --docker-username=USER --docker-password=PASSWORD{}",
                meta.name,
                flag(meta)
            );
            ("<the base64 of an auth.json>".to_owned(), vec![REFUSED.to_owned(), command])
        }
    };
    let data = json!({ ".dockerconfigjson": data });
    KubernetesObject { comment, ..object(meta, "kubernetes.io/dockerconfigjson", &data) }
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
                flag(meta)
            );
            let comment = vec![REFUSED.to_owned(), command];
            ("<the base64 of the user>".into(), "<the base64 of the password>".into(), comment)
        }
    };
    let data = json!({ "accessKeyId": user, "secretKey": password });
    Ok(KubernetesObject { comment, ..object(meta, "Opaque", &data) })
}

fn flag(meta: ObjectMeta<'_>) -> String {
    meta.namespace.map(|namespace| format!(" --namespace={namespace}")).unwrap_or_default()
}

fn object(meta: ObjectMeta<'_>, kind: &str, data: &Value) -> KubernetesObject {
    let value = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(meta),
        "type": kind,
        "data": data,
    });
    value.into()
}

fn auths(server: &str, credential: &Credential) -> Value {
    let entry = match credential {
        Credential::Basic { username, password } => {
            let password = password.expose();
            let auth = BASE64_STANDARD.encode(format!("{username}:{password}"));
            json!({ "username": username, "password": password, "auth": auth })
        }
        // An entry whose `auth` is empty is passed over by some.
        Credential::IdentityToken(token) => {
            let auth = BASE64_STANDARD.encode("<token>:");
            json!({ "auth": auth, "identitytoken": token.expose() })
        }
    };
    json!({ "auths": { server: entry } })
}
