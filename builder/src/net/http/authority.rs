//! Clients that trust one more *authority* for one host.

use std::sync::Arc;

use super::trust::{ServerRole, TlsOptions, TlsTrust};
use super::{HttpClient, HttpOptions, HttpOrigin};

/// The trust of another client, and an authority for one host.
struct AddedAuthority {
    client: HttpClient,
    host: String,
    /// Certificates as PEM.
    authority: Vec<u8>,
}

impl TlsTrust for AddedAuthority {
    fn for_host(&self, host: &str, role: ServerRole) -> Result<TlsOptions, String> {
        let mut options = self.client.options().trust.for_host(host, role)?;
        if host == self.host {
            options.authorities.push(self.authority.clone());
        }
        Ok(options)
    }
}

impl HttpClient {
    /// Returns a client that also trusts the certificates of `authority`, as PEM, for the server of this
    /// origin.
    pub(crate) fn with_authority(&self, origin: &HttpOrigin, authority: Vec<u8>) -> Self {
        let parent = self.options();
        let traced = self.clone();
        Self::new(HttpOptions {
            proxies: parent.proxies.clone(),
            roots: parent.roots.clone(),
            trust: Box::new(AddedAuthority {
                client: self.clone(),
                host: origin.authority(),
                authority,
            }),
            stall: parent.stall,
            retries: parent.retries,
            limits: parent.limits,
            private_redirects: parent.private_redirects,
            cancelled: Arc::clone(&parent.cancelled),
            trace: Some(Box::new(move |line| traced.trace(|| line.to_owned()))),
        })
    }
}
