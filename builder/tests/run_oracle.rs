//! RUN lines are evaluated as `sh` and GNU coreutils of this machine execute them: the same script
//! leaves the same files, and fails with the same words.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use diskette_builder::frontend::dockerfile::run::{
    RunContext, RunError, RunLine, evaluate_run_line,
};
use diskette_builder::frontend::dockerfile::tree::{
    Accounts, Tree, TreeNode, TreeNodeKind, UserIdentity,
};
use diskette_builder::oci::tar::Owner;

const ROOT: Owner = Owner { uid: 0, gid: 0 };
const USER: Owner = Owner { uid: 1000, gid: 1000 };

/// What every script finds.
const SETUP: &str = "
    mkdir -p data/sub empty usr/bin private shared sticky
    touch file suid data/a data/b.txt data/c.txt data/.hidden data/sub/x private/x sticky/theirs
    ln -s usr/bin bin; ln -s data link; ln -s none/where dangling; ln -s loop loop
    ln -s ../a data/sub/back
    chmod 6755 suid; chmod 2775 shared; chmod 640 data/b.txt; chmod 600 data/c.txt data/sub/x
    chmod 750 data/sub; chmod 1777 sticky; chmod 666 private/x sticky/theirs; chmod 700 private
";

/// What root adds for another user, who then is in `home`.
const HOME: &str = "
    mkdir -p home/locked; touch home/own home/theirs home/locked/x
    chown -R 1000:1000 home; chown 0:0 home/theirs; chmod 0 home/locked
    chown 0:50 shared; mkdir sticky/mine; chown 1000 sticky/mine
";

/// What anybody may do.
const SCRIPTS: &[&str] = &[
    "mkdir new",
    "mkdir data",
    "mkdir file",
    "mkdir link",
    "mkdir dangling/",
    "mkdir a/b",
    "mkdir file/b",
    "mkdir ''",
    "mkdir .",
    "mkdir new/.",
    "mkdir none/../b",
    "mkdir loop/x",
    "mkdir",
    "mkdir -p new/deep/er",
    "mkdir -p data",
    "mkdir -p file",
    "mkdir -p file/b/c",
    "mkdir -p dangling/b",
    "mkdir -p new/../other",
    "mkdir -p link/new/",
    "mkdir -p a//b/./c/",
    "mkdir -m 700 new",
    "mkdir -pm 1777 new/deep",
    "mkdir --parents --mode=u=rwx,go= new/deep",
    "mkdir -m 5755 new",
    "mkdir -m +t new",
    "mkdir -m g-w,o= new",
    "mkdir -m o=g,u+s new shared/new",
    "ln -sf '' file",
    "touch loop/ none/x/",
    "mkdir -m 9 new",
    "mkdir -p -m 700 data",
    "mkdir new -m700 other",
    "mkdir -- -p",
    "mkdir shared/new",
    "mkdir -m 700 shared/new",
    "mkdir -m 00700 shared/new",
    "mkdir -m 4755 shared/new",
    "mkdir new data other",
    "ln -s target new",
    "ln -s ../x",
    "ln -s",
    "ln -s x file",
    "ln -sn x link",
    "ln -s x none/y",
    "ln -s '' y",
    "ln -s x new/",
    "ln -s p q data",
    "ln -s /a/libc.so empty/",
    "ln -s dir/ empty",
    "ln -s new link",
    "ln -sfn new link",
    "ln -sfT new link",
    "ln -sfT x data",
    "ln -sf data/a data",
    "ln -sf new file",
    "ln -sf new dangling",
    "ln -sf dangling link/new",
    "ln -s a b none",
    "ln -s a b file",
    "ln -st empty a b",
    "ln -sT a b c",
    "ln -sT a",
    "ln -s new shared/new",
    "ln -s self self",
    "chmod 600 file",
    "chmod",
    "chmod 644",
    "chmod 999 file",
    "chmod u+q file",
    "chmod 644 none",
    "chmod 644 dangling",
    "chmod 644 file/x",
    "chmod -w private/x; true",
    "chmod file -x",
    "chmod u+x,go-r file",
    "chmod +x file",
    "chmod a=r file data/a",
    "chmod 700 link",
    "chmod -R 700 data",
    "chmod -R go+rX link",
    "chmod -R a-w,a+X data/sub",
    "chmod 755 shared",
    "chmod 0755 shared",
    "chmod 00755 shared",
    "chmod = shared",
    "chmod g=u,o=g-w file",
    "chmod u=rwx,g=rxs,o=t suid",
    "chmod 644 suid",
    "chmod -x suid",
    "chmod u-s suid",
    "chmod =rw,+X suid",
    "chmod -R =755 shared",
    "chmod --recursive o= empty",
    "touch new",
    "touch file link/new",
    "touch -c none dangling",
    "touch",
    "touch none/x",
    "touch dangling",
    "mkdir none && touch dangling",
    "touch new/",
    "touch file/",
    "touch data/",
    "touch ''",
    "touch loop",
    "touch shared/new",
    "touch -",
    "rm file",
    "rm",
    "rm none",
    "rm file/x",
    "rm data",
    "rm -f data",
    "rm -d data",
    "rm -d empty",
    "rm link",
    "rm -r link",
    "rm link/",
    "rm -r data",
    "rm -rf .",
    "rm -rf data/..",
    "rm -rf data/../",
    "rm -rf none/x file/x",
    "rm -f",
    "rm -f ''",
    "rm file none data/a",
    "rm dangling loop",
    "rm data/*.txt",
    "rm -rf data/* data/.[!.]*",
    "rm -r data/sub/../../empty",
    "rmdir empty",
    "rmdir data",
    "rmdir file",
    "rmdir .",
    "rmdir empty/..",
    "rmdir none",
    "mkdir a && mkdir b",
    "false || mkdir a",
    "false && mkdir a || mkdir b",
    "true && false || mkdir b && mkdir c",
    "mkdir data; true",
    "set -e; false && true; mkdir a",
    "set -e; mkdir data; mkdir a",
    "set -eux; mkdir a; false || true; mkdir b",
    "set -f; touch data/*.txt",
    "set -u; mkdir ${NONE-a}${NONE+x}",
    "mkdir a # b",
    "mkdir a#b",
    "mkdir $LIST",
    "mkdir \"$LIST\" x$LIST\"y\"",
    "mkdir ${NONE:-a b} \"${NONE:-c d}\" ${NONE:-'e f'}",
    "mkdir \"${NONE:-'a'}\" \"${NONE:-\\}}\"",
    "mkdir ${EMPTY:-a} x${EMPTY-b} ${LIST:+c} ${NONE+d} ${EMPTY+e}",
    "mkdir ${NONE:-${EMPTY:-${LIST%% *}}}",
    "f=a.tar.gz; mkdir ${f%.*} ${f%%.*}x ${f#*.} ${f##*.}",
    "f=aXb; mkdir \"${f#'a'}\" ${f%[!a-z]b}",
    "f='a*b'; p='a*'; mkdir ${f#\"$p\"} ${f##$p}x",
    "mkdir a$ \"b$\" \"\\a\\$b\" 'it'\\''s'",
    "mkdir a\\\nb \\\n c",
    "d='a b'; e=$d; mkdir $e",
    "mkdir $EMPTY",
    "mkdir \"$EMPTY\"",
    "$EMPTY mkdir a",
    "chmod 711 */",
    "chmod 711 */a",
    "chmod 711 data/[!ab]*",
    "chmod 711 data/?.txt data/.h*",
    "touch *.none '*'.x",
    "touch [ []a] [!]",
    "p='data/*.txt'; rm $p; touch \"$p\"",
    "mkdir é ö; rmdir ?? ",
    "touch B a C b; rm [a-c]",
];

