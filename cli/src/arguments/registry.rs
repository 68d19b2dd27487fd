//! The options of all commands that use *registries*, and the client that is made from them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Args};
use diskette_builder::net::credential::Credential;
use diskette_builder::net::http::{
    HttpClient, HttpOptions, HttpTrace, PrivateRedirects, ServerLimits, ServerVerification,
};
use diskette_builder::net::proxy::Proxies;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::progress::Progress;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{
    PlainHttp, RegistryClient, RegistryKeychain, RegistryOptions,
};
use diskette_builder::registry::credentials::{CredentialSource, Credentials};
use diskette_builder::registry::settings::certs;

use crate::arguments::byte_count::parse_chunk_size;
use crate::arguments::credentials::{CredentialArguments, RegistryUse};
use crate::credentials::{System, settings_loader, user_credentials};
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::trust::{TrustedCertificates, read_certificate};
use crate::ui::print_message;

/// How to speak to registries.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Registry options")]
pub(crate) struct RegistryArguments {
    /// Read credentials only from this file [default: the auth files of podman and docker]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,

    #[command(flatten)]
    credentials: CredentialArguments,

    /// Also trust the CA certificates, or the server's own certificate, in this PEM file
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Use the certificates in this directory instead of those in certs.d: *.crt are CA
    /// certificates,
    /// *.cert and *.key client certificates
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,

    /// Verify TLS certificates; with false, any certificate is accepted, and HTTP is used where a
    /// registry has no TLS
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,

    /// Use HTTP without TLS; the default for registries on this machine, unless they
    /// have a directory in certs.d or a TLS option is set
    #[arg(long, conflicts_with = "tls_verify")]
    plain_http: bool,

    /// Follow redirects from public servers to private or local addresses
    #[arg(long)]
    allow_private_redirects: bool,

    /// Number of retries of a failed request
    #[arg(long, value_name = "N", default_value_t = 5)]
    retry: u32,

    /// Time limit for a connection that transfers no data or hardly any, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,

    /// Upload blobs in chunks of this size, e.g. 8M; default: each blob in one request
    #[arg(long, value_name = "BYTES", value_parser = parse_chunk_size)]
    chunk_size: Option<u64>,

    /// Print each request and response, without secrets
    #[arg(long)]
    debug: bool,

    /// What one server gets at a time, in commands with options for that.
    #[arg(skip)]
    limits: ServerLimits,
}

impl RegistryArguments {
    /// Returns these options with others in the place of three.
    pub(super) fn with(
        &self,
        authfile: Option<PathBuf>,
        cert_dir: Option<PathBuf>,
        tls_verify: Option<bool>,
    ) -> Self {
        Self {
            authfile: authfile.or_else(|| self.authfile.clone()),
            cert_dir: cert_dir.or_else(|| self.cert_dir.clone()),
            tls_verify: tls_verify.or(self.tls_verify),
            ..self.clone()
        }
    }

    /// Returns these options with limits of what one server gets at a time.
    pub(crate) fn limited(&self, limits: ServerLimits) -> Self {
        Self { limits, ..self.clone() }
    }

    /// Returns the file of `--authfile`.
    pub(crate) fn authfile(&self) -> Option<&Path> {
        self.authfile.as_deref()
    }

    /// Returns the file of `--ca-file`.
    pub(crate) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Returns whether certificates of servers are not verified.
    pub(crate) fn is_insecure(&self) -> bool {
        self.plain_http || self.tls_verify == Some(false)
    }

    /// Returns whether an option gives a credential.
    pub(crate) fn has_credential(&self) -> bool {
        self.credentials.is_given()
    }

    /// Returns the credential of an option.
    pub(crate) fn given_credential(&self) -> Result<Option<Credential>, CommandError> {
        Ok(self.credentials.credential()?.map(|(_, credential)| credential))
    }

    /// Returns the client for all registries.
    pub(crate) fn registry(
        &self,
        environment: &Environment,
        progress: Arc<dyn Progress>,
        uses: &RegistryUse<'_>,
    ) -> Result<RegistryClient, CommandError> {
        let keys = RereadCredentials(self.credentials(environment, uses)?);
        self.registry_with_keychain(environment, progress, keys)
    }

