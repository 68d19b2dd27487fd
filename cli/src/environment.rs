//! The *environment* of the program: variables, terminal and clock, read once and in one place.

use std::ffi::OsString;
use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use diskette_builder::net::http::SystemRoots;
use diskette_builder::net::proxy::{ProxyVariable, ProxyVariables};
use diskette_builder::net::secret::Secret;
use diskette_builder::oci::image::time::Timestamp;
use diskette_builder::registry::{credentials, settings as registries};

/// Input of the program besides its arguments.
#[derive(Debug)]
pub(crate) struct Environment {
    /// `SOURCE_DATE_EPOCH`, not checked.
    pub(crate) source_date_epoch: Option<OsString>,
    /// Directory for caches: `$XDG_CACHE_HOME`, else `~/.cache`.
    pub(crate) cache_home: Option<PathBuf>,
    /// Directory for temporary files: `$TMPDIR`, else `/tmp`.
    pub(crate) temporary: PathBuf,
    /// Variables that decide where credentials are looked up.
    pub(crate) auth: credentials::CredentialEnvironment,
    /// Variables that decide where the settings of registries are looked up.
    pub(crate) registries: registries::SettingsEnvironment,
    /// Variables that name proxies.
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
        let cache_home =
            variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || variable("HOME").map(|home| PathBuf::from(home).join(".cache"));
        Self {
            source_date_epoch: variable("SOURCE_DATE_EPOCH"),
            cache_home: cache_home.or_else(home),
            temporary: temporary_directory(),
            auth: credential_environment(),
            registries: registries::SettingsEnvironment {
                registries_conf: path_variable("CONTAINERS_REGISTRIES_CONF"),
                home: path_variable("HOME"),
            },
            proxies: proxy_variables(),
            terminal: terminal(),
            started: now(),
        }
    }

    /// Returns the start time in seconds since 1970.
    pub(crate) fn seconds(&self) -> i64 {
        let since = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    /// Returns the start time, as attestations have it.
    pub(crate) fn start_time(&self) -> Timestamp {
        self.seconds().to_string().parse().unwrap_or_default()
    }

    /// Returns what time it is, as attestations have it.
    pub(crate) fn current_time(&self) -> Timestamp {
        let elapsed = i64::try_from(self.elapsed().as_secs()).unwrap_or(i64::MAX);
        self.seconds().saturating_add(elapsed).to_string().parse().unwrap_or_default()
    }

    /// Returns the start time in UTC in the form of tags: `YYMMDDHHMM`.
    pub(crate) fn stamp(&self) -> String {
        let since = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let time = jiff::Timestamp::UNIX_EPOCH
            .saturating_add(jiff::SignedDuration::try_from(since).unwrap_or_default());
        time.map(|time| time.strftime("%y%m%d%H%M").to_string()).unwrap_or_default()
    }

    /// Returns how long the program has been running.
    pub(crate) fn elapsed(&self) -> Duration {
        now().duration_since(self.started).unwrap_or_default()
    }

    /// Returns a variable by its name, if it is set, not empty, and UTF-8.
    #[expect(clippy::unused_self, reason = "it is part of the environment")]
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        variable(name).and_then(|value| value.into_string().ok())
    }

    /// Returns the password of a key that signs: `COSIGN_PASSWORD`, as cosign reads it.
    pub(crate) fn key_password(&self) -> Option<Secret> {
        self.variable("COSIGN_PASSWORD").map(Secret::new)
    }

    /// Returns the certificates that the system trusts, or those of `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR`.
    #[expect(clippy::unused_self, reason = "it is part of the environment")]
    pub(crate) fn roots(&self) -> SystemRoots {
        let found = openssl_probe::probe();
        SystemRoots { file: found.cert_file, directories: found.cert_dir }
    }
}

/// Reads the variables of proxies. Upper case takes precedence, as in Go.
fn proxy_variables() -> ProxyVariables {
    let text = |name: &'static str| variable(name)?.into_string().ok();
    let first = |names: [&'static str; 2]| {
        names
            .into_iter()
            .find_map(|name| Some(ProxyVariable { name, value: Secret::new(text(name)?) }))
    };
    ProxyVariables {
        http: first(["HTTP_PROXY", "http_proxy"]),
        https: first(["HTTPS_PROXY", "https_proxy"]),
        all: first(["ALL_PROXY", "all_proxy"]),
        no_proxy: text("NO_PROXY").or_else(|| text("no_proxy")),
    }
}

fn credential_environment() -> credentials::CredentialEnvironment {
    let config = variable("DOCKER_AUTH_CONFIG").and_then(|text| text.into_string().ok());
    credentials::CredentialEnvironment {
        authfile: None,
        registry_auth_file: path_variable("REGISTRY_AUTH_FILE"),
        docker_auth_config: config.map(Secret::new),
        runtime_dir: path_variable("XDG_RUNTIME_DIR"),
        config_home: path_variable("XDG_CONFIG_HOME"),
        docker_config: path_variable("DOCKER_CONFIG"),
        home: path_variable("HOME"),
        uid: rustix::process::getuid().as_raw(),
    }
}

fn path_variable(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

fn terminal() -> Terminal {
    if !stderr().is_terminal() || variable("TERM").is_some_and(|term| term == "dumb") {
        return Terminal::None;
    }
    // https://no-color.org: any value but the empty one.
    if variable("NO_COLOR").is_some() { Terminal::Plain } else { Terminal::Color }
}

/// Returns the directory for temporary files.
pub(crate) fn temporary_directory() -> PathBuf {
    variable("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
}

/// Returns a variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
fn now() -> SystemTime {
    SystemTime::now()
}
