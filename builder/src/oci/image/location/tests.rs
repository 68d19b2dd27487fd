use super::*;

/// Paths that exist in these tests.
fn look(path: &str) -> FoundPath {
    match path.trim_end_matches('/') {
        "layout" | "fedora" | "./a:b" | "/srv/x:y" | "quay.io/me/kept" => FoundPath::Layout,
        "dir" | "build" | "./dir" | "." | "localhost" => FoundPath::Directory,
        "image.tar" | "noext" | "./noext" | "a:b.tar" => FoundPath::File,
        "disk.qcow2" | "./disk.qcow2" | "gone.qcow2" | "out/gone.raw" => FoundPath::Disk,
        _ => FoundPath::Nothing,
    }
}

fn parse(usage: NameUse, text: &str) -> String {
    match ImageLocation::parse(text, usage, &look) {
        Ok(location @ ImageLocation::Local(_)) => location.to_string(),
        Ok(ImageLocation::Registry(name)) => format!("registry {name}"),
        Err(error) => format!("error: {error}"),
    }
}

const ALL: [NameUse; 4] = [NameUse::Source, NameUse::Target, NameUse::Output, NameUse::Registry];

fn digest() -> String {
    format!("sha256:{}", "ab".repeat(32))
}

#[test]
fn a_scheme_means_the_same_everywhere() {
    let check = |text: &str, expected: &str| {
        for usage in [NameUse::Source, NameUse::Target, NameUse::Output] {
            assert_eq!(parse(usage, text), expected, "{text} {usage:?}");
        }
    };
    check("oci:out", "oci:out");
    check("oci:out/", "oci:out/");
    check("oci:out:42", "oci:out:42");
    check("oci:out:q.io/a:42", "oci:out:q.io/a:42");
    // As in skopeo, the first colon ends the path, whatever exists.
    check("oci:./a:b", "oci:./a:b");
    check("oci:disk.qcow2", "oci:disk.qcow2");
    check("oci-archive:a.tar", "oci-archive:a.tar");
    check("oci-archive:z.tar.gz:42", "oci-archive:z.tar.gz:42");
    check("oci-archive:a.tar:q.io/a:42", "oci-archive:a.tar:q.io/a:42");
    check("oci-archive:-", "oci-archive:-");
    check("docker-archive:a.tar", "docker-archive:a.tar");
    check("docker-archive:a.tar:q.io/a:1", "docker-archive:a.tar:q.io/a:1");
    check("docker-archive:-", "docker-archive:-");
    check("docker://quay.io/me/fedora", "registry quay.io/me/fedora:latest");
    check("docker://fedora", "registry docker.io/library/fedora:latest");
    check("-", "oci-archive:-");
    check("", "error: the name is empty");
    check("oci:", "error: write it as `oci:DIR` or `oci:DIR:TAG`");
    check("oci::42", "error: write it as `oci:DIR` or `oci:DIR:TAG`");
    check("oci:out:", "error: write it as `oci:DIR` or `oci:DIR:TAG`");
    let help = "error: write it as `oci-archive:FILE` or `oci-archive:FILE:TAG`";
    check("oci-archive:", help);
    check("oci-archive:a.tar:", help);
    check(
        "docker-archive:",
        "error: write it as `docker-archive:FILE` or `docker-archive:FILE:REF`",
    );
}

