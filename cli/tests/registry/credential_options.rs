//! Options that give credentials: what they are sent to, and that no message repeats them.

use diskette_integration::docker_registry::{DockerRegistry, USER, htpasswd_settings};
use diskette_integration::scene::Scene;

/// Whatever is wrong with a secret or the words around it, no message repeats it.
#[test]
fn secrets_on_the_command_line_are_not_repeated() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    scene.write("me:file", "");
    scene.write("url.yaml", "apiVersion: diskette/v1\nplatforms:\n  linux/amd64: {disk: {url: 'https://me:S3cr3t@127.0.0.1:1/d', sha256: x}}\n");
    let push = ["push", "-l", "out", "1", "127.0.0.1:1/x:1", "--retry", "0"];
    let check = |args: &[&str], expected: i32| {
        for format in ["text", "github", "json"] {
            let args = [args, &["--message-format", format]].concat();
            let outcome = scene.run(&args);
            assert_eq!(outcome.status, expected, "{args:?} {}", outcome.stderr);
            assert!(!outcome.stderr.contains("S3cr3t"), "{args:?} {}", outcome.stderr);
        }
    };
    let pushed = |args: &[&str], expected: i32| check(&[&push[..], args].concat(), expected);
    pushed(&["--creds", "robot$me:S3cr3t"], 75);
    pushed(&["--creds", "S3cr3t"], 2);
    pushed(&["--creds", ":S3cr3t"], 2);
    pushed(&["--creds", "S3cr3t:"], 2);
    pushed(&["--creds-file", "me:S3cr3t"], 2);
    pushed(&["--creds", "me:S3cr3t", "--creds-file", "x"], 2);
    pushed(&["--creds=me:S3cr3t", "--creds=me:S3cr3t"], 2);
    pushed(&["--cred", "me:S3cr3t"], 2);
    pushed(&["--creds", "me:S3cr3t", "--jobs", "0"], 2);
    pushed(&["r.io/x", "--creds", "me:S3cr3t"], 2);
    check(&["copy", "oci:out:1", "q.io/a:1", "--dest-creds", "S3cr3t"], 2);
    check(&["copy", "q.io/a:1", "r.io/a:1", "--creds", "me:S3cr3t"], 2);
    check(&["copy", "q.io/a:1", "oci:x", "--src-creds", "me:S3cr3t", "--src-cred", "x"], 2);
    check(&["login", "-u", "me", "-p", "S3cr3t", "127.0.0.1:1", "--retry", "0"], 75);
    check(&["login", "-u", "me", "--password=S3cr3t", "--password-stdin", "127.0.0.1:1"], 2);
    check(&["login", "-u", "me", "-pS3cr3t", "not a registry"], 2);
    check(&["login", "https://me:S3cr3t@q.io"], 2);
    check(&["login", "me:S3cr3t@q.io"], 2);
    check(&["pull", "docker://me:S3cr3t@q.io/x"], 2);
    check(&["tags", "me:S3cr3t@q.io/X"], 2);
    check(&["releases", "fedora", "--rewrite-url", "https://me:S3cr3t@a/"], 2);
    check(&["build", "-f", "url.yaml", "-o", "new"], 1);
}

/// A credential is sent to the registry that it is for: two that ask for one show which they get.
#[test]
fn a_credential_goes_to_its_own_registry() {
    let scene = Scene::with_disk();
    let settings = [htpasswd_settings(&scene)];
    let Some(first) = DockerRegistry::start(&scene, "first", &settings) else { return };
    let Some(second) = DockerRegistry::start(&scene, "second", &settings) else { return };
    scene.build(&[]);
    let (a, b) = (first.reference("team/vm:1"), second.reference("team/vm:1"));
    scene.write("Dockerfile", format!("FROM {a}\nLABEL a=b\n"));
    let wrong = "me:secret";
    let check = |args: &[&str], expected: i32| {
        let outcome = scene.run(args);
        assert_eq!(outcome.status, expected, "{args:?} {}", outcome.stderr);
    };
    check(&["push", "-l", "out", "1", &a, "--creds", USER], 0);
    check(&["copy", &a, &b, "--creds", USER], 2);
    check(&["copy", &a, &b, "--src-creds", USER], 1);
    check(&["copy", &a, &b, "--src-creds", wrong, "--dest-creds", USER], 1);
    check(&["copy", &a, &b, "--src-creds", USER, "--dest-creds", wrong], 1);
    check(&["copy", &a, &b, "--src-creds", USER, "--dest-creds", USER], 0);
    // Within one registry each side keeps its own.
    let beside = first.reference("team/new:1");
    check(&["copy", &a, &beside, "--src-creds", USER, "--dest-creds", wrong], 1);
    check(&["copy", &a, &beside, "--creds", USER], 0);
    // A base that is read is not sent what is for the destination.
    let build = ["build", "-f", "Dockerfile", "--push", "-t", &b];
    check(&[&build[..], &["--creds", USER]].concat(), 1);
    check(&[&build[..], &["--dest-creds", USER]].concat(), 1);
    check(&[&build[..], &["--src-creds", USER]].concat(), 1);
    check(&[&build[..], &["--src-creds", USER, "--dest-creds", USER]].concat(), 0);
    check(&["build", "-f", "Dockerfile", "-o", "new", "--creds", USER], 0);
    // Bases of two registries have no credential in common.
    scene.write("Dockerfile", format!("FROM {a} AS a\nFROM {b}\nCOPY --from=a / /x/\n"));
    check(&["build", "-f", "Dockerfile", "-o", "new", "--creds", USER, "--no-cache"], 1);
}

/// `--cert-dir` takes the place of `certs.d`.
#[test]
fn certificates_are_read_from_a_directory() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    scene.write("certs/client.key", "");
    let push = ["push", "-l", "out", "1", "localhost:1/x:1", "--retry", "0", "--tls-verify"];
    let said = |dir: &str| scene.run([&push[..], &["--cert-dir", dir]].concat()).stderr;
    assert!(said("certs").contains("needs its certificate beside it"), "{}", said("certs"));
    assert!(said("nowhere").contains("cannot read `nowhere`"), "{}", said("nowhere"));
}
