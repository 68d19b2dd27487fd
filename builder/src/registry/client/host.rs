//! A *host* is one registry and its state: its address, its authorization, the pause that it asked
//! for, and how many bytes it accepts in one request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use url::Url;

use super::auth::Authorization;
use super::error::RegistryErrorCause;
use super::server::RegistryServer;
use crate::net::http::{
    HttpClient, HttpError, HttpRequest, HttpResponse, PrivateRedirects, ServerPolicy, ServerRole,
    ServerVerification, is_loopback, url_origin,
};

/// One registry and its state. Paths of a registry that are contacted in different ways have hosts
/// of their own: what registries.conf grants to one holds for no other.
#[derive(Debug)]
pub(super) struct RegistryHost {
    pub(super) server: RegistryServer,
    pub(super) authorization: Authorization,
    pub(super) probe: Mutex<Probe>,
    paused_until: Mutex<Option<Instant>>,
    /// Bytes of a blob per request; 0 as long as the registry accepts whole blobs.
    chunk_size: AtomicU64,
}

/// Whether a registry was asked which authentication it requires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Probe {
    #[default]
    Pending,
    Done,
}

/// The host of Docker Hub's registry, whose images are named `docker.io`.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// The first and the least number of bytes per request to a registry that refused a whole blob:
/// proxies limit requests to 100 MB, or to 1 MiB by default. A chunk is kept in memory beside what
/// a build needs, and both together have to stay below 64 MiB.
const CHUNK_FIRST: u64 = 16 << 20;
pub(super) const CHUNK_LEAST: u64 = 1 << 20;

/// Whether a registry is contacted with TLS, and whether its certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ConnectionSecurity {
    /// With TLS and a valid certificate.
    Verified,
    /// As `Verified`, but without TLS on this machine, unless the registry has certificates.
    VerifiedUnlessLoopback,
    /// With TLS and any certificate, or without TLS where the registry has none: what `insecure`
    /// means in registries.conf, and `--tls-verify=false` to podman and skopeo.
    Unverified,
    /// Without TLS.
    Plain,
}

impl RegistryHost {
    pub(super) fn new(
        client: &HttpClient,
        name: &str,
        security: ConnectionSecurity,
        redirects: PrivateRedirects,
    ) -> Result<Self, RegistryErrorCause> {
        let address = if name == "docker.io" { DOCKER_HUB } else { name };
        let url = |scheme: &str| {
            Url::parse(&format!("{scheme}://{address}/v2/"))
                .map_err(|_| RegistryErrorCause::Http(HttpError::Url(address.into())))
        };
        let mut base = url("https")?;
        let verification = match security {
            ConnectionSecurity::Unverified => ServerVerification::None,
            _ => ServerVerification::Full,
        };
        let policy = ServerPolicy { verification, redirects, role: ServerRole::Registry };
        let plain = match security {
            ConnectionSecurity::Plain => true,
            ConnectionSecurity::Verified => false,
            ConnectionSecurity::VerifiedUnlessLoopback => {
                let origin = url_origin(&base)?;
                is_loopback(&origin) && !client.has_certificates(&origin)
            }
            ConnectionSecurity::Unverified => {
                !answers(client, &base, policy) && answers(client, &url("http")?, policy)
            }
        };
        if plain {
            base = url("http")?;
        }
        Ok(Self {
            server: RegistryServer { base_url: base, policy },
            authorization: Authorization::default(),
            probe: Mutex::default(),
            paused_until: Mutex::default(),
            chunk_size: AtomicU64::new(0),
        })
    }

    /// Pauses all requests to the registry.
    pub(super) fn pause_requests(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = Some(paused.map_or(until, |old| old.max(until)));
    }

    /// Returns how long requests still have to wait.
    pub(super) fn remaining_pause(&self) -> Duration {
        let paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        paused.map(|until| until.saturating_duration_since(Instant::now())).unwrap_or_default()
    }

    /// Returns the bytes of a blob per request, if there is a limit.
    pub(super) fn chunk_size(&self) -> Option<u64> {
        Some(self.chunk_size.load(Ordering::Relaxed)).filter(|chunk| *chunk > 0)
    }

    /// Reduces the bytes per request below `refused`; returns whether a smaller size can be tried.
    pub(super) fn shrink_chunks(&self, refused: u64) -> bool {
        let Some(less) = smaller_chunk(refused) else { return false };
        self.chunk_size.store(less, Ordering::Relaxed);
        true
    }
}

/// Returns the length to try after one that was refused. Most limits are powers of two, and a
/// request as long as the limit is accepted.
fn smaller_chunk(refused: u64) -> Option<u64> {
    let less = 1 << refused.checked_sub(1)?.checked_ilog2()?;
    Some(CHUNK_FIRST.min(less)).filter(|less| *less >= CHUNK_LEAST)
}

/// Returns whether a server answers, whatever it answers.
fn answers(client: &HttpClient, base: &Url, policy: ServerPolicy) -> bool {
    let answer = client.send(&HttpRequest::new("GET", base).policy(policy), &[]);
    answer.map(HttpResponse::discard).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_gets_shorter() {
        let check = |refused: u64, expected: Option<u64>| {
            assert_eq!(smaller_chunk(refused), expected, "{refused}");
        };
        check(u64::MAX, Some(16 << 20));
        check(16 << 20, Some(8 << 20));
        check((8 << 20) + 1, Some(8 << 20));
        check(8 << 20, Some(4 << 20));
        check((1 << 20) + 1, Some(1 << 20));
        check(1 << 20, None);
        check(1, None);
        check(0, None);
    }
}
