//! The workflow of GitHub: its scripts are run by bash, as a runner does it.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use diskette_integration::peer;
use diskette_integration::scene;
use serde_json::Value;

use super::objects::python;
use super::{Site, deploy, fill, map, objects, said};

/// Runs a step of a job in a directory, with what is known. Returns what it wrote for later steps.
fn run_step(
    site: &Site,
    step: &Value,
    directory: &str,
    known: &BTreeMap<String, String>,
) -> (Output, String, String) {
    let script = step["run"].as_str().unwrap();
    // What a matrix has never becomes part of a script.
    assert!(!script.contains("${{"), "{script}");
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]);
    command.current_dir(site.scene.path(directory)).env_clear();
    let programs = scene::program_path().parent().unwrap().display().to_string();
    command.env("PATH", format!("{programs}:/usr/bin:/bin")).env("HOME", "/nonexistent");
    command.env("REGISTRY_AUTH_FILE", site.scene.path("registry/config.json"));
    for (name, value) in step["env"].as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        command.env(name, fill(&text, ["${{", "}}"], known));
    }
    let files = ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"];
    for file in files {
        command.env(file, site.scene.write(&format!("tmp/{file}"), ""));
    }
    let output = command.output().unwrap();
    let [outputs, summary] =
        files.map(|file| String::from_utf8(site.scene.read(&format!("tmp/{file}"))).unwrap());
    (output, outputs, summary)
}

#[test]
fn a_workflow_publishes_the_catalogue() {
    let (Some(site), Some(_)) = (Site::new(), peer::find("bash")) else { return };
    let workflow = objects("github/sync.yml").swap_remove(0);
    let step = |job: &str| -> Value {
        let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
        let mut with_script = steps.iter().filter(|step| step.get("run").is_some());
        with_script.next().unwrap().clone()
    };
    let (listed, outputs, _) = run_step(&site, &step("list"), "", &map([]));
    assert!(listed.status.success(), "{}", said(&listed));
    let matrix = outputs.strip_prefix("shards=").unwrap();
    let matrix: Value = serde_json::from_str(matrix).unwrap();
    let shards = matrix["include"].as_array().unwrap();
    // The last part is left out at first; each has a directory of its own, and an artifact.
    let part = |row: &Value| {
        let shard = row["shard"].as_str().unwrap().to_owned();
        let directory = format!("runner-{}", shard.replace('/', "-"));
        std::fs::create_dir_all(site.scene.path(&directory)).unwrap();
        site.scene.write(
            &format!("{directory}/catalogue/c.yaml"),
            site.scene.read("catalogue/diskette.yaml"),
        );
        let known = map([("matrix.shard", shard)]);
        let (done, outputs, _) = run_step(&site, &step("sync"), &directory, &known);
        assert!(done.status.success(), "{}", said(&done));
        let artifact = outputs.trim_end().strip_prefix("name=").unwrap();
        assert!(artifact.starts_with("results-") && !artifact.contains('/'), "{artifact}");
        let results = site.scene.read(&format!("{directory}/results.json"));
        site.scene.write(&format!("results/{artifact}/results.json"), results);
    };
    let (last, others) = shards.split_last().unwrap();
    others.iter().for_each(part);
    let (report, _, summary) = run_step(&site, &step("report"), "", &map([]));
    assert_eq!(report.status.code(), Some(75), "{}", said(&report));
    let name = last["shard"].as_str().unwrap();
    assert!(summary.contains(&format!("- **missing**: shard {name} has no results")), "{summary}");
    part(last);
    let (report, _, summary) = run_step(&site, &step("report"), "", &map([]));
    assert!(report.status.success(), "{}", said(&report));
    assert!(summary.starts_with("## 7 published"), "{summary}");
    site.check_all_published();
    // The number of parts is the same in both places.
    assert_eq!(step("list")["env"]["SHARDS"], step("report")["env"]["SHARDS"]);
}

#[test]
fn the_workflow_is_what_the_schema_says() {
    let Some(mut command) = python("check_jsonschema") else { return };
    command.args(["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]);
    command.arg(deploy("github/sync.yml"));
    super::succeed(command);
}