#[test]
fn other_schemes_are_errors() {
    let check = |text: &str, expected: &str| {
        for usage in ALL {
            assert_eq!(parse(usage, text), format!("error: {expected}"), "{text} {usage:?}");
        }
    };
    let engines = "is not supported; `docker-archive:FILE` and `oci-archive:FILE` carry images to and \
                   from docker and podman";
    let unknown = "there are `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:REF]` and \
                   `docker://REF`";
    check("containers-storage:x", &format!("`containers-storage:` {engines}"));
    check("containers-storage:quay.io/a:1", &format!("`containers-storage:` {engines}"));
    check("docker-daemon:a:1", &format!("`docker-daemon:` {engines}"));
    check("dir:x", "`dir:` is not supported; use `oci:DIR` or `oci-archive:FILE`");
    check("ostree:x@/repo", "`ostree:` is not supported; use `oci:DIR` or `oci-archive:FILE`");
    check(
        "oci-layout://x:1",
        "`oci-layout:` is not supported; write it as `oci:DIR` or `oci:DIR:TAG`",
    );
    check(
        "docker-image://q.io/a",
        "`docker-image:` is not supported; write it as `docker://quay.io/me/fedora:42`",
    );
    check("file:///tmp/x", "`file:` is not supported; write the path itself");
    check(
        "https://quay.io/a",
        "`https:` is not supported; a registry is named without `https://`, e.g. `quay.io/me/fedora:42`",
    );
    check("docker:quay.io/a", "write it as `docker://REF`, e.g. `docker://quay.io/me/fedora:42`");
    check("OCI:x", "unknown scheme `OCI:`; write it in lower case, `oci:`");
    check("s3://bucket/x", &format!("unknown scheme `s3:`; {unknown}"));
    check("oci-archiv:x.tar", &format!("unknown scheme `oci-archiv:`; {unknown}"));
    check("oic:./x", &format!("unknown scheme `oic:`; {unknown}"));
    check(r"C:\disks\out", &format!("unknown scheme `C:`; {unknown}"));
    check("c:/disks/out", &format!("unknown scheme `c:`; {unknown}"));
}

#[test]
fn paths_are_not_sent_to_a_registry() {
    let check = |text: &str, expected: &str| {
        for usage in [NameUse::Source, NameUse::Target, NameUse::Output] {
            assert_eq!(parse(usage, text), expected, "{text} {usage:?}");
        }
        assert!(parse(NameUse::Registry, text).starts_with("error: "), "{text}");
    };
    check("one.tar", "oci-archive:one.tar");
    check("one.tar.gz", "oci-archive:one.tar.gz");
    check("sub.d/ONE.TAR.ZST:42", "oci-archive:sub.d/ONE.TAR.ZST:42");
    check("one.tgz:q.io/a:1", "oci-archive:one.tgz:q.io/a:1");
    check("image.tar", "oci-archive:image.tar");
    check("a:b.tar", "oci-archive:a:b.tar");
    check("./one.tar", "oci-archive:./one.tar");
    check("./out", "oci:./out");
    check("../out:42", "oci:../out:42");
    check("/srv/out", "oci:/srv/out");
    check(".", "oci:.");
    check("..:42", "oci:..:42");
    check("out/", "oci:out/");
    // The longest path that exists is the path.
    check("./a:b", "oci:./a:b");
    check("./a:b:42", "oci:./a:b:42");
    check("/srv/x:y:42", "oci:/srv/x:y:42");
    check("./out:", "error: write it as `oci:DIR` or `oci:DIR:TAG`");
}

#[test]
fn existing_directories_are_paths() {
    let check = |usage: NameUse, text: &str, expected: &str| {
        assert_eq!(parse(usage, text), expected, "{text} {usage:?}");
    };
    for usage in [NameUse::Source, NameUse::Target, NameUse::Output] {
        check(usage, "dir", "oci:dir");
        check(usage, "dir/", "oci:dir/");
        check(usage, "fedora", "oci:fedora");
        check(usage, "fedora:42", "oci:fedora:42");
        check(usage, "quay.io/me/kept", "oci:quay.io/me/kept");
        check(usage, "docker://fedora", "registry docker.io/library/fedora:latest");
        check(usage, "localhost:5000/a:1", "registry localhost:5000/a:1");
    }
    check(NameUse::Source, "noext", "oci-archive:noext");
    check(NameUse::Source, &format!("fedora@{}", digest()), &format!("oci:fedora@{}", digest()));
    // A directory that is no layout is one only by its whole name.
    check(NameUse::Source, "build:42", "registry docker.io/library/build:42");
    check(NameUse::Source, "registry:2", "registry docker.io/library/registry:2");
    // What was pulled once is in a directory of its name.
    check(NameUse::Registry, "fedora:42", "registry docker.io/library/fedora:42");
    check(NameUse::Registry, "fedora", "registry docker.io/library/fedora:latest");
    check(NameUse::Registry, "quay.io/me/kept", "registry quay.io/me/kept:latest");
}

