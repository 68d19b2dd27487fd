//! The *client* of registries, which pulls and pushes images
//! (<https://github.com/opencontainers/distribution-spec>). A [`RegistryClient`] reaches all
//! registries and keeps the state of each; a [`Repository`] is one path in one of them.

mod answer;
mod auth;
mod blob_reader;
mod call;
mod challenge;
mod commit;
mod delete;
mod error;
mod host;
mod limits;
mod manifests;
mod pages;
mod probe;
mod prune;
mod put;
mod range;
mod read;
mod referrers;
mod remedy;
mod repository;
mod scope;
mod server;
mod session;
mod sink;
mod tag_list;
mod token;
mod token_request;
mod upload;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use self::auth::RegistryKeychain;
use self::call::RegistryCall;
pub use self::challenge::AuthChallenge;
pub use self::delete::{DeleteError, DeletedImage};
use self::error::LOGIN_ACT;
pub use self::error::{RegistryError, RegistryErrorCause, Responder};
use self::host::{ConnectionSecurity, RegistryHost};
pub use self::prune::{LeftReason, PruneError, PruneEvent};
pub use self::read::RegistryImages;
use self::repository::Patience;
pub use self::repository::Repository;
pub(crate) use self::scope::TokenScope;
use self::server::RegistryServer;
pub use self::sink::{PublishedNames, RegistrySink};
use crate::net::http::{HttpClient, PrivateRedirects};
use crate::oci::image::reference::Reference;
use crate::oci::progress::Progress;
use crate::recipe::diagnostic::Diagnostic;
use crate::registry::settings::{
    RegistryEndpoint, RegistryPurpose, RegistryResolution, RegistrySettings, RegistryTransport,
    SettingsLoader,
};

/// Options of a [`RegistryClient`].
pub struct RegistryOptions {
    /// Looks up the credentials.
    pub keychain: Box<dyn RegistryKeychain>,
    /// Reads mirrors, insecure and blocked registries of `registries.conf` when the first registry
    /// is needed.
    pub settings: SettingsLoader,
    /// Registries that are contacted without TLS.
    pub plain_http: PlainHttp,
    /// Bytes of a blob per upload request; without it each blob is one request.
    pub chunk_size: Option<u64>,
    /// Receives notes, and can cancel the operation.
    pub progress: Arc<dyn Progress>,
}

/// Registries that are contacted without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Registries on this machine, unless they have certificates.
    Loopback,
    /// All registries.
    Always,
    /// No registry.
    Never,
    /// Registries without TLS. The certificates of others are not verified.
    WithoutTls,
}

/// A client of all registries, which keeps the connections and the authorization of each.
pub struct RegistryClient {
    client: HttpClient,
    options: RegistryOptions,
    settings: OnceLock<Result<RegistrySettings, Box<Diagnostic>>>,
    hosts: Mutex<BTreeMap<HostKey, Arc<RegistryHost>>>,
    totals: TransferTotals,
}

/// A registry, and how it is contacted.
type HostKey = (String, ConnectionSecurity, PrivateRedirects);

/// Bytes of blobs that were sent, and that did not have to be.
#[derive(Debug, Default)]
pub struct TransferTotals {
    sent: AtomicU64,
    skipped: AtomicU64,
}

impl TransferTotals {
    /// Returns how many bytes of blobs were sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns how many bytes of blobs existed in the registry already.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }
}

impl RegistryClient {
    /// Returns a client that has not contacted any registry yet.
    pub fn new(client: HttpClient, options: RegistryOptions) -> Self {
        let (settings, hosts) = (OnceLock::new(), Mutex::default());
        Self { client, options, settings, hosts, totals: TransferTotals::default() }
    }

    /// Returns the bytes that were transferred so far.
    pub fn totals(&self) -> &TransferTotals {
        &self.totals
    }

