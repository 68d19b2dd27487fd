//! Tokens that expire, at whatever moment, are replaced without the user noticing; credentials that
//! are wrong are refused with a message that says so.

use std::time::Duration;

use diskette_integration::registry::cases::check_all;
use diskette_integration::registry::profile::{AuthScheme, TokenExpiry, TokenForm, Tokens};
use diskette_integration::registry::test_images::TestImages;
use diskette_integration::registry::{
    Fault, FaultTimes, IDENTITY_TOKEN, Profile, Registry, RequestKind,
};
use diskette_integration::scene::Scene;
use serde_json::json;

/// The requests at whose beginning tokens expire.
const BOUNDARIES: [RequestKind; 8] = [
    RequestKind::Ping,
    RequestKind::Token,
    RequestKind::HeadBlob,
    RequestKind::Post,
    RequestKind::Body,
    RequestKind::Commit,
    RequestKind::PutManifest,
    RequestKind::Tag,
];

/// Longer than the shortest lifetime.
const SLOW: Duration = Duration::from_millis(2_100);

/// Lifetime in seconds, whether it is declared, what tokens look like, and what happens at a boundary:
/// where the lifetime is short, the answer takes longer than that; otherwise all tokens expire.
const LIFETIMES: [(u64, TokenExpiry, TokenForm, Fault); 5] = [
    (2, TokenExpiry::Declared, TokenForm::Opaque, Fault::Delay(SLOW)),
    (60, TokenExpiry::Declared, TokenForm::Opaque, Fault::Expire),
    (60, TokenExpiry::Undeclared, TokenForm::Opaque, Fault::Expire),
    (300, TokenExpiry::Declared, TokenForm::Opaque, Fault::Expire),
    (60, TokenExpiry::Undeclared, TokenForm::Jwt, Fault::Expire),
];

#[derive(Debug)]
struct Case {
    lifetime: u64,
    expiry: TokenExpiry,
    form: TokenForm,
    fault: Fault,
    boundary: RequestKind,
}

#[test]
fn lifetimes_and_boundaries() {
    let Some(goods) = TestImages::new() else { return };
    let mut cases = Vec::new();
    for (lifetime, expiry, form, fault) in LIFETIMES {
        for boundary in BOUNDARIES {
            cases.push(Case { lifetime, expiry, form, fault: fault.clone(), boundary });
        }
    }
    assert_eq!(cases.len(), 40);
    check_all(&cases, |case| check(&goods, case));
    goods.assert_untouched();
}

