//! *Registries*: where images are pushed to and pulled from
//! (<https://github.com/opencontainers/distribution-spec>). A [`Registry`] is all of them, with what
//! is known of each; a [`Repository`] is one path in one of them.

mod auth;
mod call;
mod challenge;
mod error;
mod host;
mod limits;
mod manifests;
mod put;
mod read;
mod remedy;
mod scope;
mod session;
mod sink;
mod token;
mod token_request;
mod upload;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use self::auth::RegistryKeychain;
use self::call::Call;
pub use self::challenge::Challenge;
pub use self::error::{RegistryError, RegistryErrorCause};
use self::host::{Host, Security};
pub use self::read::RegistryImages;
use self::scope::Scope;
pub use self::sink::RegistrySink;
use crate::net::http::HttpClient;
use crate::oci::image::reference::Reference;
use crate::oci::progress::Progress;
use crate::registry::settings::{
    RegistryEndpoint, RegistryPurpose, RegistryResolution, RegistrySettings, RegistryTransport,
};

/// What registries are spoken to with.
pub struct RegistryOptions {
    /// Knows who we are.
    pub keychain: Box<dyn RegistryKeychain>,
    /// `registries.conf`: mirrors, and what is blocked.
    pub registries: RegistrySettings,
    /// Which registries are spoken to without TLS.
    pub plain_http: PlainHttp,
    /// Sends blobs in parts of this many bytes; otherwise each is one request.
    pub chunk_size: Option<u64>,
    /// Receives notes, and can cancel.
    pub progress: Arc<dyn Progress>,
}

/// Which registries are spoken to without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Those on this machine, unless certificates are there for them.
    Loopback,
    /// All.
    Always,
    /// None.
    Never,
}

/// All registries.
pub struct Registry {
    client: HttpClient,
    options: RegistryOptions,
    hosts: Mutex<BTreeMap<String, Arc<Host>>>,
    totals: TransferTotals,
}

/// What has been moved, in bytes.
#[derive(Debug, Default)]
pub struct TransferTotals {
    sent: AtomicU64,
    spared: AtomicU64,
}

impl TransferTotals {
    /// Returns how many bytes of blobs were sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns how many bytes of blobs were there already.
    pub fn spared(&self) -> u64 {
        self.spared.load(Ordering::Relaxed)
    }
}

/// One path in one registry.
#[derive(Clone)]
pub struct Repository<'a> {
    registry: &'a Registry,
    host: Arc<Host>,
    /// The path, e.g. `me/fedora`.
    name: String,
    /// Host and path as the user names them.
    place: String,
}

impl Registry {
    /// Returns all registries; nothing is asked yet.
    pub fn new(client: HttpClient, options: RegistryOptions) -> Self {
        Self { client, options, hosts: Mutex::default(), totals: TransferTotals::default() }
    }

    /// Returns what has been moved so far.
    pub fn totals(&self) -> &TransferTotals {
        &self.totals
    }

    /// Returns the repository that images of this name are written to.
    pub fn target(&self, name: &Reference) -> Result<Repository<'_>, RegistryError> {
        let act = "write to";
        let mut all = self.repositories(name, RegistryPurpose::Write, act)?;
        all.pop().ok_or_else(|| forbidden(name, act, "registries.conf names no place for it"))
    }

    /// Returns the repositories that images of this name are read from, the best first.
    pub fn sources(&self, name: &Reference) -> Result<Vec<Repository<'_>>, RegistryError> {
        self.repositories(name, RegistryPurpose::Read, "read")
    }

    /// Checks that a registry accepts the credential that there is for it. `name` is any
    /// repository in the part of the registry that the credential is for.
    pub fn check_login(&self, name: &Reference) -> Result<(), RegistryError> {
        let act = "log in to";
        let repository = self.target(name)?;
        let url = repository.host.base.clone();
        let (headers, scope) = (Vec::new(), Scope::default());
        let call = Call { act, method: "GET", url, headers, body: &[], scope, patience: None };
        let response = repository.call(&call, |status| status == 200);
        let named = |error| RegistryError { place: name.registry().to_owned(), ..error };
        response.map_err(named)?.discard();
        Ok(())
    }

    fn repositories(
        &self,
        name: &Reference,
        purpose: RegistryPurpose,
        act: &'static str,
    ) -> Result<Vec<Repository<'_>>, RegistryError> {
        match self.options.registries.resolve(name, purpose) {
            Ok(RegistryResolution::Open(endpoints)) => {
                endpoints.iter().map(|endpoint| self.repository(endpoint, act)).collect()
            }
            Ok(RegistryResolution::Blocked { prefix, origin }) => Err(forbidden(
                name,
                act,
                &format!("`{prefix}` is blocked in {}", origin.source.name),
            )),
            Err(diagnostic) => Err(forbidden(name, act, &diagnostic.to_string())),
        }
    }

    fn security(&self, endpoint: &RegistryEndpoint) -> Security {
        match (self.options.plain_http, endpoint.transport) {
            (PlainHttp::Always, _) => Security::Plain,
            (_, RegistryTransport::Insecure) => Security::Any,
            (PlainHttp::Loopback, RegistryTransport::Verify) => Security::Near,
            (PlainHttp::Never, RegistryTransport::Verify) => Security::Full,
        }
    }

    fn repository(
        &self,
        endpoint: &RegistryEndpoint,
        act: &'static str,
    ) -> Result<Repository<'_>, RegistryError> {
        let name = &endpoint.image;
        let place = name.full_repository();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = if let Some(host) = hosts.get(name.registry()) {
            Arc::clone(host)
        } else {
            let host = Host::new(&self.client, name.registry(), self.security(endpoint));
            let failed = |cause| RegistryError { act, place: place.clone(), cause };
            let host = Arc::new(host.map_err(failed)?);
            hosts.insert(name.registry().into(), Arc::clone(&host));
            host
        };
        Ok(Repository { registry: self, host, name: name.repository().into(), place })
    }
}

fn forbidden(name: &Reference, act: &'static str, why: &str) -> RegistryError {
    RegistryError { act, place: name.to_string(), cause: RegistryErrorCause::Forbidden(why.into()) }
}

impl Repository<'_> {
    fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.is_beside(other)
    }

    /// Tells whether both are in one registry.
    fn is_beside(&self, other: &Self) -> bool {
        self.host.base == other.host.base
    }

    fn failed(&self, act: &'static str, cause: impl Into<RegistryErrorCause>) -> RegistryError {
        RegistryError { act, place: self.place.clone(), cause: cause.into() }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryOptions")
            .field("plain_http", &self.plain_http)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Repository<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("place", &self.place).finish_non_exhaustive()
    }
}
