//! *Limits* of what one server gets at a time: connections, and requests in a second. All clones of a client
//! share them.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use url::Url;

use super::{HttpClient, HttpError, HttpOrigin, url_origin};

/// How long a request waits for a connection at most. A transfer that feeds another one, as in a copy from a registry to
/// itself, would wait for it without end.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// How often a waiting request looks whether the user cancels.
const STEP: Duration = Duration::from_millis(50);

/// What one server gets at a time; without limits by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerLimits {
    /// Maximum number of connections, idle ones included.
    pub connections: Option<NonZeroUsize>,
    /// Maximum number of requests in a second; they are sent at equal intervals.
    pub requests_per_second: Option<NonZeroU32>,
}

/// What servers get at the moment.
#[derive(Debug, Default)]
pub(super) struct ServerUse {
    /// Number of connections by server.
    connections: Mutex<HashMap<HttpOrigin, usize>>,
    /// Notified when a connection is closed, or idle.
    is_freed: Condvar,
    /// When the next request may be sent, by server.
    turns: Mutex<HashMap<HttpOrigin, Instant>>,
}

/// A connection that is counted; it is no longer when this is dropped.
#[must_use]
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    origin: HttpOrigin,
    counted_in: Arc<ServerUse>,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut connections = lock(&self.counted_in.connections);
        if let Some(count) = connections.get_mut(&self.origin) {
            *count = count.saturating_sub(1);
        }
        drop(connections);
        self.counted_in.is_freed.notify_all();
    }
}

impl ServerUse {
    /// Counts a connection to a server, unless it has `limit` of them.
    pub(super) fn take_slot(
        self: &Arc<Self>,
        origin: &HttpOrigin,
        limit: usize,
    ) -> Option<ConnectionSlot> {
        let mut connections = lock(&self.connections);
        let count = connections.entry(origin.clone()).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(ConnectionSlot { origin: origin.clone(), counted_in: Arc::clone(self) })
    }

    /// Waits a moment for a connection to be closed, or idle.
    fn wait(&self) {
        let connections = lock(&self.connections);
        drop(self.is_freed.wait_timeout(connections, STEP));
    }

    /// Wakes requests that wait for a connection.
    pub(super) fn notify(&self) {
        self.is_freed.notify_all();
    }
}

impl HttpClient {
    /// Tries until a connection may be made or used: `attempt` is called with the number of connections that the server
    /// may have.
    pub(super) fn await_connection<T>(
        &self,
        mut attempt: impl FnMut(usize) -> Option<T>,
    ) -> Result<T, HttpError> {
        let limit = self.options().limits.connections.map_or(usize::MAX, NonZeroUsize::get);
        let started = Instant::now();
        loop {
            let is_late = started.elapsed() >= LONGEST_WAIT;
            if let Some(connection) = attempt(if is_late { usize::MAX } else { limit }) {
                return Ok(connection);
            }
            if (self.options().cancelled)() {
                return Err(HttpError::Cancelled);
            }
            self.shared.servers.wait();
        }
    }

    /// Waits until a request may be sent to a server.
    pub(super) fn await_turn(&self, url: &Url) -> Result<(), HttpError> {
        let Some(rate) = self.options().limits.requests_per_second else { return Ok(()) };
        let interval = Duration::from_secs(1) / rate.get();
        let origin = url_origin(url)?;
        let now = Instant::now();
        let turn = {
            let mut turns = lock(&self.shared.servers.turns);
            let next = turns.entry(origin).or_insert(now);
            let turn = (*next).max(now);
            *next = turn + interval;
            turn
        };
        if self.sleep(turn - now).is_break() { Err(HttpError::Cancelled) } else { Ok(()) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
