//! Registries want to know who we are: with passwords (htpasswd), and with tokens from a server
//! beside them. Credentials come from files, also from those of podman and skopeo.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::process::{Command, Stdio};

use diskette_integration::certificates::Authority;
use diskette_integration::docker_registry::{DockerRegistry, USER, htpasswd_settings};
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::{ProgramOutcome, Scene};
use diskette_integration::token_server::{AnonymousAccess, TokenServer};
use serde_json::json;
use snapbox::{IntoData, assert_data_eq, str};

/// Runs a command that is given something to read.
fn feed(scene: &Scene, mut command: Command, input: &str) -> ProgramOutcome {
    let path = scene.write("tmp/input", input);
    command.stdin(Stdio::from(std::fs::File::open(path).unwrap()));
    scene.run_command(command)
}

/// Pushes with some options and compares what is said; `[OK]` stands for an image that is there.
fn check(scene: &Scene, registry: &DockerRegistry, args: &[&str], expected: impl IntoData) {
    let name = registry.reference("team/vm:1");
    let push = ["push", "-l", "out", "1", &name, "--progress", "none", "--retry", "0"];
    let outcome = feed(scene, scene.program(push.iter().chain(args)), USER);
    let digest = Layout::open(&scene.path("out")).find_tag("1").digest().to_string();
    let said = outcome.transcript().replace(&registry.address(), "[REGISTRY]");
    assert_data_eq!(said.replace(&digest, "[DIGEST]"), expected.raw());
}

const GOOD: &str = "status: 0\nstdout:\n[REGISTRY]/team/vm@[DIGEST]\nstderr:\n";

const NONE_KNOWN: &str = "\
status: 1
stdout:
stderr:
error: cannot upload a blob to [REGISTRY]/team/vm: the server answered 401: it requires a user and a password, and none are known for it: UNAUTHORIZED, authentication required
 |
 = help: log in with `diskette login [REGISTRY]`; `diskette auth explain [REGISTRY]/team/vm` shows which credential is used
";

const REFUSED: &str = "\
status: 1
stdout:
stderr:
error: cannot upload a blob to [REGISTRY]/team/vm: the server answered 401: the credential is refused: UNAUTHORIZED, authentication required
 |
 = help: log in with `diskette login [REGISTRY]`; `diskette auth explain [REGISTRY]/team/vm` shows which credential is used
";

