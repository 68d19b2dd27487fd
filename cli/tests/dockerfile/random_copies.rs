//! Random COPY and ADD: random contexts and Dockerfiles make the same tree as with buildah.
//!
//! Where BuildKit is known to differ from buildah 1.28, BuildKit is right, and cases.rs has a case that says
//! so; the generator leaves such things out: set-ID bits in contexts, links and other kinds of files
//! where something is copied to, names with characters that patterns use, `--chmod` for
//! directories, `--chown` for archives, destinations that end in `/.`, `--exclude`, `--parents`, `--link` and
//! here-documents. [`is_known`] has what only the results show.
#![expect(clippy::print_stdout, reason = "a test says how much it has compared")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use diskette_integration::dockerfile::builder::{Buildah, Diskette, Outcome};
use diskette_integration::dockerfile::case::{Case, ExpectedResult};
use diskette_integration::dockerfile::context;
use diskette_integration::peer;
use diskette_integration::scene::{Scene, is_root};

/// How many cases are compared: `$DISKETTE_COPY_CASES`, for soak tests, or as many as take some seconds.
fn count() -> u64 {
    std::env::var("DISKETTE_COPY_CASES").map_or(20, |count| count.parse().unwrap())
}

/// The number of the first case: `$DISKETTE_COPY_FIRST`, to look at one again.
fn first() -> u64 {
    std::env::var("DISKETTE_COPY_FIRST").map_or(0, |first| first.parse().unwrap())
}

