//! Config maps with the certificates of authorities.

use openssl::asn1::Asn1Time;
use openssl::pkey::PKey;
use openssl::x509::{X509, X509Name};
use snapbox::{assert_data_eq, str};

use super::*;

/// Returns a certificate that is its own authority, and its key.
fn certificate() -> (String, String) {
    let key = PKey::generate_ed25519().unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "test").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(1 << 31).unwrap()).unwrap();
    builder.sign(&key, openssl::hash::MessageDigest::null()).unwrap();
    let text = |pem: Vec<u8>| String::from_utf8(pem).unwrap();
    (text(builder.build().to_pem().unwrap()), text(key.private_key_to_pem_pkcs8().unwrap()))
}

#[test]
fn a_config_map_has_certificates_alone() {
    let (certificate, key) = certificate();
    let pem = format!("# of the registry\n{key}{certificate}and again\r\n{certificate}");
    let object = authorities_config_map(HERE, pem.as_bytes()).unwrap();
    assert_eq!(object.value["data"]["ca.crt"], json!(certificate.repeat(2)));
    let written = write_yaml(&[object]).unwrap();
    let indented = certificate.trim_end().replace('\n', "\n    ");
    let indented = format!("    {indented}\n");
    let written = written.replace(&indented, "    [CERTIFICATE]\n");
    assert_data_eq!(
        written,
        str![[r#"
apiVersion: v1
data:
  ca.crt: |
    [CERTIFICATE]
    [CERTIFICATE]
kind: ConfigMap
metadata:
  name: fedora

"#]]
        .raw()
    );
    for nothing in ["", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n", &key] {
        let refused = authorities_config_map(HERE, nothing.as_bytes()).unwrap_err();
        assert_eq!(refused.to_string(), "there is no certificate in it in PEM");
    }
}
