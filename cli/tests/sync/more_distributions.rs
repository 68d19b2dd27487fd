//! The catalogue of distributions beyond containerdisks finds what lists of the form that upstream has name.

mod lists;

use std::path::{Path, PathBuf};

use diskette_integration::disk::{sha256, sha512};
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};
use snapbox::{IntoData, assert_data_eq, str};

const HOSTS: [&str; 13] = [
    "alpha.release.flatcar-linux.net",
    "beta.release.flatcar-linux.net",
    "builds.coreos.fedoraproject.org",
    "cloud-images.ubuntu.com",
    "cloud.centos.org",
    "cloud.debian.org",
    "dl-cdn.alpinelinux.org",
    "dl.rockylinux.org",
    "download.freebsd.org",
    "geo.mirror.pkgbuild.com",
    "kali.download",
    "repo.openeuler.org",
    "stable.release.flatcar-linux.net",
];

fn catalogue() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec-files/more-distributions")
}

#[test]
#[expect(clippy::too_many_lines, reason = "the table of all disks is long")]
fn the_disks_that_are_meant_are_found() {
    let answers = lists::all().into_iter();
    let answers =
        answers.map(|(at, text)| (format!("/{at}"), ServerAnswer::Content(text.into_bytes())));
    let server = Server::start(answers);
    let mut args = vec!["releases".to_owned(), catalogue().display().to_string()];
    for host in HOSTS {
        args.extend([
            "--rewrite-url".into(),
            format!("https://{host}/={}", server.url(&format!("/{host}/"))),
        ]);
    }
    let outcome = Scene::new().run(&args);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    let lines = String::from_utf8(outcome.stdout).unwrap().replace(&server.url("/"), "https://");
    let short: String = lines.lines().map(checked_line).collect();
    assert_data_eq!(short, str![[r#"
alpine 3.24.10 linux/amd64 https://dl-cdn.alpinelinux.org/alpine/v3.24/releases/cloud/generic_alpine-3.24.10-x86_64-bios-cloudinit-r0.qcow2
alpine 3.24.10 linux/arm64 https://dl-cdn.alpinelinux.org/alpine/v3.24/releases/cloud/generic_alpine-3.24.10-aarch64-uefi-cloudinit-r0.qcow2
archlinux - linux/amd64 https://geo.mirror.pkgbuild.com/images/latest/Arch-Linux-x86_64-cloudimg.qcow2
fedora-coreos 44.20260707.3.1 linux/amd64 https://builds.coreos.fedoraproject.org/prod/streams/stable/builds/44.20260707.3.1/x86_64/fedora-coreos-44.20260707.3.1-openstack.x86_64.qcow2.xz
fedora-coreos 44.20260707.3.1 linux/arm64 https://builds.coreos.fedoraproject.org/prod/streams/stable/builds/44.20260707.3.1/aarch64/fedora-coreos-44.20260707.3.1-openstack.aarch64.qcow2.xz
fedora-coreos 44.20260707.3.1 linux/s390x https://builds.coreos.fedoraproject.org/prod/streams/stable/builds/44.20260707.3.1/s390x/fedora-coreos-44.20260707.3.1-openstack.s390x.qcow2.xz
fedora-coreos 44.20260707.3.1 linux/ppc64le https://builds.coreos.fedoraproject.org/prod/streams/stable/builds/44.20260707.3.1/ppc64le/fedora-coreos-44.20260707.3.1-openstack.ppc64le.qcow2.xz
fedora-coreos 44.20260707.3.1 linux/amd64 https://builds.coreos.fedoraproject.org/prod/streams/testing/builds/44.20260707.3.1/x86_64/fedora-coreos-44.20260707.3.1-openstack.x86_64.qcow2.xz
fedora-coreos 44.20260707.3.1 linux/arm64 https://builds.coreos.fedoraproject.org/prod/streams/testing/builds/44.20260707.3.1/aarch64/fedora-coreos-44.20260707.3.1-openstack.aarch64.qcow2.xz
fedora-coreos 44.20260707.3.1 linux/s390x https://builds.coreos.fedoraproject.org/prod/streams/testing/builds/44.20260707.3.1/s390x/fedora-coreos-44.20260707.3.1-openstack.s390x.qcow2.xz
fedora-coreos 44.20260707.3.1 linux/ppc64le https://builds.coreos.fedoraproject.org/prod/streams/testing/builds/44.20260707.3.1/ppc64le/fedora-coreos-44.20260707.3.1-openstack.ppc64le.qcow2.xz
fedora-coreos 44.20260707.3.1 linux/amd64 https://builds.coreos.fedoraproject.org/prod/streams/next/builds/44.20260707.3.1/x86_64/fedora-coreos-44.20260707.3.1-openstack.x86_64.qcow2.xz
fedora-coreos 44.20260707.3.1 linux/arm64 https://builds.coreos.fedoraproject.org/prod/streams/next/builds/44.20260707.3.1/aarch64/fedora-coreos-44.20260707.3.1-openstack.aarch64.qcow2.xz
fedora-coreos 44.20260707.3.1 linux/s390x https://builds.coreos.fedoraproject.org/prod/streams/next/builds/44.20260707.3.1/s390x/fedora-coreos-44.20260707.3.1-openstack.s390x.qcow2.xz
fedora-coreos 44.20260707.3.1 linux/ppc64le https://builds.coreos.fedoraproject.org/prod/streams/next/builds/44.20260707.3.1/ppc64le/fedora-coreos-44.20260707.3.1-openstack.ppc64le.qcow2.xz
flatcar - linux/amd64 https://stable.release.flatcar-linux.net/amd64-usr/current/flatcar_production_kubevirt_image.qcow2
flatcar - linux/arm64 https://stable.release.flatcar-linux.net/arm64-usr/current/flatcar_production_kubevirt_image.qcow2
flatcar - linux/amd64 https://beta.release.flatcar-linux.net/amd64-usr/current/flatcar_production_kubevirt_image.qcow2
flatcar - linux/arm64 https://beta.release.flatcar-linux.net/arm64-usr/current/flatcar_production_kubevirt_image.qcow2
flatcar - linux/amd64 https://alpha.release.flatcar-linux.net/amd64-usr/current/flatcar_production_kubevirt_image.qcow2
flatcar - linux/arm64 https://alpha.release.flatcar-linux.net/arm64-usr/current/flatcar_production_kubevirt_image.qcow2
freebsd - linux/amd64 https://download.freebsd.org/releases/VM-IMAGES/15.1-RELEASE/amd64/Latest/FreeBSD-15.1-RELEASE-amd64-BASIC-CLOUDINIT-ufs.qcow2.xz
freebsd - linux/arm64 https://download.freebsd.org/releases/VM-IMAGES/15.1-RELEASE/aarch64/Latest/FreeBSD-15.1-RELEASE-arm64-aarch64-BASIC-CLOUDINIT-ufs.qcow2.xz
freebsd - linux/amd64 https://download.freebsd.org/releases/VM-IMAGES/14.4-RELEASE/amd64/Latest/FreeBSD-14.4-RELEASE-amd64-BASIC-CLOUDINIT-ufs.qcow2.xz
freebsd - linux/arm64 https://download.freebsd.org/releases/VM-IMAGES/14.4-RELEASE/aarch64/Latest/FreeBSD-14.4-RELEASE-arm64-aarch64-BASIC-CLOUDINIT-ufs.qcow2.xz
kali 2026.2 linux/amd64 https://kali.download/cloud-images/current/kali-linux-2026.2-cloud-genericcloud-amd64.tar.xz
openeuler - linux/amd64 https://repo.openeuler.org/openEuler-24.03-LTS-SP4/virtual_machine_img/x86_64/openEuler-24.03-LTS-SP4-x86_64.qcow2.xz
openeuler - linux/arm64 https://repo.openeuler.org/openEuler-24.03-LTS-SP4/virtual_machine_img/aarch64/openEuler-24.03-LTS-SP4-aarch64.qcow2.xz
openeuler - linux/amd64 https://repo.openeuler.org/openEuler-24.03-LTS-SP1/virtual_machine_img/x86_64/openEuler-24.03-LTS-SP1-x86_64.qcow2.xz
openeuler - linux/arm64 https://repo.openeuler.org/openEuler-24.03-LTS-SP1/virtual_machine_img/aarch64/openEuler-24.03-LTS-SP1-aarch64.qcow2.xz
openeuler - linux/riscv64 https://repo.openeuler.org/openEuler-24.03-LTS-SP1/virtual_machine_img/riscv64/openEuler-24.03-LTS-SP1-riscv64.qcow2.xz
ubuntu - linux/amd64 https://cloud-images.ubuntu.com/releases/26.04/release/ubuntu-26.04-server-cloudimg-amd64.img
ubuntu - linux/arm64 https://cloud-images.ubuntu.com/releases/26.04/release/ubuntu-26.04-server-cloudimg-arm64.img
ubuntu - linux/s390x https://cloud-images.ubuntu.com/releases/26.04/release/ubuntu-26.04-server-cloudimg-s390x.img
ubuntu - linux/ppc64le https://cloud-images.ubuntu.com/releases/26.04/release/ubuntu-26.04-server-cloudimg-ppc64el.img
ubuntu - linux/riscv64 https://cloud-images.ubuntu.com/releases/26.04/release/ubuntu-26.04-server-cloudimg-riscv64.img
ubuntu - linux/amd64 https://cloud-images.ubuntu.com/releases/24.04/release/ubuntu-24.04-server-cloudimg-amd64.img
ubuntu - linux/arm64 https://cloud-images.ubuntu.com/releases/24.04/release/ubuntu-24.04-server-cloudimg-arm64.img
ubuntu - linux/s390x https://cloud-images.ubuntu.com/releases/24.04/release/ubuntu-24.04-server-cloudimg-s390x.img
ubuntu - linux/ppc64le https://cloud-images.ubuntu.com/releases/24.04/release/ubuntu-24.04-server-cloudimg-ppc64el.img
ubuntu - linux/riscv64 https://cloud-images.ubuntu.com/releases/24.04/release/ubuntu-24.04-server-cloudimg-riscv64.img
ubuntu - linux/amd64 https://cloud-images.ubuntu.com/releases/22.04/release/ubuntu-22.04-server-cloudimg-amd64.img
ubuntu - linux/arm64 https://cloud-images.ubuntu.com/releases/22.04/release/ubuntu-22.04-server-cloudimg-arm64.img
ubuntu - linux/s390x https://cloud-images.ubuntu.com/releases/22.04/release/ubuntu-22.04-server-cloudimg-s390x.img
ubuntu - linux/ppc64le https://cloud-images.ubuntu.com/releases/22.04/release/ubuntu-22.04-server-cloudimg-ppc64el.img
ubuntu - linux/riscv64 https://cloud-images.ubuntu.com/releases/22.04/release/ubuntu-22.04-server-cloudimg-riscv64.img
debian 20260601-2500 linux/amd64 https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2
debian 20260601-2500 linux/arm64 https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-arm64.qcow2
debian 20260601-2500 linux/ppc64le https://cloud.debian.org/images/cloud/trixie/latest/debian-13-generic-ppc64el.qcow2
debian 20260601-2500 linux/riscv64 https://cloud.debian.org/images/cloud/trixie/latest/debian-13-generic-riscv64.qcow2
centos-stream 20260622.0 linux/amd64 https://cloud.centos.org/centos/10-stream/x86_64/images/CentOS-Stream-GenericCloud-10-20260622.0.x86_64.qcow2
centos-stream 20260622.0 linux/arm64 https://cloud.centos.org/centos/10-stream/aarch64/images/CentOS-Stream-GenericCloud-10-20260622.0.aarch64.qcow2
centos-stream 20260622.0 linux/s390x https://cloud.centos.org/centos/10-stream/s390x/images/CentOS-Stream-GenericCloud-10-20260622.0.s390x.qcow2
centos-stream 20260622.0 linux/ppc64le https://cloud.centos.org/centos/10-stream/ppc64le/images/CentOS-Stream-GenericCloud-10-20260622.0.ppc64le.qcow2
centos-stream 20260622.0 linux/amd64 https://cloud.centos.org/centos/9-stream/x86_64/images/CentOS-Stream-GenericCloud-9-20260622.0.x86_64.qcow2
centos-stream 20260622.0 linux/arm64 https://cloud.centos.org/centos/9-stream/aarch64/images/CentOS-Stream-GenericCloud-9-20260622.0.aarch64.qcow2
centos-stream 20260622.0 linux/s390x https://cloud.centos.org/centos/9-stream/s390x/images/CentOS-Stream-GenericCloud-9-20260622.0.s390x.qcow2
centos-stream 20260622.0 linux/ppc64le https://cloud.centos.org/centos/9-stream/ppc64le/images/CentOS-Stream-GenericCloud-9-20260622.0.ppc64le.qcow2
rockylinux 10.8-20260525.0 linux/amd64 https://dl.rockylinux.org/pub/rocky/10/images/x86_64/Rocky-10-GenericCloud-Base-10.8-20260525.0.x86_64.qcow2
rockylinux 10.8-20260525.0 linux/arm64 https://dl.rockylinux.org/pub/rocky/10/images/aarch64/Rocky-10-GenericCloud-Base-10.8-20260525.0.aarch64.qcow2
rockylinux 10.8-20260525.0 linux/ppc64le https://dl.rockylinux.org/pub/rocky/10/images/ppc64le/Rocky-10-GenericCloud-Base-10.8-20260525.0.ppc64le.qcow2
rockylinux 9.8-20260525.0 linux/amd64 https://dl.rockylinux.org/pub/rocky/9/images/x86_64/Rocky-9-GenericCloud-Base-9.8-20260525.0.x86_64.qcow2
rockylinux 9.8-20260525.0 linux/arm64 https://dl.rockylinux.org/pub/rocky/9/images/aarch64/Rocky-9-GenericCloud-Base-9.8-20260525.0.aarch64.qcow2
rockylinux 9.8-20260525.0 linux/ppc64le https://dl.rockylinux.org/pub/rocky/9/images/ppc64le/Rocky-9-GenericCloud-Base-9.8-20260525.0.ppc64le.qcow2

"#]].raw());
}

/// Returns a line without its checksum, which is compared with that of the URL.
fn checked_line(line: &str) -> String {
    let fields: Vec<&str> = line.split('\t').collect();
    let [image, version, platform, checksum, url] = fields[..] else { panic!("{line}") };
    let at = url.strip_prefix("https://").unwrap().as_bytes();
    let expected = match checksum.split_once(':').unwrap().0 {
        "sha512" => format!("sha512:{}", sha512(at)),
        _ => format!("sha256:{}", sha256(at)),
    };
    assert_eq!(checksum, expected, "{url}");
    format!("{} {version} {platform} {url}\n", image.strip_prefix("quay.io/me/").unwrap())
}

/// No image has the name of one of containerdisks, and each description is there.
#[test]
fn it_is_a_catalogue_of_its_own() {
    let listed = Scene::new().run(["sync", "--list", catalogue().to_str().unwrap()]);
    assert_eq!((listed.status, listed.stderr.as_str()), (0, ""));
    assert!(!String::from_utf8(listed.stdout).unwrap().contains("containerdisks"));
    let pages = Scene::new().run(["docs", catalogue().to_str().unwrap()]);
    assert_eq!((pages.status, pages.stderr.as_str()), (0, ""));
}
