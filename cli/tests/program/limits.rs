//! `docs/limits.md` is made from the constants of the program.

use std::fmt::Write as _;
use std::path::Path;

use snapbox::{assert_data_eq, file};

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Bytes,
    Count,
}

use Unit::{Bytes, Count};

/// What is limited, the file below `builder/src` or `cli/src` and the name of its constant.
const LIMITS: &[(&str, Unit, &str, &str)] = &[
    ("a spec, a Dockerfile or an ignore file", Bytes, "cli/src/files/mod.rs", "SPEC_MAX"),
    ("a line of a Dockerfile", Bytes, "builder/src/frontend/dockerfile/syntax/mod.rs", "LINE_MAX"),
    (
        "files, directories and links of all stages of a platform",
        Count,
        "builder/src/frontend/dockerfile/tree/mod.rs",
        "NODES_MAX",
    ),
    ("files of a base image", Count, "builder/src/frontend/dockerfile/base/reader.rs", "FILES_MAX"),
    (
        "a manifest, an index or a config",
        Bytes,
        "builder/src/oci/image/json.rs",
        "DOCUMENT_LEN_MAX",
    ),
    ("indexes in one another", Count, "builder/src/oci/walk/limits.rs", "depth"),
    ("manifests and indexes of an image", Count, "builder/src/oci/walk/limits.rs", "documents"),
    ("entries of all indexes of an image", Count, "builder/src/oci/walk/limits.rs", "entries"),
    ("all documents of an image", Bytes, "builder/src/oci/walk/limits.rs", "bytes"),
    ("layers of an image", Count, "builder/src/oci/walk/limits.rs", "layers"),
    ("members of an archive", Count, "builder/src/oci/store/archived.rs", "entries"),
    ("the head of a response", Bytes, "builder/src/net/http/head.rs", "HEAD_MAX"),
    ("headers of a response", Count, "builder/src/net/http/head.rs", "HEADERS_MAX"),
    ("interim responses before a response", Count, "builder/src/net/http/head.rs", "INTERIM_MAX"),
    ("redirects of a request", Count, "builder/src/net/http/redirect.rs", "HOPS_MAX"),
    (
        "a response of a token server",
        Bytes,
        "builder/src/registry/client/token_request.rs",
        "TOKEN_MAX",
    ),
    ("a page of tags or referrers", Bytes, "builder/src/registry/client/pages.rs", "PAGE_MAX"),
    ("pages of tags or referrers", Count, "builder/src/registry/client/pages.rs", "PAGES_MAX"),
    ("tags of a repository", Count, "builder/src/registry/client/tag_list.rs", "TAGS_MAX"),
    (
        "what is known of all referrers of an image",
        Bytes,
        "builder/src/oci/image/referrer.rs",
        "LIST_LEN_MAX",
    ),
    (
        "referrers that are read because their list does not have their artifact type; it is empty for others",
        Count,
        "builder/src/oci/referrers.rs",
        "UNTYPED_MAX",
    ),
    ("an auth file", Bytes, "builder/src/registry/credentials/file.rs", "AUTH_FILE_MAX"),
    ("a file of registries.conf", Bytes, "builder/src/registry/settings/mod.rs", "CONFIG_FILE_MAX"),
    ("a list of releases", Bytes, "builder/src/upstream/listing.rs", "LIST_MAX"),
    (
        "lists of releases that are kept in memory together; further ones are fetched again",
        Bytes,
        "builder/src/upstream/web.rs",
        "KEPT_LISTS_MAX",
    ),
    (
        "lists that an index of simplestreams names",
        Count,
        "builder/src/upstream/simplestreams.rs",
        "NAMED_LISTS_MAX",
    ),
    ("a source of a layer", Bytes, "builder/src/engine/source/mod.rs", "SIZE_MAX"),
    ("extents of a VMDK in several files", Count, "builder/src/disk/vmdk/split.rs", "EXTENTS_MAX"),
    ("a disk and its backing files", Count, "builder/src/disk/guest/chain.rs", "FILES_MAX"),
    ("the description in an OVA", Bytes, "builder/src/disk/ovf/mod.rs", "LEN_MAX"),
    (
        "a file with the headers or certificates of a download",
        Bytes,
        "builder/src/engine/source/request_files.rs",
        "LEN_MAX",
    ),
    (
        "the table of contents of a layer in zstd:chunked; with a longer one, the whole layer is requested",
        Bytes,
        "builder/src/oci/toc.rs",
        "TOC_LEN_MAX",
    ),
    (
        "entries of that table; it is as one that is too long",
        Count,
        "builder/src/oci/toc.rs",
        "ENTRIES_MAX",
    ),
    (
        "images of a layout whose chunks a pull reuses; chunks of others are requested",
        Count,
        "builder/src/oci/reuse/chunks.rs",
        "IMAGES_MAX",
    ),
    (
        "chunks of a layout that a pull reuses; others are requested",
        Count,
        "builder/src/oci/reuse/chunks.rs",
        "CHUNKS_MAX",
    ),
    (
        "ranges of a layer that `extract --seed` requests; what lies between some is requested, too",
        Count,
        "builder/src/inspect/extract/seed/plan.rs",
        "REQUESTS_MAX",
    ),
    (
        "layers that the cache lists, whose compressed chunks a build reuses",
        Count,
        "builder/src/engine/recent_layers.rs",
        "LAYERS_MAX",
    ),
    (
        "chunks of them that are looked up for a layer; others are compressed",
        Count,
        "builder/src/engine/layer/known_frames.rs",
        "FRAMES_MAX",
    ),
    ("packages of a guest", Count, "builder/src/sbom/inventory.rs", "PACKAGES_MAX"),
    (
        "names and versions of its packages together",
        Bytes,
        "builder/src/sbom/inventory.rs",
        "TEXT_MAX",
    ),
    (
        "reads of a file system of a guest",
        Count,
        "builder/src/disk/file_system/limits.rs",
        "READS_MAX",
    ),
    ("bytes of them together", Bytes, "builder/src/disk/file_system/limits.rs", "BYTES_MAX"),
];

