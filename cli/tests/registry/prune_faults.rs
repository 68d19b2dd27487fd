//! `diskette prune` while a registry refuses, breaks off, or is changed by others.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::Duration;

use diskette_integration::registry::profile::DeletionPolicy;
use diskette_integration::registry::{
    Fault, FaultTimes, INDEX, MANIFEST, Profile, Registry, RequestKind, StoredManifest,
};
use diskette_integration::scene::Scene;
use serde_json::{Value, json};

fn start(deletion: DeletionPolicy) -> Registry {
    Registry::start(Profile { deletion, ..Profile::DISTRIBUTION_3 })
}

fn manifest(name: &str) -> StoredManifest {
    let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let config =
        json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 });
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "a/b", "config": config, "layers": [], "annotations": { "x": name } });
    StoredManifest::new(MANIFEST, serde_json::to_vec(&manifest).unwrap())
}

/// Stores an index of one manifest under these tags, and returns the digests of both.
fn put(registry: &Registry, name: &str, tags: &[&str]) -> (String, String) {
    let child = manifest(name);
    let entry: Value =
        json!({ "mediaType": MANIFEST, "digest": child.digest, "size": child.bytes.len() });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] });
    let index = StoredManifest::new(INDEX, serde_json::to_vec(&index).unwrap());
    registry.put_blob(
        "me/vm",
        "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        b"{}",
    );
    registry.put_untagged("me/vm", child.clone());
    for tag in tags {
        registry.put_document("me/vm", tag, index.clone());
    }
    (index.digest, child.digest)
}

/// Prunes all but the newest image, and returns what is said on standard error.
fn prune(registry: &Registry, args: &[&str]) -> String {
    let repository = registry.reference("me/vm");
    let own = ["prune", &repository, "--keep", "1", "--yes", "--retry", "0"];
    let said = Scene::new().run(own.iter().chain(args));
    format!("{}\n{}", said.status, said.stderr.replace(&registry.address(), "REGISTRY"))
}

fn has(registry: &Registry, reference: &str) -> bool {
    registry.manifest("me/vm", reference).is_some()
}

#[test]
fn each_registry_deletes_as_it_can() {
    let policies = [DeletionPolicy::Tags, DeletionPolicy::Digests, DeletionPolicy::TagsWithImages];
    for policy in policies {
        let registry = start(policy);
        let (old, child) = put(&registry, "old", &["1-20260101", "1"]);
        let (new, new_child) = put(&registry, "new", &["2-20260201", "2"]);
        let said = prune(&registry, &[]);
        assert_eq!(said, "0\ndeleted 2 tags and 2 manifests\n", "{policy:?}");
        for gone in [&old, &child, "1", "1-20260101"] {
            assert!(!has(&registry, gone), "{policy:?} {gone}");
        }
        for left in [&new, &new_child, "2", "2-20260201"] {
            assert!(has(&registry, left), "{policy:?} {left}");
        }
    }
}

#[test]
fn a_tag_is_deleted_alone_or_stays() {
    let shared = "note: `2-20260201` stays: the registry deletes whole images, and something that stays needs this one\ndeleted 0 tags\n";
    let cases = [
        (DeletionPolicy::Tags, "deleted 1 tag\n"),
        (DeletionPolicy::Digests, shared),
        // The registry deletes the image with its tag: it is written again.
        (DeletionPolicy::TagsWithImages, shared),
    ];
    for (policy, expected) in cases {
        let registry = start(policy);
        let (image, child) = put(&registry, "new", &["2-20260201", "2"]);
        let said = Scene::new().run([
            "prune",
            &registry.reference("me/vm"),
            "--keep",
            "0",
            "--keep-tags",
            "^2$",
            "--yes",
        ]);
        assert_eq!(said.stderr, expected, "{policy:?}");
        for left in [&image, &child, "2"] {
            assert!(has(&registry, left), "{policy:?} {left}");
        }
        assert_eq!(has(&registry, "2-20260201"), policy != DeletionPolicy::Tags, "{policy:?}");
    }
}

