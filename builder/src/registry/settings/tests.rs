use std::fmt::Write as _;

use proptest::prelude::*;

use super::world::TestFiles;
use super::*;

fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { name: "r.conf".into(), text: text.into() })
}

fn show(resolution: Result<RegistryResolution, Diagnostic>) -> String {
    match resolution {
        Err(problem) => problem.to_string(),
        Ok(RegistryResolution::Blocked { prefix, origin }) => {
            format!("{prefix} blocked at {origin}")
        }
        Ok(RegistryResolution::Open(endpoints)) => {
            let mut shown = String::new();
            for RegistryEndpoint { image, transport, redirects } in &endpoints {
                let mark = if *transport == RegistryTransport::Insecure { "!" } else { "" };
                let mark = if *redirects == PrivateRedirects::Follow { "?" } else { mark };
                let space = if shown.is_empty() { "" } else { " " };
                write!(shown, "{space}{image}{mark}").unwrap();
            }
            shown
        }
    }
}

const CONF: &str = r#"
unqualified-search-registries = ["docker.io"]
short-name-mode = "enforcing"

[aliases]
fedora = "registry.fedoraproject.org/fedora"

[[registry]]
location = "plain.io/"

[[registry]]
prefix = "q.io"
location = "copy.io/q"

[[registry]]
prefix = "q.io/secret"
location = "q.io/secret"
blocked = true

[[registry]]
prefix = "q.io/one:old"
location = "q.io/two:new"

