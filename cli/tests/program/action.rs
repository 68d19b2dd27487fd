//! The GitHub Action does what its steps say, run as GitHub's runner runs them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use diskette_integration::disk::{qcow2_disk, sha256};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::scene::{self, Scene};
use diskette_integration::server::{Server, ServerAnswer};
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What the program is called that is released for this machine.
const NAME: &str = "diskette-9.9.9-x86_64-unknown-linux-musl";

/// Returns what is released: small, since it is downloaded and hashed again and again.
fn released() -> Vec<u8> {
    format!("#!/bin/sh\nexec '{}' \"$@\"\n", scene::program_path().display()).into_bytes()
}

/// What is known while a job runs: by `inputs.x`, `steps.x.outputs.y`, `github.x`.
type Known = BTreeMap<String, String>;

/// A runner with a job, and the action in a directory of its own.
struct Runner {
    scene: Scene,
    server: Server,
}

/// How a job ended.
struct Done {
    success: bool,
    /// What its steps wrote to standard error.
    said: String,
    outputs: BTreeMap<String, String>,
    summary: String,
}

impl Runner {
    fn new() -> Option<Self> {
        for program in ["bash", "jq", "curl"] {
            peer::find(program)?;
        }
        let scene = Scene::new();
        let program = released();
        let sums = format!("{}  {NAME}\n", sha256(&program));
        for file in ["action.yml", "install/action.yml", "action/install.sh", "action/build.sh"] {
            scene.write(
                &format!("action/{file}"),
                std::fs::read(Path::new(ROOT).join(file)).unwrap(),
            );
        }
        scene.write("action/action/checksums.txt", sums);
        scene.write("action/Cargo.toml", "version = \"9.9.9\"\n");
        for directory in ["work", "tool", "temp"] {
            std::fs::create_dir_all(scene.path(directory)).unwrap();
        }
        scene.write("work/d.qcow2", qcow2_disk(1, 200_000));
        scene.write("work/diskette.yaml", "apiVersion: diskette/v1\nplatforms: {linux/amd64: {disk: d.qcow2}, linux/arm64: {disk: d.qcow2}}\n");
        let server = Server::start([(format!("/v9.9.9/{NAME}"), ServerAnswer::Content(program))]);
        Some(Self { scene, server })
    }

    /// Runs the steps of an action with these inputs; the others have their defaults.
    fn run(&self, action: &str, inputs: &[(&str, &str)]) -> Done {
        let file = self.scene.path("action").join(action);
        let text = std::fs::read_to_string(&file).unwrap();
        let action: Value = serde_saphyr::from_str(&text).unwrap();
        let mut known = Known::new();
        for (name, input) in action["inputs"].as_object().unwrap() {
            let default = input["default"].as_str().unwrap_or_default();
            known.insert(format!("inputs.{name}"), default.to_owned());
        }
        for (name, value) in inputs {
            let old = known.insert(format!("inputs.{name}"), (*value).to_owned());
            assert!(old.is_some(), "the action has no input {name}");
        }
        let path = file.parent().unwrap().display().to_string();
        known.insert("github.action_path".into(), path);
        let mut done = Done {
            success: true,
            said: String::new(),
            outputs: BTreeMap::new(),
            summary: String::new(),
        };
        let mut paths = "/usr/bin:/bin".to_owned();
        for step in action["runs"]["steps"].as_array().unwrap() {
            if !self.step(step, &mut known, &mut paths, &mut done) {
                done.success = false;
                break;
            }
        }
        for (name, output) in action["outputs"].as_object().unwrap() {
            let value = expand(output["value"].as_str().unwrap(), &known);
            done.outputs.insert(name.clone(), value);
        }
        done
    }

