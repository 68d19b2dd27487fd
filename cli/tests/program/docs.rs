//! What the documents show is what happens: every block of commands is run, and what it prints is
//! compared.
//!
//! A `console` block has commands behind `$ ` and what they print; `…` stands for any text, on a
//! line of its own for any lines. Of a `shell` block only the commands are shown, and have to
//! succeed. The registries are one that runs here. Blocks of one page are run in order, in one
//! directory, which has what `prepare` says; a `yaml` block that begins with `# diskette.yaml` is
//! written there before.

use std::path::{Path, PathBuf};
use std::process::Command;

use diskette_integration::disk::{mixed_bytes, qcow2_disk};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::scene::{self, Scene};
use diskette_integration::upstream::Upstream;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What stands for a registry in the documents, and for a part of the one that runs here.
const REGISTRIES: [(&str, &str); 9] = [
    ("default-route-openshift-image-registry.apps.example.com", ""),
    ("image-registry.openshift-image-registry.svc:5000", ""),
    ("ghcr.io/me", "/me"),
    (" ghcr.io", ""),
    ("quay.io/me", "/me"),
    ("quay.io/staging", "/staging"),
    ("quay.io/containerdisks", "/containerdisks"),
    ("registry.example.com", ""),
    (" quay.io", ""),
];

/// Kinds of blocks that are not run: what they show is no command, or needs a cluster, VMware's
/// archive or an hour.
const SHOWN: [&str; 4] = ["dockerfile", "yaml", "text", ""];

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

/// A page, and the machine that its commands are run on.
struct Desk {
    scene: Scene,
    registry: DockerRegistry,
    /// What the catalogue follows.
    upstream: Upstream,
}

impl Desk {
    fn new() -> Option<Self> {
        let scene = Scene::new();
        let registry = DockerRegistry::start_open(&scene)?;
        let desk = Self { scene, registry, upstream: Upstream::start() };
        desk.prepare();
        Some(desk)
    }

    /// Two disks; a Dockerfile and a context; an image in a layout, an archive and registries; a
    /// catalogue; a token and a key.
    fn prepare(&self) {
        let disks = ["x86_64", "aarch64"].map(|uname| format!("Fedora-Cloud-42.{uname}.qcow2"));
        let text = "FROM scratch\nADD Fedora-Cloud-42.x86_64.qcow2 /disk/\n";
        for (disk, seed) in disks.iter().zip(1..) {
            for place in ["work", "spare", "spare/context"] {
                self.scene.write(&format!("{place}/{disk}"), qcow2_disk(seed, 300_000));
            }
        }
        for name in ["spare/Dockerfile", "spare/context/Dockerfile"] {
            self.scene.write(name, text);
        }
        let spec = "apiVersion: diskette/v1\nimage: quay.io/me/fedora\ntags: [\"42\"]\nplatforms: \
            {amd64: {disk: Fedora-Cloud-42.x86_64.qcow2}, arm64: {disk: Fedora-Cloud-42.aarch64.qcow2}}\n";
        let spec = spec.replace("quay.io/me", &self.registry.reference("me"));
        self.scene.write("spare/diskette.yaml", spec);
        self.scene.write("spare/token", "sesame\n");
        write_builders_outputs(&self.scene, "spare");
        self.scene
            .write("home/.ssh/id_ed25519.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9/0 me\n");
        let entry = self.upstream.catalogue_document(&self.registry.address(), "checksums", "");
        self.scene.write("spare/catalogue/disks.yaml", entry);
    }

    /// Runs a command, and returns whether it succeeded and what it printed.
    fn sh(&self, command: &str, directory: &str) -> (bool, String) {
        let near = |text: String, (name, path): &(&str, &str)| {
            let space = if name.starts_with(' ') { " " } else { "" };
            text.replace(name, &format!("{space}{}{path}", self.registry.address()))
        };
        let command = REGISTRIES.iter().fold(command.to_owned(), near);
        let program = scene::program_path();
        let paths = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("{{ {command}\n}} 2>&1"))
            .current_dir(self.scene.path(directory));
        shell.env_clear().env("PATH", paths).env("TOKEN", "sesame");
        shell.env("HOME", self.scene.path("home")).env("XDG_CACHE_HOME", self.scene.path("cache"));
        let output = shell.output().unwrap();
        let found = String::from_utf8_lossy(&output.stdout)
            .replace(&self.registry.reference("me"), "quay.io/me");
        (output.status.success(), found)
    }

    /// Has all that a page takes for granted that does not begin with nothing.
    fn fill(&self) {
        for command in [
            "cp -r ../spare/. .",
            "diskette build -q -o oci:out --push",
            "diskette copy -q quay.io/me/fedora:42 quay.io/containerdisks/fedora:42",
            "diskette copy -q quay.io/me/fedora:42 oci-archive:fedora.tar",
        ] {
            let (succeeded, said) = self.sh(command, "work");
            assert!(succeeded, "{command}: {said}");
        }
    }

    fn check(&self, command: &str, expected: Option<&str>, place: &str) {
        let (succeeded, found) = self.sh(command, "work");
        let Some(expected) = expected else {
            return assert!(succeeded, "{place}: `{command}`\n{found}");
        };
        let (lines, wanted): (Vec<&str>, Vec<&str>) =
            (found.lines().map(str::trim_end).collect(), expected.trim_end().lines().collect());
        assert!(
            fits(&wanted, &lines),
            "{place}: `{command}` printed\n{found}\nand not\n{expected}"
        );
        let fails = expected.contains("error: ");
        assert_eq!(succeeded, !fails, "{place}: `{command}`\n{found}");
    }
}

