//! What the documents show is what happens: every block of commands is run, and what it prints is compared.
//!
//! A `console` block has commands behind `$ ` and what they print; `…` stands for any text, on a line of its own for any
//! lines. The registry `quay.io/me` is one that runs here. Blocks of one page are run in order, in one fresh
//! directory; a `yaml` block that begins with `# diskette.yaml` is written there before.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use diskette_integration::disk::qcow2;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::scene::{self, Scene};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What stands for a registry in the documents.
const REGISTRY: &str = "quay.io/me";

/// A fenced block.
struct Block {
    language: String,
    /// Where it stands.
    line: usize,
    text: String,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => {
                let language = language.to_owned();
                open = Some(Block { language, line: number + 1, text: String::new() });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => block.text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    found
}

/// Returns the pages.
fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(Path::new(ROOT).join("docs")).unwrap();
    let docs = docs.map(|file| file.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let mut pages: Vec<PathBuf> = pages.collect();
    pages.push(Path::new(ROOT).join("README.md"));
    pages.sort();
    pages
}

/// Tells whether a text is what is expected.
fn fits(expected: &[&str], found: &[&str]) -> bool {
    match (expected.split_first(), found.split_first()) {
        (None, None) => true,
        (Some((&"…", rest)), _) => (0..=found.len()).any(|skip| fits(rest, &found[skip..])),
        (Some((line, rest)), Some((other, others))) => line_fits(line, other) && fits(rest, others),
        _ => false,
    }
}

fn line_fits(expected: &str, found: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// Runs the commands of a page; returns how many there were.
fn run(page: &Path) -> usize {
    let text = std::fs::read_to_string(page).unwrap();
    let blocks = blocks(&text);
    if !blocks.iter().any(|block| block.language == "console") {
        return 0;
    }
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::plain(&scene) else { return 0 };
    scene.write("work/Fedora-Cloud-42.x86_64.qcow2", qcow2(1, 300_000));
    scene.write("work/Fedora-Cloud-42.aarch64.qcow2", qcow2(2, 300_000));
    let near = registry.image("me");
    let mut count = 0;
    for block in blocks {
        let place = format!("{}:{}", page.display(), block.line);
        if block.language == "yaml" && block.text.starts_with("# diskette.yaml\n") {
            scene.write("work/diskette.yaml", &block.text);
        }
        if block.language != "console" {
            continue;
        }
        assert!(block.text.starts_with("$ "), "{place}: a block of commands begins with one");
        for part in format!("\n{}", block.text).split("\n$ ").skip(1) {
            let (command, expected) = part.split_once('\n').unwrap_or((part, ""));
            count += 1;
            check(&scene, &near, command, expected, &place);
        }
    }
    count
}

fn check(scene: &Scene, near: &str, command: &str, expected: &str, place: &str) {
    let program = scene::program();
    let paths = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{} 2>&1", command.replace(REGISTRY, near)));
    shell.current_dir(scene.path("work")).env_clear().env("PATH", paths);
    shell.env("HOME", scene.path("home")).env("XDG_CACHE_HOME", scene.path("cache"));
    let output = shell.output().unwrap();
    let found = String::from_utf8_lossy(&output.stdout).replace(near, REGISTRY);
    let (lines, wanted): (Vec<&str>, Vec<&str>) =
        (found.lines().map(str::trim_end).collect(), expected.trim_end().lines().collect());
    assert!(fits(&wanted, &lines), "{place}: `{command}` printed\n{found}\nand not\n{expected}");
    let fails = expected.contains("error: ");
    assert_eq!(output.status.success(), !fails, "{place}: `{command}`\n{found}");
}

#[test]
fn commands_do_what_the_documents_show() {
    if peer::find("docker-registry").is_none() {
        return;
    }
    let count: usize = pages().iter().map(|page| run(page)).sum();
    assert!(count >= 8, "only {count} commands were found");
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            assert!(target.exists(), "{}: {link}", page.display());
            if anchor.is_empty() {
                continue;
            }
            let text = std::fs::read_to_string(&target).unwrap();
            let headings = text.lines().filter(|line| line.starts_with('#'));
            let slug = |line: &str| {
                let line = line.trim_start_matches('#').trim().to_lowercase();
                let kept = line.chars().filter(|c| c.is_alphanumeric() || " -".contains(*c));
                kept.collect::<String>().replace(' ', "-")
            };
            assert!(
                headings.into_iter().any(|line| slug(line) == anchor),
                "{}: {link}",
                page.display()
            );
        }
    }
}

#[test]
fn specs_in_the_documents_are_specs() {
    let scene = Scene::new();
    let mut count = 0;
    for page in pages() {
        for block in blocks(&std::fs::read_to_string(&page).unwrap()) {
            if block.language != "yaml" || !block.text.contains("apiVersion: diskette/v1") {
                continue;
            }
            count += 1;
            let place = format!("{}:{}", page.display(), block.line);
            let file = scene.write("diskette.yaml", &block.text);
            let is_catalogue = block.text.contains("\nrelease:");
            let outcome = if is_catalogue {
                scene.run(["sync", "--list", file.to_str().unwrap()])
            } else {
                for name in ["Fedora-Cloud-42.x86_64.qcow2", "Fedora-Cloud-42.aarch64.qcow2"] {
                    scene.write(name, qcow2(1, 100_000));
                }
                scene.run(["build", "--check", "-f", file.to_str().unwrap()])
            };
            assert_eq!(outcome.status, 0, "{place}: {}", outcome.stderr);
        }
    }
    assert!(count >= 2, "only {count} specs were found");
}

#[test]
fn what_fits_is_told_from_what_does_not() {
    let check = |expected: &str, found: &str, is_so: bool| {
        let (wanted, lines): (Vec<&str>, Vec<&str>) =
            (expected.lines().collect(), found.lines().collect());
        assert_eq!(fits(&wanted, &lines), is_so, "{expected:?} {found:?}");
    };
    check("a", "a", true);
    check("a", "b", false);
    check("a…", "abc", true);
    check("…b…d", "abcd", true);
    check("…b…d", "abce", false);
    check("a\n…\nd", "a\nb\nc\nd", true);
    check("a\n…", "a", true);
    check("a", "a\nb", false);
    check("", "a", false);
}
