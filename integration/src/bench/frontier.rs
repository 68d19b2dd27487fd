//! The **frontier** compares the time and size of each gzip level of diskette with those of libdeflate
//! itself, on two threads.

use std::io;

use serde_json::{Value, json};

use crate::case::Start;
use crate::contest::{Lane, Outcome};
use crate::disks::{Disk, PLAIN};
use crate::libdeflate::{self, Pace};
use crate::measure::{Sample, median};
use crate::options::Options;
use crate::peer::Setting;
use crate::peers::DISKETTE_LEVEL;
use crate::report;
use crate::sandbox::{Job, settle};
use crate::table::Table;

const LEVELS: [i32; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12];
const HEADER: [&str; 6] =
    ["level", "diskette s", "bytes", "libdeflate s", "bytes", "diskette/libdeflate"];

/// Results of the measured levels, in order.
#[derive(Debug)]
pub(crate) struct FrontierResult(Vec<Level>);

#[derive(Debug)]
struct Level {
    number: i32,
    diskette: Outcome,
    libdeflate: Vec<Pace>,
}

/// Returns the levels that the options select.
pub(crate) fn wanted(options: &Options) -> Vec<i32> {
    LEVELS.into_iter().filter(|level| options.selects(&name(*level))).collect()
}

/// Returns the name of a level for `--only`: two digits, so that 1 does not match 12.
pub(crate) fn name(level: i32) -> String {
    format!("frontier/{PLAIN}/level-{level:02}")
}

/// Measures `levels` in every round.
pub(crate) fn run(
    levels: &[i32],
    options: &Options,
    setting: &Setting,
) -> io::Result<FrontierResult> {
    let disk = Disk::find(&options.disks, PLAIN)?;
    let missing = DISKETTE_LEVEL.version(setting)?.err();
    let mut lanes: Vec<(Lane<'_>, Vec<Pace>)> = levels
        .iter()
        .map(|&level| Job { peer: &DISKETTE_LEVEL, disk: &disk, level: Some(level) })
        .map(|job| (Lane::new(job, Start::Fresh, missing.clone()), Vec::new()))
        .collect();
    for round in 1..=options.rounds {
        for (level, (lane, paces)) in levels.iter().zip(&mut lanes) {
            lane.turn(setting)?;
            settle(&disk)?;
            let pace = libdeflate::compress(&disk.path, *level)?;
            let rounds = options.rounds;
            let label = format!("{} {round}/{rounds}", name(*level));
            report::note(&format!("{label}: libdeflate {:.3} s", pace.wall_s));
            paces.push(pace);
        }
    }
    let levels = levels.iter().zip(lanes).map(|(&number, (lane, libdeflate))| Level {
        number,
        diskette: lane.outcome,
        libdeflate,
    });
    Ok(FrontierResult(levels.collect()))
}

impl FrontierResult {
    /// Returns the medians as text.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new(format!("\nfrontier/{PLAIN}, by gzip level"), &HEADER);
        for level in &self.0 {
            table.cells(level.cells());
        }
        table
    }

    pub(crate) fn json(&self) -> Value {
        self.0.iter().map(Level::json).collect()
    }
}

impl Level {
    fn cells(&self) -> Vec<String> {
        let libdeflate = self.libdeflate();
        let ratio = self.diskette().zip(libdeflate).map(|(ours, its)| ours.wall_s / its.wall_s);
        let mut cells = vec![self.number.to_string()];
        for pace in [self.diskette(), libdeflate] {
            cells.push(pace.map_or_else(|| self.remark(), |pace| format!("{:.3}", pace.wall_s)));
            cells.push(pace.map_or_else(|| "–".to_owned(), |pace| pace.bytes.to_string()));
        }
        cells.push(ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")));
        cells
    }

    /// Returns the reason why diskette has no figure.
    fn remark(&self) -> String {
        match &self.diskette {
            Outcome::Measured(_) => "–".to_owned(),
            Outcome::Failed(reason) => format!("failed: {reason}"),
            Outcome::Missing(_) => "missing".to_owned(),
        }
    }

    fn diskette(&self) -> Option<Pace> {
        let Outcome::Measured(samples) = &self.diskette else { return None };
        let Sample { wall_s, layer, .. } = Sample::median(samples)?;
        Some(Pace { wall_s, bytes: layer? })
    }

    fn libdeflate(&self) -> Option<Pace> {
        let wall_s = median(self.libdeflate.iter().map(|pace| pace.wall_s).collect())?;
        Some(Pace { wall_s, bytes: self.libdeflate.first()?.bytes })
    }

    fn json(&self) -> Value {
        let pace = |pace: Option<Pace>| {
            pace.map(|pace| json!({ "wall_s": pace.wall_s, "bytes": pace.bytes }))
        };
        json!({
            "level": self.number,
            "diskette": pace(self.diskette()),
            "libdeflate": pace(self.libdeflate()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn only_can_choose_a_level() {
        let wanted = |only| wanted(&Options::parse_from(["bench", "--only", only]));
        assert_eq!(wanted("level-01"), [1]);
        assert_eq!(wanted("frontier"), LEVELS);
        assert!(wanted("umoci").is_empty());
    }

    #[test]
    fn each_level_stands_beside_libdeflates() {
        let sample = Sample {
            wall_s: 2.0,
            cpu_s: 4.0,
            peak_mib: 9.0,
            written: 300,
            layer: Some(300),
            traffic: None,
        };
        let libdeflate = vec![Pace { wall_s: 1.0, bytes: 310 }];
        let measured = Outcome::Measured(vec![sample]);
        let result = FrontierResult(vec![
            Level { number: 1, diskette: measured, libdeflate: libdeflate.clone() },
            Level { number: 12, diskette: Outcome::Missing("not built".into()), libdeflate },
        ]);
        let expected = "
frontier/debian-plain.qcow2, by gzip level
level  diskette s  bytes  libdeflate s  bytes  diskette/libdeflate
-----  ----------  -----  ------------  -----  -------------------
1           2.000    300         1.000    310                 2.00
12        missing      –         1.000    310                    –
";
        assert_eq!(result.table().to_string(), expected);
        assert_eq!(result.json()[0]["diskette"]["bytes"], 300);
        assert!(result.json()[1]["diskette"].is_null());
    }
}