[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "localhost:5000/hub"
insecure = true
[[registry.mirror]]
location = "mirror.io"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tags.io"
pull-from-mirror = "tag-only"
[[registry.mirror]]
location = "all.io"
pull-from-mirror = "all"

[[registry]]
location = "digests.io"
mirror-by-digest-only = true
mirror = [{ location = "m.io", insecure = true }, { location = "n.io" }]

[[registry]]
prefix = "*.wild.io"
insecure = true

[[registry]]
prefix = "*.deep.wild.io"
location = "deep.io/d"

[[registry]]
prefix = "wrong.io"
location = "wrong"

[[registry]]
prefix = "case.io"
location = "case.io/UPPER"
"#;

#[test]
fn the_longest_prefix_decides_where_an_image_is() {
    let config = RegistrySettings::parse(&[source(CONF)]).unwrap();
    let check = |image: &str, expected: &str, written: &str| {
        let image = image.parse().unwrap();
        assert_eq!(show(config.resolve(&image, RegistryPurpose::Read)), expected, "{image}");
        assert_eq!(show(config.resolve(&image, RegistryPurpose::Write)), written, "{image}");
    };
    let same = |image: &str| check(image, image, image);
    let digest = format!("sha256:{}", "0".repeat(64));
    same("other.io/a:1");
    same("plain.io/a:1");
    same("plain.io.org/a:1");
    same(&format!("other.io/a@{digest}"));
    check("q.io/a:1", "copy.io/q/a:1", "q.io/a:1");
    check("q.io/a/b", "copy.io/q/a/b:latest", "q.io/a/b:latest");
    check(
        &format!("q.io/a@{digest}"),
        &format!("copy.io/q/a@{digest}"),
        &format!("q.io/a@{digest}"),
    );
    check(
        "q.io:5000/a:1",
        "r.conf:11:1: `q.io:5000/a:1` cannot be looked for as `copy.io/q:5000/a:1`: `q:5000/a` is not a repository",
        "q.io:5000/a:1",
    );
    let blocked = "q.io/secret blocked at r.conf:15:1";
    check("q.io/secret/a:1", blocked, blocked);
    check("q.io/secret:1", blocked, blocked);
    check("q.io/secrets:1", "copy.io/q/secrets:1", "q.io/secrets:1");
    check("q.io/one:old", "q.io/two:new", "q.io/one:old");
    check("q.io/one:older", "copy.io/q/one:older", "q.io/one:older");
    check(
        "fedora:42",
        "localhost:5000/hub/library/fedora:42! tags.io/library/fedora:42 \
         all.io/library/fedora:42 docker.io/library/fedora:42",
        "docker.io/library/fedora:42",
    );
    check(
        &format!("me/a@{digest}"),
        &format!(
            "localhost:5000/hub/me/a@{digest}! mirror.io/me/a@{digest} all.io/me/a@{digest} \
             docker.io/me/a@{digest}"
        ),
        &format!("docker.io/me/a@{digest}"),
    );
    same("digests.io/a:1");
    check(
        &format!("digests.io/a@{digest}"),
        &format!("m.io/a@{digest}! n.io/a@{digest} digests.io/a@{digest}"),
        &format!("digests.io/a@{digest}"),
    );
    check("a.wild.io/x:1", "a.wild.io/x:1!", "a.wild.io/x:1!");
    check("a.b.wild.io:80/x:1", "a.b.wild.io:80/x:1!", "a.b.wild.io:80/x:1!");
    same("wild.io/x:1");
    same("a.wild.io.org/x:1");
    same("other.io/a.wild.io/x:1");
    check("a.deep.wild.io/x:1", "deep.io/d/x:1", "a.deep.wild.io/x:1");
    let wrong = "r.conf:52:1: `wrong.io/a:1` cannot be looked for as `wrong/a:1`: `wrong` is not a registry";
    check("wrong.io/a:1", wrong, "wrong.io/a:1");
    let case = "r.conf:56:1: `case.io/a:1` cannot be looked for as `case.io/UPPER/a:1`: the repository `UPPER/a` has upper-case letters";
    check("case.io/a:1", case, "case.io/a:1");
}

/// Compares all that is wrong with a file.
fn check_problems(text: &str, expected: &[&str]) {
    let problems = match RegistrySettings::parse(&[source(text)]) {
        Ok(config) => config.problems().cloned().collect(),
        Err(problems) => problems,
    };
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(shown, expected, "{text}");
    for problem in problems {
        assert!(!problem.help.is_empty(), "{text}");
        let span = problem.span.unwrap();
        assert!(!text[span.range].contains('\n'), "{text}");
    }
}

fn registry(keys: &str) -> String {
    format!("[[registry]]\n{keys}\n")
}

const SCHEME: &str = "a registry is named without `http://` and `https://`";

#[test]
fn what_is_wrong_is_shown_at_its_place() {
    let check = check_problems;
    check("a", &["r.conf:1:2: this is not a registries.conf: key with no value, expected `=`"]);
    check(
        "[[registry]]\nlocation = 1\n",
        &[
            "r.conf:2:12: this is not a registries.conf: invalid type: integer `1`, expected a string",
        ],
    );
    check(
        &registry("insecure = \"yes\""),
        &[
            "r.conf:2:12: this is not a registries.conf: invalid type: string \"yes\", expected a boolean",
        ],
    );
    let mixed = "versions 1 and 2 of registries.conf are mixed in one file";
    check(
        "[registries.block]\nregistries = [\"b.io\"]\n[[registry]]\nlocation = \"a.io\"\n",
        &[&format!("r.conf:1:2: {mixed}")],
    );
    check(
        "unqualified-search-registries = [\"a.io\"]\n[registries.block]\nregistries = [\"b.io\"]\n",
        &[&format!("r.conf:2:2: {mixed}")],
    );
    let listed = |name: &str| format!("[registries.insecure]\nregistries = [\"{name}\"]\n");
    check(&listed("http://a.io"), &[&format!("r.conf:2:15: {SCHEME}")]);
    check(&listed(""), &["r.conf:2:15: a registry has no name"]);
    check(
        "[[registry.mirror]]\nlocation = \"m.io\"\n",
        &["r.conf:1:3: this is not a registries.conf: invalid type: map, expected a sequence"],
    );
    check(&registry(""), &["r.conf:1:1: a registry has neither `prefix` nor `location`"]);
    check(
        &registry("location = \"/\""),
        &["r.conf:1:1: a registry has neither `prefix` nor `location`"],
    );
    check(&registry("prefix = \"q.io\""), &["r.conf:1:1: `location` is missing for `q.io`"]);
    check(&registry("location = \"https://q.io\""), &[&format!("r.conf:2:12: {SCHEME}")]);
    check(&registry("location = \"http://q.io/\""), &[&format!("r.conf:2:12: {SCHEME}")]);
    check(&registry("prefix = \"http://q.io/\""), &[&format!("r.conf:2:10: {SCHEME}")]);
    for prefix in ["*.", "*.q.io/a", "*.q.io:80", "*.*.io"] {
        let message = format!("r.conf:2:10: `{prefix}` is not `*.` and a domain");
        check(&registry(&format!("prefix = \"{prefix}\"")), &[&message]);
    }
    check(
        &registry("location = \"q.io\"\npull-from-mirror = \"all\""),
        &["r.conf:3:20: `pull-from-mirror` is about a mirror, not a registry"],
    );
    let mirror =
        |keys: &str| registry(&format!("location = \"q.io\"\n[[registry.mirror]]\n{keys}"));
    check(&mirror(""), &["r.conf:3:1: `location` is missing for a mirror"]);
    check(&mirror("location = \"http://m.io\""), &[&format!("r.conf:4:12: {SCHEME}")]);
    check(
        &mirror("location = \"m.io\"\npull-from-mirror = \"never\""),
        &["r.conf:5:20: `never` is not known here"],
    );
    check(
        "[[registry]]\nlocation = \"q.io\"\nmirror-by-digest-only = true\n[[registry.mirror]]\n\
         location = \"m.io\"\npull-from-mirror = \"all\"\n",
        &["r.conf:6:20: both `mirror-by-digest-only` and `pull-from-mirror`"],
    );
}

#[test]
fn entries_that_contradict_each_other_are_refused() {
    let check = check_problems;
    let twice = |first: &str, second: &str| {
        format!(
            "[[registry]]\nprefix = \"a.io\"\nlocation = \"q.io\"\n{first}\n\
             [[registry]]\nprefix = \"b.io\"\nlocation = \"q.io\"\n{second}\n"
        )
    };
    let differ = |key: &str| format!("r.conf:5:1: `q.io` has two entries that differ in `{key}`");
    check(&twice("insecure = true", ""), &[&differ("insecure")]);
    check(&twice("", "blocked = true"), &[&differ("blocked")]);
    // All problems at once.
    check(
        &format!("{}{}", registry("prefix = \"*.\""), registry("prefix = \"q.io\"")),
        &[
            "r.conf:2:10: `*.` is not `*.` and a domain",
            "r.conf:3:1: `location` is missing for `q.io`",
        ],
    );
    let long = "#".repeat(CONFIG_FILE_MAX + 1);
    let problems = RegistrySettings::parse(&[source(&long)]).unwrap_err();
    assert_eq!(problems[0].to_string(), "`r.conf` is larger than 1 MiB");
}

/// As podman 4.3 reads these files, which `podman info` shows.
#[test]
fn version_1_is_read() {
    let text = "[registries.search]\nregistries = ['docker.io']\n\
                [registries.insecure]\nregistries = ['a.io:5000/', 'c.io', '*.w.io']\n\
                [registries.block]\nregistries = ['b.io', 'c.io']\n[registries]\nother = 1\n";
    let config = RegistrySettings::parse(&[source(text)]).unwrap();
    let check = |image: &str, expected: &str| {
        let image = image.parse().unwrap();
        assert_eq!(show(config.resolve(&image, RegistryPurpose::Read)), expected, "{image}");
    };
    check("a.io:5000/x:1", "a.io:5000/x:1!");
    check("a.io/x:1", "a.io/x:1");
    check("x.w.io/x:1", "x.w.io/x:1!");
    check("b.io/x:1", "b.io blocked at r.conf:6:15");
    check("c.io/x:1", "c.io blocked at r.conf:6:23");
    let empty = "[registries.block]\nregistries = []\n[[registry]]\nlocation = \"a.io\"\n";
    assert!(RegistrySettings::parse(&[source(empty)]).is_ok());
}

#[test]
fn private_redirects_are_allowed_by_registry() {
    let text = "[[registry]]\nlocation = 'near.io'\nallow-private-redirects = true\n\
                [[registry.mirror]]\nlocation = 'm.io'\n\
                [[registry.mirror]]\nlocation = 'n.io'\nallow-private-redirects = true\n";
    let config = RegistrySettings::parse(&[source(text)]).unwrap();
    let image = "near.io/x:1".parse().unwrap();
    let read = show(config.resolve(&image, RegistryPurpose::Read));
    assert_eq!(read, "m.io/x:1 n.io/x:1? near.io/x:1?");
    assert_eq!(show(config.resolve(&image, RegistryPurpose::Write)), "near.io/x:1?");
}

#[test]
fn a_broken_entry_stops_what_it_applies_to() {
    let check = |text: &str, image: &str, expected: &str| {
        let config = RegistrySettings::parse(&[source(text)]).unwrap();
        let image = image.parse().unwrap();
        assert_eq!(show(config.resolve(&image, RegistryPurpose::Read)), expected, "{text} {image}");
    };
    let scheme = format!("r.conf:2:12: {SCHEME}");
    check(&registry("location = \"https://q.io/a\""), "q.io/a/x:1", &scheme);
    check(&registry("location = \"https://q.io/a\""), "q.io/b/x:1", "q.io/b/x:1");
    check(
        &registry("prefix = \"p.io\""),
        "p.io/x:1",
        "r.conf:1:1: `location` is missing for `p.io`",
    );
    check(&registry("prefix = \"p.io\""), "q.io/x:1", "q.io/x:1");
    let mirror = registry("location = \"m.io\"\n[[registry.mirror]]");
    check(&mirror, "q.io/x:1", "q.io/x:1");
    check(&mirror, "m.io/x:1", "r.conf:3:1: `location` is missing for a mirror");
    // The longest prefix decides.
    let outer = registry("location = \"https://q.io\"") + "\n" + &registry("location = \"q.io/a\"");
    check(&outer, "q.io/a/x:1", "q.io/a/x:1");
    check(&outer, "q.io/b/x:1", &scheme);
    let inner = registry("location = \"https://q.io/a\"") + "\n" + &registry("location = \"q.io\"");
    check(&inner, "q.io/a/x:1", &scheme);
    check(&inner, "q.io/b/x:1", "q.io/b/x:1");
    // An entry without a name may be about any registry.
    check(&registry(""), "q.io/x:1", "r.conf:1:1: a registry has neither `prefix` nor `location`");
}

/// A file that sends q.io to another place.
macro_rules! to {
    ($place:literal) => {
        concat!("[[registry]]\nprefix = \"q.io\"\nlocation = \"", $place, "\"\n")
    };
}

#[test]
fn later_files_replace_what_earlier_ones_say() {
    let check = |named: Option<&str>, files: &[(&str, &'static str)], expected: &str| {
        let around =
            SettingsEnvironment { registries_conf: named.map(Into::into), home: Some("/h".into()) };
        let config = RegistrySettings::load(&around, &TestFiles::new(files));
        let shown = match config {
            Ok(config) => show(config.resolve(&"q.io/a:1".parse().unwrap(), RegistryPurpose::Read)),
            Err(problems) => problems[0].to_string(),
        };
        assert_eq!(shown, expected, "{files:?}");
    };
    let user = "/h/.config/containers/registries.conf";
    let user_drop_in = "/h/.config/containers/registries.conf.d/x.conf";
    let system = "/etc/containers/registries.conf";
    let system_drop_in = "/etc/containers/registries.conf.d/x.conf";
    let second_drop_in = "/etc/containers/registries.conf.d/y.conf";
    check(None, &[], "q.io/a:1");
    check(None, &[(system, to!("s.io"))], "s.io/a:1");
    check(None, &[(system, to!("s.io")), (user, to!("u.io"))], "u.io/a:1");
    check(None, &[(system, to!("s.io")), (user, "")], "q.io/a:1");
    check(None, &[(system, to!("s.io")), (system_drop_in, to!("t.io"))], "t.io/a:1");
    check(None, &[(system_drop_in, to!("t.io")), (second_drop_in, to!("y.io"))], "y.io/a:1");
    check(None, &[(system_drop_in, to!("t.io")), (user_drop_in, to!("v.io"))], "v.io/a:1");
    check(None, &[(user, to!("u.io")), (system_drop_in, to!("t.io"))], "u.io/a:1");
    check(None, &[(user, to!("u.io")), (user_drop_in, to!("v.io"))], "v.io/a:1");
    check(None, &[("/etc/containers/registries.conf.d/x.txt", to!("t.io"))], "q.io/a:1");
    let named = Some("n.conf");
    check(named, &[("n.conf", to!("n.io")), (user, to!("u.io"))], "n.io/a:1");
    check(named, &[("n.conf", to!("n.io")), (system_drop_in, to!("t.io"))], "t.io/a:1");
    check(named, &[(system, to!("s.io"))], "cannot find `n.conf`");
    check(None, &[(user, "denied")], &format!("cannot read `{user}`: permission denied"));
    check(
        None,
        &[(system_drop_in, "x")],
        &format!(
            "{system_drop_in}:1:2: this is not a registries.conf: key with no value, expected `=`"
        ),
    );
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_has_problems(
        keys in prop::collection::vec("(location|prefix|insecure|blocked|mirror) = (\"[a-z*./:@]{0,9}\"|true|\\[\\]|\\{\\})", 0..4),
        junk in "[\\[\\]a-z=\"\n é]{0,12}",
    ) {
        let text = format!("[[registry]]\n{}\n{junk}", keys.join("\n"));
        match RegistrySettings::parse(&[source(&text)]) {
            Ok(config) => {
                let image = "q.io/a".parse().unwrap();
                let is_right = match config.resolve(&image, RegistryPurpose::Write) {
                    Ok(RegistryResolution::Open(endpoints)) => endpoints[0].image == image,
                    Ok(RegistryResolution::Blocked { .. }) => text.contains("blocked = true"),
                    Err(problem) => config.problems().any(|known| *known == problem),
                };
                prop_assert!(is_right);
            }
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}
