//! Secrets go to the registry they are for, and nowhere else: not to whom it redirects, not to whom it
//! names, not into messages, arguments or files.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use diskette_integration::disk::sha256;
use diskette_integration::peer;
use diskette_integration::registry::cases::check_all;
use diskette_integration::registry::profile::{TokenExpiry, TokenForm};
use diskette_integration::registry::test_images::{NAME, TestImages};
use diskette_integration::registry::trap::SecretTrap;
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;
use serde_json::json;

/// The password of the user and of the proxy.
const CANARY: &str = "c4nary-0f-a-t3st";

/// `user:` and the canary, as `Authorization` has it.
const ENCODED: &str = "dXNlcjpjNG5hcnktMGYtYS10M3N0";

/// The password for another registry, and for another repository of the registry.
const OTHER: &str = "d3coy-of-an0ther";

/// `user:` and the password for others, as `Authorization` has it.
const OTHER_ENCODED: &str = "dXNlcjpkM2NveS1vZi1hbjB0aGVy";

/// Where the secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    AuthFile,
    DockerConfig,
    /// `DOCKER_AUTH_CONFIG`
    Variable,
    /// `--creds-file -`
    StandardInput,
    Helper,
    /// The user and password of a proxy, besides those of an auth file.
    Proxy,
}

/// How an attacker tries to get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attack {
    /// Nobody does: the push succeeds.
    None,
    /// The ping is redirected to where credentials are asked for.
    Ping,
    /// Whoever asks for a token is redirected.
    Token,
    /// `HEAD` of a blob is redirected.
    Head,
    /// The `POST` is redirected.
    Post,
    /// The upload session is elsewhere.
    Location,
    /// The manifest is redirected.
    Manifest,
    /// The registry repeats the headers of the request.
    Echo,
    /// A pulled blob is redirected.
    Pull,
    /// A pulled image has a layer with a URL elsewhere.
    Foreign,
}

const SOURCES: [Source; 6] = [
    Source::AuthFile,
    Source::DockerConfig,
    Source::Variable,
    Source::StandardInput,
    Source::Helper,
    Source::Proxy,
];

const ATTACKS: [Attack; 10] = [
    Attack::None,
    Attack::Ping,
    Attack::Token,
    Attack::Head,
    Attack::Post,
    Attack::Location,
    Attack::Manifest,
    Attack::Echo,
    Attack::Pull,
    Attack::Foreign,
];

#[derive(Debug)]
struct Case {
    source: Source,
    attack: Attack,
}

/// What was heard of a run in all places where a secret may turn up.
#[derive(Debug, Default)]
struct Heard {
    status: i32,
    /// Name of the place, and what was there.
    places: Vec<(String, String)>,
}

#[test]
fn leaks() {
    let Some(goods) = TestImages::new() else { return };
    let cases = |source| ATTACKS.map(|attack| Case { source, attack });
    let cases: Vec<_> = SOURCES.into_iter().flat_map(cases).collect();
    assert_eq!(cases.len(), 60);
    check_all(&cases, |case| check(&goods, case));
    goods.assert_untouched();
}

fn check(goods: &TestImages, case: &Case) {
    let profile = Profile { password: CANARY, ..Profile::DISTRIBUTION_3 };
    let lifetime = Duration::from_secs(300);
    let registry =
        goods.registry(profile.with_tokens(lifetime, TokenExpiry::Declared, TokenForm::Opaque));
    let trap = SecretTrap::new();
    arm(&registry, &trap, case.attack);
    let scene = Scene::new();
    let mut command = command(goods, &scene, &registry, case);
    give(&mut command, &scene, &registry, case.source);
    let secrets = [CANARY, ENCODED, OTHER, OTHER_ENCODED];
    let mut heard = watch(&scene, command, case.source, &secrets);
    let requests = registry.take_requests();
    assert!(!requests.is_empty(), "the registry was not asked");
    let headers = requests.iter().flat_map(|request| &request.headers);
    let is_other = |text: &str| [OTHER, OTHER_ENCODED].iter().any(|other| text.contains(other));
    for (name, value) in headers {
        assert!(!is_other(value), "a password for others is in {name}: {value}");
    }
    heard.places.push(("the trap".into(), trap.received_text()));
    if case.attack == Attack::None {
        assert_eq!(heard.status, 0, "{:?}", heard.places);
        goods.assert_served(&registry, &goods.new);
    } else if case.attack != Attack::Foreign {
        assert_ne!(registry.fault_count(), 0, "there was no such request: {:?}", heard.places);
    }
    assert!(!registry.tokens().is_empty() || heard.status == 1, "it did not use the secret");
    assert_nothing_leaked(&heard, &registry.tokens());
}

