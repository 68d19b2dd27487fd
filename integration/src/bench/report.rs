//! The **report** is what the benchmark found: a table for each contest, and all of it as JSON.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::contest::Outcome;
use crate::frontier::FrontierResult;
use crate::measure::Sample;
use crate::table::Table;

const HEADER: [&str; 9] = [
    "peer",
    "wall s",
    "CPU s",
    "peak MiB",
    "written MB",
    "layer bytes",
    "requests",
    "fetched bytes",
    "× diskette",
];
const NONE: &str = "–";

/// All results of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) contests: Vec<ContestResult>,
    pub(crate) frontier: Option<FrontierResult>,
}

/// The results of one contest; the first row is the one that the others are compared with if it is
/// diskette's.
#[derive(Debug)]
pub(crate) struct ContestResult {
    pub(crate) case: &'static str,
    pub(crate) disk: &'static str,
    pub(crate) disk_bytes: u64,
    pub(crate) bound: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// Results of one peer.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) peer: &'static str,
    pub(crate) version: String,
    pub(crate) outcome: Outcome,
}

impl Report {
    /// Writes all samples to `path`, if there is one.
    pub(crate) fn write_json(&self, path: Option<&Path>) -> io::Result<()> {
        let Some(path) = path else { return Ok(()) };
        let contests: Vec<Value> = self.contests.iter().map(ContestResult::json).collect();
        let frontier = self.frontier.as_ref().map(FrontierResult::json);
        let cpus = std::thread::available_parallelism()?.get();
        let report = json!({ "cpus": cpus, "contests": contests, "frontier": frontier });
        std::fs::write(path, format!("{report:#}\n"))
    }
}

impl ContestResult {
    /// Returns the medians as text.
    pub(crate) fn table(&self) -> Table {
        let Self { case, disk, disk_bytes, bound, .. } = self;
        let title = format!("\n{case}/{disk} ({disk_bytes} bytes), bound by {bound}");
        let mut table = Table::new(title, &HEADER);
        for row in &self.rows {
            match &row.outcome {
                Outcome::Failed(reason) => table.remark(row.peer, format!("failed: {reason}")),
                Outcome::Missing(reason) => table.remark(row.peer, format!("missing: {reason}")),
                Outcome::Measured(_) => {
                    if let Some(median) = row.median() {
                        table.cells(self.cells(row.peer, &median));
                    }
                }
            }
        }
        table
    }

    fn cells(&self, peer: &str, median: &Sample) -> Vec<String> {
        vec![
            peer.to_owned(),
            format!("{:.3}", median.wall_s),
            format!("{:.2}", median.cpu_s),
            format!("{:.1}", median.peak_mib),
            megabytes(median.written),
            count(median.layer),
            count(median.traffic.map(|traffic| traffic.requests)),
            count(median.traffic.map(|traffic| traffic.bytes)),
            self.ratio(median).map_or(NONE.to_owned(), |ratio| format!("{ratio:.2}")),
        ]
    }

    /// Returns the ratio to the time of diskette.
    fn ratio(&self, median: &Sample) -> Option<f64> {
        let diskette = self.rows.iter().find(|row| row.peer == "diskette")?.median()?;
        Some(median.wall_s / diskette.wall_s)
    }

    fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(|row| self.row_json(row)).collect();
        json!({
            "case": self.case, "disk": self.disk, "disk_bytes": self.disk_bytes, "bound": self.bound,
            "rows": rows,
        })
    }

    fn row_json(&self, row: &Row) -> Value {
        let (peer, version) = (row.peer, &row.version);
        match &row.outcome {
            Outcome::Failed(reason) => {
                json!({ "peer": peer, "version": version, "failed": reason })
            }
            Outcome::Missing(reason) => json!({ "peer": peer, "missing": reason }),
            Outcome::Measured(samples) => json!({
                "peer": peer,
                "version": version,
                "samples": samples.iter().map(Sample::json).collect::<Vec<_>>(),
                "median": row.median().map(|median| median.json()),
                "ratio_to_diskette": row.median().and_then(|median| self.ratio(&median)),
            }),
        }
    }
}

impl Row {
    fn median(&self) -> Option<Sample> {
        match &self.outcome {
            Outcome::Measured(samples) => Sample::median(samples),
            Outcome::Failed(_) | Outcome::Missing(_) => None,
        }
    }
}

/// Returns a size in whole decimal megabytes.
fn megabytes(bytes: u64) -> String {
    ((bytes + 500_000) / 1_000_000).to_string()
}

/// Returns a number, if there is one.
fn count(number: Option<u64>) -> String {
    number.map_or(NONE.to_owned(), |number| number.to_string())
}

/// Prints a result.
pub(crate) fn show(result: &impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{result}")
}

/// Prints a line about the state of the benchmark; a closed standard error is ignored.
pub(crate) fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::Traffic;

    fn result() -> ContestResult {
        let sample = |wall_s, layer| Sample {
            wall_s,
            cpu_s: 2.0,
            peak_mib: 9.5,
            written: 329_400_000,
            layer,
            traffic: layer.map(|bytes| Traffic { requests: 3, bytes }),
        };
        let row = |peer, outcome| Row { peer, version: "1".into(), outcome };
        let rows = vec![
            row("diskette", Outcome::Measured(vec![sample(2.0, Some(320))])),
            row("umoci", Outcome::Measured(vec![sample(5.0, Some(329))])),
            row("podman", Outcome::Failed("no space".into())),
            row("crane", Outcome::Missing("crane is not on PATH".into())),
            row("openssl-sha256", Outcome::Measured(vec![sample(0.5, None)])),
        ];
        ContestResult { case: "gzip", disk: "disk", disk_bytes: 900, bound: "deflate", rows }
    }

    #[test]
    fn the_table_has_figures_only_for_what_was_measured() {
        let expected = "
gzip/disk (900 bytes), bound by deflate
peer            wall s  CPU s  peak MiB  written MB  layer bytes  requests  fetched bytes  × diskette
--------------  ------  -----  --------  ----------  -----------  --------  -------------  ----------
diskette         2.000   2.00       9.5         329          320         3            320        1.00
umoci            5.000   2.00       9.5         329          329         3            329        2.50
podman          failed: no space
crane           missing: crane is not on PATH
openssl-sha256   0.500   2.00       9.5         329            –         –              –        0.25
";
        assert_eq!(result().table().to_string(), expected);
    }

    #[test]
    fn the_json_has_samples_medians_and_reasons() {
        let rows = result().json()["rows"].clone();
        assert_eq!(rows[1]["ratio_to_diskette"], 2.5);
        assert_eq!(rows[1]["samples"][0]["layer_bytes"], 329);
        assert_eq!(rows[1]["median"]["written_bytes"], 329_400_000);
        assert_eq!(rows[1]["median"]["requests"], 3);
        assert_eq!(rows[1]["median"]["fetched_bytes"], 329);
        assert_eq!(rows[2]["failed"], "no space");
        assert_eq!(rows[3]["missing"], "crane is not on PATH");
    }
}
