//! The *environment* of the program: variables, terminal and clock, read once and in one place.

use std::ffi::OsString;
use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::time::SystemTime;

use diskette_builder::net::http::SystemRoots;
use diskette_builder::net::proxy::{ProxyVariable, ProxyVariables};
use diskette_builder::net::secret::Secret;
use diskette_builder::registry::{credentials, settings as registries};

/// What the program is told besides its arguments.
#[derive(Debug)]
pub(crate) struct Environment {
    /// `SOURCE_DATE_EPOCH`, not checked.
    pub(crate) source_date_epoch: Option<OsString>,
    /// Where caches go: `$XDG_CACHE_HOME`, else `~/.cache`.
    pub(crate) cache_home: Option<PathBuf>,
    /// Where temporary files go: `$TMPDIR`, else `/tmp`.
    pub(crate) temporary: PathBuf,
    /// What decides where credentials are looked for.
    pub(crate) auth: credentials::CredentialSurroundings,
    /// What decides where the configuration of registries is looked for.
    pub(crate) registries: registries::SettingsSurroundings,
    /// Those that name proxies.
    pub(crate) proxies: ProxyVariables,
    /// Whether standard error is a terminal.
    pub(crate) terminal: Terminal,
    /// When the program started.
    pub(crate) started: SystemTime,
}

/// What standard error is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// A file, a pipe, or a terminal that cannot move its cursor.
    None,
    /// A terminal whose user wants no colour.
    Plain,
    /// A terminal.
    Color,
}

impl Environment {
    pub(crate) fn read() -> Self {
        let cache_home = set("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || set("HOME").map(|home| PathBuf::from(home).join(".cache"));
        Self {
            source_date_epoch: set("SOURCE_DATE_EPOCH"),
            cache_home: cache_home.or_else(home),
            temporary: set("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from),
            auth: auth(),
            registries: registries::SettingsSurroundings {
                registries_conf: path("CONTAINERS_REGISTRIES_CONF"),
                home: path("HOME"),
            },
            proxies: proxies(),
            terminal: terminal(),
            started: now(),
        }
    }

    /// Returns when the program started, in UTC, as tags have it: `YYMMDDHHMM`.
    pub(crate) fn stamp(&self) -> String {
        let since = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let time = jiff::Timestamp::UNIX_EPOCH
            .saturating_add(jiff::SignedDuration::try_from(since).unwrap_or_default());
        time.map(|time| time.strftime("%y%m%d%H%M").to_string()).unwrap_or_default()
    }

    /// Returns a variable that the user named.
    #[expect(clippy::unused_self, reason = "it is part of the environment")]
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        set(name).and_then(|value| value.into_string().ok())
    }

    /// Returns where the system keeps the certificates that it trusts; `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` say otherwise.
    #[expect(clippy::unused_self, reason = "it is part of the environment")]
    pub(crate) fn roots(&self) -> SystemRoots {
        let found = openssl_probe::probe();
        SystemRoots { file: found.cert_file, directories: found.cert_dir }
    }
}

/// Upper case wins, as in Go.
fn proxies() -> ProxyVariables {
    let text = |name: &'static str| set(name)?.into_string().ok();
    let first = |names: [&'static str; 2]| {
        names
            .into_iter()
            .find_map(|name| Some(ProxyVariable { name, value: Secret::new(text(name)?) }))
    };
    ProxyVariables {
        http: first(["HTTP_PROXY", "http_proxy"]),
        https: first(["HTTPS_PROXY", "https_proxy"]),
        all: first(["ALL_PROXY", "all_proxy"]),
        except: text("NO_PROXY").or_else(|| text("no_proxy")),
    }
}

fn auth() -> credentials::CredentialSurroundings {
    let config = set("DOCKER_AUTH_CONFIG").and_then(|text| text.into_string().ok());
    credentials::CredentialSurroundings {
        authfile: None,
        registry_auth_file: path("REGISTRY_AUTH_FILE"),
        docker_auth_config: config.map(Secret::new),
        runtime_dir: path("XDG_RUNTIME_DIR"),
        config_home: path("XDG_CONFIG_HOME"),
        docker_config: path("DOCKER_CONFIG"),
        home: path("HOME"),
        uid: rustix::process::getuid().as_raw(),
    }
}

fn path(name: &str) -> Option<PathBuf> {
    set(name).map(PathBuf::from)
}

fn terminal() -> Terminal {
    if !stderr().is_terminal() || set("TERM").is_some_and(|term| term == "dumb") {
        return Terminal::None;
    }
    // https://no-color.org: set to anything but nothing.
    if set("NO_COLOR").is_some() { Terminal::Plain } else { Terminal::Color }
}

/// Returns a variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn set(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
fn now() -> SystemTime {
    SystemTime::now()
}