/// Prepares what the registry does.
fn arm(registry: &Registry, trap: &SecretTrap, attack: Attack) {
    let (kind, fault) = match attack {
        Attack::None => return,
        Attack::Ping => (RequestKind::Ping, Fault::Redirect(trap.url("/v2/"))),
        Attack::Token => (RequestKind::Token, Fault::Redirect(trap.url("/token"))),
        Attack::Head => (RequestKind::HeadBlob, Fault::Redirect(trap.url("/v2/a/blobs/b"))),
        Attack::Post => (RequestKind::Post, Fault::Redirect(trap.url("/v2/a/blobs/uploads/"))),
        Attack::Location => {
            (RequestKind::Post, Fault::Location(trap.url("/v2/a/blobs/uploads/1?x=y")))
        }
        Attack::Manifest => {
            (RequestKind::PutManifest, Fault::Redirect(trap.url("/v2/a/manifests/1")))
        }
        Attack::Echo => (RequestKind::Post, Fault::Echo(403)),
        Attack::Pull => (RequestKind::GetBlob, Fault::Redirect(trap.url("/storage"))),
        Attack::Foreign => return registry.put_manifest(NAME, "1", &foreign(trap)),
    };
    registry.inject(kind, fault, FaultTimes::Always);
}

/// Returns a manifest whose layer is in the trap.
fn foreign(trap: &SecretTrap) -> Vec<u8> {
    let digest = format!("sha256:{}", sha256(b"{}"));
    let config = json!({
        "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2,
    });
    let layer = json!({
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": digest, "size": 2, "urls": [trap.url("/layer")],
    });
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer]})
        .to_string()
        .into_bytes()
}

fn command(goods: &TestImages, scene: &Scene, registry: &Registry, case: &Case) -> Command {
    let there = registry.reference("team/vm:1");
    let layout = goods.layout("new");
    let mut args = match case.attack {
        Attack::Pull | Attack::Foreign => vec!["pull", &there, "-o", "oci:back"],
        _ => vec!["push", "-l", &layout, "1", &there],
    };
    args.extend(["--debug", "--retry", "1", "--timeout", "2"]);
    match case.source {
        Source::AuthFile | Source::Proxy => args.extend(["--authfile", "auth.json"]),
        Source::StandardInput => args.extend(["--creds-file", "-"]),
        Source::DockerConfig | Source::Variable | Source::Helper => {}
    }
    scene.program(args)
}

/// Puts the secret where it comes from.
fn give(command: &mut Command, scene: &Scene, registry: &Registry, source: Source) {
    let (address, other) = (registry.address(), json!({ "auth": OTHER_ENCODED }));
    let auths = json!({ "auths": {
        &address: { "auth": ENCODED },
        format!("{address}/team/other"): other,
        format!("{address}/tea"): other,
        "127.0.0.1": other,
        "127.0.0.1:1": other,
        format!("{address}.example.org"): other,
        format!("other.example.org/{NAME}"): other,
    }});
    let auths = auths.to_string();
    match source {
        Source::AuthFile => drop(scene.write("auth.json", auths)),
        Source::DockerConfig => drop(scene.write("home/.docker/config.json", auths)),
        Source::Variable => drop(command.env("DOCKER_AUTH_CONFIG", auths)),
        Source::StandardInput => {}
        Source::Helper => {
            let helpers = json!({ "credHelpers": { registry.address(): "canary" } });
            scene.write("home/.docker/config.json", helpers.to_string());
            let secret = json!({ "ServerURL": "", "Username": "user", "Secret": CANARY });
            let text = format!("#!/bin/sh\ncat >/dev/null\necho '{secret}'\n");
            scene.write_program("bin/docker-credential-canary", text);
            command.env("PATH", format!("{}:/usr/bin:/bin", scene.path("bin").display()));
        }
        Source::Proxy => {
            scene.write("auth.json", auths);
            // Whether or not it is used for what is on this machine, it leads to the registry.
            let proxy = format!("http://user:{CANARY}@{}", registry.address());
            command.env("http_proxy", &proxy).env("HTTP_PROXY", &proxy);
        }
    }
}

/// Runs the program and listens where secrets may turn up.
fn watch(scene: &Scene, mut command: Command, source: Source, secrets: &[&str]) -> Heard {
    let mut heard = Heard::default();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    if source == Source::StandardInput {
        writeln!(stdin, "user:{CANARY}").unwrap();
    }
    drop(stdin);
    std::thread::scope(|scope| {
        let output = scope.spawn(|| child.wait_with_output().unwrap());
        while !output.is_finished() {
            heard.places.extend(arguments(secrets));
            std::thread::sleep(Duration::from_millis(10));
        }
        let output = output.join().unwrap();
        heard.status = output.status.code().unwrap();
        for (name, said) in [("stdout", output.stdout), ("stderr", output.stderr)] {
            heard.places.push((name.into(), String::from_utf8_lossy(&said).into_owned()));
        }
    });
    for name in scene.file_digests("").into_keys() {
        let is_source = ["auth.json", "home/.docker/config.json", "bin/docker-credential-canary"];
        if !is_source.contains(&&name[..]) {
            let content = String::from_utf8_lossy(&scene.read(&name)).into_owned();
            heard.places.push((name, content));
        }
    }
    heard
}

