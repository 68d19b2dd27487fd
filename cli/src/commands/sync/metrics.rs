//! *Metrics* of a run for Prometheus, in the format of the files that the textfile collector of node
//! exporter reads
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use diskette_builder::sync::SyncShard;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use regex::Regex;

use crate::catalogue::results::{
    CatalogueResults, ImageResult, PlatformResult, RUN_OUTCOMES, image_name,
};
use crate::ui::visible::visible;

/// What was measured of a run.
pub(super) struct SyncMetrics<'a> {
    pub(super) results: &'a CatalogueResults,
    /// Part of the catalogue, if it has parts.
    pub(super) shard: Option<SyncShard>,
    pub(super) started: SystemTime,
    pub(super) took: Duration,
    /// Bytes of blobs that were sent to the registry.
    pub(super) sent: u64,
}

/// A series: its labels and its value.
type Series = (Vec<(&'static str, String)>, String);

impl SyncMetrics<'_> {
    /// Returns the metrics as text.
    pub(super) fn write(&self) -> String {
        let failed = self.results.values().filter(|it| !it.errors().is_empty()).count();
        let started = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let run = |value: String| vec![(self.part(), value)];
        [
            gauge("images", "Images of the run, by outcome.", self.outcomes()),
            gauge("failed_images", "Images with an error.", run(failed.to_string())),
            gauge("sent_bytes", "Bytes of blobs sent to the registry.", run(self.sent.to_string())),
            gauge("duration_seconds", "Duration of the run.", run(seconds(self.took))),
            gauge("start_time_seconds", "Start of the run.", run(started.as_secs().to_string())),
            gauge("image_failed", "Whether the image has an error.", self.image_failures()),
            gauge(
                "image_release_time_seconds",
                "Date of upstream's newest release, from its name.",
                self.image_releases(),
            ),
        ]
        .concat()
    }

    /// Returns the label of the part of the catalogue, which distinguishes the files of several runs.
    fn part(&self) -> Vec<(&'static str, String)> {
        self.shard.map(|shard| ("shard", shard.to_string())).into_iter().collect()
    }

    fn outcomes(&self) -> Vec<Series> {
        // Each outcome has a series, so that none disappears.
        let series = RUN_OUTCOMES.iter().map(|outcome| {
            let count = self.results.values().filter(|it| it.outcome == *outcome).count();
            let labels = [vec![("outcome", (*outcome).to_owned())], self.part()].concat();
            (labels, count.to_string())
        });
        series.collect()
    }

    fn image_failures(&self) -> Vec<Series> {
        let series = self.results.iter().map(|(key, result)| {
            let failed = if result.errors().is_empty() { "0" } else { "1" };
            (vec![("image", image_name(key, result))], failed.to_owned())
        });
        series.collect()
    }

    fn image_releases(&self) -> Vec<Series> {
        let series = self.results.iter().filter_map(|(key, result)| {
            let date = release_date(result)?;
            let time = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
            Some((vec![("image", image_name(key, result))], time.to_string()))
        });
        series.collect()
    }
}

fn seconds(duration: Duration) -> String {
    format!("{}.{:03}", duration.as_secs(), duration.subsec_millis())
}

/// Returns the text of a metric; none if it has no series.
fn gauge(name: &str, help: &str, series: Vec<Series>) -> String {
    if series.is_empty() {
        return String::new();
    }
    let line = |(labels, value): Series| {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", label(value))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        format!("diskette_sync_{name}{labels} {value}\n")
    };
    let lines: Vec<String> = series.into_iter().map(line).collect();
    let head = format!("# HELP diskette_sync_{name} {help}\n# TYPE diskette_sync_{name} gauge\n");
    head + &lines.concat()
}

/// Returns the value of a label as it stands between quotes.
fn label(value: &str) -> String {
    visible(value).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Returns the date of the newest release of an image's platforms, if its name has one.
fn release_date(result: &ImageResult) -> Option<Date> {
    let date = |platform: &PlatformResult| {
        find_date(&platform.version).or_else(|| find_date(&platform.source))
    };
    result.platforms.values().filter_map(date).max()
}

/// Returns the last date in a text such as `20260518-2118`, `44.20260504.3.0` or `9.6-2026-05-18`.
fn find_date(text: &str) -> Option<Date> {
    static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?:^|[^0-9])(20[0-9]{2})(-?)([0-9]{2})(-?)([0-9]{2})(?:[^0-9]|$)").ok()
    });
    let found = DATE.as_ref()?.captures_iter(text).filter_map(|found| {
        let number = |group: usize| found.get(group)?.as_str().parse::<i8>().ok();
        let year = found.get(1)?.as_str().parse().ok()?;
        let date = Date::new(year, number(3)?, number(5)?).ok()?;
        (found.get(2)?.as_str() == found.get(4)?.as_str()).then_some(date)
    });
    found.last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_found() {
        let check = |text: &str, expected: Option<&str>| {
            let found = find_date(text).map(|date| date.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("20260518-2118", Some("2026-05-18"));
        check("44.20260504.3.0", Some("2026-05-04"));
        check("9.6-2026-05-18", Some("2026-05-18"));
        check("https://e.com/20260101/d-20260518.qcow2", Some("2026-05-18"));
        check("Snapshot20260518", Some("2026-05-18"));
        check("2026-0518", None);
        check("20261318", None);
        check("202605181200", None);
        check("42-1.14", None);
        check("", None);
    }
}
