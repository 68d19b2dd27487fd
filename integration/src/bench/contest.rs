//! A **contest** is one case on one disk: its peers take turns, A B C A B C, so that whatever the
//! machine does meanwhile falls on all of them.

use std::io;

use crate::case::{Case, ON_REQUEST, Start, USUAL};
use crate::disks::Disk;
use crate::measure::{Sample, Trouble};
use crate::options::Options;
use crate::peer::{Peer, Setting};
use crate::report::{self, ContestResult, Row};
use crate::sandbox::{Job, Sandbox};

/// One case on one disk.
#[derive(Debug)]
pub(crate) struct Contest {
    case: &'static Case,
    disk: &'static str,
    peers: Vec<&'static Peer>,
}

/// Runs of one peer in a contest.
#[derive(Debug)]
pub(crate) struct Lane<'a> {
    job: Job<'a>,
    start: Start,
    /// Directory that every run of [`Start::Again`] starts from.
    kept: Option<Sandbox<'a>>,
    pub(crate) outcome: Outcome,
}

/// Results of a lane so far.
#[derive(Debug)]
pub(crate) enum Outcome {
    Measured(Vec<Sample>),
    Failed(String),
    Missing(String),
}

impl Contest {
    /// Returns the contests that the options select.
    pub(crate) fn wanted(options: &Options) -> Vec<Self> {
        let on_request = ON_REQUEST.iter().filter(|case| options.names_case(case.name));
        let cases = USUAL.iter().chain(on_request);
        let all = cases.flat_map(|case| case.disks.iter().map(move |disk| (case, *disk)));
        all.map(|(case, disk)| {
            let wanted = |peer: &&&Peer| options.selects(&name(case.name, disk, peer.name));
            let peers = case.peers.iter().filter(wanted).copied().collect();
            Self { case, disk, peers }
        })
        .filter(|contest| !contest.peers.is_empty())
        .collect()
    }

    /// Returns the full names that `--only` selects from.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.peers.iter().map(|peer| name(self.case.name, self.disk, peer.name))
    }

    /// Returns the disk of the contest.
    pub(crate) fn disk(&self, options: &Options, setting: &Setting) -> io::Result<Disk> {
        Disk::get(&options.disks, &setting.scratch, self.disk)
    }

    /// Runs all rounds.
    pub(crate) fn run(
        &self,
        setting: &Setting,
        disk: &Disk,
        rounds: u32,
    ) -> io::Result<ContestResult> {
        let mut lanes = Vec::new();
        for &peer in &self.peers {
            let version = peer.version(setting)?;
            let job = Job { peer, disk, level: None };
            lanes.push((version.clone(), Lane::new(job, self.case.start, version.err())));
        }
        for round in 1..=rounds {
            for (_, lane) in &mut lanes {
                lane.turn(setting)?;
                report::note(&format!("{} {round}/{rounds}: {}", self.label(lane), lane.last()));
            }
        }
        let rows = lanes.into_iter().map(|(version, lane)| Row {
            peer: lane.job.peer.name,
            version: version.unwrap_or_default(),
            outcome: lane.outcome,
        });
        Ok(ContestResult {
            case: self.case.name,
            disk: self.disk,
            disk_bytes: disk.bytes,
            bound: self.case.bound,
            rows: rows.collect(),
        })
    }

    fn label(&self, lane: &Lane<'_>) -> String {
        name(self.case.name, self.disk, lane.job.peer.name)
    }
}

impl<'a> Lane<'a> {
    /// Returns a lane without results; it never runs if something is `missing`.
    pub(crate) fn new(job: Job<'a>, start: Start, missing: Option<String>) -> Self {
        let outcome = missing.map_or(Outcome::Measured(Vec::new()), Outcome::Missing);
        Self { job, start, kept: None, outcome }
    }

    /// Runs the job once. A peer that fails has no further turns.
    pub(crate) fn turn(&mut self, setting: &'a Setting) -> io::Result<()> {
        if !matches!(self.outcome, Outcome::Measured(_)) {
            return Ok(());
        }
        match self.sample(setting) {
            Ok(sample) => {
                if let Outcome::Measured(samples) = &mut self.outcome {
                    samples.push(sample);
                }
            }
            Err(Trouble::Peer(reason)) => {
                self.kept = None;
                self.outcome = Outcome::Failed(reason);
            }
            Err(Trouble::Bench(error)) => return Err(error),
        }
        Ok(())
    }

    fn sample(&mut self, setting: &'a Setting) -> Result<Sample, Trouble> {
        if let Some(sandbox) = &self.kept {
            return sandbox.measure();
        }
        let sandbox = Sandbox::new(setting, self.job)?;
        if self.start == Start::Again {
            sandbox.measure()?;
            return self.kept.insert(sandbox).measure();
        }
        sandbox.measure()
    }

    /// Returns a short description of the last run.
    fn last(&self) -> String {
        match &self.outcome {
            Outcome::Measured(samples) => {
                samples.last().map_or_else(String::new, Sample::to_string)
            }
            Outcome::Failed(reason) => format!("failed: {reason}"),
            Outcome::Missing(reason) => format!("missing: {reason}"),
        }
    }
}

fn name(case: &str, disk: &str, peer: &str) -> String {
    format!("{case}/{disk}/{peer}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn wanted(arguments: &[&str]) -> Vec<String> {
        let options = Options::parse_from(["bench"].iter().chain(arguments));
        Contest::wanted(&options).iter().flat_map(Contest::names).collect()
    }

    #[test]
    fn only_chooses_among_all_names() {
        assert_eq!(wanted(&["--only", "zstd/debian-plain.qcow2/umoci"]).len(), 1);
        assert!(wanted(&["--only", "umoci"]).iter().all(|name| name.contains("/umoci")));
        assert!(wanted(&["--only", "no such"]).is_empty());
    }

    #[test]
    fn cases_on_request_are_named() {
        for arguments in [&[][..], &["--only", "diskette"], &["--only", "raw/"]] {
            let names = wanted(arguments);
            let asked = |name: &String| name.starts_with("soak") || name.starts_with("demo");
            assert!(!names.is_empty() && !names.iter().any(asked), "{names:?}");
        }
        assert_eq!(wanted(&["--only", "soak"]), ["soak/soak-100g.raw/diskette"]);
        assert_eq!(wanted(&["--only", "demo/"]), ["demo/spec-files/diskette"]);
    }

    #[test]
    fn again_measures_the_second_run_in_what_the_first_one_left() {
        let scratch = tempfile::tempdir().unwrap();
        let arguments = ["bench", "--scratch", scratch.path().to_str().unwrap()];
        let setting = Setting::new(&Options::parse_from(arguments)).unwrap();
        let disk = Disk { name: "disk", path: "/dev/null".into(), bytes: 0 };
        let job = r#"mkdir -p "$OUT"; echo x >>"$OUT/layer""#;
        let (name, prepare, cleanup) = ("test", ":", ":");
        let peer = Peer { name, needs: &[], version: ":", prepare, job, cleanup };
        for (start, sizes) in [(Start::Fresh, [2, 2]), (Start::Again, [4, 6])] {
            let mut lane = Lane::new(Job { peer: &peer, disk: &disk, level: None }, start, None);
            lane.turn(&setting).unwrap();
            lane.turn(&setting).unwrap();
            let Outcome::Measured(samples) = &lane.outcome else { panic!("{lane:?}") };
            assert_eq!(samples.iter().map(|s| s.layer).collect::<Vec<_>>(), sizes.map(Some));
        }
    }
}
