//! The *pool* of a client: idle connections, and what is known of servers in this run.

use std::net::SocketAddr;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use url::Url;

use super::stream::HttpConnection;
use super::{HttpClient, HttpError, HttpOrigin, HttpRequest, ServerPolicy, connect, url_origin};

/// The most idle connections that are kept, and for how long: servers close theirs after about a
/// minute, and a request on a closed connection costs another round trip.
const IDLE_MAX: usize = 256;
const IDLE_FOR: Duration = Duration::from_secs(15);

impl HttpClient {
    /// Remembers that a server failed, so that others are asked before it.
    pub(crate) fn mark_down(&self, url: &Url) {
        if let Ok(origin) = url_origin(url) {
            self.shared.down.lock().unwrap_or_else(PoisonError::into_inner).insert(origin);
        }
    }

    /// Returns whether a server failed before.
    pub(crate) fn is_down(&self, url: &Url) -> bool {
        let down = self.shared.down.lock().unwrap_or_else(PoisonError::into_inner);
        url_origin(url).is_ok_and(|origin| down.contains(&origin))
    }

    /// Returns the address at which a host was reached.
    pub(super) fn reached_address(&self, host: &str, port: u16) -> Option<SocketAddr> {
        let reached = self.shared.reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.get(&(host.to_owned(), port)).copied()
    }

    pub(super) fn remember_address(&self, host: &str, port: u16, address: SocketAddr) {
        let mut reached = self.shared.reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.insert((host.to_owned(), port), address);
    }

    pub(super) fn obtain_connection(
        &self,
        request: &HttpRequest<'_>,
        kept: bool,
    ) -> Result<(HttpConnection, bool), HttpError> {
        let (origin, policy) = (url_origin(request.url)?, request.policy);
        self.await_turn(request.url)?;
        let found = self.await_connection(|limit| {
            let idle = if kept { self.take_idle(&origin, policy) } else { None };
            if let Some(connection) = idle {
                return Some(Ok(connection));
            }
            let slot = self.shared.servers.take_slot(&origin, limit);
            if slot.is_none() {
                // One that is idle and of no use gives its place.
                self.drop_idle(&origin);
            }
            slot.map(Err)
        })?;
        match found {
            Ok(connection) => Ok((connection, true)),
            Err(slot) => {
                let mut connection = connect::connect(self, &origin, policy)?;
                connection.slot = Some(slot);
                Ok((connection, false))
            }
        }
    }

    /// Closes the idle connection to a server that has been idle longest.
    fn drop_idle(&self, origin: &HttpOrigin) {
        let mut idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = idle.iter().position(|(kept, _)| kept.origin == *origin) {
            let closed = idle.remove(found);
            drop(idle);
            drop(closed);
        }
    }

    /// Returns an idle connection to the server that was made with the same policy.
    fn take_idle(&self, origin: &HttpOrigin, policy: ServerPolicy) -> Option<HttpConnection> {
        let mut idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE_FOR);
        let fits = |kept: &HttpConnection| kept.origin == *origin && kept.policy == policy;
        while let Some(found) = idle.iter().rposition(|(kept, _)| fits(kept)) {
            let mut connection = idle.swap_remove(found).0;
            // What comes without a request is the end of the connection, or a body of a response that
            // has none.
            let is_quiet = connection.reader.buffer().is_empty()
                && matches!(connection.stream().has_input(), Ok(false));
            if is_quiet {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps an idle connection for further requests.
    pub(super) fn keep_idle(&self, connection: HttpConnection) {
        let mut idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push((connection, Instant::now()));
        }
        drop(idle);
        self.shared.servers.notify();
    }
}