/// Returns the value of a constant, or of a field of one, as the source has it.
fn constant(file: &str, name: &str) -> u64 {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join(file)).unwrap();
    let value = text.lines().find_map(|line| {
        let line = line.trim();
        let (declared, value) = match line.split_once(" = ") {
            Some((declared, value)) => (declared.split(':').next()?, value),
            None => line.split_once(": ")?,
        };
        let value = value.trim_end_matches([';', ',']);
        let is_number = value.starts_with(|letter: char| letter.is_ascii_digit());
        (declared.rsplit(' ').next() == Some(name) && is_number).then(|| evaluate(value))
    });
    value.unwrap_or_else(|| panic!("`{name}` is not in {file}"))
}

/// Evaluates a number, a product, a difference or a shift.
fn evaluate(text: &str) -> u64 {
    let two = |separator: &str| {
        let (left, right) = text.split_once(separator)?;
        Some((evaluate(left), evaluate(right)))
    };
    if let Some((left, right)) = two(" - ") {
        return left - right;
    }
    if let Some((left, right)) = two(" << ") {
        return left << right;
    }
    if let Some((left, right)) = two(" * ") {
        return left * right;
    }
    text.replace('_', "").parse().unwrap_or_else(|_| panic!("`{text}` is not a number"))
}

/// Returns a number as it is shown.
fn shown(value: u64, unit: Unit) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let fits = |(shift, _): &&(u32, &str)| value != 0 && value.trailing_zeros() >= *shift;
    match units.iter().find(fits) {
        Some((shift, name)) if unit == Bytes => format!("{} {name}", value >> shift),
        _ => {
            let digits = value.to_string();
            let groups = digits.as_bytes().rchunks(3).rev();
            let groups: Vec<_> = groups.map(|group| String::from_utf8_lossy(group)).collect();
            let number = groups.join(",");
            if unit == Bytes { format!("{number} bytes") } else { number }
        }
    }
}

#[test]
fn limits_are_those_of_the_program() {
    let mut page = String::from(
        "# Limits\n\nWhat comes from outside is bounded, so that a small input causes little work. What exceeds a limit is an error, \
         unless the table says otherwise. This table is made from the\nconstants of the program by a test (`cli/tests/program/limits.rs`).\n\n\
         | limited | at most |\n|---|---|\n",
    );
    for (what, unit, file, name) in LIMITS {
        writeln!(page, "| {what} | {} |", shown(constant(file, name), *unit)).unwrap();
    }
    let rate = constant("builder/src/net/http/progress.rs", "RATE_MIN");
    writeln!(
        page,
        "\nTime: a server may be silent for `--timeout` seconds (60 unless it is said), and a request is tried again `--retry` times (5). From the first \
         byte on, a server that\nsends or accepts fewer than {rate} bytes per second for `--timeout` seconds of waiting is given up as a silent one is: \
         otherwise a byte from time to time would hold the program\nfor ever. This one rule holds for handshakes, proxies, headers, documents and blobs, in \
         both directions. A document has no limit of its whole time beside that, since\nits length is limited, and a blob has none since a slow line needs \
         hours for it. The end of an upload may take longer: the registry has five minutes and a second for each\n20 MiB, unless `--timeout` is below 30."
    )
    .unwrap();
    assert_data_eq!(page, file!["../../../docs/limits.md"].raw());
}

#[test]
fn numbers_are_read_and_shown() {
    let check = |text: &str, unit: Unit, expected: &str| {
        assert_eq!(shown(evaluate(text), unit), expected, "{text}");
    };
    check("4 << 20", Bytes, "4 MiB");
    check("64 * 1024", Bytes, "64 KiB");
    check("64 * 1024 - 1", Bytes, "65,535 bytes");
    check("1_000_000", Count, "1,000,000");
    check("100", Count, "100");
    check("16 << 40", Bytes, "16 TiB");
}
