//! HEALTHCHECK, as moby/buildkit `frontend/dockerfile/instructions/parse.go` reads it.

use serde_json::{Value, json};

use super::flags::{FlagValue, InstructionFlags};
use super::{CommandForm, DockerfileWord};
use crate::recipe::diagnostic::Diagnostic;

/// How the health of a container is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Healthcheck {
    /// It is not checked, whatever the base says.
    None,
    /// A command checks it.
    Probe(HealthProbe),
}

/// Command of a health check, and its timing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HealthProbe {
    command: CommandForm,
    /// Config fields with their values in nanoseconds; docker has defaults for those that are
    /// missing.
    times: Vec<(&'static str, u64)>,
    retries: Option<u64>,
}

/// Flags that are durations, with their fields in the config.
const TIMES: [(&str, &str); 4] = [
    ("interval", "Interval"),
    ("timeout", "Timeout"),
    ("start-period", "StartPeriod"),
    ("start-interval", "StartInterval"),
];

/// Flags of HEALTHCHECK.
pub(super) const HEALTHCHECK_FLAGS: &[(&str, FlagValue)] = &[
    ("interval", FlagValue::Value),
    ("timeout", FlagValue::Value),
    ("start-period", FlagValue::Value),
    ("start-interval", FlagValue::Value),
    ("retries", FlagValue::Value),
];

/// Minimum of a duration that is not zero, in nanoseconds.
const SHORTEST: u64 = 1_000_000;

impl Healthcheck {
    pub(super) fn read_probe(
        command: CommandForm,
        flags: &mut InstructionFlags,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut times = Vec::new();
        for (flag, field) in TIMES {
            let Some(word) = flags.take_value(flag) else { continue };
            match parse_duration(&word.text) {
                Some(0) => {}
                Some(time) if time < SHORTEST => {
                    problems
                        .push(invalid_time(&word, format!("`--{flag}` cannot be less than 1ms")));
                }
                Some(time) => times.push((field, time)),
                None => {
                    problems
                        .push(invalid_time(&word, format!("`{}` is not a duration", word.text)));
                }
            }
        }
        let retries = flags.take_value("retries").and_then(|word| match word.text.parse::<u32>() {
            Ok(0) => None,
            Ok(retries) => Some(u64::from(retries)),
            Err(_) => {
                problems.push(invalid_time(&word, format!("`--retries` is `{}`", word.text)));
                None
            }
        });
        Self::Probe(HealthProbe { command, times, retries })
    }

    /// Returns the health check as the config contains it.
    pub(crate) fn to_json(&self) -> Value {
        let Self::Probe(probe) = self else { return json!({ "Test": ["NONE"] }) };
        let (kind, words) = match &probe.command {
            CommandForm::Shell(text) => ("CMD-SHELL", std::slice::from_ref(text)),
            CommandForm::Exec(words) => ("CMD", words.as_slice()),
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

fn invalid_time(word: &DockerfileWord, message: String) -> Diagnostic {
    Diagnostic::new(message).at(word.span.clone()).help("write it like `30s`, `1m30s` or `500ms`")
}

/// Parses Go's durations, `1h2m3.5s`, as nanoseconds.
fn parse_duration(text: &str) -> Option<u64> {
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
    (!text.is_empty() && total < 9.2e18).then(|| round_nanoseconds(total))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and 9.2e18"
)]
fn round_nanoseconds(nanoseconds: f64) -> u64 {
    nanoseconds.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(parse_duration(text), expected, "{text}");
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
