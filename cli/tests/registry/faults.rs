//! Whatever goes wrong at whatever request: if it passes, the push succeeds without sending more than
//! it has to; if it stays, the push fails with a message that names what, where and why, and the old
//! image is still there.

use std::time::Duration;

use diskette_integration::registry::cases::check_all;
use diskette_integration::registry::profile::{TokenExpiry, TokenForm};
use diskette_integration::registry::test_images::{NAME, TestImages};
use diskette_integration::registry::{
    Fault, FaultTimes, LoggedRequest, Profile, Registry, RequestKind,
};
use diskette_integration::scene::ProgramOutcome;

/// The columns of the table.
const KINDS: [RequestKind; 8] = [
    RequestKind::Ping,
    RequestKind::Token,
    RequestKind::HeadBlob,
    RequestKind::Post,
    RequestKind::Body,
    RequestKind::Commit,
    RequestKind::PutManifest,
    RequestKind::Tag,
];

/// What is expected:
///
/// - `+` the push succeeds;
/// - `-` it is refused, and the tag names the old image;
/// - `?` either of them: whether to try again is the client's choice, or all was done and only the
///   answer got lost, which a client may find out or not;
/// - `~` succeeded or refused, and the tag names the old image or the new one: the fault is where
///   the tag is put or looked at.
#[rustfmt::skip]
const TABLE: [(Fault, &str, &str); 18] = [
    //                      passes             stays
    //                      ping               ping
    //                      | token            | token
    //                      | | HEAD blob      | | HEAD blob
    //                      | | | POST         | | | POST
    //                      | | | | body       | | | | body
    //                      | | | | | commit   | | | | | commit
    //                      | | | | | | mani   | | | | | | manifest
    //                      | | | | | | | tag  | | | | | | | tag
    (Fault::Close,         "+ + + + + + + +", "- - - - - - - ~"),
    (Fault::ResetBefore,   "+ + + + + + + +", "- - - - - - - ~"),
    (Fault::ResetInside,   "+ + + + + + + +", "- - - - - ? - ~"),
    (Fault::ResetAfter,    "+ + + + + + + +", "- - - - ? ? ~ ~"),
    (Fault::HangBefore,    "+ + + + + + + +", "- - - - - - - ~"),
    (Fault::HangInside,    "+ + + + + + + +", "- - - - - ? - ~"),
    (Fault::CutHead,       "+ + + + + + + +", "- - - - ? ? ~ ~"),
    (Fault::Status(400),   "+ ? + ? ? ? ? ~", "+ - + - - - - ~"),
    (Fault::Status(401),   "+ ? + + + + + ~", "? - + - - - - ~"),
    (Fault::Status(403),   "+ ? + ? ? ? ? ~", "+ - + - - - - ~"),
    // Not every registry has something at `/v2/` or takes HEAD: the request that matters decides.
    (Fault::Status(404),   "+ ? + ? + + ? ~", "+ - + - - - - ~"),
    (Fault::Status(408),   "+ + + + + + + +", "- - + - - - - ~"),
    (Fault::RetrySeconds,  "+ + + + + + + +", "- - + - - - - ~"),
    (Fault::RetryDate,     "+ + + + + + + +", "- - + - - - - ~"),
    (Fault::Status(500),   "+ + + + + + + +", "- - + - - - - ~"),
    (Fault::Status(502),   "+ + + + + + + +", "- - + - - - - ~"),
    (Fault::Status(503),   "+ + + + + + + +", "- - + - - - - ~"),
    (Fault::Garbage(504),  "+ + + + + + + +", "- - + - - - - ~"),
];

/// What a message may say of a connection that failed.
const CONNECTION_CAUSES: [&str; 11] = [
    "connection",
    "closed",
    "reset",
    "disconnected",
    "timed out",
    "timeout",
    "no answer",
    "has not answered",
    "unexpected end",
    "broken",
    "stalled",
];

