//! Secrets with credentials.
#![expect(clippy::too_many_lines, reason = "each test is a table of whole objects")]

use snapbox::str;

use super::*;
use crate::net::credential::Credential;
use crate::net::secret::Secret;

#[test]
fn secrets_are_two() {
    let known = Credential::basic("me", "sesame");
    let shown = SecretContent::Credential(&known);
    check(
        pull_secret(HERE, "quay.io", shown),
        str![[r#"
apiVersion: v1
data:
  .dockerconfigjson: eyJhdXRocyI6eyJxdWF5LmlvIjp7ImF1dGgiOiJiV1U2YzJWellXMWwiLCJwYXNzd29yZCI6InNlc2FtZSIsInVzZXJuYW1lIjoibWUifX19
kind: Secret
metadata:
  name: fedora
type: kubernetes.io/dockerconfigjson

"#]],
    );
    check(
        import_secret(HERE, "quay.io", shown).unwrap(),
        str![[r#"
apiVersion: v1
data:
  accessKeyId: bWU=
  secretKey: c2VzYW1l
kind: Secret
metadata:
  name: fedora
type: Opaque

"#]],
    );
    check(
        pull_secret(THERE, "docker.io", SecretContent::Placeholder),
        str![[r#"
# No cluster takes it like this: fill it in, or make one that is whole with
# kubectl create secret docker-registry fedora --docker-server=https://index.docker.io/v1/ --docker-username=USER --docker-password=PASSWORD --namespace=vms
apiVersion: v1
data:
  .dockerconfigjson: <the base64 of an auth.json>
kind: Secret
metadata:
  name: fedora
  namespace: vms
type: kubernetes.io/dockerconfigjson

"#]],
    );
    check(
        import_secret(THERE, "docker.io", SecretContent::Placeholder).unwrap(),
        str![[r#"
# No cluster takes it like this: fill it in, or make one that is whole with
# kubectl create secret generic fedora --from-literal=accessKeyId=USER --from-literal=secretKey=PASSWORD --namespace=vms
apiVersion: v1
data:
  accessKeyId: <the base64 of the user>
  secretKey: <the base64 of the password>
kind: Secret
metadata:
  name: fedora
  namespace: vms
type: Opaque

"#]],
    );
    let object = pull_secret(HERE, "quay.io", shown);
    assert_eq!(format!("{object:?}"), r#"Object { kind: Some(String("Secret")), .. }"#);

    let decoded = |credential: &Credential, registry: &str| {
        let object = pull_secret(HERE, registry, SecretContent::Credential(credential));
        let data = object.value["data"][".dockerconfigjson"].as_str().unwrap();
        let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, data).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(
        decoded(&known, "docker.io"),
        r#"{"auths":{"https://index.docker.io/v1/":{"auth":"bWU6c2VzYW1l","password":"sesame","username":"me"}}}"#
    );
    let token = Credential::IdentityToken(Secret::new("t"));
    assert_eq!(
        decoded(&token, "q.io"),
        r#"{"auths":{"q.io":{"auth":"PHRva2VuPjo=","identitytoken":"t"}}}"#
    );
    let refused = import_secret(HERE, "q.io", SecretContent::Credential(&token)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there is only an identity token for `q.io`, and CDI requires a user and a password"
    );
}
