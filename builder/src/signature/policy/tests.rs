use std::io;

use super::*;
use crate::oci::image::location::StoreKind;

const KEY: &str = include_str!("../key/testing/cosign.pub");

/// Reads the only key that exists.
fn read(path: &str) -> io::Result<Vec<u8>> {
    match path {
        "/cosign.pub" => Ok(KEY.into()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

fn scope(image: &str) -> PolicyScope {
    PolicyScope::registry(&image.parse().unwrap())
}

#[test]
fn the_closest_scope_counts() {
    let text = r#"{
        "default": [{"type": "reject"}],
        "transports": {
            "docker": {
                "q.io/me/vm:1": [{"type": "insecureAcceptAnything"}],
                "q.io/me/vm": [{"type": "reject"}],
                "q.io/me": [{"type": "insecureAcceptAnything"}],
                "q.io": [{"type": "reject"}],
                "*.q.io": [{"type": "insecureAcceptAnything"}],
                "h:5000": [{"type": "insecureAcceptAnything"}]
            },
            "oci": {
                "": [{"type": "reject"}],
                "/srv/images": [{"type": "insecureAcceptAnything"}]
            }
        }
    }"#;
    let policy = TrustPolicy::parse(text.as_bytes()).unwrap();
    let check = |scope: &PolicyScope, expected: bool| {
        let found = policy.find_requirements(scope, &read).unwrap();
        assert_eq!(matches!(found[..], [Requirement::AcceptAnything]), expected, "{scope:?}");
    };
    check(&scope("q.io/me/vm:1"), true);
    check(&scope("q.io/me/vm:2"), false);
    check(&scope(&format!("q.io/me/vm:1@sha256:{}", "0".repeat(64))), false);
    check(&scope("q.io/me/vn"), true);
    check(&scope("q.io/you/vn"), false);
    check(&scope("a.q.io/you/vn"), true);
    check(&scope("a.b.q.io:80/you/vn"), true);
    check(&scope("h:5000/a"), true);
    check(&scope("h:5001/a"), false);
    check(&PolicyScope::local(StoreKind::Layout, "/srv/images/vm"), true);
    check(&PolicyScope::local(StoreKind::Layout, "/srv/images"), true);
    check(&PolicyScope::local(StoreKind::Layout, "/srv/images2"), false);
    check(&PolicyScope::local(StoreKind::OciArchive, "/srv/images/vm"), false);
}

/// Holds a requirement against what is made of it.
fn check_requirement(requirement: &str, expected: &str) {
    let text = format!(r#"{{"default": [{requirement}]}}"#);
    let policy = TrustPolicy::parse(text.as_bytes());
    let found = policy.and_then(|policy| policy.find_requirements(&scope("q.io/me/vm"), &read));
    let found = found.map_or_else(
        |why| why,
        |found| match &found[..] {
            [Requirement::SignedBy { keys, identity }] => {
                format!("{} {identity:?}", keys.len())
            }
            [Requirement::Reject(why)] => format!("refused: {why}"),
            other => format!("{other:?}"),
        },
    );
    assert!(found.contains(expected), "{requirement}: {found}");
}

fn signed(fields: &str) -> String {
    format!(r#"{{"type":"sigstoreSigned",{fields}}}"#)
}

#[test]
fn keys_and_identities_are_what_containers_image_takes_them_for() {
    let check = check_requirement;
    let path = r#""keyPath":"/cosign.pub""#;
    check(&signed(path), "1 RepoDigestOrExact");
    check(&signed(r#""keyPaths":["/cosign.pub","/cosign.pub"]"#), "2 RepoDigestOrExact");
    let data = openssl::base64::encode_block(KEY.as_bytes());
    check(&signed(&format!(r#""keyData":"{data}""#)), "1 RepoDigestOrExact");
    check(&signed(&format!(r#""keyDatas":["{data}"]"#)), "1 RepoDigestOrExact");
    let identity = |fields: &str, expected: &str| {
        check(&signed(&format!(r#"{path},"signedIdentity":{{"type":{fields}}}"#)), expected);
    };
    identity(r#""matchExact""#, "1 Exact");
    identity(r#""matchRepoDigestOrExact""#, "1 RepoDigestOrExact");
    identity(r#""matchRepository""#, "1 Repository");
    identity(r#""exactReference","dockerReference":"q.io/a:1""#, "1 ExactReference");
    identity(
        r#""exactReference","dockerReference":"q.io/a""#,
        "exactReference has `q.io/a` without a tag or a digest",
    );
    identity(r#""exactRepository","dockerRepository":"q.io/a""#, "1 ExactRepository");
    identity(
        r#""exactRepository","dockerRepository":"A""#,
        "signedIdentity has `A`: the repository `library/A` has upper-case letters",
    );
    for prefix in ["a", "q.io", "h:5000", "q.io/a", "h:5000/a/b"] {
        let fields = format!(r#""remapIdentity","prefix":"{prefix}","signedPrefix":"b""#);
        identity(&fields, "1 Remap");
    }
    for wrong in ["", "A B", "q.io/", "/a", "q.io/a:1", "q.io/A", "h:x"] {
        let expected = format!("remapIdentity has a prefix that is not valid: `{wrong}`");
        for (prefix, signed) in [(wrong, "b"), ("a", wrong)] {
            let fields =
                format!(r#""remapIdentity","prefix":"{prefix}","signedPrefix":"{signed}""#);
            identity(&fields, &expected);
        }
    }
    check(&signed(&format!(r#"{path},"signedIdentity":null"#)), "invalid type: null");
    identity(r#""matchAll""#, "unknown variant `matchAll`");
    identity(r#""matchExact","new":1"#, "unknown field `new`");
}

#[test]
fn requirements_that_cannot_be_met_are_refused() {
    let (check, path) = (check_requirement, r#""keyPath":"/cosign.pub""#);
    check(r#"{"type":"reject"}"#, "refused: the policy rejects it");
    check(
        r#"{"type":"signedBy","keyType":"GPGKeys","keyPath":"/x"}"#,
        "refused: the policy requires a signature of GPG, which is not checked here",
    );
    check(
        &signed(r#""fulcio":{}"#),
        "refused: the policy requires a certificate, and only keys are checked here",
    );
    check(
        &signed(&format!(r#"{path},"rekorPublicKeyPath":"/x""#)),
        "refused: the policy requires an entry of a transparency log, which is not checked here",
    );
    check(
        &signed(&format!(r#"{path},"keyPaths":[]"#)),
        "`sigstoreSigned` has one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki",
    );
    check(r#"{"type":"sigstoreSigned"}"#, "`sigstoreSigned` has one of");
    check(&signed(r#""keyPaths":[]"#), "`sigstoreSigned` has an empty list of keys");
    check(&signed(r#""keyPath":"/x""#), "cannot read the key `/x`: entity not found");
    check(&signed(r#""keyData":"?""#), "keyData is not Base64");
    check(
        &signed(r#""keyData":"AAAA""#),
        "cannot use the key in keyData: it is not a public key in PEM form",
    );
    check(&signed(&format!(r#"{path},"new":1"#)), "unknown field `new`");
    check(r#"{"type":"insecureAcceptAnything","new":1}"#, "unknown field `new`");
    check(r#"{"type":"other"}"#, "unknown variant `other`");
}

#[test]
fn a_policy_that_would_be_read_in_part_is_refused() {
    let check = |text: &str, expected: &str| {
        let error = TrustPolicy::parse(text.as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    };
    let accept = r#"[{"type":"insecureAcceptAnything"}]"#;
    check("{}", "missing field `default`");
    check(r#"{"default":[]}"#, "a list of requirements is empty");
    check(&format!(r#"{{"default":{accept},"new":1}}"#), "unknown field `new`");
    check(&format!(r#"{{"default":{accept},"default":{accept}}}"#), "duplicate field `default`");
    let transports = |inner: &str| format!(r#"{{"default":{accept},"transports":{inner}}}"#);
    check(&transports(r#"{"docker":{},"docker":{}}"#), "duplicate key `docker`");
    check(
        &transports(&format!(r#"{{"docker":{{"a":{accept},"a":{accept}}}}}"#)),
        "duplicate key `a`",
    );
    check(&transports(r#"{"docker":{"a":[]}}"#), "a list of requirements is empty");
    for transport in ["oci", "oci-archive", "dir"] {
        for scope in ["/", "a", "/a/", "/a//b", "/a/../b", "/."] {
            check(
                &transports(&format!(r#"{{"{transport}":{{"{scope}":{accept}}}}}"#)),
                &format!("`{transport}` has the scope `{scope}`: it is not an absolute path"),
            );
        }
    }
    // Requirements of other images are checked too.
    let other = r#"{"docker":{"a":[{"type":"sigstoreSigned","keyPaths":[]}]}}"#;
    check(&transports(other), "`sigstoreSigned` has an empty list of keys");
    let scope = transports(&format!(r#"{{"docker-archive":{{"/a":{accept}}}}}"#));
    check(&scope, "`docker-archive` has the scope `/a`: archives of docker have no scopes");
    for good in [
        "docker-archive\":{\"",
        "oci\":{\"",
        "oci\":{\"/a/b",
        "dir\":{\"/a",
        "docker\":{\"A B",
        "other\":{\"/",
    ] {
        let text = transports(&format!(r#"{{"{good}":{accept}}}}}"#));
        assert!(TrustPolicy::parse(text.as_bytes()).is_ok(), "{good}");
    }
}
