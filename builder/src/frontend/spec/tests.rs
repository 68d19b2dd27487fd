use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use snapbox::{IntoData, assert_data_eq, str};

use super::*;
use crate::compression::CompressionFormat;
use crate::oci::image::config::ImageConfig;
use crate::oci::image::platform::Platform;
use crate::oci::tar::Owner;
use crate::recipe::{
    Checksum, LayerEntry, LayerEntryKind, LayerRecipe, PlatformRecipe, RecipeStep, SourceLocation,
    SourceRecipe, SourceRole,
};

const EXAMPLES: [(&str, &str); 4] = [
    ("catalogue.yaml", include_str!("../../../../spec-files/catalogue.yaml")),
    ("demo.yaml", include_str!("../../../../spec-files/demo.yaml")),
    ("fedora.yaml", include_str!("../../../../spec-files/fedora.yaml")),
    ("kernel-boot.yaml", include_str!("../../../../spec-files/kernel-boot.yaml")),
];

fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { name: "diskette.yaml".into(), text: text.into() })
}

/// Compares all that the recipes of a good spec hold.
fn check(text: &str, expected: impl IntoData) {
    let recipes = load_recipes(&source(text)).unwrap();
    let shown: String = recipes.iter().map(show).collect();
    assert_data_eq!(shown, expected.raw());
}

fn show(recipe: &Recipe) -> String {
    let mut shown = String::from("image");
    recipe.names.iter().for_each(|name| write!(shown, " {name}").unwrap());
    writeln!(shown, " {:?}", recipe.annotations).unwrap();
    for Diagnostic { message, span, .. } in &recipe.warnings {
        writeln!(shown, "warning {}: {message}", span.as_ref().unwrap()).unwrap();
    }
    for platform in &recipe.platforms {
        let env: BTreeMap<&str, &str> = platform.config.env().collect();
        let labels = platform.config.labels();
        writeln!(shown, "{}\n  env {env:?} labels {labels:?}", platform.platform).unwrap();
        for layer in platform.layers() {
            writeln!(shown, "  layer {}", layer.history).unwrap();
            layer.entries.iter().for_each(|entry| show_entry(entry, &mut shown));
        }
    }
    shown
}

fn show_entry(entry: &LayerEntry, shown: &mut String) {
    let LayerEntry { path, kind, mode, owner: Owner { uid, gid }, .. } = entry;
    write!(shown, "    {mode:o} {uid}:{gid} {path}").unwrap();
    if let LayerEntryKind::File(SourceRecipe {
        location,
        compression: packing,
        checksum,
        origin,
        convert,
        role,
        ..
    }) = kind
    {
        let origin = origin.as_ref().unwrap();
        write!(shown, " <- {role:?} {location:?} {packing:?} {checksum:?} at {origin}").unwrap();
        if let Some(convert) = convert {
            write!(shown, " as {convert}").unwrap();
        }
    }
    shown.push('\n');
}

#[test]
fn disks_get_names_that_cdi_imports() {
    let check = |disk: &str, name: &str, warning: &str| {
        let text = format!("apiVersion: diskette/v1\nplatforms: {{amd64: {{disk: {disk}}}}}");
        let recipes = load_recipes(&source(&text)).unwrap();
        let layer = recipes[0].platforms[0].layers().next().unwrap();
        assert_eq!(layer.entries[1].path, format!("disk/{name}"), "{disk}");
        let warnings = &recipes[0].warnings;
        assert!(warnings.iter().all(|warning| warning.rule == Some("disk-name")), "{disk}");
        let shown: Vec<&str> = warnings.iter().map(|warning| &*warning.message).collect();
        assert_eq!(shown.join("\n"), warning, "{disk}");
    };
    check("a/my_disk+1.qcow2", "my_disk+1.qcow2", "");
    let renamed = "`my disk.qcow2` is named `my-disk.qcow2` in the image: its name has a space";
    check("my disk.qcow2", "my-disk.qcow2", renamed);
    check("my dir/my disk.qcow2.xz", "my-disk.qcow2", renamed);
    check(
        "{path: my disk.vmdk, convert: raw}",
        "my-disk.img",
        "`my disk.img` is named `my-disk.img` in the image: its name has a space",
    );
    check(
        "info",
        "disk-info",
        "`info` is named `disk-info` in the image: CDI's server on the node has another answer at `/info`",
    );
    check("{path: my disk.qcow2, name: a.qcow2}", "a.qcow2", "");
    check(
        "{path: a.qcow2, name: my disk.qcow2}",
        "my disk.qcow2",
        "CDI cannot import the disk `my disk.qcow2`: its name has a space",
    );
}

