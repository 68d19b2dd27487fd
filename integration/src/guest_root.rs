//! The *root* of a guest: a directory with the packages of a package manager, and disks with a file system
//! that has it. Package managers and file systems are those of the machine; nothing is mounted.

use std::collections::BTreeSet;
use std::fmt::Write as _;
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

    /// Installs packages of rpm in the database of a directory of the root, which is one of `SQLite`. One of them has
    /// many files, and so a long header.
    pub fn add_rpms(&self, scene: &Scene, directory: &str) -> Option<()> {
        let (build, rpm) = (peer::find("rpmbuild")?, peer::find("rpm")?);
        scene.write("tiny.spec", rpm_spec());
        let mut command = build.command();
        command.args(["-bb", "--define", &format!("_topdir {}", text(&scene.path("rpmbuild")))]);
        run(command.args(["--define", "_build_id_links none", text(&scene.path("tiny.spec"))]));
        let packages = fs::read_dir(scene.path("rpmbuild/RPMS/noarch")).unwrap();
        let mut packages: Vec<PathBuf> = packages.map(|it| it.unwrap().path()).collect();
        packages.sort();
        fs::create_dir_all(self.path.join(directory)).unwrap();
        let mut command = rpm.command();
        command.args(["--dbpath", text(&self.path.join(directory))]);
        run(command.args(["--justdb", "--nodeps", "-i"]).args(packages));
        Some(())
    }

    /// Returns what `rpm -qa` lists: name, version with the epoch, architecture, source package and license.
    pub fn list_rpms(&self, directory: &str) -> BTreeSet<String> {
        const FORMAT: &str =
            "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH} %{SOURCERPM} %{LICENSE}\n";
        let rpm = peer::find("rpm").unwrap();
        let database = self.path.join(directory);
        let listed = rpm.run(["--dbpath", text(&database), "-qa", "--qf", FORMAT]);
        listed.lines().map(str::to_owned).collect()
    }

    /// Makes an XFS file system with the root in a file.
    pub fn make_xfs(&self, scene: &Scene, name: &str, options: &[&str]) -> Option<PathBuf> {
        let mkfs = peer::find("mkfs.xfs")?;
        let path = scene.path(name);
        drop(fs::remove_file(&path));
        // What `mkfs.xfs -p` reads: a boot program that is not there, two numbers, and the files.
        let mut prototype = "/dev/null\n0 0\nd--755 0 0\n".to_owned();
        describe_files(&self.path, &mut prototype);
        prototype.push_str("$\n");
        let prototype = scene.write("prototype", prototype);
        let mut command = mkfs.command();
        command.args(["-q", "-p", text(&prototype)]).args(options);
        // The smallest that it makes.
        command.args(["-d", &format!("file,name={},size=320m", text(&path))]);
        run(&mut command);
        Some(path)
    }

    /// Makes a btrfs file system with the root in a file.
    pub fn make_btrfs(&self, scene: &Scene, name: &str, options: &[&str]) -> Option<PathBuf> {
        let mkfs = peer::find("mkfs.btrfs")?;
        let path = scene.write(name, "");
        fs::File::options().write(true).open(&path).unwrap().set_len(128 << 20).unwrap();
        let mut command = mkfs.command();
        run(command.args(["-q", "-r", text(&self.path)]).args(options).arg(&path));
        Some(path)
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

/// Adds the files of a directory to a prototype.
fn describe_files(directory: &Path, prototype: &mut String) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            writeln!(prototype, "{name} l--777 0 0 {}", target.display()).unwrap();
        } else if path.is_dir() {
            writeln!(prototype, "{name} d--755 0 0").unwrap();
            describe_files(&path, prototype);
            prototype.push_str("$\n");
        } else {
            writeln!(prototype, "{name} ---644 0 0 {}", path.display()).unwrap();
        }
    }
}

/// Returns the description of packages that are built together.
fn rpm_spec() -> String {
    let mut spec =
        "Name: tiny\nVersion: 1.0\nRelease: 3\nEpoch: 2\nSummary: a test\nLicense: GPLv2+\n\
        BuildArch: noarch\n%description\na test\n%install\nmkdir -p %{buildroot}/usr/share/tiny\n\
        for n in $(seq 400); do >%{buildroot}/usr/share/tiny/a-file-with-a-long-name-$n; done\n\
        %files\n/usr/share/tiny\n"
            .to_owned();
    for number in 1..=12 {
        write!(
            spec,
            "%package -n libtiny{number}\nSummary: a test\nLicense: MIT AND Zlib\nVersion: {number}.0~rc1\n\
             %description -n libtiny{number}\na test\n%files -n libtiny{number}\n"
        )
        .unwrap();
    }
    spec
}
