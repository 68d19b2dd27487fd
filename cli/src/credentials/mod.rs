//! The one place where credentials and the configuration of registries leave the library: files
//! are opened, and helpers run, with the user's own authority.

use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt as _};
use cap_tempfile::TempFile;
use diskette_builder::net::credential::Credential;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::credentials::{
    AUTH_FILE_MAX, AuthFileContent, AuthFileEdit, AuthFileEditError, AuthFileReaders,
    CredentialAmbient, CredentialSource, CredentialSurroundings, Credentials, HELPER_ANSWER_MAX,
    HELPER_TIMEOUT, HelperEnd, HelperError, HelperOutput, program,
};
use diskette_builder::registry::settings::{CONFIG_FILE_MAX, RegistrySettings, SettingsFiles};
use rustix::fs::{Mode, OFlags, fchmod, fstat};

use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::open_parent;

/// How often a helper that has answered is asked whether it has ended.
const STEP: Duration = Duration::from_millis(5);

/// The system this runs on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct System;

/// Returns the credentials of this user: a given one above all, then an auth file that was named,
/// else those that are looked for.
pub(crate) fn credentials(
    environment: &Environment,
    given: Option<Credential>,
    authfile: Option<PathBuf>,
) -> Credentials<System> {
    let option = "--creds".to_owned();
    let given = given.map(|credential| CredentialSource::Given { option, credential });
    let authfile = authfile.map(|path| ("--authfile".to_owned(), path));
    let around = CredentialSurroundings { authfile, ..environment.auth.clone() };
    Credentials::new(given.into_iter().chain(around.sources()).collect(), System)
}

/// Returns what this user's files say of registries.
pub(crate) fn registries(environment: &Environment) -> Result<RegistrySettings, Vec<Diagnostic>> {
    RegistrySettings::load(&environment.registries, &System)
}

/// Returns the file that logins are kept in.
pub(crate) fn login_file(
    environment: &Environment,
    named: Option<&Path>,
) -> Result<PathBuf, CommandError> {
    let mut around = environment.auth.clone();
    if let Some(path) = named {
        around.authfile = Some(("--authfile".into(), path.to_owned()));
    }
    around.login_file().ok_or_else(|| {
        Diagnostic::new("there is no place for logins").help("say `--authfile FILE`").into()
    })
}

impl CredentialAmbient for System {
    fn read(&self, path: &Path) -> io::Result<Option<AuthFileContent>> {
        let Some(file) = present(open(path))? else { return Ok(None) };
        let open_to = Mode::from_raw_mode(fstat(&file)?.st_mode) & (Mode::RWXG | Mode::RWXO);
        let readers = if open_to.intersects(Mode::RGRP | Mode::ROTH) {
            AuthFileReaders::Others
        } else {
            AuthFileReaders::Owner
        };
        Ok(Some(AuthFileContent { bytes: read_most(file, AUTH_FILE_MAX)?, readers }))
    }

    fn helper(&self, name: &str, server: &str) -> Result<HelperOutput, HelperError> {
        let mut command = Command::new(program(name)?);
        command.arg("get");
        run(command, server, HELPER_TIMEOUT)
    }
}

impl SettingsFiles for System {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let file = present(open(path))?;
        file.map(|file| read_most(file, CONFIG_FILE_MAX)).transpose()
    }

    fn list(&self, dir: &Path) -> io::Result<Option<Vec<String>>> {
        let dir = present(Dir::open_ambient_dir(dir, ambient_authority()))?;
        let Some(dir) = dir else { return Ok(None) };
        let mut names = Vec::new();
        for entry in dir.entries()? {
            // A name that is no text has none of the endings that mean something.
            names.extend(entry?.file_name().into_string());
        }
        Ok(Some(names))
    }
}

/// Changes an auth file, or makes one; it is there whole or as it was, and for the user alone.
pub(crate) fn edit<T>(
    path: &Path,
    change: impl FnOnce(&mut AuthFileEdit) -> Result<T, AuthFileEditError>,
) -> Result<T, Diagnostic> {
    let old = CredentialAmbient::read(&System, path).map_err(cannot("read", path.display()))?;
    let old = old.map(|content| content.bytes);
    let refused = |error| Diagnostic::new(format!("`{}` {error}", path.display()));
    let before = AuthFileEdit::parse(old.as_deref()).map_err(refused)?;
    let mut after = before.clone();
    let result = change(&mut after).map_err(refused)?;
    if after != before {
        let bytes = after.to_bytes().map_err(cannot("write", path.display()))?;
        write_private(path, &bytes)?;
    }
    Ok(result)
}