/// What root does.
const OF_ROOT: &[&str] = &[
    "chown 107:107 file",
    "chown 107 file",
    "chown +7:+8 file",
    "chown :50 file",
    "chown : suid",
    "chown '' file",
    "chown",
    "chown 5",
    "chown 5: file",
    "chown no-such-user-here file",
    "chown 5:no-such-group-here file",
    "chown 5 none",
    "chown 5 dangling",
    "chown 5 link",
    "chown -h 5 link",
    "chown -R 5:5 link",
    "chown -R 5:5 data",
    "chown 5 suid",
    "chown 0 suid",
    "chmod g-x suid; chown 5 suid",
    "chown 5:5 shared",
    "chown root:root file",
    "chown -h 5 dangling loop",
    "mkdir home/new; touch home/locked/y",
];

/// What a user does in his directory.
const OF_USER: &[&str] = &[
    "mkdir new && touch new/x && ln -s x new/l",
    "mkdir -p ../usr/bin",
    "mkdir ../opt",
    "mkdir -p ../usr/share/x",
    "mkdir ../private/x",
    "touch ../file",
    "touch ../usr/new",
    "touch ../private/x",
    "touch ../sticky/new",
    "touch ../sticky/theirs",
    "touch theirs",
    "chmod 600 own",
    "chmod 600 theirs",
    "chmod -R 755 ../private",
    "chmod -R u+rwX locked",
    "chmod -R 0 .",
    "chown 1000 own",
    "chown 1000:1000 own",
    "chown 0 own",
    "chown :0 own",
    "chown 1000 theirs",
    "chown -R 1000 locked",
    "rm theirs",
    "rm ../file",
    "rm -f ../sticky/theirs",
    "rm -r ../sticky/mine",
    "rm -rf locked",
    "rm -rf ../private ../usr",
    "chmod 700 locked && rm -r locked",
    "chmod 500 locked && rm -r locked",
    "ln -sf x ../file",
    "ln -sf x theirs",
    "rm -rf ../private/*",
    "mkdir ../shared/new",
    "mkdir locked/x",
    "rmdir locked",
    "mkdir a && chmod 2755 a && mkdir a/b",
];

/// Where and as whom a script is run.
struct Scene<'a> {
    /// A script of root's that goes before; empty for those who are not root.
    setup: String,
    directory: &'a str,
    owner: Owner,
}