    fn step(&self, step: &Value, known: &mut Known, paths: &mut String, done: &mut Done) -> bool {
        let files = ["GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_ENV"];
        for file in files {
            self.scene.write(&format!("temp/{file}"), "");
        }
        assert_eq!(step["shell"], "bash");
        let script = step["run"].as_str().unwrap();
        // What a user gives never becomes part of a script.
        assert!(!script.contains("${{"), "{script}");
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]);
        command.current_dir(self.scene.path("work")).env_clear();
        for (name, value) in step["env"].as_object().unwrap() {
            command.env(name, expand(value.as_str().unwrap(), known));
        }
        for file in files {
            command.env(file, self.scene.path(&format!("temp/{file}")));
        }
        command.env("PATH", &paths).env("HOME", self.scene.path("home"));
        command.env("RUNNER_OS", "Linux").env("RUNNER_ARCH", "X64");
        command.env("RUNNER_TEMP", self.scene.path("temp")).env("GITHUB_ACTIONS", "true");
        command.env("RUNNER_TOOL_CACHE", self.scene.path("tool"));
        command.env("DISKETTE_DOWNLOAD_URL", self.server.url(""));
        let output = command.output().unwrap();
        done.said += &String::from_utf8_lossy(&output.stderr);
        let read =
            |file: &str| String::from_utf8(self.scene.read(&format!("temp/{file}"))).unwrap();
        for line in read("GITHUB_PATH").lines() {
            *paths = format!("{line}:{paths}");
        }
        done.summary += &read("GITHUB_STEP_SUMMARY");
        let id = step["id"].as_str().unwrap();
        for (name, value) in outputs(&read("GITHUB_OUTPUT")) {
            known.insert(format!("steps.{id}.outputs.{name}"), value);
        }
        output.status.success()
    }
}

/// Reads `NAME=VALUE` and `NAME<<MARK … MARK`, as the runner does.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((name, mark)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != mark).collect();
            found.insert(name.to_owned(), value.join("\n"));
        } else {
            let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
            found.insert(name.to_owned(), value.to_owned());
        }
    }
    found
}

/// Fills in `${{ … }}`: names alone, since the action uses nothing else.
fn expand(text: &str, known: &Known) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        let (name, after) = after.split_once("}}").unwrap();
        expanded += before;
        let name = name.trim();
        let is_step = name.starts_with("steps.");
        assert!(is_step || known.contains_key(name), "{name} is not known");
        expanded += known.get(name).map_or("", String::as_str);
        rest = after;
    }
    expanded + rest
}

#[test]
fn an_image_is_built_and_pushed() {
    let Some(runner) = Runner::new() else { return };
    let Some(registry) = DockerRegistry::start_open(&runner.scene) else { return };
    let tags =
        format!("{}\n{}\n", registry.reference("me/vm:1"), registry.reference("me/vm:latest"));
    let annotations = "manifest:org.example.a=b\nindex,manifest:org.example.c=d\n";
    let inputs = [
        ("tags", tags.as_str()),
        ("labels", "org.example.title=A disk, with: signs\norg.example.x=y"),
        ("annotations", annotations),
        ("push", "true"),
    ];
    let done = runner.run("action.yml", &inputs);
    assert!(done.success, "{}", done.said);
    let index = peer::read_manifest_by_skopeo(&registry.reference("me/vm:latest")).unwrap();
    assert_eq!(done.outputs["digest"], format!("sha256:{}", sha256(&index)));
    assert_eq!(done.outputs["image"], registry.reference("me/vm"));
    assert_eq!(done.outputs["tags"], tags.trim_end());
    let index: Value = serde_json::from_slice(&index).unwrap();
    assert!(index["annotations"].get("org.example.a").is_none(), "it is for the manifests");
    assert_eq!(index["annotations"]["org.example.c"], "d");
    let digests: Value = serde_json::from_str(&done.outputs["platform-digests"]).unwrap();
    assert_eq!(digests["linux/arm64"], index["manifests"][1]["digest"]);
    let metadata: Value = serde_json::from_str(&done.outputs["metadata"]).unwrap();
    assert_eq!(metadata["containerimage.digest"], done.outputs["digest"].as_str());
    let manifest =
        format!("{}@{}", registry.reference("me/vm"), digests["linux/amd64"].as_str().unwrap());
    let manifest = peer::read_manifest_by_skopeo(&manifest).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["annotations"]["org.example.a"], "b");
    assert_eq!(manifest["annotations"]["org.example.c"], "d");
    assert!(metadata["diskette.sent"].as_u64().unwrap() > 100_000);
    assert_eq!(done.outputs["imageid"], done.outputs["digest"]);
    assert!(done.summary.contains("| linux/arm64 | "), "{}", done.summary);
    assert!(done.summary.contains(" KiB sent"), "{}", done.summary);
    // The program is kept.
    runner.server.take_requests();
    let again = runner.run("action.yml", &inputs);
    assert!(again.success, "{}", again.said);
    assert_eq!(
        (runner.server.take_requests(), &again.outputs["digest"]),
        (vec![], &done.outputs["digest"])
    );

    let repository = registry.reference("me/part");
    let parts = [("tags", repository.as_str()), ("push-by-digest", "true")];
    let done = runner.run("action.yml", &parts);
    assert!(done.success, "{}", done.said);
    let name = format!("{repository}@{}", done.outputs["digest"]);
    assert!(peer::read_manifest_by_skopeo(&name).is_some() && done.outputs["tags"] == name);
    assert!(peer::read_manifest_by_skopeo(&format!("{repository}:latest")).is_none());
}

