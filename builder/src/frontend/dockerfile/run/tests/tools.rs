//! Tests of `install`, `truncate`, `dd`, `tar`, `qemu-img`, `ls` and package managers.

use super::contents::{check_contents, contents};
use super::{check, check_me};

#[test]
fn files_are_installed() {
    check("install file new", "new 755");
    check("install -m 640 -o 7 -g me file new", "new 640 7:1000");
    check("install -Dm644 file opt/a/new", "opt/ 755, opt/a/ 755, opt/a/new 644");
    check("install -d -m 700 a/b", "a/ 755, a/b/ 700");
    check("install -t data file suid", "data/file 755, data/suid 755");
    check("install -m 600 file link", "data/file 600");
    check(
        "install none new",
        "`install` fails: cannot stat 'none': No such file or directory [install none new]",
    );
    check("install data new", "`install` fails: omitting directory 'data' [install data new]");
    check("umask 077; install -D file a/b", "a/ 755, a/b 755");
}

#[test]
fn files_are_cut_and_copied() {
    check_contents("truncate -s 3 x", "x=\"\\0\\0\\0\"");
    check_contents("echo abc > x; truncate -s 2 x", "x=\"ab\"");
    check_contents("truncate -s 0 file", "file=\"\"");
    check_contents("truncate -s 7 file", "file=content");
    check_contents("dd if=file of=x bs=1M status=none conv=fsync", "x=content");
    check_contents("echo a | dd of=x", "x=\"a\\n\"");
    assert!(contents("truncate -s 10G disk.img").contains("for small files only"));
    assert!(contents("truncate -s +1G file").contains("`+1G` of `truncate`"));
    assert!(contents("dd if=file of=x count=1").contains("`count=1` of `dd`"));
    assert!(contents("dd if=file of=file conv=notrunc").contains("conv=notrunc"));
}

#[test]
fn archives_are_unpacked() {
    let url = "https://example.com/a.tgz";
    let all = |directory: &str| format!("{directory}top/bin/tool={url} at 512");
    check_contents(&format!("curl -sL {url} | tar xz"), &all(""));
    check_contents(&format!("wget -qO- {url} | tar -xzf - -C data"), &all("data/"));
    check_contents(
        &format!("curl -so x {url} && tar -C data --strip-components=1 -xf x top/bin && rm x"),
        &format!("data/bin/tool={url} at 512"),
    );
    check_contents(
        &format!("curl -sL {url} | tar xzO top/bin/tool > x"),
        &format!("x={url} at 512"),
    );
    check(
        &format!("curl -sL {url} | tar xzm"),
        "top/ 750 7:8, top/bin/ 755, top/link->bin/tool 7:8, top/bin/tool 4755 7:8, top/same 4755 7:8",
    );
    check(
        &format!("umask 027; curl -sL {url} | tar xz --no-same-owner"),
        "top/ 750, top/bin/ 750, top/link->bin/tool, top/bin/tool 4755, top/same 4755",
    );
    check_contents("tar xf file", "`tar` fails: This does not look like a tar archive");
    check_contents(
        &format!("curl -sL {url} | tar xz none"),
        "`tar` fails: none: Not found in archive",
    );
    check_contents(
        &format!("curl -so v {url} && tar -xvOf v top/bin/tool > x; rm v"),
        &format!("x={url} at 512"),
    );
    assert!(contents(&format!("curl -so v {url}; tar -xvf v > x")).contains("names that `tar -v`"));
    check_me(
        &format!("curl -so x {url}; cd /; tar -xf /home/me/x top/bin/tool"),
        "`tar` fails: top/bin/tool: Cannot open: Permission denied [tar -xf /home/me/x top/bin/tool]",
    );
    assert!(contents("tar -tf x").contains("`tar` is evaluated with `-x` or `-c` only"));
}

