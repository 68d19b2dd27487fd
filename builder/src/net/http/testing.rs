//! Clients for tests.

use std::sync::Arc;
use std::time::Duration;

use super::{
    HttpClient, HttpOptions, PrivateRedirects, ServerLimits, ServerRole, SystemRoots, TlsOptions,
    TlsTrust,
};
use crate::net::proxy::Proxies;

struct SystemTrust;

impl TlsTrust for SystemTrust {
    fn for_host(&self, _host: &str, _role: ServerRole) -> Result<TlsOptions, String> {
        Ok(TlsOptions::default())
    }
}

/// Returns a client whose requests are cancelled.
pub(crate) fn client(private_redirects: PrivateRedirects) -> HttpClient {
    HttpClient::new(HttpOptions {
        proxies: Proxies::default(),
        roots: SystemRoots::default(),
        trust: Box::new(SystemTrust),
        stall: Duration::ZERO,
        retries: 0,
        limits: ServerLimits::default(),
        private_redirects,
        cancelled: Arc::new(|| true),
        trace: None,
    })
}