/// Writes a file for the user alone, so that it is there whole or not at all.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), Diagnostic> {
    let path = target(path);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        let make = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent);
        make.map_err(cannot("make the directory", parent.display()))?;
    }
    let (dir, name) = open_parent(&path)?;
    let write = || {
        let mut file = TempFile::new(&dir)?;
        fchmod(file.as_file(), Mode::RUSR | Mode::WUSR)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.replace(&name)
    };
    write().map_err(cannot("write", path.display()))
}

/// Follows a link: what it points to is replaced, and it stays.
fn target(path: &Path) -> PathBuf {
    if let Ok(target) = path.canonicalize() {
        return target;
    }
    match path.read_link() {
        Ok(target) => path.parent().unwrap_or(Path::new("")).join(target),
        Err(_) => path.into(),
    }
}

/// Opens a file that can be read again: not a pipe, whose writer might never come.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let options = OpenOptions::new().read(true).custom_flags(flags).clone();
    let file = File::open_ambient_with(path, &options, ambient_authority())?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(file)
}

/// Returns nothing where there is nothing.
fn present<T>(opened: io::Result<T>) -> io::Result<Option<T>> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reads at most one byte more than `max`, so that who looks at it sees that it is too long.
fn read_most(file: impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Runs a helper. What it says on standard error is for the user.
fn run(mut command: Command, server: &str, timeout: Duration) -> Result<HelperOutput, HelperError> {
    let deadline = Instant::now() + timeout;
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => HelperError::NotInstalled,
        _ => HelperError::Io(error),
    })?;
    let ended = talk(&mut child, server, deadline);
    if ended.is_err() {
        // It may have ended by itself in the meantime.
        let _ended = child.kill().and_then(|()| child.wait());
    }
    let (stdout, status) = ended?;
    let end = if status.success() { HelperEnd::Success } else { HelperEnd::Failure };
    Ok(HelperOutput { end, stdout })
}

