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
    assert!(contents("tar -cf x data").contains("`tar` is evaluated with `-x` only"));
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
    refused("qemu-img resize file +1G", "`qemu-img resize` is not evaluated");
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
