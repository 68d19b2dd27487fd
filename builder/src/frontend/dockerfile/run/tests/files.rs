//! Tests of what commands create and remove.

use super::{check, refused};

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
    check("mkdir -m +t new", "new/ 1755");
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
    fails("mkdir -p dangling/b", "cannot create directory 'dangling': File exists");
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
fn files_have_several_names() {
    check("ln file new", "file 644, new 644");
    check("ln file data; ln -f file suid", "data/file 644, file 644, suid 644");
    check("ln file new; chmod 600 new", "file 600, new 600");
    check("ln file a; ln a b; rm file; chown 7 b", "-file, a 644 7:0, b 644 7:0");
}

#[test]
fn links_that_cannot_be_made() {
    let fails = |script: &str, why: &str| check(script, &format!("`ln` fails: {why} [{script}]"));
    fails("ln -s", "missing file operand");
    fails("ln -s x file", "failed to create symbolic link 'file': File exists");
    fails("ln -sn x link", "failed to create symbolic link 'link': File exists");
    fails("ln -s x none/y", "failed to create symbolic link 'none/y': No such file or directory");
    fails("ln -s '' y", "failed to create symbolic link 'y' -> '': No such file or directory");
    fails(
        "ln -sf '' file",
        "failed to create symbolic link 'file' -> '': No such file or directory",
    );
    fails("ln -s x new/", "failed to create symbolic link 'new/': No such file or directory");
    fails("ln -sfT x data", "data: cannot overwrite directory");
    fails("ln -sf data/a data", "'data/a' and 'data/a' are the same file");
    fails("ln -s a b none", "target 'none': No such file or directory");
    fails("ln -s a b file", "target 'file': Not a directory");
    fails("ln -s -t file a", "target directory 'file': Not a directory");
    fails("ln -sT a b c", "extra operand 'c'");
    fails("ln -sT a", "missing destination file operand after 'a'");
    fails("ln none b", "failed to access 'none': No such file or directory");
    fails("ln data b", "data: hard link not allowed for directory");
    fails("ln file suid", "failed to create hard link 'suid': File exists");
    let link = "a hard link to a symbolic link or device is not evaluated";
    refused("ln link b", link, "ln link b");
    refused("ln -sr a b", "`-r` of `ln` is not evaluated", "ln -sr a b");
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
    check("touch -t 202001010000 new; touch -d @0 b; touch -r file c", "b 644, c 644, new 644");
    let fails =
        |script: &str, why: &str| check(script, &format!("`touch` fails: {why} [{script}]"));
    fails("touch", "missing file operand");
    fails("touch none/x", "cannot touch 'none/x': No such file or directory");
    fails("touch dangling", "cannot touch 'dangling': No such file or directory");
    fails("touch new/", "setting times of 'new/': No such file or directory");
    fails("touch file/", "setting times of 'file/': Not a directory");
    fails("touch ''", "cannot touch '': No such file or directory");
    fails("touch loop", "cannot touch 'loop': Too many levels of symbolic links");
    fails("touch -r none x", "failed to get attributes of 'none': No such file or directory");
    refused("touch -h x", "`-h` of `touch` is not evaluated", "touch -h x");
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
    let slash = "'link/' is a symbolic link; write it without the slash";
    refused("rm -r link/", slash, "rm -r link/");
    fails("rm link/", "cannot remove 'link/': Is a directory");
    fails("rm -rf .", "refusing to remove '.' or '..' directory: skipping '.'");
    fails("rm -rf data/..", "refusing to remove '.' or '..' directory: skipping 'data/..'");
    fails("rm -rf data/../", "refusing to remove '.' or '..' directory: skipping 'data/../'");
    fails("rm -rf /", "it is dangerous to operate recursively on '/'");
    fails(
        "rm -rf data/../../..//",
        "refusing to remove '.' or '..' directory: skipping 'data/../../..//'",
    );
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
