//! *Retries*: after which responses, how often, and after which pause.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::head::{ResponseHead, parse_decimal};

/// The first pause, which doubles from one attempt to the next.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause that no server asked for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The longest pause that a server can request.
const LONGEST_REQUESTED_PAUSE: Duration = Duration::from_secs(600);

/// The attempts that are left, and the pause before the next.
#[derive(Debug, Clone)]
pub(crate) struct RetryAttempts {
    left: u32,
    pause: Duration,
}

impl RetryAttempts {
    /// Returns `retries` further attempts after the first.
    pub(crate) fn new(retries: u32) -> Self {
        Self { left: retries, pause: FIRST_PAUSE }
    }

    /// Returns how long to wait before the next attempt, if there is one: at least as long as the
    /// server asked for. Pauses are random, so that many clients do not return at the same time.
    pub(crate) fn next_pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let own = self.pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Some(asked.map_or(own, |asked| asked.min(LONGEST_REQUESTED_PAUSE)).max(own))
    }
}

/// Returns whether the same request may succeed later.
pub(crate) fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 499 | 500 | 502 | 503 | 504 | 520..=524)
}

/// Returns how long a server asks to wait: in seconds, or until a date, which is compared with the
/// server's own clock (RFC 9110, 10.2.3).
pub(crate) fn retry_after(head: &ResponseHead) -> Option<Duration> {
    let value = head.header("retry-after")?;
    if let Some(seconds) = parse_decimal(value) {
        return Some(Duration::from_secs(seconds));
    }
    let until = parse_http_date(value)?;
    let now = parse_http_date(head.header("date")?)?;
    Some(until.duration_since(now).try_into().unwrap_or_default())
}

fn parse_http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_ask_for_pauses_in_two_ways() {
        let check = |headers: &str, expected: Option<u64>| {
            let text = format!("HTTP/1.1 429 x\r\n{headers}\r\n");
            let (head, _) = ResponseHead::parse(text.as_bytes()).unwrap().unwrap();
            assert_eq!(retry_after(&head).map(|pause| pause.as_secs()), expected, "{headers}");
        };
        check("", None);
        check("Retry-After: 7\r\n", Some(7));
        check("Retry-After: soon\r\n", None);
        check("Retry-After: -1\r\n", None);
        let date = "Date: Fri, 21 Nov 2025 10:00:00 GMT\r\n";
        check(&format!("{date}Retry-After: Fri, 21 Nov 2025 10:00:09 GMT\r\n"), Some(9));
        check(&format!("{date}Retry-After: Fri, 21 Nov 2025 09:00:00 GMT\r\n"), Some(0));
        check("Retry-After: Fri, 21 Nov 2025 10:00:09 GMT\r\n", None);
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut attempts = RetryAttempts::new(3);
        let pauses: Vec<_> = std::iter::from_fn(|| attempts.next_pause(None)).collect();
        assert_eq!(pauses.len(), 3);
        for (number, pause) in (0..).zip(pauses) {
            let whole = FIRST_PAUSE * 2_u32.pow(number);
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?}");
        }
        assert_eq!(
            RetryAttempts::new(1).next_pause(Some(LONGEST_REQUESTED_PAUSE * 9)),
            Some(LONGEST_REQUESTED_PAUSE)
        );
        assert!(RetryAttempts::new(0).next_pause(None).is_none());
    }
}
