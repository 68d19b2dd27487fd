//! Lists of tags, page by page: all of them, or a message that says what is wrong with the list.

use std::time::{Duration, Instant};

use diskette_integration::registry::test_images::NAME;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};

/// All else is waiting for something.
const QUICK: Duration = Duration::from_secs(10);

/// Starts a registry that has so many tags and lists so many of them at once.
fn start(tags: usize, page: usize) -> Registry {
    let registry = Registry::start(Profile { page_size: page, ..Profile::DISTRIBUTION_3 });
    for number in 0..tags {
        registry.put_manifest(NAME, &format!("v{number:04}"), b"{}");
    }
    registry
}

#[test]
fn all_pages_are_listed() {
    for (tags, page) in [(1, 2), (2, 2), (3, 2), (5, 2), (5, 1), (5, 100), (250, 100)] {
        let registry = start(tags, page);
        let outcome = Scene::new().run(["tags", &registry.reference(NAME)]);
        let lines: Vec<_> = (0..tags).map(|number| format!("v{number:04}\n")).collect();
        assert_eq!(
            outcome.transcript(),
            format!("status: 0\nstdout:\n{}stderr:\n", lines.concat())
        );
        let asked = registry.take_requests();
        let pages = asked.iter().filter(|asked| asked.path.contains("/tags/list")).count();
        assert_eq!(pages, tags.div_ceil(page), "{tags} tags, {page} at once");
    }
}

fn check(address: &str, expected: &str) {
    let started = Instant::now();
    let outcome = Scene::new().run(["tags", &format!("{address}/{NAME}")]);
    let said = outcome.transcript().replace(address, "[REGISTRY]");
    let error = format!("error: cannot list the tags of [REGISTRY]/team/vm: {expected}");
    assert_eq!(said, format!("status: 1\nstdout:\nstderr:\n{error}\n"));
    assert!(started.elapsed() < QUICK, "{:?}: {said}", started.elapsed());
}

#[test]
fn lists_without_end_are_refused() {
    check(&start(1001, 1).address(), "the list of tags does not end");
}

#[test]
fn hostile_lists_are_refused() {
    let (first, second) = ("/v2/team/vm/tags/list", "/v2/team/vm/tags/list?last=b");
    let check = |page: ServerAnswer, other: ServerAnswer, expected: &str| {
        let server = Server::start([(first, page), (second, other)]);
        check(server.url("").strip_prefix("http://").unwrap_or_default(), expected);
    };
    let page = |next| ServerAnswer::Page(br#"{"tags":["a","b"]}"#.to_vec(), next);
    let list = |tags: &str| ServerAnswer::Content(format!(r#"{{"tags":{tags}}}"#).into_bytes());
    let none = || ServerAnswer::Status(404);

    let back = "the list of tags leads back to a page before";
    check(page(first), none(), back);
    check(page(second), page(second), back);
    check(page(second), page(first), back);
    check(
        page(second),
        none(),
        "the server answered 404\n |\n = help: does the repository exist? some registries want it to be made first",
    );
    check(
        page("http://169.254.169.254/latest/"),
        none(),
        "refusing the redirect to `http://169.254.169.254/latest/`: a private or local address\n |\n = help: if that address is meant, use `--allow-private-redirects`; for good, `allow-private-redirects = true` for the registry in registries.conf",
    );
    check(page("ftp://x/"), none(), "`ftp://x/` is neither http nor https");

    let odd = "the list of tags has one that cannot be a tag";
    check(list(r#"["a\u001b[2J"]"#), none(), odd);
    check(list(r#"["a\nb"]"#), none(), odd);
    check(list(r#"["../a"]"#), none(), odd);
    check(list(&format!(r#"["{}"]"#, "a".repeat(129))), none(), odd);
    let none_at_all = "what the server sent is no list of tags";
    check(list("[1]"), none(), none_at_all);
    check(list(&"[".repeat(10_000)), none(), none_at_all);
    let long = format!(r#"["{}"]"#, "a".repeat(4 << 20));
    check(list(&long), none(), "the response is longer than 4194304 bytes");
}
