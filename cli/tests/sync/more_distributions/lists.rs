//! Lists of the form that distributions publish, written by us: each file has the digest of its URL.

use diskette_integration::disk::{sha256, sha512};
use diskette_integration::upstream::debian_list;
use serde_json::{Value, json};

/// All lists.
pub(super) fn all() -> Vec<List> {
    let parts =
        [flatcar(), coreos(), alpine(), freebsd(), enterprise(), ubuntu(), debian(), others()];
    parts.concat()
}

/// A list: its URL without `https://`, and its text.
pub(super) type List = (String, String);

/// The digest of each file is that of its URL.
fn gnu(directory: &str, names: &[&str]) -> String {
    let line =
        |name: &&str| format!("{}  {name}\n", sha256(format!("{directory}{name}").as_bytes()));
    names.iter().map(line).collect()
}

/// As Fedora, CentOS and Rocky write it, with the size above each line.
fn bsd_with_sizes(directory: &str, names: &[String]) -> String {
    let line = |name: &String| {
        let digest = sha256(format!("{directory}{name}").as_bytes());
        format!("# {name}: 645988352 bytes\nSHA256 ({name}) = {digest}\n")
    };
    names.iter().map(line).collect()
}

fn flatcar() -> Vec<List> {
    let mut lists = Vec::new();
    for channel in ["stable", "beta", "alpha"] {
        for arch in ["amd64", "arm64"] {
            let name = "flatcar_production_kubevirt_image.qcow2";
            let at = format!("{channel}.release.flatcar-linux.net/{arch}-usr/current/{name}");
            let (md5, sha1, long) = ("a".repeat(32), "b".repeat(40), sha512(at.as_bytes()));
            let text = format!(
                "# MD5 HASH\n{md5}  {name}\n# SHA1 HASH\n{sha1}  {name}\n# SHA512 HASH\n{long}  {name}\n"
            );
            lists.push((at + ".DIGESTS", text));
        }
    }
    lists
}

fn coreos() -> Vec<List> {
    let stream = |stream: &&str| {
        let host = "builds.coreos.fedoraproject.org";
        let version = "44.20260707.3.1";
        let architecture = |arch: &&str| {
            let artifact = |platform: &str| {
                let directory = format!("{host}/prod/streams/{stream}/builds/{version}/{arch}");
                let at = format!("{directory}/fedora-coreos-{version}-{platform}.{arch}.qcow2.xz");
                let digest = sha256(at.as_bytes());
                json!({ "release": version, "formats": { "qcow2.xz": { "disk": {
                    "location": format!("https://{at}"), "signature": format!("https://{at}.sig"),
                    "sha256": digest, "uncompressed-sha256": "c".repeat(64) } } } })
            };
            let artifacts = json!({ "openstack": artifact("openstack"), "qemu": artifact("qemu") });
            ((*arch).to_owned(), json!({ "artifacts": artifacts, "images": {} }))
        };
        let all: serde_json::Map<String, Value> =
            ["aarch64", "ppc64le", "s390x", "x86_64"].iter().map(architecture).collect();
        let text = json!({ "stream": stream, "metadata": {}, "architectures": all }).to_string();
        (format!("{host}/streams/{stream}.json"), text)
    };
    ["stable", "testing", "next"].iter().map(stream).collect()
}

/// A directory as nginx lists it, and checksums: of one disk with its name, of the other without.
fn alpine() -> Vec<List> {
    let at = "dl-cdn.alpinelinux.org/alpine/v3.24/releases/cloud/";
    let names = |release: &str| {
        [
            "aarch64-uefi-cloudinit",
            "x86_64-bios-cloudinit",
            "x86_64-uefi-cloudinit",
            "x86_64-bios-tiny",
        ]
        .map(|kind| format!("generic_alpine-{release}-{kind}-r0.qcow2"))
    };
    let links = ["3.24.9", "3.24.10"].map(names).concat();
    let link = |name: &String| {
        format!(
            "<a href=\"{name}\">{}..&gt;</a> 16-Jun-2026 10:00 187M\n<a href=\"{name}.sha512\">x</a>\n",
            &name[..40]
        )
    };
    let page = links.iter().map(link).collect::<String>();
    let [arm, bios, ..] = names("3.24.10");
    let digest = |name: &str| sha512(format!("{at}{name}").as_bytes());
    vec![
        (at.to_owned(), format!("<html><body><a href=\"../\">../</a>\n{page}</body></html>")),
        (format!("{at}{arm}.sha512"), digest(&arm) + "\n"),
        (format!("{at}{bios}.sha512"), format!("{}  {bios}\n", digest(&bios))),
    ]
}