#[derive(Debug)]
struct Case {
    fault: Fault,
    kind: RequestKind,
    times: FaultTimes,
    expected: &'static str,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (fault, passes, stays) in TABLE {
        for (kind, (passes, stays)) in
            KINDS.into_iter().zip(passes.split(' ').zip(stays.split(' ')))
        {
            // What has a body fails once: the body may be sent only once more.
            let has_body = matches!(kind, RequestKind::Body | RequestKind::Commit);
            let first = FaultTimes::First(if has_body { 1 } else { 2 });
            for (times, expected) in [(first, passes), (FaultTimes::Always, stays)] {
                cases.push(Case { fault: fault.clone(), kind, times, expected });
            }
        }
    }
    assert_eq!(cases.len(), 288);
    cases
}

#[test]
fn faults() {
    let Some(goods) = TestImages::new() else { return };
    check_all(&cases(), |case| check(&goods, case));
    goods.assert_untouched();
}

fn check(goods: &TestImages, case: &Case) {
    let lifetime = Duration::from_secs(300);
    let profile =
        Profile::DISTRIBUTION_3.with_tokens(lifetime, TokenExpiry::Declared, TokenForm::Opaque);
    let registry = goods.registry(profile);
    registry.inject(case.kind, case.fault.clone(), case.times);
    let scene = TestImages::scene(&registry);
    let there = registry.reference("team/vm:1");
    let outcome = goods.push(&scene, "new", &["--retry", "3", "--timeout", "1", &there]);
    assert_ne!(registry.fault_count(), 0, "there was no such request:\n{}", asked(&registry));
    match (case.expected, outcome.status) {
        ("+" | "?" | "~", 0) => assert_done(goods, case, &registry),
        ("-" | "?", 1 | 75) => {
            assert_typed(case, &registry, &outcome);
            goods.assert_served(&registry, &goods.old);
        }
        ("~", 1 | 75) => {
            assert_typed(case, &registry, &outcome);
            let served = registry.manifest(NAME, "1").map(|image| image.digest);
            let is_known = served.is_some_and(|served| [&goods.old, &goods.new].contains(&&served));
            assert!(is_known, "the tag names something else");
            assert_eq!(registry.verify_image(NAME, "1"), Ok(()));
        }
        (_, status) => panic!("{status}: {}\n{}", outcome.stderr, asked(&registry)),
    }
    assert!(scene.file_digests("tmp").is_empty(), "{:?}", scene.file_digests("tmp"));
}

/// The new image is served, and not more was sent than had to be.
fn assert_done(goods: &TestImages, case: &Case, registry: &Registry) {
    goods.assert_served(registry, &goods.new);
    let again = match case.kind {
        RequestKind::Body | RequestKind::Commit => goods.len,
        _ => 0,
    };
    let (sent, most) = (registry.received_bytes(), goods.len + again);
    assert!(sent <= most, "{sent} bytes of blobs were sent, not {most}\n{}", asked(registry));
}

/// The message names what, where and why, and nothing of it is what a server wants terminals to do.
fn assert_typed(case: &Case, registry: &Registry, outcome: &ProgramOutcome) {
    let said = &outcome.stderr;
    assert!(said.contains("cannot "), "it does not say what: {said}");
    assert!(said.contains(&registry.address()), "it does not say where: {said}");
    assert!(!said.contains(['\u{1b}', '\0']), "it says what the server said: {said:?}");
    let is_said = match case.fault {
        Fault::Status(status) | Fault::Garbage(status) => said.contains(&status.to_string()),
        Fault::RetrySeconds | Fault::RetryDate => said.contains("429"),
        _ => CONNECTION_CAUSES.iter().any(|cause| said.to_lowercase().contains(cause)),
    };
    assert!(is_said, "it does not say why: {said}");
}

fn asked(registry: &Registry) -> String {
    let lines: Vec<_> = registry.take_requests().iter().map(LoggedRequest::line).collect();
    lines.join("\n")
}
