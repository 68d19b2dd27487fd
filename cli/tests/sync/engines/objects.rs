//! Objects of Kubernetes in `deploy/`: what all of them have in common, and what the schemas of
//! Kubernetes' interface say.

use std::path::{Path, PathBuf};
use std::process::Command;

use diskette_integration::peer;
use diskette_integration::scene::Scene;
use serde_json::{Value, json};

use super::kubernetes::with_report;
use super::{deploy, objects};

/// Where `integration/engines.sh` puts the tools.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/engines");

/// Version of Kubernetes whose schemas are used.
const VERSION: &str = "1.33";

/// Returns a command of Python with the tools, if they are there.
pub(super) fn python(module: &str) -> Option<Command> {
    if !Path::new(TOOLS).join(module).exists() {
        peer::note_skipped(&format!("{module} is missing; integration/engines.sh gets it"));
        return None;
    }
    let mut command = peer::find("python3")?.command();
    command.env("PYTHONPATH", TOOLS);
    Some(command)
}

/// Checks files by Kubernetes' schemas, without any field that they do not have.
pub(super) fn check_by_schema(files: &[PathBuf]) {
    let Some(mut command) = python("kubernetes_validate") else { return };
    command.args(["-m", "kubernetes_validate", "--strict", "-k", VERSION]).args(files);
    super::succeed(command);
}

/// Panics unless a pod can do nothing that it need not.
pub(super) fn check_pod(pod: &Value) {
    assert_eq!(pod["automountServiceAccountToken"], false, "{pod:#}");
    let security = &pod["securityContext"];
    assert_eq!(security["runAsNonRoot"], true);
    assert_eq!(security["seccompProfile"], json!({ "type": "RuntimeDefault" }));
    for container in pod["containers"].as_array().unwrap() {
        let expected = json!({ "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] } });
        assert_eq!(container["securityContext"], expected);
        assert!(container["resources"]["limits"]["memory"].is_string());
        assert!(container["resources"]["requests"]["cpu"].is_string());
        let mounts = container["volumeMounts"].as_array().unwrap();
        let volumes: Vec<&Value> =
            pod["volumes"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
        assert!(mounts.iter().all(|mount| volumes.contains(&&mount["name"])), "{mounts:?}");
    }
}

#[test]
fn pods_have_no_more_rights_than_they_need() {
    for job in with_report() {
        check_pod(&job["spec"]["jobTemplate"]["spec"]["template"]["spec"]);
    }
}

#[test]
fn objects_are_what_the_interface_says() {
    let scene = Scene::new();
    let [sync, report] = with_report();
    let files = [("sync", sync), ("report", report)];
    let files =
        files.map(|(name, object)| scene.write(&format!("{name}.yaml"), object.to_string()));
    check_by_schema(&files);
    check_by_schema(&[deploy("kubernetes/report/results.yaml")]);
    let wrong = json!({ "apiVersion": "batch/v1", "kind": "CronJob", "spec": { "schedul": "x" } });
    let Some(mut command) = python("kubernetes_validate") else { return };
    let wrong = scene.write("wrong.yaml", wrong.to_string());
    command.args(["-m", "kubernetes_validate", "--strict", "-k", VERSION]).arg(wrong);
    assert!(!command.output().unwrap().status.success());
}

#[test]
fn kustomize_makes_what_is_expected() {
    let Some(kubectl) = peer::find_optional("kubectl") else {
        return peer::note_skipped("kubectl is not installed: kustomizations are not built");
    };
    let scene = Scene::new();
    let build = |path: &str| kubectl.run(["kustomize", deploy(path).to_str().unwrap()]);
    let base: Vec<Value> = serde_saphyr::from_multiple(&build("kubernetes/base")).unwrap();
    assert_eq!(base, objects("kubernetes/base/cronjob.yaml"));
    let text = build("kubernetes/example");
    check_by_schema(&[scene.write("example.yaml", &text)]);
    let made: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let mut kinds: Vec<&str> = made.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["ConfigMap", "CronJob", "CronJob", "PersistentVolumeClaim"]);
    assert!(made.iter().all(|object| object["metadata"]["namespace"] == "images"));
    // The numbers of the overlay, and the rest as the component has it.
    let catalogue = made.iter().find(|it| it["kind"] == "ConfigMap").unwrap();
    let catalogue = catalogue["metadata"]["name"].as_str().unwrap();
    for mut expected in with_report() {
        let name = expected["metadata"]["name"].clone();
        expected["metadata"]["namespace"] = "images".into();
        if name == "diskette-sync" {
            expected["spec"]["schedule"] = "7 1 * * *".into();
            expected["spec"]["jobTemplate"]["spec"]["completions"] = 8.into();
        }
        let text = expected.to_string().replace("auto/4", "auto/8").replace("shards=4", "shards=8");
        let text = text.replace(
            r#""configMap":{"name":"catalogue"}"#,
            &format!(r#""configMap":{{"name":"{catalogue}"}}"#),
        );
        let expected: Value = serde_json::from_str(&text).unwrap();
        let found = made.iter().find(|it| it["metadata"]["name"] == name).unwrap();
        assert_eq!(found, &expected);
    }
}
