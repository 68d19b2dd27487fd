//! The options that people have in their scripts, with a Dockerfile: where it is, its arguments, and
//! where its files come from.

use std::process::Stdio;

use diskette_integration::dockerfile::context;
use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::scene::Scene;
use serde_json::{Value, json};

/// A scene with a context in `c`: some files, and a Dockerfile.
fn scene(dockerfile: &str) -> Scene {
    let scene = Scene::new();
    context::make(&scene.path("c"), "file a.txt = a\nfile b.txt = b\nfile sub/c.txt = c");
    scene.write("c/Dockerfile", dockerfile);
    scene
}

/// Builds, which must succeed.
fn build(scene: &Scene, args: &[&str]) -> Documents {
    scene.build(args);
    Documents::only(&scene.path("out"))
}

fn files(image: &Documents) -> Vec<String> {
    (0..image.layers().len()).flat_map(|number| image.layer(number)).collect()
}

/// Returns an environment behind what every stage has.
fn env(variables: &[&str]) -> Value {
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    json!([&[path], variables].concat())
}

#[test]
fn where_the_dockerfile_is() {
    for (args, expected) in [
        (&["c"][..], "file b.txt = b"),
        (&["-f", "elsewhere/vm.dockerfile", "c"], "file a.txt = a"),
        (&["--file=c/other", "c"], "file c.txt = c"),
        // buildah looks in the context too.
        (&["-f", "other", "c"], "file c.txt = c"),
    ] {
        let scene = scene("FROM scratch\nCOPY b.txt /\n");
        scene.write("elsewhere/vm.dockerfile", "FROM scratch\nCOPY a.txt /\n");
        scene.write("c/other", "FROM scratch\nCOPY sub/c.txt /\n");
        assert_eq!(files(&build(&scene, args)), [expected], "{args:?}");
    }
}

#[test]
fn a_containerfile_is_found_first() {
    let scene = scene("FROM scratch\nCOPY b.txt /\n");
    scene.write("c/Containerfile", "FROM scratch\nCOPY a.txt /\n");
    assert_eq!(files(&build(&scene, &["c"])), ["file a.txt = a"]);
}

#[test]
fn standard_input() {
    let scene = scene("nonsense");
    scene.write("stdin", "# a comment\nFROM scratch\nCOPY a.txt /\n");
    let mut command = scene.program(["build", "-q", "-o", "out", "-f", "-", "c"]);
    command.stdin(Stdio::from(std::fs::File::open(scene.path("stdin")).unwrap()));
    scene.run_command(command).digest();
    assert_eq!(files(&Documents::only(&scene.path("out"))), ["file a.txt = a"]);
}

#[test]
fn the_context_of_where_it_is_started() {
    let scene = scene("FROM scratch\nCOPY a.txt /\n");
    let out = scene.path("out").display().to_string();
    let mut command = scene.program(["build", "-q", "-o", &out]);
    command.current_dir(scene.path("c"));
    scene.run_command(command).digest();
    assert_eq!(files(&Documents::only(&scene.path("out"))), ["file a.txt = a"]);
}

#[test]
fn its_own_ignore_file_counts() {
    let [a, b] = ["file a.txt = a", "file b.txt = b"];
    let scene = scene("it is not read");
    scene.write("c/.dockerignore", "a.txt\n");
    let dockerfile = "FROM scratch\nCOPY . /\n";
    for name in ["c/one", "elsewhere/two"] {
        scene.write(name, dockerfile);
        scene.write(&format!("{name}.dockerignore"), "*\n!b.txt\n");
        assert_eq!(files(&build(&scene, &["-f", name, "c"])), [b], "{name}");
        std::fs::remove_dir_all(scene.path("out")).unwrap();
    }
    scene.write("three", dockerfile);
    let found = files(&build(&scene, &["-f", "three", "c"]));
    assert!(found.contains(&b.into()) && !found.contains(&a.into()), "{found:?}");
}

#[test]
fn build_arguments() {
    let scene = scene("ARG A=default\nARG B\nFROM scratch\nARG A\nARG B\nENV A=$A B=${B:-none}\n");
    for (args, variable, expected) in [
        (&[][..], "", ["A=default", "B=none"]),
        (&["--build-arg", "A=1", "--build-arg", "B=x=y"], "", ["A=1", "B=x=y"]),
        (
            &["--build-arg", "A", "--build-arg", "B"],
            "surroundings",
            ["A=default", "B=surroundings"],
        ),
        (&["--build-arg=A="], "", ["A=", "B=none"]),
    ] {
        let mut command = scene.program(["build", "-q", "-o", "out", "c"].iter().chain(args));
        if !variable.is_empty() {
            command.env("B", variable);
        }
        scene.run_command(command).digest();
        let image = Documents::only(&scene.path("out"));
        assert_eq!(image.config["config"]["Env"], env(&expected), "{args:?}");
        std::fs::remove_dir_all(scene.path("out")).unwrap();
    }
}

