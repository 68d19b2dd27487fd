//! HEALTHCHECK, as moby/buildkit `frontend/dockerfile/instructions/parse.go` reads it.

use serde_json::{Value, json};

use super::flags::{Flags, Takes};
use super::{Command, Word};
use crate::recipe::diagnostic::Diagnostic;

/// How a container is asked whether it is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Healthcheck {
    /// It is not, whatever the base says.
    None,
    /// By a command.
    Probe(Probe),
}

/// The command, and when it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    command: Command,
    /// The config's field and nanoseconds; those that are not there are docker's defaults.
    times: Vec<(&'static str, u64)>,
    retries: Option<u64>,
}

/// The flags that are durations, and what the config calls them.
const TIMES: [(&str, &str); 4] = [
    ("interval", "Interval"),
    ("timeout", "Timeout"),
    ("start-period", "StartPeriod"),
    ("start-interval", "StartInterval"),
];

/// The flags that there are.
pub(super) const FLAGS: &[(&str, Takes)] = &[
    ("interval", Takes::Value),
    ("timeout", Takes::Value),
    ("start-period", Takes::Value),
    ("start-interval", Takes::Value),
    ("retries", Takes::Value),
];

/// The shortest duration that is not zero, in nanoseconds.
const SHORTEST: u64 = 1_000_000;

impl Healthcheck {
    pub(super) fn probe(
        command: Command,
        flags: &mut Flags,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut times = Vec::new();
        for (flag, field) in TIMES {
            let Some(word) = flags.value(flag) else { continue };
            match duration(&word.text) {
                Some(0) => {}
                Some(time) if time < SHORTEST => {
                    problems.push(wrong(&word, format!("`--{flag}` cannot be less than 1ms")));
                }
                Some(time) => times.push((field, time)),
                None => problems.push(wrong(&word, format!("`{}` is not a duration", word.text))),
            }
        }
        let retries = flags.value("retries").and_then(|word| match word.text.parse::<u32>() {
            Ok(0) => None,
            Ok(retries) => Some(u64::from(retries)),
            Err(_) => {
                problems.push(wrong(&word, format!("`--retries` is `{}`", word.text)));
                None
            }
        });
        Self::Probe(Probe { command, times, retries })
    }

    /// Returns it as the config has it.
    pub(crate) fn to_json(&self) -> Value {
        let Self::Probe(probe) = self else { return json!({ "Test": ["NONE"] }) };
        let (kind, words) = match &probe.command {
            Command::Shell(text) => ("CMD-SHELL", std::slice::from_ref(text)),
            Command::Exec(words) => ("CMD", words.as_slice()),
        };
        let test: Vec<&str> =
            std::iter::once(kind).chain(words.iter().map(String::as_str)).collect();
        let mut check = json!({ "Test": test });
        for (field, time) in &probe.times {
            check[*field] = json!(time);
        }
        if let Some(retries) = probe.retries {
            check["Retries"] = json!(retries);
        }
        check
    }
}

fn wrong(word: &Word, message: String) -> Diagnostic {
    Diagnostic::new(message).at(word.span.clone()).help("write it like `30s`, `1m30s` or `500ms`")
}

/// Parses Go's durations, `1h2m3.5s`, as nanoseconds.
fn duration(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("μs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 60e9),
        ("h", 3600e9),
    ];
    if text == "0" {
        return Some(0);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = &rest[number..];
        let unit_len = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == &unit[..unit_len])?;
        total += rest[..number].parse::<f64>().ok()? * factor;
        rest = &unit[unit_len..];
    }
    // Go's durations end after 292 years.
    (!text.is_empty() && total < 9.2e18).then(|| whole(total))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and 9.2e18"
)]
fn whole(nanoseconds: f64) -> u64 {
    nanoseconds.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(duration(text), expected, "{text}");
        };
        check("0", Some(0));
        check("0s", Some(0));
        check("30s", Some(30_000_000_000));
        check("1m30s", Some(90_000_000_000));
        check("1.5h", Some(5_400_000_000_000));
        check("500ms", Some(500_000_000));
        check("1us", Some(1000));
        check("+2s", Some(2_000_000_000));
        check("", None);
        check("30", None);
        check("-1s", None);
        check("1x", None);
        check("1.2.3s", None);
        check("s", None);
        check("99999999999h", None);
    }
}