    /// Returns the repository that images of this name are written to.
    pub fn target_repository(&self, name: &Reference) -> Result<Repository<'_>, RegistryError> {
        let act = "write to";
        let mut all = self.resolve_repositories(name, RegistryPurpose::Write, act)?;
        all.pop().ok_or_else(|| {
            forbidden_error(
                name,
                act,
                "registries.conf has no location \
             for it",
            )
        })
    }

    /// Returns the repositories that images of this name are read from, the best first.
    pub fn source_repositories(
        &self,
        name: &Reference,
    ) -> Result<Vec<Repository<'_>>, RegistryError> {
        self.resolve_repositories(name, RegistryPurpose::Read, "read")
    }

    /// Returns the server that images of this name are written to, for an API beside that of
    /// images, and the client that contacts it.
    pub(crate) fn target_server(
        &self,
        name: &Reference,
    ) -> Result<(&HttpClient, RegistryServer), RegistryError> {
        Ok((&self.client, self.target_repository(name)?.host.server.clone()))
    }

    /// Checks that a registry accepts its credential. `name` is any repository in the part of the
    /// registry that the credential is for.
    pub fn check_login(&self, name: &Reference) -> Result<(), RegistryError> {
        let act = LOGIN_ACT;
        let repository = self.target_repository(name)?;
        let url = repository.host.server.base_url.clone();
        let (headers, scope) = (Vec::new(), TokenScope::default());
        let call =
            RegistryCall { act, method: "GET", url, headers, body: &[], scope, timeout: None };
        let response = repository.send_call(&call, |status| status == 200);
        let named = |error| RegistryError { location: name.registry().to_owned(), ..error };
        response.map_err(named)?.discard();
        Ok(())
    }

    fn resolve_repositories(
        &self,
        name: &Reference,
        purpose: RegistryPurpose,
        act: &'static str,
    ) -> Result<Vec<Repository<'_>>, RegistryError> {
        let failed = |diagnostic: Box<Diagnostic>| RegistryError {
            act,
            location: name.to_string(),
            cause: RegistryErrorCause::Settings(diagnostic),
        };
        let settings = self.settings.get_or_init(|| self.load_settings());
        let settings = settings.as_ref().map_err(|problem| failed(problem.clone()))?;
        match settings.resolve(name, purpose) {
            Ok(RegistryResolution::Open(endpoints)) => {
                endpoints.iter().map(|endpoint| self.open_repository(endpoint, act)).collect()
            }
            Ok(RegistryResolution::Blocked { prefix, origin }) => Err(forbidden_error(
                name,
                act,
                &format!("`{prefix}` is blocked in {}", origin.source.name),
            )),
            Err(diagnostic) => Err(failed(Box::new(diagnostic))),
        }
    }

    /// Reads the settings; fails with the first problem.
    fn load_settings(&self) -> Result<RegistrySettings, Box<Diagnostic>> {
        (self.options.settings)().map_err(|problems| {
            let unreadable = || Diagnostic::new("registries.conf cannot be read");
            Box::new(problems.into_iter().next().unwrap_or_else(unreadable))
        })
    }

    fn endpoint_security(&self, endpoint: &RegistryEndpoint) -> ConnectionSecurity {
        match (self.options.plain_http, endpoint.transport) {
            (PlainHttp::Always, _) => ConnectionSecurity::Plain,
            (_, RegistryTransport::Insecure) | (PlainHttp::WithoutTls, _) => {
                ConnectionSecurity::Unverified
            }
            (PlainHttp::Loopback, RegistryTransport::Verify) => {
                ConnectionSecurity::VerifiedUnlessLoopback
            }
            (PlainHttp::Never, RegistryTransport::Verify) => ConnectionSecurity::Verified,
        }
    }

    fn open_repository(
        &self,
        endpoint: &RegistryEndpoint,
        act: &'static str,
    ) -> Result<Repository<'_>, RegistryError> {
        let name = &endpoint.image;
        let location = name.full_repository();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let (security, redirects) = (self.endpoint_security(endpoint), endpoint.redirects);
        let key = (name.registry().to_owned(), security, redirects);
        let host = if let Some(host) = hosts.get(&key) {
            Arc::clone(host)
        } else {
            let host = RegistryHost::new(&self.client, name.registry(), security, redirects);
            let failed = |cause| RegistryError { act, location: location.clone(), cause };
            let host = Arc::new(host.map_err(failed)?);
            hosts.insert(key, Arc::clone(&host));
            host
        };
        let (name, patience) = (name.repository().into(), Patience::Retry);
        Ok(Repository { registry: self, host, name, location, patience })
    }
}

fn forbidden_error(name: &Reference, act: &'static str, why: &str) -> RegistryError {
    RegistryError {
        act,
        location: name.to_string(),
        cause: RegistryErrorCause::Forbidden(why.into()),
    }
}

impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryClient").field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryOptions")
            .field("plain_http", &self.plain_http)
            .finish_non_exhaustive()
    }
}
