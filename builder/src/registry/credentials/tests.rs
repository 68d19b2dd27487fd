use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::file::{AuthFile, AuthFileFormat, AuthFileLookup};
use super::*;
use crate::net::secret::Secret;
use crate::oci::image::reference::Reference;

const PASSWORD: &str = "hunter2";

/// Files and helpers that are not there.
#[derive(Debug, Default)]
struct World {
    files: RefCell<BTreeMap<PathBuf, String>>,
    readers: Option<AuthFileReaders>,
    asked: RefCell<Vec<String>>,
}

impl CredentialSystem for &World {
    fn read_auth_file(&self, path: &Path) -> io::Result<Option<AuthFileContent>> {
        let files = self.files.borrow();
        match files.get(path).map(String::as_str) {
            Some("denied") => {
                Err(io::Error::new(io::ErrorKind::PermissionDenied, "permission denied"))
            }
            content => Ok(content.map(|content| AuthFileContent {
                bytes: content.into(),
                readers: self.readers.unwrap_or(AuthFileReaders::Owner),
            })),
        }
    }

    fn run_helper(&self, name: &str, server: &str) -> Result<HelperOutput, HelperError> {
        self.asked.borrow_mut().push(format!("{name} {server}"));
        let output =
            |end, stdout: String| Ok(HelperOutput { exit: end, stdout: stdout.into_bytes() });
        let answer = |username: &str, secret: &str| {
            output(HelperExit::Success, json!({"Username": username, "Secret": secret}).to_string())
        };
        match name {
            "none" => {
                output(HelperExit::Failure, "credentials not found in native keychain".into())
            }
            "token" => answer("<token>", server),
            "fail" => output(HelperExit::Failure, PASSWORD.into()),
            "junk" => output(HelperExit::Success, PASSWORD.into()),
            "gone" => Err(HelperError::NotInstalled),
            "hang" => Err(HelperError::Timeout),
            name => answer(&format!("{name}:{server}"), PASSWORD),
        }
    }
}

/// Makes the text of a file from the short form of the table.
fn file_text(entries: &str, flat: bool) -> String {
    if entries.is_empty() || entries.starts_with('{') || entries == "denied" {
        return entries.into();
    }
    let (mut auths, mut helpers, mut store) = (json!({}), json!({}), Value::Null);
    for entry in entries.split(',') {
        if let Some((key, user)) = entry.split_once('~') {
            let auth = (!user.is_empty()).then(|| file::encode_auth(user, PASSWORD));
            auths[key] = auth.map_or(json!({}), |auth| json!({"auth": auth}));
        } else if let Some((key, token)) = entry.split_once('^') {
            auths[key] = json!({"identitytoken": token});
        } else if let Some((key, helper)) = entry.split_once('!') {
            if key.is_empty() { store = json!(helper) } else { helpers[key] = json!(helper) }
        }
    }
    if flat {
        return auths.to_string();
    }
    json!({"auths": auths, "credHelpers": helpers, "credsStore": store}).to_string()
}

/// Returns where the surroundings of `world` have a place.
fn path(place: &str) -> PathBuf {
    let path = match place {
        "run" | "xdg" => return PathBuf::from(place).join("containers/auth.json"),
        "guess" => "/run/containers/1000/auth.json",
        "config" => "home/.config/containers/auth.json",
        "dir" => "dir/config.json",
        "docker" => "home/.docker/config.json",
        "old" => "home/.dockercfg",
        place => place,
    };
    path.into()
}

fn set_up(sources: &str, world: &World) -> Vec<CredentialSource> {
    let mut around = CredentialEnvironment {
        home: Some("home".into()),
        uid: 1000,
        ..CredentialEnvironment::default()
    };
    let mut given = None;
    for (place, entries) in sources.split_whitespace().map(|part| part.split_once('=').unwrap()) {
        match place {
            "creds" => given = Some(Credential::basic(entries, PASSWORD)),
            "option" => around.authfile = Some(("--authfile".into(), path(place))),
            "env" => around.registry_auth_file = Some(path(place)),
            "text" => around.docker_auth_config = Some(Secret::new(file_text(entries, false))),
            "run" => around.runtime_dir = Some(place.into()),
            "xdg" => around.config_home = Some(place.into()),
            "dir" => around.docker_config = Some(place.into()),
            _ => {}
        }
        if entries != "-" {
            let text = file_text(entries, place == "old");
            world.files.borrow_mut().insert(path(place), text);
        }
    }
    let given = given.map(|credential| CredentialSource::Direct {
        option: "creds".into(),
        credential,
        scope: CredentialScope::Registry("q.io".into()),
    });
    given.into_iter().chain(around.sources()).collect()
}

