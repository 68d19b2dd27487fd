//! Tests of scripts on a small image. `builder/tests/run_oracle.rs` compares with a real shell.

mod compound;
mod contents;
mod files;
mod language;
mod metadata;
mod tools;

use std::fmt::Write as _;

use super::*;
use crate::frontend::dockerfile::tree::{FileNode, TreeNode, TreeNodeKind};
use crate::oci::tar::Owner;
use crate::recipe::{LayerEntryKind, SourceLocation, SourceRecipe, SourceRole};

/// The image: a name with a slash at its end is a directory, with an arrow a link; then mode and
/// owner.
const IMAGE: &[(&str, u32, u32)] = &[
    ("bin>usr/bin", 0o777, 0),
    ("dangling>none/where", 0o777, 0),
    ("data/", 0o755, 0),
    ("data/.hidden", 0o644, 0),
    ("data/a", 0o644, 0),
    ("data/b.txt", 0o640, 0),
    ("data/c.txt", 0o600, 0),
    ("data/sub/", 0o750, 0),
    ("data/sub/back>../a", 0o777, 0),
    ("data/sub/x", 0o600, 0),
    ("empty/", 0o755, 0),
    ("file", 0o644, 0),
    ("home/", 0o755, 0),
    ("home/me/", 0o755, 1000),
    ("home/me/locked/", 0o000, 1000),
    ("home/me/locked/x", 0o644, 1000),
    ("home/me/own", 0o644, 1000),
    ("home/me/theirs", 0o644, 0),
    ("link>data", 0o777, 0),
    ("loop>loop", 0o777, 0),
    ("private/", 0o700, 0),
    ("private/x", 0o666, 0),
    ("shared/", 0o2775, 50),
    ("suid", 0o6755, 0),
    ("tmp/", 0o1777, 0),
    ("tmp/theirs", 0o666, 0),
    ("usr/", 0o755, 0),
    ("usr/bin/", 0o755, 0),
];

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n";
const GROUP: &str = "root:x:0:\nme:x:1000:\nstaff:x:50:me\n";

fn image() -> Tree {
    let source = SourceRecipe::new(SourceLocation::path("content"), SourceRole::File);
    let mut tree = Tree::new();
    for (word, mode, id) in IMAGE {
        let (path, kind) = match (word.split_once('>'), word.strip_suffix('/')) {
            (Some((path, target)), _) => (path, TreeNodeKind::Symlink(target.into())),
            (_, Some(path)) => (path, TreeNodeKind::Directory),
            _ => {
                let source = source.clone();
                (*word, TreeNodeKind::File(FileNode { source, size: Some(7), inode: None }))
            }
        };
        let owner = Owner { uid: *id, gid: *id };
        tree.put(path, TreeNode::new(kind, *mode, owner)).unwrap();
    }
    tree.forget_changes();
    tree
}

/// Shows a layer: mode, owner if it is not root, path; without unchanged directories.
fn show(tree: &mut Tree) -> String {
    let image = image();
    let mut text = String::new();
    for entry in tree.take_changes() {
        let now = tree.get(&entry.path);
        if entry.kind == LayerEntryKind::Directory && now == image.get(&entry.path) {
            continue;
        }
        text.push_str(if text.is_empty() { "" } else { ", " });
        let path = &entry.path;
        match entry.kind {
            LayerEntryKind::Whiteout => {
                write!(text, "-{path}").unwrap();
                continue;
            }
            LayerEntryKind::Opaque => {
                write!(text, "opaque {path}").unwrap();
                continue;
            }
            LayerEntryKind::Special(_) => write!(text, "{path} special").unwrap(),
            LayerEntryKind::Directory => write!(text, "{path}/").unwrap(),
            LayerEntryKind::Symlink(target) => write!(text, "{path}->{target}").unwrap(),
            LayerEntryKind::File(_) | LayerEntryKind::Hardlink(_) => text.push_str(path),
        }
        if !matches!(now.unwrap().kind, TreeNodeKind::Symlink(_)) {
            write!(text, " {:o}", entry.mode).unwrap();
        }
        let Owner { uid, gid } = entry.owner;
        if (uid, gid) != (0, 0) {
            write!(text, " {uid}:{gid}").unwrap();
        }
    }
    text
}

