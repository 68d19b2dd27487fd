//! `build --check` with BuildKit's rules.

use diskette_integration::disk::qcow2_disk;
use diskette_integration::scene::{ProgramOutcome, Scene};
use serde_json::Value;

const BAD: &str = "FROM scratch as base\nADD disk.qcow2 /disk/\n";

fn check(dockerfile: &str, args: &[&str]) -> ProgramOutcome {
    check_ignoring("hidden\n", dockerfile, args)
}

fn check_ignoring(ignored: &str, dockerfile: &str, args: &[&str]) -> ProgramOutcome {
    let scene = Scene::new();
    scene.write("c/disk.qcow2", qcow2_disk(9, 300_000));
    scene.write("c/.dockerignore", ignored);
    scene.write("c/hidden", "x");
    scene.write("c/dir/file", "x");
    scene.write("c/Dockerfile", dockerfile);
    scene.run(["build", "c"].iter().chain(args))
}

#[test]
fn warnings_fail_where_it_is_demanded() {
    let demanded = &format!("# check=error=true\n{BAD}");
    let skipped = &format!("# check=skip=FromAsCasing;error=true\n{BAD}");
    let argument = "BUILDKIT_DOCKERFILE_CHECK=error=true";
    for (dockerfile, args, status) in [
        (BAD, &["--check"][..], 0),
        (BAD, &["--check=warn"], 0),
        (BAD, &["--check=error"], 1),
        (BAD, &["--check", "--build-arg", argument], 1),
        (demanded, &["--check"], 1),
        (demanded, &["--check=warn"], 0),
        (demanded, &["-o", "out"], 1),
        (skipped, &["--check"], 0),
        (skipped, &["-o", "out"], 0),
        (BAD, &["-o", "out"], 0),
        ("# check=wrong\nFROM scratch\n", &["--check"], 1),
    ] {
        let outcome = check(dockerfile, args);
        assert_eq!(outcome.status, status, "{dockerfile} {args:?}: {}", outcome.stderr);
        let is_reported = dockerfile != skipped && (args[0] != "-o" || status == 1);
        let has = outcome.stderr.contains("[FromAsCasing]");
        assert_eq!(has, is_reported && !dockerfile.contains("wrong"), "{}", outcome.stderr);
    }
    let said = check(demanded, &["--check"]).stderr;
    assert!(said.contains("lint violation found for rules: FromAsCasing"), "{said}");
    let said = check("# check=wrong\nFROM scratch\n", &["--check"]).stderr;
    assert!(said.contains("invalid check option `wrong`"), "{said}");
    let said = check(BAD, &["--check=error"]).stderr;
    assert!(said.contains("`--check=error` fails on warnings"), "{said}");
}

#[test]
fn errors_have_the_names_of_rules() {
    for (instruction, rule) in
        [("COPY hidden /", "CopyIgnoredFile"), ("COPY $DISK /disk/", "UndefinedVar")]
    {
        let outcome = check(&format!("FROM scratch\n{instruction}\n"), &["--check"]);
        let said = outcome.stderr;
        assert_eq!((outcome.status, said.matches(rule).count()), (1, 1), "{said}");
    }
}

#[test]
fn only_excluded_sources_are_ignored_files() {
    for (ignored, instruction, rule) in [
        ("hidden", "COPY hidden /", Some(("hidden", "hidden", "1:1"))),
        ("# rules\nhid*", "ADD ./hidden /", Some(("hidden", "hid*", "2:1"))),
        ("dir", "COPY disk.qcow2 dir/file /x/", Some(("dir/file", "dir", "1:1"))),
        ("*\n!disk*", "COPY --link dir /", Some(("dir", "*", "1:1"))),
        ("*\n!disk.qcow2\n!hidden", "COPY hidden /", None),
        ("dir\n!dir/file", "COPY dir/file /", None),
        ("hidden", "COPY disk.qcow2 /hidden/", None),
        ("hidden", "COPY . /", None),
        ("hidden", "COPY --from=other hidden /", None),
        ("hidden", "COPY <<hidden /\ntext\nhidden", None),
    ] {
        let dockerfile = format!(
            "FROM scratch AS other\nCOPY dis* /hidden\nFROM scratch\nCOPY dis* /disk/\n{instruction}\n"
        );
        let outcome = check_ignoring(ignored, &dockerfile, &["--check"]);
        let said = outcome.stderr;
        let context = format!("{ignored:?} {instruction}: {said}");
        let Some((path, pattern, at)) = rule else {
            assert_eq!((outcome.status, said.contains("CopyIgnoredFile")), (0, false), "{context}");
            continue;
        };
        let message = format!("`{path}` is excluded from the build context by `{pattern}`");
        let help = format!("`{pattern}` stands at c/.dockerignore:{at}; remove it or add a `!`");
        assert_eq!(outcome.status, 1, "{context}");
        assert!(said.contains("error[CopyIgnoredFile]") && said.contains(&message), "{context}");
        assert!(said.contains(&help), "{context}");
    }
}

#[test]
fn findings_are_written_for_programs() {
    let json = |dockerfile: &str, format: &str| {
        let outcome = check(dockerfile, &["--check", "--check-format", format]);
        assert_eq!(outcome.stderr, "");
        (outcome.status, serde_json::from_slice::<Value>(&outcome.stdout).unwrap())
    };
    let (status, report) = json(BAD, "json");
    assert_eq!(status, 0);
    let warning = &report["warnings"][0];
    assert_eq!(warning["ruleName"], "FromAsCasing");
    assert_eq!(warning["url"], "https://docs.docker.com/go/dockerfile/rule/from-as-casing/");
    assert_eq!(warning["location"]["ranges"][0]["start"]["line"], 1);
    assert_eq!(report["sources"][0]["filename"], "c/Dockerfile");
    assert_eq!(report["buildError"], Value::Null);

    let (status, report) = json("FROM scratch\nCOPY gone /\n", "json");
    assert_eq!(status, 1);
    let message = report["buildError"]["message"].as_str().unwrap();
    assert!(message.contains("`gone` is not in the build context"), "{message}");

    let (status, report) = json(&format!("# check=error=true\n{BAD}"), "sarif");
    assert_eq!((status, &report["version"]), (1, &Value::from("2.1.0")));
    let run = &report["runs"][0];
    assert_eq!(run["results"][0]["ruleId"], "FromAsCasing");
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "FromAsCasing");
    let location = &run["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(location["region"]["startLine"], 2);
    assert_eq!(location["artifactLocation"]["uri"], "c/Dockerfile");

    let outcome = check(BAD, &["--check", "--message-format", "github"]);
    let annotation = "::warning file=c/Dockerfile,line=1,col=14,title=diskette [FromAsCasing]::";
    assert!(outcome.stderr.contains(annotation), "{}", outcome.stderr);
}