/// What there is after a script, a line for each path, and the first thing that was said.
type Outcome = (Vec<String>, Option<String>);

impl Scene<'_> {
    fn check(&self, scripts: &[&str]) {
        let prepared = tempfile::tempdir().unwrap();
        fs::set_permissions(prepared.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(shell(&self.setup, prepared.path()).status().unwrap().success());
        let mut different = String::new();
        for script in scripts {
            let (real, ours) = (self.execute(prepared.path(), script), self.evaluate(script));
            if real != ours {
                let missing = real.0.iter().filter(|line| !ours.0.contains(line));
                let extra = ours.0.iter().filter(|line| !real.0.contains(line));
                writeln!(different, "{script}\n  sh:   {:?}\n  ours: {:?}", real.1, ours.1)
                    .unwrap();
                missing.for_each(|line| writeln!(different, "  sh has {line}").unwrap());
                extra.for_each(|line| writeln!(different, "  we have {line}").unwrap());
            }
        }
        assert!(different.is_empty(), "{different}");
    }

    fn execute(&self, prepared: &Path, script: &str) -> Outcome {
        let scratch = tempfile::tempdir().unwrap();
        fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
        let root = scratch.path().join("root");
        let copied = Command::new("cp").arg("-a").arg(prepared).arg(&root).status();
        assert!(copied.unwrap().success());
        let mut command = shell(script, &root.join(self.directory));
        if self.owner == USER {
            command.uid(USER.uid).gid(USER.gid);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        // `set -x` writes there, too.
        let said = said.lines().find(|line| !line.starts_with('+')).unwrap_or_default();
        let mut lines = Vec::new();
        list(&root, "", &mut lines);
        (lines, (!output.status.success()).then(|| said.to_owned()))
    }

    fn evaluate(&self, script: &str) -> Outcome {
        let mut tree = Tree::new();
        let accounts = Accounts::default();
        let root = if self.owner == USER { ROOT } else { self.owner };
        let node = TreeNode::new(TreeNodeKind::Directory, 0o755, root);
        tree.put_unrecorded("", node).unwrap();
        let mut run = |script: &str, directory: &str, owner| -> Result<(), RunError> {
            let context = RunContext {
                variables: &variables(),
                directory,
                identity: &UserIdentity { owner, groups: Vec::new() },
                accounts: &accounts,
                shell: &[],
            };
            evaluate_run_line(&mut tree, RunLine::Shell(script), &context)
        };
        run(&self.setup, "", root).unwrap();
        let said = run(script, self.directory, self.owner).err().map(|error| {
            let message = error.message.replacen('`', "", 1).replacen("` fails", "", 1);
            if message == "false" { String::new() } else { message }
        });
        let lines = tree.below("").map(|(path, node)| {
            let (kind, mode) = match &node.kind {
                TreeNodeKind::Directory => ("directory".to_owned(), node.mode),
                TreeNodeKind::Symlink(target) => (format!("link {target}"), 0o777),
                _ => ("file".to_owned(), node.mode),
            };
            format!("{path} {kind} {mode:o} {}:{}", node.owner.uid, node.owner.gid)
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        (lines, said)
    }
}

/// Returns a command that runs a script in a directory.
fn shell(script: &str, directory: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("umask 022\n{script}")).current_dir(directory).env_clear();
    command.env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").envs(variables());
    command
}

fn variables() -> BTreeMap<String, String> {
    let variables = [("EMPTY", ""), ("LIST", "a  b\tc")];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Lists what is below a directory, in the order of paths.
fn list(root: &Path, below: &str, lines: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let found = fs::symlink_metadata(root.join(&path)).unwrap();
        let kind = match found.file_type() {
            kind if kind.is_dir() => "directory".to_owned(),
            kind if kind.is_symlink() => {
                format!("link {}", fs::read_link(root.join(&path)).unwrap().display())
            }
            _ => "file".to_owned(),
        };
        let (mode, uid, gid) = (found.mode() & 0o7777, found.uid(), found.gid());
        lines.push(format!("{path} {kind} {mode:o} {uid}:{gid}"));
        if found.is_dir() {
            list(root, &path, lines);
        }
    }
    if below.is_empty() {
        lines.sort();
    }
}

/// Returns who runs the tests.
fn myself() -> Owner {
    let found = tempfile::tempdir().unwrap().path().metadata().unwrap();
    Owner { uid: found.uid(), gid: found.gid() }
}

#[test]
fn scripts_do_what_a_shell_does() {
    Scene { setup: SETUP.into(), directory: "", owner: myself() }.check(SCRIPTS);
}

#[test]
fn users_may_do_what_the_kernel_lets_them() {
    if myself().uid != 0 {
        return; // Only root can be somebody else. CI is root.
    }
    let setup = format!("{SETUP}{HOME}");
    Scene { setup: setup.clone(), directory: "", owner: ROOT }.check(OF_ROOT);
    Scene { setup, directory: "home", owner: USER }.check(OF_USER);
}