fn talk(
    child: &mut Child,
    server: &str,
    deadline: Instant,
) -> Result<(Vec<u8>, ExitStatus), HelperError> {
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(server.as_bytes()) {
            // It need not read what it does not want to know.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written?,
        }
    }
    let (sender, receiver) = mpsc::channel();
    let stdout = child.stdout.take();
    // If the time is up it is left behind: some other process may hold the pipe.
    thread::spawn(move || {
        let read = stdout.map_or(Ok(Vec::new()), |stdout| read_most(stdout, HELPER_ANSWER_MAX));
        // Nobody waits for it any more if that fails.
        let _sent = sender.send(read);
    });
    let left = deadline.saturating_duration_since(Instant::now());
    let stdout = receiver.recv_timeout(left).map_err(|_| HelperError::Timeout)??;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok((stdout, status));
        }
        thread::sleep(STEP);
    }
    Err(HelperError::Timeout)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use diskette_builder::registry::settings::{RegistryPurpose, RegistryResolution};

    use super::*;

    fn helper(script: &str, timeout: Duration) -> Result<Option<Credential>, HelperError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, "q.io", timeout)?.credential()
    }

    #[test]
    fn helpers_are_run_and_given_up() {
        let check = |script: &str, seconds: u64, expected: Result<Option<Credential>, &str>| {
            let started = Instant::now();
            let found = helper(script, Duration::from_secs(seconds));
            assert_eq!(found.map_err(|e| e.to_string()), expected.map_err(Into::into), "{script}");
            assert!(started.elapsed() < Duration::from_secs(20), "{script}");
        };
        let answer = r#"read server; echo "{\"Username\":\"$server\",\"Secret\":\"p\"}""#;
        // The helper sees no newline behind the server.
        check(&format!("{answer} "), 60, Ok(Some(Credential::basic("q.io", "p"))));
        check(r#"echo '{"Username":"u","Secret":"p"}'"#, 60, Ok(Some(Credential::basic("u", "p"))));
        check("echo credentials not found in native keychain; exit 1", 60, Ok(None));
        check("exit 1", 60, Err("it failed"));
        check("kill -9 $$", 60, Err("it failed"));
        check("head -c 2000000 /dev/zero", 60, Err("its answer is not a credential"));
        check("sleep 100", 1, Err("it gave no answer within 60 s"));
        check("exec >&-; sleep 100", 1, Err("it gave no answer within 60 s"));
        check("sleep 100 & echo", 1, Err("it gave no answer within 60 s"));
        let missing = System.helper("no-such-helper-at-all", "q.io");
        assert!(matches!(missing, Err(HelperError::NotInstalled)));
    }

    /// Writes an entry and returns the content and the mode of the file.
    fn login(path: &Path) -> (String, u32) {
        let set = |edit: &mut AuthFileEdit| {
            edit.set(&"q.io".parse().unwrap(), &Credential::basic("u", "p"))
        };
        edit(path, set).unwrap();
        let found = CredentialAmbient::read(&System, path).unwrap().unwrap();
        assert_eq!(found.readers, AuthFileReaders::Owner);
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        (String::from_utf8(found.bytes).unwrap().replace(['\n', '\t'], ""), mode)
    }

    #[test]
    fn a_login_is_for_the_user_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        let at = |name: &str| temporary.path().join(name);
        let entry = r#"{"auths": {"q.io": {"auth": "dTpw"}}}"#.to_owned();

        assert_eq!(login(&at("new/containers/auth.json")), (entry.clone(), 0o600));
        let mode = at("new/containers").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);

        // A file that others could read is closed to them.
        dir.write("old.json", "{}").unwrap();
        dir.set_permissions(
            "old.json",
            cap_std::fs::Permissions::from_std(std::fs::Permissions::from_mode(0o644)),
        )
        .unwrap();
        let readers = CredentialAmbient::read(&System, &at("old.json")).unwrap().unwrap().readers;
        assert_eq!(readers, AuthFileReaders::Others);
        assert_eq!(login(&at("old.json")), (entry.clone(), 0o600));

        // A link stays, whether or not there is something at its end.
        for (link, end) in [("link", "old.json"), ("dangling", "none.json")] {
            symlink(end, at(link)).unwrap();
            assert_eq!(login(&at(link)), (entry.clone(), 0o600));
            assert_eq!(at(link).read_link().unwrap(), Path::new(end));
        }

        // What cannot be edited is left as it is.
        dir.write("broken.json", "hunter2").unwrap();
        let refused = edit(&at("broken.json"), |_| Ok(())).unwrap_err();
        assert!(refused.message.ends_with("` is not JSON at line 1, column 1"), "{refused}");
        assert_eq!(dir.read_to_string("broken.json").unwrap(), "hunter2");
    }

    #[test]
    fn the_files_of_a_user_are_found() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |name: &str| temporary.path().join(name);
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        let mut environment = Environment::read();
        environment.auth = CredentialSurroundings {
            config_home: Some(at("config")),
            uid: u32::MAX,
            ..CredentialSurroundings::default()
        };
        environment.registries.registries_conf = Some(at("registries.conf"));
        dir.write("registries.conf", "[[registry]]\nlocation = \"q.io\"\nblocked = true\n")
            .unwrap();
        login(&at("config/containers/auth.json"));
        login(&at("named.json"));

        let image = "q.io/a".parse().unwrap();
        let check = |given: Option<Credential>, authfile: Option<&str>, expected: &str| {
            let credentials = credentials(&environment, given, authfile.map(at));
            let found = credentials.find(&image).unwrap().unwrap();
            assert!(found.place.to_string().ends_with(expected), "{found:?}");
        };
        check(None, None, "config/containers/auth.json");
        check(None, Some("named.json"), "named.json");
        check(Some(Credential::basic("u", "p")), Some("named.json"), "--creds");
        let config = registries(&environment).unwrap();
        let resolution = config.resolve(&image, RegistryPurpose::Write).unwrap();
        assert!(matches!(resolution, RegistryResolution::Blocked { .. }));
    }

    #[test]
    fn what_is_not_there_is_nothing() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        dir.create_dir("conf.d").unwrap();
        dir.write("conf.d/a.conf", "a").unwrap();
        let at = |name: &str| temporary.path().join(name);
        assert_eq!(CredentialAmbient::read(&System, &at("none")).unwrap(), None);
        assert_eq!(CredentialAmbient::read(&System, &at("conf.d/a.conf/none")).unwrap(), None);
        assert_eq!(SettingsFiles::read(&System, &at("none")).unwrap(), None);
        assert_eq!(
            SettingsFiles::read(&System, &at("conf.d/a.conf")).unwrap(),
            Some(b"a".to_vec())
        );
        assert_eq!(System.list(&at("none")).unwrap(), None);
        assert_eq!(System.list(&at("conf.d/a.conf")).unwrap(), None);
        assert_eq!(System.list(&at("conf.d")).unwrap(), Some(vec!["a.conf".to_owned()]));
        let directory = CredentialAmbient::read(&System, &at("conf.d")).unwrap_err();
        assert_eq!(directory.to_string(), "it is not a regular file");
        let pipe = at("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        let refused = CredentialAmbient::read(&System, &pipe).unwrap_err();
        assert_eq!(refused.to_string(), "it is not a regular file");
    }
}
