//! Messages that no other test needs, as text and as JSON: with `--message-format json` every line
//! of standard error is an object.

use std::process::Stdio;

use diskette_integration::scene::{ProgramOutcome, Scene};
use serde_json::Value;

/// Returns a scene with an image in a layout and in an archive, disks, and inputs with mistakes.
fn scene() -> Scene {
    let scene = Scene::with_image();
    scene.build_to("oci-archive:one.tar", &[]);
    scene.write("x86_64.raw", scene.read("disk.raw"));
    scene.write("amd64.raw", scene.read("disk.raw"));
    scene.write("context/Dockerfile", "FROM scratch\nADD x?sig=\"a\" /disk/\n");
    scene.write("odd/Dockerfile", "FROM scratch as a\nCOPY disk.raw /disk/\n");
    scene.write("odd/disk.raw", scene.read("disk.raw"));
    scene.write(
        "strict/Dockerfile",
        "# check=error=true\nFROM scratch as a\nCOPY disk.raw /disk/\n",
    );
    scene.write("strict/disk.raw", scene.read("disk.raw"));
    let unnamed = "apiVersion: diskette/v1\nplatforms: {amd64: {disk: disk.raw}}\n";
    scene.write("unnamed.yaml", unnamed);
    std::fs::create_dir(scene.path("empty")).unwrap();
    scene
}

fn run(scene: &Scene, args: &[&str]) -> ProgramOutcome {
    let mut program = scene.program(args);
    program.stdin(Stdio::null());
    scene.run_command(program)
}

/// Returns the objects of an outcome's messages.
fn objects(outcome: &ProgramOutcome) -> Vec<Value> {
    let parse = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| {
            panic!("{error}: {line}");
        });
        assert!(object["level"].is_string() || object["event"].is_string(), "{line}");
        object
    };
    outcome.stderr.lines().map(parse).collect()
}

/// What is run, the expected status, and parts of the expected messages.
const CASES: &[(&str, i32, &[&str])] = &[
    ("x86_64.raw", 2, &["is a disk and not a command", "`diskette inspect x86_64.raw` shows"]),
    ("nosuch", 2, &["unrecognized subcommand"]),
    ("build --outptu", 2, &["unexpected argument"]),
    ("build --rm -m 4g -o oci:new", 0, &["`--rm` is ignored: no container", "`-m` is ignored"]),
    ("build --squash .", 2, &["`--squash` is not supported: each layer"]),
    ("build -v /a:/b .", 2, &["`-v` is not supported: nothing is executed"]),
    ("build --deps d --push -t q.io/a", 2, &["no file that `--deps`", "use `--digestfile FILE`"]),
    ("build -o type=oci,dest=a.tar,odd=1", 2, &["`odd=1` is not supported; `type`, `dest`"]),
    ("build x86_64.raw amd64.raw -o oci:new", 2, &["are both for linux/amd64", "name the arch"]),
    ("build disk.raw -o oci:new", 0, &["`disk.raw` does not show its architecture", "--platform"]),
    ("build . empty -o oci:new", 2, &["a build has one context, and `empty` is another"]),
    ("build -f diskette.yaml missing", 2, &["no destination for the image"]),
    ("build -f diskette.yaml missing -o oci:new", 1, &["cannot find the directory `missing`"]),
    ("build --instancetype u1.small -o oci:new", 2, &["set it in the spec"]),
    ("build context -o oci:new", 1, &["x?sig="]),
    ("build empty -o oci:new", 1, &["nothing to build in `empty`"]),
    ("build --check=error odd", 1, &["leave `=error` out"]),
    ("build strict -o oci:new", 1, &["`# check=error=true`"]),
    ("build -f unnamed.yaml --push", 2, &["an image without a name cannot be pushed"]),
    ("push -l docker://q.io/a q.io/b", 2, &["a layout or an archive is expected, and `q.io/a"]),
    ("push -l out nosuch q.io/b", 2, &["`out` has no image `nosuch`"]),
    ("push Bad@Name", 2, &["Bad@Name"]),
    ("tags oci:missing", 1, &["missing"]),
    ("gc out:1", 2, &["is not a whole layout"]),
    ("index create oci:new oci:out:1", 2, &["write it as `oci:DIR:TAG`"]),
    ("index create oci-archive:new.tar oci:out:1", 2, &["an index is not written to an archive"]),
    ("tag oci-archive:one.tar:1 2", 2, &["in an archive cannot be tagged", "copy it to a layout"]),
    ("delete oci-archive:one.tar:1", 2, &["in an archive cannot be deleted"]),
    ("init --image Bad@Name", 2, &["`Bad@Name` is not an image name"]),
    ("init", 1, &["`./diskette.yaml` already exists", "use `-o` to write to another file"]),
    ("init -o spec.yaml", 0, &["wrote spec.yaml; set `image:`"]),
    ("init -o named.yaml --image q.io/a", 0, &["`diskette build --check` checks it"]),
    ("login localhost:9", 2, &["no user given", "name the user with `--username NAME`"]),
    ("login -u me localhost:9", 2, &["no password given", "use `--password-stdin`"]),
    ("login -u me -p x localhost:9", 75, &["can see the password", "cannot connect"]),
    ("login --creds me:x localhost:9", 75, &["cannot connect to localhost:9"]),
    ("login --creds me:x -u me localhost:9", 2, &["cannot be used with"]),
    ("manifests vm oci:out:1", 2, &["no cluster can pull `oci:out:1`"]),
    ("sync empty", 1, &["there is no catalogue in `empty`"]),
];

#[test]
fn messages_are_text_or_lines_of_json() {
    let scene = scene();
    let mut wrong = Vec::new();
    for (line, status, expected) in CASES {
        let args: Vec<&str> = line.split(' ').collect();
        let plain = run(&scene, &args);
        std::fs::remove_file(scene.path("spec.yaml")).unwrap_or_default();
        std::fs::remove_file(scene.path("named.yaml")).unwrap_or_default();
        let json = run(&scene, &[&["--message-format", "json"], &args[..]].concat());
        let found: Vec<String> = objects(&json).iter().map(Value::to_string).collect();
        let has_all = |text: &str| expected.iter().all(|part| text.contains(part));
        if (plain.status, json.status) != (*status, *status)
            || !has_all(&plain.stderr)
            || !has_all(&found.join("\n"))
        {
            wrong.push(format!("{line}: {} {}\n{found:?}", plain.status, plain.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn progress_is_json_too() {
    let scene = scene();
    let args = ["build", "-o", "oci:new", "--progress", "json", "--message-format", "json"];
    let outcome = run(&scene, &args);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(!objects(&outcome).is_empty());
}