/// Returns the layer that a line makes on the image, or its error: the message, the text it points
/// at and the help.
fn outcome(line: RunLine<'_>, user: &str, shell: &str) -> String {
    let accounts = Accounts::parse(PASSWD, GROUP);
    let identity = accounts.find_identity(user).unwrap();
    let variables = [("DIR", "/opt/x"), ("EMPTY", ""), ("LIST", "a  b\tc"), ("STAR", "data/*.txt")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let shell: Vec<String> = shell.split_whitespace().map(str::to_owned).collect();
    let directory = if user == "me" { "/home/me" } else { "" };
    let context = RunContext {
        variables: &variables,
        directory,
        identity: &identity,
        accounts: &accounts,
        shell: &shell,
        inputs: &contents::TestInputs("linux/amd64".parse().unwrap()),
    };
    let mut tree = image();
    match evaluate_run_line(&mut tree, line, &context) {
        Ok(_) => show(&mut tree),
        Err(error) => match line {
            RunLine::Shell(text) => format!("{} [{}]", error.message, &text[error.range]),
            RunLine::Exec(_) => error.message,
        },
    }
}

#[track_caller]
fn check(script: &str, expected: &str) {
    assert_eq!(outcome(RunLine::Shell(script), "root", ""), expected, "{script}");
}

#[track_caller]
fn check_me(script: &str, expected: &str) {
    assert_eq!(outcome(RunLine::Shell(script), "me", ""), expected, "{script}");
}

/// Checks that a script is refused, and at which position.
#[track_caller]
fn refused(script: &str, what: &str, place: &str) {
    let expected = format!("RUN is evaluated, not executed; {what} [{place}]");
    assert_eq!(outcome(RunLine::Shell(script), "root", ""), expected, "{script}");
}

#[test]
fn exec_form_and_shells() {
    let exec = |line: &str| {
        let words: Vec<String> = line.split('|').map(str::to_owned).collect();
        outcome(RunLine::Exec(&words), "root", "")
    };
    assert_eq!(exec("mkdir|a b|$x|*"), "$x/ 755, */ 755, a b/ 755");
    assert_eq!(
        exec("/bin/sh|-c|mkdir a && mkdir $LIST"),
        "`mkdir` fails: cannot create directory 'a': File exists"
    );
    assert_eq!(exec("bash|-eu|-c|mkdir $LIST"), "a/ 755, b/ 755, c/ 755");
    assert_eq!(exec("false"), "`false` fails");
    assert!(exec("id").contains("`id` is not among"));
    assert!(exec("sh|x").contains("`sh` of the shell `sh`"));
    let shell = |shell: &str| outcome(RunLine::Shell("false; true"), "root", shell);
    assert_eq!(shell("/bin/sh -c"), "");
    assert_eq!(shell("/bin/bash -eo pipefail -c"), "`false` fails [false]");
    assert!(shell("/bin/zsh -c").starts_with(
        "RUN is evaluated, not executed; `/bin/zsh` of the shell `/bin/zsh -c` is not understood"
    ));
}

#[test]
fn the_working_directory_must_exist() {
    let (accounts, variables) = (Accounts::default(), BTreeMap::new());
    let identity = accounts.find_identity("").unwrap();
    let context = RunContext {
        variables: &variables,
        directory: "/no/where",
        identity: &identity,
        accounts: &accounts,
        shell: &[],
        inputs: &NoInputs,
    };
    let error = evaluate_run_line(&mut Tree::new(), RunLine::Shell("true"), &context).unwrap_err();
    assert_eq!(error.message, "the working directory `/no/where` does not exist");
    assert_eq!((error.range, error.help.as_str()), (0..4, "make it with WORKDIR"));
}

#[test]
fn flags_are_refused_by_name() {
    let error = flag_error("--mount=type=cache,target=/x", 4..10);
    assert_eq!(error.message, "RUN is evaluated, not executed; it has no use for `--mount`");
    assert_eq!(error.help, "COPY what the command needs, or use `--build-context`");
    let error = flag_error("--network=none", 0..2);
    assert_eq!(error.help, "leave it out; nothing is executed");
}