#[test]
fn disks_may_be_outside_the_directory() {
    let check = |disk: &str, expected: &str| {
        let text = format!("apiVersion: diskette/v1\nplatforms: {{amd64: {{{disk}}}}}");
        let shown = match load_recipes(&source(&text)) {
            Ok(recipes) => {
                assert!(recipes[0].warnings.is_empty(), "{disk}");
                let layers = recipes[0].platforms[0].layers();
                let paths = |layer: &LayerRecipe| {
                    let paths: Vec<&str> = layer.entries.iter().map(|it| &*it.path).collect();
                    paths.join(" ")
                };
                layers.map(paths).collect::<Vec<_>>().join("; ")
            }
            Err(problems) => problems.iter().map(|it| &*it.message).collect::<Vec<_>>().join("; "),
        };
        assert_eq!(shown, expected, "{disk}");
    };
    check("disk: a b.raw, path: /images/vm/a b.raw", "images images/vm images/vm/a b.raw");
    check("disk: {path: .raw.xz}, path: /vm", "vm");
    check("disk: a, path: /vm, files: [{path: /b/c, source: d}]", "vm; b b/c");
    let files = "disk: a, path: /x/vm, files: [{path: /x/vm, source: d}]";
    check(files, "two files at `/x/vm`");
    let files = "disk: a, path: /x/vm, files: [{path: /x, source: d}]";
    check(files, "`/x` must be a directory, since `/x/vm` is in it");
    check("disk: a, path: vm", "`vm` is not an absolute path");
    check("disk: a, path: /a/../b", "`/a/../b` is not a plain path of a file");
    check("disk: a, path: /disk/vm", "`path` is for a disk outside `/disk`");
    check("disk: a, path: /proc/vm", "no file can have the path `/proc/vm`");
    check("disk: {path: a, name: b}, path: /c", "both `path` and `name` say where the disk is");
}

#[test]
fn a_spec_becomes_a_recipe() {
    let text = "{apiVersion: diskette/v1, image: me, platforms: {arm64: {disk: a.qcow2}}}";
    let source = source(text);
    let at = text.find("a.qcow2").unwrap();
    let owner = Owner { uid: 107, gid: 107 };
    let disk = SourceRecipe {
        origin: Some(crate::recipe::diagnostic::Span::new(&source, at..at + "a.qcow2".len())),
        ..SourceRecipe::new(SourceLocation::path("a.qcow2"), SourceRole::Disk)
    };
    let platform = PlatformRecipe {
        platform: Platform { os: "linux".into(), architecture: "arm64".into(), variant: None },
        base: None,
        steps: vec![RecipeStep::Layer(LayerRecipe {
            history: "disk/a.qcow2".into(),
            entries: vec![
                LayerEntry::new("disk", LayerEntryKind::Directory, 0o555, owner),
                LayerEntry::new("disk/a.qcow2", LayerEntryKind::File(disk), 0o444, owner),
            ],
        })],
        config: ImageConfig::new(&"linux/arm64".parse().unwrap()),
        entry_annotations: [].into(),
        annotations: BTreeMap::new(),
    };
    let names = vec!["docker.io/library/me:latest".parse().unwrap()];
    let recipe = Recipe {
        names,
        platforms: vec![platform],
        annotations: [].into(),
        index_annotations: [].into(),
        warnings: Vec::new(),
    };
    assert_eq!(load_recipes(&source), Ok(vec![recipe]));
}

