//! RUN lines are evaluated as `sh` and GNU coreutils of this machine execute them: the same script
//! leaves the same files, and fails with the same words.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test fails by panicking, reads files, and says what it skips"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use diskette_builder::frontend::dockerfile::run::{
    NoInputs, RunContext, RunError, RunLine, evaluate_run_line,
};
use diskette_builder::frontend::dockerfile::tree::{
    Accounts, FileNode, Tree, TreeNode, TreeNodeKind, UserIdentity,
};
use diskette_builder::oci::tar::Owner;
use diskette_builder::recipe::SourceLocation;

const ROOT: Owner = Owner { uid: 0, gid: 0 };
const USER: Owner = Owner { uid: 1000, gid: 1000 };

/// What every script finds.
const SETUP: &str = "
    mkdir -p data/sub empty usr/bin private shared sticky
    echo some text > file; printf 'a\\nb\\n' > data/sub/x
    touch suid data/a data/b.txt data/c.txt data/.hidden data/sub/x private/x sticky/theirs
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

/// Scripts about contents, copies and the language of the shell.
const CONTENTS: &[&str] = &[
    "echo a b > x",
    "echo a > x; echo b >> x && echo -n c >>x",
    "printf '%s=%s\\n' a 1 b 2 > x",
    "printf '%d-%i|\\101\\t%%' 7 -3 > x",
    "printf 'a%s' > x",
    "> x",
    ">> file",
    "echo a > none/x",
    "echo a > data",
    "echo a > dangling",
    "echo a 2>/dev/null > x; echo b >&2",
    "echo a | cat > x",
    "cat file data/sub/x > x",
    "cat none file > x",
    "cat < file > x",
    "cat < none",
    "cat file - < data/sub/x > x",
    "echo a | cat - file | cat > x",
    "echo b | tee x y > z",
    "echo b | tee -a file",
    "cat file > suid",
    "cp file new",
    "cp file data",
    "cp file link",
    "cp file dangling",
    "cp file none/x",
    "cp file file",
    "cp file suid",
    "cp suid new",
    "cp -p suid data/b.txt empty",
    "cp -a suid new",
    "cp data new",
    "cp -r data new",
    "cp -r data empty",
    "cp -r data/. empty",
    "cp -a data/. new",
    "cp -r shared new",
    "cp -r empty shared/new",
    "cp -a link new",
    "cp -r link new",
    "cp -r link/ new",
    "cp link/a new",
    "cp -d link new",
    "cp -P dangling new",
    "cp dangling new",
    "cp none file new",
    "cp file none data/a empty",
    "cp file",
    "cp",
    "cp file data/a none",
    "cp -t empty file suid",
    "cp -T file new",
    "cp -T file data",
    "cp -rT data empty",
    "cp -n suid file",
    "cp -f file data/c.txt",
    "cp private/x new",
    "cp file new/",
    "cp -r data/sub data/sub/back empty",
    "cp --preserve=mode,ownership suid new",
    "umask 077; cp file new; cp -r data dir; mkdir d; touch f",
    "umask 0; mkdir d; echo a > f; cp data/b.txt g",
    "umask u=rwx,go=; mkdir d",
    "mv file new",
    "mv file data",
    "mv file data/a",
    "mv file link",
    "mv data empty",
    "mv data new",
    "mv data file",
    "mv file empty",
    "mv -T file empty",
    "mv -T empty data",
    "mv data data/sub",
    "mv link new",
    "mv link/a new",
    "mv none new",
    "mv file none/x",
    "mv file suid data/a empty",
    "mv file suid none",
    "mv file file",
    "mv -n file suid",
    "mv data/sub .",
    "mv empty new/",
    "mv file new/",
    "mv shared data",
    "mv data/* empty",
    "ln file new",
    "ln file new; echo x > new",
    "ln file new; chmod 600 new; rm file",
    "ln file data",
    "ln file suid",
    "ln -f file suid",
    "ln data new",
    "ln none new",
    "ln file none/x",
    "install file new",
    "install -m 640 file new",
    "install -m u=rw,go=r file data",
    "install -D file a/b/c",
    "install -d a/b -m 700",
    "install -d data",
    "install -m 4755 -D file a/b",
    "umask 077; install -D file a/b; install -d c/d",
    "install file suid",
    "install file link",
    "install none new",
    "install data new",
    "install file data/a empty",
    "install -t empty file suid",
    "install file file",
    "install",
    "install file",
    "truncate -s 3 file new",
    "truncate -s 40 file",
    "truncate -s 0 file",
    "truncate -s 1K new",
    "truncate -c -s 1 none",
    "truncate -s 1 none/x",
    "truncate -s 1 data",
    "dd if=file of=new status=none",
    "dd if=file of=data/a bs=1M conv=fsync status=none",
    "dd if=none of=x status=none",
    "cat file | dd of=x status=none",
    "touch -t 202001010000 new; touch -d 2020-01-01 b; touch -r file c",
    "touch -r none c",
    "ls -l file > /dev/null",
    "stat data > /dev/null && mkdir a",
    "if true; then mkdir a; else mkdir b; fi",
    "if false; then mkdir a; elif true; then mkdir b; else mkdir c; fi",
    "if false; then mkdir a; fi; mkdir b",
    "if mkdir data 2>/dev/null; then mkdir a; fi",
    "! false && mkdir a",
    "! true",
    "! mkdir data 2>/dev/null",
    "for i in a 'b c' $LIST; do mkdir \"$i\"; done",
    "for f in data/*.txt none*; do echo $f >> x; done; echo $f >> x",
    "for i in; do mkdir a; done",
    "for i in 1 2; do for j in a b; do echo $i$j; done; done > x",
    "case abc in a*) mkdir a;; *) mkdir b;; esac",
    "case abc in x|ab?) mkdir a;; esac",
    "case $LIST in 'a  b'*) mkdir a; esac",
    "case \"$EMPTY\" in '') mkdir a;; esac",
    "case a.b in *[!a-z.]*) mkdir a;; *.b) mkdir b;; esac",
    "case x in (x) ;; esac; mkdir a",
    "{ echo a; echo b; } > x; { cat; } < x > y",
    "(cd data; echo a > new; mkdir d); mkdir e",
    "(umask 077; x=1; mkdir a); mkdir b$x",
    "(exit 3) || mkdir a",
    "exit 3",
    "mkdir a; exit 0; mkdir b",
    "{ exit 0; }; mkdir a",
    "x=a | true; mkdir x$x",
    "echo a | { read=1; cat > x; }; echo ${read-none} >> x",
    "cd data; mkdir new; cd ..; mkdir other",
    "cd link; cd ..; mkdir new",
    "cd link/sub; cd ../..; mkdir new",
    "cd none; mkdir a",
    "cd data && cd sub && pwd | cat > /dev/null && echo a > here",
    "set -e; if false; then true; fi; mkdir a",
    "set -e; { false; mkdir a; } || mkdir b",
    "set -e; if true; then false; fi; mkdir a",
    "set -e; (false); mkdir a",
    "set -e; ! true; mkdir a",
    "set -e; for i in 1 2; do mkdir $i; false; done; mkdir a",
    "set -e; x=$(false); mkdir a",
    "set -e; mkdir a$(false); mkdir b",
    "set -e; false | true; mkdir a",
    "set -e; case a in a) false;; esac; mkdir a",
    "set -e; true && { false; }; mkdir a",
    "set -e; false && true; true",
    "false | true",
    "true | false",
    "mkdir $(echo a b) \"$(echo c d)\"",
    "x=$(printf 'a\\n\\n'); mkdir x$x",
    "mkdir $(echo \"a)\") `echo b`",
    "mkdir \"$(echo \"a $(echo \"b c\")\")\"",
    "mkdir ${NONE:-$(echo a)} ${LIST:-$(mkdir b)}",
    "x=$(cat file; cat data/sub/x); echo \"$x\" > y; echo $x > z",
    "x=$(cd data; mkdir new); mkdir other",
    "x=$(false) || mkdir a",
    "mkdir $(basename /a/b.c .c) $(basename /a/) a$(dirname x/y) $(dirname x)x",
    "export A=b C; mkdir $A; unset A; mkdir ${A-c}",
    "A=b mkdir ${A-a}",
    "A=b; A=$A$A; mkdir $A",
    "cat > x <<EOF\na $LIST `echo b` \\$c \\\\ $(echo \"d\")\nEOF\nmkdir y",
    "cat <<'EOF' > x\na $LIST `id` \\\\ \\$\nEOF\n",
    "cat <<-EOF > x && mkdir y\n\ta\n\t\tb\n\tEOF\n",
    "cat <<A > x; cat <<B > y\na\nA\nb\nB\n",
    "if true; then\ncat <<A\nx\nA\nfi > y",
    "(cat <<A; echo b) > x\na\nA\n",
    "[ -d data ] && [ ! -e none ] && [ -f file ] && [ -L link ] && [ -h dangling ] && mkdir a",
    "[ -e dangling ] || [ -d file ] || mkdir a",
    "[ -s file ] && [ ! -s data/a ] && [ -r file ] && test -s empty && mkdir a",
    "[ -x data ] && [ ! -x file ] && [ -x suid ] && mkdir a",
    "[ a = a ] && [ a != b ] && [ -z '' ] && [ -n a ] && [ a ] && mkdir a",
    "[ 3 -gt 2 ] && [ 2 -le 2 ] && [ 1 -ne 2 ] && [ ! 1 -eq 2 ] && mkdir a",
    "[ ]",
    "test ''",
    "[ = ]",
    "[ ! '' ] && mkdir a",
    "test -f none && mkdir a; mkdir b",
    "echo '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  x' > s; echo hello > x; sha256sum -c s > /dev/null && mkdir ok",
    "echo hell > x; echo '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03 *x' | sha256sum -c --status || mkdir bad",
    "echo x | sha256sum --status -c 2>/dev/null || mkdir bad",
    "rm -rf data; cp -r empty data; ls data > /dev/null",
    "tar -cf - data | tar -xf - -C empty",
    "tar -c -C data . | tar -x -C empty",
    "chmod 700 data; tar cf - -C data . | tar xf - -C empty",
    "tar cf - data/sub file suid | (cd shared && tar xf -)",
    "(cd data && tar cf - .) | (mkdir new && cd new && tar xpf -)",
    "tar czf - data | tar xzf - -C empty",
    "tar czf - data | gunzip | tar xf - -C empty",
    "tar cf - ./data link dangling | tar xf - -C empty ./data link",
    "tar cf - --exclude=sub --exclude='*.txt' data | tar xf - -C empty",
    "tar cf - --exclude=data/sub/x --exclude 'b*' data | tar xf - -C empty",
    "tar cf - data | tar xf - --exclude=sub -C empty",
    "ln file data/hard; tar cf - file data | tar xf - -C empty; echo more >> empty/file",
    "ln file data/hard; tar cf - data/hard file | tar xf - -C empty; chmod 600 empty/file",
    "tar cf - data | tar xf - -C empty --strip-components=1",
    "tar cf - none file > x; rm x; tar cf - none file | tar xf - -C empty",
    "tar cf - -C none file",
    "tar cf -",
    "tar -cf a.tar data file suid && tar -xf a.tar -C empty && rm a.tar",
    "tar -czf a.tgz data file && tar -xzf a.tgz -C empty data/sub && rm a.tgz",
    "tar cf a.tar . && mkdir new && tar xf a.tar -C new && rm a.tar",
    "tar cf x.tar data; tar xf - -C empty < x.tar; rm x.tar",
    "tar cf - data/../file | tar xf - -C empty",
    "cd data; tar cf - . > x.tar; tar xf x.tar -C ../empty; rm x.tar",
    "cd data; { tar czf - a x.tgz; } > x.tgz; tar xzf x.tgz -C ../empty; rm x.tgz",
    "tar cf - ./data | tar xf - -C empty data/a",
    "tar cf - data | tar xf - -C empty ./data/a",
    "tar cf - ./data | tar xf - -C empty ./data/sub/ .",
    "tar xf none -C empty",
    "tar xf data -C empty",
    "cat data/a file > file",
    "tar cf - --no-recursion data data/a | tar xf - -C empty",
    "umask 077; tar cf - data suid | tar xf - -C empty",
    "umask 077; tar cf - data suid | tar xf - --no-same-permissions -C empty",
    "tar cf - data | tar xOf - data/sub/x > new",
    "mkdir -m 700 empty/data; tar cf - data | tar xf - -C empty",
    "echo x > empty/file; ln -s ../data empty/data; tar cf - file | tar xf - -C empty",
    "ln -s ../file empty/file; tar cf - file | tar xf - -C empty",
    "mkdir empty/file; tar cf - file | tar xf - -C empty",
    "mkdir -p empty/file/x; tar cf - file | tar xf - -C empty",
    "tar cf - data link/ | tar xf - -C empty",
    "mkdir src src/bin; echo x > src/bin/x; chmod 700 src/bin; tar cf - -C src bin | tar xf -",
    "mkdir src src/bin; echo x > src/bin/x; tar cf - -C src bin/x | tar xf -",
    "mkdir src src/bin; echo x > src/bin/x; chmod 700 src/bin; tar cf - -C src . | tar xf - --keep-directory-symlink",
    "mkdir -p src/bin/deep/er; echo x > src/bin/deep/er/x; tar cf - -C src bin/deep/er/x | tar xf -",
    "mkdir -p src/link/sub; echo x > src/link/sub/x; ln -s x src/link/sub/l; tar cf - -C src link/sub | tar xf -",
    "mkdir src src/dangling; echo x > src/dangling/x; tar cf - -C src dangling/x | tar xf -",
    "mkdir src src/dangling; echo x > src/dangling/x; tar cf - -C src dangling | tar xf -",
    "mkdir src src/dangling; tar cf - -C src dangling | tar xf - --keep-directory-symlink",
    "mkdir src src/file; echo x > src/file/x; tar cf - -C src file/x | tar xf -",
    "mkdir src src/file; ln -s x src/file/l; mkdir src/file/d; tar cf - -C src file/l | tar xf -",
    "mkdir src src/file src/file/d; tar cf - -C src file/d | tar xf -",
    "mkdir src src/file; echo x > src/file/x; tar cf - -C src file | tar xf -",
    "mkdir src src/loop; echo x > src/loop/x; tar cf - -C src loop/x | tar xf -",
    "mkdir src src/f; ln -s ../file src/f/bin; ln -s file bin2; mkdir src/bin2; tar cf - -C src bin2 f | tar xf -",
    "mkdir a b; ln -s b a/l; tar cf - -C a l > one.tar; mkdir c c/l; echo x > c/l/x; tar cf - -C c l/x > two.tar; mkdir d d/b; tar xf one.tar -C d; tar xf two.tar -C d; rm *.tar",
    "mkdir a; ln -s ../data a/l; ln -s /nowhere a/n; tar cf - a | tar xf - -C empty",
    "mkdir a; ln file a/h; ln -s ../data a/l; echo x > a/z; tar cf - a file | tar xf - -C empty",
    "mkdir s s/sub; ln suid s/sub/h; echo x > s/sub/x; mkdir new; ln -s ../data new/sub; tar cf - -C s sub/h sub/x | tar xf - -C new",
    "while [ ! -d new ]; do mkdir new; done",
    "until [ -d new ]; do mkdir new; done; mkdir other",
    "while false; do mkdir a; done; mkdir b",
    "while true; do mkdir a || break; done 2>/dev/null; mkdir b",
    "for i in a b c; do for j in x y; do [ $i = b ] && continue 2; mkdir $i$j; done; done",
    "for i in a b c; do for j in x y; do [ $i = b ] && break 9; mkdir $i$j; done; done",
    "break; mkdir a; continue; mkdir b",
    "while true; do exit 3; done; mkdir a",
    "set -e; while false; do true; done; for i in 1; do false || break; done; mkdir a",
    "set -e; while true; do false; mkdir b; done; mkdir a",
    "while mkdir data 2>/dev/null; do :; done && mkdir a",
    "while read -r x; do mkdir $x; done < data/sub/x",
    "printf 'x y z\n  u  v \n' | while read a b; do echo \"<$a|$b>\"; done > new",
    "printf 'a:b:c\nd:e:\n:f\n::\n' | while IFS=: read -r a b; do echo \"<$a|$b>\"; done > new",
    "printf 'a : b\n' | while IFS=': ' read -r a b c; do echo \"<$a|$b|$c>\"; done > new",
    "printf ' a b \n' | while IFS= read -r a; do echo \"<$a>\"; done > new",
    "printf 'a\nb' | while read x; do mkdir $x; done",
    "printf 'a\nb' | while read x || [ -n \"$x\" ]; do mkdir $x; done",
    "{ read a; read b; cat; } < data/sub/x > new; echo $a$b >> new",
    "printf '1\n2\n3\n' | { read a; cat | tee x > y; echo $a > z; }",
    "read x < none; mkdir a",
    "read x < data/a || mkdir b$x",
    "while read a; do read b; mkdir $a$b; done < data/sub/x",
    "printf 'a , b ,\na b ,\na b , \na b c ,\n' | while IFS=' ,' read -r x y; do echo \"<$x|$y>\"; done > z",
    "set -e; for i in 1 2; do [ $i = 1 ] && mkdir a; done; mkdir b",
    "set -e; { false && true; }; if true; then ! true; fi; case a in a) false && true;; esac; mkdir a",
    "set -e; x=1; while [ $x = 1 ]; do x=2; false && true; done; mkdir a",
    "set -e; (false && true); mkdir a",
    "set -e; { false && true; } | cat > x; { true | { false && true; }; }; mkdir a",
    "set -e; { { false && true; }; false; }; mkdir a",
    "{ cd data; echo x; } > new; { cd ..; cat data/a file; } >> data/new",
    "sed -i s/some/any/ file",
    "sed -i 's/t/T/g' file data/sub/x",
    "sed -i -e 's/some/&-\\&/' -e 's/text/[&]/' file; sed -i 2d data/sub/x",
    "sed -i '$d;1s/a/b/' data/sub/x",
    "printf '1\n2\n3\n4' > x; sed -i 2,3d x; printf '1\n2\n3\n4' | sed '2,$s/$/!/' > y",
    "printf '1\n2\n3\n4' | sed '3,2d' > x; printf '1\n2' | sed '$!d' > y; printf '1\n2' | sed '$d' > z",
    "printf '#a\nb\n #c\n' | sed '/^ *#/d' > x; printf 'a\nb\n' | sed '/a/!d' > y",
    "sed -i 's/\\(some\\) \\(text\\)/\\2 \\1/' file",
    "sed -E -i 's/(s)(o?)([a-z]*)/<\\1|\\2|\\3>/g' file",
    "sed -Ei 's/[^a-m]+/-/g; s,-,/,' file",
    "echo baaac | sed 's/a*/x/g' > x; echo abc | sed 's/x*/-/g' > y; echo aaa | sed 's/a\\?/<&>/g' > z",
    "echo 'a.b*c[d]' | sed 's/\\./1/;s/\\*/2/;s/\\[d\\]/3/' > x; echo 'a+b?' | sed -E 's/\\+b\\?/x/' > y",
    "echo 'a+b{2}|(c)' | sed 's/a+b{2}|(c)/x/' > x",
    "echo /usr/lib | sed 's#/usr/#/opt/#;s,lib,a\\,b,' > x; echo a/b | sed 's/\\//-/' > y",
    "echo aXbX1 | sed 's/[[:upper:]]//g; s/[[:digit:]]$/ d/' > x; echo ']-^' | sed 's/[]^-]/x/g' > y",
    "echo 'x  y' | sed 's/[[:space:]]\\+/ /' > x; echo abcabc | sed 's/^abc/x/g;s/c$/y/' > y",
    "printf 'k = v\n' | sed -E 's/^([a-z]+) *= *(.*)$/\\1:\\2/' > x",
    "echo abab | sed 's/\\(a*\\)\\(b*\\)/\\2\\1/g' > x; echo 'é ü' | sed 's/é/e/;s/ /_/' > y",
    "echo a-b | sed 's/-/\\n/' > x; echo a | sed 's/a/\\\\/' > y; echo a | sed '  s/a/b/ ; ; s/b/c/' > z",
    "sed -i s/a/b/ none; mkdir a",
    "sed -i s/a/b/ none file",
    "sed -i s/x/y/ data",
    "sed s/x/y/ data > x",
    "sed s/some/any/ < file > x; sed s/some/any/ none > y",
    "sed -i s/some/any/ suid data/b.txt file; sed -i 's/a/b/' link/sub/x",
    "ln -s file new; sed -i s/some/any/ new",
    "ln file new; sed -i s/some/any/ new",
    "x=$(echo v1.2 | sed 's/^v//'); mkdir $x",
];