#[test]
fn refusals_are_errors_that_lose_nothing() {
    let check = |policy: DeletionPolicy, status: Option<u16>, expected: &str| {
        let registry = start(policy);
        let (old, child) = put(&registry, "old", &["1-20260101"]);
        put(&registry, "new", &["2-20260201"]);
        if let Some(status) = status {
            registry.inject(RequestKind::Delete, Fault::Status(status), FaultTimes::Always);
        }
        let said = prune(&registry, &[]).replace(&old, "OLD").replace(&child, "CHILD");
        assert!(said.contains(expected), "{said}");
        assert!(
            said.starts_with("1\ndeleted 0 tags\n") || said.starts_with("75\ndeleted 0 tags\n"),
            "{said}"
        );
        for left in [&old, &child, "1-20260101", "2-20260201"] {
            assert!(has(&registry, left), "{policy:?} {left}");
        }
    };
    check(
        DeletionPolicy::Nothing,
        None,
        "cannot delete REGISTRY/me/vm@OLD: the server answered 405: UNSUPPORTED",
    );
    check(DeletionPolicy::Nothing, None, "help: the registry does not allow deletion by this API");
    check(
        DeletionPolicy::Tags,
        Some(403),
        "cannot delete REGISTRY/me/vm:1-20260101: the server answered 403",
    );
    check(DeletionPolicy::Digests, Some(503), "the server answered 503");
}

/// A connection that is lost in the midst: what may have no name any more is named.
#[test]
fn what_may_be_left_without_a_name_is_named() {
    let check = |policy: DeletionPolicy, fault: Fault, skipped: u32, expected: &[&str]| {
        let registry = start(policy);
        let (old, child) = put(&registry, "old", &["1-20260101"]);
        let (new, new_child) = put(&registry, "new", &["2-20260201"]);
        registry.inject(RequestKind::DeleteDigest, fault, FaultTimes::After(skipped));
        let said = prune(&registry, &[]).replace(&old, "OLD").replace(&child, "CHILD");
        let left = "it may be left without a name: `diskette delete REGISTRY/me/vm@";
        let left = said.lines().filter_map(|line| line.split_once(left)?.1.split_once('`'));
        let left: Vec<&str> = left.map(|(what, _)| what).collect();
        assert_eq!(left, expected, "{said}");
        for stays in [&new, &new_child, "2-20260201"] {
            assert!(has(&registry, stays), "{policy:?} {stays}");
        }
    };
    check(DeletionPolicy::Tags, Fault::Close, 0, &["OLD", "CHILD"]);
    check(DeletionPolicy::Tags, Fault::Status(403), 0, &["OLD", "CHILD"]);
    check(DeletionPolicy::Digests, Fault::Status(403), 0, &[]);
    check(DeletionPolicy::Digests, Fault::Status(403), 1, &["CHILD"]);
    // It is not known whether the image was deleted.
    check(DeletionPolicy::Digests, Fault::ResetAfter, 0, &["OLD", "CHILD"]);
}

/// Returns the tag of an old image.
fn number(number: u32) -> String {
    format!("1-2026{:02}{:02}", 1 + number / 28, 1 + number % 28)
}

/// Prunes a repository of so many old images, which others change while the first image is being deleted. Returns the digests of
/// the images and what is said.
fn prune_meanwhile(
    registry: &Registry,
    old: u32,
    change: impl FnOnce(),
) -> (Vec<(String, String)>, String) {
    let images: Vec<(String, String)> =
        (0..old).map(|it| put(registry, &format!("i{it}"), &[&number(it)])).collect();
    put(registry, "new", &["2-20261201", "latest"]);
    // A request is logged when it was answered: its image has another manifest, whose deletion takes as long.
    registry.inject(
        RequestKind::DeleteDigest,
        Fault::Delay(Duration::from_millis(600)),
        FaultTimes::First(3),
    );
    let scene = Scene::new();
    let repository = registry.reference("me/vm");
    let mut program = scene.program(["prune", &repository, "--keep", "1", "--yes"]);
    let running = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !registry
        .take_requests()
        .iter()
        .any(|request| request.kinds.contains(&RequestKind::DeleteDigest))
    {
        std::thread::sleep(Duration::from_millis(10));
    }
    change();
    let done = running.wait_with_output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");
    (images, said)
}