    /// Returns the client for all registries with a credential that is not stored yet.
    pub(crate) fn registry_with_credential(
        &self,
        environment: &Environment,
        progress: Arc<dyn Progress>,
        given: CredentialSource,
    ) -> Result<RegistryClient, CommandError> {
        let keys = RereadCredentials(user_credentials(environment, vec![given], None));
        self.registry_with_keychain(environment, progress, keys)
    }

    fn registry_with_keychain(
        &self,
        environment: &Environment,
        progress: Arc<dyn Progress>,
        keys: RereadCredentials,
    ) -> Result<RegistryClient, CommandError> {
        let client = self.http_client(environment, &progress)?;
        let options = RegistryOptions {
            keychain: Box::new(keys),
            settings: settings_loader(environment),
            plain_http: self.plain_http(),
            chunk_size: self.chunk_size,
            progress,
        };
        Ok(RegistryClient::new(client, options))
    }

    fn plain_http(&self) -> PlainHttp {
        match (self.plain_http, self.tls_verify) {
            (true, _) => PlainHttp::Always,
            // An option about TLS asks for TLS, even to a registry on this machine.
            (false, Some(true)) => PlainHttp::Never,
            // As podman and skopeo understand it.
            (false, Some(false)) => PlainHttp::WithoutTls,
            (false, None) => PlainHttp::Loopback,
        }
    }

    /// Returns the HTTP client for registries and downloads.
    pub(crate) fn http_client(
        &self,
        environment: &Environment,
        progress: &Arc<dyn Progress>,
    ) -> Result<HttpClient, CommandError> {
        let progress = Arc::clone(progress);
        let trace = self.debug.then(|| -> HttpTrace { Box::new(print_message) });
        Ok(HttpClient::new(HttpOptions {
            proxies: Proxies::new(&environment.proxies),
            roots: environment.roots(),
            trust: Box::new(self.certificates(environment)?),
            stall: Duration::from_secs(self.timeout),
            retries: self.retry,
            limits: self.limits,
            private_redirects: if self.allow_private_redirects {
                PrivateRedirects::Follow
            } else {
                PrivateRedirects::Refuse
            },
            cancelled: Arc::new(move || progress.is_cancelled()),
            trace,
        }))
    }

    /// Returns the credentials of the user, those of options first.
    pub(crate) fn credentials(
        &self,
        environment: &Environment,
        uses: &RegistryUse<'_>,
    ) -> Result<Credentials<System>, CommandError> {
        let given = self.credentials.sources(uses)?;
        Ok(user_credentials(environment, given, self.authfile.clone()))
    }

    /// Returns the certificates that servers are trusted by.
    pub(crate) fn certificates(
        &self,
        environment: &Environment,
    ) -> Result<TrustedCertificates, CommandError> {
        let read = |path: &PathBuf| read_certificate(path).map_err(cannot("read", path.display()));
        if let Some(dir) = &self.cert_dir {
            // What is wrong with the directory is reported before any server is contacted.
            certs::read_certificates(dir, &System)
                .map_err(|error| Diagnostic::new(error.to_string()))?;
        }
        Ok(TrustedCertificates {
            authority: self.ca_file.as_ref().map(read).transpose()?,
            directory: self.cert_dir.clone(),
            verify: if self.tls_verify == Some(false) {
                ServerVerification::None
            } else {
                ServerVerification::Full
            },
            home: environment.registries.home.clone(),
        })
    }
}

/// Looks up credentials for each request, since they may change during a long upload.
struct RereadCredentials(Credentials<System>);

impl RegistryKeychain for RereadCredentials {
    fn find_credential(&self, repository: &str) -> Result<Option<Credential>, Diagnostic> {
        let invalid = |error| Diagnostic::new(format!("`{repository}`: {error}"));
        let image: Reference = repository.parse().map_err(invalid)?;
        let found = self.0.find(&image).map_err(|error| error.diagnostic())?;
        Ok(found.map(|found| found.credential))
    }
}