fn freebsd() -> Vec<List> {
    let mut lists = Vec::new();
    for version in ["15.1", "14.4"] {
        for (directory, arch) in [("amd64", "amd64"), ("aarch64", "arm64-aarch64")] {
            let at = format!(
                "download.freebsd.org/releases/VM-IMAGES/{version}-RELEASE/{directory}/Latest/"
            );
            let kinds =
                ["BASIC-CLOUDINIT-ufs.qcow2", "BASIC-CLOUDINIT-zfs.qcow2", "ufs.qcow2", "ufs.raw"];
            let line = |kind: &&str| {
                let name = format!("FreeBSD-{version}-RELEASE-{arch}-{kind}.xz");
                format!("SHA256 ({name}) = {}\n", sha256(format!("{at}{name}").as_bytes()))
            };
            let text = kinds.iter().map(line).collect();
            lists.push((at + "CHECKSUM.SHA256", text));
        }
    }
    lists
}

/// CentOS Stream and Rocky: directories by architecture, with older and newer disks, and one without a date.
fn enterprise() -> Vec<List> {
    let mut lists = Vec::new();
    for arch in ["x86_64", "aarch64", "s390x", "ppc64le"] {
        for major in ["9", "10"] {
            let at = format!("cloud.centos.org/centos/{major}-stream/{arch}/images/");
            let name = |end: &str| format!("CentOS-Stream-GenericCloud-{major}-{end}.{arch}.qcow2");
            let names = ["20260601.0", "20260622.0", "latest"].map(name);
            lists.push((format!("{at}CHECKSUM"), bsd_with_sizes(&at, &names)));
            let at = format!("dl.rockylinux.org/pub/rocky/{major}/images/{arch}/");
            let name = |end: String| format!("Rocky-{major}-{end}.{arch}.qcow2");
            let names = [
                name(format!("EC2-Base-{major}.8-20260525.0")),
                name(format!("GenericCloud-Base-{major}.7-20251110.0")),
                name(format!("GenericCloud-Base-{major}.8-20260525.0")),
                name("GenericCloud-Base.latest".into()),
                name(format!("GenericCloud-LVM-{major}.8-20260525.0")),
            ];
            lists.push((format!("{at}CHECKSUM"), bsd_with_sizes(&at, &names)));
        }
    }
    lists
}

fn ubuntu() -> Vec<List> {
    let list = |version: &&str| {
        let at = format!("cloud-images.ubuntu.com/releases/{version}/release/");
        let line = |arch: &&str| {
            let name = format!("ubuntu-{version}-server-cloudimg-{arch}.img");
            let digest = sha256(format!("{at}{name}").as_bytes());
            format!("{digest} *{name}\n{} *{name}.squashfs\n", "d".repeat(64))
        };
        let text =
            ["amd64", "arm64", "armhf", "ppc64el", "riscv64", "s390x"].iter().map(line).collect();
        (at.clone() + "SHA256SUMS", text)
    };
    ["26.04", "24.04", "22.04"].iter().map(list).collect()
}

fn debian() -> Vec<List> {
    let kinds = ["genericcloud-amd64", "genericcloud-arm64", "generic-ppc64el", "generic-riscv64"];
    let list = |kind: &&str| {
        let at = format!("cloud.debian.org/images/cloud/trixie/latest/debian-13-{kind}");
        let name = format!("debian-13-{kind}.qcow2");
        let text = debian_list(kind, "20260601-2500", &name, format!("{at}.qcow2").as_bytes());
        (at + ".json", text)
    };
    kinds.iter().map(list).collect()
}

/// Lists of one file each, or of few.
fn others() -> Vec<List> {
    let mut lists = Vec::new();
    let mut add = |directory: &str, list: &str, names: &[&str]| {
        lists.push((format!("{directory}{list}"), gnu(directory, names)));
    };
    let name = "Arch-Linux-x86_64-cloudimg.qcow2";
    add("geo.mirror.pkgbuild.com/images/latest/", &format!("{name}.SHA256"), &[name]);
    let kali =
        ["2026.1", "2026.2"].map(|it| format!("kali-linux-{it}-cloud-genericcloud-amd64.tar.xz"));
    add("kali.download/cloud-images/current/", "SHA256SUMS", &[&kali[0], &kali[1]]);
    for (pack, architectures) in
        [("SP4", &["x86_64", "aarch64"][..]), ("SP1", &["x86_64", "aarch64", "riscv64"])]
    {
        for arch in architectures {
            let release = format!("openEuler-24.03-LTS-{pack}");
            let at = format!("repo.openeuler.org/{release}/virtual_machine_img/{arch}/");
            let name = format!("{release}-{arch}.qcow2.xz");
            add(&at, &format!("{name}.sha256sum"), &[&name]);
        }
    }
    lists
}
