//! *Progress* of a transfer: a server that sends or accepts a byte from time to time is never silent,
//! and could hold the program for ever. So bytes have a minimal rate, as with curl's `--speed-limit`.

use std::io;
use std::time::Duration;

use thiserror::Error;

/// The minimal rate of a transfer, in bytes per second of waiting. Lines of telephones and satellites
/// are faster; a document of the greatest length that is read takes an hour at most.
pub(super) const RATE_MIN: u64 = 1024;

/// Bytes of a transfer since the last check of its rate, and the time that was spent waiting for them.
/// The time in which this program is busy, as with compression, does not count.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TransferProgress {
    bytes: u64,
    waited: Duration,
}

/// A transfer was slower than [`RATE_MIN`] for this long.
#[derive(Debug, Error)]
#[error("too slow")]
pub(super) struct TooSlow(Duration);

impl TransferProgress {
    /// Adds bytes that took this long; fails if the transfer was too slow for a time of `window`. The
    /// wait for the first bytes does not count: how long a server may be silent is another limit.
    pub(super) fn add(
        &mut self,
        bytes: usize,
        waited: Duration,
        window: Duration,
    ) -> Result<(), TooSlow> {
        if self.bytes > 0 {
            self.waited += waited;
        }
        self.bytes += bytes as u64;
        if self.waited < window {
            return Ok(());
        }
        let is_slow = u128::from(self.bytes) * 1000 < u128::from(RATE_MIN) * window.as_millis();
        *self = Self::default();
        if is_slow { Err(TooSlow(window)) } else { Ok(()) }
    }
}

impl From<TooSlow> for io::Error {
    fn from(error: TooSlow) -> Self {
        Self::new(io::ErrorKind::TimedOut, error)
    }
}

/// Returns for how long a transfer was too slow, if that is why it failed.
pub(super) fn slow_time(error: &io::Error) -> Option<Duration> {
    error.get_ref()?.downcast_ref::<TooSlow>().map(|slow| slow.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_have_a_minimal_rate() {
        let window = Duration::from_secs(60);
        let check = |steps: &[(usize, u64)], expected: Option<usize>| {
            let mut progress = TransferProgress::default();
            let mut step = |&(bytes, seconds): &(usize, u64)| {
                progress.add(bytes, Duration::from_secs(seconds), window).is_err()
            };
            assert_eq!(steps.iter().position(&mut step), expected, "{steps:?}");
        };
        check(&[(1, 59), (1, 59), (1, 1)], Some(2));
        // The response to a request comes late, and then at once.
        check(&[(1, 59), (200, 0), (1, 59)], None);
        check(&[(61_439, 0), (1, 60)], None);
        check(&[(61_438, 0), (1, 60)], Some(1));
        // What came fast before does not count for what comes now.
        check(&[(1 << 30, 0), (1, 60), (1, 59), (1, 59), (1, 59)], Some(4));
        check(&[(1024, 1); 1000], None);
        check(&[(1000, 1); 1000], Some(60));
    }
}