#[test]
fn what_is_named_while_images_are_deleted_stays() {
    let registry = start(DeletionPolicy::Digests);
    // A tag appears on one; a tag that stays is moved to the last, and one of those that are deleted to another.
    let (images, said) = prune_meanwhile(&registry, 18, || {
        put(&registry, "i1", &["keep-this"]);
        put(&registry, "i17", &["latest"]);
        put(&registry, "i9", &[&number(4)]);
    });
    for it in [1, 9, 17] {
        let (index, child) = &images[it];
        assert!(
            said.contains(&format!("`{index}` stays: a tag that was written meanwhile")),
            "{said}"
        );
        assert!(has(&registry, index) && has(&registry, child), "{it}");
    }
    for tag in ["keep-this", "latest", &number(4)] {
        assert!(has(&registry, tag), "{tag}: {said}");
    }
    for it in [0, 2, 16] {
        assert!(!has(&registry, &images[it].0), "{it}");
    }
}

/// A tag that is still to be deleted is moved to an image whose turn comes before its own; one that is left is moved again.
#[test]
fn tags_that_are_moved_back_keep_their_image() {
    let registry = start(DeletionPolicy::Digests);
    let (images, said) = prune_meanwhile(&registry, 5, || {
        put(&registry, "i1", &[&number(3)]);
        registry.remove_tag("me/vm", &number(2));
    });
    let (index, child) = &images[1];
    let (tag, own) = (number(3), number(1));
    let expected = format!(
        "note: `{index}` stays: a tag that was written meanwhile needs it\n\
         note: `{own}` stays: the registry deletes whole images, and something that stays needs this one\n\
         note: `{}` was deleted meanwhile\n\
         note: `{tag}` stays: it was changed meanwhile\n\
         deleted 2 tags and 8 manifests\n",
        number(2)
    );
    assert_eq!(said, expected);
    for left in [index, child, &tag, &own] {
        assert!(has(&registry, left), "{left}");
    }
    assert_eq!(registry.manifest("me/vm", &tag).unwrap().digest, *index);
}

/// Where there are many tags, they and their list are read again before every sixteenth image.
#[test]
fn tags_are_read_again_from_time_to_time() {
    let registry = start(DeletionPolicy::Digests);
    let (images, said) = prune_meanwhile(&registry, 100, || {
        put(&registry, "i16", &[&number(50)]);
    });
    let (index, child) = &images[16];
    for left in [index, child, &number(16), &number(50)] {
        assert!(has(&registry, left), "{left}: {said}");
    }
    assert!(said.ends_with("deleted 98 tags and 198 manifests\n"), "{said}");
    let lists = registry.take_requests();
    let lists = lists.iter().filter(|it| it.kinds.contains(&RequestKind::ListTags)).count();
    // Before the images 16 and 32, and from 48 on, when 55 tags are left, before each.
    assert_eq!(lists, 2 + (100 - 48), "{said}");
}

/// Others change tags between the plan and its execution.
#[test]
fn what_was_changed_meanwhile_stays() {
    let registry = start(DeletionPolicy::Digests);
    let (first, first_child) = put(&registry, "first", &["1-20260101"]);
    let (second, _) = put(&registry, "second", &["1-20260102"]);
    let (third, third_child) = put(&registry, "third", &["1-20260103"]);
    put(&registry, "new", &["2-20260201", "latest"]);
    // The list of tags is sent twice: for the plan, and before it is carried out.
    registry.inject(
        RequestKind::ListTags,
        Fault::Delay(Duration::from_millis(1500)),
        FaultTimes::First(2),
    );
    let scene = Scene::new();
    let repository = registry.reference("me/vm");
    let mut program = scene.program(["prune", &repository, "--keep", "1", "--yes"]);
    let mut running = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("delete\t1-20260101\t"), "{line}");
    // An image is rolled back to, and a tag names another image.
    put(&registry, "first", &["latest"]);
    put(&registry, "fourth", &["1-20260102"]);
    let mut said = String::new();
    running.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(running.wait().unwrap().success(), "{said}");
    let expected = format!(
        "note: `{first}` stays: a tag that was written meanwhile needs it\n\
         note: `1-20260101` stays: the registry deletes whole images, and something that stays needs this one\n\
         note: `1-20260102` stays: it was changed meanwhile\n\
         deleted 1 tag and 4 manifests\n"
    );
    assert_eq!(said, expected);
    for left in [&first, &first_child, "latest", "1-20260101", "1-20260102", "2-20260201"] {
        assert!(has(&registry, left), "{left}");
    }
    for gone in [&second, &third, &third_child, "1-20260103"] {
        assert!(!has(&registry, gone), "{gone}");
    }
}