/// Scripts that leave other files with busybox, or fail only there: set-ID bits, options that it does
/// not have, and links that it replaces. GNU's results are those that are evaluated.
const BUSYBOX_DIFFERS: &[&str] = &[
    "mkdir .",
    "mkdir -m +t new",
    "mkdir -m o=g,u+s new shared/new",
    "ln -sf '' file",
    "mkdir -m 700 shared/new",
    "mkdir -m 4755 shared/new",
    "ln -sf data/a data",
    "ln -s a b none",
    "ln -st empty a b",
    "ln -sT a",
    "chmod file -x",
    "chmod -R go+rX link",
    "chmod 755 shared",
    "chmod 0755 shared",
    "chmod = shared",
    "chmod u=rwx,g=rxs,o=t suid",
    "chmod -R =755 shared",
    "chmod --recursive o= empty",
    "touch -",
    "rm -d empty",
    "rm link/",
    "rm -rf none/x file/x",
    "chmod 711 */",
    "cp suid new",
    "cp -r shared new",
    "cp -r empty shared/new",
    "cp -t empty file suid",
    "cp --preserve=mode,ownership suid new",
    "mv file file",
    // Debian's busybox is built without --exclude.
    "tar cf - --exclude=sub --exclude='*.txt' data | tar xf - -C empty",
    "tar cf - --exclude=data/sub/x --exclude 'b*' data | tar xf - -C empty",
    "tar cf - data | tar xf - --exclude=sub -C empty",
    "umask 077; tar cf - data suid | tar xf - --no-same-permissions -C empty",
    "mkdir empty/file; tar cf - file | tar xf - -C empty",
    // A directory replaces neither a link nor a file, and there is no --keep-directory-symlink.
    "mkdir src src/bin; echo x > src/bin/x; chmod 700 src/bin; tar cf - -C src bin | tar xf -",
    "mkdir src src/bin; echo x > src/bin/x; chmod 700 src/bin; tar cf - -C src . | tar xf - --keep-directory-symlink",
    "mkdir src src/dangling; echo x > src/dangling/x; tar cf - -C src dangling | tar xf -",
    "mkdir src src/dangling; tar cf - -C src dangling | tar xf - --keep-directory-symlink",
    "mkdir src src/file src/file/d; tar cf - -C src file/d | tar xf -",
    "mkdir src src/file; echo x > src/file/x; tar cf - -C src file | tar xf -",
    "mkdir src src/f; ln -s ../file src/f/bin; ln -s file bin2; mkdir src/bin2; tar cf - -C src bin2 f | tar xf -",
    "sed -i s/some/any/ suid data/b.txt file; sed -i 's/a/b/' link/sub/x",
    "sed s/x/y/ data > x",
    // The archive becomes a part of itself, and `.` is no name of a member.
    "cd data; { tar czf - a x.tgz; } > x.tgz; tar xzf x.tgz -C ../empty; rm x.tgz",
    "tar cf - ./data | tar xf - -C empty ./data/sub/ .",
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
    "cp home/own new; cp -p home/own kept; cp -a home copy",
    "mv home/theirs new; mv home moved",
    "install -o 5 -g 6 file new; install -d -o 7 dir",
    "cp file shared; mkdir shared/d; cp -r data shared/x",
    "tar cf - home | tar xf - -C empty; tar cf - home | tar xf - --no-same-owner -C sticky",
    "tar cf - --owner=7 --group=8 file data | tar xf - -C empty",
    "chown 5:6 file; sed -i s/some/any/ file home/own",
    "chown 5:6 data; tar cf - -C data . | tar xf - -C home",
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
    "cp own new; cp -a theirs copy",
    "cp ../file new; cp ../private/x new",
    "cp -r ../data/sub new",
    "mkdir d; cp own d/a; cp -r ../private d/p; cp -r d e",
    "cp own ../file",
    "echo x > theirs",
    "echo x > own; echo y > ../sticky/theirs",
    "cat theirs > new; cat ../private/x > other",
    "mv own new; mv theirs moved",
    "mv ../file .",
    "mv ../sticky/theirs .",
    "mv locked new",
    "ln own new",
    "install own new; install -m 2755 own other",
    "[ -w theirs ] || [ ! -r ../private/x ] && mkdir a",
    "[ -r theirs ] && [ ! -w theirs ] && mkdir a",
    "truncate -s 1 own; truncate -s 1 theirs",
    "chmod 4755 own; echo x > own",
    "mkdir d; tar cf - own theirs | tar xf - -C d; tar cf - -C .. file suid data/a | tar xf - -C d",
    "mkdir d; umask 077; tar cf - -C .. suid data/a | tar xf - -C d",
    "mkdir d; umask 077; tar cf - -C .. suid data/a shared | tar xpf - -C d",
    "mkdir d; umask 077; chmod 1751 .; tar cf - -C .. suid home/own | tar xf - --preserve-permissions -C d",
    "chmod 2777 .; mkdir d; cd d; tar cpf - -C ../.. suid shared | tar --same-permissions -xf -",
    "mkdir d; chmod 500 d; tar cf - own | tar xpf - -C d",
    "tar cf - -C .. file | tar xf - -C locked",
    "mkdir d d/theirs; ln -s x d/theirs/l; tar cf - -C d theirs/l | tar xf -",
    "mkdir s s/bin s/usr; ln -s x s/bin/l; mkdir s/usr/d; tar cf - -C s bin/l usr/d | tar xf - -C ..",
    "mkdir d; tar cf - ../private own | tar xf - -C d",
    "mkdir d; tar cf - ../data | tar xf - -C d",
    "tar cf - own | tar xf - -C ..",
    "echo some > own; sed -i s/some/any/ own theirs; rm -f d; echo a > d; chmod 600 d; sed -i s/a/b/ d",
    "chmod 2777 .; tar cf - -C .. data/a | tar xf -",
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
    /// Returns a directory with what the scripts find.
    fn prepare(&self) -> tempfile::TempDir {
        let prepared = tempfile::tempdir().unwrap();
        fs::set_permissions(prepared.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(shell(&self.setup, prepared.path()).status().unwrap().success());
        prepared
    }

    fn check(&self, scripts: &[&str]) {
        let prepared = self.prepare();
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
        self.execute_with(shell(script, Path::new(".")), prepared)
    }

    /// Runs a command in a copy of a directory.
    fn execute_with(&self, mut command: Command, prepared: &Path) -> Outcome {
        let scratch = tempfile::tempdir().unwrap();
        fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
        let root = scratch.path().join("root");
        let copied = Command::new("cp").arg("-a").arg(prepared).arg(&root).status();
        assert!(copied.unwrap().success());
        command.current_dir(root.join(self.directory));
        if self.owner == USER {
            command.uid(USER.uid).gid(USER.gid);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        // `set -x` writes there, too.
        let said = said.lines().find(|line| !line.starts_with('+')).unwrap_or_default();
        // dash has words of its own for errors of the kernel.
        let said = said.strip_prefix("sh: 2: ").unwrap_or(said);
        let said = said.replace(": Directory nonexistent", ": No such file or directory");
        let said = match said.strip_suffix(": No such file") {
            Some(said) => format!("{said}: No such file or directory"),
            None => said,
        };
        let mut lines = Vec::new();
        list(&root, "", &mut lines);
        (lines, (!output.status.success()).then_some(said))
    }

    fn evaluate(&self, script: &str) -> Outcome {
        let mut tree = Tree::new();
        let accounts = Accounts::default();
        let root = if self.owner == USER { ROOT } else { self.owner };
        let node = TreeNode::new(TreeNodeKind::Directory, 0o755, root);
        tree.put_unrecorded("", node).unwrap();
        let mut run = |script: &str, directory: &str, owner| -> Result<Vec<String>, RunError> {
            let context = RunContext {
                variables: &variables(),
                directory: &format!("/{directory}"),
                identity: &UserIdentity { owner, groups: Vec::new() },
                accounts: &accounts,
                shell: &[],
                inputs: &NoInputs,
            };
            evaluate_run_line(&mut tree, RunLine::Shell(script), &context)
        };
        run(&self.setup, "", root).unwrap();
        let said = run(script, self.directory, self.owner).err().map(|error| {
            let message = error.message.replacen('`', "", 1).replacen("` fails", "", 1);
            let is_silent =
                ["false", "[", "test"].contains(&message.as_str()) || message.starts_with("the ");
            if is_silent { String::new() } else { message }
        });
        let lines = tree.below("").map(|(path, node)| {
            let (kind, mode) = match &node.kind {
                TreeNodeKind::Directory => ("directory".to_owned(), node.mode),
                TreeNodeKind::Symlink(target) => (format!("link {target}"), 0o777),
                TreeNodeKind::File(file) => (file_line(&content(file)), node.mode),
                TreeNodeKind::Special(_) => ("special".to_owned(), node.mode),
            };
            format!("{path} {kind} {mode:o} {}:{}", node.owner.uid, node.owner.gid)
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        (lines, said)
    }
}

/// Describes a file by its content.
fn file_line(content: &[u8]) -> String {
    format!("file {:?}", String::from_utf8_lossy(content))
}

/// Returns the content of a file that a script has written.
fn content(file: &FileNode) -> Vec<u8> {
    match &file.source.location {
        SourceLocation::Inline(text) => text.to_vec(),
        location => panic!("{location} is not read"),
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
            _ => file_line(&fs::read(root.join(&path)).unwrap()),
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
fn contents_are_those_of_a_shell() {
    Scene { setup: SETUP.into(), directory: "", owner: myself() }.check(CONTENTS);
}

#[test]
fn busybox_leaves_the_same_files() {
    if Command::new("busybox").arg("true").status().is_err() {
        println!("skipped: there is no busybox");
        return;
    }
    let programs = tempfile::tempdir().unwrap();
    let install = ["--install", "-s", programs.path().to_str().unwrap()];
    assert!(Command::new("busybox").args(install).status().unwrap().success());
    let scene = Scene { setup: SETUP.into(), directory: "", owner: myself() };
    let prepared = scene.prepare();
    let mut different = String::new();
    // Debian's busybox has no `install`.
    let scripts = SCRIPTS.iter().chain(CONTENTS);
    for script in scripts.filter(|script| !script.contains("install")) {
        let mut command = Command::new(programs.path().join("sh"));
        command.env_clear().env("PATH", programs.path()).envs(variables());
        command.arg("-c").arg(format!("umask 022\n{script}"));
        let (real, ours) = (scene.execute_with(command, prepared.path()), scene.evaluate(script));
        let is_same = real.0 == ours.0 && real.1.is_some() == ours.1.is_some();
        if is_same == BUSYBOX_DIFFERS.contains(script) {
            writeln!(different, "{script}\n  busybox: {:?}\n  ours:    {:?}", real.1, ours.1)
                .unwrap();
            let missing = real.0.iter().filter(|line| !ours.0.contains(line));
            let extra = ours.0.iter().filter(|line| !real.0.contains(line));
            missing.for_each(|line| writeln!(different, "  busybox has {line}").unwrap());
            extra.for_each(|line| writeln!(different, "  we have {line}").unwrap());
        }
    }
    assert!(different.is_empty(), "{different}");
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
