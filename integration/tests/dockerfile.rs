//! Dockerfiles come out as the cases in `dockerfile_cases/` say, and as buildah makes them.
//!
//! `DISKETTE_JUDGE=peer-only` asks buildah alone; `DISKETTE_JUDGE=record` also writes down what it made
//! of cases that do not say yet what comes out. Read what was recorded: it is what we shall do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use diskette_integration::dockerfile::base::{Base, scratch};
use diskette_integration::dockerfile::builder::{Buildah, Diskette, Outcome};
use diskette_integration::dockerfile::built::Built;
use diskette_integration::dockerfile::case::{Case, Expected, Peer};
use diskette_integration::dockerfile::judge::{Difference, differences, peer_differences};
use diskette_integration::dockerfile::{context, record};
use diskette_integration::peer;
use diskette_integration::scene::{Scene, is_root};

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Both,
    PeerOnly,
    Record,
}

#[test]
fn copy() {
    judge("copy");
}

#[test]
fn owner() {
    judge("owner");
}

#[test]
fn from() {
    judge("from");
}

#[test]
fn add() {
    judge("add");
}

#[test]
fn ignore() {
    judge("ignore");
}

#[test]
fn variables() {
    judge("variables");
}

#[test]
fn config() {
    judge("config");
}

#[test]
fn run() {
    judge("run");
}

/// Judges all cases of a file; fails with a list of what is wrong.
fn judge(name: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dockerfile_cases");
    let path = directory.join(format!("{name}.txt"));
    let text = fs::read_to_string(&path).unwrap();
    let cases = Case::parse_all(&text).unwrap_or_else(|why| panic!("{name}.txt:{why}"));
    let scene = Scene::new();
    let bases = fs::read_to_string(directory.join("bases.txt")).unwrap();
    let bases = Base::make_all(&bases, &scene.path("bases"));
    let bases = bases.unwrap_or_else(|why| panic!("bases.txt:{why}"));
    let bench = Bench { mode: Mode::asked_for(), scene: &scene, bases: &bases };
    let (problems, recorded) = bench.judge(&cases);
    if bench.mode == Mode::Record {
        fs::write(&path, record::add(&text, &recorded)).unwrap();
    }
    let problems: Vec<_> = problems.iter().map(|problem| format!("{name}.txt:{problem}")).collect();
    let (wrong, all) = (problems.len(), cases.len());
    assert!(wrong == 0, "{wrong} problems with {all} cases:\n{}", problems.join("\n"));
}

impl Mode {
    fn asked_for() -> Self {
        match std::env::var("DISKETTE_JUDGE").as_deref() {
            Err(_) => Self::Both,
            Ok("peer-only") => Self::PeerOnly,
            Ok("record") => Self::Record,
            Ok(other) => panic!("DISKETTE_JUDGE is `peer-only` or `record`, not {other:?}"),
        }
    }
}

type Recorded = (usize, diskette_integration::dockerfile::case::Change);

/// Where cases are judged.
#[derive(Debug)]
struct Bench<'a> {
    mode: Mode,
    scene: &'a Scene,
    bases: &'a [Base],
}

impl Bench<'_> {
    /// Returns what is wrong, and what is new.
    fn judge(&self, cases: &[Case]) -> (Vec<String>, Vec<Recorded>) {
        let (mut problems, mut recorded) = (Vec::new(), Vec::new());
        let buildah = self.buildah();
        for case in cases {
            let directory = format!("case-{}", case.line);
            let base = self.base(case);
            context::write(&self.scene.path(&format!("{directory}/context")), &case.context)
                .unwrap_or_else(|why| panic!("{}: {why}", case.name));
            let mut tell = |who: &str, found: Result<Vec<Difference>, String>| {
                let (line, name) = (case.line, &case.name);
                match found {
                    Err(why) => problems.push(format!("{line}: {name}: {why}")),
                    Ok(found) => problems.extend(found.iter().map(|(what, how)| {
                        format!("{line}: {name}: {who}: {what}: {}", how.replace('\n', "\n      "))
                    })),
                }
            };
            if self.mode == Mode::Both {
                let diskette = Diskette { scene: self.scene, bases: self.bases };
                tell("diskette", differences(case, &base, &diskette.build(case, &directory)));
            }
            if let (Some(buildah), Peer::Asked(_)) = (&buildah, &case.peer) {
                let outcome = buildah.build(case, &directory);
                if let (Outcome::Built(built), Expected::Image(None), Mode::Record) =
                    (&outcome, &case.expected, self.mode)
                {
                    recorded.push((case.line, record::change(&base, built)));
                    continue;
                }
                tell("buildah", peer_differences(case, &base, &outcome, buildah.version()));
            }
        }
        (problems, recorded)
    }

    fn buildah(&self) -> Option<Buildah<'_>> {
        let program = peer::find("buildah")?;
        if !is_root() {
            peer::skip("buildah is asked by root alone: it gives files their owners");
            return None;
        }
        Some(Buildah::new(program, self.scene, self.bases))
    }

    /// The image that a case is told against.
    fn base(&self, case: &Case) -> Built {
        let Some(name) = &case.base else { return scratch() };
        let found = self.bases.iter().find(|base| base.name == *name);
        found.unwrap_or_else(|| panic!("{}: no base {name}", case.name)).built.clone()
    }
}