#[test]
fn references_are_those_of_docker() {
    let check = |text: &str, expected: &str| {
        for usage in ALL {
            assert_eq!(parse(usage, text), expected, "{text} {usage:?}");
        }
    };
    check("quay.io/me/fedora:42", "registry quay.io/me/fedora:42");
    check("localhost/a:1", "registry localhost/a:1");
    check("[::1]:5000/a:1", "registry [::1]:5000/a:1");
    check(&format!("q.io/a:1@{}", digest()), &format!("registry q.io/a:1@{}", digest()));
    check(
        "q.io/A:1",
        "error: the repository `A` has upper-case letters; it looks like `quay.io/me/fedora:42`",
    );
    check("q.io/:1", "error: the repository is missing; it looks like `quay.io/me/fedora:42`");
    check("quay.io/me/", "error: `me/` is not a repository; it looks like `quay.io/me/fedora:42`");
}

#[test]
fn short_names_depend_on_the_use() {
    let check = |text: &str, source: &str, target: &str, output: &str| {
        assert_eq!(parse(NameUse::Source, text), source, "{text}");
        assert_eq!(parse(NameUse::Registry, text), source, "{text}");
        assert_eq!(parse(NameUse::Target, text), target, "{text}");
        assert_eq!(parse(NameUse::Output, text), output, "{text}");
    };
    let either = |text: &str, reference: &str| {
        format!(
            "error: `{text}` can be a directory or a registry: write `oci:DIR:TAG` or \
             `docker://{reference}`"
        )
    };
    let hub = "docker.io/library/out:latest";
    check("out", &format!("registry {hub}"), &either("out", hub), "oci:out");
    let hub = "docker.io/library/out:1";
    check("out:1", &format!("registry {hub}"), &either("out:1", hub), &either("out:1", hub));
    let hub = "docker.io/me/a:1";
    check("me/a:1", &format!("registry {hub}"), &format!("registry {hub}"), &either("me/a:1", hub));
    let hub = "docker.io/me/a:latest";
    check("me/a", &format!("registry {hub}"), &format!("registry {hub}"), "oci:me/a");
    let hub = "docker.io/build/a:latest";
    check("build/a", &format!("registry {hub}"), &either("build/a", hub), "oci:build/a");
    let full = "quay.io/me/a:latest";
    check(
        "quay.io/me/a",
        &format!("registry {full}"),
        &format!("registry {full}"),
        &either("quay.io/me/a", full),
    );
}

#[test]
fn digests_name_images_that_are_read() {
    let digest = digest();
    let check = |usage: NameUse, text: String, expected: String| {
        assert_eq!(parse(usage, &text), expected, "{text} {usage:?}");
    };
    check(NameUse::Source, format!("oci:out@{digest}"), format!("oci:out@{digest}"));
    check(NameUse::Source, format!("oci:out:{digest}"), format!("oci:out@{digest}"));
    check(NameUse::Source, format!("oci:out:42@{digest}"), format!("oci:out@{digest}"));
    check(NameUse::Source, format!("./out@{digest}"), format!("oci:./out@{digest}"));
    check(NameUse::Source, format!("a.tar@{digest}"), format!("oci-archive:a.tar@{digest}"));
    let refused = "error: an image cannot be given a digest; name it with a tag".to_owned();
    check(NameUse::Target, format!("oci:out@{digest}"), refused.clone());
    check(NameUse::Output, format!("a.tar@{digest}"), refused);
}

#[test]
fn disks_are_not_images() {
    let check = |usage: NameUse, text: &str, expected: &str| {
        let expected = expected.replace("DISK", text.split(':').next().unwrap());
        assert_eq!(parse(usage, text), format!("error: {expected}"), "{text} {usage:?}");
    };
    for usage in [NameUse::Source, NameUse::Registry] {
        for text in ["disk.qcow2", "./disk.qcow2", "gone.qcow2", "out/gone.raw"] {
            check(
                usage,
                text,
                "`DISK` is a disk and not an image; `diskette build DISK -t REF --push` makes an image of \
                 it and pushes it",
            );
        }
    }
    for usage in [NameUse::Target, NameUse::Output] {
        check(
            usage,
            "disk.qcow2",
            "`DISK` is the name of a disk, and an image is written; `diskette extract -o DISK` extracts \
             the disk of an image",
        );
    }
}