#[test]
fn what_is_left_out_is_filled_in() {
    check(
        "apiVersion: diskette/v1\nplatforms: {amd64: {disk: /disks/Fedora 42.qcow2}}\n",
        str![[r#"
image {}
warning diskette.yaml:2:27: `Fedora 42.qcow2` is named `Fedora-42.qcow2` in the image: its name has a space
linux/amd64
  env {} labels {}
  layer disk/Fedora-42.qcow2
    555 107:107 disk
    444 107:107 disk/Fedora-42.qcow2 <- Disk File(InputFile { directory: "", path: "/disks/Fedora 42.qcow2" }) None None at diskette.yaml:2:27

"#]],
    );
    check(
        r#"apiVersion: diskette/v1
image: localhost:5000/me/fedora
tags: ["42", latest]
platforms:
  linux/arm/v7: {disk: a.qcow2.XZ}
  s390x: {disk: "https://example.com/images/b.raw.gz?token=1#top"}
  "386": {disk: {path: c.qcow2.zst, unpack: none}}
  riscv64: {disk: {path: d, unpack: bz2, name: d.img}}
"#,
        str![[r#"
image localhost:5000/me/fedora:42 localhost:5000/me/fedora:latest {}
linux/arm/v7
  env {} labels {}
  layer disk/a.qcow2
    555 107:107 disk
    444 107:107 disk/a.qcow2 <- Disk File(InputFile { directory: "", path: "a.qcow2.XZ" }) Some(Xz) None at diskette.yaml:5:24
linux/s390x
  env {} labels {}
  layer disk/b.raw
    555 107:107 disk
    444 107:107 disk/b.raw <- Disk Url("https://example.com/images/b.raw.gz?token=1#top") Some(Gzip) None at diskette.yaml:6:17
linux/386
  env {} labels {}
  layer disk/c.qcow2.zst
    555 107:107 disk
    444 107:107 disk/c.qcow2.zst <- Disk File(InputFile { directory: "", path: "c.qcow2.zst" }) None None at diskette.yaml:7:24
linux/riscv64
  env {} labels {}
  layer disk/d.img
    555 107:107 disk
    444 107:107 disk/d.img <- Disk File(InputFile { directory: "", path: "d" }) Some(Bzip2) None at diskette.yaml:8:26

"#]],
    );
}

#[test]
fn a_platform_goes_before_the_rest() {
    check(
        r#"apiVersion: diskette/v1
platforms:
  amd64: {disk: a}
  arm64:
    disk: a
    kubevirt: {preference: fedora.arm64, labels: {kubevirt.io/b: "2"}}
    env: {B: own, C: own}
    labels: {b: own}
    files: [{path: /boot/dtb/board.dtb, source: {url: https://example.com/x.gz, unpack: gz}}]
kubevirt:
  instancetype: u1.medium
  instancetypeKind: VirtualMachineClusterInstancetype
  preference: fedora
  preferenceKind: VirtualMachineClusterPreference
  labels: {kubevirt.io/a: "", kubevirt.io/b: "1", a.b.kubevirt.io/c-d: x_Y.z}
files:
  - {path: /boot/vmlinuz, source: vmlinuz}
  - {path: /boot-x, source: initramfs.gz}
env: {A: top, B: top, KUBEVIRT_IO_Z: z}
labels: {a: top, b: top}
annotations: {x: y, empty: ""}
"#,
        str![[r#"
image {"empty": "", "x": "y"}
linux/amd64
  env {"A": "top", "A_B_KUBEVIRT_IO_C_D": "x_Y.z", "B": "top", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE": "u1.medium", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE_KIND": "VirtualMachineClusterInstancetype", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE": "fedora", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE_KIND": "VirtualMachineClusterPreference", "KUBEVIRT_IO_A": "", "KUBEVIRT_IO_B": "1", "KUBEVIRT_IO_Z": "z"} labels {"a": "top", "b": "top"}
  layer disk/a
    555 107:107 disk
    444 107:107 disk/a <- Disk File(InputFile { directory: "", path: "a" }) None None at diskette.yaml:3:17
  layer boot-x, boot/vmlinuz
    555 107:107 boot
    444 107:107 boot-x <- File File(InputFile { directory: "", path: "initramfs.gz" }) None None at diskette.yaml:18:29
    444 107:107 boot/vmlinuz <- File File(InputFile { directory: "", path: "vmlinuz" }) None None at diskette.yaml:17:35
linux/arm64
  env {"A": "top", "A_B_KUBEVIRT_IO_C_D": "x_Y.z", "B": "own", "C": "own", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE": "u1.medium", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE_KIND": "VirtualMachineClusterInstancetype", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE": "fedora.arm64", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE_KIND": "VirtualMachineClusterPreference", "KUBEVIRT_IO_A": "", "KUBEVIRT_IO_B": "2", "KUBEVIRT_IO_Z": "z"} labels {"a": "top", "b": "own"}
  layer disk/a
    555 107:107 disk
    444 107:107 disk/a <- Disk File(InputFile { directory: "", path: "a" }) None None at diskette.yaml:5:11
  layer boot-x, boot/dtb/board.dtb, boot/vmlinuz
    555 107:107 boot
    444 107:107 boot-x <- File File(InputFile { directory: "", path: "initramfs.gz" }) None None at diskette.yaml:18:29
    555 107:107 boot/dtb
    444 107:107 boot/dtb/board.dtb <- File Url("https://example.com/x.gz") Some(Gzip) None at diskette.yaml:9:55
    444 107:107 boot/vmlinuz <- File File(InputFile { directory: "", path: "vmlinuz" }) None None at diskette.yaml:17:35

"#]],
    );
}

#[test]
fn checksums_are_read_in_all_their_forms() {
    let sha256 = "0123456789abcdef".repeat(4);
    for given in [sha256.clone(), sha256.to_uppercase(), format!("sha256:{sha256}")] {
        let text = format!(
            "{{apiVersion: diskette/v1, platforms: {{amd64: {{disk: {{path: a, sha256: '{given}'}}}}}}}}"
        );
        let recipes = load_recipes(&source(&text)).unwrap();
        let LayerEntryKind::File(disk) =
            &recipes[0].platforms[0].layers().next().unwrap().entries[1].kind
        else {
            panic!("the disk is a file");
        };
        assert_eq!(disk.checksum, Some(Checksum::Sha256(sha256.clone())));
        assert_eq!(disk.compression, None::<CompressionFormat>);
    }
}

#[test]
fn the_ways_of_yaml_are_understood() {
    check(
        "\u{feff}# Windows was here\r\napiVersion: diskette/v1\r\nenv: {A: &a 'x: y', B: *a}\r\nplatforms:\r\n  amd64:\r\n    disk: >-\r\n      a.qcow2\r\n",
        str![[r#"
image {}
linux/amd64
  env {"A": "x: y", "B": "x: y"} labels {}
  layer disk/a.qcow2
    555 107:107 disk
    444 107:107 disk/a.qcow2 <- Disk File(InputFile { directory: "", path: "a.qcow2" }) None None at diskette.yaml:7:7

"#]],
    );
    check(
        "---\napiVersion: \"diskette/v1\"\nplatforms: {amd64: {disk: a}}\n...\n---\n---\n{apiVersion: diskette/v1, env: {ON: no, OFF: off, D: 2026-01-01, V: 1.2.3}, platforms: {amd64: {disk: !!str 42}}}\n",
        str![[r#"
image {}
linux/amd64
  env {} labels {}
  layer disk/a
    555 107:107 disk
    444 107:107 disk/a <- Disk File(InputFile { directory: "", path: "a" }) None None at diskette.yaml:3:27
image {}
linux/amd64
  env {"D": "2026-01-01", "OFF": "off", "ON": "no", "V": "1.2.3"} labels {}
  layer disk/42
    555 107:107 disk
    444 107:107 disk/42 <- Disk File(InputFile { directory: "", path: "42" }) None None at diskette.yaml:7:109

"#]],
    );
}

#[test]
fn too_large_a_text_is_refused() {
    let problems = load_recipes(&source(&"#".repeat(2 << 20))).unwrap_err();
    assert_eq!(problems[0].to_string(), "`diskette.yaml` is larger than 1 MiB");
}

#[test]
fn the_examples_are_good_and_fit_the_schema() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, text) in EXAMPLES {
        assert!(
            text.starts_with("# yaml-language-server: $schema=diskette.schema.json\n"),
            "{name}"
        );
        let recipes = load_recipes(&source(text)).unwrap();
        let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(text).unwrap();
        assert_eq!(recipes.len(), documents.len(), "{name}");
        for document in &documents {
            let errors: Vec<String> =
                validator.iter_errors(document).map(|error| error.to_string()).collect();
            assert_eq!(errors, [""; 0], "{name}");
        }
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let platforms = "platforms: {amd64: {disk: a}}";
    for (text, expected) in [
        (format!("{{apiVersion: diskette/v1, {platforms}}}"), true),
        (format!("{{apiVersion: diskette/v2, {platforms}}}"), false),
        (format!("{{{platforms}}}"), false),
        ("{apiVersion: diskette/v1}".into(), false),
        ("{apiVersion: diskette/v1, platforms: {}}".into(), false),
        ("{apiVersion: diskette/v1, platforms: {amd64: a}}".into(), false),
        ("{apiVersion: diskette/v1, platforms: {amd64: {}}}".into(), false),
        (
            "{apiVersion: diskette/v1, platforms: {amd64: {disk: {path: a, url: 'http://b/c'}}}}"
                .into(),
            false,
        ),
        (format!("{{apiVersion: diskette/v1, image: null, {platforms}}}"), false),
        (format!("{{apiVersion: diskette/v1, image: a, tags: [], {platforms}}}"), false),
        (format!("{{apiVersion: diskette/v1, image: a, tags: [42], {platforms}}}"), false),
        (format!("{{apiVersion: diskette/v1, env: {{A: 1}}, {platforms}}}"), false),
        (format!("{{apiVersion: diskette/v1, author: me, {platforms}}}"), false),
        (
            format!(
                "{{apiVersion: diskette/v1, files: [{{path: /disk.img, source: a}}], {platforms}}}"
            ),
            false,
        ),
        (
            format!("{{apiVersion: diskette/v1, kubevirt: {{labels: {{app: a}}}}, {platforms}}}"),
            false,
        ),
        (format!("{{apiVersion: diskette/v1, kubevirt: {{preference: a b}}, {platforms}}}"), false),
    ] {
        let document: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(load_recipes(&source(&text)).is_ok(), expected, "{text}");
        assert_eq!(validator.is_valid(&document), expected, "{text}");
    }
}

#[test]
fn the_schema_has_the_keys_that_are_read() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let mut of_schema: Vec<Vec<String>> = vec![properties(&schema)];
    of_schema.extend(schema["$defs"].as_object().unwrap().values().map(properties));
    of_schema.retain(|keys| !keys.is_empty());
    of_schema.sort();
    let sorted = |keys: &[&str]| {
        let mut keys: Vec<String> = keys.iter().copied().map(String::from).collect();
        keys.sort();
        keys
    };
    let mut of_reader: Vec<Vec<String>> =
        keys::ALL_KEYS.iter().map(|(_, keys)| sorted(keys)).collect();
    of_reader.sort();
    assert_eq!(of_schema, of_reader);
}

fn properties(schema: &serde_json::Value) -> Vec<String> {
    let properties = schema["properties"].as_object();
    let mut keys: Vec<String> =
        properties.into_iter().flat_map(|map| map.keys().cloned()).collect();
    keys.sort();
    keys
}

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    // Made anew by running this test with SNAPSHOTS=overwrite.
    assert_data_eq!(schema(), snapbox::file!["../../../../spec-files/diskette.schema.json"].raw());
}

/// Loads a text and looks at every place that is pointed at.
fn load_anything(text: &str) {
    let source = source(text);
    let Err(problems) = load_recipes(&source) else { return };
    assert!(!problems.is_empty(), "{text:?}");
    for problem in problems {
        assert!(!problem.message.is_empty() && !problem.help.is_empty(), "{problem:?}");
        let span = problem.span.as_ref();
        assert!(span.is_none_or(|span| text.get(span.range.clone()).is_some()), "{problem:?}");
        assert!(problem.to_string().ends_with(&problem.message));
    }
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "[\\PC\n\t\r]{0,200}") {
        load_anything(&text);
    }

    #[test]
    fn no_yaml_is_too_odd(text in "([a-c]|é|[ \n:\\-\\[\\]{},'\"&*!|>%@#?.\t\r]){0,80}") {
        load_anything(&text);
    }

    #[test]
    fn no_change_to_a_spec_is_too_odd(
        example in 0..EXAMPLES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, "([ \n:\\-\\[\\]{},'\"&*!~]|\\PC){0,3}"), 1..4),
    ) {
        let mut text: Vec<char> = EXAMPLES[example].1.chars().collect();
        for (at, length, new) in changes {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, new.chars());
        }
        load_anything(&text.into_iter().collect::<String>());
    }
}
