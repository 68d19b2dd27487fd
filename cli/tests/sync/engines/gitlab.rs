//! The component of GitLab CI: its inputs are filled in, and its scripts run by sh.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use diskette_integration::disk::sha256;
use diskette_integration::scene;
use diskette_integration::server::{Server, ServerAnswer};
use serde_json::Value;

use super::objects::python;
use super::{Site, deploy, fill, said};
use crate::markup;

/// Returns the jobs of the component with these inputs, and the text.
fn jobs(inputs: &[(&str, String)]) -> (Value, String) {
    let text = std::fs::read_to_string(deploy("gitlab/templates/sync.yml")).unwrap();
    let (head, jobs) = text.split_once("\n---\n").unwrap();
    let head: Value = serde_saphyr::from_str(head).unwrap();
    let mut known = BTreeMap::new();
    for (name, input) in head["spec"]["inputs"].as_object().unwrap() {
        let value = match &input["default"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        known.insert(format!("inputs.{name}"), value);
    }
    for (name, value) in inputs {
        let old = known.insert(format!("inputs.{name}"), value.clone());
        assert!(old.is_some(), "the component has no input {name}");
    }
    let text = fill(jobs, ["$[[", "]]"], &known);
    (serde_saphyr::from_str(&text).unwrap(), text)
}

struct Runner<'s> {
    site: &'s Site,
    jobs: Value,
}

impl Runner<'_> {
    /// Runs a job as a runner does: what it extends comes first, and lines are run one after the other.
    fn run(&self, job: &str, variables: &[(&str, String)]) -> std::process::Output {
        let (job, base) = (&self.jobs[job], &self.jobs[".diskette"]);
        assert_eq!(job["extends"], ".diskette");
        let lines = [&base["before_script"], &job["script"]].map(super::texts).concat();
        let mut command = Command::new("sh");
        command.args(["-e", "-c", &lines.join("\n")]).current_dir(self.site.scene.path(""));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.site.scene.path("home"));
        for set in [&base["variables"], &job["variables"]] {
            for (name, value) in set.as_object().into_iter().flatten() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                command.env(name, text);
            }
        }
        command.envs(variables.iter().map(|(name, value)| (*name, value))).output().unwrap()
    }
}

#[test]
fn jobs_publish_the_catalogue() {
    let Some(site) = Site::new() else { return };
    if diskette_integration::peer::find("curl").is_none() {
        return;
    }
    let program = format!("#!/bin/sh\nexec '{}' \"$@\"\n", scene::program_path().display());
    let path = "/v0.1.0/diskette-0.1.0-x86_64-unknown-linux-musl";
    let server = Server::start([(path, ServerAnswer::Content(program.clone().into_bytes()))]);
    let inputs = |sha256: String| {
        [
            ("download", server.url("")),
            ("sha256", sha256),
            ("args", "--retry 1 --allow-downgrade".into()),
        ]
    };
    let (jobs, _) = jobs(&inputs(sha256(program.as_bytes())));
    let count = jobs["diskette-sync"]["parallel"].as_u64().unwrap();
    let runner = Runner { site: &site, jobs };
    let part = |index: u64| {
        let auth = site.scene.path("registry/config.json").display().to_string();
        let numbers = [("CI_NODE_INDEX", index), ("CI_NODE_TOTAL", count)];
        let numbers = numbers.map(|(name, number)| (name, number.to_string()));
        let output =
            runner.run("diskette-sync", &[&numbers[..], &[("REGISTRY_AUTH", auth)]].concat());
        assert!(output.status.success(), "{}", said(&output));
    };
    // One part is left out at first.
    let busy = site.busy_part(usize::try_from(count).unwrap()) as u64 + 1;
    (1..=count).filter(|index| *index != busy).for_each(part);
    let output = runner.run("diskette-report", &[]);
    assert_eq!(output.status.code(), Some(75), "{}", said(&output));
    let cases = || {
        let report = String::from_utf8(site.scene.read("report.xml")).unwrap();
        Some(markup::read_junit(&report)?["cases"].as_array().unwrap().clone())
    };
    let Some(found) = cases() else { return };
    assert_eq!(found.len(), 7);
    assert!(found.iter().any(|case| case[1] == "error" && case[2] == "missing"), "{found:?}");
    part(busy);
    let output = runner.run("diskette-report", &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("## 7 published"), "{}", said(&output));
    assert!(cases().unwrap().iter().all(|case| case.as_array().unwrap().len() == 1));
    site.check_all_published();
}

#[test]
fn a_program_that_is_not_the_released_one_is_not_run() {
    let Some(site) = Site::new() else { return };
    let server = Server::start([(
        "/v0.1.0/diskette-0.1.0-x86_64-unknown-linux-musl",
        ServerAnswer::Content(b"#!/bin/sh\ntouch hurt\n".to_vec()),
    )]);
    let (jobs, _) = jobs(&[("download", server.url("")), ("sha256", "0".repeat(64))]);
    let output = Runner { site: &site, jobs }.run("diskette-report", &[]);
    assert!(!output.status.success());
    assert!(!Path::new(&site.scene.path("hurt")).exists());
}

#[test]
fn the_component_is_what_the_schema_says() {
    let Some(mut command) = python("check_jsonschema") else { return };
    let scene = scene::Scene::new();
    let (_, text) = jobs(&[("sha256", "0".repeat(64))]);
    let file = scene.write("ci.yml", text);
    command.args(["-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]).arg(file);
    super::succeed(command);
}
