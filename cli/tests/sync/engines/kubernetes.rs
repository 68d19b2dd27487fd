//! The objects `CronJob` of Kubernetes.

use std::collections::BTreeMap;

use diskette_integration::server::ServerAnswer;
use serde_json::Value;

use super::{Site, deploy, fill, kill, map, objects, said, succeed, texts};

/// What is mounted, and where it is in the scene.
const MOUNTS: [(&str, &str); 4] = [
    ("/catalogue", "catalogue"),
    ("/registry", "registry"),
    ("/results", "results"),
    ("/tmp", "tmp"),
];

/// Returns the sync with what the component adds to it, and the report.
pub(super) fn with_report() -> [Value; 2] {
    let mut sync = objects("kubernetes/base/cronjob.yaml").swap_remove(0);
    let component = objects("kubernetes/report/kustomization.yaml").swap_remove(0);
    let patch = component["patches"][0]["patch"].as_str().unwrap();
    let patch: Vec<Value> = serde_saphyr::from_str(patch).unwrap();
    for step in patch {
        assert_eq!(step["op"], "add");
        let list = step["path"].as_str().unwrap().strip_suffix("/-").unwrap();
        sync.pointer_mut(list).unwrap().as_array_mut().unwrap().push(step["value"].clone());
    }
    [sync, objects("kubernetes/report/report.yaml").swap_remove(0)]
}

pub(super) fn container(job: &Value) -> &Value {
    &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
}

/// Returns the arguments of a container, with its variables in them.
fn args(job: &Value, variables: &BTreeMap<String, String>) -> Vec<String> {
    let args = texts(&container(job)["args"]);
    args.iter().map(|arg| fill(arg, ["$(", ")"], variables)).collect()
}

/// Tells whether a pod that ended so is started again, by the policy for failures of pods.
fn is_retried(job: &Value, status: i32) -> bool {
    let rules = job["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["action"] == "FailIndex").unwrap();
    let codes = &rule["onExitCodes"];
    assert_eq!((&codes["operator"], &codes["containerName"]), (&"NotIn".into(), &"sync".into()));
    codes["values"].as_array().unwrap().contains(&status.into())
}

#[test]
fn an_indexed_job_publishes_the_catalogue() {
    let Some(site) = Site::new() else { return };
    let [sync, report] = with_report();
    let job = &sync["spec"]["jobTemplate"]["spec"];
    assert_eq!(job["completionMode"], "Indexed");
    let count = usize::try_from(job["completions"].as_u64().unwrap()).unwrap();
    let busy = site.busy_part(count);
    let pod = |index: usize| {
        let variables = map([("JOB_COMPLETION_INDEX", index.to_string())]);
        site.container(&args(&sync, &variables), &variables, &MOUNTS)
    };
    let reported = || site.container(&args(&report, &BTreeMap::new()), &BTreeMap::new(), &MOUNTS);
    for index in (0..count).filter(|index| *index != busy) {
        succeed(pod(index));
    }
    // A pod that is killed is started again, and until then its part is missing.
    assert!(kill(pod(busy)), "it was done already");
    let output = reported().output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{}", said(&output));
    let missing = format!("error: shard {busy}/{count} has no results: ");
    assert!(said(&output).contains(&missing), "{}", said(&output));
    assert!(is_retried(&sync, 137) && is_retried(&sync, 75) && !is_retried(&sync, 1));
    succeed(pod(busy));
    let summary = succeed(reported());
    assert!(summary.starts_with("## 7 published, 0 unchanged, 0 with failures\n"), "{summary}");
    site.check_all_published();
    // The next night.
    (0..count).for_each(|index| drop(succeed(pod(index))));
    let summary = succeed(reported());
    assert!(summary.starts_with("## 0 published, 7 unchanged, 0 with failures\n"), "{summary}");
    // A list is gone: one part fails, and the report with it.
    site.upstream.server.set_answer("/directory/SHA256SUMS", ServerAnswer::Status(404));
    let statuses = (0..count).map(|index| pod(index).output().unwrap().status.code());
    assert_eq!(statuses.filter(|status| *status == Some(1)).count(), 1);
    let output = reported().output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let head = "## 0 published, 6 unchanged, 1 with failures\n";
    assert!(said(&output).starts_with(head), "{}", said(&output));
    let left: Vec<String> =
        site.scene.file_digests("tmp").into_keys().filter(|name| !name.ends_with('/')).collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn the_overlay_has_the_number_of_parts_once() {
    let overlay = objects("kubernetes/example/kustomization.yaml").swap_remove(0);
    let [sync, report] = with_report();
    let sources = [("diskette-sync", &sync), ("diskette-report", &report)];
    let targets = overlay["replacements"][0]["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 2);
    for (target, (name, job)) in targets.iter().zip(sources) {
        assert_eq!(target["select"]["name"], name);
        let path = target["fieldPaths"][0].as_str().unwrap();
        let argument = job.pointer(&format!("/{}", path.replace('.', "/"))).unwrap();
        let mark = target["options"]["delimiter"].as_str().unwrap();
        let number = argument.as_str().unwrap().split(mark).nth(1).unwrap();
        assert_eq!(number, sync["spec"]["jobTemplate"]["spec"]["completions"].to_string());
    }
    assert!(deploy("kubernetes/example/catalogue/fedora.yaml").is_file());
}
