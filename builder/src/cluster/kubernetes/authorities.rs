//! The *`ConfigMap`* of certificates that CDI's importer trusts. CDI reads keys that end in `.crt`, and
//! newer ones `.pem` too.

use openssl::x509::X509;
use serde_json::json;
use thiserror::Error;

use super::{KubernetesObject, ObjectMeta, object_metadata};

/// A PEM file has no certificate.
#[derive(Debug, Error)]
#[error("there is no certificate in it in PEM")]
pub struct NoCertificate;

/// Returns the `ConfigMap` of the certificates in a PEM file. Anything else in the file, such as a
/// key, is left out.
pub fn authorities_config_map(
    meta: ObjectMeta<'_>,
    pem: &[u8],
) -> Result<KubernetesObject, NoCertificate> {
    let mut text = String::new();
    for certificate in X509::stack_from_pem(pem).map_err(|_| NoCertificate)? {
        let pem = certificate.to_pem().map_err(|_| NoCertificate)?;
        text.push_str(std::str::from_utf8(&pem).map_err(|_| NoCertificate)?);
    }
    if text.is_empty() {
        return Err(NoCertificate);
    }
    let value = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_metadata(meta),
        "data": { "ca.crt": text },
    });
    Ok(value.into())
}
