//! The workflow of Argo Workflows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Site, fill, kill, map, objects, said, succeed, texts};

const MOUNTS: [(&str, &str); 4] = [
    ("/catalogue", "catalogue"),
    ("/registry", "registry"),
    ("/results", "results"),
    ("/tmp", "tmp"),
];

fn template<'w>(workflow: &'w Value, name: &str) -> &'w Value {
    let templates = workflow["spec"]["workflowSpec"]["templates"].as_array().unwrap();
    templates.iter().find(|it| it["name"] == name).unwrap()
}

fn args(container: &Value, known: &BTreeMap<String, String>) -> Vec<String> {
    assert_eq!(container["command"], serde_json::json!(["/diskette"]));
    texts(&container["args"]).iter().map(|arg| fill(arg, ["{{", "}}"], known)).collect()
}

#[test]
fn a_workflow_publishes_the_catalogue() {
    let Some(site) = Site::new() else { return };
    let workflow = objects("argo/sync.yaml").swap_remove(0);
    let spec = &workflow["spec"]["workflowSpec"];
    let shards = &spec["arguments"]["parameters"][0];
    let count = shards["value"].as_str().unwrap();
    let known = map([("workflow.parameters.shards", count.to_owned())]);
    assert_eq!(shards["name"], "shards");

    let entry = &template(&workflow, spec["entrypoint"].as_str().unwrap())["steps"][0][0];
    let items: usize = fill(entry["withSequence"]["count"].as_str().unwrap(), ["{{", "}}"], &known)
        .parse()
        .unwrap();
    let argument = &entry["arguments"]["parameters"][0];
    let part = template(&workflow, entry["template"].as_str().unwrap());
    assert_eq!(part["inputs"]["parameters"][0]["name"], argument["name"]);
    let pod = |item: usize| {
        let item = map([("item", item.to_string())]);
        let value = fill(argument["value"].as_str().unwrap(), ["{{", "}}"], &item);
        let name = format!("inputs.parameters.{}", argument["name"].as_str().unwrap());
        let mut known = known.clone();
        known.insert(name, value);
        site.container(&args(&part["container"], &known), &BTreeMap::new(), &MOUNTS)
    };
    let report = template(&workflow, spec["onExit"].as_str().unwrap());
    let reported =
        || site.container(&args(&report["container"], &known), &BTreeMap::new(), &MOUNTS);
    let busy = site.busy_part(items);
    (0..items).filter(|item| *item != busy).for_each(|item| drop(succeed(pod(item))));
    assert!(kill(pod(busy)), "it was done already");
    let output = reported().output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{}", said(&output));
    succeed(pod(busy));
    let summary = succeed(reported());
    assert!(summary.starts_with("## 7 published, 0 unchanged, 0 with failures\n"), "{summary}");
    site.check_all_published();
}
