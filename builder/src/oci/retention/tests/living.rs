//! What stays, and goes, with what it belongs to.

use super::*;

#[test]
fn what_an_index_lists_goes_and_stays_with_it() {
    let mut it = Repository::default();
    // Two releases share the image of a platform, and each image of a platform has its own tag.
    let shared = it.image("shared", JANUARY);
    let (old, new) = (it.image("old", JANUARY), it.image("new", MAY));
    let first = it.index("first", &[old, shared]);
    let second = it.index("second", &[new, shared]);
    for (tag, digest) in [
        ("1", first),
        ("1-amd64", old),
        ("1-arm64", shared),
        ("2", second),
        ("2-amd64", new),
        ("2-arm64", shared),
    ] {
        it.tag(tag, digest);
    }
    check(
        &it,
        &keep(1),
        &[
            "-1 image",
            "-1-amd64 image",
            "+1-arm64 part of `2`",
            "+2 the newest",
            "+2-amd64 part of `2`",
            "+2-arm64 part of `2`",
        ],
    );
    check(
        &it,
        &keep(2),
        &[
            "+1 one of the newest 2",
            "+1-amd64 part of `1`",
            "+1-arm64 part of `1`",
            "+2 one of the newest 2",
            "+2-amd64 part of `2`",
            "+2-arm64 part of `1`",
        ],
    );
    // Without tags of their own, they are deleted with the index, except what the other lists.
    for tag in ["1-amd64", "1-arm64", "2-amd64", "2-arm64"] {
        it.memory.names.remove(tag);
    }
    check(&it, &keep(1), &["-1 image old", "+2 the newest"]);
    // An index in an index.
    let outer = it.index("outer", &[first]);
    it.tag("all-20260525", outer);
    check(
        &it,
        &keep(1),
        &["-2 image new", "+1 part of `all-20260525`", "+all-20260525 the newest"],
    );
}

#[test]
fn a_manifest_that_is_missing_stops_nothing() {
    let mut it = Repository::default();
    let old = it.image("old", JANUARY);
    let index = it.index("index", &[old, Digest::of_bytes(b"missing")]);
    let new = it.image("new", MAY);
    it.called.insert(Digest::of_bytes(b"missing"), "missing".into());
    it.tag("1", index);
    it.tag("2", new);
    check(&it, &keep(1), &["-1 image missing,old", "+2 the newest"]);
    // What cannot be read does: it may need anything.
    let broken = it.memory.put(br#"{"manifests":[],"layers":[]}"#.to_vec());
    it.tag("3", broken);
    let images = &&it.memory as &dyn Images;
    assert!(PrunePlan::read(images, &keep(1), NOW, &NoProgress).is_err());
}

#[test]
fn attachments_go_and_stay_with_their_image() {
    let mut it = Repository::default();
    let (old, new, platform) =
        (it.image("old", JANUARY), it.image("new", MAY), it.image("platform", JANUARY));
    let index = it.index("index", &[platform]);
    for (name, image) in [("old.sig", old), ("new.sig", new), ("platform.sig", platform)] {
        // The config of a signature is that of an image.
        let signature = it.image(name, FIXED);
        it.attach(signature, image, ".sig");
    }
    let gone = it.image("gone.sig", FIXED);
    it.attach(gone, Digest::of_bytes(b"gone"), ".sig");
    let (sbom, of_sbom) = (it.artifact("sbom", Some(old)), it.artifact("kept sbom", Some(new)));
    it.artifact("sbom of sbom", Some(sbom));
    let list = it.index("list", &[sbom]);
    it.attach(list, old, "");
    let list = it.index("kept list", &[of_sbom]);
    it.attach(list, new, "");
    it.tag("1", old);
    it.tag("2", new);
    it.tag("3-20260102", index);
    check(
        &it,
        &keep(1),
        &[
            "-1 image list,old.sig,sbom,sbom of sbom",
            "-3-20260102 image platform,platform.sig",
            "+2 the newest",
            "+(gone.sig) belongs to an image that stays",
            "+(kept list) belongs to an image that stays",
            "+(new.sig) belongs to an image that stays",
        ],
    );
}

#[test]
fn what_refers_to_an_image_and_has_a_tag_is_judged_alone() {
    let mut it = Repository::default();
    let (old, new) = (it.image("old", JANUARY), it.image("new", MAY));
    let (of_old, of_new) = (it.artifact("of old", Some(old)), it.artifact("of new", Some(new)));
    let alone = it.artifact("alone", None);
    for (tag, digest) in [
        ("1", old),
        ("2", new),
        ("sbom-20260102", of_old),
        ("sbom-20260521", of_new),
        ("chart-20260103", alone),
        ("tool", alone),
    ] {
        it.tag(tag, digest);
    }
    // One that refers to an image that stays is not deleted; it takes no place among the newest.
    check(
        &it,
        &keep(1),
        &[
            "-1 image",
            "-sbom-20260102 image",
            "-chart-20260103,tool image",
            "+2 the newest",
            "+sbom-20260521 belongs to an image that stays",
        ],
    );
    // One without a date stays, and so does its image, without its tag.
    it.memory.names.remove("sbom-20260102");
    it.tag("sbom", of_old);
    check(
        &it,
        &keep(1),
        &[
            "-1 tag",
            "-chart-20260103,tool image",
            "+2 the newest",
            "+sbom no date",
            "+sbom-20260521 belongs to an image that stays",
        ],
    );
}

#[test]
fn an_image_without_a_tag_that_refers_to_another_stays() {
    let mut it = Repository::default();
    let (old, new, inner) =
        (it.image("old", JANUARY), it.image("new", MAY), it.image("inner", JANUARY));
    let first = it.index("first", &[old, inner]);
    // An index that somebody uses by its digest.
    let entry = json!({ "mediaType": OCI_MANIFEST, "digest": inner.to_string(), "size": 1 });
    let subject =
        |of: Digest| json!({ "mediaType": OCI_INDEX, "digest": of.to_string(), "size": 1 });
    let index = |of: Digest| json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry], "subject": subject(of) });
    it.tag("1", first);
    it.tag("2", new);
    let referring = it.put("referring", &index(new));
    check(&it, &keep(1), &["-1 image old", "+2 the newest"]);
    it.memory.blobs.remove(&referring);
    check(&it, &keep(1), &["-1 image inner,old", "+2 the newest"]);
    // It refers to the image that is to be deleted, and keeps it.
    it.put("referring", &index(first));
    check(&it, &keep(1), &["-1 tag", "+2 the newest"]);
}