#[test]
fn archives_are_made() {
    let url = "https://example.com/disk.img";
    check_contents(
        &format!("curl -so x {url} && tar -cf - file x | tar -xf - -C data && rm x"),
        &format!("data/file=content, data/x={url}"),
    );
    check_contents("tar cf x -C data a && tar xf x -C empty && rm x", "empty/a=\"abc\"");
    check_contents("tar czf x -C data a && tar xzf x -C empty && rm x", "empty/a=\"abc\"");
    check_contents("tar c file | tar xO > x", "x=content");
    check_contents("echo a > x; tar xf x", "`tar` fails: This does not look like a tar archive");
    check(
        "tar c -C data sub | tar xm --exclude=x -C empty",
        "empty/sub/ 750, empty/sub/back->../a",
    );
    let refused = |script: &str, message: &str| {
        let said = contents(script);
        assert!(said.contains(message), "{script}: {said}");
    };
    refused(&format!("curl -so x {url}; tar cf y x"), "pipe it into `tar -x`");
    refused("tar cJf x file", "pipe it into `tar -x`");
    refused("tar czf - file | tar xf -", "with the option of the compression");
    refused("tar czf x file; tar xf - < x", "with the option of the compression");
    refused("tar czf x file; tar xJf x", "with the option of the compression");
    refused("tar cf x file; tar xzf x", "with the option of the compression");
    refused("tar cf x file; tar xf x file -C data", "`--directory` of `tar -x` stands in front");
    refused("tar cf x --owner=+5 file", "`--owner=+5` of `tar`");
    refused("tar c file -C data", "`--directory` of `tar -c` stands in front");
    refused("tar c -C data -C sub .", "with one `-C`");
    refused("tar c --strip-components=1 file", "`--strip-components` of `tar -c`");
    refused("tar c file | tar x --owner=0", "`--owner` of `tar -x`");
    refused("tar c --owner=nobody-here file", "`--owner=nobody-here`");
    refused("tar c --exclude='a*b' file", "the pattern `--exclude=a*b`");
    refused("tar cvf x file > y", "names that `tar -v`");
    refused("printf 'x%0600d' | tar x", "%s, %d");
    check_contents("tar cf -", "`tar` fails: Cowardly refusing to create an empty archive");
}

#[test]
fn texts_are_edited() {
    check_contents("echo a=1 > x; sed -i 's/1/2/' x", "x=\"a=2\\n\"");
    check_contents("sed -i s/b/x/ file", "file=\"axc\"");
    check("sed -i s/b/x/ data/b.txt link/c.txt", "data/b.txt 640, data/c.txt 600");
    check("ln file new; sed -i s/b/x/ new", "file 644, new 644");
    check_contents("sed 's,b,x,;s/a/y/' file > x; echo ab | sed -e 1d > y", "x=\"yxc\", y=\"\"");
    let refused = |script: &str, message: &str| {
        let said = contents(script);
        assert!(said.contains(message), "{script}: {said}");
    };
    let not = |script: &str, what: &str| {
        let message = format!("{what} in the script of `sed` is not evaluated");
        refused(&format!("sed -i '{script}' file"), &message);
    };
    not("s/a/b/I", "the flag `I` of `s`");
    not("s/a/b/2", "the flag `2` of `s`");
    not("s/a\\|b/c/", "`\\|`");
    not("s/a\\{2\\}/c/", "a number of repetitions");
    not("s/\\(a\\)*/c/", "a repetition of a group");
    not("s/\\(a/c/", "a group that is not closed");
    not("s/a\\)/c/", "a group that is not open");
    not("s/\\(*a\\)/c/", "this start of a group");
    not("s/*a/c/", "`*` at this position");
    not("s/a$b/c/", "`$` at this position");
    not("s//c/", "an empty regular expression");
    not("s/\\w/c/", "`\\w`");
    not("s/[a/c/", "a `[` without a `]`");
    not("s/[[:word:]]/c/", "the class `[:word:]`");
    not("s/[[:alpha/c/", "a `[:` without a `:]`");
    not("s/[\\n]/c/", "a backslash or a collating symbol inside of `[…]`");
    not("s/[%-z]/c/", "this range inside of `[…]`");
    not("s/[a-c-e]/x/", "this range inside of `[…]`");
    not("s/[:digit:]/x/", "`[:…:]` outside of `[…]`");
    not("s/[é]/c/", "a character inside of `[…]` that is not ASCII");
    not("s/é*/c/", "a repetition of a character that is not ASCII");
    not("s/a/\\1/", "`\\1` without such a group");
    not("s/a/\\t/", "`\\t` in a replacement");
    not("s|a\\|b|c|", "where `|` is the separator");
    not("sxaxbx", "this separator of `s`");
    not("s/a/b", "a part of a command that does not end");
    not("s/a\nb/c/", "a line end inside of a command");
    not("a x", "`a`");
    not("2", "an address without a command");
    not("0d", "the line `0`");
    not("0~2d", "the line `0`");
    not("1~2d", "a step of lines");
    not("1,/a/d", "this end of a range");
    not("/a/,2d", "a range from a pattern");
    not("1d}", "`}` behind a command");
    refused("sed -i.bak s/a/b/ file", "without a suffix for copies");
    refused("sed -ie s/a/b/ file", "without a suffix for copies");
    refused("sed -n 1p file", "`-n` of `sed`");
    refused("sed", "with a script");
    refused("sed s/a/b/ file file", "with one file");
    refused("echo é > x; sed -i s/./x/ x", "for lines of ASCII characters");
    refused("printf '\\0' > x; sed -i s/a/x/ x", "has NUL bytes");
    refused("sed 's/b/\\n/;s/a/x/' file > x", "behind one that adds a line end");
    refused("curl -so x https://e/x; sed -i s/a/b/ x", "for small texts");
    check_contents("sed -i s/a/b/", "`sed` fails: no input files");
    check_contents("sed -i s/a/b/ none", "`sed` fails: can't read none: No such file or directory");
    check_contents("sed -i s/a/b/ data", "`sed` fails: couldn't edit data: not a regular file");
    check_me(
        "cd /; sed -i s/a/b/ file",
        "`sed` fails: couldn't open temporary file for file: Permission denied [sed -i s/a/b/ file]",
    );
}

