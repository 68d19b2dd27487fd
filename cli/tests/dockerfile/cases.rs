//! Dockerfiles come out as the cases in `dockerfile_cases/` say, and as buildah makes them.
//!
//! `DISKETTE_JUDGE=peer-only` asks buildah alone; `DISKETTE_JUDGE=record` also writes down what it made
//! of cases without a result. Check what was recorded: it becomes the expected result.

use std::fs;
use std::path::{Path, PathBuf};

use diskette_integration::dockerfile::base::{Base, scratch};
use diskette_integration::dockerfile::builder::{Buildah, Diskette, Outcome};
use diskette_integration::dockerfile::built::BuiltImage;
use diskette_integration::dockerfile::case::{Case, ExpectedResult, ImageChange};
use diskette_integration::dockerfile::entry::EntryKind;
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

/// Makes a test for each file of cases.
macro_rules! subjects {
    ($($name:ident)*) => {
        const SUBJECTS: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                judge(stringify!($name));
            }
        )*
    };
}

subjects! { copy owner from add ignore variables config run shell }

#[test]
fn there_are_enough() {
    let cases: Vec<_> = SUBJECTS.iter().flat_map(|name| read(name).1).collect();
    let running = cases.iter().filter(|case| has_run(case)).count();
    assert!(running >= 30, "{running} cases with RUN");
    assert!(cases.len() - running >= 120, "{} cases without", cases.len() - running);
}

fn has_run(case: &Case) -> bool {
    let has = |content: &[u8]| String::from_utf8_lossy(content).contains("\nRUN ");
    case.context.iter().any(|entry| matches!(&entry.kind, EntryKind::File(content) if has(content)))
}

/// Judges all cases of a file; fails with a list of what is wrong.
fn judge(name: &str) {
    let (text, cases) = read(name);
    let scene = Scene::new();
    let bases = bases(&scene);
    let mode = Mode::asked_for();
    let mut bench =
        Bench { mode, scene: &scene, bases: &bases, problems: vec![], recorded: vec![] };
    let buildah = buildah(&scene, &bases);
    for case in &cases {
        bench.judge(case, buildah.as_ref());
    }
    if mode == Mode::Record {
        fs::write(path(name), record::add(&text, &bench.recorded)).unwrap();
    }
    let (wrong, all) = (bench.problems.len(), cases.len());
    let list = bench.problems.join(&format!("\n{name}.txt:"));
    assert!(wrong == 0, "{wrong} problems with {all} cases:\n{name}.txt:{list}");
}

/// Makes the bases that cases name.
pub(crate) fn bases(scene: &Scene) -> Vec<Base> {
    let bases = fs::read_to_string(path("bases")).unwrap();
    let bases = Base::make_all(&bases, &scene.path("bases"));
    bases.unwrap_or_else(|why| panic!("bases.txt:{why}"))
}

fn read(name: &str) -> (String, Vec<Case>) {
    let text = fs::read_to_string(path(name)).unwrap();
    let cases = Case::parse_all(&text).unwrap_or_else(|why| panic!("{name}.txt:{why}"));
    (text, cases)
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/dockerfile/cases/{name}.txt"))
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

fn buildah<'a>(scene: &'a Scene, bases: &[Base]) -> Option<Buildah<'a>> {
    let program = peer::find("buildah")?;
    if !is_root() {
        peer::skip_test("buildah is asked by root alone: it gives files their owners");
        return None;
    }
    Some(Buildah::new(program, scene, bases))
}

/// Where cases are judged.
#[derive(Debug)]
struct Bench<'a> {
    mode: Mode,
    scene: &'a Scene,
    bases: &'a [Base],
    problems: Vec<String>,
    /// A case's line, and what the peer made of it.
    recorded: Vec<(usize, ImageChange)>,
}

impl Bench<'_> {
    fn judge(&mut self, case: &Case, buildah: Option<&Buildah<'_>>) {
        let directory = format!("case-{}", case.line);
        let base = self.base(case);
        context::write(&self.scene.path(&format!("{directory}/context")), &case.context)
            .unwrap_or_else(|why| panic!("{}: {why}", case.name));
        if self.mode == Mode::Both {
            let diskette = Diskette { scene: self.scene, bases: self.bases };
            let outcome = diskette.build(case, &directory);
            self.tell(case, "diskette", differences(case, &base, &outcome));
        }
        let Some(buildah) = buildah else { return };
        let outcome = buildah.build(case, &directory);
        let unknown = case.expected == ExpectedResult::Image(None);
        if let (Outcome::Built(built), Mode::Record, true) = (&outcome, self.mode, unknown) {
            self.recorded.push((case.line, record::change(&base, built)));
            return;
        }
        self.tell(case, "buildah", peer_differences(case, &base, &outcome, buildah.version));
    }

    fn tell(&mut self, case: &Case, who: &str, found: Result<Vec<Difference>, String>) {
        let place = format!("{}: {}", case.line, case.name);
        match found {
            Err(why) => self.problems.push(format!("{place}: {why}")),
            Ok(found) => self.problems.extend(found.iter().map(|(what, how)| {
                format!("{place}: {who}: {what}: {}", how.trim_end().replace('\n', "\n      "))
            })),
        }
    }

    /// Returns the image that the result of a case is compared with.
    fn base(&self, case: &Case) -> BuiltImage {
        let Some(name) = &case.base else { return scratch() };
        let found = self.bases.iter().find(|base| base.name == *name);
        found.unwrap_or_else(|| panic!("{}: no base {name}", case.name)).built.clone()
    }
}