#[test]
fn times() {
    for (args, variable, expected) in [
        (&[][..], None, "1970-01-01T00:00:00Z"),
        (&["--build-arg", "SOURCE_DATE_EPOCH=1600000000"], None, "2020-09-13T12:26:40Z"),
        (&["--source-date-epoch", "1600000000"], None, "2020-09-13T12:26:40Z"),
        (&["--timestamp", "1600000000"], None, "2020-09-13T12:26:40Z"),
        (&[], Some("1600000000"), "2020-09-13T12:26:40Z"),
        (&["--timestamp=1"], Some("1600000000"), "1970-01-01T00:00:01Z"),
        (&["--timestamp=1", "--build-arg=SOURCE_DATE_EPOCH=2"], None, "1970-01-01T00:00:01Z"),
    ] {
        let scene = scene("FROM scratch\nCOPY a.txt /\n");
        let mut command = scene.program(["build", "-q", "-o", "out", "c"].iter().chain(args));
        command.envs(variable.map(|value| ("SOURCE_DATE_EPOCH", value)));
        scene.run_command(command).digest();
        let image = Documents::only(&scene.path("out"));
        assert_eq!(image.config["created"], expected, "{args:?} {variable:?}");
    }
}

#[test]
fn what_is_set_beside_the_dockerfile() {
    let scene = scene("FROM scratch\nLABEL a=1 b=1\nENV X=1\nCOPY a.txt /\n");
    let image = build(
        &scene,
        &["--label", "b=2", "--label=c=", "--annotation", "n=v", "--env", "X=2", "--env=Y=3", "c"],
    );
    let config = &image.config["config"];
    assert_eq!(config["Labels"], json!({ "a": "1", "b": "2", "c": "" }));
    assert_eq!(config["Env"], env(&["X=2", "Y=3"]));
    assert_eq!(image.manifest["annotations"], json!({ "n": "v" }));
}

#[test]
fn a_stage_that_is_not_needed_is_not_built() {
    let dockerfile = "FROM scratch AS one\nCOPY a.txt /\n\
                      FROM example.invalid/never AS general\nRUN apt-get update && make\nCOPY missing /\n\
                      FROM one AS two\nCOPY b.txt /\n";
    for (args, expected) in [
        (&["c"][..], &["file a.txt = a", "file b.txt = b"][..]),
        (&["--target", "one", "c"], &["file a.txt = a"]),
        (&["--target=ONE", "c"], &["file a.txt = a"]),
    ] {
        let scene = scene(dockerfile);
        assert_eq!(files(&build(&scene, args)), expected, "{args:?}");
    }
}

#[test]
fn named_contexts() {
    for (dockerfile, expected) in [
        ("FROM scratch\nCOPY --from=more d.txt /\n", "file d.txt = d"),
        ("FROM more\n", "file d.txt = d"),
        // It goes before an image's name.
        ("FROM docker.io/library/more:1\n", "file d.txt = d"),
    ] {
        let scene = scene(dockerfile);
        context::make(
            &scene.path("more"),
            "file d.txt = d\nfile e.txt = e\nfile .dockerignore = e*\n",
        );
        let args = ["--build-context", "more=more", "--build-context"];
        let image = build(&scene, &[&args[..], &["docker.io/library/more:1=more", "c"]].concat());
        assert!(files(&image).contains(&expected.to_owned()), "{dockerfile}");
        assert!(!files(&image).contains(&"file e.txt = e".to_owned()), "{dockerfile}");
    }
}

#[test]
fn a_target_says_what_it_is_for() {
    let scene = scene("FROM --platform=linux/arm64 scratch\nCOPY a.txt /\n");
    for args in [&["c"][..], &["--platform", "linux/amd64,linux/arm64", "c"]] {
        scene.build(args);
        let images = Documents::all(&scene.path("out"));
        let platforms: Vec<&str> = images.iter().map(|image| &*image.platform).collect();
        assert_eq!(platforms, ["linux/arm64"]);
        assert_eq!(images[0].config["architecture"], "arm64");
        std::fs::remove_dir_all(scene.path("out")).unwrap();
    }
}

#[test]
fn several_platforms_from_one_dockerfile() {
    let scene = scene(
        "FROM --platform=$BUILDPLATFORM scratch AS any\nCOPY a.txt /\n\
         FROM scratch\nARG TARGETARCH TARGETPLATFORM\nCOPY disk-$TARGETARCH.raw /disk/\n\
         COPY --from=any a.txt /\nENV ON=$TARGETPLATFORM\n",
    );
    for name in ["amd64", "arm64"] {
        scene.write(&format!("c/disk-{name}.raw"), name.repeat(200));
    }
    scene.build(&["--platform", "linux/amd64,linux/arm64", "c"]);
    let images = Documents::all(&scene.path("out"));
    let seen: Vec<_> = images.iter().map(|image| (&image.platform[..], files(image))).collect();
    for ((platform, files), name) in seen.iter().zip(["amd64", "arm64"]) {
        assert_eq!(*platform, format!("linux/{name}"));
        assert!(
            files[1].starts_with(&format!("file 444 107:107 disk/disk-{name}.raw = ")),
            "{files:?}"
        );
        assert_eq!(files[2..], ["file a.txt = a"]);
    }
    assert_eq!(images[1].config["config"]["Env"], env(&["ON=linux/arm64"]));
    assert_eq!(images[1].config["architecture"], Value::from("arm64"));
}

