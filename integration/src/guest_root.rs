//! The *root* of a guest: a directory with the packages of a package manager, and disks with a file system
//! that has it. Package managers and file systems are those of the machine; nothing is mounted.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::peer::{self, text};
use crate::scene::{Scene, is_root};

/// Debian's packages: name, version and source, if that has another name.
const DEBS: [(&str, &str, &str); 4] = [
    ("base-files", "12.4+deb12u5", ""),
    ("libtiny2", "1:2.0~rc1-3+b2", "tiny (2.0)"),
    ("tiny-tools", "0.1", "tiny"),
    ("gone", "1.0-1", ""),
];

/// A root.
#[derive(Debug)]
pub struct GuestRoot {
    /// The directory.
    pub path: PathBuf,
}

impl GuestRoot {
    /// Makes a root in `root` with the packages of dpkg, one of which was removed and left its settings.
    pub fn debian(scene: &Scene) -> Option<Self> {
        let (deb, dpkg) = (peer::find("dpkg-deb")?, peer::find("dpkg")?);
        let root = Self::empty(scene, "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n");
        for directory in ["info", "updates", "triggers"] {
            fs::create_dir_all(root.path.join("var/lib/dpkg").join(directory)).unwrap();
        }
        scene.write("root/var/lib/dpkg/status", "");
        let mut install = Self::fake_root(dpkg.path());
        install.arg(format!("--root={}", text(&root.path))).args(["--force-not-root", "-i"]);
        for (name, version, source) in DEBS {
            let source =
                if source.is_empty() { String::new() } else { format!("Source: {source}\n") };
            let control = format!(
                "Package: {name}\nVersion: {version}\nArchitecture: all\n{source}Maintainer: Me <me@example.com>\n\
                 Description: a test\n Version: not this one\n"
            );
            scene.write(&format!("{name}/DEBIAN/control"), control);
            scene.write(&format!("{name}/DEBIAN/conffiles"), format!("/etc/{name}.conf\n"));
            scene.write(&format!("{name}/etc/{name}.conf"), "a=b\n");
            let package = scene.path(&format!("{name}.deb"));
            let built = scene.path(name);
            deb.run(["--root-owner-group", "-Znone", "--build", text(&built), text(&package)]);
            install.arg(package);
        }
        run(&mut install);
        let mut remove = Self::fake_root(dpkg.path());
        remove.arg(format!("--root={}", text(&root.path))).args(["--force-not-root", "-r", "gone"]);
        run(&mut remove);
        Some(root)
    }

    /// Makes a root with the file `os-release`, to which a link leads, and a program.
    pub fn empty(scene: &Scene, os_release: &str) -> Self {
        scene.write("root/usr/lib/os-release", os_release);
        scene.write("root/etc/hosts", "");
        std::os::unix::fs::symlink("../usr/lib/os-release", scene.path("root/etc/os-release"))
            .unwrap();
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(18, 0);
        program.extend(183_u16.to_le_bytes());
        scene.write("root/usr/bin/true-shell", program);
        std::os::unix::fs::symlink("/usr/bin/true-shell", scene.path("root/usr/bin/sh")).unwrap();
        Self { path: scene.path("root") }
    }

    /// Returns a command that runs a program as root, or as one who takes himself for root.
    fn fake_root(program: &Path) -> Command {
        let mut command = if is_root() {
            Command::new(program)
        } else {
            let mut command = Command::new("unshare");
            command.arg("--map-root-user").arg(program);
            command
        };
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command
    }

    /// Returns what `dpkg-query` lists: name, version, architecture and source with its version.
    pub fn list_debs(&self) -> BTreeSet<String> {
        let format = "${Package} ${Version} ${Architecture} ${source:Package} ${source:Version} ${db:Status-Status}\n";
        let query = peer::find("dpkg-query").unwrap();
        let root = format!("--root={}", text(&self.path));
        let listed = query.run([&root, "-W", "-f", format]);
        let installed = listed.lines().filter_map(|line| line.strip_suffix(" installed"));
        installed.map(str::to_owned).collect()
    }

    /// Makes a file system of ext2, ext3 or ext4 with the root in a file.
    pub fn make_ext(&self, scene: &Scene, name: &str, options: &[&str]) -> Option<PathBuf> {
        let mkfs = peer::find("mkfs.ext4")?;
        let path = scene.path(name);
        drop(fs::remove_file(&path));
        let mut command = mkfs.command();
        command.args(["-q", "-F", "-d", text(&self.path)]).args(options).args([text(&path), "16M"]);
        run(&mut command);
        Some(path)
    }
}

/// Runs a command, which must succeed.
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