#[test]
fn what_is_wrong_is_shown_where_it_stands() {
    let Some(runner) = Runner::new() else { return };
    runner.scene.write(
        "work/sub/diskette.yaml",
        "apiVersion: diskette/v1\nplatforms: {amd64: {disk: gone}}\n",
    );
    let done = runner.run("action.yml", &[("context", "sub"), ("output", "oci:out")]);
    assert!(!done.success);
    let expected =
        "::error file=sub/diskette.yaml,line=2,col=27,title=diskette::cannot find `gone`";
    assert!(done.said.contains(expected), "{}", done.said);
    let check = |inputs: &[(&str, &str)], expected: &str| {
        let done = runner.run("action.yml", inputs);
        assert!(!done.success, "{inputs:?}");
        assert!(done.said.contains(expected), "{inputs:?}: {}", done.said);
    };
    check(&[("push", "yes")], "::error title=diskette::push must be true or false");
    check(&[("file", "a"), ("spec", "b")], "file and spec mean the same");
    check(&[("call", "outline")], "call must be build or check");
    check(&[("load", "yes")], "load must be true or false");
    check(&[("tags", "\"q.io/a")], "a quote is not closed");
    check(&[("version", "1.0.0; id")], "the version must be like 0.1.0, or source");
    check(&[("version", "1.0.0")], "has no digest of diskette-1.0.0-x86_64-unknown-linux-musl");
}

/// Lists are read as docker's actions and buildah-build read them.
#[test]
fn lists_are_read_as_other_actions_read_them() {
    let Some(runner) = Runner::new() else { return };
    let output = format!("oci:{}", runner.scene.path("out").display());
    let check = |inputs: &[(&str, &str)], expected: &str| {
        let done = runner.run("action.yml", &[inputs, &[("output", &output)]].concat());
        assert!(done.success, "{inputs:?}: {}", done.said);
        assert_eq!(done.outputs["tags"].replace('\n', " "), expected, "{inputs:?}");
    };
    check(&[("tags", "q.io/a:1, q.io/a:2")], "q.io/a:1 q.io/a:2");
    check(&[("tags", "q.io/a:1,q.io/a:2\n\n  q.io/a:3  \r\n")], "q.io/a:1 q.io/a:2 q.io/a:3");
    check(&[("tags", "\"q.io/a:1\",\"q.io/a:2\"")], "q.io/a:1 q.io/a:2");
    check(&[("tags", "q.io/a:1 q.io/a:2")], "q.io/a:1 q.io/a:2");
    check(&[("image", "q.io/a"), ("tags", "latest c9s")], "q.io/a:latest q.io/a:c9s");
    check(&[("image", "q.io/a")], "q.io/a:latest");
    let platforms = [("tags", "q.io/a:1"), ("platforms", "linux/amd64, linux/arm64")];
    check(&platforms, "q.io/a:1");
    let quoted = "\"org.example.a=small, \"\"fast\"\"\"\n  org.example.b=x, y\n";
    let done = runner.run("action.yml", &[("labels", quoted), ("output", &output)]);
    assert!(done.success, "{}", done.said);
    // An image without a name is known by its digest.
    for name in ["digest", "imageid", "metadata", "image", "tags", "platform-digests"] {
        assert!(!done.outputs[name].is_empty(), "{name}");
    }
    let digest = done.outputs["digest"].clone();
    assert_eq!(done.outputs["image"], digest);
}

/// A pull request builds, and keeps nothing.
#[test]
fn without_a_destination_the_image_is_built() {
    let Some(runner) = Runner::new() else { return };
    let done = runner.run("action.yml", &[("push", "false"), ("tags", "q.io/a:1")]);
    assert!(done.success, "{}", done.said);
    assert!(done.outputs["digest"].starts_with("sha256:"), "{:?}", done.outputs);
    assert!(done.summary.contains(" KiB | "), "{}", done.summary);
    let done = runner.run("action.yml", &[("call", "check"), ("push", "true")]);
    assert!(done.success, "{}", done.said);
    let outputs = [("outputs", "type=oci,dest=new.tar"), ("no-cache", "true")];
    let done = runner.run("action.yml", &outputs);
    assert!(done.success && runner.scene.path("work/new.tar").exists(), "{}", done.said);
}

