//! The *server* of a registry: its address, and what is granted to it and to no other.

use url::Url;

use crate::net::http::{HttpClient, HttpError, HttpRequest, ServerPolicy, url_origin};

/// The server of a registry.
#[derive(Debug, Clone)]
pub(crate) struct RegistryServer {
    /// The root of the API, which ends with `/v2/`.
    pub(crate) base_url: Url,
    /// How it is contacted.
    pub(crate) policy: ServerPolicy,
}

impl RegistryServer {
    /// Returns whether a URL belongs to the registry itself, the only server that gets its credential
    /// and what is granted to it.
    pub(crate) fn is_own(&self, url: &Url) -> bool {
        let both = (url_origin(&self.base_url), url_origin(url));
        matches!(both, (Ok(base), Ok(url)) if base == url)
    }

    fn policy_for(&self, url: &Url) -> ServerPolicy {
        if self.is_own(url) { self.policy } else { ServerPolicy::default() }
    }

    /// Returns a request, with what is granted to the registry if it goes there.
    pub(crate) fn request<'u>(&self, method: &'static str, url: &'u Url) -> HttpRequest<'u> {
        HttpRequest::new(method, url).policy(self.policy_for(url))
    }

    /// Resolves a location that the server of `from` sent.
    pub(crate) fn resolve_location(
        &self,
        client: &HttpClient,
        from: &Url,
        location: &str,
    ) -> Result<Url, HttpError> {
        client.resolve_location(from, location, self.policy_for(from))
    }
}
