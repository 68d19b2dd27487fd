//! The **options** of one run of the benchmark, as given on its command line.

use std::path::PathBuf;

use clap::Parser;

/// Measures diskette and its peers on the same disks, in turn.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
pub(crate) struct Options {
    /// Directory with the disks that `make disks` makes
    #[arg(long, value_name = "DIR", default_value = "target/disks")]
    pub(crate) disks: PathBuf,

    /// Times every peer does every job; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,

    /// Run only the jobs with this text in their name `case/disk/peer`, for example `gzip/debian-plain` or
    /// `umoci`; may be repeated. `soak` (a sparse disk of 100 GiB) and `demo` (compiles everything) run only if
    /// named here, from their first letter
    #[arg(long, value_name = "SUBSTRING")]
    pub(crate) only: Vec<String>,

    /// List the names that `--only` selects from
    #[arg(long)]
    pub(crate) list: bool,

    /// Write every sample and median to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// The program to measure
    #[arg(long, value_name = "PATH", default_value = "target/release/diskette")]
    pub(crate) diskette: PathBuf,

    /// Directory for what the peers write: on a real file system, with room for several copies of
    /// the largest disk
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub(crate) scratch: PathBuf,

    /// Storage driver of buildah and podman
    #[arg(long, value_name = "NAME", default_value = "overlay")]
    pub(crate) storage_driver: String,
}

impl Options {
    /// Returns whether `--only` selects this name.
    pub(crate) fn selects(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    /// Returns whether `--only` has the name of this case, alone or with more of a job's name after it.
    pub(crate) fn names_case(&self, case: &str) -> bool {
        let names = |part: &String| part.split('/').next() == Some(case);
        self.only.iter().any(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }

    #[test]
    fn only_selects_by_any_part_of_the_name() {
        let options =
            Options::parse_from(["bench", "--only", "zstd", "--only", "plain.qcow2/umoci"]);
        for (name, selected) in [
            ("zstd/debian-plain.qcow2/diskette", true),
            ("gzip/debian-plain.qcow2/umoci", true),
            ("gzip/debian-3g.raw/umoci", false),
        ] {
            assert_eq!(options.selects(name), selected, "{name}");
        }
        assert!(Options::parse_from(["bench"]).selects("anything"));
        let options = Options::parse_from(["bench", "--only", "soak/x", "--only", "plain/demo"]);
        assert!(options.names_case("soak"));
        assert!(!options.names_case("demo"));
    }
}
