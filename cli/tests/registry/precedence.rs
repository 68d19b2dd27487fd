//! Which credential is used, of many in many places: the one that skopeo uses, where it has a rule.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Output;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use diskette_integration::peer::{self, Peer};
use diskette_integration::registry::cases::check_all;
use diskette_integration::scene::Scene;
use serde_json::{Value, json};

/// What it takes on a slow machine, and more.
const LONGEST: Duration = Duration::from_secs(30);

/// The helpers of the table, as shell scripts. They get no newline behind the server's name.
const HELPERS: [(&str, &str); 5] = [
    ("pass", r#"read server; echo "{\"Username\":\"pass:$server\",\"Secret\":\"p\"}""#),
    ("token", r#"echo '{"Username":"<token>","Secret":"p"}'"#),
    ("none", "echo credentials not found in native keychain; exit 1"),
    ("fail", "echo it is broken; exit 1"),
    ("junk", "echo it is no JSON"),
];

/// What skopeo says to a row.
#[derive(Debug, Clone, Copy)]
enum Oracle {
    /// The same.
    Agrees,
    /// It does not know what is asked here.
    NoRule,
    /// Something else; the table says why.
    Differs(&'static str),
    /// Versions about 1.9 say something else, later ones the same.
    Differed(&'static str),
}

#[derive(Debug)]
struct Case {
    sources: &'static str,
    image: &'static str,
    expected: &'static str,
    oracle: Oracle,
}

impl Case {
    fn parse(line: &'static str) -> Self {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [sources, image, expected, oracle @ ..] = &columns[..] else { panic!("{line}") };
        let oracle = match oracle {
            [] => Oracle::Agrees,
            ["no rule"] => Oracle::NoRule,
            [told] => match told.split_once(": ") {
                Some(("skopeo", other)) => Oracle::Differs(other),
                Some(("skopeo 1.9", other)) => Oracle::Differed(other),
                _ => panic!("{line}"),
            },
            _ => panic!("{line}"),
        };
        Self { sources, image, expected, oracle }
    }
}

#[test]
fn precedence() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    let table = include_str!("precedence.txt");
    let rows = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let cases: Vec<_> = rows.map(Case::parse).collect();
    assert!(cases.len() >= 60, "only {} rows", cases.len());
    let helpers = helpers();
    let started = Instant::now();
    check_all(&cases, |case| check(&skopeo, &helpers, case));
    assert!(started.elapsed() < LONGEST, "{:?}", started.elapsed());
}

fn check(skopeo: &Peer, helpers: &Scene, case: &Case) {
    let scene = Scene::new();
    let world = World::new(&scene, helpers, case.sources);
    let found = world.diskette(&scene, case.image);
    assert_eq!(found, case.expected, "diskette");
    let allowed = match case.oracle {
        Oracle::NoRule => return,
        Oracle::Agrees => vec![case.expected],
        Oracle::Differs(other) => vec![other],
        Oracle::Differed(other) => vec![other, case.expected],
    };
    let differs = matches!(case.oracle, Oracle::Differs(_) | Oracle::Differed(_));
    assert_eq!(differs, allowed[0] != case.expected, "the table contradicts itself");
    let asked = world.skopeo(skopeo, case.image);
    assert!(allowed.contains(&&asked[..]), "skopeo says {asked}, not {allowed:?}");
}

/// Writes the helpers where all rows find them.
fn helpers() -> Scene {
    let scene = Scene::new();
    for (name, script) in HELPERS {
        let name = format!("bin/docker-credential-{name}");
        scene.write_program(&name, format!("#!/bin/sh\n{script}\n"));
    }
    scene
}

/// What both programs find around them.
struct World {
    variables: Vec<(&'static str, String)>,
    options: Vec<String>,
}

impl World {
    fn new(scene: &Scene, helpers: &Scene, sources: &str) -> Self {
        let place = |name: &str| scene.path(name).to_str().unwrap().to_owned();
        let bin = helpers.path("bin");
        // Without the variable both look into a directory of the system.
        let variables = vec![
            ("PATH", format!("{}:/usr/bin:/bin", bin.display())),
            ("HOME", place("home")),
            ("XDG_RUNTIME_DIR", place("run")),
        ];
        let mut world = Self { variables, options: Vec::new() };
        fs::create_dir(scene.path("run")).unwrap();
        for (name, entries) in sources.split_whitespace().map(|part| part.split_once('=').unwrap())
        {
            match name {
                "option" => world.options.extend(["--authfile".into(), place(path(name))]),
                "env" => world.variables.push(("REGISTRY_AUTH_FILE", place(path(name)))),
                "text" => world.variables.push(("DOCKER_AUTH_CONFIG", text(entries, name))),
                "xdg" => world.variables.push(("XDG_CONFIG_HOME", place("xdg"))),
                "dir" => world.variables.push(("DOCKER_CONFIG", place("dir"))),
                _ => {}
            }
            if name != "text" {
                put(scene, path(name), entries, name);
            }
        }
        world
    }

    /// Returns the user, `<token>`, `-` for none, or `error`.
    fn diskette(&self, scene: &Scene, image: &str) -> String {
        let args = ["auth", "explain", image].map(str::to_owned);
        let mut command = scene.program(args.iter().chain(&self.options));
        command.envs(self.variables.iter().cloned());
        let outcome = scene.run_command(command);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        let said = String::from_utf8(outcome.stdout).unwrap();
        let decisive = said.lines().find_map(|line| {
            let used = line.split_once(": used: ").map(|(_, used)| used);
            used.or_else(|| line.contains(": cannot be used: ").then_some("error"))
        });
        let Some(decisive) = decisive else {
            assert!(said.ends_with("asked for without a credential\n"), "{said}");
            return "-".into();
        };
        if decisive.starts_with("an identity token") {
            return "<token>".into();
        }
        let user = decisive.strip_prefix("the password of `").and_then(|rest| rest.split_once('`'));
        user.map_or(decisive, |(user, _)| user).to_owned()
    }

    /// The same.
    fn skopeo(&self, skopeo: &Peer, image: &str) -> String {
        let mut command = skopeo.command();
        command.env_clear().envs(self.variables.iter().cloned());
        command.args(["login", "--get-login"]).args(&self.options).arg(image);
        let Output { status, stdout, stderr } = command.output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        if status.success() {
            return String::from_utf8(stdout).unwrap().trim_end().to_owned();
        }
        if stderr.contains("not logged into") {
            return "-".into();
        }
        let is_known =
            ["get credentials", "is not accessible"].iter().any(|why| stderr.contains(why));
        assert!(is_known, "{stderr}");
        "error".into()
    }
}

/// Returns where a place is in the scene.
fn path(place: &str) -> &str {
    match place {
        "run" => "run/containers/auth.json",
        "xdg" => "xdg/containers/auth.json",
        "config" => "home/.config/containers/auth.json",
        "dir" => "dir/config.json",
        "docker" => "home/.docker/config.json",
        "old" => "home/.dockercfg",
        place => place,
    }
}

/// Puts at a path what the table says is there.
fn put(scene: &Scene, path: &str, entries: &str, place: &str) {
    if entries == "-" {
        return;
    }
    let file = scene.write(path, text(entries, place));
    if matches!(entries, "folder" | "loop") {
        fs::remove_file(&file).unwrap();
    }
    match entries {
        "folder" => fs::create_dir(file).unwrap(),
        "loop" => symlink(&file, &file).unwrap(),
        _ => {}
    }
}

/// Makes the text of a file from the short form of the table.
fn text(entries: &str, place: &str) -> String {
    if entries.is_empty() || entries.starts_with(['{', '[']) {
        return entries.into();
    }
    let (mut auths, mut helpers, mut store) = (json!({}), json!({}), Value::Null);
    for entry in entries.split(',') {
        if let Some((key, user)) = entry.split_once('~') {
            let auth = BASE64_STANDARD.encode(format!("{user}:p"));
            auths[key] = if user.is_empty() { json!({}) } else { json!({ "auth": auth }) };
        } else if let Some((key, token)) = entry.split_once('^') {
            let auth = BASE64_STANDARD.encode("<token>:");
            auths[key] = json!({ "auth": auth, "identitytoken": token });
        } else if let Some(("", helper)) = entry.split_once('!') {
            store = json!(helper);
        } else if let Some((key, helper)) = entry.split_once('!') {
            helpers[key] = json!(helper);
        }
    }
    if place == "old" {
        return auths.to_string();
    }
    json!({ "auths": auths, "credHelpers": helpers, "credsStore": store }).to_string()
}
