use openssl::pkey::PKey;
use serde_json::json;

use super::check::{CheckedImage, Requirement, check_image};
use super::identity::IdentityMatch;
use super::key::PrivateKey;
use super::manifest::SignatureManifest;
use super::payload::SignedPayload;
use crate::oci::attachments::union::{Union, unite};
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::tag::CosignTag;
use crate::oci::images::testing::MemoryImages;

const NAME: &str = "q.io/me/vm:1";

fn new_key() -> PrivateKey {
    let key = PKey::generate_ed25519().unwrap();
    PrivateKey::parse(&key.private_key_to_pem_pkcs8().unwrap(), None).unwrap()
}

/// An image with signatures that are made by hand.
struct Signed {
    images: MemoryImages,
    root: Document,
    manifest: SignatureManifest,
    key: PrivateKey,
}

impl Signed {
    fn new() -> Self {
        let mut images = MemoryImages::default();
        let root = Document::parse("", br#"{"layers":[]}"#.to_vec()).unwrap();
        images.put(root.bytes.clone());
        Self { images, root, manifest: SignatureManifest::empty(), key: new_key() }
    }

    fn payload(&self) -> Vec<u8> {
        let payload = SignedPayload { identity: "q.io/me/vm".into(), digest: self.root.digest };
        payload.to_bytes().unwrap()
    }

    /// Adds a signature of a payload.
    fn add(&mut self, payload: &[u8], signature: &[u8]) {
        self.images.put(payload);
        self.manifest.add(payload, signature).unwrap();
    }

    fn sign(&mut self, payload: &[u8]) {
        let signature = self.key.sign(payload).unwrap();
        self.add(payload, &signature);
    }

    /// Makes a document that holds the signatures.
    fn attach(&mut self, document: Vec<u8>) {
        let digest = self.images.put(document);
        self.images
            .names
            .insert(CosignTag::Signatures.of_image(self.root.digest).to_string(), digest);
    }

    fn attach_manifest(&mut self) {
        let documents = self.manifest.clone().into_documents().unwrap();
        self.attach(documents.manifest.bytes);
    }

    /// Returns the names of the accepted signatures, or why there is none.
    fn check(&self) -> String {
        let (keys, identity) = (vec![self.key.public_key().unwrap()], IdentityMatch::Repository);
        let reference = NAME.parse().unwrap();
        let image = CheckedImage {
            root: &self.root,
            platform: None,
            name: NAME,
            reference: Some(&reference),
        };
        let found = check_image(&&self.images, &image, &[Requirement::SignedBy { keys, identity }]);
        let text = match found {
            Ok(found) => found.into_iter().map(|it| it.identity).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        text.replace(&self.root.digest.to_string(), "ROOT")
    }
}

/// Checks an image with the signatures that `change` adds.
fn check(change: &dyn Fn(&mut Signed), expected: &str) {
    let mut signed = Signed::new();
    change(&mut signed);
    signed.attach_manifest();
    assert_eq!(signed.check(), expected);
}

fn refused(why: &str) -> String {
    format!("no signature of `{NAME}` is accepted: of the manifest, ROOT, {why}")
}

fn good(signed: &mut Signed) {
    signed.sign(&signed.payload());
}

#[test]
fn a_signature_counts_for_its_key_image_and_name() {
    check(&good, "q.io/me/vm");
    let unsigned = format!("`{NAME}` is not signed: there is no signature of the manifest, ROOT");
    check(&|_| {}, &unsigned);
    assert_eq!(Signed::new().check(), unsigned);
    let by_other = refused("one is by another key, or its payload was changed");
    let other_key = |signed: &mut Signed| {
        let payload = signed.payload();
        signed.add(&payload, &new_key().sign(&payload).unwrap());
    };
    check(&other_key, &by_other);
    check(&|signed| signed.add(&signed.payload(), b""), &by_other);
    let tampered = |signed: &mut Signed| {
        let signature = signed.key.sign(&signed.payload()).unwrap();
        let payload = String::from_utf8(signed.payload()).unwrap().replace("/vm", "/vn");
        signed.add(payload.as_bytes(), &signature);
    };
    check(&tampered, &by_other);
    let other_image = |signed: &mut Signed| {
        let digest = Digest::of_bytes(b"");
        let payload = SignedPayload { identity: "q.io/me/vm".into(), digest };
        signed.sign(&payload.to_bytes().unwrap());
    };
    let empty = Digest::of_bytes(b"");
    check(&other_image, &refused(&format!("one is for another image, {empty}")));
    let other_name = |signed: &mut Signed| {
        let payload = SignedPayload { identity: "q.io/you/vm".into(), digest: signed.root.digest };
        signed.sign(&payload.to_bytes().unwrap());
    };
    check(&other_name, &refused("one is for the name `q.io/you/vm`, not `q.io/me/vm`"));
    let several = |signed: &mut Signed| {
        other_key(signed);
        other_name(signed);
        good(signed);
    };
    check(&several, "q.io/me/vm");
}

#[test]
fn payloads_are_bounded_and_checked() {
    let unusable = "one has a payload that cannot be used: expected value at line 1 column 1";
    check(&|signed| signed.sign(b"x"), &refused(unusable));
    let huge = |signed: &mut Signed| signed.sign(&vec![b' '; (1 << 20) + 1]);
    check(&huge, &refused("one cannot be read: its payload is longer than 1 MiB"));
    let damaged = |signed: &mut Signed| {
        good(signed);
        let digest = Digest::of_bytes(&signed.payload());
        signed.images.blobs.insert(digest, b"x".to_vec());
    };
    let why = "one cannot be read: its payload is damaged: its bytes have another digest";
    check(&damaged, &refused(why));
    let many = |signed: &mut Signed| {
        for number in 0..17 {
            let mut payload = vec![b' '; 1 << 20];
            payload[0] = number;
            signed.add(&payload, b"");
        }
        good(signed);
    };
    check(
        &many,
        &refused(
            "one cannot be read: the payloads before it are longer than 16 MiB together; one is by another key, or its payload was changed",
        ),
    );
}

#[test]
fn the_number_of_signatures_is_bounded() {
    let mut signed = Signed::new();
    let payload = signed.payload();
    for _ in 1..1000 {
        signed.add(&payload, b"x");
    }
    signed.sign(&payload);
    signed.attach_manifest();
    assert_eq!(signed.check(), "q.io/me/vm");
    let error = signed.manifest.add(&payload, b"x").unwrap_err();
    assert_eq!(error, "it has more than 1000 signatures");
    let layer = json!({ "digest": signed.root.digest.to_string(), "size": 1 });
    let manifest = json!({ "layers": vec![layer; 1001] });
    signed.attach(manifest.to_string().into_bytes());
    let tag = CosignTag::Signatures.of_image(signed.root.digest);
    let wrong = |why: &str| format!("the signatures with the tag `{tag}` cannot be used: {why}");
    let check = |signed: &Signed, why: &str| {
        assert_eq!(signed.check().replace("ROOT", &signed.root.digest.to_string()), wrong(why));
    };
    check(&signed, "it has more than 1000 signatures");
    signed.attach(br#"{"manifests":[]}"#.to_vec());
    check(&signed, "it is an index");
}

#[test]
fn what_other_signers_wrote_is_kept() {
    let old = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest::of_bytes(b"").to_string(), "size": 0 },
        "layers": [{ "mediaType": "a/b", "digest": Digest::of_bytes(b"").to_string(), "size": 0, "annotations": { "k": "v" }, "new": 1 }],
        "annotations": { "a": "b" },
    });
    let document = Document::parse("", old.to_string().into_bytes()).unwrap();
    let mut manifest = SignatureManifest::empty();
    manifest.add(b"payload", b"signature").unwrap();
    let documents = manifest.into_documents().unwrap();
    let config = Some(&documents.config.bytes[..]);
    let Ok(Union::Both { config, manifest }) = unite(&document, &documents.manifest, config) else {
        panic!("they have no union");
    };
    let new: serde_json::Value = serde_json::from_slice(&manifest.bytes).unwrap();
    assert_eq!((&new["layers"][0], &new["annotations"]), (&old["layers"][0], &old["annotations"]));
    let added = json!({
        "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
        "digest": Digest::of_bytes(b"payload").to_string(),
        "size": 7,
        "annotations": { "dev.cosignproject.cosign/signature": "c2lnbmF0dXJl" },
    });
    assert_eq!(new["layers"][1], added);
    let config = config.unwrap();
    assert_eq!(new["config"]["digest"], config.digest.to_string());
    let config: serde_json::Value = serde_json::from_slice(&config.bytes).unwrap();
    let digests = [Digest::of_bytes(b""), Digest::of_bytes(b"payload")].map(|it| it.to_string());
    assert_eq!(config["rootfs"]["diff_ids"], json!(digests));
}