/// Writes directories of the form in which other tools leave their disks, as docs/image-builders.md says.
fn write_builders_outputs(scene: &Scene, directory: &str) {
    let disks = [
        "build-output/fedora-43-server-qcow2-x86_64.qcow2",
        "build-output/fedora-43-server-qcow2-aarch64.qcow2",
        "output/qcow2/disk.qcow2",
        "output-qemu/packer-qemu",
        "output/ubuntu-2404-kube-v1.33.0/ubuntu-2404-kube-v1.33.0",
        "kiwi/appliance.x86_64-1.15.3.qcow2",
    ];
    for (disk, seed) in disks.iter().zip(1..) {
        scene.write(&format!("{directory}/{disk}"), qcow2_disk(seed, 300_000));
    }
    for beside in [
        "build-output/fedora-43-server-qcow2-x86_64.osbuild-manifest.json",
        "output/manifest-qcow2.json",
        "output-qemu/efivars.fd",
        "kiwi/appliance.x86_64-1.15.3.packages",
        "kiwi/kiwi.result",
    ] {
        scene.write(&format!("{directory}/{beside}"), "not a disk");
    }
    let raw = "bundle/appliance.x86_64-1.15.3-Build1.raw";
    let raw = scene.write(&format!("{directory}/{raw}"), mixed_bytes(1, 2 << 20));
    if let Some(xz) = peer::find("xz") {
        xz.run(["-qf", peer::text(&raw)]);
    }
}

/// Runs the commands of a page; returns how many there were.
fn run(page: &Path) -> usize {
    let blocks = blocks(&std::fs::read_to_string(page).unwrap());
    let is_run = |block: &Block| matches!(&block.language[..], "console" | "shell");
    for block in &blocks {
        let known = is_run(block) || SHOWN.contains(&&block.language[..]);
        assert!(known, "{}:{}: `{}`", page.display(), block.line, block.language);
    }
    if !blocks.iter().any(is_run) {
        return 0;
    }
    let Some(desk) = Desk::new() else { return 0 };
    let mut count = 0;
    if blocks.iter().any(|block| block.language == "shell") {
        desk.fill();
    }
    for block in blocks {
        let place = format!("{}:{}", page.display(), block.line);
        if block.language == "yaml" && block.text.starts_with("# diskette.yaml\n") {
            desk.scene.write("work/diskette.yaml", &block.text);
        }
        if !is_run(&block) {
            continue;
        }
        assert!(block.text.starts_with("$ "), "{place}: a block of commands begins with one");
        for part in format!("\n{}", block.text).split("\n$ ").skip(1) {
            let (command, expected) = part.split_once('\n').unwrap_or((part, ""));
            let is_shown = block.language == "console";
            desk.check(command, is_shown.then_some(expected), &place);
            count += 1;
        }
    }
    count
}

#[test]
fn commands_do_what_the_documents_show() {
    if peer::find("docker-registry").is_none() {
        return;
    }
    let count: usize = pages().iter().map(|page| run(page)).sum();
    assert!(count >= 20, "only {count} commands were found");
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
                    scene.write(name, qcow2_disk(1, 100_000));
                }
                write_ova(&scene);
                write_builders_outputs(&scene, ".");
                scene.run(["build", "--check", "-f", file.to_str().unwrap()])
            };
            assert_eq!(outcome.status, 0, "{place}: {}", outcome.stderr);
        }
    }
    assert!(count >= 2, "only {count} specs were found");
}

/// Writes `appliance.ova`, with one disk.
fn write_ova(scene: &Scene) {
    let text = "<Envelope><References><File href='a.img' id='a'/></References><DiskSection>\
                <Disk diskId='a' fileRef='a'/></DiskSection><VirtualSystem id='vm'/></Envelope>";
    scene.write("a.ovf", text);
    scene.write("a.img", qcow2_disk(1, 100_000));
    let mut tar = peer::find("tar").unwrap().command();
    tar.args(["-cf", "appliance.ova", "a.ovf", "a.img"]).current_dir(scene.path("."));
    assert!(tar.status().unwrap().success());
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