/// Writes places as the table does.
fn short(text: &str) -> String {
    let places = ["run", "guess", "xdg", "config", "dir", "docker", "old"];
    let text = text.replace("$DOCKER_AUTH_CONFIG", "text");
    places.iter().fold(text, |text, place| text.replace(path(place).to_str().unwrap(), place))
}

fn show(found: &FoundCredential) -> String {
    let FoundCredential { credential, location, key, helper } = found;
    let mut shown = match credential {
        Credential::Basic { username, .. } => username.clone(),
        Credential::IdentityToken(token) => format!("token {}", token.expose()),
    };
    write!(shown, " from {}", short(&location.to_string())).unwrap();
    for (word, what) in [("at", key), ("by", helper)] {
        let Some(what) = what else { continue };
        write!(shown, " {word} {what}").unwrap();
    }
    shown
}

fn check(sources: &str, image: &str, expected: &str) {
    let world = World::default();
    let credentials = Credentials::new(set_up(sources, &world), &world);
    let image: Reference = image.parse().unwrap();
    let found = credentials.find(&image);
    let shown = match &found {
        Ok(found) => found.as_ref().map_or("nothing".into(), show),
        Err(error) => short(&error.to_string()),
    };
    assert_eq!(shown, expected, "{sources} | {image}");
    let asked = world.asked.take();
    assert!(asked.len() <= 1 || shown.ends_with(" by other"), "{sources}: {asked:?}");

    // What is explained is what is found, and neither shows a secret.
    let steps = credentials.explain(&image);
    let used = steps.iter().find_map(|step| match &step.outcome {
        CredentialOutcome::Used(found) => Some(show(found)),
        CredentialOutcome::Failed(error) => Some(short(&error.to_string())),
        _ => None,
    });
    assert_eq!(used.unwrap_or("nothing".into()), expected, "{sources} | {image}");
    assert_eq!(world.asked.take(), asked, "{sources}");
    let told = format!("{found:?} {steps:?} {credentials:?}");
    assert!(!told.contains(PASSWORD), "{told}");
    if let Err(error) = found {
        let diagnostic = error.diagnostic();
        assert!(!diagnostic.help.is_empty() && !diagnostic.message.contains(PASSWORD));
    }
}

#[test]
fn the_first_source_with_an_entry_wins() {
    let lines = include_str!("cases.txt").lines();
    let mut cases = 0;
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let [sources, image, expected] =
            line.splitn(3, '|').collect::<Vec<_>>().try_into().expect(line);
        check(sources, image.trim(), expected.trim());
        cases += 1;
    }
    assert!(cases >= 60, "{cases}");
}