#[test]
fn disks_are_converted() {
    check_contents("qemu-img convert -O qcow2 file x", "x=content as qcow2");
    check_contents("qemu-img convert -p -f vmdk -c -O qcow2 file x", "x=content as qcow2-zlib");
    check_contents(
        "qemu-img convert -c -o compression_type=zstd,cluster_size=64k -O qcow2 file x && rm file",
        "x=content as qcow2-zstd",
    );
    check_contents(
        "qemu-img convert file x; qemu-img info x; qemu-img convert -O qcow2 x y",
        "x=content as raw, y=content as qcow2",
    );
    check_contents("qemu-img resize file 2G", "file=content with 2147483648 bytes");
    check_contents("qemu-img resize -f raw file +4k", "file=content with +4096 bytes");
    check_contents(
        "qemu-img resize file 1M; qemu-img resize file +512b; qemu-img convert -O qcow2 file x",
        "file=content with 1049088 bytes, x=content as qcow2 with 1049088 bytes",
    );
    check_contents(
        "qemu-img resize file +1M && qemu-img resize file +512",
        "file=content with +1049088 bytes",
    );
    check_contents(
        "qemu-img resize none 1G",
        "`qemu-img` fails: Could not open 'none': No such file or directory",
    );
    check_contents(
        "qemu-img info none",
        "`qemu-img` fails: Could not open 'none': No such file or directory",
    );
    let refused = |script: &str, message: &str| {
        let said = contents(script);
        assert!(said.contains(message), "{said}");
    };
    refused("qemu-img convert -O vmdk file x", "to `vmdk` is not evaluated");
    refused("qemu-img convert -c file x", "a raw disk cannot be compressed");
    refused("qemu-img convert -O qcow2 -o size=1G file x", "`-o size=1G`");
    refused("qemu-img resize --shrink file 1G", "`--shrink`");
    refused("qemu-img resize file -1G", "`-1` of `qemu-img resize` is not evaluated");
    refused("qemu-img resize file 1GiB", "`1GiB` is not a size that a disk can get");
    refused("qemu-img resize file ''", "`` is not a size that a disk can get");
    refused("qemu-img resize file 2G; qemu-img resize file 1G", "`file` would get smaller");
    refused("qemu-img resize file 1G; gzip -d < file > x", "`gzip` is evaluated once");
    refused("echo a > x; qemu-img resize x 1G", "`x` is a text and no disk");
    refused("curl -o x https://e/x; qemu-img resize x 1G", "and `x` is a download");
    refused("qemu-img create x 1G", "`qemu-img create` is not evaluated");
    refused("echo a > x; qemu-img convert x y", "`x` is a text and no disk");
    refused("curl -o x https://e/x; qemu-img convert -O qcow2 x y", "and `x` is a download");
}

#[test]
fn what_is_only_looked_at() {
    check_contents("ls -la /data file; stat file > /dev/null; sync", "");
    check_contents("ls none", "`ls` fails: cannot access none: No such file or directory");
    assert!(contents("ls > x").contains("the output of `ls`"));
}

#[test]
fn installs_of_tools_are_left_out() {
    check_contents("apk add --no-cache --virtual .d curl qemu-img=9.0 && apk del .d", "");
    check_contents(
        "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o a=b qemu-utils xz-utils && apt-get clean && rm -rf /var/lib/apt/lists/*",
        "",
    );
    check_contents("dnf -y install --setopt=install_weak_deps=0 qemu-img wget; dnf clean all", "");
    assert!(contents("apk upgrade").contains("`upgrade` of a package manager"));
    assert!(contents("dnf install -y nginx curl").contains("the package `nginx` is not installed"));
}

#[test]
fn what_is_not_checked_is_not_downloaded() {
    assert!(contents("curl -k https://e/x").contains("without a check of certificates"));
    assert!(contents("wget --no-check-certificate https://e/x").contains("without a check"));
    assert!(contents("curl ftp://e/x").contains("one URL, of http or https"));
    check_contents("curl --create-dirs -o a/b/c https://e/x", "a/b/c=https://e/x");
    let sum = "9".repeat(64);
    check_contents(
        &format!("curl -o x.xz https://e/x && xz -d x.xz && echo '{sum}  x' | sha256sum -c"),
        "x=https://e/xxz then checked",
    );
}
