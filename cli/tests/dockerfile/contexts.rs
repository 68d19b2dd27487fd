//! Build contexts that are not directories: a tar on standard input or on a server, and a commit of
//! a git repository.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use diskette_integration::disk::sha256;
use diskette_integration::dockerfile::context;
use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};

/// A scene with an archive `t.tar.gz` of a context.
fn scene() -> Scene {
    let scene = Scene::new();
    let dockerfile = r#"Dockerfile = "FROM scratch\nCOPY . /x/\n""#;
    let text = format!(
        "tar t.tar.gz = gz\n file {dockerfile}\n file .dockerignore = \"Dockerfile\\n.dockerignore\"\n dir 555 d\n file 600 d/f = f\n link l = d/f"
    );
    context::make(&scene.path("."), &text);
    scene
}

const EXPECTED: [&str; 4] = ["dir x", "dir 555 x/d", "file 600 x/d/f = f", "link x/l = d/f"];

/// Returns the only image's files, and removes the image.
fn files(scene: &Scene) -> Vec<String> {
    let image = Documents::only(&scene.path("out"));
    std::fs::remove_dir_all(scene.path("out")).unwrap();
    (0..image.layers().len()).flat_map(|number| image.layer(number)).collect()
}

/// Builds with a file as standard input.
fn build_from(scene: &Scene, input: &str, args: &[&str]) -> Vec<String> {
    let mut command = scene.program(["build", "-q", "-o", "oci:out"].iter().chain(args));
    command.stdin(File::open(scene.path(input)).unwrap());
    scene.run_command(command).digest();
    files(scene)
}

#[test]
fn standard_input() {
    let scene = scene();
    assert_eq!(build_from(&scene, "t.tar.gz", &["-"]), EXPECTED);
    // `-f` names a file of the tar.
    assert_eq!(build_from(&scene, "t.tar.gz", &["-f", "Dockerfile", "-"]), EXPECTED);
    scene.write("text", "FROM scratch\nCOPY <<a /\nx\na\n");
    assert_eq!(build_from(&scene, "text", &["-"]), ["file a = \"x\\n\""]);
    let both = scene.run_refused(scene.program(["build", "-o", "oci:out", "-f", "-", "-"]));
    assert!(both.contains("standard input cannot be both the Dockerfile and the context"));
    let mut lock = scene.program(["build", "-o", "oci:out", "--lock", "-"]);
    lock.stdin(File::open(scene.path("t.tar.gz")).unwrap());
    let said = scene.run_refused(lock);
    assert!(said.contains("`--lock` writes beside the Dockerfile"), "{said}");
}

/// An archive that is cut off, or leads out of the context, is refused, and nothing stays.
#[test]
fn archives_that_are_refused() {
    let scene = scene();
    let archive = scene.read("t.tar.gz");
    scene.write("cut", &archive[..archive.len() / 2]);
    let climbing = "tar climbs.tar = none\n link l = ..\n file l/x = x";
    context::make(&scene.path("."), climbing);
    for (input, expected) in
        [("cut", "cannot use the context"), ("climbs.tar", "cannot unpack `l/x`")]
    {
        let mut command = scene.program(["build", "-o", "oci:out", "-"]);
        command.stdin(File::open(scene.path(input)).unwrap());
        std::fs::create_dir_all(scene.path("tmp")).unwrap();
        command.env("TMPDIR", scene.path("tmp"));
        let said = scene.run_refused(command);
        assert!(said.contains(expected), "{said}");
        assert_eq!(std::fs::read_dir(scene.path("tmp")).unwrap().count(), 0);
    }
}

#[test]
fn servers() {
    let scene = scene();
    let archive = scene.read("t.tar.gz");
    let digest = sha256(&archive);
    let server = Server::start([("/t.tar.gz", ServerAnswer::Content(archive))]);
    let url = server.url("/t.tar.gz");
    scene.build(&[&format!("{url}#sha256:{digest}")]);
    assert_eq!(files(&scene), EXPECTED);
    let refuse = |context: &str, expected: &str| {
        let said = scene.run_refused(scene.program(["build", "-o", "oci:out", context]));
        assert!(said.contains(expected), "{said}");
    };
    let wrong = "0".repeat(64);
    refuse(&format!("{url}#sha256:{wrong}"), "the checksum is wrong");
    refuse(&url, "has no checksum");
    refuse(&format!("{url}#main"), "`main` is not a checksum");
}

/// Runs git in a directory.
fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=n", "-c", "user.email=n@example.org", "-C"]);
    let answer = command.arg(directory).args(arguments).output().unwrap();
    assert!(answer.status.success(), "{answer:?}");
    String::from_utf8(answer.stdout).unwrap().trim().to_owned()
}

#[test]
fn git_commits() {
    let scene = Scene::new();
    let repository = scene.path("r");
    let text = r#"file Dockerfile = "FROM scratch\nCOPY f /\n"
file f = old
file 755 sub/f = sub
file sub/Dockerfile = "FROM scratch\nCOPY f /s/\n""#;
    context::make(&repository, text);
    git(&repository, &["init", "--quiet"]);
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "--quiet", "-m", "one"]);
    let commit = git(&repository, &["rev-parse", "HEAD"]);
    scene.write("r/f", "new");
    git(&repository, &["commit", "--quiet", "-am", "two"]);
    scene.write("r/f", "not committed");
    let build = |context: &str| {
        scene.build(&[context]);
        files(&scene)
    };
    assert_eq!(build(&format!("r#{commit}")), ["file f = old"]);
    assert_eq!(build("r#"), ["file f = new"]);
    assert_eq!(build("r#HEAD:sub"), ["dir s", "file 755 s/f = sub"]);
    // A hook runs with variables of its own repository.
    git(&scene.path(""), &["init", "--quiet", "other"]);
    let mut hook = scene.program(["build", "-q", "-o", "oci:hook", "r#HEAD"]);
    hook.env("GIT_DIR", scene.path("other/.git")).env("GIT_INDEX_FILE", scene.path("other/index"));
    let outcome = scene.run_command(hook);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let url = format!("file://{}", repository.display());
    assert_eq!(build(&format!("{url}#{commit}")), ["file f = old"]);
    // The repository is as it was.
    assert_eq!(git(&repository, &["status", "--short"]), "M f");
    let refused = scene.run_refused(scene.program(["build", "-o", "oci:out", "r#missing"]));
    assert!(refused.contains("cannot check out r at missing"), "{refused}");
    let mut without_git = scene.program(["build", "-o", "oci:out", "r#HEAD"]);
    without_git.env("PATH", scene.path("r"));
    let refused = scene.run_refused(without_git);
    assert!(refused.contains("`git` is not installed"), "{refused}");
    // Option-like references and repositories are no options.
    let refused = scene.run_refused(scene.program(["build", "-o", "oci:out", "r#--output=x"]));
    assert!(refused.contains("cannot check out r at --output=x"), "{refused}");
}
