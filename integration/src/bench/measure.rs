//! A **sample** is what one run of one script cost; medians are taken over several.
//!
//! Wall time is taken with this process's clock, because `time` rounds to 10 ms and an unchanged
//! rebuild takes little more; everything else comes from GNU time, whose figures cover the script
//! and all processes it waited for.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::traffic::Traffic;

/// Format for GNU time: user seconds, system seconds, peak KiB of the largest process, file system
/// output in blocks of 512 bytes.
const FORMAT: &str = "%U %S %M %O";
const OUTPUT_BLOCK: u64 = 512;
/// Maximum length of a reason in characters; longer ones make the table unreadable.
const REASON_CHARS: usize = 120;

/// Time and resources of one run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) peak_mib: f64,
    pub(crate) written: u64,
    /// Size of the finished layer in bytes; `None` for peers that make none.
    pub(crate) layer: Option<u64>,
    /// What registry and upstream answered; `None` for jobs without them.
    pub(crate) traffic: Option<Traffic>,
}

impl fmt::Display for Sample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.3} s, CPU {:.2} s", self.wall_s, self.cpu_s)?;
        let Some(Traffic { requests, bytes }) = self.traffic else { return Ok(()) };
        write!(formatter, ", {requests} requests, {bytes} bytes fetched")
    }
}

/// Why there is no sample.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The script failed: its reason is shown in place of figures.
    Peer(String),
    /// The benchmark itself failed.
    Bench(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Bench(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(reason) => formatter.write_str(reason),
            Self::Bench(error) => error.fmt(formatter),
        }
    }
}

/// Resources as GNU time reports them.
#[derive(Debug, PartialEq)]
struct Usage {
    cpu_s: f64,
    peak_mib: f64,
    written: u64,
}

impl Sample {
    pub(crate) fn json(&self) -> Value {
        json!({
            "wall_s": self.wall_s, "cpu_s": self.cpu_s, "peak_mib": self.peak_mib,
            "written_bytes": self.written, "layer_bytes": self.layer,
            "requests": self.traffic.map(|traffic| traffic.requests),
            "fetched_bytes": self.traffic.map(|traffic| traffic.bytes),
        })
    }

    /// Returns a sample with the median of each figure; `None` without samples.
    pub(crate) fn median(samples: &[Self]) -> Option<Self> {
        let of = |figure: fn(&Self) -> f64| median(samples.iter().map(figure).collect());
        let whole = |figure: fn(&Self) -> Option<u64>| {
            let mut values: Vec<u64> = samples.iter().filter_map(figure).collect();
            values.sort_unstable();
            values.get(values.len() / 2).copied()
        };
        Some(Self {
            wall_s: of(|sample| sample.wall_s)?,
            cpu_s: of(|sample| sample.cpu_s)?,
            peak_mib: of(|sample| sample.peak_mib)?,
            written: whole(|sample| Some(sample.written))?,
            layer: whole(|sample| sample.layer),
            traffic: whole(|sample| Some(sample.traffic?.requests))
                .zip(whole(|sample| Some(sample.traffic?.bytes)))
                .map(|(requests, bytes)| Traffic { requests, bytes }),
        })
    }
}

/// Returns the middle value, or the mean of the two middle ones.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(values[middle - 1], upper)) }
}

/// Runs a command made by [`timed`].
pub(crate) fn run(mut command: Command, usage_file: &Path) -> Result<Sample, Trouble> {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let wall_s = start.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(Trouble::Peer(reason(&String::from_utf8_lossy(&output.stderr))));
    }
    let text = std::fs::read_to_string(usage_file)?;
    let usage = parse_usage(&text)
        .ok_or_else(|| io::Error::other(format!("GNU time wrote something else: {text:?}")))?;
    let Usage { cpu_s, peak_mib, written } = usage;
    Ok(Sample { wall_s, cpu_s, peak_mib, written, layer: None, traffic: None })
}

/// Returns a command that runs `script` with bash under GNU time, which writes its figures to
/// `usage_file`.
pub(crate) fn timed(script: &str, usage_file: &Path) -> Command {
    let mut command = Command::new("time");
    command.args(["--quiet", "--format", FORMAT, "--output"]).arg(usage_file);
    command.args(["bash", "-euo", "pipefail", "-c", script]);
    command
}

fn parse_usage(text: &str) -> Option<Usage> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [user, system, peak_kib, blocks] = fields[..] else { return None };
    Some(Usage {
        cpu_s: user.parse::<f64>().ok()? + system.parse::<f64>().ok()?,
        peak_mib: peak_kib.parse::<f64>().ok()? / 1024.0,
        written: blocks.parse::<u64>().ok()? * OUTPUT_BLOCK,
    })
}

/// Returns the last line of a program's output, in which nearly all of them say why they failed.
fn reason(stderr: &str) -> String {
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty());
    last.unwrap_or("failed without a word").trim().chars().take(REASON_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_value() {
        for (values, expected) in [
            (vec![], None),
            (vec![3.0], Some(3.0)),
            (vec![9.0, 1.0, 2.0], Some(2.0)),
            (vec![4.0, 1.0, 2.0, 100.0], Some(3.0)),
        ] {
            assert_eq!(median(values.clone()), expected, "{values:?}");
        }
    }

    #[test]
    fn figures_of_samples_are_medians_each_for_itself() {
        let sample = |wall_s, cpu_s, layer| Sample {
            wall_s,
            cpu_s,
            peak_mib: 1.0,
            written: 7,
            layer,
            traffic: layer.map(|bytes| Traffic { requests: 1, bytes }),
        };
        let samples =
            [sample(1.0, 9.0, None), sample(2.0, 8.0, Some(5)), sample(3.0, 1.0, Some(5))];
        assert_eq!(Sample::median(&samples), Some(sample(2.0, 8.0, Some(5))));
        assert_eq!(Sample::median(&[]), None);
        assert_eq!(samples[0].to_string(), "1.000 s, CPU 9.00 s");
        assert_eq!(samples[1].to_string(), "2.000 s, CPU 8.00 s, 1 requests, 5 bytes fetched");
    }

    #[test]
    fn usage_is_four_numbers() {
        let usage = Usage { cpu_s: 1.75, peak_mib: 2.0, written: 5120 };
        assert_eq!(parse_usage("1.50 0.25 2048 10\n"), Some(usage));
        for text in ["", "1 2 3", "1 2 3 x", "1 2 3 4 5"] {
            assert_eq!(parse_usage(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_reason_is_the_last_line_with_words_in_it() {
        assert_eq!(reason("step 1\nError: no space\n\n"), "Error: no space");
        assert_eq!(reason(""), "failed without a word");
        assert_eq!(reason(&"x".repeat(500)).len(), REASON_CHARS);
    }

    #[test]
    fn a_script_is_measured_and_a_failing_one_gives_its_reason() {
        let directory = tempfile::tempdir().unwrap();
        let usage = directory.path().join("usage");
        let sample = run(timed("sleep 0.1", &usage), &usage).unwrap();
        assert!(sample.wall_s >= 0.1 && sample.peak_mib > 0.0, "{sample:?}");
        let trouble = run(timed("echo why >&2; false | true", &usage), &usage).unwrap_err();
        assert_eq!(trouble.to_string(), "why");
    }
}