#[test]
fn entries_are_read_as_people_write_them() {
    let check = |entry: &str, expected: &str| {
        let text = format!(r#"{{"auths": {{"q.io": {entry}}}}}"#);
        let file = AuthFile::parse(text.as_bytes(), AuthFileFormat::Containers);
        let shown = match file.and_then(|file| file.lookup(&"q.io/a".parse().unwrap())) {
            Ok(AuthFileLookup::Entry {
                credential: Credential::Basic { username, password },
                ..
            }) => {
                format!("{username} {}", password.expose())
            }
            Ok(AuthFileLookup::Entry { credential: Credential::IdentityToken(token), .. }) => {
                format!("token {}", token.expose())
            }
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{entry}");
    };
    let blank = r#"Blank { key: "q.io" }"#;
    let broken = "has an `auth` for `q.io` that is not the base64 of `USER:PASSWORD`";
    check(r#"{"auth": "dTpw"}"#, "u p");
    check(r#"{"auth": "dTpwcA=="}"#, "u pp");
    check(r#"{"auth": "dTpwcA"}"#, "u pp"); // no padding
    check(r#"{"auth": "dTpw\ncA==\n"}"#, "u pp"); // wrapped by base64(1)
    check(r#"{"auth": "dTpwcB=="}"#, "u pp"); // stray bits in the last letter
    check(r#"{"auth": "dTpwOnA="}"#, "u p:p"); // the first colon ends the user
    check(r#"{"auth": "dTpwAAA="}"#, "u p"); // zeros at the end
    check(r#"{"auth": "OnA="}"#, " p");
    check(r#"{"auth": "dTo="}"#, "u ");
    check(r#"{"auth": "Og=="}"#, blank);
    check(r#"{"auth": ""}"#, blank);
    check("{}", blank);
    check("null", blank);
    check(r#"{"auth": null, "email": "me@q.io"}"#, blank);
    check(r#"{"username": "u", "password": "p"}"#, "u p");
    check(r#"{"auth": "", "username": "u", "password": "p"}"#, "u p");
    check(r#"{"auth": "dTpw", "username": "x", "password": "y"}"#, "u p");
    check(r#"{"auth": "dTpw", "identitytoken": "t"}"#, "token t");
    check(r#"{"auth": "dTpw", "identitytoken": ""}"#, "u p");
    check(r#"{"identitytoken": "t"}"#, "token t");
    check(r#"{"auth": "dQ=="}"#, broken);
    check(r#"{"auth": "d T p w"}"#, "u p");
    check(r#"{"auth": "%%%"}"#, broken);
    check(r#"{"auth": "dTr/"}"#, broken); // not UTF-8
    check(
        r#"{"auth": 1}"#,
        "is not an auth file: what ends at line 1, column 29 does not belong there",
    );
}

#[test]
fn messages_do_not_repeat_what_is_in_a_file() {
    let check = |text: &str, expected: &str| {
        let error = AuthFile::parse(text.as_bytes(), AuthFileFormat::Any).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains(PASSWORD));
    };
    let at =
        |place: &str| format!("is not an auth file: what ends at {place} does not belong there");
    check(r#"{"auths": "hunter2"}"#, &at("line 1, column 19"));
    check(r#"{"auths": {"q.io": "hunter2"}}"#, &at("line 1, column 28"));
    check(r#"{"credHelpers": ["hunter2"]}"#, &at("line 1, column 16"));
    check("{\n  \"auths\": hunter2\n}", "is not JSON at line 2, column 12");
    check("hunter2", "is not JSON at line 1, column 1");
    check(r#""hunter2""#, "is not an auth file: it is not a JSON object");
    check("", "is empty");
    check("\n \n", "is empty");
    check(&" ".repeat(AUTH_FILE_MAX + 1), "is larger than 1 MiB");
    check(&"[".repeat(1000), "is not JSON at line 1, column 128");
}

#[test]
fn a_password_may_change_between_two_questions() {
    let world = World::default();
    let credentials = Credentials::new(set_up("run=q.io~old", &world), &world);
    let image = "q.io/a".parse().unwrap();
    assert_eq!(show(&credentials.find(&image).unwrap().unwrap()), "old from run at q.io");
    world.files.borrow_mut().insert(path("run"), file_text("q.io~new", false));
    assert_eq!(show(&credentials.find(&image).unwrap().unwrap()), "new from run at q.io");
}

#[test]
fn every_source_is_explained() {
    let world = World { readers: Some(AuthFileReaders::Others), ..World::default() };
    let check = |sources: &str, expected: &[&str]| {
        world.files.borrow_mut().clear();
        let credentials = Credentials::new(set_up(sources, &world), &world);
        let steps = credentials.explain(&"q.io/a".parse().unwrap());
        let show = |step: &CredentialStep| {
            let outcome = match &step.outcome {
                CredentialOutcome::Used(found) => format!("Used({})", show(found)),
                CredentialOutcome::Failed(_) => "Failed".into(),
                other => format!("{other:?}"),
            };
            let readers = if step.readers == Some(AuthFileReaders::Others) { ", open" } else { "" };
            format!("{}: {outcome}{readers}", short(&step.location.to_string()))
        };
        assert_eq!(steps.iter().map(show).collect::<Vec<_>>(), expected, "{sources}");
    };
    check(
        "creds=u option=q.io~v",
        &["creds: Used(u from creds)", "option: Outranked(Some(\"q.io\")), open"],
    );
    check(
        "run=r.io~1 xdg=q.io~ dir=!none old=q.io~2",
        &[
            "run: Nothing, open",
            "xdg: Blank(\"q.io\"), open",
            "dir: HelperHasNothing(\"none\"), open",
            "old: Used(2 from old at q.io), open",
        ],
    );
    check(
        "text=q.io~1 run=q.io!pass xdg={ dir=!pass",
        &[
            "text: Used(1 from text at q.io)",
            "run: Outranked(Some(\"q.io\")), open",
            "xdg: Failed",
            "dir: Outranked(None), open",
            "old: Absent",
        ],
    );
    check(
        "run={ docker=!gone",
        &["run: Failed", "config: NotAsked", "docker: NotAsked", "old: NotAsked"],
    );
    check(
        "guess=denied docker=!gone",
        &[
            "guess: Absent",
            "config: Absent",
            "docker: HelperNotInstalled(\"gone\"), open",
            "old: Absent",
        ],
    );
}

#[test]
fn logins_are_written_where_podman_writes_them() {
    let check = |around: CredentialEnvironment, expected: Option<&str>| {
        assert_eq!(around.login_file(), expected.map(PathBuf::from), "{around:?}");
    };
    let home =
        || CredentialEnvironment { home: Some("/h".into()), ..CredentialEnvironment::default() };
    check(CredentialEnvironment::default(), None);
    check(home(), Some("/h/.config/containers/auth.json"));
    let around = CredentialEnvironment { config_home: Some("/c".into()), ..home() };
    check(around.clone(), Some("/c/containers/auth.json"));
    let around = CredentialEnvironment { runtime_dir: Some("/r".into()), ..around };
    check(around.clone(), Some("/r/containers/auth.json"));
    let around = CredentialEnvironment { registry_auth_file: Some("e.json".into()), ..around };
    check(around.clone(), Some("e.json"));
    let around = CredentialEnvironment { authfile: Some(("-".into(), "o.json".into())), ..around };
    check(around, Some("o.json"));
}

proptest! {
    #[test]
    fn any_bytes_are_an_auth_file_or_not(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        for format in [AuthFileFormat::Containers, AuthFileFormat::Docker, AuthFileFormat::Flat, AuthFileFormat::Any] {
            let is_object = bytes.contains(&b'{');
            prop_assert!(is_object || AuthFile::parse(&bytes, format).is_err());
        }
    }

    #[test]
    fn any_auth_is_read_or_refused(auth in ".{0,24}", key in "q\\.io(/[a-z/]{0,6})?") {
        let text = json!({"auths": {key: {"auth": auth}}}).to_string();
        let file = AuthFile::parse(text.as_bytes(), AuthFileFormat::Containers).unwrap();
        let found = file.lookup(&"q.io/a/b".parse().unwrap());
        if let Err(error) = &found {
            prop_assert!(auth.len() < 4 || !error.to_string().contains(&auth));
        }
    }

    #[test]
    fn what_was_set_is_found(user in "[^:\0]{1,12}", password in "[^\0]{1,12}") {
        let mut edit = AuthFileEdit::parse(None).unwrap();
        let credential = Credential::basic(user, password);
        edit.set(&"q.io/a".parse().unwrap(), &credential).unwrap();
        let file = AuthFile::parse(&edit.to_bytes().unwrap(), AuthFileFormat::Containers).unwrap();
        let found = file.lookup(&"q.io/a/b".parse().unwrap()).unwrap();
        prop_assert_eq!(found, AuthFileLookup::Entry { key: "q.io/a".into(), credential });
    }
}
