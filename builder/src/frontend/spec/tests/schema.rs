//! The JSON Schema of specs, and the examples.

use snapbox::assert_data_eq;

use super::super::*;
use super::{EXAMPLES, load_recipes, source};

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
        (machine("", "{disks: {root: a}}"), true),
        (machine("", "{disks: {root: a}, compression: zstd}"), true),
        (machine("", "{disk: a}"), false),
        (machine("format: artifact, ", "{disks: {root: a}}"), false),
        (artifact("", "{disk: a}"), true),
        (artifact("annotations: {a: b}, kind: image, ", "{disk: {path: a, convert: qcow2}}"), true),
        (artifact("labels: {a: b}, ", "{disk: a}"), false),
        (artifact("compression: none, ", "{disk: a}"), false),
        (artifact("", "{disk: a, path: /a}"), false),
        (artifact("", "{disk: a, env: {A: b}}"), false),
        (format!("{{apiVersion: diskette/v1, format: oci, env: {{A: b}}, {platforms}}}"), true),
        (format!("{{apiVersion: diskette/v1, format: docker, {platforms}}}"), false),
        (machine("", "{disks: {root: a}, path: /a}"), false),
        (machine("env: {A: b}, ", "{disks: {root: a}}"), false),
        (format!("{{apiVersion: diskette/v1, kind: vm, {platforms}}}"), false),
        (format!("{{apiVersion: diskette/v1, vm: a, {platforms}}}"), false),
        (format!("{{apiVersion: diskette/v1, kind: image, {platforms}}}"), true),
        (format!("{{apiVersion: diskette/v1, kind: pod, {platforms}}}"), false),
        ("{apiVersion: diskette/v1, platforms: {amd64: {disks: {root: a}}}}".into(), false),
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
        (format!("{{apiVersion: diskette/v1, subject: 'oci:a:b', {platforms}}}"), true),
        (format!("{{apiVersion: diskette/v1, subject: 1, {platforms}}}"), false),
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
fn the_schema_and_the_reader_agree_on_catalogues() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (rest, expected) in [
        ("platforms: [amd64]", true),
        ("format: artifact, platforms: [amd64]", true),
        ("format: artifact, platforms: {amd64: {release: {file: a}}}", true),
        ("format: artifact, platforms: {amd64: {env: {A: b}}}", false),
        ("format: artifact, platforms: [amd64], labels: {a: b}", false),
        ("kind: vm, vm: a, platforms: [amd64]", false),
    ] {
        let text = format!(
            "{{apiVersion: diskette/v1, image: q.io/a, release: {{from: debian-cloud, url: 'https://a/b'}}, {rest}}}"
        );
        let document: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(load_catalogue(&source(&text)).is_ok(), expected, "{text}");
        assert_eq!(validator.is_valid(&document), expected, "{text}");
    }
}

#[test]
fn the_machine_of_an_ova_has_its_disks() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (rest, expected) in [
        ("vm: {ova: a.ova}, platforms: {amd64: {}}", true),
        ("vm: {ova: a.ova}, platforms: {amd64: {disks: {data: a}}}", true),
        ("vm: {ova: a.ova, disk: 1}, platforms: {amd64: {}}", false),
        ("vm: a.yaml, platforms: {amd64: {}}", false),
        ("vm: {ova: a.ova}, platforms: {amd64: {disk: a}}", false),
    ] {
        let text = format!("{{apiVersion: diskette/v1, kind: vm, {rest}}}");
        let document: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(validator.is_valid(&document), expected, "{text}");
    }
}

/// Returns the spec of a disk artifact.
fn artifact(rest: &str, platform: &str) -> String {
    format!("{{apiVersion: diskette/v1, format: artifact, {rest}platforms: {{amd64: {platform}}}}}")
}

/// Returns the spec of a virtual machine.
fn machine(rest: &str, platform: &str) -> String {
    let volume = "{name: root, persistentVolumeClaim: {claimName: r}}";
    let object = format!(
        "{{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {{name: a}}, spec: {{template: {{spec: \
         {{volumes: [{volume}]}}}}}}}}"
    );
    format!(
        "{{apiVersion: diskette/v1, kind: vm, vm: {object}, {rest}platforms: {{amd64: {platform}}}}}"
    )
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
    assert_data_eq!(
        schema(),
        snapbox::file!["../../../../../spec-files/diskette.schema.json"].raw()
    );
}
