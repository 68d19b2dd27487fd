//! The **traffic** of a job is what the servers of its sandbox answered, by their access logs in the form that Apache calls
//! "combined": requests, and bytes of bodies.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Names of the logs in the sandbox's directory, of registry and upstream.
const LOGS: [&str; 2] = ["registry.access", "upstream.access"];
/// A server writes the line of a request after its answer; the last line may come after the end of the client.
const DELAY: Duration = Duration::from_millis(100);

/// Requests, and the bytes that were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
}

impl Traffic {
    /// Returns the traffic since the servers were started; `None` without servers.
    pub(crate) fn read(state: &Path) -> io::Result<Option<Self>> {
        let logs: Vec<_> =
            LOGS.map(|log| state.join(log)).into_iter().filter(|log| log.exists()).collect();
        if logs.is_empty() {
            return Ok(None);
        }
        thread::sleep(DELAY);
        let mut traffic = Self { requests: 0, bytes: 0 };
        for log in logs {
            for line in std::fs::read_to_string(log)?.lines() {
                traffic.requests += 1;
                traffic.bytes += answered_bytes(line).unwrap_or_default();
            }
        }
        Ok(Some(traffic))
    }

    /// Returns the traffic since `earlier`.
    pub(crate) fn since(earlier: Option<Self>, state: &Path) -> io::Result<Option<Self>> {
        let Some(now) = Self::read(state)? else { return Ok(None) };
        let earlier = earlier.unwrap_or(Self { requests: 0, bytes: 0 });
        Ok(Some(Self {
            requests: now.requests - earlier.requests,
            bytes: now.bytes - earlier.bytes,
        }))
    }
}

/// Returns the length of the body in a line `HOST - USER [TIME] "REQUEST" STATUS LENGTH "REFERER" "AGENT"`.
fn answered_bytes(line: &str) -> Option<u64> {
    line.split('"').nth(2)?.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_lengths_of_all_logs_are_counted_from_a_point_on() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(Traffic::read(state.path()).unwrap(), None);
        let line = |len: &str| {
            format!(
                "127.0.0.1 - - [29/Nov/2026:23:00:00 +0000] \"GET /v2/ HTTP/1.1\" 200 {len} \"\" \"x/1 2\"\n"
            )
        };
        std::fs::write(state.path().join("registry.access"), line("7")).unwrap();
        let earlier = Traffic::read(state.path()).unwrap();
        assert_eq!(earlier, Some(Traffic { requests: 1, bytes: 7 }));
        std::fs::write(state.path().join("registry.access"), line("7") + &line("-")).unwrap();
        std::fs::write(state.path().join("upstream.access"), line("30")).unwrap();
        let since = Traffic::since(earlier, state.path()).unwrap();
        assert_eq!(since, Some(Traffic { requests: 2, bytes: 30 }));
    }
}
