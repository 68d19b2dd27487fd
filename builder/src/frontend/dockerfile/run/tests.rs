//! Scripts, and what they make of a small image. `builder/tests/run_oracle.rs` asks a real shell.

use std::fmt::Write as _;

use super::*;
use crate::recipe::{EntryKind, Location, Owner, Role, SourceRecipe};
use crate::tree::{FileNode, Node, NodeKind};

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
    let source = SourceRecipe {
        location: Location::Path("content".into()),
        packing: None,
        checksum: None,
        origin: None,
        role: Role::File,
    };
    let mut tree = Tree::new();
    for (word, mode, id) in IMAGE {
        let (path, kind) = match (word.split_once('>'), word.strip_suffix('/')) {
            (Some((path, target)), _) => (path, NodeKind::Symlink(target.into())),
            (_, Some(path)) => (path, NodeKind::Directory),
            _ => {
                let source = source.clone();
                (*word, NodeKind::File(FileNode { source, size: Some(7), inode: None }))
            }
        };
        let owner = Owner { uid: *id, gid: *id };
        tree.put(path, Node { kind, mode: *mode, owner }).unwrap();
    }
    tree.settle();
    tree
}

/// Shows a layer: mode, owner if it is not root, path; without directories that are as they were.
fn show(tree: &mut Tree) -> String {
    let image = image();
    let mut text = String::new();
    for entry in tree.take_changes() {
        let now = tree.get(&entry.path);
        if entry.kind == EntryKind::Directory && now == image.get(&entry.path) {
            continue;
        }
        text.push_str(if text.is_empty() { "" } else { ", " });
        let path = &entry.path;
        match entry.kind {
            EntryKind::Whiteout => {
                write!(text, "-{path}").unwrap();
                continue;
            }
            EntryKind::Opaque => {
                write!(text, "opaque {path}").unwrap();
                continue;
            }
            EntryKind::Directory => write!(text, "{path}/").unwrap(),
            EntryKind::Symlink(target) => write!(text, "{path}->{target}").unwrap(),
            EntryKind::File(_) | EntryKind::Hardlink(_) => text.push_str(path),
        }
        if !matches!(now.unwrap().kind, NodeKind::Symlink(_)) {
            write!(text, " {:o}", entry.mode).unwrap();
        }
        let Owner { uid, gid } = entry.owner;
        if (uid, gid) != (0, 0) {
            write!(text, " {uid}:{gid}").unwrap();
        }
    }
    text
}