#[test]
fn passwords() {
    let scene = Scene::with_disk();
    let settings = [htpasswd_settings(&scene)];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    scene.build(&[]);
    scene.write("right", USER);
    scene.write("wrong", "me:secret");
    scene.write("nobody", "sesame");
    let check = |args: &[&str], expected: snapbox::Data| check(&scene, &registry, args, expected);
    check(&[], NONE_KNOWN.raw());
    check(&["--creds-file", "wrong"], REFUSED.raw());
    check(
        &["--creds-file", "nobody"],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no `USER:PASSWORD` in `nobody`

"#]]
        .raw(),
    );
    check(
        &["--creds-file", "nowhere"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read `nowhere`: No such file or directory (os error 2)

"#]]
        .raw(),
    );
    check(&["--creds-file", "right"], GOOD.raw());
    check(&["--creds-file", "-"], GOOD.raw());
    // What is wrong never shows, with whatever options.
    let debug = feed(
        &scene,
        scene.program(["tags", &registry.reference("team/vm"), "--creds-file", "-", "--debug"]),
        USER,
    );
    assert!(debug.stderr.contains("> GET"), "{}", debug.stderr);
    assert!(
        !debug.stderr.contains("sesame") && !debug.stderr.contains("Basic"),
        "{}",
        debug.stderr
    );
    // In a file of podman's, by host, by path, and for others only.
    let auth = |key: &str, value: &str| {
        scene.write("auth.json", format!(r#"{{"auths":{{"{key}":{{"auth":"{value}"}}}}}}"#));
    };
    let (right, wrong) = ("bWU6c2VzYW1l", "bWU6c2VjcmV0");
    let address = registry.address();
    auth(&address, right);
    check(&["--authfile", "auth.json"], GOOD.raw());
    auth(&format!("{address}/team"), right);
    check(&["--authfile", "auth.json"], GOOD.raw());
    auth(&format!("{address}/other"), right);
    check(&["--authfile", "auth.json"], NONE_KNOWN.raw());
    auth(&address, wrong);
    check(&["--authfile", "auth.json"], REFUSED.raw());
    check(&["--authfile", "auth.json", "--creds-file", "right"], GOOD.raw());
    scene.write("auth.json", "{");
    check(&["--authfile", "auth.json"], str![[r#"
status: 1
stdout:
stderr:
error: cannot look for a blob in [REGISTRY]/team/vm: `auth.json` is not JSON at line 1, column 1
 |
 = help: mend it, or remove it and log in again; it looks like `{"auths": {"quay.io": {"auth": "…"}}}`

"#]].raw());
    check(
        &["--authfile", "nowhere.json"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot look for a blob in [REGISTRY]/team/vm: cannot find the auth file `nowhere.json`
 |
 = help: it is named by `--authfile`; correct that, or log in

"#]]
        .raw(),
    );
}

/// Other programs log in, and we are let in.
#[test]
fn others_log_in() {
    let scene = Scene::with_disk();
    let settings = [htpasswd_settings(&scene)];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    scene.build(&[]);
    for name in ["podman", "skopeo", "buildah"] {
        let Some(other) = peer::find(name) else { continue };
        let file = scene.path(&format!("{name}.json"));
        let file = file.to_str().unwrap();
        let mut command = other.command();
        command.args(["login", "--tls-verify=false", "--authfile", file, "-u", "me"]);
        command.args(["--password-stdin", &registry.address()]);
        let outcome = feed(&scene, command, "sesame");
        assert_eq!(outcome.status, 0, "{name}: {}", outcome.stderr);
        check(&scene, &registry, &["--authfile", file], GOOD);
    }
    // And where everybody looks for it.
    let home = "home/.config/containers/auth.json";
    let login = ["login", "-u", "me", "--password-stdin", &registry.address()];
    let outcome = feed(&scene, scene.program(login), "sesame");
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    check(&scene, &registry, &[], GOOD);
    let Some(skopeo) = peer::find("skopeo") else { return };
    let image = format!("docker://{}", registry.reference("team/vm:1"));
    let authfile = scene.path(home);
    let authfile = authfile.to_str().unwrap();
    skopeo.run(["inspect", "--raw", "--tls-verify=false", "--authfile", authfile, &image]);
}

#[test]
fn tokens() {
    let scene = Scene::with_disk();
    let Some(authority) = Authority::new(&scene, "authority") else { return };
    let Some(server) = TokenServer::start(&authority, AnonymousAccess::Pull) else { return };
    let settings = [server.registry_settings()];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    scene.build(&[]);
    scene.write("right", USER);
    scene.write("wrong", "me:secret");
    check(&scene, &registry, &[], NONE_KNOWN);
    check(
        &scene,
        &registry,
        &["--creds-file", "wrong"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot look for a blob in [REGISTRY]/team/vm: the registry's token server refused the credential: it answered 401: incorrect username or password
 |
 = help: log in with `diskette login [REGISTRY]`; `diskette auth explain [REGISTRY]/team/vm` shows which credential is used

"#]],
    );
    drop(server.take_scopes());
    check(&scene, &registry, &["--creds-file", "right"], GOOD);
    let mut scopes = server.take_scopes();
    scopes.dedup();
    assert_eq!(scopes, ["repository:team/vm:pull,push"]);
    // Reading needs no password.
    let name = registry.reference("team/vm:1");
    assert_eq!(scene.run(["pull", "-q", &name, "-o", "back"]).status, 0);
    let mut scopes = server.take_scopes();
    scopes.dedup();
    assert_eq!(scopes, ["repository:team/vm:pull"]);
    // A blob from the repository beside it needs leave for both.
    let beside = registry.reference("other/vm:1");
    let copied = scene.run(["copy", "--debug", &name, &beside, "--creds-file", "right"]);
    assert_eq!(copied.status, 0, "{}", copied.stderr);
    assert!(!copied.stderr.contains("> PATCH"), "blobs were moved: {}", copied.stderr);
    let scopes = server.take_scopes();
    assert!(scopes.contains(&"repository:other/vm:pull,push".to_owned()), "{scopes:?}");
    assert!(!copied.stderr.contains("eyJ"), "a token shows: {}", copied.stderr);
}

#[test]
fn tokens_for_nobody() {
    let scene = Scene::with_disk();
    let Some(authority) = Authority::new(&scene, "authority") else { return };
    let Some(server) = TokenServer::start(&authority, AnonymousAccess::Nothing) else { return };
    let settings = [server.registry_settings()];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    scene.build(&[]);
    check(
        &scene,
        &registry,
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot look for a blob in [REGISTRY]/team/vm: it requires a user and a password, and none are known for it: it answered 401: incorrect username or password
 |
 = help: log in with `diskette login [REGISTRY]`; `diskette auth explain [REGISTRY]/team/vm` shows which credential is used

"#]],
    );
    scene.write("right", USER);
    check(&scene, &registry, &["--creds-file", "right"], GOOD);
    // The token server is gone: that is said, and not that the password is wrong.
    let mut settings = settings;
    settings[0].1["token"]["realm"] = json!("http://127.0.0.1:1/token");
    let Some(front) = DockerRegistry::start(&scene, "other", &settings) else { return };
    check(
        &scene,
        &front,
        &["--creds-file", "right"],
        str![[r#"
status: 75
stdout:
stderr:
error: cannot look for a blob in [REGISTRY]/team/vm: cannot connect to 127.0.0.1:1: Connection refused (os error 111)

"#]],
    );
}

#[test]
fn a_login_that_is_refused_says_what_to_check() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start(&scene, "registry", &[htpasswd_settings(&scene)])
    else {
        return;
    };
    let address = registry.address();
    let outcome = scene.run(["login", "-u", "me", "-p", "wrong", &address, "--retry", "0"]);
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("check the user and the password"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("`diskette login"), "{}", outcome.stderr);
}
