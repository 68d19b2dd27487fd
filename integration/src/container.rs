//! A **container** runs an image's entrypoint as a kubelet would have it run: as some user, with an
//! empty volume over `/opt`. crun runs it where this machine lets it, else chroot does.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::peer::{self, Peer};
use crate::scene::{Scene, is_root};

/// crun refuses some kinds of control groups, and wants none if nothing is where the kernel shows
/// them.
const HIDE_GROUPS: &str =
    "mount --make-rprivate / && mount -t tmpfs none /sys/fs/cgroup && exec \"$@\"";

/// An image, unpacked to be run by a user.
#[derive(Debug)]
pub struct Container {
    bundle: PathBuf,
    user: u32,
    /// As umoci made it of the image's, and changed as a kubelet would.
    config: Value,
    crun: Peer,
    unshare: Peer,
}

impl Container {
    /// Unpacks an image of a layout in the scene; `None` if it could not be run.
    pub fn unpack(scene: &Scene, image: &str, user: u32) -> Option<Self> {
        let (umoci, crun) = (peer::find("umoci")?, peer::find("crun")?);
        let unshare = peer::find("unshare")?;
        if !is_root() {
            peer::note_skipped("not root: nothing can be run as another user");
            return None;
        }
        let bundle = scene.path(&format!("bundle-{user}"));
        let image = scene.path(image);
        umoci.run(["unpack", "--image", image.to_str().unwrap(), bundle.to_str().unwrap()]);
        let config = fs::read(bundle.join("config.json")).unwrap();
        let config = serde_json::from_slice(&config).unwrap();
        let mut container = Self { bundle, user, config, crun, unshare };
        fs::create_dir(container.volume()).unwrap();
        chown(container.volume(), Some(user), Some(user)).unwrap();
        container.configure();
        Some(container)
    }

    /// Returns the directory that is `/opt` while the container runs.
    pub fn volume(&self) -> PathBuf {
        self.bundle.join("volume")
    }

    fn configure(&mut self) {
        let volume = self.volume();
        let process = self.config["process"].as_object_mut().unwrap();
        process.insert("terminal".into(), json!(false));
        process.insert("user".into(), json!({ "uid": self.user, "gid": self.user }));
        process.insert("capabilities".into(), json!({}));
        // Not to be raised everywhere.
        process.remove("rlimits");
        let mounts = self.config["mounts"].as_array_mut().unwrap();
        mounts.retain(|mount| mount["type"] != "cgroup");
        let options = ["rbind", "rw"];
        mounts.push(json!({
            "destination": "/opt", "type": "bind", "source": volume, "options": options,
        }));
        fs::write(self.bundle.join("config.json"), self.config.to_string()).unwrap();
    }

    /// Runs the entrypoint.
    pub fn run(&self) -> Output {
        let output = self.by_crun();
        let program = Path::new(self.arguments()[0]).file_name().unwrap().to_str().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        // What the program itself says has its name in front.
        if output.status.success() || stderr.starts_with(&format!("{program}: ")) {
            return output;
        }
        let Some(chroot) = peer::find("chroot") else { return output };
        peer::note_skipped(&format!("crun cannot run here, chroot does: {stderr}"));
        self.by_chroot(&chroot)
    }

    fn by_crun(&self) -> Output {
        let mut command = self.unshare.command();
        command.args(["--mount", "sh", "-c", HIDE_GROUPS, "sh"]).arg(self.crun.path());
        command.arg("--cgroup-manager=disabled").arg("--root").arg(self.bundle.join("crun"));
        let name = format!("diskette-{}", self.user);
        command.args(["run", "--bundle"]).arg(&self.bundle).arg(name).output().unwrap()
    }

    fn by_chroot(&self, chroot: &Peer) -> Output {
        let (rootfs, user) = (self.bundle.join("rootfs"), self.user);
        let opt = rootfs.join("opt");
        if opt.exists() {
            fs::remove_dir_all(&opt).unwrap();
        }
        fs::rename(self.volume(), &opt).unwrap();
        let mut command = chroot.command();
        command.arg(format!("--userspec=+{user}:+{user}")).arg("--groups=").arg(rootfs);
        let output = command.args(self.arguments()).env("PATH", "/usr/bin:/bin").output().unwrap();
        fs::rename(&opt, self.volume()).unwrap();
        output
    }

    fn arguments(&self) -> Vec<&str> {
        let arguments = self.config["process"]["args"].as_array().unwrap();
        arguments.iter().map(|argument| argument.as_str().unwrap()).collect()
    }
}
