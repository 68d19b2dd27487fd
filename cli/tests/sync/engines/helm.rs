//! The chart of Helm, rendered by Helm's own library.

use diskette_integration::scene::Scene;
use serde_json::{Value, json};

use super::kubernetes::{container, with_report};
use super::objects::{check_by_schema, check_pod, python};
use super::{deploy, texts};

/// Prints the rendered templates by name, or the error.
const RENDER: &str = "
import json, sys, helm_python as helm
try:
    with helm.Chart.load(sys.argv[1]) as chart:
        values = json.loads(sys.argv[2])
        chart.validate_schema(values)
        print(json.dumps(chart.render(values=values, name='diskette-sync')))
except helm.HelmError as error:
    print(json.dumps({'error': str(error)}))";

fn render(values: &Value) -> Option<Value> {
    let mut command = python("helm_python")?;
    let chart = deploy("helm/diskette-sync");
    command.args(["-c", RENDER]).arg(chart).arg(values.to_string());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", super::said(&output));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn rendered(values: &Value) -> Option<Vec<Value>> {
    let found = render(values)?;
    let scene = Scene::new();
    let mut objects = Vec::new();
    for (number, text) in found.as_object().unwrap().values().enumerate() {
        let text = text.as_str().unwrap_or_else(|| panic!("{found}"));
        if text.trim().is_empty() {
            continue;
        }
        check_by_schema(&[scene.write(&format!("{number}.yaml"), text)]);
        objects.extend(serde_saphyr::from_multiple::<Value>(text).unwrap());
    }
    Some(objects)
}

fn find<'v>(objects: &'v [Value], name: &str) -> &'v Value {
    let mut found = objects.iter();
    found.find(|it| it["metadata"]["name"] == name).unwrap_or_else(|| panic!("{name}"))
}

/// What the chart makes by default is what the kustomization has.
#[test]
fn the_chart_makes_the_same_jobs() {
    let values = json!({ "catalogueConfigMap": "catalogue", "report": { "enabled": true } });
    let Some(objects) = rendered(&values) else { return };
    for mut expected in with_report() {
        let text =
            expected.to_string().replace("\"diskette-results\"", "\"diskette-sync-results\"");
        expected = serde_json::from_str(&text).unwrap();
        let name = match expected["metadata"]["name"].as_str().unwrap() {
            "diskette-report" => "diskette-sync-report",
            name => name,
        };
        let mut found = find(&objects, name).clone();
        // Labels, and the order of arguments and mounts, may differ.
        found["metadata"] = expected["metadata"].clone();
        let pod = &mut found["spec"]["jobTemplate"]["spec"]["template"];
        pod.as_object_mut().unwrap().remove("metadata");
        check_pod(&pod["spec"]);
        assert_eq!(found, expected);
    }
    assert_eq!(objects.len(), 3);
}

#[test]
fn values_of_the_chart_are_used() {
    let values = json!({
        "catalogue": { "fedora.yaml": "a: 1\nb: |\n  c\n", "keys.asc": "x" }, "shards": 9,
        "parallelism": 3, "workers": 5, "registrySecret": "", "targetRegistry": "quay.io/me",
        "extraArgs": ["--rewrite-url=https://a.example=\"b\""], "image": { "tag": "1.2.3" },
    });
    let Some(objects) = rendered(&values) else { return };
    assert_eq!(objects.len(), 2);
    assert_eq!(find(&objects, "diskette-sync-catalogue")["data"], values["catalogue"]);
    let sync = find(&objects, "diskette-sync");
    let expected = [
        "sync",
        "/catalogue",
        "--shard=auto/9",
        "--workers=5",
        "--no-cache",
        "--progress=plain",
        "--target-registry=quay.io/me",
        "--rewrite-url=https://a.example=\"b\"",
    ];
    assert_eq!(texts(&container(sync)["args"]), expected);
    assert_eq!(container(sync)["image"], "ghcr.io/diskette/diskette:1.2.3");
    let job = &sync["spec"]["jobTemplate"]["spec"];
    assert_eq!((&job["completions"], &job["parallelism"]), (&9.into(), &3.into()));
    check_pod(&job["template"]["spec"]);
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let check = |values: Value, expected: &str| {
        let Some(found) = render(&values) else { return };
        let error = found["error"].as_str().unwrap_or_default();
        assert!(error.contains(expected), "{values}: {found}");
    };
    check(json!({}), "set catalogue, or catalogueConfigMap");
    check(json!({ "catalogueConfigMap": "c", "shards": 0 }), "shards");
    check(json!({ "catalogueConfigMap": "c", "shard": 4 }), "shard");
}