fn check(goods: &TestImages, case: &Case) {
    let lifetime = Duration::from_secs(case.lifetime);
    let registry =
        goods.registry(Profile::DISTRIBUTION_3.with_tokens(lifetime, case.expiry, case.form));
    registry.inject(case.boundary, case.fault.clone(), FaultTimes::First(1));
    let scene = TestImages::scene(&registry);
    let outcome = goods.push(&scene, "new", &[&registry.reference("team/vm:1")]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    goods.assert_served(&registry, &goods.new);
    assert_eq!(registry.fault_count(), 1, "there was no such request");
    let most = if case.boundary == RequestKind::Body { 2 * goods.len } else { goods.len };
    let most = if case.boundary == RequestKind::Commit { 2 * goods.len } else { most };
    assert!(registry.received_bytes() <= most, "{} bytes were sent", registry.received_bytes());
    // Two to begin with, to look and to push; two for the boundary. Those of two seconds are renewed in
    // time as well.
    let tokens = registry.tokens().len();
    let most = if case.lifetime < 10 { 6 } else { 4 };
    assert!((1..=most).contains(&tokens), "{tokens} tokens were asked for");
}

/// How a push gets its credentials, and what comes of it: `Err` with words of the message.
struct Source {
    name: &'static str,
    auth: &'static str,
    helper: &'static str,
    expected: Result<(), &'static str>,
}

/// `auth` is the registry's entry in `auth.json`; without one the helper is asked.
const SOURCES: [Source; 8] = [
    Source { name: "identity token", auth: "identity", helper: "", expected: Ok(()) },
    Source { name: "password", auth: "password", helper: "", expected: Ok(()) },
    Source { name: "wrong", auth: "wrong", helper: "", expected: Err("401") },
    Source { name: "nobody", auth: "", helper: "", expected: Err("401") },
    Source { name: "helper", auth: "", helper: "echo \"$right\"", expected: Ok(()) },
    Source {
        name: "helper with nothing",
        auth: "",
        helper: "echo credentials not found in native keychain; exit 1",
        expected: Err("401"),
    },
    Source {
        name: "helper that fails",
        auth: "",
        helper: "echo it is locked >&2; exit 3",
        expected: Err("credential helper `test`"),
    },
    Source {
        name: "helper that talks nonsense",
        auth: "",
        helper: "echo nonsense",
        expected: Err("credential helper `test`"),
    },
];

#[test]
fn sources() {
    let Some(goods) = TestImages::new() else { return };
    for source in SOURCES {
        let registry = tokens(&goods);
        let scene = Scene::new();
        scene.write("auth.json", auth_file(&registry, source.auth));
        helper(&scene, source.helper);
        let outcome = push(&goods, &scene, &registry);
        let name = source.name;
        match source.expected {
            Ok(()) => {
                assert_eq!(outcome.status, 0, "{name}: {}", outcome.stderr);
                goods.assert_served(&registry, &goods.new);
            }
            Err(words) => {
                assert_eq!(outcome.status, 1, "{name}: {}", outcome.stderr);
                assert!(outcome.stderr.contains(words), "{name}: {}", outcome.stderr);
                assert!(outcome.stderr.contains(&registry.address()), "{name}: {}", outcome.stderr);
                goods.assert_served(&registry, &goods.old);
            }
        }
    }
}

/// A password that is replaced in the middle of a push is asked for again.
#[test]
fn rotated_passwords() {
    let Some(goods) = TestImages::new() else { return };
    for kind in [RequestKind::Post, RequestKind::Body, RequestKind::PutManifest] {
        let registry = tokens(&goods);
        registry.inject(kind, Fault::Rotate("rotated"), FaultTimes::First(1));
        let scene = Scene::new();
        scene.write("auth.json", auth_file(&registry, ""));
        helper(&scene, "[ -e rotated ] && echo \"$rotated\" || echo \"$right\"");
        let outcome = std::thread::scope(|scope| {
            let pushed = scope.spawn(|| push(&goods, &scene, &registry));
            while !pushed.is_finished() && registry.fault_count() == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            scene.write("rotated", "");
            pushed.join().unwrap()
        });
        assert_eq!(outcome.status, 0, "{kind:?}: {}", outcome.stderr);
        goods.assert_served(&registry, &goods.new);
        assert_eq!(registry.fault_count(), 1, "{kind:?}");
    }
}

fn tokens(goods: &TestImages) -> Registry {
    let lifetime = Duration::from_secs(300);
    let profile =
        Profile::DISTRIBUTION_3.with_tokens(lifetime, TokenExpiry::Declared, TokenForm::Opaque);
    assert!(matches!(profile.auth, AuthScheme::Bearer(Tokens { post_status: None, .. })));
    goods.registry(profile)
}

fn auth_file(registry: &Registry, auth: &str) -> String {
    let address = registry.address();
    let json = match auth {
        "identity" => json!({ "auths": { address: { "identitytoken": IDENTITY_TOKEN } } }),
        // user:password
        "password" => json!({ "auths": { address: { "auth": "dXNlcjpwYXNzd29yZA==" } } }),
        // user:wrong
        "wrong" => json!({ "auths": { address: { "auth": "dXNlcjp3cm9uZw==" } } }),
        _ => json!({ "credHelpers": { address: "test" } }),
    };
    json.to_string()
}

/// Writes the helper `docker-credential-test`; without a script it has nothing.
fn helper(scene: &Scene, script: &str) {
    let script = if script.is_empty() { SOURCES[5].helper } else { script };
    let right = r#"right='{"ServerURL": "", "Username": "user", "Secret": "password"}'"#;
    let rotated = r#"rotated='{"ServerURL": "", "Username": "user", "Secret": "rotated"}'"#;
    let text = format!("#!/bin/sh\ncat >/dev/null\n{right}\n{rotated}\n{script}\n");
    scene.write_program("bin/docker-credential-test", text);
}

fn push(
    goods: &TestImages,
    scene: &Scene,
    registry: &Registry,
) -> diskette_integration::scene::ProgramOutcome {
    let layout = goods.layout("new");
    let there = registry.reference("team/vm:1");
    let args = ["push", "-l", &layout, "1", "--authfile", "auth.json", &there];
    let mut command = scene.program(args);
    command.env("PATH", format!("{}:/usr/bin:/bin", scene.path("bin").display()));
    scene.run_command(command)
}