/// Podman and Buildah read `.containerignore`, and then nothing else.
#[test]
fn ignore_files() {
    let ignored = |file: &str| format!("Dockerfile*\n.*\n*.list\n{file}\n");
    for (names, args, expected) in [
        (&[".containerignore"][..], &[][..], "a.txt"),
        (&[".dockerignore"], &[], "a.txt"),
        (&[".dockerignore", ".containerignore"], &[], "b.txt"),
        (&[".containerignore", "Dockerfile.dockerignore"], &[], "b.txt"),
        (&["Dockerfile.dockerignore", "Dockerfile.containerignore"], &[], "b.txt"),
        (&[".containerignore", "own.list"], &["--ignorefile", "c/own.list"], "b.txt"),
    ] {
        let scene = scene("FROM scratch\nCOPY *.txt /\n");
        for (file, name) in ["a.txt", "b.txt"].iter().zip(names) {
            scene.write(&format!("c/{name}"), ignored(file));
        }
        let found = files(&build(&scene, &[args, &["c"]].concat()));
        let kept = if expected == "a.txt" { "file b.txt = b" } else { "file a.txt = a" };
        assert_eq!(found, [kept], "{names:?}");
    }
}

/// A name of `--build-context` replaces a stage, and an image in any spelling.
#[test]
fn build_contexts_have_names() {
    let check = |dockerfile: &str, context: &str, expected: &[&str]| {
        let scene = scene(dockerfile);
        scene.write("more/m", "m");
        let image = build(&scene, &["--build-context", context, "c"]);
        assert_eq!(files(&image), expected, "{context}: {dockerfile}");
    };
    let stage = "FROM scratch AS part\nCOPY missing /\nFROM part\nCOPY --from=part m /n\n";
    check(stage, "part=more", &["file m = m", "file n = m"]);
    let copied = "FROM scratch\nCOPY --from=alpine m /n\n";
    for name in ["alpine", "alpine:latest", "docker.io/library/alpine", "library/alpine"] {
        check(copied, &format!("{name}=more"), &["file n = m"]);
    }
    check(
        "FROM docker.io/library/alpine\nCOPY a.txt /\n",
        "alpine=more",
        &["file m = m", "file a.txt = a"],
    );
    check("FROM alpine:3\nCOPY a.txt /\n", "alpine:3=docker-image://scratch", &["file a.txt = a"]);
}

/// What the text alone decides is reported before a base is looked for, and all of it.
#[test]
fn problems_of_the_text_come_before_bases() {
    let dockerfile = "FROM localhost:1/none AS builder\nRUN make https://example.com/a\n\
        RUN mkdir -p /x && virt-customize -a b\nCOPY missing /x\nCOPY --chmod=9x9 a.txt /x\n\
        ARG MODE=999\nCOPY --chmod=$MODE a.txt $HOME/\nFROM scratch\nCOPY --from=builder /disk /disk/\n";
    let scene = scene(dockerfile);
    let said = scene.run_refused(scene.program(["build", "--retry", "0", "-o", "out", "c"]));
    for expected in ["`make` is not", "`virt-customize` is not", "`missing` is not", "9x9", "999"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("localhost"), "{said}");
}

/// Annotations go to the documents that are named in front of their keys.
#[test]
fn annotations_have_levels() {
    let scene = scene("FROM scratch\nCOPY a.txt /\n");
    let annotations =
        ["index:a=1", "manifest:b=2", "index,manifest:c=3", "d=4", "manifest-descriptor:e=5"];
    let args = annotations.iter().flat_map(|annotation| ["--annotation", annotation]);
    let image = build(&scene, &args.chain(["c"]).collect::<Vec<_>>());
    let expected = json!({ "a": "1", "c": "3", "d": "4" });
    let index = Documents::index(&scene.path("out"));
    assert_eq!(index["annotations"], expected);
    assert_eq!(index["manifests"][0]["annotations"], json!({ "e": "5" }));
    assert_eq!(image.manifest["annotations"], json!({ "b": "2", "c": "3", "d": "4" }));
}

/// A socket in the context is passed over with a warning.
#[test]
fn sockets_are_not_copied() {
    let scene = scene("FROM scratch\nCOPY sub /\n");
    let socket = std::os::unix::net::UnixListener::bind(scene.path("c/sub/s.sock")).unwrap();
    let outcome = scene.run(["build", "-o", "out", "c"]);
    drop(socket);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("`sub/s.sock` is a socket"), "{}", outcome.stderr);
    assert_eq!(files(&Documents::only(&scene.path("out"))), ["file c.txt = c"]);
}