#[test]
fn what_users_give_stays_what_it_is() {
    let Some(runner) = Runner::new() else { return };
    let marks =
        ["'\"`touch hurt`", "$(touch hurt); touch hurt && touch hurt", "\\%0A*\\", "\u{1b}[31m"];
    let lists = ["labels", "annotations", "build-args"];
    let single = [
        "context",
        "file",
        "target",
        "output",
        "compression",
        "platforms",
        "tags",
        "version",
        "registry-auth-file",
        "tls-verify",
        "extra-args",
        "push",
        "spec",
    ];
    for mark in marks {
        for input in single {
            let value = format!("x{mark}\n{mark}");
            let done = runner.run("action.yml", &[(input, &value)]);
            // Any name is good enough for a directory; the others are not looked at in this build.
            let is_used = !["output", "registry-auth-file", "target"].contains(&input);
            assert!(!is_used || !done.success, "{input}: {mark}");
        }
        // As values of labels they are what they are.
        let value = format!("a=x{mark}y\nb={mark}");
        let output = format!("oci:{}", runner.scene.path("out").display());
        for list in lists {
            let done = runner.run("action.yml", &[(list, &value), ("output", &output)]);
            assert!(list == "build-args" || done.success, "{list}: {mark}: {}", done.said);
        }
        let config = labels(&runner.scene.path("out"));
        assert!(config.is_empty() || config.contains(&format!("x{mark}y")), "{mark}: {config:?}");
        for place in ["work/hurt", "hurt", "action/hurt"] {
            assert!(!runner.scene.path(place).exists(), "{mark}");
        }
    }
}

/// Returns the values of the labels of an image that was built with labels last.
fn labels(layout: &Path) -> Vec<String> {
    let layout = diskette_integration::image::Layout::open(layout);
    let tag = layout.tags().pop().unwrap_or_default();
    let images = layout.images(&tag);
    let config = layout.config(&images[0]);
    let labels = config.config().as_ref().and_then(|config| config.labels().clone());
    labels.unwrap_or_default().into_values().collect()
}

#[test]
fn a_program_that_is_not_the_released_one_is_not_run() {
    let Some(runner) = Runner::new() else { return };
    let evil = b"#!/bin/sh\ntouch \"$RUNNER_TEMP/hurt\"\n".to_vec();
    runner.server.set_answer(format!("/v9.9.9/{NAME}"), ServerAnswer::Content(evil.clone()));
    let done = runner.run("install/action.yml", &[]);
    assert!(!done.success);
    assert!(done.said.contains("is not what this version of the action knows"), "{}", done.said);
    // Nor is one that lies in the tool cache.
    let cached = format!("tool/diskette/9.9.9/{}/diskette", &NAME["diskette-9.9.9-".len()..]);
    let path = runner.scene.write_program(&cached, evil);
    let program = released();
    runner.server.set_answer(format!("/v9.9.9/{NAME}"), ServerAnswer::Content(program));
    let done = runner.run("install/action.yml", &[("version", "v9.9.9")]);
    assert!(done.success, "{}", done.said);
    assert_eq!(done.outputs["version"], "9.9.9");
    assert!(!runner.scene.path("temp/hurt").exists());
    runner.server.set_answer(format!("/v9.9.9/{NAME}"), ServerAnswer::Status(404));
    std::fs::remove_file(path).unwrap();
    let done = runner.run("install/action.yml", &[]);
    assert!(done.said.contains("cannot download"), "{}", done.said);
}

#[test]
fn actions_and_workflows_are_what_their_schemas_say() {
    let actions = ["action.yml", "install/action.yml"];
    let workflows = ["integration/examples/github", "deploy/github/sync.yml", ".github/workflows"];
    let Some(check) = peer::find_optional("check-jsonschema") else {
        return peer::note_skipped(
            "check-jsonschema is not installed: the schemas of actions are not looked at",
        );
    };
    let run = |schema: &str, files: &[PathBuf]| {
        let names = files.iter().map(|file| file.display().to_string());
        let args = ["--builtin-schema".to_owned(), schema.to_owned()];
        check.run(args.into_iter().chain(names));
    };
    run("vendor.github-actions", &actions.map(|file| Path::new(ROOT).join(file)));
    let files = workflows.iter().flat_map(|path| walkdir::WalkDir::new(Path::new(ROOT).join(path)));
    let files = files.filter_map(Result::ok).filter(|file| file.file_type().is_file());
    let files: Vec<PathBuf> = files.map(walkdir::DirEntry::into_path).collect();
    assert!(files.len() >= 3);
    run("vendor.github-workflows", &files);
}
