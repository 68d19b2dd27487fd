//! The *signals* of STOPSIGNAL, as in moby/sys `signal` on Linux.

/// Names of signals without `SIG`.
const NAMES: &[&str] = &[
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
];

/// The highest number of a signal.
const MAX: u8 = 64;

/// Returns whether a text is a signal's number or name.
pub(super) fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<u8>() {
        return (1..=MAX).contains(&number);
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let real_time = |start: &str, sign: char, max: u8| {
        let offset = name.strip_prefix(start).and_then(|rest| rest.strip_prefix(sign));
        offset.and_then(|offset| offset.parse::<u8>().ok()).is_some_and(|n| (1..=max).contains(&n))
    };
    NAMES.contains(&name) || real_time("RTMIN", '+', 15) || real_time("RTMAX", '-', 14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_numbers_and_names() {
        let check = |text: &str, expected: bool| assert_eq!(is_signal(text), expected, "{text}");
        check("9", true);
        check("64", true);
        check("SIGTERM", true);
        check("term", true);
        check("SIGRTMIN+3", true);
        check("RTMAX-14", true);
        check("RTMIN", true);
        check("0", false);
        check("65", false);
        check("SIGRTMIN+16", false);
        check("SIGRTMAX-0", false);
        check("SIG", false);
        check("", false);
        check("SIGSIGTERM", false);
        check("NONE", false);
    }
}