/// Returns the arguments of all programs that have a secret among them.
fn arguments(secrets: &[&str]) -> Vec<(String, String)> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    let told = lines.filter(|line| secrets.iter().any(|secret| line.contains(secret)));
    told.map(|line| ("arguments".to_owned(), line)).collect()
}

fn assert_nothing_leaked(heard: &Heard, tokens: &[String]) {
    let own = [CANARY, ENCODED, OTHER, OTHER_ENCODED];
    let secrets = own.into_iter().chain(tokens.iter().map(String::as_str));
    for secret in secrets {
        for (place, said) in &heard.places {
            assert!(!said.contains(secret), "{secret} is in {place}: {said}");
        }
    }
}

/// A copy from one repository to another, of one registry or of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sides {
    /// The same repository path in two registries.
    Registries,
    /// Two repositories of one registry, each with its password.
    Repositories,
}

/// The password of each side of a copy goes to that side only, with and without tokens.
#[test]
fn each_side_of_a_copy_gets_its_own_secret() {
    let Some(goods) = TestImages::new() else { return };
    let tokens = |profile: Profile| {
        let lifetime = Duration::from_secs(300);
        profile.with_tokens(lifetime, TokenExpiry::Declared, TokenForm::Opaque)
    };
    for sides in [Sides::Registries, Sides::Repositories] {
        for with in [tokens as fn(Profile) -> Profile, Profile::with_basic] {
            check_sides(&goods, sides, with);
        }
    }
}

fn check_sides(goods: &TestImages, sides: Sides, with: fn(Profile) -> Profile) {
    let start = |password| goods.registry(with(Profile { password, ..Profile::DISTRIBUTION_3 }));
    let (first, second) = (start(CANARY), start(OTHER));
    let scene = Scene::new();
    let (from, to, status) = match sides {
        Sides::Registries => (first.reference("team/vm:1"), second.reference("team/vm:2"), 0),
        // The registry refuses the password for the second repository.
        Sides::Repositories => (first.reference("team/vm:1"), first.reference("other/vm:2"), 1),
    };
    let key = |name: &str| name.rsplit_once(':').unwrap().0.to_owned();
    let auths = json!({ "auths": {
        key(&from): { "auth": ENCODED }, key(&to): { "auth": OTHER_ENCODED },
    }});
    scene.write("auth.json", auths.to_string());
    let args = ["copy", &from, &to, "--debug", "--retry", "0", "--authfile", "auth.json"];
    let outcome = scene.run(args);
    assert_eq!(outcome.status, status, "{sides:?} {}", outcome.stderr);
    let secrets_of = |registry: &Registry| -> Vec<String> {
        let all = registry.take_requests();
        all.iter().filter_map(|it| it.header("authorization").map(str::to_owned)).collect()
    };
    let (sent_first, sent_second) = (secrets_of(&first), secrets_of(&second));
    let has = |sent: &[String], secret: &str| sent.iter().any(|text| text.contains(secret));
    assert!(has(&sent_first, ENCODED), "{sides:?} {sent_first:?}");
    if sides == Sides::Registries {
        assert!(has(&sent_second, OTHER_ENCODED), "{sent_second:?}");
        assert!(!has(&sent_first, OTHER_ENCODED) && !has(&sent_second, ENCODED));
        let crossed = first.tokens().iter().any(|token| has(&sent_second, token))
            || second.tokens().iter().any(|token| has(&sent_first, token));
        assert!(!crossed, "a token went to the other registry");
    } else {
        assert!(has(&sent_first, OTHER_ENCODED), "{sent_first:?}");
    }
    for secret in [CANARY, ENCODED, OTHER, OTHER_ENCODED] {
        assert!(!outcome.stderr.contains(secret), "{secret}: {}", outcome.stderr);
    }
}

/// What these tests look for, they would find.
#[test]
fn leaks_are_found() {
    let Some(curl) = peer::find("curl") else { return };
    // Not the secret of the other tests, which look at the arguments of all programs.
    let (secret, encoded) = ("an0ther-c4nary", "dXNlcjphbjB0aGVyLWM0bmFyeQ==");
    let scene = Scene::new();
    let trap = SecretTrap::new();
    let login = format!("user:{secret}");
    let args = ["-sS", "-m", "5", "-u", &login, &trap.url("/")];
    curl.command().args(args).output().unwrap();
    assert!(trap.received_text().contains(encoded), "{}", trap.received_text());
    let mut command = Command::new("sh");
    let script = "echo $0; echo $0 >&2; echo $0 >left; sleep 0.5";
    command.args(["-c", script, secret]).current_dir(scene.path(""));
    let heard = watch(&scene, command, Source::AuthFile, &[secret]);
    for expected in ["stdout", "stderr", "left", "arguments"] {
        let found =
            heard.places.iter().any(|(place, said)| place == expected && said.contains(secret));
        assert!(found, "{expected}");
    }
    let found = std::panic::catch_unwind(|| assert_nothing_leaked(&heard, &[secret.into()]));
    assert!(found.is_err());
}