/// Random numbers, the same for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let sides = u64::try_from(sides).unwrap();
        usize::try_from((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    /// Returns whether something with this chance, in percent, happens.
    fn happens(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }
}

/// Names of the kinds of files, none of which looks like another.
const FILES: &[&str] = &["f1", "f2.txt", "f3.txt", "f4.md", "f5", ".h1"];
const DIRECTORIES: &[&str] = &["d1", "d2", "d3"];
const LINKS: &[&str] = &["l1", "l2"];
const ARCHIVES: &[&str] = &["a1.tar", "a2.tar.gz"];

const IGNORED: &[&str] = &[
    "f1",
    "f*",
    "*.txt",
    "d1",
    "d1/",
    "/d2",
    "d1/*",
    "**/f2.txt",
    "**/d3",
    "d?",
    ".h*",
    "*",
    "!f1",
    "!d1/f1",
    "!f2.txt",
    "!d*",
    "# a comment",
    "d1/d*",
    "**/*.md",
    "!**/f4.md",
    "l*",
    "./f5",
    " f3.txt ",
    "d2/../f1",
];

/// A random context: lines of entries, and the paths of what it has.
#[derive(Default)]
struct Context {
    text: String,
    directories: Vec<String>,
    files: Vec<String>,
    links: Vec<String>,
    archives: Vec<String>,
}

impl Context {
    fn random(dice: &mut Dice) -> Self {
        let mut context = Self { directories: vec![String::new()], ..Self::default() };
        for _ in 0..3 + dice.roll(10) {
            let parent = context.directories[dice.roll(context.directories.len())].clone();
            let path = |name: &str| format!("{parent}{name}");
            match dice.roll(10) {
                0..=5 => context.add_file(path(dice.pick(FILES)), dice),
                6 | 7 => {
                    let path = path(dice.pick(DIRECTORIES));
                    let mode = dice.pick(&["755", "700", "750", "711", "777"]);
                    context.add_line(&path, &format!("dir {mode} {path}"));
                    context.directories.push(format!("{path}/"));
                }
                8 => {
                    let path = path(dice.pick(LINKS));
                    let target = context.link_target(&path, dice);
                    context.add_line(&path, &format!("link {path} = {target}"));
                    context.links.push(path);
                }
                _ => context.add_archive(path(dice.pick(ARCHIVES)), dice),
            }
        }
        if context.files.is_empty() {
            context.add_file("f1".into(), dice);
        }
        context
    }

    /// Returns the target of a link, most often a file of the context.
    fn link_target(&self, link: &str, dice: &mut Dice) -> String {
        if self.files.is_empty() || dice.happens(15) {
            return dice.pick(&["f1", "nowhere", "../f1", "d1", "/f1", "f2.txt"]).to_owned();
        }
        let file = one_of(&self.files, dice);
        let up = "../".repeat(link.matches('/').count());
        if dice.happens(30) { format!("/{file}") } else { format!("{up}{file}") }
    }

    /// Adds a line, unless one has the path.
    fn add_line(&mut self, path: &str, line: &str) {
        let is_there = self.text.lines().any(|line| line.split(' ').any(|word| word == path));
        if !is_there {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    fn add_file(&mut self, path: String, dice: &mut Dice) {
        let mode = dice.pick(&["644", "600", "755", "444", "640"]);
        self.add_line(&path, &format!("file {mode} {path} = {}", dice.roll(1000)));
        self.files.push(path);
    }

    fn add_archive(&mut self, path: String, dice: &mut Dice) {
        let compression = if path.ends_with("gz") { "gz" } else { "none" };
        let mut lines = format!("tar {path} = {compression}\n");
        for (line, chance) in [
            ("dir 711 3:4 p", 70),
            ("file 640 1:2 p/q = in", 80),
            ("file 4755 r/s = in", 60),
            ("link 5:5 t = p/q", 40),
            ("hard p/u = p/q", 30),
            ("file 600 ./v = in", 40),
        ] {
            if dice.happens(chance) && (lines.contains("p/q =") || !line.starts_with("hard")) {
                writeln!(lines, " {line}").unwrap();
            }
        }
        self.add_line(&path, lines.trim_end());
        self.archives.push(path);
    }
}

/// Returns a random case in the notation of cases.
fn random_case(number: u64) -> String {
    let mut dice = Dice((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let context = Context::random(&mut dice);
    let base = dice.pick(&["scratch", "tree"]);
    let mut dockerfile = format!("FROM {base}\n");
    for _ in 0..=dice.roll(4) {
        if dice.happens(20) {
            writeln!(dockerfile, "WORKDIR {}", dice.pick(&["/w", "w", "x/y", "/x", "/w/"]))
                .unwrap();
        }
        writeln!(dockerfile, "{}", instruction(&context, &mut dice)).unwrap();
    }
    let mut text = format!("=== random {number}\n");
    if base != "scratch" {
        writeln!(text, "base: {base}").unwrap();
    }
    write!(text, "--- Dockerfile\n{dockerfile}").unwrap();
    if dice.happens(40) {
        let rules = ignore_rules(&dockerfile, &mut dice);
        write!(text, "--- .dockerignore\n{}\n", rules.join("\n")).unwrap();
    }
    write!(text, "--- context\n{}", context.text).unwrap();
    text
}

/// Returns random rules, most of which leave what is copied: a build without its sources is refused, and
/// compares nothing.
fn ignore_rules(dockerfile: &str, dice: &mut Dice) -> Vec<&'static str> {
    let words: Vec<String> =
        dockerfile.split_whitespace().map(|word| word.replace(['"', ',', '[', ']'], "")).collect();
    let mut rules = Vec::new();
    for _ in 0..=dice.roll(4) {
        let rule = dice.pick(IGNORED);
        let hits = words.iter().any(|word| ignores(rule, word.trim_matches('/')));
        if !hits || dice.happens(12) {
            rules.push(rule);
        }
    }
    rules
}

/// Returns whether a rule is about a path or what is above it, or may be about what a pattern matches.
fn ignores(rule: &str, path: &str) -> bool {
    if rule.starts_with(['!', '#']) {
        return false;
    }
    let rule = rule.trim().trim_matches('/').trim_start_matches("./");
    let rule = rule.trim_start_matches("d2/../");
    let parts: Vec<&str> = path.split('/').filter(|part| *part != ".").collect();
    if let Some(name) = rule.strip_prefix("**/") {
        return parts.iter().any(|part| fits(name, part));
    }
    let rule: Vec<&str> = rule.split('/').collect();
    rule.len() <= parts.len() && rule.iter().zip(&parts).all(|(rule, part)| fits(rule, part))
}

/// Returns whether two names can be the same; both may have wildcards, and `*` matches all.
fn fits(one: &str, other: &str) -> bool {
    match (one.chars().next(), other.chars().next()) {
        (None, None) | (_, Some('*' | '[')) => true,
        (Some('*'), _) => (0..=other.len()).any(|skipped| fits(&one[1..], &other[skipped..])),
        (Some('?'), Some(_)) => fits(&one[1..], &other[1..]),
        (Some(a), Some(b)) => a == b && fits(&one[1..], &other[1..]),
        _ => false,
    }
}

/// Places for what keeps its name; only those that begin with a slash do not depend on WORKDIR.
const PLACES: &[&str] = &["/", "/x/", "/x/y/", "x/", "./", "y/z/", "/w/"];

fn instruction(context: &Context, dice: &mut Dice) -> String {
    let name = dice.pick(&["COPY", "COPY", "ADD"]);
    let mut flags = String::new();
    if dice.happens(25) {
        write!(flags, "--chown={} ", dice.pick(&["7:8", "7", "0:9", "123:0"])).unwrap();
    }
    let (sources, destination) = match dice.roll(8) {
        // One file to a name; a mode is for files alone.
        0 | 1 => {
            if dice.happens(30) {
                write!(flags, "--chmod={} ", dice.pick(&["600", "0755", "444"])).unwrap();
            }
            (one_of(&context.files, dice), dice.pick(&["/n1", "n2", "/n3", "/n4"]))
        }
        6 if !context.archives.is_empty() => {
            // Owners of what is in an archive are those of the archive.
            flags.clear();
            (one_of(&context.archives, dice), dice.pick(PLACES))
        }
        kind => sources(context, kind, dice),
    };
    if dice.happens(15) {
        let words: Vec<String> =
            sources.split(' ').chain([destination]).map(|word| format!("{word:?}")).collect();
        return format!("{name} {flags}[{}]", words.join(", "));
    }
    format!("{name} {flags}{sources} {destination}")
}

/// Returns sources and a destination of a kind.
fn sources(context: &Context, kind: usize, dice: &mut Dice) -> (String, &'static str) {
    match kind {
        2 => (one_of(&context.files, dice), dice.pick(PLACES)),
        3 => {
            let directory = match one_of(&context.directories, dice) {
                path if path.is_empty() => dice.pick(&[".", "./", "/"]).to_owned(),
                path if dice.happens(50) => path.trim_end_matches('/').to_owned(),
                path => path,
            };
            (directory, dice.pick(&["/", "/x", "/x/", "x/y", "./", ".", "/y/z", "w"]))
        }
        4 | 5 => (pattern(context, dice), dice.pick(PLACES)),
        7 if !context.links.is_empty() => (one_of(&context.links, dice), dice.pick(PLACES)),
        _ => {
            let sources: Vec<String> =
                (0..2 + dice.roll(2)).map(|_| one_of(&context.files, dice)).collect();
            (sources.join(" "), dice.pick(PLACES))
        }
    }
}

/// Returns a pattern, most often one that a file matches.
fn pattern(context: &Context, dice: &mut Dice) -> String {
    if dice.happens(5) {
        let patterns = ["*.txt", "d*", "d?", "d1/*", "f[1-3]*", "*/f1", "/f*"];
        return dice.pick(&patterns).to_owned();
    }
    let path = one_of(&context.files, dice);
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let (parent, slash) = match parent {
        "" => (dice.pick(&["", "", "./", "/"]), ""),
        parent if dice.happens(30) && !parent.contains('/') => ("*", "/"),
        parent => (parent, "/"),
    };
    let start = &name[..1];
    let name = match dice.roll(4) {
        0 => "*".to_owned(),
        1 => format!("{start}*"),
        2 => format!("[{start}x]*"),
        _ => format!("?{}", &name[1..]),
    };
    format!("{parent}{slash}{name}")
}

fn one_of(paths: &[String], dice: &mut Dice) -> String {
    paths[dice.roll(paths.len())].clone()
}

/// Returns whether a difference is one that is known: what is refused by us alone, with its case in
/// `cases/copy.txt`.
fn is_known(what: &str, how: &str) -> bool {
    // "a source above the context", "a glob without a match among others"
    what == "build"
        && ["is outside the build context", "nothing matches"].iter().any(|part| how.contains(part))
}

/// Returns the differences between both results.
fn compare(ours: &Outcome, theirs: &Outcome) -> Vec<(String, String)> {
    let one = |how: String| vec![("build".to_owned(), how)];
    match (ours, theirs) {
        (Outcome::Built(ours), Outcome::Built(theirs)) => {
            let mut all = ours.differences(theirs);
            all.retain(|(what, _)| what.starts_with('/'));
            all
        }
        (Outcome::Refused(_), Outcome::Refused(_)) => Vec::new(),
        (Outcome::Refused(why), Outcome::Built(_)) => one(format!("refused by us alone: {why}")),
        (Outcome::Built(_), Outcome::Refused(why)) => {
            one(format!("refused by buildah alone: {why}"))
        }
        (ours, theirs) => one(format!("ours: {ours:?}\ntheirs: {theirs:?}")),
    }
}

/// Returns the first line of an error message without the names in it.
fn reason(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let parts = line.split('`').enumerate();
    parts.map(|(number, part)| if number % 2 == 0 { part } else { "…" }).collect()
}

#[test]
fn random_copies_are_those_of_buildah() {
    let Some(program) = peer::find("buildah") else { return };
    if !is_root() {
        peer::skip_test("buildah is asked by root alone: it gives files their owners");
        return;
    }
    let scene = Scene::new();
    let bases = super::cases::bases(&scene);
    let buildah = Buildah::new(program, &scene, &bases);
    let diskette = Diskette { scene: &scene, bases: &bases };
    let (mut built, mut refused, mut wrong) = (0, BTreeMap::new(), Vec::new());
    for number in first()..first() + count() {
        let text = random_case(number);
        let mut case =
            Case::parse_all(&text).unwrap_or_else(|why| panic!("{why}\n{text}")).remove(0);
        // Something is copied, so that buildah writes an image without a name.
        case.expected = ExpectedResult::Failure(Vec::new());
        let directory = format!("random-{number}");
        context::write(&scene.path(&format!("{directory}/context")), &case.context).unwrap();
        let (ours, theirs) = (diskette.build(&case, &directory), buildah.build(&case, &directory));
        let mut found = compare(&ours, &theirs);
        found.retain(|(what, how)| !is_known(what, how));
        if !found.is_empty() {
            let found: Vec<String> =
                found.iter().map(|(what, how)| format!("{what}: {}", how.trim_end())).collect();
            wrong.push(format!("{text}*** {}\n", found.join("\n*** ")));
        } else if let Outcome::Refused(why) = ours {
            *refused.entry(reason(&why)).or_insert(0) += 1;
        } else {
            built += 1;
        }
        fs::remove_dir_all(scene.path(&directory)).unwrap();
    }
    let refusals: u64 = refused.values().sum();
    println!(
        "{built} images agree, {refusals} are refused by both or for a known reason, {} differ",
        wrong.len()
    );
    for (reason, count) in &refused {
        println!("{count} refused: {reason}");
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
