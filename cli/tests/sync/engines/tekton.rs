//! Tekton's tasks and pipelines: their variables are filled in as Tekton does it, and their steps are run.

use std::collections::BTreeMap;
use std::process::Command;

use diskette_integration::disk::qcow2_disk;
use diskette_integration::docker_registry::USER;
use diskette_integration::peer;
use serde_json::Value;

use super::{Site, deploy, fill, kill, map, objects, said, succeed, texts};

const FILES: [&str; 5] = [
    "tekton/build-task.yaml",
    "tekton/build-pipeline.yaml",
    "tekton/sync-tasks.yaml",
    "tekton/sync-pipeline.yaml",
    "tekton/sync-run.yaml",
];

fn find(kind: &str, name: &str) -> Value {
    let mut all = FILES.iter().flat_map(|file| objects(file));
    let found = all.find(|it| it["kind"] == kind && it["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("{kind} {name}"))
}

/// A run of a task: what is known in it, and lists of parameters.
struct TaskRun<'s> {
    site: &'s Site,
    task: Value,
    known: BTreeMap<String, String>,
    lists: BTreeMap<String, Vec<String>>,
}

impl<'s> TaskRun<'s> {
    /// Binds workspaces to directories of the scene; optional ones that are not bound have an empty path.
    fn new(site: &'s Site, task: &str, workspaces: &[(&str, &str)]) -> Self {
        let task = find("Task", task);
        let mut known = BTreeMap::new();
        for workspace in task["spec"]["workspaces"].as_array().unwrap() {
            let name = workspace["name"].as_str().unwrap();
            let bound = workspaces.iter().find(|(bound, _)| *bound == name);
            assert!(bound.is_some() || workspace["optional"] == true, "{name} is not bound");
            let path = bound.map(|(_, path)| site.scene.path(path).display().to_string());
            known.insert(format!("workspaces.{name}.path"), path.unwrap_or_default());
        }
        let mut lists = BTreeMap::new();
        for parameter in task["spec"]["params"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            if let Some(text) = parameter["default"].as_str() {
                known.insert(format!("params.{name}"), text.to_owned());
            } else if parameter["default"].is_array() {
                lists.insert(format!("params.{name}[*]"), texts(&parameter["default"]));
            }
        }
        for result in task["spec"]["results"].as_array().into_iter().flatten() {
            let name = result["name"].as_str().unwrap();
            let path = site.scene.path(&format!("tmp/{name}")).display().to_string();
            known.insert(format!("results.{name}.path"), path);
        }
        Self { site, task, known, lists }
    }

    fn parameter(mut self, name: &str, value: &str) -> Self {
        let parameters = self.task["spec"]["params"].as_array().unwrap();
        assert!(parameters.iter().any(|it| it["name"] == name), "{name}");
        self.known.insert(format!("params.{name}"), value.to_owned());
        self
    }

    fn fill(&self, text: &str) -> String {
        fill(text, ["$(", ")"], &self.known)
    }

    /// Returns the commands of the steps.
    fn steps(&self) -> Vec<Command> {
        let steps = self.task["spec"]["steps"].as_array().unwrap();
        steps.iter().map(|step| self.step(step)).collect()
    }

    fn step(&self, step: &Value) -> Command {
        let variables = step["env"].as_array().into_iter().flatten();
        let variables = variables.map(|it| {
            (it["name"].as_str().unwrap().to_owned(), self.fill(it["value"].as_str().unwrap()))
        });
        let variables: BTreeMap<String, String> = variables.collect();
        if let Some(script) = step["script"].as_str() {
            // What a user gives never becomes part of a script.
            assert!(!script.contains("$(params"), "{script}");
            let mut command = Command::new("sh");
            command.args(["-c", &self.fill(script)]).env_clear().envs(variables);
            return command;
        }
        assert_eq!(step["command"], serde_json::json!(["/diskette"]));
        let mut args = Vec::new();
        for arg in texts(&step["args"]) {
            let list =
                arg.strip_prefix("$(").and_then(|rest| self.lists.get(rest.strip_suffix(')')?));
            match list {
                Some(list) => args.extend(list.iter().cloned()),
                None => args.push(self.fill(&arg)),
            }
        }
        let mut command = self.site.container(&args, &variables, &[]);
        if let Some(directory) = step["workingDir"].as_str() {
            command.current_dir(self.fill(directory));
        }
        command
    }

    fn succeed(&self) -> String {
        self.steps().into_iter().map(succeed).collect()
    }
}

#[test]
fn an_image_is_built_for_chains() {
    let Some(site) = Site::new() else { return };
    site.scene.write("source/vm/d.qcow2", qcow2_disk(1, 200_000));
    let spec = "apiVersion: diskette/v1\nplatforms: {linux/amd64: {disk: d.qcow2}, linux/arm64: {disk: d.qcow2}}\n";
    site.scene.write("source/vm/diskette.yaml", spec);
    let image = site.registry.reference("me/it's:1").replace('\'', "");
    let build = |platforms: &str| {
        let workspaces = [("source", "source"), ("dockerconfig", "registry")];
        let run = TaskRun::new(&site, "diskette-build", &workspaces);
        let run = run.parameter("IMAGE", &image).parameter("CONTEXT", "vm");
        let mut run = run.parameter("PLATFORMS", platforms);
        let labels = ["--label=a=b c", "--label=d=e"].map(str::to_owned).to_vec();
        run.lists.insert("params.EXTRA_ARGS[*]".into(), labels);
        run.succeed();
        let result =
            |name: &str| String::from_utf8(site.scene.read(&format!("tmp/{name}"))).unwrap();
        // Chains takes a name and a digest as they are: no line ends.
        assert_eq!(result("IMAGE_URL"), image);
        assert_eq!(Some(result("IMAGE_DIGEST")), site.digest("me/its:1"));
        let index: Value = serde_json::from_slice(&site.index("me/its:1").unwrap()).unwrap();
        let images = index["manifests"].as_array().unwrap();
        images.iter().map(|it| it["platform"]["architecture"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(build("linux/amd64,linux/arm64"), ["amd64", "arm64"]);
    assert_eq!(build("linux/arm64"), ["arm64"]);
    let skopeo = peer::find("skopeo").unwrap();
    let args = ["--override-arch", "arm64", "inspect", "--config", "--tls-verify=false", "--creds"];
    let config = skopeo.run([&args[..], &[USER, &format!("docker://{image}")]].concat());
    assert!(config.contains(r#""a": "b c""#) && config.contains(r#""d": "e""#), "{config}");
}

#[test]
fn a_pipeline_publishes_the_catalogue() {
    let Some(site) = Site::new() else { return };
    let pipeline = find("Pipeline", "diskette-sync");
    let defaults = pipeline["spec"]["params"].as_array().unwrap();
    let shards = texts(&defaults[0]["default"]);
    let workspaces =
        [("catalogue", "catalogue"), ("results", "results"), ("dockerconfig", "registry")];
    let part = |number: usize, shard: &str| {
        let mut run = TaskRun::new(&site, "diskette-sync", &workspaces).parameter("SHARD", shard);
        run.known.insert("context.taskRun.name".into(), format!("run-sync-{number}"));
        run
    };
    let report = || {
        let count = defaults[1]["default"].as_str().unwrap();
        TaskRun::new(&site, "diskette-report", &workspaces).parameter("SHARDS", count)
    };
    let busy = site.busy_part(shards.len());
    for (number, shard) in shards.iter().enumerate() {
        if number == busy {
            assert!(kill(part(number, shard).steps().swap_remove(0)), "it was done already");
        } else {
            part(number, shard).succeed();
        }
    }
    let output = report().steps().swap_remove(0).output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{}", said(&output));
    assert!(said(&output).contains(&format!("shard {} has no results", shards[busy])));
    assert!(pipeline["spec"]["tasks"][0]["retries"].as_u64() >= Some(1));
    part(busy, &shards[busy]).succeed();
    let summary = report().succeed();
    assert!(summary.starts_with("## 7 published, 0 unchanged, 0 with failures\n"), "{summary}");
    site.check_all_published();
    // The list of parts is what the program prints for Tekton.
    let list = ["sync", "catalogue", "--list", "--list-shards", "4", "--format", "tekton"];
    let listed: Vec<String> = serde_json::from_slice(&site.scene.run(list).stdout).unwrap();
    assert!(listed.iter().all(|shard| shards.contains(shard)), "{listed:?}");
}

/// Whatever a pipeline gives to a task or takes from it is declared there.
#[test]
fn pipelines_and_tasks_fit() {
    for name in ["diskette-build", "diskette-sync"] {
        let pipeline = find("Pipeline", name);
        let spec = &pipeline["spec"];
        let own: Vec<&Value> =
            spec["workspaces"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
        let tasks = spec["tasks"].as_array().unwrap().iter();
        let mut known = map([]);
        for task in tasks.chain(spec["finally"].as_array().into_iter().flatten()) {
            let used = find("Task", task["taskRef"]["name"].as_str().unwrap());
            let names = |key: &str| -> Vec<Value> {
                let all = used["spec"][key].as_array().into_iter().flatten();
                all.map(|it| it["name"].clone()).collect()
            };
            for workspace in task["workspaces"].as_array().unwrap() {
                assert!(names("workspaces").contains(&workspace["name"]), "{workspace}");
                assert!(own.contains(&&workspace["workspace"]), "{workspace}");
            }
            let given = task["params"].as_array().into_iter().flatten();
            let given = given.chain(task["matrix"]["params"].as_array().into_iter().flatten());
            let given: Vec<Value> = given.map(|it| it["name"].clone()).collect();
            assert!(given.iter().all(|it| names("params").contains(it)), "{given:?}");
            for parameter in used["spec"]["params"].as_array().unwrap() {
                let has_value =
                    parameter.get("default").is_some() || given.contains(&parameter["name"]);
                assert!(has_value, "{parameter}");
            }
            for result in names("results") {
                let task = task["name"].as_str().unwrap();
                let result = format!("tasks.{task}.results.{}", result.as_str().unwrap());
                known.insert(result, String::new());
            }
        }
        for parameter in spec["params"].as_array().unwrap() {
            for mark in ["", "[*]"] {
                let name = parameter["name"].as_str().unwrap();
                known.insert(format!("params.{name}{mark}"), String::new());
            }
        }
        fill(&spec.to_string(), ["$(", ")"], &known);
    }
    let run = objects("tekton/sync-run.yaml").swap_remove(0);
    let pipeline = find("Pipeline", run["spec"]["pipelineRef"]["name"].as_str().unwrap());
    let names = |object: &Value| -> Vec<Value> {
        let all = object["spec"]["workspaces"].as_array().unwrap().iter();
        all.map(|it| it["name"].clone()).collect()
    };
    assert_eq!(names(&run), names(&pipeline));
}

#[test]
fn the_linter_has_no_errors() {
    let linter =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../target/engines/node_modules/.bin/tekton-lint");
    if !std::path::Path::new(linter).exists() || peer::find_optional("node").is_none() {
        return peer::note_skipped("tekton-lint is missing; integration/engines.sh gets it");
    }
    let mut command = Command::new(linter);
    command.args(FILES.map(deploy));
    succeed(command);
}