/// Returns what a line makes of the image, or its error: the message, the text it points at and
/// the help.
fn outcome(line: Line<'_>, user: &str, shell: &str) -> String {
    let accounts = Accounts::parse(PASSWD, GROUP);
    let identity = accounts.identity(user).unwrap();
    let variables = [("DIR", "/opt/x"), ("EMPTY", ""), ("LIST", "a  b\tc"), ("STAR", "data/*.txt")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let shell: Vec<String> = shell.split_whitespace().map(str::to_owned).collect();
    let directory = if user == "me" { "/home/me" } else { "" };
    let context = Context {
        variables: &variables,
        directory,
        identity: &identity,
        accounts: &accounts,
        shell: &shell,
    };
    let mut tree = image();
    match evaluate(&mut tree, line, &context) {
        Ok(()) => show(&mut tree),
        Err(error) => match line {
            Line::Shell(text) => format!("{} [{}]", error.message, &text[error.range]),
            Line::Exec(_) => error.message,
        },
    }
}

#[track_caller]
fn check(script: &str, expected: &str) {
    assert_eq!(outcome(Line::Shell(script), "root", ""), expected, "{script}");
}

#[track_caller]
fn check_me(script: &str, expected: &str) {
    assert_eq!(outcome(Line::Shell(script), "me", ""), expected, "{script}");
}

/// Checks that a script is refused at a place.
#[track_caller]
fn refused(script: &str, what: &str, place: &str) {
    let expected = format!("RUN is evaluated, not executed; {what} [{place}]");
    assert_eq!(outcome(Line::Shell(script), "root", ""), expected, "{script}");
}

#[test]
fn directories_are_made() {
    check("mkdir new", "new/ 755");
    check("mkdir /opt", "opt/ 755");
    check("mkdir -p /opt", "opt/ 755");
    check("mkdir -p /opt/a/b", "opt/ 755, opt/a/ 755, opt/a/b/ 755");
    check("mkdir -p /usr/bin", "");
    check("mkdir -p link/new", "data/new/ 755");
    check("mkdir -p bin/new/", "usr/bin/new/ 755");
    check("mkdir -m 700 new", "new/ 700");
    check("mkdir -pm 1777 new/deep", "new/ 755, new/deep/ 1777");
    check("mkdir --parents --mode=u=rwx,go= new/deep", "new/ 755, new/deep/ 700");
    check("mkdir new -m700 other", "new/ 700, other/ 700");
    check("mkdir -p -m 700 data", "");
    check("mkdir -m 5755 new", "new/ 5755");
    check("mkdir -m +t new", "new/ 1777");
    check("mkdir -- -p", "-p/ 755");
    check("mkdir shared/new", "shared/new/ 2755 0:50");
    check("mkdir -m 700 shared/new", "shared/new/ 2700 0:50");
    check("mkdir -m 00700 shared/new", "shared/new/ 700 0:50");
    check("mkdir -p new/../other", "new/ 755, other/ 755");
    check("mkdir new/", "new/ 755");
    check("mkdir -v new", "new/ 755");
    check("/bin/mkdir new", "new/ 755");
    check("/usr/bin/mkdir new", "new/ 755");
    check("mkdir 'a b' ü", "a b/ 755, ü/ 755");
}

#[test]
fn directories_that_cannot_be_made() {
    let fails =
        |script: &str, why: &str| check(script, &format!("`mkdir` fails: {why} [{script}]"));
    fails("mkdir", "missing operand");
    fails("mkdir data", "cannot create directory 'data': File exists");
    fails("mkdir file", "cannot create directory 'file': File exists");
    fails("mkdir link", "cannot create directory 'link': File exists");
    fails("mkdir dangling/", "cannot create directory 'dangling/': File exists");
    fails("mkdir a/b", "cannot create directory 'a/b': No such file or directory");
    fails("mkdir file/b", "cannot create directory 'file/b': Not a directory");
    fails("mkdir ''", "cannot create directory '': No such file or directory");
    fails("mkdir .", "cannot create directory '.': File exists");
    fails("mkdir new/.", "cannot create directory 'new/.': No such file or directory");
    fails("mkdir none/../b", "cannot create directory 'none/../b': No such file or directory");
    fails("mkdir loop/x", "cannot create directory 'loop/x': Too many levels of symbolic links");
    fails("mkdir -p file", "cannot create directory 'file': File exists");
    fails("mkdir -p file/b/c", "cannot create directory 'file': Not a directory");
    fails("mkdir -p dangling/b", "cannot create directory 'dangling': Not a directory");
    fails("mkdir -m 9 new", "invalid mode '9'");
    let long = "x".repeat(256);
    let message = format!("cannot create directory '{long}': File name too long");
    fails(&format!("mkdir {long}"), &message);
}

#[test]
fn links_are_made() {
    check("ln -s target new", "new->target");
    check("ln -s /no/where dangles", "dangles->/no/where");
    check("ln -s ../x", "x->../x");
    check("ln -s p q data", "data/p->p, data/q->q");
    check("ln -s a b empty", "empty/a->a, empty/b->b");
    check("ln -s /usr/lib/libc.so.6 empty/", "empty/libc.so.6->/usr/lib/libc.so.6");
    check("ln -s dir/ empty", "empty/dir->dir/");
    check("ln -s new link", "data/new->new");
    check("ln -sf new link", "data/new->new");
    check("ln -sfn new link", "link->new");
    check("ln -snf new link", "link->new");
    check("ln -sfT new link", "link->new");
    check("ln --symbolic --force new file", "file->new");
    check("ln -sf new dangling", "dangling->new");
    check("ln -s x file -f", "file->x");
    check("ln -st empty a b", "empty/a->a, empty/b->b");
    check("ln -s new shared/new", "shared/new->new 0:50");
    check("ln -s self self", "self->self");
    check("ln -sv 'a b' c", "c->a b");
    check("ln -s / root", "root->/");
}

#[test]
fn links_that_cannot_be_made() {
    let fails = |script: &str, why: &str| check(script, &format!("`ln` fails: {why} [{script}]"));
    fails("ln -s", "missing operand");
    fails("ln -s x file", "failed to create symbolic link 'file': File exists");
    fails("ln -sn x link", "failed to create symbolic link 'link': File exists");
    fails("ln -s x none/y", "failed to create symbolic link 'none/y': No such file or directory");
    fails("ln -s '' y", "failed to create symbolic link 'y': No such file or directory");
    fails("ln -sf '' file", "failed to create symbolic link 'file': No such file or directory");
    fails("ln -s x new/", "failed to create symbolic link 'new/': No such file or directory");
    fails("ln -sfT x data", "'data': cannot overwrite directory");
    fails("ln -sf data/a data", "'data/a' and 'data/a' are the same file");
    fails("ln -s a b none", "target 'none': No such file or directory");
    fails("ln -s a b file", "target 'file': Not a directory");
    fails("ln -s -t file a", "target directory 'file': Not a directory");
    fails("ln -sT a b c", "extra operand 'c'");
    fails("ln -sT a", "missing destination file operand after 'a'");
    refused("ln a b", "`ln` makes symbolic links only; write `ln -s`", "ln a b");
    refused("ln -sr a b", "`-r` of `ln` is not evaluated", "ln -sr a b");
}

#[test]
fn modes_are_changed() {
    check("chmod 600 file", "file 600");
    check("chmod 644 file", "");
    check("chmod u+x,go-r file", "file 700");
    check("chmod +x file", "file 755");
    check("chmod a=r file data/a", "data/a 444, file 444");
    check("chmod 700 link", "data/ 700");
    check(
        "chmod -R 700 data",
        "data/ 700, data/.hidden 700, data/a 700, data/b.txt 700, data/c.txt 700, data/sub/ 700, data/sub/x 700",
    );
    check("chmod -R go+rX link", "data/b.txt 644, data/c.txt 644, data/sub/ 755, data/sub/x 644");
    check("chmod -R a-w,a+X data/sub", "data/sub/ 551, data/sub/x 400");
    check("chmod 755 shared", "shared/ 2755 50:50");
    check("chmod 00755 shared", "shared/ 755 50:50");
    check("chmod 644 suid", "suid 644");
    check("chmod g=u file", "file 664");
    check("chmod -x suid", "suid 6644");
    check("chmod file -w; true", "file 444");
    check("chmod --recursive o= empty", "empty/ 750");
    check("chmod -f 600 file", "file 600");
    check("chmod -- -w file || true", "file 444");
}

#[test]
fn modes_that_cannot_be_changed() {
    let fails =
        |script: &str, why: &str| check(script, &format!("`chmod` fails: {why} [{script}]"));
    fails("chmod", "missing operand");
    fails("chmod 644", "missing operand after '644'");
    fails("chmod 999 file", "invalid mode: '999'");
    fails("chmod u+q file", "invalid mode: 'u+q'");
    fails("chmod 644 none", "cannot access 'none': No such file or directory");
    fails("chmod 644 dangling", "cannot operate on dangling symlink 'dangling'");
    fails("chmod 644 file/x", "cannot access 'file/x': Not a directory");
    fails("chmod -w private/x", "'private/x': new permissions are 466, not 444");
    fails("chmod -R --preserve-root 0 /", "it is dangerous to operate recursively on '/'");
    refused(
        "chmod --reference=a b",
        "`--reference=a` of `chmod` is not evaluated",
        "chmod --reference=a b",
    );
    let root = "mode and owner of the root directory cannot be changed in a layer";
    refused("chmod 700 /", root, "chmod 700 /");
}

#[test]
fn owners_are_changed() {
    check("chown 107:107 file", "file 644 107:107");
    check("chown 107 file", "file 644 107:0");
    check("chown me file", "file 644 1000:0");
    check("chown me: file", "file 644 1000:1000");
    check("chown me:staff file", "file 644 1000:50");
    check("chown :staff file", "file 644 0:50");
    check("chown +7:+8 file", "file 644 7:8");
    check("chown : file", "");
    check("chown '' file", "");
    check("chown 5 link", "data/ 755 5:0");
    check("chown -h 5 link", "link->data 5:0");
    check("chown -R 5:5 link", "link->data 5:5");
    check(
        "chown -R 5:5 data/sub",
        "data/sub/ 750 5:5, data/sub/back->../a 5:5, data/sub/x 600 5:5",
    );
    check("chown 5 suid", "suid 755 5:0");
    check("chown root:root home/me/own", "home/me/own 644");
    check("chown --recursive --no-dereference me home/me/own", "");
    check("chown 5 data/sub/back", "data/a 644 5:0");
}

#[test]
fn owners_that_cannot_be_changed() {
    let fails =
        |script: &str, why: &str| check(script, &format!("`chown` fails: {why} [{script}]"));
    fails("chown", "missing operand");
    fails("chown me", "missing operand after 'me'");
    fails("chown nobody file", "invalid user: 'nobody'");
    fails("chown me:wheel file", "invalid group: 'me:wheel'");
    fails("chown 5: file", "invalid spec: '5:'");
    fails("chown 4294967295 file", "invalid user: '4294967295'");
    fails("chown 5 none", "cannot access 'none': No such file or directory");
    fails("chown 5 dangling", "cannot dereference 'dangling': No such file or directory");
    fails("chown -R --preserve-root 5 /", "it is dangerous to operate recursively on '/'");
    refused(
        "chown --from=1 2 file",
        "`--from=1` of `chown` is not evaluated",
        "chown --from=1 2 file",
    );
}

#[test]
fn files_are_touched() {
    check("touch new", "new 644");
    check("touch file", "");
    check("touch a b", "a 644, b 644");
    check("touch -c none", "");
    check("touch -c dangling", "");
    check("touch link/new", "data/new 644");
    check("mkdir none && touch dangling", "none/ 755, none/where 644");
    check("touch shared/new", "shared/new 644 0:50");
    check("touch data", "");
    check("touch data/", "");
    check("touch -", "");
    check("touch -am new", "new 644");
    let fails =
        |script: &str, why: &str| check(script, &format!("`touch` fails: {why} [{script}]"));
    fails("touch", "missing file operand");
    fails("touch none/x", "cannot touch 'none/x': No such file or directory");
    fails("touch dangling", "cannot touch 'dangling': No such file or directory");
    fails("touch new/", "setting times of 'new/': No such file or directory");
    fails("touch file/", "cannot touch 'file/': Not a directory");
    fails("touch ''", "cannot touch '': No such file or directory");
    fails("touch loop", "cannot touch 'loop': Too many levels of symbolic links");
    refused("touch -d now x", "`-d` of `touch` is not evaluated", "touch -d now x");
}

#[test]
fn files_are_removed() {
    check("rm file", "-file");
    check("rm file data/a", "-file, -data/a");
    check("rm link", "-link");
    check("rm -r link", "-link");
    check("rm -r data", "-data");
    check("rm -R data/sub", "-data/sub");
    check("rm -rf data && mkdir data", "opaque data");
    check("rm -rf data && touch data", "data 644");
    check("rm -f none", "");
    check("rm -f", "");
    check("rm -rf none/x file/x", "");
    check("rm -d empty", "-empty");
    check("rm dangling loop", "-dangling, -loop");
    check("rm data/*.txt", "-data/b.txt, -data/c.txt");
    check(
        "rm -rf data/* data/.[!.]*",
        "-data/.hidden, -data/a, -data/b.txt, -data/c.txt, -data/sub",
    );
    check("touch new && rm new", "");
    check("rmdir empty", "-empty");
    check("rm -rf /tmp/*", "-tmp/theirs");
    check("rm -r data/sub/../../empty", "-empty");
}

#[test]
fn files_that_cannot_be_removed() {
    let fails = |script: &str, why: &str| check(script, &format!("`rm` fails: {why} [{script}]"));
    fails("rm", "missing operand");
    fails("rm none", "cannot remove 'none': No such file or directory");
    fails("rm file/x", "cannot remove 'file/x': Not a directory");
    fails("rm data", "cannot remove 'data': Is a directory");
    fails("rm -f data", "cannot remove 'data': Is a directory");
    fails("rm -d data", "cannot remove 'data': Directory not empty");
    fails("rm -r link/", "cannot remove 'link/': Not a directory");
    fails("rm link/", "cannot remove 'link/': Is a directory");
    fails("rm -rf .", "refusing to remove '.' or '..' directory");
    fails("rm -rf data/..", "refusing to remove '.' or '..' directory");
    fails("rm -rf data/../", "refusing to remove '.' or '..' directory");
    fails("rm -rf /", "it is dangerous to operate recursively on '/'");
    fails("rm -rf data/../../..//", "refusing to remove '.' or '..' directory");
    refused("rm -i file", "`-i` of `rm` is not evaluated", "rm -i file");
    let fails =
        |script: &str, why: &str| check(script, &format!("`rmdir` fails: {why} [{script}]"));
    fails("rmdir", "missing operand");
    fails("rmdir data", "failed to remove 'data': Directory not empty");
    fails("rmdir file", "failed to remove 'file': Not a directory");
    fails("rmdir link/", "failed to remove 'link/': Not a directory");
    fails("rmdir .", "failed to remove '.': Invalid argument");
    fails("rmdir empty/..", "failed to remove 'empty/..': Directory not empty");
    fails("rmdir /", "failed to remove '/': Device or resource busy");
    fails("rmdir none", "failed to remove 'none': No such file or directory");
}

#[test]
fn users_may_do_what_is_theirs() {
    check_me("mkdir new", "home/me/new/ 755 1000:1000");
    check_me("touch new", "home/me/new 644 1000:1000");
    check_me("ln -s x new", "home/me/new->x 1000:1000");
    check_me("mkdir -p /usr/bin", "");
    check_me("mkdir -p /home/me/a/b", "home/me/a/ 755 1000:1000, home/me/a/b/ 755 1000:1000");
    check_me("touch /tmp/new", "tmp/new 644 1000:1000");
    check_me("touch /tmp/theirs", "");
    check_me("chmod 600 own", "home/me/own 600 1000:1000");
    check_me("chown me:staff own", "home/me/own 644 1000:50");
    check_me("rm theirs", "-home/me/theirs");
    check_me("chmod 700 locked && rm -r locked", "-home/me/locked");
    check_me("mkdir new && chmod 2755 new", "home/me/new/ 2755 1000:1000");
    check_me("chmod -R u+rwX locked", "home/me/locked/ 700 1000:1000");
    check_me("rm -rf private/*", "");
    let check_me = |script: &str, error: &str| {
        check_me(script, &format!("{error} [{script}]"));
    };
    check_me("mkdir /opt", "`mkdir` fails: cannot create directory '/opt': Permission denied");
    check_me(
        "mkdir -p /usr/share/x",
        "`mkdir` fails: cannot create directory '/usr/share': Permission denied",
    );
    check_me(
        "mkdir /private/x",
        "`mkdir` fails: cannot create directory '/private/x': Permission denied",
    );
    check_me("touch /file", "`touch` fails: cannot touch '/file': Permission denied");
    check_me("touch /usr/new", "`touch` fails: cannot touch '/usr/new': Permission denied");
    check_me("touch /private/x", "`touch` fails: cannot touch '/private/x': Permission denied");
    check_me(
        "chmod 777 /file",
        "`chmod` fails: changing permissions of '/file': Operation not permitted",
    );
    check_me(
        "chown me /file",
        "`chown` fails: changing ownership of '/file': Operation not permitted",
    );
    check_me(
        "chown root own",
        "`chown` fails: changing ownership of 'own': Operation not permitted",
    );
    check_me(
        "chown :root own",
        "`chown` fails: changing ownership of 'own': Operation not permitted",
    );
    check_me("rm /file", "`rm` fails: cannot remove '/file': Permission denied");
    check_me(
        "rm -f /tmp/theirs",
        "`rm` fails: cannot remove '/tmp/theirs': Operation not permitted",
    );
    check_me("rm -rf locked", "`rm` fails: cannot remove 'locked': Permission denied");
    check_me(
        "chmod -R 755 /private",
        "`chmod` fails: changing permissions of '/private': Operation not permitted",
    );
    check_me(
        "ln -sf x /file",
        "`ln` fails: failed to create symbolic link '/file': Permission denied",
    );
}

#[test]
fn commands_are_joined() {
    check("mkdir a && mkdir b", "a/ 755, b/ 755");
    check("mkdir a; mkdir b;", "a/ 755, b/ 755");
    check("mkdir a\nmkdir b\n", "a/ 755, b/ 755");
    check("mkdir a &&\n\n mkdir b", "a/ 755, b/ 755");
    check("mkdir a \\\n b", "a/ 755, b/ 755");
    check("mkdir a # && mkdir b", "a/ 755");
    check("# nothing\n\n", "");
    check("mkdir a#b", "a#b/ 755");
    check("false || mkdir a", "a/ 755");
    check("true || mkdir a", "");
    check("false && mkdir a || mkdir b", "b/ 755");
    check("true && false || mkdir b && mkdir c", "b/ 755, c/ 755");
    check("mkdir data; true", "");
    check("false; mkdir a", "a/ 755");
    check(":", "");
    check("$EMPTY", "");
    check("$EMPTY mkdir a", "a/ 755");
    check("true && false", "`false` fails [false]");
    check(
        "mkdir a && mkdir data && mkdir b",
        "`mkdir` fails: cannot create directory 'data': File exists [mkdir data]",
    );
    check("set -e; false; true", "`false` fails [false]");
    check("set -eux; mkdir a; false || true; mkdir b", "a/ 755, b/ 755");
    check("set -e; false && true; mkdir a", "a/ 755");
    check("set -e; true && false; mkdir a", "`false` fails [false]");
    check("set -e; set +e; false; true", "");
    check("set -o errexit -o pipefail; false; true", "`false` fails [false]");
    check("set", "");
    check("set -u; mkdir $NONE", "NONE: parameter not set [$NONE]");
    check("set -u; mkdir ${NONE-a}${NONE+x}", "a/ 755");
    check("set -f; touch data/*.txt", "data/*.txt 644");
    check("&& true", "a command is missing [&]");
    check("true &&", "a command is missing []");
    check("true ;; true", "a command is missing [;]");
    check("; true", "a command is missing [;]");
    check("true\n&& true", "a command is missing [&]");
}

#[test]
fn words_are_expanded() {
    check("mkdir -p $DIR", "opt/ 755, opt/x/ 755");
    check("mkdir -p ${DIR}y \"$DIR/z\"", "opt/ 755, opt/x/ 755, opt/x/z/ 755, opt/xy/ 755");
    check("mkdir '$DIR' \\$x", "$DIR/ 755, $x/ 755");
    check("mkdir $LIST", "a/ 755, b/ 755, c/ 755");
    check("mkdir \"$LIST\"", "a  b\tc/ 755");
    check("mkdir x$LIST", "b/ 755, c/ 755, xa/ 755");
    check("mkdir ${NONE:-a b}", "a/ 755, b/ 755");
    check("mkdir ${NONE:-'a b'}", "a b/ 755");
    check("mkdir \"${NONE:-a b}\"", "a b/ 755");
    check("mkdir \"${NONE:-'a'}\"", "'a'/ 755");
    check("mkdir \"${NONE:-\\}}\"", "}/ 755");
    check("mkdir ${EMPTY:-a} x${EMPTY-b}", "a/ 755, x/ 755");
    check("mkdir ${DIR:+a} ${NONE+b} ${EMPTY+c} ${EMPTY:+d}", "a/ 755, c/ 755");
    check("mkdir ${NONE:-${EMPTY:-${DIR##*/}}}", "x/ 755");
    check(
        "mkdir ${DIR:?must be set}x ",
        "`mkdir` fails: cannot create directory '/opt/xx': No such file or directory [mkdir ${DIR:?must be set}x]",
    );
    check("mkdir ${NONE?must be set}", "NONE: must be set [${NONE?must be set}]");
    check("mkdir ${EMPTY:?}", "EMPTY: parameter not set [${EMPTY:?}]");
    check(
        "f=a.tar.gz; mkdir ${f%.*} ${f%%.*}x ${f#*.} ${f##*.}",
        "a.tar/ 755, ax/ 755, gz/ 755, tar.gz/ 755",
    );
    check("f=aXb; mkdir \"${f#'a'}\" ${f%[!a-z]b}", "Xb/ 755, a/ 755");
    check("f='a*b'; p='a*'; mkdir ${f#\"$p\"} ${f##$p}x", "b/ 755, x/ 755");
    check("f=ab; mkdir ${f%c} ${f#x}y", "ab/ 755, aby/ 755");
    check("mkdir a$ \"b$\" $/", "$/ 755, a$/ 755, b$/ 755");
    check("mkdir \"\\a\\$b\"", "\\a$b/ 755");
    check("mkdir 'it'\\''s'", "it's/ 755");
    check("mkdir $PWD/a ${PWD}b", "a/ 755, b/ 755");
    check("d=new; mkdir $d && touch \"$d/x\"", "new/ 755, new/x 644");
    check("a=1 b=$a; mkdir $b", "1/ 755");
    check("d='a b'; e=$d; mkdir $e", "a/ 755, b/ 755");
    check("DIR=x; mkdir $DIR", "x/ 755");
    check("mkdir \\", "\\/ 755");
    check("mkdir a\\\nb", "ab/ 755");
}

#[test]
fn patterns_become_paths() {
    check("chmod 777 data/*.txt", "data/b.txt 777, data/c.txt 777");
    check("chmod 777 $STAR", "data/b.txt 777, data/c.txt 777");
    check("chmod 777 \"$STAR\" || true", "");
    check("chmod 777 data/[ab]*", "data/a 777, data/b.txt 777");
    check("chmod 777 data/[!ab]*", "data/c.txt 777, data/sub/ 777");
    check("chmod 777 data/?.txt", "data/b.txt 777, data/c.txt 777");
    check("chmod 777 data/.h*", "data/.hidden 777");
    check("chmod 711 data/*/", "data/sub/ 711");
    check("chmod 777 */a", "data/a 777");
    check("touch *.none", "*.none 644");
    check("touch '*'.none \\*", "* 644, *.none 644");
    check("touch data/'*'.txt", "data/*.txt 644");
    check("chmod 600 /dat*/a", "data/a 600");
    check("ln -s data/?.txt empty", "empty/b.txt->data/b.txt, empty/c.txt->data/c.txt");
    check("mkdir [", "[/ 755");
    check_me("chmod 777 /private/* || true", "");
}

#[test]
fn what_only_a_shell_understands_is_refused() {
    let not = |what: &str| format!("{what} is not understood");
    let known = "mkdir, ln, chmod, chown, touch, rm, rmdir, true, false";
    let among = |name: &str| format!("`{name}` is not among {known}");
    refused("apt-get update && true", &among("apt-get"), "apt-get update");
    refused("if true", &among("if"), "if true");
    refused("cd /tmp", &among("cd"), "cd /tmp");
    refused("! true", &among("!"), "! true");
    refused("{ true", &among("{"), "{ true");
    refused("/sbin/mkdir x", &among("/sbin/mkdir"), "/sbin/mkdir x");
    refused("/bin/:", &among("/bin/:"), "/bin/:");
    refused("true | true", &not("a pipe"), "|");
    refused("true & true", &not("a command in the background"), "&");
    refused("true > x", &not("a redirection"), ">");
    refused("true 2>&1", &not("a redirection"), ">");
    refused("true < x", &not("a redirection"), "<");
    refused("(true)", &not("a parenthesis"), "(");
    refused("f() true", &not("a parenthesis"), "(");
    refused("mkdir $(id)", &not("a command substitution"), "$(");
    refused("mkdir \"$(id)\"", &not("a command substitution"), "$(");
    refused("mkdir `id`", &not("a command substitution"), "`");
    refused("mkdir \"`id`\"", &not("a command substitution"), "`");
    refused("mkdir $1", &not("the parameter `$1`"), "$1");
    refused("mkdir \"$@\"", &not("the parameter `$@`"), "$@");
    refused("mkdir $?", &not("the parameter `$?`"), "$?");
    refused("mkdir $'a'", &not("`$'`"), "$'");
    refused("mkdir $\"a\"", &not("`$\"`"), "$\"");
    refused("mkdir ${#DIR}", &not("this substitution"), "${");
    refused("mkdir ${DIR:=x}", &not("this substitution"), "${DIR:=");
    refused("mkdir ${DIR/a/b}", &not("this substitution"), "${DIR/");
    refused("mkdir \"${DIR:-\"a\"}\"", &not("a quote inside of a quoted `${…}`"), "\"");
    refused("mkdir $HOME", &not("`$HOME`"), "$HOME");
    refused("mkdir ${UID:-0}", &not("`$UID`"), "${UID:-0}");
    refused("mkdir ~/x", &not("`~`"), "~/x");
    refused("x=~", &not("`~`"), "x=~");
    refused("mkdir ${NONE:-~}", &not("`~`"), "~");
    refused("mkdir {a,b}", &not("a list in braces"), "{a,b}");
    refused("mkdir a{1..3}", &not("a list in braces"), "a{1..3}");
    refused("x=*", &not("a pattern in a value"), "x=*");
    refused("IFS=:", &not("a value for `IFS`"), "IFS=:");
    refused("x=1 mkdir a", &not("a value for `x` in front of a command"), "mkdir");
    refused("set -n", &not("`set -n`"), "set -n");
    refused("set -- a", &not("`set --`"), "set -- a");
    refused("rm .*", &not("a pattern that means `.` and `..` to some shells"), ".*");
    refused("rm [^a]*", &not("`[^`"), "[^a]*");
    refused("rm [[:alpha:]]", &not("a class of characters"), "[[:alpha:]]");
    check("mkdir 'a", "a quote is not closed [']");
    check("mkdir \"a", "a quote is not closed [\"]");
    check("mkdir ${a", "`${` is not closed by `}` [${]");
    check("f=é; mkdir ${f#?}", "a character would be cut apart [?]");
}

#[test]
fn what_would_never_end_is_refused() {
    let nested = format!("mkdir {}a{}", "${x:-".repeat(30), "}".repeat(30));
    assert!(outcome(Line::Shell(&nested), "root", "").starts_with("substitutions are nested"));
    let doubled = format!("a=xxxxxxxx{}; mkdir $a", "; a=$a$a".repeat(30));
    assert!(outcome(Line::Shell(&doubled), "root", "").starts_with("the value is longer"));
    let text = format!("a={}{}", "x".repeat(100_000), "; b=$a".repeat(1000));
    assert!(outcome(Line::Shell(&text), "root", "").starts_with("this expands to too much"));
    let paths = format!("touch {}", "data/../*/".repeat(30));
    assert!(!outcome(Line::Shell(&paths), "root", "").is_empty());
    let paths = format!("touch {}", "*/../".repeat(30));
    assert!(outcome(Line::Shell(&paths), "root", "").starts_with("this expands to too much"));
}

#[test]
fn exec_form_and_shells() {
    let exec = |line: &str| {
        let words: Vec<String> = line.split('|').map(str::to_owned).collect();
        outcome(Line::Exec(&words), "root", "")
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
    let shell = |shell: &str| outcome(Line::Shell("false; true"), "root", shell);
    assert_eq!(shell("/bin/sh -c"), "");
    assert_eq!(shell("/bin/bash -eo pipefail -c"), "`false` fails [false]");
    assert!(shell("/bin/zsh -c").starts_with(
        "RUN is evaluated, not executed; `/bin/zsh` of the shell `/bin/zsh -c` is not understood"
    ));
}

#[test]
fn the_working_directory_must_exist() {
    let (accounts, variables) = (Accounts::default(), BTreeMap::new());
    let identity = accounts.identity("").unwrap();
    let context = Context {
        variables: &variables,
        directory: "/no/where",
        identity: &identity,
        accounts: &accounts,
        shell: &[],
    };
    let error = evaluate(&mut Tree::new(), Line::Shell("true"), &context).unwrap_err();
    assert_eq!(error.message, "the working directory `/no/where` does not exist");
    assert_eq!((error.range, error.help.as_str()), (0..4, "make it with WORKDIR"));
}

#[test]
fn flags_are_refused_by_name() {
    let error = refuse_flag("--mount=type=cache,target=/x", 4..10);
    assert_eq!(error.message, "RUN is evaluated, not executed; it has no use for `--mount`");
    assert_eq!(error.help, "COPY what the command needs, or use `--build-context`");
    let error = refuse_flag("--network=none", 0..2);
    assert_eq!(error.help, "leave it out; nothing is executed");
}
