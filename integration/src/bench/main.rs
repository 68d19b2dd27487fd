//! A **benchmark** lets diskette and its peers do the same job on the same disks, in turn, and says
//! how they compare.
//!
//! Most jobs are builds, from a disk file to a finished image on disk, with one layer that holds the
//! disk; others push, pull, read or check such an image. A [`case::Case`] names a job, the [`disks::Disk`]s it is done on and
//! the [`peer::Peer`]s that do it; a [`contest::Contest`] is one case on one disk. [`frontier`]
//! holds diskette against libdeflate itself, level by level.
//!
//! This process stays small on purpose: Linux lets a child inherit the peak memory of the process
//! it was started from, so every MiB here would be a floor under what is measured there.

mod case;
mod contest;
mod context;
mod disks;
mod frontier;
mod libdeflate;
mod measure;
mod namespace;
mod options;
mod peer;
mod peers;
mod random;
mod report;
mod sandbox;
mod table;
mod traffic;
mod upstream;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use contest::Contest;
use options::Options;
use peer::Setting;
use report::Report;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::note(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let contests = Contest::wanted(options);
    let levels = frontier::wanted(options);
    if options.list {
        let levels = levels.into_iter().map(frontier::name);
        let names: Vec<_> = contests.iter().flat_map(Contest::names).chain(levels).collect();
        return report::show(&names.join("\n"));
    }
    namespace::enter()?;
    let setting = Setting::new(options)?;
    let mut report = Report::default();
    for contest in contests {
        let disk = contest.disk(options, &setting)?;
        let result = contest.run(&setting, &disk, options.rounds)?;
        disk.discard()?;
        report::show(&result.table())?;
        report.contests.push(result);
    }
    if !levels.is_empty() {
        let result = frontier::run(&levels, options, &setting)?;
        report::show(&result.table())?;
        report.frontier = Some(result);
    }
    report.write_json(options.json.as_deref())
}
